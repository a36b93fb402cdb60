//! Which addresses we call: public ones, and those the operator allowed (security.md OUT-1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Addresses that may be called besides public ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(Vec<IpNet>);

impl Reach {
    /// With these networks.
    pub fn new(allowed: impl IntoIterator<Item = IpNet>) -> Self {
        Self(allowed.into_iter().map(|net| net.trunc()).collect())
    }

    /// Whether the operator allowed this address by its network.
    pub fn is_allowed(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Whether this address may be called at all.
    pub fn permits(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_allowed(address)
    }
}

/// Whether an address belongs to the public internet: none of the special-purpose registries of IANA (RFC 6890), no multicast,
/// and none at which clouds hand out credentials to whoever asks from inside.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        // "This network", private, loopback, link-local (metadata services among it), multicast, reserved, broadcast.
        [0 | 10 | 127 | 224..=255, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            // Shared address space of providers (CGNAT).
            | [100, 64..=127, ..]
            // Protocol assignments, documentation, 6to4 relays, benchmarks.
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            // The one public address that is a cloud's inside.
            | [168, 63, 129, 16]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64 (RFC 6052): as public as the IPv4 address in it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments (Teredo and its kin among them), documentation, 6to4: they lead elsewhere than they say.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast; loopback, unique local, link-local and multicast all lie outside.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reach, is_public};

    /// Proves: OUT-1
    #[test]
    fn only_the_public_internet_is_public() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in
            ["1.1.1.1", "100.128.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "64:ff9b::101:101"]
        {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    /// Proves: OUT-1
    #[test]
    fn the_operator_can_allow_networks() {
        let reach = Reach::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for allowed in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "1.1.1.1"] {
            assert!(reach.permits(allowed.parse().unwrap()), "{allowed}");
        }
        for refused in ["127.0.0.1", "192.168.0.1", "fe80::1"] {
            assert!(!reach.permits(refused.parse().unwrap()), "{refused}");
        }
        assert!(!reach.is_allowed("1.1.1.1".parse().unwrap()));
    }
}
