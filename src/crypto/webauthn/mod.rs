//! Passkeys (W3C Web Authentication): what is asked of an authenticator, and whether what it answers is right.
//!
//! The checks are those of the standard's sections 7.1 and 7.2, in the form that security.md WAN-1 to WAN-3 and WAN-7 give them: an origin is
//! compared by its spelling, `crossOrigin` counts in both ceremonies, trailing bytes and deep nesting are refused, whether a credential may be
//! synchronised never changes, and no extension output is believed. The mathematics are those of the library that does all the others.
//!
//! Why no library for all of it: `webauthn-rs-core`, which was here before, brought a second cryptography (some ninety crates, among them an RSA
//! with an open advisory), left half of the list above to us, and could not verify Ed25519, which WAN-1 names. The one that stands on our own
//! cryptography is young and unaudited (dependencies.md 5.7).

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
