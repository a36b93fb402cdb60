//! Who is at the other end, and for whom it speaks. The only reader of forwarding headers.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header::AsHeaderName};

use crate::{
    serve::{Arrival, PeerAddress},
    values::{
        net::{ChainError, Peer, TrustedPeers, client_address},
        secret::Secret,
    },
};

/// Header of the shared secret between proxy and us (security.md HDR-9).
pub const SECRET_HEADER: HeaderName = HeaderName::from_static("x-vouch-secret");

/// Whose forwarding headers are believed.
#[derive(Clone, Debug)]
pub struct ProxyTrust {
    /// Peers by address.
    pub peers: TrustedPeers,
    /// A secret they must send as well, when set.
    pub secret: Option<Secret<String>>,
}

/// A header that must occur once does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// It is not there.
    Missing,
    /// It is there more than once.
    Repeated,
    /// Its value is not UTF-8.
    NotText,
}

impl ProxyTrust {
    /// Whether this peer's forwarding headers are believed (security.md HDR-1).
    pub fn believes(&self, arrival: Arrival, headers: &HeaderMap) -> bool {
        self.peers.contains(peer_of(arrival))
            && self.secret.as_ref().is_none_or(|secret| sends(headers, secret))
    }

    /// The client's address: the peer itself, or what a believed proxy says of it. `None` for a Unix socket without one.
    pub fn client(&self, arrival: Arrival, headers: &HeaderMap) -> Result<Option<IpAddr>, ChainError> {
        if !self.believes(arrival, headers) {
            return Ok(arrival.connection.peer.ip().map(|address| address.to_canonical()));
        }
        let chain = headers.get_all(FORWARDED_FOR);
        if chain.iter().any(|line| text(line).is_none()) {
            return Err(ChainError::Malformed);
        }
        client_address(peer_of(arrival), chain.iter().filter_map(text), &self.peers)
    }

    /// The client that a believed proxy asks for. A proxy that does not say for whom it asks asks for somebody unknown, not for itself.
    pub fn named_client(&self, arrival: Arrival, headers: &HeaderMap) -> Result<Option<IpAddr>, ChainError> {
        if headers.contains_key(FORWARDED_FOR) { self.client(arrival, headers) } else { Ok(None) }
    }
}

/// The one value of a header (security.md HDR-3).
pub fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Result<&str, HeaderFault> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(HeaderFault::Missing)?;
    if values.next().is_some() {
        return Err(HeaderFault::Repeated);
    }
    text(value).ok_or(HeaderFault::NotText)
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

fn peer_of(arrival: Arrival) -> Peer {
    match arrival.connection.peer {
        PeerAddress::Ip(address) => Peer::Ip(address.ip()),
        PeerAddress::Unix => Peer::Unix,
    }
}

fn sends(headers: &HeaderMap, secret: &Secret<String>) -> bool {
    single(headers, SECRET_HEADER).is_ok_and(|given| secret.matches(given))
}
