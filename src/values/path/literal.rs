//! Paths as the configuration writes them.

use super::{Path, readings};

/// Why a text cannot stand as a path in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    /// Does not begin with `/`.
    #[error("a path begins with a slash")]
    NotAbsolute,
    /// A query, fragment or parameter.
    #[error("rules see the path only: leave out `?`, `#` and `;` and what follows them")]
    Extra,
    /// An escape that stands for `/`, `%`, `\`, `?`, `#` or `;`, or a broken one.
    #[error("write the path as people read it, without escapes of / % \\ ? # or ;")]
    Escape,
    /// `//`, `/./`, `/../`.
    #[error("a path in a rule has no empty, `.` or `..` segments")]
    Segments,
    /// Control characters, a backslash, not UTF-8, too long.
    #[error("the path holds what no path may hold")]
    Malformed,
}

/// Brings a path of the configuration to the spelling that [`Path::readings`] use. Text may be written
/// plainly (`/menu/Crème brûlée`) or escaped; either way the result has one reading only.
pub fn literal(text: &str) -> Result<String, LiteralError> {
    if !text.starts_with('/') {
        return Err(LiteralError::NotAbsolute);
    }
    if text.contains(['?', '#', ';']) {
        return Err(LiteralError::Extra);
    }
    let decoded = readings::decode(text.as_bytes());
    let syntax = |bytes: &[u8]| bytes.iter().filter(|byte| matches!(byte, b'/' | b'?' | b'#' | b';')).count();
    if decoded.contains(&b'%') || syntax(&decoded) != syntax(text.as_bytes()) {
        return Err(LiteralError::Escape);
    }
    let spelled = readings::spell(&decoded);
    let path = Path::parse(&spelled).map_err(|_| LiteralError::Malformed)?;
    if path.differs() || path.readings().nth(1).is_some() {
        return Err(LiteralError::Segments);
    }
    Ok(spelled)
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_rule_path_has_one_reading() {
        for (text, want) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a b", "/a%20b"),
            ("/a%20b", "/a%20b"),
            ("/%61", "/a"),
            ("/a%21", "/a!"),
            ("/é", "/%C3%A9"),
            ("/%c3%a9", "/%C3%A9"),
            ("/a/", "/a/"),
        ] {
            assert_eq!(literal(text).as_deref(), Ok(want));
        }
        for text in [
            "",
            "a",
            "*",
            "/a?b",
            "/a#b",
            "/a;b",
            "/a%3bb",
            "/a%2fb",
            "/a%25",
            "/a%",
            "/a%3f",
            "/a//b",
            "/./a",
            "/a/..",
            "/%2e%2e/a",
            "/a\\b",
            "/a%5cb",
            "/a\nb",
            "/%00",
            "/%ff",
        ] {
            assert!(literal(text).is_err(), "{text}");
        }
    }
}
