//! All the ways a server might read a path: the slow half of [`super::Path`].
//!
//! A reading is spelled as a URL path: upper-case escapes, and everything escaped that a browser
//! escapes. Starting from what was sent, each step a server might take (undo escapes, undo harmless
//! escapes only, merge slashes, remove dot segments, drop `;parameters`, cut at a decoded `?` or `#`)
//! is applied to every reading until nothing new appears. So every order and combination is covered.

use super::{More, PathError};

/// How many times over a path may be escaped.
const MAX_DEPTH: u8 = 3;

/// How many readings we are ready to judge. Ordinary odd paths have two to six.
const MAX_READINGS: usize = 48;

/// How many bytes all readings together may have: a long path may have few, a short one many.
const MAX_SIZE: usize = 64 * 1024;

/// Works out the readings of `raw`, which begins with `/` and holds no control character, space,
/// `#`, `?` or backslash. `None` when there is but one and it is what was sent.
pub(super) fn read(raw: &str) -> Result<Option<More>, PathError> {
    check(raw.as_bytes())?;
    let first = spell(raw.as_bytes());
    let canonical = canonical(&first);
    let stripped = canonical_of_stripped(&canonical);
    let readings = closure(first)?;
    let flagged = readings.iter().any(|reading| holds_escaped_syntax(reading) || bare_parameters(reading));
    let differs = canonical != raw || flagged;
    if readings.len() == 1 && !differs {
        return Ok(None);
    }
    Ok(Some(More {
        canonical: canonical.into(),
        stripped: stripped.into(),
        differs,
        readings: readings.into_iter().map(String::into_boxed_str).collect(),
    }))
}

/// Whether all escapes are such that nobody undoes them into something else, so that the path, which holds
/// nothing else of note, has one reading. Spaces and letters beyond ASCII come this way.
pub(super) fn only_plain_escapes(raw: &str) -> Result<bool, PathError> {
    check(raw.as_bytes())?;
    Ok(raw.match_indices('%').all(|(at, _)| raw.get(at..at + 3).is_some_and(is_kept_escape)))
}

/// Refuses malformed escapes and, unescaped once, controls, backslashes and what is not UTF-8.
fn check(raw: &[u8]) -> Result<(), PathError> {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        rest = rest.get(at..).unwrap_or_default();
        escape(rest).ok_or(PathError::Percent)?;
        rest = rest.get(3..).unwrap_or_default();
    }
    let decoded = String::from_utf8(decode(raw)).map_err(|_| PathError::Utf8)?;
    if decoded.chars().any(char::is_control) {
        Err(PathError::Control)
    } else if decoded.contains('\\') {
        Err(PathError::Backslash)
    } else {
        Ok(())
    }
}

/// Every reading reachable from `first`, which stays in front.
fn closure(first: String) -> Result<Vec<String>, PathError> {
    let mut size = first.len();
    let mut found = vec![(first, 0_u8)];
    let mut next = 0;
    while let Some((reading, depth)) = found.get(next) {
        next += 1;
        let depth = *depth;
        let decoded = undo_escapes(reading);
        if let Some(decoded) = &decoded {
            check_deep(decoded)?;
            if depth >= MAX_DEPTH {
                return Err(PathError::Ambiguous);
            }
        }
        let steps = [
            (decoded, depth + 1),
            (unreserved(reading), depth),
            (merge_slashes(reading), depth),
            (remove_dots(reading), depth),
            (strip_parameters(reading), depth),
            (cut(reading), depth),
        ];
        for (step, depth) in steps {
            let Some(step) = step.filter(|step| !found.iter().any(|(known, _)| known == step)) else {
                continue;
            };
            size += step.len();
            if found.len() >= MAX_READINGS || size > MAX_SIZE {
                return Err(PathError::Ambiguous);
            }
            found.push((step, depth));
        }
    }
    Ok(found.into_iter().map(|(reading, _)| reading).collect())
}

/// What escaping twice must not hide.
fn check_deep(spelled: &str) -> Result<(), PathError> {
    let bytes = spelled.as_bytes();
    for at in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').map(|(at, _)| at) {
        match bytes.get(at..).and_then(escape) {
            Some(0..=0x1f | 0x7f) => return Err(PathError::Control),
            Some(b'\\') => return Err(PathError::Backslash),
            _ => {}
        }
    }
    Ok(())
}

