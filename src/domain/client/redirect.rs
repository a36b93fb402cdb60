//! Redirect addresses: which may be registered, and when an asked one is a registered one (security.md OAU-1).
//!
//! The comparison is of letters. Nothing is decoded, folded or normalised on either side: every way of calling two different
//! texts the same address has been used to steal codes.

use super::ClientKind;

/// Longest redirect address, in bytes.
pub const LONGEST: usize = 1024;

/// Why an address cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// Empty, too long, or with characters that browsers repair.
    #[error("is not an absolute address, or holds characters that do not belong in one")]
    Grammar,
    /// A part behind `#`.
    #[error("has a fragment, which would swallow the answer")]
    Fragment,
    /// `user@`.
    #[error("names a user")]
    UserInfo,
    /// A `*`.
    #[error("holds a wildcard; addresses are compared letter by letter")]
    Wildcard,
    /// Not https, and not on this very machine.
    #[error("is not https; only http://127.0.0.1, http://[::1] and http://localhost may do without")]
    Insecure,
    /// A scheme of its own for a client that is no program on a device.
    #[error("has a scheme of its own, which only a public client may have, and which must contain a dot")]
    Scheme,
    /// Another spelling than browsers use.
    #[error("is not written as browsers write it")]
    NotCanonical,
}

/// Whether an address may be registered for a client of this kind.
pub fn check(uri: &str, kind: ClientKind) -> Result<(), RedirectError> {
    if uri.is_empty() || uri.len() > LONGEST || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RedirectError::Grammar);
    }
    if uri.contains(['\\', '"', '<', '>', '`', '{', '}', '|', '^', '\'', ';', ',']) {
        return Err(RedirectError::Grammar);
    }
    if uri.contains('#') {
        return Err(RedirectError::Fragment);
    }
    if uri.contains('*') {
        return Err(RedirectError::Wildcard);
    }
    let url = url::Url::parse(uri).map_err(|_| RedirectError::Grammar)?;
    match url.scheme() {
        "https" | "http" => {
            let authority = authority(uri).ok_or(RedirectError::Grammar)?;
            if authority.contains('@') {
                return Err(RedirectError::UserInfo);
            }
            let host = url.host_str().ok_or(RedirectError::Grammar)?;
            if url.scheme() == "http" && !matches!(host, "127.0.0.1" | "[::1]" | "localhost") {
                return Err(RedirectError::Insecure);
            }
            // Were it spelled otherwise than the browser does, the CSP source and the address shown would be about another
            // place. An empty path is the one usual difference.
            let bare = url.as_str() == format!("{uri}/") && uri.ends_with(authority);
            if url.as_str() != uri && !bare {
                return Err(RedirectError::NotCanonical);
            }
            Ok(())
        }
        // RFC 8252, section 7.1. Without the dot it could be a scheme that does something: javascript, data.
        scheme if kind == ClientKind::Public && scheme.contains('.') => {
            if uri.starts_with(scheme) {
                Ok(())
            } else {
                Err(RedirectError::NotCanonical)
            }
        }
        _ => Err(RedirectError::Scheme),
    }
}

/// Whether `asked` is the address registered as `registered`.
pub fn matches(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    // RFC 8252, section 7.3: a native program listens on whatever port is free.
    match (loopback(registered), loopback(asked)) {
        (Some(registered), Some(asked)) => registered == asked,
        _ => false,
    }
}

/// Whether nobody vouches that what receives the code is the registered client: another program on the same device may listen
/// there (security.md OAU-15).
pub fn is_unverified(uri: &str) -> bool {
    !uri.starts_with("https://")
}

/// What a `form-action` of the content policy must name so that a form may end there: an origin, or a scheme.
pub fn form_source(uri: &str) -> Option<String> {
    let (scheme, _) = uri.split_once(':')?;
    if matches!(scheme, "https" | "http") {
        return Some(format!("{scheme}://{}", authority(uri)?));
    }
    Some(format!("{scheme}:"))
}

/// The address with the parameters of an answer added to its query.
pub fn with_answer<'a>(uri: &str, answer: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let answer = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{answer}")
}

/// Between `://` and the path.
fn authority(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    rest.get(..end).filter(|authority| !authority.is_empty())
}

/// Host and remainder of a loopback literal, its port left out.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    for host in ["http://127.0.0.1", "http://[::1]"] {
        let Some(rest) = uri.strip_prefix(host) else { continue };
        let rest = match rest.strip_prefix(':') {
            None => rest,
            Some(rest) => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let (port, rest) = rest.split_at(end);
                if port.starts_with('0') || port.parse::<u16>().is_err() {
                    return None;
                }
                rest
            }
        };
        // Anything else behind the host would make it another host: 127.0.0.1.evil.example, 127.0.0.1@evil.example.
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest));
    }
    None
}
