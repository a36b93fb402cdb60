//! Schemes, hosts in their one canonical form, and the patterns that name hosts in the configuration.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The scheme of a guarded request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Reads `http`, `https` and, because Traefik says so on handshakes, `ws` and `wss`. The flag is
    /// true for the latter two. Case is ignored (RFC 3986 section 3.1); lists are not schemes.
    pub const fn parse(text: &str) -> Option<(Self, bool)> {
        if text.eq_ignore_ascii_case("https") {
            Some((Self::Https, false))
        } else if text.eq_ignore_ascii_case("http") {
            Some((Self::Http, false))
        } else if text.eq_ignore_ascii_case("wss") {
            Some((Self::Https, true))
        } else if text.eq_ignore_ascii_case("ws") {
            Some((Self::Http, true))
        } else {
            None
        }
    }

    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A host in canonical form: lower-case, without trailing dot, IDNA in its ASCII form, IPv4 as four
/// decimal numbers, IPv6 in brackets as the URL standard writes it. Two equal hosts are the same
/// host, and no other spelling of it exists (VCH-11).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Box<str>);

/// Why a text is not a host, a port, or a pattern for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing there.
    #[error("the host is empty")]
    Empty,
    /// A space, control character, or one of `/ \ ? # @ , %` and the like.
    #[error("the host contains a character that no host may contain")]
    Character,
    /// Longer than 253 bytes, or a label that is empty or longer than 63.
    #[error("a label of the host is empty or too long")]
    Length,
    /// IDNA refuses it.
    #[error("the host is not a valid internationalized name")]
    Idna,
    /// Ends in a number but is not four plain decimal numbers, or brackets around no IPv6 address.
    #[error("the host looks like an address but is none, or is written in an unusual way")]
    Address,
    /// Not a number from 1 to 65535 in plain decimal.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// A `*` elsewhere than as the whole first label, or before an address.
    #[error("a wildcard may only be the whole first label, as in *.example.com")]
    Wildcard,
}

impl Host {
    /// Reads a host without port.
    ///
    /// Numbers in other notations (`0x7f.1`, `127.1`, `2130706433`) are refused, not converted:
    /// nobody writes their own application's address so, but attackers do.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(HostError::Address)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| HostError::Address)?;
            return Ok(Self::from(IpAddr::V6(address)));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(if text.is_empty() { HostError::Empty } else { HostError::Length });
        }
        match shape(name.as_bytes())? {
            Shape::Plain { lower: true } => Ok(Self(name.into())),
            Shape::Plain { lower: false } => Ok(Self(name.to_ascii_lowercase().into())),
            Shape::Number => {
                let address: Ipv4Addr = name.parse().map_err(|_| HostError::Address)?;
                Ok(Self(address.to_string().into()))
            }
            Shape::International => Self::international(name),
        }
    }

    /// Reads `host` or `host:port`, as in a `Host` header.
    pub fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), HostError> {
        let (host, port) = split_port(text)?;
        let port = port.map(parse_port).transpose()?;
        Ok((Self::parse(host)?, port))
    }

    /// The canonical text; an IPv6 address stands in brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an address and not a name.
    pub fn is_address(&self) -> bool {
        self.0.starts_with('[')
            || self.0.bytes().next_back().is_some_and(|last| last.is_ascii_digit()) && {
                self.0.parse::<Ipv4Addr>().is_ok()
            }
    }

    /// The one place that meets IDNA. The result is checked again as plain ASCII, so that mapping
    /// (full-width digits and dots) cannot smuggle in what plain text could not.
    fn international(name: &str) -> Result<Self, HostError> {
        let Ok(url::Host::Domain(mapped)) = url::Host::parse(name) else {
            return Err(HostError::Idna);
        };
        match shape(mapped.as_bytes())? {
            Shape::Plain { lower: true } => Ok(Self(mapped.into())),
            Shape::International if mapped.is_ascii() => Ok(Self(mapped.into())),
            _ => Err(HostError::Idna),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(v4) => v4.to_string().into(),
            IpAddr::V6(v6) => url::Host::<&str>::Ipv6(v6).to_string().into(),
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

/// What one pass over a name tells.
enum Shape {
    /// ASCII letters, digits, `-`, `_` and dots; not numeric, not punycode.
    Plain { lower: bool },
    /// The last label begins with a digit: the URL standard may read it as an IPv4 address.
    Number,
    /// Non-ASCII or punycode: IDNA decides.
    International,
}

fn shape(name: &[u8]) -> Result<Shape, HostError> {
    let (mut lower, mut ascii, mut puny) = (true, true, false);
    let mut label = 0;
    for (at, &byte) in name.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => {}
            b'-' => puny |= at - label == 3 && is_puny(&name[label..at]),
            b'A'..=b'Z' => lower = false,
            b'.' if ascii => {
                check_label(at - label)?;
                label = at + 1;
            }
            b'.' => label = at + 1,
            0x80.. => ascii = false,
            _ => return Err(HostError::Character),
        }
    }
    if !ascii {
        // Lengths are those of the ASCII form; a bound on the input keeps IDNA's work small.
        return if name.len() <= 1024 { Ok(Shape::International) } else { Err(HostError::Length) };
    }
    check_label(name.len() - label)?;
    if name.len() > 253 {
        Err(HostError::Length)
    } else if name.get(label).is_some_and(u8::is_ascii_digit) {
        Ok(Shape::Number)
    } else if puny {
        Ok(Shape::International)
    } else {
        Ok(Shape::Plain { lower })
    }
}

