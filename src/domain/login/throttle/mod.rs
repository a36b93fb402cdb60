//! How many wrong secrets are too many (security.md sections 2 and 9).
//!
//! Three counters stand for each attempt:
//!
//! - the *pair* of account and source (or known device): a few free failures, then growing delays, then blocks that double;
//! - the *account* over all sources: so that a distributed guesser is slowed too, with a hard ceiling of consecutive failures
//!   beyond which only devices that signed in before may try (THR-4: nobody can lock the owner out for ever);
//! - the *source* over all accounts. A proven client that brings what many people typed ([`Relay`]) is a source by itself, with a greater
//!   limit that is never shut for long: see [`Rules::relay`].
//!
//! The rules are pure: a counter, a moment and the limits give a verdict. Attempts that are under way count as failed until
//! they end (THR-2); the caller passes their number as `pending`.
//!
//! **Responsibility.** The limits (`rules`), what is counted under which key (`counters`), the counters in the store (`stored`), what
//! counts before it is stored (`pending`), and which refusals the trail is told of (`reported`).
//!
//! **Invariants.** A verdict is asked before a secret is looked at (THR-6). Known and unknown names are counted alike (THR-8).
//!
//! **Not here.** Raw attempts per source (`actions::login::reservations`).
//!
//! **Start reading at** [`Rules`], then [`admit`].

mod counters;
mod pending;
mod reported;
mod rules;
mod stored;

#[cfg(test)]
pub(crate) use self::stored::consecutive;
pub use self::{
    counters::{CounterKey, CounterRecord, Counters, Origin, Relay, Subject},
    pending::{Held, Pending},
    reported::Reported,
    rules::{Admission, Rules},
    stored::{
        Verdict, admit, admit_source, clear, count_failure, count_source, has_failures, pardon,
        pardon_password, sweep,
    },
};

#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod tests;
