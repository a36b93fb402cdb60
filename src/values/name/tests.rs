//! Names that are one name, and texts that are none.

use proptest::prelude::*;

use super::{DisplayName, GroupName, NameError, Username, canonical};

fn refused(text: &str) -> NameError {
    Username::parse(text).expect_err(text)
}

/// Proves: ENR-5
#[test]
fn spellings_of_one_name_meet() {
    for (one, other) in [
        ("Alice", "aLICE"),
        ("stra\u{df}e", "STRASSE"),
        ("\u{1e9e}", "ss"),
        ("\u{3bf}\u{3b4}\u{3cc}\u{3c2}", "\u{39f}\u{394}\u{38c}\u{3a3}"), // final sigma
        ("jos\u{e9}", "JOSE\u{301}"),
        ("\u{ff21}\u{ff42}", "ab"),    // full width
        ("\u{1d41a}nn", "ann"),        // mathematical bold a
        ("\u{fb01}sh", "FISH"),        // ligature
        ("\u{212a}elvin", "kelvin"),   // Kelvin sign
        ("\u{130}nci", "i\u{307}nci"), // dotted capital I
        ("\u{ab70}", "\u{13a0}"),      // Cherokee folds to capitals in Unicode
    ] {
        let (a, b) = (Username::parse(one).expect(one), Username::parse(other).expect(other));
        assert_eq!(a.canonical(), b.canonical(), "{one} and {other}");
        assert_eq!(a, b);
        assert_eq!(
            GroupName::parse(one).expect(one).canonical(),
            GroupName::parse(other).expect(other).canonical()
        );
    }
    assert_ne!(Username::parse("alice").unwrap(), Username::parse("alicia").unwrap());
}

#[test]
fn a_name_is_kept_as_typed_in_nfc() {
    let name = Username::parse("Jose\u{301} D'Arc-2").unwrap();
    assert_eq!(name.as_str(), "Jos\u{e9} D'Arc-2");
    assert_eq!(name.canonical(), "jos\u{e9} d'arc-2");
}

/// Proves: ENR-5
#[test]
fn what_cannot_be_a_name_is_refused_not_repaired() {
    assert_eq!(refused(""), NameError::Empty);
    assert_eq!(refused(" alice"), NameError::OuterSpace);
    assert_eq!(refused("alice\u{a0}"), NameError::OuterSpace);
    assert_eq!(refused("alice\n"), NameError::OuterSpace);
    assert_eq!(refused("al  ice"), NameError::DoubleSpace);
    for hidden in [
        "al\0ice",
        "al\r\nice",
        "al\u{7f}ice",
        "al\u{85}ice",
        "al\u{ad}ice",    // soft hyphen
        "al\u{200b}ice",  // zero-width space
        "al\u{200d}ice",  // joiner
        "al\u{202e}ice",  // right-to-left override
        "al\u{2066}ice",  // isolate
        "al\u{2028}ice",  // line separator
        "al\u{feff}ice",  // byte order mark
        "al\u{34f}ice",   // grapheme joiner, a mark by category
        "al\u{fe0f}ice",  // variation selector
        "\u{3164}",       // Hangul filler, a letter by category
        "al\u{e0061}ice", // tag
        "al\u{e000}ice",  // private use
        "al\u{378}ice",   // unassigned
        "al\u{10ffff}ice",
    ] {
        assert_eq!(refused(hidden), NameError::Invisible, "{hidden:?}");
    }
    for c in "@,:;/\\\"<>|&?#%*()[]{}=`^".chars() {
        assert_eq!(refused(&format!("al{c}ice")), NameError::Forbidden(c));
        assert_eq!(GroupName::parse(&format!("al{c}ice")), Err(NameError::Forbidden(c)));
    }
    for c in "\u{ff20}\u{ff0c}\u{3001}\u{2603}\u{1f600}\u{2160}\u{b2}\u{2100}".chars() {
        assert_eq!(refused(&format!("al{c}ice")), NameError::Forbidden(c));
    }
    assert_eq!(refused("-alice"), NameError::BadStart);
    assert_eq!(refused(".."), NameError::BadStart);
    assert_eq!(refused("\u{301}alice"), NameError::BadStart);
    assert_eq!(refused("__"), NameError::NoLetter);
    // A letter that unfolds into a space and a letter.
    assert_eq!(refused("\u{37a}"), NameError::OuterSpace);
}

/// Proves: ENR-5
#[test]
fn sixty_four_code_points_and_no_more() {
    assert!(Username::parse(&"a".repeat(64)).is_ok());
    assert_eq!(refused(&"a".repeat(65)), NameError::TooLong(64));
    assert!(Username::parse(&"\u{20000}".repeat(64)).is_ok());
    assert_eq!(refused(&"\u{20000}".repeat(65)), NameError::TooLong(64));
    // Thirty-three letters that fold to sixty-six.
    assert_eq!(refused(&"\u{df}".repeat(33)), NameError::TooLong(64));
    assert_eq!(refused(&"a".repeat(1 << 20)), NameError::TooLong(64));
}

