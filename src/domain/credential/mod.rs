//! Credentials: how a person proves who they are. Today: a password.
//!
//! **Responsibility.** The stored password hash with the revision it is known by.
//!
//! **Invariants.** Every change of a password makes another [`Version`]; whoever verified against an older one must
//! not act on the result (the write checks it again).
//!
//! **Not here.** Hashing (`crypto::password`, on `actions::hashing`'s pool) and the rules for new passwords (`crypto::strength`).
//!
//! **Start reading at** [`PasswordRecord`].

mod records;

pub use self::records::{PASSWORDS, PasswordRecord, Version, forget, password_of, renew_hash, set_password};
