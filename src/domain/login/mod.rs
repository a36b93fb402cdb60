//! Signing in: counting failures, and turning a proof into a session.
//!
//! **Responsibility.** The throttle's rules and counters, and the one transaction that ends an attempt.
//!
//! **Invariants.** Counters are keyed by account id (or by the digest of an unknown name), never by what was typed
//! (security.md THR-3). Blocked attempts never reach a secret (THR-6). A success clears only the counters of the account it is about (THR-5).
//!
//! **Not here.** Hashing and reserving attempts in memory (`actions::login`).
//!
//! **Start reading at** [`throttle::Rules`], then [`finish()`].

mod finish;
pub mod throttle;

pub use self::finish::{Finish, Finished, finish, miss};