/// Proves: ENR-5
#[test]
fn alphabets_that_look_alike_do_not_mix() {
    for mixed in [
        "p\u{430}ypal",     // Cyrillic a
        "\u{3b1}lice",      // Greek alpha
        "\u{b5}torrent",    // micro sign is Greek mu in disguise
        "\u{561}lice",      // Armenian
        "\u{13aa}bc",       // Cherokee
        "\u{6c34}\u{430}",  // Han and Cyrillic
        "\u{3042}\u{ac00}", // Hiragana and Hangul
    ] {
        assert_eq!(refused(mixed), NameError::MixedScripts, "{mixed:?}");
        assert_eq!(GroupName::parse(mixed), Err(NameError::MixedScripts));
    }
    for fine in [
        "\u{430}\u{43b}\u{438}\u{441}\u{430}-1",
        "\u{3b1}\u{3b2}.\u{3b3}",
        "\u{674e}lin",
        "\u{6771}\u{4eac}\u{30bf}\u{30ef}\u{30fc}\u{3042} tokyo",
        "\u{ae40} kim",
        "\u{5d0}\u{5d1}2",
        "\u{639}\u{644}\u{64a}\u{661}",
        "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}",
    ] {
        assert!(Username::parse(fine).is_ok(), "{fine:?}");
    }
}

#[test]
fn display_names_speak_every_language_on_one_line() {
    for fine in [
        "Ann",
        "Zo\u{eb} O'Neill, Jr. (Ops) <ops>",
        "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
        "\u{5c71}\u{7530}\u{3000}\u{592a}\u{90ce}",
        "Kim \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{2764}\u{fe0f}",
    ] {
        assert_eq!(DisplayName::parse(fine).expect(fine).as_str(), fine);
    }
    assert_eq!(DisplayName::parse(""), Err(NameError::Empty));
    assert_eq!(DisplayName::parse(" Ann"), Err(NameError::OuterSpace));
    assert_eq!(DisplayName::parse(&"a".repeat(129)), Err(NameError::TooLong(128)));
    for bad in [
        "a\rb",
        "a\nb",
        "a\0b",
        "a\u{1b}b",
        "a\u{2028}b",
        "a\u{202e}b",
        "a\u{2067}b",
        "a\u{feff}b",
        "\u{200d}",
    ] {
        assert_eq!(DisplayName::parse(bad), Err(NameError::Invisible), "{bad:?}");
    }
}

#[test]
fn names_survive_storage() {
    let name = Username::parse("Jos\u{e9}").unwrap();
    let bytes = minicbor::to_vec(&name).unwrap();
    let back: Username = minicbor::decode(&bytes).unwrap();
    assert_eq!((back.as_str(), back.canonical()), (name.as_str(), name.canonical()));
}

#[test]
fn every_code_point_folds_to_a_fixed_point_alike_in_both_cases() {
    // Ideographs and Hangul syllables have no case and fill the table; the private planes are empty.
    let dull = |c: &char| matches!(*c, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{17000}'..='\u{18fff}');
    for c in (0..0x1_fc00_u32).filter_map(char::from_u32).filter(|c| !dull(c)) {
        let form = canonical(&c.to_string());
        assert_eq!(canonical(&form), form, "{c:?}");
        let upper: String = c.to_uppercase().collect();
        let lower: String = c.to_lowercase().collect();
        assert_eq!(canonical(&upper), form, "{c:?} in capitals");
        assert_eq!(canonical(&lower), form, "{c:?} in small letters");
    }
}

proptest! {
    /// Proves: ENR-5
    #[test]
    fn canonical_forms_are_names_and_fixed(text in "\\PC{1,70}") {
        let form = canonical(&text);
        prop_assert_eq!(&canonical(&form), &form);
        if let Ok(name) = Username::parse(&text) {
            let again = Username::parse(name.canonical()).expect("a canonical form is a name");
            prop_assert_eq!(again.canonical(), name.canonical());
            prop_assert!(name.as_str().chars().count() <= 64);
            prop_assert!(!name.as_str().contains([',', '@', ':', '\r', '\n']));
        }
    }

    /// Proves: ENR-5
    #[test]
    fn case_and_normal_form_never_make_two_names(text in "[\\p{Latin}\\p{Greek}\\p{Cyrillic}0-9._-]{1,20}") {
        use unicode_normalization::UnicodeNormalization as _;
        let form = canonical(&text);
        prop_assert_eq!(&canonical(&text.to_uppercase()), &form);
        prop_assert_eq!(&canonical(&text.to_lowercase()), &form);
        prop_assert_eq!(&canonical(&text.nfd().collect::<String>()), &form);
        prop_assert_eq!(&canonical(&text.nfkd().collect::<String>()), &form);
    }

    #[test]
    fn no_input_panics(text in any::<String>()) {
        let _ = Username::parse(&text);
        let _ = GroupName::parse(&text);
        let _ = DisplayName::parse(&text);
    }
}
