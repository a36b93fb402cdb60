//! What one connection, one source and the whole server may use. Enforcement lies with the files named at each field.

use std::time::Duration;

/// Bounds on requests and connections (security.md section 2 and OPS-2).
///
/// All are per listener set: one value for everything [`run`](super::run()) serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Request target (path and query) in bytes; longer is answered 414.
    pub request_line: usize,
    /// Request line and all header lines together, in bytes; more is answered 431.
    pub header_bytes: usize,
    /// Header fields of one request; more is answered 431. Up to 100 costs nothing; above, each request
    /// allocates room for that many.
    pub header_count: usize,
    /// From the first byte of a request head to its last; then the connection is closed.
    pub header_read: Duration,
    /// For a whole body that a surface collects: the bound to hand to [`limited`](super::limited).
    pub body_read: Duration,
    /// From the accepted TCP connection to the finished TLS handshake.
    pub tls_handshake: Duration,
    /// How long a connection without a request stays open. Longer than the 60 s of nginx and the 90 s of Go, so that
    /// the proxy is always the side that closes, else checks fail now and then with 502
    /// (forward-auth.md section 19).
    pub keep_alive_idle: Duration,
    /// How long a peer may neither take a byte of our answer nor send a byte of a body we wait for.
    pub stall: Duration,
    /// From a parsed request head to the head of the answer, unless the service lifts it; then 503.
    pub answer: Duration,
    /// Open connections of all listeners together. Peers exempt from the per-source bound are exempt from this too,
    /// so that a flood from outside cannot lock the proxies out.
    pub connections: usize,
    /// Open connections per source (IPv4 address, IPv6 /64).
    pub per_source: usize,
    /// Concurrent HTTP/2 streams of one connection.
    pub streams: u32,
    /// Streams a peer may reset before we have taken them up, after which the connection is closed
    /// (rapid reset, CVE-2023-44487).
    pub resets: usize,
    /// How long [`run`](super::run()) waits for requests in flight once told to stop (OPS-5).
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 * 1024,
            header_bytes: 32 * 1024,
            header_count: HEADERS_FOR_FREE,
            header_read: Duration::from_secs(10),
            body_read: Duration::from_secs(30),
            tls_handshake: Duration::from_secs(10),
            keep_alive_idle: Duration::from_secs(95),
            stall: Duration::from_mins(1),
            answer: Duration::from_mins(1),
            connections: 8192,
            per_source: 256,
            streams: 128,
            resets: 20,
            drain: Duration::from_secs(30),
        }
    }
}

/// Header fields hyper parses into an array on the stack; any other number costs an allocation per request.
pub(super) const HEADERS_FOR_FREE: usize = 100;
