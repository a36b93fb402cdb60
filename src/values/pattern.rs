//! Patterns that name hosts in the configuration: `app.example.com`, `*.example.com:8443`, `[::1]:*`.

use std::{fmt, str::FromStr};

use super::host::{Host, HostError, Scheme, parse_port, split_port};

/// Which hosts a pattern means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hosts {
    /// Exactly this one.
    Exact(Host),
    /// Every name below it, at any depth, but not the name itself: `*.example.com` covers
    /// `a.example.com` and `b.a.example.com`, neither `example.com` nor `evilexample.com` (VCH-11).
    Below(Host),
}

/// Which ports a pattern means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ports {
    /// The default port of the scheme asked for: what a pattern without port means.
    Default,
    /// Exactly this one.
    Exact(u16),
    /// Any (`:*`).
    Any,
}

/// A declared host: name or wildcard, and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern {
    hosts: Hosts,
    ports: Ports,
}

impl HostPattern {
    /// Reads a pattern. Case, a trailing dot and IDNA are brought to canonical form.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let (name, port) = split_port(text)?;
        let ports = match port {
            None => Ports::Default,
            Some("*") => Ports::Any,
            Some(port) => Ports::Exact(parse_port(port)?),
        };
        let hosts = match name.strip_prefix("*.") {
            None if name.contains('*') => return Err(HostError::Wildcard),
            None => Hosts::Exact(Host::parse(name)?),
            Some(parent) if parent.contains('*') => return Err(HostError::Wildcard),
            Some(parent) => Hosts::Below(Host::parse(parent)?),
        };
        match &hosts {
            Hosts::Below(parent) if parent.is_address() => Err(HostError::Wildcard),
            _ => Ok(Self { hosts, ports }),
        }
    }

    /// A pattern for one host on one port.
    pub const fn exact(host: Host, port: u16) -> Self {
        Self { hosts: Hosts::Exact(host), ports: Ports::Exact(port) }
    }

    /// Whether a request to this host, port and scheme is meant.
    pub fn matches(&self, host: &Host, port: u16, scheme: Scheme) -> bool {
        self.matches_host(host) && self.matches_port(port, scheme)
    }

    /// The host half alone.
    pub fn matches_host(&self, host: &Host) -> bool {
        match &self.hosts {
            Hosts::Exact(own) => own == host,
            Hosts::Below(parent) => host
                .as_str()
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }

    /// The port half alone.
    pub const fn matches_port(&self, port: u16, scheme: Scheme) -> bool {
        match self.ports {
            Ports::Default => port == scheme.default_port(),
            Ports::Exact(own) => own == port,
            Ports::Any => true,
        }
    }

    /// Which hosts.
    pub const fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Which ports.
    pub const fn ports(&self) -> Ports {
        self.ports
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            Hosts::Exact(host) => host.fmt(f)?,
            Hosts::Below(parent) => write!(f, "*.{parent}")?,
        }
        match self.ports {
            Ports::Default => Ok(()),
            Ports::Exact(port) => write!(f, ":{port}"),
            Ports::Any => f.write_str(":*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Host, HostPattern, Scheme};

    fn matches(pattern: &str, host: &str, port: u16, scheme: Scheme) -> bool {
        let pattern = HostPattern::parse(pattern).expect("pattern");
        pattern.matches(&Host::parse(host).expect("host"), port, scheme)
    }

    /// Proves: VCH-11
    #[test]
    fn wildcards_hold_on_label_borders() {
        for (pattern, host, want) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "b.a.example.com", true),
            ("*.EXAMPLE.com.", "A.Example.Com.", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "evilexample.com", false),
            ("*.example.com", "example.com.evil.org", false),
            ("*.example.com", "a.example.com.evil.org", false),
            ("example.com", "EXAMPLE.com.", true),
            ("example.com", "a.example.com", false),
            ("bücher.example", "XN--BCHER-KVA.example", true),
            ("*.bücher.example", "a.xn--bcher-kva.example", true),
            ("[::1]", "[0:0::1]", true),
        ] {
            assert_eq!(matches(pattern, host, 443, Scheme::Https), want, "{pattern} {host}");
        }
    }

    /// Proves: VCH-11
    #[test]
    fn without_a_port_only_the_default_one() {
        assert!(matches("a.example", "a.example", 443, Scheme::Https));
        assert!(matches("a.example", "a.example", 80, Scheme::Http));
        assert!(!matches("a.example", "a.example", 80, Scheme::Https));
        assert!(!matches("a.example", "a.example", 8443, Scheme::Https));
        assert!(matches("a.example:8443", "a.example", 8443, Scheme::Https));
        assert!(!matches("a.example:8443", "a.example", 443, Scheme::Https));
        assert!(matches("a.example:*", "a.example", 9, Scheme::Http));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "*a.example",
            "a.*.example",
            "*.*.example",
            "*.127.0.0.1",
            "*.[::1]",
            "a:b",
            "a:",
            "a:0",
        ] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        /// Proves: VCH-11
        #[test]
        fn a_wildcard_never_covers_a_foreign_name(host in "[a-z.-]{0,12}(example)?[.]?(com)?", port in 1_u16..) {
            if let Ok(host) = Host::parse(&host) {
                let pattern = HostPattern::parse("*.example.com:*").expect("pattern");
                let labels: Vec<&str> = host.as_str().split('.').collect();
                let below = labels.len() > 2 && labels.ends_with(&["example", "com"]);
                prop_assert_eq!(pattern.matches(&host, port, Scheme::Https), below);
            }
        }
    }
}
