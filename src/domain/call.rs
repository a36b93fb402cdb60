//! The circumstances of one request, taken once at the edge and handed down as a value.

use std::{net::IpAddr, sync::Arc};

use crate::values::time::Timestamp;

/// When, from where and under which request id something is asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Call {
    /// The one moment this request happens at.
    pub now: Timestamp,
    /// The client's address after the walk through trusted proxies (security.md HDR-2); `None` on the control socket.
    pub client: Option<IpAddr>,
    /// The correlation id that answers and log lines carry.
    pub request: RequestId,
    /// The `User-Agent` as sent, cut to [`Call::AGENT_LIMIT`] characters. Shown to people, never decided on.
    pub agent: Arc<str>,
    /// What the browser claims to be known by (the known-device cookie, as sent). Worth nothing before it was verified for an account.
    pub device: Option<Arc<str>>,
}

impl Call {
    /// Longest kept `User-Agent`, in characters.
    pub const AGENT_LIMIT: usize = 200;

    /// A call that the house makes itself (start-up, chores) or that comes through the control socket.
    pub fn inside(now: Timestamp, request: RequestId) -> Self {
        Self { now, client: None, request, agent: Arc::from(""), device: None }
    }
}

/// Names one request in answers and logs. It is made by us, never taken from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// From the text that the connection's log lines carry, too.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