/// `%2F`, `%25`, `%3F` or `%23` in it: one server's data is another's syntax.
fn holds_escaped_syntax(spelled: &str) -> bool {
    ["%2F", "%25", "%3F", "%23"].iter().any(|mark| spelled.contains(mark))
}

/// A segment that without its parameters is empty or a dot segment: `/..;/`, `/;x/`.
fn bare_parameters(spelled: &str) -> bool {
    spelled
        .split('/')
        .any(|segment| segment.split_once(';').is_some_and(|(name, _)| matches!(name, "" | "." | "..")))
}

/// The canonical form of a spelled path.
fn canonical(spelled: &str) -> String {
    apply(spelled, &[unreserved, remove_dots, merge_slashes])
}

fn canonical_of_stripped(canonical: &str) -> String {
    apply(canonical, &[strip_parameters, remove_dots, merge_slashes])
}

/// What a server might do to a spelled path; `None` when there is nothing to do.
type Step = fn(&str) -> Option<String>;

fn apply(path: &str, steps: &[Step]) -> String {
    steps.iter().fold(path.to_owned(), |path, step| step(&path).unwrap_or(path))
}

/// Characters that stand for themselves in a path as browsers send it: printable ASCII without
/// the path percent-encode set of the URL standard, and without `%` and `\`.
const fn is_literal(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
        && !matches!(byte, b'"' | b'#' | b'%' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{' | b'}')
}

/// Unreserved characters of RFC 3986 section 2.3: escaped or not, they mean the same to everyone.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The byte that an escape at the start of `text` stands for.
fn escape(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Whether a text is an escape that stands in readings: upper case, for a byte that browsers escape
/// and that is no syntax to anyone.
pub(crate) fn is_kept_escape(text: &str) -> bool {
    let Some(byte) = escape(text.as_bytes()) else { return false };
    text.len() == 3
        && !text.bytes().any(|byte| byte.is_ascii_lowercase())
        && !is_literal(byte)
        && !matches!(byte, b'%' | b'?' | b'#' | b'\\' | 0..=0x1f | 0x7f)
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push('%');
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

/// Spells a path: escapes are kept, in upper case; what is not literal becomes an escape.
pub(super) fn spell(path: &[u8]) -> String {
    rewrite(path, push_escape)
}

/// Undoes all escapes once, and spells the result.
fn undo_escapes(spelled: &str) -> Option<String> {
    spelled.contains('%').then(|| spell(&decode(spelled.as_bytes()))).filter(|decoded| decoded != spelled)
}

/// Undoes escapes of unreserved characters.
fn unreserved(spelled: &str) -> Option<String> {
    if !spelled.contains('%') {
        return None;
    }
    let undone = rewrite(spelled.as_bytes(), |out, byte| {
        if is_unreserved(byte) { out.push(char::from(byte)) } else { push_escape(out, byte) }
    });
    Some(undone).filter(|undone| undone != spelled)
}

fn rewrite(path: &[u8], mut escaped: impl FnMut(&mut String, u8)) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(byte) = escape(rest) {
            escaped(&mut out, byte);
            rest = rest.get(3..).unwrap_or_default();
            continue;
        }
        if is_literal(byte) {
            out.push(char::from(byte));
        } else {
            push_escape(&mut out, byte);
        }
        rest = tail;
    }
    out
}

/// Undoes all escapes once; a `%` that begins none stays.
pub(super) fn decode(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(escaped) = escape(rest) {
            out.push(escaped);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    out
}

fn merge_slashes(path: &str) -> Option<String> {
    if !path.contains("//") {
        return None;
    }
    let mut out = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !out.ends_with('/') {
            out.push(character);
        }
    }
    Some(out)
}

/// RFC 3986 section 5.2.4; climbing above the root stays at the root.
fn remove_dots(path: &str) -> Option<String> {
    if !path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    Some(out)
}

fn strip_parameters(path: &str) -> Option<String> {
    if !path.contains(';') {
        return None;
    }
    let mut out = String::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        out.push_str(segment.split_once(';').map_or(segment, |(name, _)| name));
    }
    Some(out)
}

/// A server that undoes escapes before it looks for the query ends the path at the first `?` or `#`.
fn cut(spelled: &str) -> Option<String> {
    let end = [spelled.find("%3F"), spelled.find("%23")].into_iter().flatten().min()?;
    spelled.get(..end).map(str::to_owned)
}
