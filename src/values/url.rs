//! Addresses that the configuration names, such as a listener's public address.

use std::{fmt, str::FromStr};

use super::host::{Host, Scheme};

/// An absolute `http` or `https` URL without user, query or fragment. Serialized as the URL
/// standard does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebUrl {
    url: url::Url,
    host: Host,
    scheme: Scheme,
}

/// Why a text is not a [`WebUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebUrlError {
    /// No URL, or a relative one.
    #[error("not an absolute URL")]
    NotAbsolute,
    /// Neither http nor https.
    #[error("the scheme is neither http nor https")]
    Scheme,
    /// A user name or password is in it.
    #[error("a user name or password does not belong here")]
    UserInfo,
    /// A `?` or `#` part is in it.
    #[error("a query or fragment does not belong here")]
    Extra,
    /// The host is missing or written in an unusual way.
    #[error("the host is missing or not usable")]
    Host,
    /// Control characters, spaces or backslashes, which browsers silently repair.
    #[error("holds a space, a control character or a backslash")]
    Character,
}

impl WebUrl {
    /// Reads an absolute URL.
    pub fn parse(text: &str) -> Result<Self, WebUrlError> {
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(WebUrlError::Character);
        }
        let url = url::Url::parse(text).map_err(|_| WebUrlError::NotAbsolute)?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(WebUrlError::Scheme),
        };
        // `https:host` and `https:///host` are repaired by the standard's parser; nobody means them.
        let after = text.get(scheme.as_str().len()..).and_then(|rest| rest.strip_prefix("://"));
        let authority =
            after.ok_or(WebUrlError::NotAbsolute)?.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(WebUrlError::NotAbsolute);
        }
        if authority.contains('@') {
            return Err(WebUrlError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(WebUrlError::Extra);
        }
        let (host, _) = Host::parse_with_port(authority).map_err(|_| WebUrlError::Host)?;
        let mut url = url;
        if url.host_str() != Some(host.as_str()) {
            url.set_host(Some(host.as_str())).map_err(|_| WebUrlError::Host)?;
        }
        Ok(Self { url, host, scheme })
    }

    /// The serialized URL.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// `https://host[:port]`, as browsers spell an origin.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's default when none was written.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(self.scheme.default_port())
    }

    /// The path, `/` at least.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// This address followed by a path of ours: `https://a/base` and `/login` give
    /// `https://a/base/login`. The path is appended as text, it cannot climb or change the host.
    #[must_use]
    pub fn join_path(&self, path: &str) -> String {
        let base = self.as_str().trim_end_matches('/');
        format!("{base}/{}", path.trim_start_matches('/'))
    }
}

impl FromStr for WebUrl {
    type Err = WebUrlError;

    fn from_str(text: &str) -> Result<Self, WebUrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebUrl({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::WebUrl;

    #[test]
    fn reads_public_addresses() {
        let url = WebUrl::parse("https://Auth.Example.com.:443/base/").expect("url");
        assert_eq!(url.as_str(), "https://auth.example.com/base/");
        assert_eq!(
            (url.origin().as_str(), url.port(), url.path()),
            ("https://auth.example.com", 443, "/base/")
        );
        assert_eq!(url.join_path("/login"), "https://auth.example.com/base/login");
        let local = WebUrl::parse("http://127.0.0.1:8080").expect("url");
        assert_eq!(local.origin(), "http://127.0.0.1:8080");
        assert_eq!(local.join_path("/login"), "http://127.0.0.1:8080/login");
    }

    #[test]
    fn refuses_what_browsers_would_repair() {
        for text in [
            "",
            "/",
            "auth.example.com",
            "ftp://a.example",
            "https:a.example",
            "https:///a.example",
            "https:/a",
            "https:\\\\a.example",
            "https://u@a.example",
            "https://@a.example",
            "https://a.example/?x",
            "https://a.example/#x",
            "https://a b.example",
            "https://a.example\t",
            " https://a.example",
            "https://127.1/",
            "javascript:alert(1)",
            "https://a.example:0x50/",
            "https://",
        ] {
            assert!(WebUrl::parse(text).is_err(), "{text:?}");
        }
    }
}
