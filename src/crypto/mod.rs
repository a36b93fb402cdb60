//! Pure mathematics on bytes: password hashes, strength, MACs, sealing, keys.
//!
//! **Responsibility.** Every cryptographic operation of the house, behind types that cannot be used
//! the wrong way round: a [`password::Proof`] exists only because a password matched, a
//! [`mac::MacKey`] cannot seal and a [`seal::SealKey`] cannot sign.
//!
//! **Invariants.** Nothing is random here: salts and keys come in as [`Random`](crate::values::random::Random)
//! bytes. Secrets are compared in constant time (security.md PWD-10) and wiped on drop. Every key is
//! derived from the
//! master key for one purpose (OPS-8). Work on input of a stranger's making is bounded before it begins.
//!
//! **Not here.** The clock, the store, threads. The pool that runs password hashes beside the requests
//! is `actions::hashing`; which keys exist and when they change is `domain`'s.
//!
//! **Start reading at** [`password`], then [`keys`].

pub mod digest;
pub mod jose;
pub mod keys;
pub mod mac;
pub mod password;
pub mod seal;
pub mod strength;
pub mod text;
pub mod webauthn;
