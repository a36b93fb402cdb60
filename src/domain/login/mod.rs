//! Signing in: counting failures, and turning proofs into a session.
//!
//! **Responsibility.** The throttle's rules and counters, the one decision of what comes after a factor, and the transactions that end
//! an attempt.
//!
//! **Invariants.** Whatever was proven first and wherever, [`next()`] alone decides what is still asked. Before the last required factor there is
//! a login transaction ([`pending`]) and no session (security.md SES-3). Counters are keyed by account id (or by the digest of an unknown name), never by what was typed
//! (security.md THR-3). Blocked attempts never reach a secret (THR-6). A success clears only the counters of the account it is about (THR-5).
//!
//! **Not here.** Hashing and reserving attempts in memory (`actions::login`).
//!
//! **Start reading at** [`throttle::Rules`], then [`next()`], [`proceed`] and [`second::answer`].

mod door;
mod finish;
mod next;
mod notices;
pub mod passkey;
pub mod pending;
pub mod second;
pub mod throttle;

pub use self::{
    door::Door,
    finish::{Finish, finish, miss},
    next::{Aim, Arrival, Begun, Finished, Fresh, Next, Scene, Terms, next, proceed},
    notices::{SEVERAL, circumstances, forget_places, remember_place},
};
