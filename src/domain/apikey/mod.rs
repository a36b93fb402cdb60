//! API keys: how a program, made known by the operator, acts for people.
//!
//! **Responsibility.** What a key is made of, what it may do, where it is kept.
//!
//! **Invariants.** The key itself is shown once and never stored; only its digest is (security.md API-5). A key has a name, because that
//! is how the audit trail calls it; a name belongs to one key at a time. Every key ends by itself some day.
//!
//! **Not here.** Who makes keys and who tries them (`actions::apikeys`), how they travel (`web::family::access`).
//!
//! **Start reading at** [`ApiKey`], then [`ApiKeyRecord`].

mod key;
mod records;

pub use self::{
    key::{ApiKey, KeyDigest, KeyName, KeyNameError, Scope},
    records::{ApiKeyRecord, MOST_KEYS, add, all, find, named, note_use, revoke},
};
