//! Who is believed, and what is read of a forwarded chain.

use std::net::IpAddr;

use proptest::prelude::*;

use super::{ChainError, Peer, SourceKey, TrustEveryone, TrustedPeers, client_address};

fn trusted(nets: &[&str]) -> TrustedPeers {
    let nets = nets.iter().map(|net| net.parse().expect("net"));
    TrustedPeers::new(nets, true, TrustEveryone::Refuse).expect("trusted")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("address")
}

fn client(peer: &str, lines: &[&str]) -> Result<Option<String>, ChainError> {
    let peer = if peer == "unix" { Peer::Unix } else { Peer::Ip(ip(peer)) };
    let found = client_address(peer, lines.iter().copied(), &trusted(&["10.0.0.0/8", "fd00::/8"]))?;
    Ok(found.map(|address| address.to_string()))
}

/// Proves: HDR-1
#[test]
fn only_listed_peers_are_believed() {
    let default = TrustedPeers::default();
    assert!(default.contains(Peer::Unix));
    for (address, want) in [
        ("127.0.0.1", true),
        ("127.9.9.9", true),
        ("::1", true),
        ("::ffff:127.0.0.1", true),
        ("10.0.0.1", false),
        ("::2", false),
    ] {
        assert_eq!(default.contains(Peer::Ip(ip(address))), want, "{address}");
    }
    let mapped = trusted(&["::ffff:10.0.0.0/104"]);
    assert!(mapped.contains(Peer::Ip(ip("10.1.2.3"))));
    assert!(!TrustedPeers::nobody().contains(Peer::Unix));
    assert_eq!(client("192.0.2.9", &["198.51.100.1"]), Ok(Some("192.0.2.9".into())));
    assert_eq!(client("192.0.2.9", &["garbage"]), Ok(Some("192.0.2.9".into())));
}

/// Proves: HDR-1
#[test]
fn trusting_everyone_must_be_asked_for_by_name() {
    for nets in [
        &["0.0.0.0/0"][..],
        &["::/0"],
        &["::ffff:0.0.0.0/96"],
        &["0.0.0.0/1", "128.0.0.0/1"],
        &["::/1", "10.0.0.0/8", "8000::/1"],
    ] {
        let nets: Vec<_> = nets.iter().map(|net| net.parse().expect("net")).collect();
        assert!(TrustedPeers::new(nets.clone(), false, TrustEveryone::Refuse).is_err(), "{nets:?}");
        assert!(TrustedPeers::new(nets, false, TrustEveryone::Insist).is_ok());
    }
}

/// Proves: HDR-2, HDR-3
#[test]
fn the_client_is_the_right_most_stranger() {
    let some = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(client("10.0.0.1", &[]), some("10.0.0.1"));
    assert_eq!(client("10.0.0.1", &["", " "]), some("10.0.0.1"));
    assert_eq!(client("10.0.0.1", &["192.0.2.1"]), some("192.0.2.1"));
    assert_eq!(client("10.0.0.1", &["1.1.1.1, 192.0.2.1"]), some("192.0.2.1"));
    assert_eq!(client("10.0.0.1", &["1.1.1.1", "192.0.2.1,10.0.0.2"]), some("192.0.2.1"));
    assert_eq!(client("10.0.0.1", &["1.1.1.1,192.0.2.1", "10.0.0.2"]), some("192.0.2.1"));
    assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), some("10.0.0.3"));
    assert_eq!(client("::ffff:10.0.0.1", &["::ffff:192.0.2.1"]), some("192.0.2.1"));
    assert_eq!(client("10.0.0.1", &["192.0.2.1:4711"]), some("192.0.2.1"));
    assert_eq!(client("fd00::1", &["[2001:db8::1]:4711"]), some("2001:db8::1"));
    assert_eq!(client("fd00::1", &["[2001:db8::1]"]), some("2001:db8::1"));
    assert_eq!(client("unix", &[]), Ok(None));
    assert_eq!(client("unix", &["192.0.2.1"]), some("192.0.2.1"));
    // What the client wrote left of itself is not read.
    assert_eq!(client("10.0.0.1", &["garbage, 192.0.2.1"]), some("192.0.2.1"));
    for bad in [
        "garbage",
        "192.0.2.1, garbage",
        "192.0.2.1, ",
        "unknown",
        "192.0.2.1:x",
        "192.0.2.1:99999",
        "192.0.2.1:",
        "[::1",
        "[::1]x",
        "[192.0.2.1]",
        "fe80::1%eth0",
        "192.0.2.01",
        "192.0.2.1 192.0.2.2",
        "0x7f.1",
    ] {
        assert_eq!(client("10.0.0.1", &[bad]), Err(ChainError::Malformed), "{bad}");
    }
    assert_eq!(client("10.0.0.1", &[&["10.0.0.2"; 33].join(",")]), Err(ChainError::TooLong));
    assert_eq!(client("10.0.0.1", &["10.0.0.2"; 33]), Err(ChainError::TooLong));
    assert_eq!(client("10.0.0.1", &["10.0.0.2"; 32]), some("10.0.0.2"));
}

#[test]
fn sources_are_counted_by_household() {
    assert_eq!(SourceKey::of(Some(ip("2001:db8::1"))), SourceKey::of(Some(ip("2001:db8::ffff"))));
    assert_ne!(SourceKey::of(Some(ip("2001:db8::1"))), SourceKey::of(Some(ip("2001:db8:0:1::1"))));
    assert_ne!(SourceKey::of(Some(ip("192.0.2.1"))), SourceKey::of(Some(ip("192.0.2.2"))));
    assert_eq!(SourceKey::of(Some(ip("::ffff:192.0.2.1"))), SourceKey::of(Some(ip("192.0.2.1"))));
    assert_eq!(SourceKey::of(Some(ip("2001:db8::1"))).to_string(), "2001:db8::/64");
    assert_eq!(SourceKey::of(None).to_string(), "local");
}

fn element() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u8..3, 0_u8..3).prop_map(|(a, b)| format!("10.0.{a}.{b}")),
        (0_u8..3).prop_map(|a| format!("::ffff:10.0.0.{a}")),
        any::<[u8; 4]>().prop_map(|octets| IpAddr::from(octets).to_string()),
        any::<[u8; 16]>().prop_map(|octets| IpAddr::from(octets).to_string()),
        "\\PC{0,12}",
    ]
}

proptest! {
    /// Proves: HDR-2
    #[test]
    fn a_trusted_address_is_the_client_only_when_all_are_trusted(
        chain in prop::collection::vec(element(), 0..8), spaced in any::<bool>()
    ) {
        let trusted = trusted(&["10.0.0.0/8"]);
        let line = chain.join(if spaced { ", " } else { "," });
        let found = client_address(Peer::Ip(ip("10.9.9.9")), [line.as_str()].into_iter(), &trusted);
        if let Ok(Some(address)) = found {
            prop_assert_eq!(address, address.to_canonical());
            if trusted.contains(Peer::Ip(address)) {
                for text in line.split(',').map(str::trim).filter(|_| !line.trim().is_empty()) {
                    let element = super::parse_element(text);
                    prop_assert!(element.is_some_and(|e| trusted.contains(Peer::Ip(e))), "{}", line);
                }
            }
        }
    }

    /// Proves: HDR-2
    #[test]
    fn no_header_text_panics(lines in prop::collection::vec("\\PC{0,40}", 0..4)) {
        let _ = client_address(Peer::Unix, lines.iter().map(String::as_str), &TrustedPeers::default());
    }
}
