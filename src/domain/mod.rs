//! What is true: people, credentials, sessions, rules; states, transitions and refusals.
//!
//! **Responsibility.** Every rule of the house, once. Synchronous and deterministic: a transaction, a moment and some
//! random bytes go in, a decision comes out.
//!
//! **Invariants.** No clock, no chance, no I/O, no HTTP, no JSON, no configuration file. Arrows between the
//! sub-rooms go one way, in the order of the declarations below; the fence test checks it.
//!
//! **Not here.** Slow work and its order (`actions`), how a refusal is said (`web`).
//!
//! **Start reading at** [`fault`], [`account`], [`session`], then [`policy`].

pub mod fault;

pub mod call;

pub mod caller;

pub mod rights;

pub mod audit;

pub mod directory;

pub mod account;

pub mod credential;

pub mod client;

pub mod token;

pub mod session;

pub mod challenge;

pub mod stipulation;

pub mod apikey;

pub mod keyring;

pub mod signing;

pub mod outbox;

pub mod letters;

pub mod factor;

pub mod login;

pub mod policy;

use crate::store::Migration;

/// Changes of the stored shape since the first release, oldest first; the store applies those it has not seen. A change of a
/// record's shape that old readers would misread comes with a step here.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "index the declared accounts", apply: account::index_managed }];
