//! The protocols by which other programs let us sign their people in: engines without HTTP.
//!
//! **Responsibility.** What a protocol asks, in which order it is checked, and what it answers. So far OAuth 2.0.
//!
//! **Invariants.** A refusal is one of the protocol's own words, converted from [`Fault`](crate::domain::fault::Fault) in one
//! place. Single-use things are used up inside one store transaction. Signing comes after the commit.
//!
//! **Not here.** HTTP and pages (`web`); what a grant, a client or a key is (`domain`).
//!
//! **Start reading at** [`oauth2::Engine`].

pub mod oauth2;
