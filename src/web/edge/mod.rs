//! What every surface shares at its edge: who is calling, bodies, cookies, cross-site defence, the shape of refusals.
//!
//! **Responsibility.** Turning raw headers into values once, and values into headers in one place each.
//!
//! **Invariants.** [`peer`] is the only reader of forwarding headers, [`body`] of bodies, [`cookies`] the only writer of `Set-Cookie`,
//! [`rescue`] the only place where a `Fault` becomes a response.
//!
//! **Not here.** Decisions.
//!
//! **Start reading at** [`rescue`].

pub mod body;
pub mod caller;
pub mod cookies;
pub mod cross_site;
pub mod navigation;
pub mod peer;
pub mod qr;
pub mod rescue;
