//! Is this request a person's browser opening a page? Only then does a redirect to the login page make sense
//! (forward-auth.md section 12.1; decided by what the request says it is, never by `User-Agent`).

use http::{HeaderMap, HeaderName, header};

/// Whether the answer will be shown as a page of its own. `get_like` says that the original method is GET or HEAD.
pub fn is_navigation(headers: &HeaderMap, get_like: bool, websocket: bool) -> bool {
    let stated = match headers.get(FETCH_MODE) {
        // A frame gets a page with a link instead: the portal refuses to be framed.
        Some(mode) => mode == "navigate" && headers.get(FETCH_DEST).is_none_or(|dest| dest == "document"),
        None => {
            get_like
                && accepts(headers, b"text/html")
                && !text(headers, REQUESTED_WITH).eq_ignore_ascii_case(b"XMLHttpRequest")
        }
    };
    // Programs are told apart by the first of these; the rest is for those that claim to open a page.
    stated
        && !websocket
        && !is_websocket(headers)
        && !starts_with(text(headers, header::CONTENT_TYPE), b"application/grpc")
        && !contains(text(headers, header::ACCEPT), b"text/event-stream")
}

fn text(headers: &HeaderMap, name: HeaderName) -> &[u8] {
    headers.get(name).map_or(b"".as_slice(), |value| value.as_bytes())
}

const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
const SOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");

/// Whether this is a WebSocket handshake.
pub fn is_websocket(headers: &HeaderMap) -> bool {
    headers.contains_key(SOCKET_KEY)
        || headers
            .get(header::UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether `Accept` names this type with a weight above zero. Wildcards do not count: every program sends them.
pub fn accepts(headers: &HeaderMap, kind: &[u8]) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|line| {
        line.as_bytes().split(|byte| *byte == b',').any(|entry| {
            let mut parts = entry.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case(kind)) && !parts.any(is_zero_weight)
        })
    })
}

fn is_zero_weight(parameter: &[u8]) -> bool {
    let Some(value) = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q=")) else {
        return false;
    };
    !value.is_empty() && value.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window.eq_ignore_ascii_case(what))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::is_navigation;

    type Case<'c> = (&'c [(&'static str, &'static str)], bool, bool);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    /// Proves: VCH-12, VCH-17
    #[test]
    fn every_branch_of_the_table() {
        let html = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        let cases: &[Case<'_>] = &[
            (&[html], true, true),
            (&[html], false, false),
            (&[("accept", "*/*")], true, false),
            (&[("accept", "text/html;q=0")], true, false),
            (&[("accept", "application/json")], true, false),
            (&[], true, false),
            (&[html, ("user-agent", "Mozilla/5.0")], true, true),
            (&[("user-agent", "Mozilla/5.0")], true, false),
            (&[html, ("sec-websocket-key", "x")], true, false),
            (&[html, ("upgrade", "WebSocket")], true, false),
            (&[html, ("content-type", "application/grpc+proto")], true, false),
            (&[("accept", "text/event-stream, text/html")], true, false),
            (&[html, ("x-requested-with", "XMLHttpRequest")], true, false),
            (&[html, ("sec-fetch-mode", "cors")], true, false),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], false, true),
            (&[html, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], true, false),
            (&[("sec-fetch-mode", "navigate")], true, true),
        ];
        for (pairs, get_like, expected) in cases {
            assert_eq!(is_navigation(&headers(pairs), *get_like, false), *expected, "{pairs:?} {get_like}");
            assert!(!is_navigation(&headers(pairs), *get_like, true));
        }
    }
}
