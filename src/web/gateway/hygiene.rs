//! What an app gets to see of a request's headers. The order matters: first everything doubtful goes, then ours come.

use http::{HeaderMap, header};

use crate::web::{
    edge::{cookies::Jar, peer::SECRET_HEADER},
    vouch::identity::IdentityHeaders,
};

/// The headers for an app: without hop-by-hop fields and what `Connection` names, without our cookies and secrets, without
/// identity headers in any spelling (security.md HDR-7), and with ours as the gate gave them.
pub(super) fn for_app(
    sent: &HeaderMap,
    judged: &HeaderMap,
    identity: &IdentityHeaders,
    jar: &Jar,
) -> HeaderMap {
    let mut named = Vec::new();
    for line in sent.get_all(header::CONNECTION) {
        named.extend(line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii));
    }
    let mut headers = HeaderMap::with_capacity(sent.len() + 8);
    for (name, value) in sent {
        let text = name.as_str();
        let dropped = HOP_BY_HOP.contains(&text)
            || *name == SECRET_HEADER
            || identity.is_ours(text)
            || named.iter().any(|token| token.eq_ignore_ascii_case(text.as_bytes()));
        if dropped {
            continue;
        }
        if *name == header::COOKIE {
            if let Some(rest) = jar.without_ours(value.as_bytes()) {
                headers.append(name, rest);
            }
            continue;
        }
        headers.append(name, value.clone());
    }
    for name in identity.names() {
        if let Some(value) = judged.get(name) {
            headers.insert(name, value.clone());
        }
    }
    headers
}

/// RFC 9110 section 7.6.1, and what programs send beside it.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::for_app;
    use crate::web::{
        edge::cookies::{CookieSettings, Jar},
        vouch::identity::{HeaderText, IdentityHeaders, Preset},
    };

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    /// Proves: HDR-6, HDR-7
    #[test]
    fn an_app_sees_our_identity_headers_and_no_others() {
        let jar =
            Jar::new(CookieSettings { name: "auth".to_owned(), domain: None, secure: false, prefix: true });
        let identity = IdentityHeaders::new(Preset::Remote.headers(), HeaderText::Utf8);
        let sent = headers(&[
            ("remote-user", "root"),
            ("remote_user", "root"),
            ("x_auth_request_user", "root"),
            ("x-webauth-user", "root"),
            ("connection", "close, Remote-Groups, x-private"),
            ("x-private", "1"),
            ("cookie", "auth=secret; theme=dark"),
            ("x-vouch-secret", "s"),
            ("accept", "text/html"),
        ]);
        let judged = headers(&[("remote-user", "alice"), ("remote-groups", "staff")]);
        let seen = for_app(&sent, &judged, &identity, &jar);
        let expected = headers(&[
            ("remote-user", "alice"),
            ("remote-groups", "staff"),
            ("cookie", "theme=dark"),
            ("accept", "text/html"),
        ]);
        assert_eq!(seen, expected);
    }
}
