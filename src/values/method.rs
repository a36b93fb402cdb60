//! Request methods: exact, case-sensitive words, unknown ones kept.

use std::{fmt, str::FromStr};

/// A request method (RFC 9110 section 9.1). Compared case-sensitively; `get` is not `GET`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// Any other token, kept as it came (`WebDAV`, `CalDAV` and whatever an application invents).
    Other(Box<str>),
}

/// The text is not a method: empty, longer than [`Method::MAX`], or not a token of RFC 9110 section 5.6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a request method")]
pub struct NotAMethod;

impl Method {
    /// Longest method we read, in bytes. The longest registered one has 18.
    pub const MAX: usize = 64;

    /// Reads a method.
    pub fn parse(text: &str) -> Result<Self, NotAMethod> {
        Ok(match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(is_token) => {
                return Err(NotAMethod);
            }
            _ => Self::Other(text.into()),
        })
    }

    /// The method as it stands in a request line.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other(text) => text,
        }
    }

    /// Whether a redirect may repeat it without replaying a form (VCH-13).
    pub const fn is_get_or_head(&self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// Token characters of RFC 9110 section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

impl FromStr for Method {
    type Err = NotAMethod;

    fn from_str(text: &str) -> Result<Self, NotAMethod> {
        Self::parse(text)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, NotAMethod};

    #[test]
    fn methods_are_exact_words() {
        assert_eq!(Method::parse("GET"), Ok(Method::Get));
        assert_ne!(Method::parse("get"), Ok(Method::Get));
        assert_eq!(Method::parse("PROPFIND").map(|m| m.to_string()).as_deref(), Ok("PROPFIND"));
        let long = "X".repeat(65);
        for bad in ["", "GET ", "GE T", "GET\r", "GÉT", "GET,POST", "G/T", long.as_str()] {
            assert_eq!(Method::parse(bad), Err(NotAMethod), "{bad:?}");
        }
    }
}
