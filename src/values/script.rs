//! Questions about single characters and the alphabets they belong to. Only `name` asks them.
//!
//! The Unicode tables are those of ICU4X, which IDNA needs anyway.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory as Category, Script},
};

fn category(c: char) -> Category {
    CodePointMapData::<Category>::new().get(c)
}

/// Whether the character leaves a mark on the screen and stays where it is put: assigned, not a
/// control, format, direction or zero-width character, not a line break, not private.
pub(super) fn shows(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    !matches!(
        category(c),
        Category::Control
            | Category::Format
            | Category::Surrogate
            | Category::PrivateUse
            | Category::Unassigned
            | Category::LineSeparator
            | Category::ParagraphSeparator
    ) && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// The few invisible characters that running text needs: joiners of Persian, Indic scripts and
/// emoji, and the two selectors between text and emoji form.
pub(super) const fn shapes_text(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// A letter or a decimal digit of any script.
pub(super) fn is_letter_or_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    matches!(
        category(c),
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
            | Category::DecimalNumber
    )
}

/// A letter, a decimal digit or a mark that combines with a letter.
pub(super) fn is_word(c: char) -> bool {
    is_letter_or_digit(c) || matches!(category(c), Category::NonspacingMark | Category::SpacingMark)
}

/// Whether the letters are of one script, or of scripts that are written together.
///
/// This is the "highly restrictive" level of UTS 39 without script extensions: one script, or
/// Latin together with Chinese, Japanese or Korean writing. Digits and punctuation belong to all.
/// It stops `pаypal` with a Cyrillic `а`; a name wholly in look-alike letters of one script remains
/// possible, as in every system that admits more than one script.
pub(super) fn written_together(text: &str) -> bool {
    if text.is_ascii() {
        return true;
    }
    let map = CodePointMapData::<Script>::new();
    let mut scripts: Vec<Script> = text
        .chars()
        .map(|c| map.get(c))
        .filter(|script| !matches!(*script, Script::Common | Script::Inherited))
        .collect();
    scripts.sort_unstable();
    scripts.dedup();
    let only = |allowed: &[Script]| scripts.iter().all(|script| allowed.contains(script));
    scripts.len() <= 1
        || only(&[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana])
        || only(&[Script::Latin, Script::Han, Script::Bopomofo])
        || only(&[Script::Latin, Script::Han, Script::Hangul])
}
