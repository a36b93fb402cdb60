//! What a guarded request asks for: scheme, host, port, path and method, in canonical form.

use super::{
    host::{Host, HostError, Scheme},
    method::{Method, NotAMethod},
    path::{MAX_LENGTH, Path, PathError},
};

/// The original request as a proxy described it, checked. Decisions read nothing else (VCH-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `http` or `https`; `ws` and `wss` became these.
    pub scheme: Scheme,
    /// Canonical host.
    pub host: Host,
    /// The port asked for; the scheme's default when none was written.
    pub port: u16,
    /// The path with its readings, and the query.
    pub path: Path,
    /// The method.
    pub method: Method,
    /// Whether the scheme said that this is a WebSocket handshake (Traefik does).
    pub websocket: bool,
}

/// Why a described request is not one. All of these are refusals, never a fall-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The method.
    #[error("the original method is not a request method")]
    Method,
    /// The scheme is none of http, https, ws, wss, or is a list.
    #[error("the original scheme is not http, https, ws or wss")]
    Scheme,
    /// The URL is not of the form `scheme://host/path`.
    #[error("the original URL is not absolute")]
    NotAbsolute,
    /// Longer than 8 KiB.
    #[error("the original URL is longer than 8192 bytes")]
    TooLong,
    /// `user@` before the host.
    #[error("the original URL names a user")]
    UserInfo,
    /// The host or port.
    #[error("the original host is not usable: {0}")]
    Host(HostError),
    /// The path or query.
    #[error("the original path is not usable: {0}")]
    Path(PathError),
    /// Path given as a whole URL that names another host than the host header does.
    #[error("the original path names another host than the host header")]
    Contradiction,
}

impl Target {
    /// From a method and an absolute URL: nginx's `X-Original-Method` and `X-Original-URL`.
    pub fn parse_url(method: &str, url: &str) -> Result<Self, TargetError> {
        if url.len() > MAX_LENGTH {
            return Err(TargetError::TooLong);
        }
        let (scheme, rest) = url.split_once("://").ok_or(TargetError::NotAbsolute)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        Self::build(method, scheme, authority, path)
    }

    /// From method, scheme, `host[:port]` and path with query: the `X-Forwarded-*` set of Traefik,
    /// Caddy and HAProxy, or a request line with its `Host`.
    ///
    /// A `uri` in absolute form (RFC 9112 section 3.2.2) must name the same scheme, host and port.
    pub fn from_parts(method: &str, proto: &str, host: &str, uri: &str) -> Result<Self, TargetError> {
        if uri.len() > MAX_LENGTH {
            return Err(TargetError::TooLong);
        }
        if uri.starts_with('/') {
            return Self::build(method, proto, host, uri);
        }
        let target = Self::parse_url(method, uri)?;
        let named = Self::build(method, proto, host, "/")?;
        if (target.scheme, &target.host, target.port) == (named.scheme, &named.host, named.port) {
            Ok(Self { websocket: named.websocket, ..target })
        } else {
            Err(TargetError::Contradiction)
        }
    }

    fn build(method: &str, scheme: &str, authority: &str, path: &str) -> Result<Self, TargetError> {
        let (scheme, websocket) = Scheme::parse(scheme).ok_or(TargetError::Scheme)?;
        if authority.contains('@') {
            return Err(TargetError::UserInfo);
        }
        let (host, port) = Host::parse_with_port(authority)?;
        Ok(Self {
            scheme,
            host,
            port: port.unwrap_or(scheme.default_port()),
            path: Path::parse(path)?,
            method: Method::parse(method)?,
            websocket,
        })
    }

    /// The absolute URL for a return address: canonical host, default port left out, path and query
    /// as sent.
    pub fn url(&self) -> String {
        let rest = self.path.path_and_query();
        let mut url = String::with_capacity(16 + self.host.as_str().len() + rest.len());
        self.write_origin(&mut url);
        url.push_str(rest);
        url
    }

    /// `scheme://host[:port]`.
    pub fn origin(&self) -> String {
        let mut origin = String::with_capacity(16 + self.host.as_str().len());
        self.write_origin(&mut origin);
        origin
    }

