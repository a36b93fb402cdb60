//! Outgoing HTTP: one request to a place that the configuration or registered data names (security.md OUT-1 to OUT-3).

mod client;
mod lanes;
mod reach;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

pub(super) use self::client::Client;
pub use self::reach::{Reach, is_public};
use super::outlet::Doing;

/// A request to another house.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Where to. Never made of what a request to us claims (OUT-1).
    pub url: url::Url,
    /// Headers; `Host` and the length are written by the client.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The media type a successful answer must have, such as `application/json`; any when absent.
    pub wants: Option<&'static str>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status. A redirect is an answer like any other: it is not followed (OUT-2).
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`LARGEST`] bytes.
    pub body: Bytes,
}

/// Asks other houses.
pub trait HttpClient: Send + Sync {
    /// Sends a request and reads the whole answer, within [`TOTAL`].
    fn send(&self, request: Outgoing) -> Doing<'_, Result<Answer, HttpError>>;
}

/// What goes out, and how far.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which addresses may be asked besides public ones.
    pub reach: Reach,
    /// Certificates trusted besides the system's, in DER.
    pub roots: Vec<Vec<u8>>,
}

/// Longest time for finding and reaching the other side, TLS included (OUT-2).
pub const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for everything (OUT-2).
pub const TOTAL: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes (OUT-2).
pub const LARGEST: usize = 1 << 20;

/// Why there is no answer. The words are for the log and the operator; they repeat neither the query nor a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Neither `https` nor `http`, no host, or a user name in it.
    #[error("the address cannot be asked: it needs https, a host and no user name")]
    Address,
    /// The name has no address.
    #[error("{host} cannot be found: {error}")]
    Unknown {
        /// The name.
        host: String,
        /// What the resolver said.
        error: String,
    },
    /// The name stands for an address that is not public (OUT-1).
    #[error("{host} is {address}, which is not a public address; outgoing.allow can permit it")]
    Forbidden {
        /// The name.
        host: String,
        /// Its address.
        address: std::net::IpAddr,
    },
    /// Without TLS only addresses are asked that the operator allowed by name.
    #[error("{host} would be asked without encryption; use https, or permit its address by outgoing.allow")]
    Unencrypted {
        /// The name.
        host: String,
    },
    /// Too many requests to this place are under way (OUT-3).
    #[error("too many requests to {0} are under way")]
    Busy(String),
    /// It cannot be reached, or does not prove who it is.
    #[error("{host} cannot be reached: {error}")]
    Connect {
        /// The name.
        host: String,
        /// What went wrong.
        error: String,
    },
    /// The connection broke, or what came is no HTTP.
    #[error("the exchange broke off: {0}")]
    Broken(String),
    /// It took too long.
    #[error("it took longer than {} seconds", TOTAL.as_secs())]
    Slow,
    /// The answer is larger than [`LARGEST`].
    #[error("the answer is larger than {LARGEST} bytes")]
    TooLarge,
    /// The answer is of another kind than asked for.
    #[error("the answer is not {0}")]
    Kind(&'static str),
}

#[cfg(test)]
mod tests;
