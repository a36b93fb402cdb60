//! OAuth clients: the programs that people let act for them, and what each of them may ask for.
//!
//! **Responsibility.** The registration of a client, its secrets (hashed), its redirect addresses and the one rule by which an
//! address is compared with them.
//!
//! **Invariants.** Everything a client may do is an allow-list of its own (security.md OAU-7). A secret is never stored, only its
//! digest, and at most two are good at a time (OAU-8). A public client has none and always proves its codes (OAU-6). The id of a
//! client is never the id of an account (OAU-24).
//!
//! **Not here.** What was granted to a client (`domain::token`), the protocol (`idp::oauth2`).
//!
//! **Start reading at** [`Registration`], then [`redirect`].

mod model;
mod records;
pub mod redirect;

pub(crate) use self::model::{LONGEST_ACCESS, is_scope};
pub use self::{
    model::{AuthMethod, ClientId, ClientKind, Consent, Grant, Lifetimes, Registration, SCOPES},
    records::{CLIENTS, ClientRecord, Effect, MOST_SECRETS, SecretRecord, all_after, forget, secret_digest},
};

#[cfg(test)]
mod tests;
