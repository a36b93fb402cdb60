//! Paths in their canonical form, their readings, and what has none.

use proptest::prelude::*;

use super::{MAX_LENGTH, Path, PathError};

#[test]
fn an_ordinary_path_is_itself() {
    let path = Path::parse("/a/b.c/~d?x=/../y;z").expect("path");
    assert_eq!((path.raw(), path.canonical(), path.query()), ("/a/b.c/~d", "/a/b.c/~d", Some("x=/../y;z")));
    assert!(!path.differs());
    assert_eq!(path.readings().collect::<Vec<_>>(), ["/a/b.c/~d"]);
}

#[test]
fn no_path_means_the_root() {
    let text = |raw: &str| Path::parse(raw).map(|path| path.path_and_query().to_owned());
    assert_eq!(text("").as_deref(), Ok("/"));
    assert_eq!(text("?a").as_deref(), Ok("/?a"));
    assert_eq!(text("a"), Err(PathError::NotAbsolute));
}

#[test]
fn a_query_may_be_empty_and_may_not_hide_anything() {
    let query = |raw: &str| Path::parse(raw).map(|path| path.query().map(str::to_owned));
    assert_eq!(query("/a"), Ok(None));
    assert_eq!(query("/a?"), Ok(Some(String::new())));
    assert_eq!(query("/a?b?c"), Ok(Some("b?c".to_owned())));
    assert_eq!(query("/a?%zz%00\\"), Ok(Some("%zz%00\\".to_owned())), "the query is the application's own");
    assert_eq!(query("/a?b c"), Err(PathError::Control));
    assert_eq!(query("/a?b\n"), Err(PathError::Control));
    assert_eq!(query("/a?b#c"), Err(PathError::Fragment));
}

#[test]
fn length_and_number_of_readings_have_bounds() {
    let fits = format!("/{}", "a".repeat(MAX_LENGTH - 1));
    assert!(Path::parse(&fits).is_ok());
    assert_eq!(Path::parse(&format!("{fits}a")), Err(PathError::TooLong));
    assert_eq!(Path::parse(&format!("/{}", "%2525".repeat(400))).map(|_| ()), Ok(()));
    assert_eq!(Path::parse("/%25252561"), Err(PathError::Ambiguous));
    let wild = "/a;b/%2e%2e%252f/..;%253bx//%2f%252e/c%3fd%2523e/.%2e;x%2fy";
    assert!(matches!(Path::parse(wild), Err(PathError::Ambiguous)) || Path::parse(wild).is_ok());
}

/// Paths as attackers and ordinary clients spell them, mixed.
fn hostile_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z]{1,3}",
        3 => Just("/".to_owned()),
        1 => prop::sample::select(vec![
            ".", "..", "/", "//", "/.", "/..", ";", ";x", "%2e", "%2E", "%2f", "%2F", "%252f", "%252e", "%25", "%61",
            "%2561", "%7e", "%20", "%C3%A9", "%c3%a9", "é", "\"", "{", "|", "!", "%21", "%3b", "%3B", "%253b", "%3f",
            "%23", "%5c", "%255c", "%00", "%2500", "%", "%f", "%ff", "\\", "#", "~",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// Proves: URL-9
    #[test]
    fn the_canonical_form_is_canonical(raw in hostile_path()) {
        if let Ok(path) = Path::parse(&raw) {
            let again = Path::parse(path.canonical());
            prop_assert_eq!(again.as_ref().map(Path::canonical), Ok(path.canonical()));
            let stripped = Path::parse(path.without_parameters());
            prop_assert_eq!(stripped.as_ref().map(Path::without_parameters), Ok(path.without_parameters()));
        }
    }

    /// Proves: URL-9
    #[test]
    fn what_does_not_differ_is_canonical_already(raw in hostile_path()) {
        if let Ok(path) = Path::parse(&raw)
            && !path.differs()
        {
            prop_assert_eq!(path.canonical(), path.raw());
            for sign in ["//", "/./", "/../", "%25", "%2F", "%2f", "%3F", "%23", "%5C", "\\"] {
                prop_assert!(!path.raw().contains(sign), "{} in {}", sign, raw);
            }
        }
    }

    /// Proves: URL-9
    #[test]
    fn each_reading_is_read_the_same(raw in hostile_path()) {
        if let Ok(path) = Path::parse(&raw) {
            let all: Vec<&str> = path.readings().collect();
            prop_assert!(all.contains(&path.canonical()), "{:?}", all);
            prop_assert!(all.contains(&path.without_parameters()), "{:?}", all);
            for reading in &all {
                // A reading opens no reading that the whole did not have.
                // (`/50%25ab` is an honest name; that it could be unescaped twice does not refuse it.)
                let inner = match Path::parse(reading) {
                    Err(PathError::Utf8) => continue,
                    inner => inner.expect("a reading is a path"),
                };
                for reading in inner.readings() {
                    prop_assert!(all.contains(&reading), "{} from {} of {}", reading, inner.raw(), raw);
                }
            }
        }
    }

    #[test]
    fn the_quick_look_and_the_thorough_one_agree(raw in hostile_path()) {
        let quick = Path::parse(&raw);
        let odd = raw.contains(['#', '?', '\\']);
        if !odd && let Ok(path) = &quick {
            let thorough = super::readings::read(&raw).expect("the same verdict");
            let readings = thorough.map(|more| more.readings.to_vec());
            let known: Vec<Box<str>> = path.readings().map(Into::into).collect();
            prop_assert_eq!(readings.unwrap_or_else(|| vec![raw.as_str().into()]), known);
        }
    }

    #[test]
    fn no_text_panics(raw in "\\PC{0,60}") {
        let _ = Path::parse(&raw);
        let _ = Path::parse(&format!("/{raw}"));
        let _ = super::literal(&format!("/{raw}"));
    }
}