    fn write_origin(&self, out: &mut String) {
        out.push_str(self.scheme.as_str());
        out.push_str("://");
        out.push_str(self.host.as_str());
        if self.port != self.scheme.default_port() {
            out.push(':');
            out.push_str(&self.port.to_string());
        }
    }
}

impl From<NotAMethod> for TargetError {
    fn from(_: NotAMethod) -> Self {
        Self::Method
    }
}

impl From<HostError> for TargetError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<PathError> for TargetError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, Scheme, Target, TargetError};

    #[test]
    fn reads_what_nginx_sends() {
        let target = Target::parse_url("POST", "https://APP.example.com:443/a?b=c").expect("target");
        assert_eq!((target.scheme, target.port, target.method.clone()), (Scheme::Https, 443, Method::Post));
        assert_eq!(target.url(), "https://app.example.com/a?b=c");
        assert!(!target.websocket);
        let bare = Target::parse_url("GET", "http://[::1]:8080?x").expect("target");
        assert_eq!(bare.url(), "http://[::1]:8080/?x");
    }

    #[test]
    fn reads_what_traefik_sends() {
        let target = Target::from_parts("GET", "wss", "app.example.com", "/live?x=1").expect("target");
        assert_eq!((target.scheme, target.port, target.websocket), (Scheme::Https, 443, true));
        assert_eq!(target.url(), "https://app.example.com/live?x=1");
        let plain = Target::from_parts("GET", "ws", "app.example.com:81", "/").expect("target");
        assert_eq!((plain.scheme, plain.port, plain.websocket), (Scheme::Http, 81, true));
    }

    /// Proves: VCH-9, VCH-11
    #[test]
    fn spellings_of_one_place_are_one_target() {
        let one = Target::from_parts("GET", "https", "app.example.com", "/").expect("target");
        for (proto, host) in [
            ("HTTPS", "app.example.com"),
            ("https", "APP.example.com."),
            ("https", "app.example.com:443"),
            ("https", "app.example.com.:443"),
        ] {
            assert_eq!(Target::from_parts("GET", proto, host, "/").as_ref(), Ok(&one));
        }
        let whole = Target::from_parts("GET", "https", "app.example.com", "https://APP.example.com/");
        assert_eq!(whole.as_ref(), Ok(&one));
    }

    /// Proves: VCH-1, HDR-3
    #[test]
    fn what_cannot_be_read_is_refused() {
        let long = format!("https://a.example/{}", "a".repeat(8192));
        for url in [
            "",
            "/",
            "a.example/",
            "//a.example/",
            "https:/a.example/",
            "https:a.example",
            "ftp://a.example/",
            "javascript://a.example/%0aalert(1)",
            "https, http://a.example/",
            "https://",
            "https:///a",
            "https://u@a.example/",
            "https://u:p@a.example/",
            "https://a.example:/",
            "https://a.example:99999/",
            "https://a.example/#x",
            "https://a.example#x",
            "https://a.example/a b",
            "https://a.example/\u{1}",
            "https://a.example\\@b.example/",
            "https://a.example,b.example/",
            "https://a.example /",
            " https://a.example/",
            "https://a.example/?a\r\nb",
            "https://a.example/%",
            "https://127.1/",
            "https://a%2eexample/",
            long.as_str(),
        ] {
            assert!(Target::parse_url("GET", url).is_err(), "{url}");
        }
        for (proto, host, uri) in [
            ("https,http", "a.example", "/"),
            ("https", "a.example, b.example", "/"),
            ("https", "", "/"),
            ("", "a.example", "/"),
            ("https", "a.example", ""),
            ("https", "a.example", "*"),
            ("https", "a.example", "a"),
            ("https", "a.example/x", "/"),
            ("https", "a.example", "https://b.example/"),
            ("https", "a.example", "http://a.example/"),
        ] {
            assert!(Target::from_parts("GET", proto, host, uri).is_err(), "{proto} {host} {uri}");
        }
        assert_eq!(Target::from_parts("G T", "https", "a.example", "/"), Err(TargetError::Method));
    }
}
