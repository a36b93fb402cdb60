//! The path of a guarded request, in every form a server behind us might read it.
//!
//! Two servers seldom agree on what `/a/..%2fb;c//d` names. A rule judged on one reading and served
//! on another is the most repeated hole of this field (CVE-2020-24660, CVE-2026-33494, CVE-2026-40912 …).
//! So a path that has only one reading is recognized in one pass and costs nothing more; any other
//! carries all its readings ([`Path::readings`]), and the rules take the strictest verdict over them.

mod literal;
mod readings;

pub use literal::{LiteralError, literal};
pub(crate) use readings::is_kept_escape;

/// Longest path and query together, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;

/// Why a path is refused outright. These are never served by an honest client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Does not begin with `/`.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// Longer than [`MAX_LENGTH`].
    #[error("the path and query are longer than 8192 bytes")]
    TooLong,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a percent sign that begins no valid escape")]
    Percent,
    /// A control character or space, plain or escaped (also escaped twice); `%00` is one.
    #[error("the path or query holds a control character or a space, or the path one in escaped form")]
    Control,
    /// `\`, plain or escaped (also escaped twice).
    #[error("the path holds a backslash, plain or escaped")]
    Backslash,
    /// Unescaped, it is not UTF-8.
    #[error("the unescaped path is not UTF-8")]
    Utf8,
    /// A plain `#`: clients cut fragments off before they send.
    #[error("the request target holds a fragment")]
    Fragment,
    /// Escaped more than three times over, or readable in more ways than we judge.
    #[error("the path can be read in too many ways")]
    Ambiguous,
}

/// A request path with its query kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Path and query as sent.
    text: Box<str>,
    /// Where the path ends in `text`.
    end: usize,
    /// Present only when there is more to say than `raw`.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct More {
    canonical: Box<str>,
    stripped: Box<str>,
    differs: bool,
    readings: Box<[Box<str>]>,
}

impl Path {
    /// Reads path and query as they stand in a request line; an empty path before a query or at the
    /// end means `/`.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_LENGTH {
            return Err(PathError::TooLong);
        }
        if text.is_empty() || text.starts_with('?') {
            return Self::read(format!("/{text}").into());
        }
        Self::read(text.into())
    }

    fn read(text: Box<str>) -> Result<Self, PathError> {
        let (end, look) = scan(text.as_bytes())?;
        let raw = text.get(..end).unwrap_or("/");
        let more = match look {
            Look::Plain => None,
            Look::Escaped if readings::only_plain_escapes(raw)? => None,
            Look::Escaped | Look::Odd => readings::read(raw)?,
        };
        Ok(Self { text, end, more: more.map(Box::new) })
    }

    /// The path as sent, without the query.
    pub fn raw(&self) -> &str {
        self.text.get(..self.end).unwrap_or("/")
    }

    /// The canonical form: escapes of unreserved characters undone once, escapes in upper case,
    /// what a browser would escape escaped, dot segments removed, runs of slashes collapsed. `%2F`
    /// and all other escapes stay. Idempotent.
    pub fn canonical(&self) -> &str {
        self.more.as_ref().map_or_else(|| self.raw(), |more| &more.canonical)
    }

    /// The canonical form with `;parameters` removed from every segment.
    pub fn without_parameters(&self) -> &str {
        self.more.as_ref().map_or_else(|| self.raw(), |more| &more.stripped)
    }

    /// Whether servers may disagree on what this names: raw and canonical are not the same text, or an
    /// escaped `/`, `%`, `?` or `#` is in it, or a segment that is nothing but parameters or dots with
    /// parameters. No rule that opens a path to everybody applies then.
    pub fn differs(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.differs)
    }

    /// All readings, each once, in canonical spelling (upper-case escapes), the one nearest to what was
    /// sent first. One only, for a path as ordinary clients send it.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        let (one, many): (Option<&str>, &[Box<str>]) = match &self.more {
            None => (Some(self.raw()), &[]),
            Some(more) => (None, &more.readings),
        };
        one.into_iter().chain(many.iter().map(AsRef::as_ref))
    }

    /// The query as sent, without `?`. Only return addresses carry it; rules never see it (VCH-10).
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.end + 1..)
    }

    /// Path and query as sent.
    pub fn path_and_query(&self) -> &str {
        &self.text
    }
}

/// What one pass over a path sees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    /// One reading, spelled canonically.
    Plain,
    /// The same but for escapes, which need a closer look.
    Escaped,
    /// Anything that some server might read differently.
    Odd,
}

/// One pass over path and query: where the path ends, and how it looks.
fn scan(text: &[u8]) -> Result<(usize, Look), PathError> {
    if text.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    let mut look = Look::Plain;
    let mut end = text.len();
    let mut before = 0;
    for (at, &byte) in text.iter().enumerate() {
        let seen = match byte {
            0..=b' ' | 0x7f => return Err(PathError::Control),
            b'#' => return Err(PathError::Fragment),
            b'\\' => return Err(PathError::Backslash),
            b'?' => {
                end = at;
                break;
            }
            b'/' if before == b'/' => Look::Odd,
            // A dot that may begin a dot segment; `/.well-known` is none.
            b'.' if before == b'/' && matches!(text.get(at + 1), None | Some(b'/' | b'.' | b'?' | b'%')) => {
                Look::Odd
            }
            b';' | 0x80.. | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}' => Look::Odd,
            b'%' => Look::Escaped,
            _ => Look::Plain,
        };
        look = look.max(seen);
        before = byte;
    }
    for &byte in text.get(end..).unwrap_or_default() {
        match byte {
            0..=b' ' | 0x7f => return Err(PathError::Control),
            b'#' => return Err(PathError::Fragment),
            _ => {}
        }
    }
    Ok((end, look))
}

#[cfg(test)]
mod tests;
