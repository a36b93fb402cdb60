//! Passkeys (W3C Web Authentication): what is asked of an authenticator, and whether what it answers is right.
//!
//! The checks are those of the standard's sections 7.1 and 7.2, in the form that security.md WAN-1 to WAN-3 and WAN-7 give them: an origin is
//! compared by its spelling, `crossOrigin` counts in both ceremonies, trailing bytes and deep nesting are refused, whether a credential may be
//! synchronised never changes, and no extension output is believed. The mathematics are those of the library that does all the others.
//!
//! Why no library for all of it: those there are bring a second cryptography (a hundred crates, among them an RSA with an open advisory), check
//! less strictly than the list above, and the best known of them cannot verify Ed25519, which WAN-1 names.

mod answer;
mod key;
mod model;
mod party;
mod wire;

pub use self::{
    answer::LONGEST_RESPONSE,
    model::{Allowed, Asserted, Ceremony, Known, Refusal, Registered, UserEntity, Verification},
    party::{Claim, RelyingParty},
};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
