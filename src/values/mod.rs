//! Small checked words that every other room speaks.
//!
//! **Responsibility.** Types that cannot hold a wrong value: ids, times, secrets, names, addresses,
//! hosts and request targets. Constructors parse; nobody validates again later.
//!
//! **Invariants.** No I/O, no clock, no randomness is drawn here: bytes and times come in as arguments.
//!
//! **Not here.** Anything with a life of its own (accounts, sessions): see `domain`.
//!
//! **Start reading at** [`id`], then [`target`].

pub mod agent;
pub mod email;
pub mod host;
pub mod id;
pub mod method;
pub mod name;
pub mod net;
pub mod path;
pub mod pattern;
pub mod phone;
pub mod random;
mod script;
pub mod secret;
pub mod target;
pub mod time;
pub mod url;