const fn check_label(length: usize) -> Result<(), HostError> {
    if length == 0 || length > 63 { Err(HostError::Length) } else { Ok(()) }
}

/// `xn-`, whose next character is the `-` being looked at.
const fn is_puny(start: &[u8]) -> bool {
    start.eq_ignore_ascii_case(b"xn-")
}

/// Cuts the port off, without reading either half. A second colon outside brackets is refused.
pub(crate) fn split_port(text: &str) -> Result<(&str, Option<&str>), HostError> {
    if text.starts_with('[') {
        let end = text.find(']').ok_or(HostError::Address)? + 1;
        let (host, rest) = text.split_at(end);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(HostError::Character),
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

/// Reads a port: plain decimal, no sign, no leading zero.
pub(crate) fn parse_port(text: &str) -> Result<u16, HostError> {
    let plain = !text.starts_with('0') && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    if !plain {
        return Err(HostError::Port);
    }
    text.parse().map_err(|_| HostError::Port)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Host, HostError};

    /// Proves: VCH-11
    #[test]
    fn a_host_has_one_spelling() {
        for (text, canonical) in [
            ("app.example.com", "app.example.com"),
            ("APP.Example.COM", "app.example.com"),
            ("app.example.com.", "app.example.com"),
            ("a_b.example", "a_b.example"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[::FFFF:1.2.3.4]", "[::ffff:102:304]"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("app。example。com", "app.example.com"),
            ("ａｐｐ.example", "app.example"),
        ] {
            assert_eq!(Host::parse(text).map(|h| h.to_string()).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = "a".repeat(64);
        let longer = "a.".repeat(127) + "ab";
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a@b",
            "a,b",
            "a%2eb",
            "a\tb",
            "a\0b",
            "a:b",
            "0x7f.1",
            "127.1",
            "2130706433",
            "0177.0.0.1",
            "1.2.3.4.5",
            "256.1.1.1",
            "[::1",
            "::1",
            "[::1%25eth0]",
            "[1.2.3.4]",
            "[]",
            "xn--a",
            "１２７.1",
            "%31",
            "a.0x1",
            "*.example.com",
            "a..",
            long.as_str(),
            longer.as_str(),
            "exa\u{202e}mple.com",
            "a／b",
            "a＠b",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?} gave {:?}", Host::parse(text));
        }
    }

    #[test]
    fn ports_are_plain_numbers() {
        assert_eq!(Host::parse_with_port("a:8080").map(|(_, port)| port), Ok(Some(8080)));
        assert_eq!(Host::parse_with_port("[::1]:8080").map(|(_, port)| port), Ok(Some(8080)));
        for text in ["a:", "a:0", "a:080", "a:65536", "a:+80", "a:80:80", "a: 80", "[::1]8080", "a:８０"] {
            assert!(Host::parse_with_port(text).is_err(), "{text}");
        }
        assert_eq!(Host::parse_with_port("a:99999"), Err(HostError::Port));
    }

    proptest! {
        /// Proves: URL-1, VCH-11
        #[test]
        fn agrees_with_the_url_standard(text in "[a-zA-Z0-9_.äß。x-]{1,24}") {
            if let Ok(host) = Host::parse(&text) {
                let standard = url::Host::parse(text.strip_suffix('.').unwrap_or(&text));
                prop_assert_eq!(standard.map(|h| h.to_string()), Ok(host.to_string()));
                prop_assert_eq!(Host::parse(host.as_str()), Ok(host));
            }
        }
    }
}
