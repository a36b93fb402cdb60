//! The outbox: messages to people, written down in the transaction of the change they tell of.
//!
//! **Responsibility.** What can be said ([`Template`]), to whom and until when ([`Message`]), and where each message stands:
//! waiting, leased to a worker, delivered, or given up.
//!
//! **Invariants.** A change that was rolled back sends nothing, one that was committed loses nothing. A message is leased to one worker
//! at a time; what a worker reports counts only while its lease is the last one. A worker that dies leaves its lease to run out, and
//! the message is sent again: *at least once*, under the same id, so that a receiver can tell the double. What is filled in (links
//! and codes among it) is sealed at rest and wiped when the message has been delivered (security.md OPS-9, OPS-18).
//!
//! **Not here.** The words (`letters`), how often and when it is tried (`chores::delivery`), the wire (`world`).
//!
//! **Start reading at** [`Message`] and [`enqueue`], then [`lease`].

mod model;
mod records;

pub use self::{
    model::{Channel, Language, Message, Template, Values},
    records::{
        Batch, Ending, Leased, OUTBOX, OutboxRecord, State, SweepTimes, delivered, discard, due, enqueue,
        failed, lease, list, open, retry, sweep, waiting,
    },
};

#[cfg(test)]
mod tests;
