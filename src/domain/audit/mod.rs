//! The audit trail: what happened, by whom, to whom, from where.
//!
//! **Responsibility.** One append-only, hash-chained sequence of records (security.md OPS-19), written in the same
//! transaction as the change it tells of.
//!
//! **Invariants.** Sequence numbers have no gaps; each record's `chain` covers its content and its predecessor's `chain`.
//! No record holds a secret: an unknown login name is kept as a short digest, because people type passwords there (OPS-18).
//!
//! **Not here.** Log lines (`serve::logging`), and who may read the trail (`actions::audit`).
//!
//! **Start reading at** [`Entry`], then [`append`].

mod model;
mod records;

pub use self::{
    model::{Denial, Entry, Event, Level, Original, Outcome},
    records::{AUDIT, AuditRecord, Number, append, page_of, recent, remove_before, verify_chain},
};
