//! What a service learns about the connection and the request it answers.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Who is at the other end of the socket. Forwarding headers play no part here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// A TCP peer; IPv4 in IPv6 is written as IPv4.
    Ip(SocketAddr),
    /// A process on this machine that may open the socket file.
    Unix,
}

impl PeerAddress {
    /// The address without the port; none for a Unix socket.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// The connection a request came over. Small and `Copy`, so that it can be handed on freely; a service that
/// dispatches to a router puts it into the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub peer: PeerAddress,
    /// Whether the bytes came through our own TLS.
    pub tls: bool,
    /// Name of the listener that accepted it, as given in [`Listener`](super::Listener).
    pub listener: &'static str,
    /// Number of the connection since start, from 1.
    pub number: u64,
}

/// Names one request in logs and error answers. Made from counters, so it costs nothing; unique among the processes
/// that were given different seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    pub(super) seed: u32,
    pub(super) connection: u64,
    pub(super) request: u32,
}

#[cfg(test)]
impl RequestId {
    /// For tests of services, which make their own arrivals.
    pub(crate) const fn for_tests(request: u32) -> Self {
        Self { seed: 0, connection: 1, request }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}-{:x}", self.seed, self.connection, self.request)
    }
}

/// One request's circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The connection it came over.
    pub connection: Connection,
    /// Its name in logs.
    pub id: RequestId,
}
