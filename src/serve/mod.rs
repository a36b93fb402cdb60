//! Sockets, TLS, HTTP connections: everything between the wire and a request.
//!
//! **Responsibility.** Open listeners, accept within bounds, speak HTTP/1.1 and HTTP/2 strictly, time out peers that dawdle,
//! hand each request to a [`Service`], rescue panics and missed deadlines, and stop without losing an answer.
//! Log lines are formatted here too ([`logging`]): they are output of the same process edge.
//!
//! **Invariants.** hyper never sees a byte of HTTP/1 that the framing rules have not judged. A request
//! reaches its service with exactly one `Host` and a target in origin form. Answering at once costs no allocation beyond
//! hyper's own and touches no timer. Nothing of a request's content is logged.
//!
//! **Not here.** Who the client behind a proxy is, routes, cookies, body sizes by route (`web`); what the
//! settings file looks like (`config`); which tasks follow the end (`boot`).
//!
//! **Start reading at** [`run()`], then `drive.rs` for one connection, `framing.rs` for the strictness,
//! `service.rs` for one request.

mod admission;
mod body;
mod connection;
mod drain;
mod drive;
mod framing;
mod guard;
mod limits;
mod listener;
pub mod logging;
mod request;
mod run;
mod service;
mod shared;
mod stream;
mod tls;
mod unix;

pub use self::{
    admission::{Exempt, Figures},
    body::{Body, BodyError, BoxError, Limited, limited},
    connection::{Arrival, Connection, PeerAddress, RequestId},
    limits::Limits,
    listener::{Address, BindError, Bound, Listener},
    run::{Settings, Stopped, run},
    service::{Answer, Promise, Service},
    tls::{Identity, Prepared, Tls, TlsError},
};

#[cfg(test)]
mod tests;
