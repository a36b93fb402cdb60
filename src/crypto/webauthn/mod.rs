//! Passkeys (W3C Web Authentication): what is asked of an authenticator, and whether what it answers is right.
//!
//! The mathematics and most checks are those of `webauthn-rs-core`; its state and its form of a credential are kept as opaque bytes, and beside
//! them stand the plain facts, so that another library could take its place. What it leaves open is closed here (security.md WAN-1, WAN-7):
//! an origin is compared by its spelling, `crossOrigin` counts in both ceremonies, trailing bytes and deep nesting are refused,
//! whether a credential may be synchronised never changes, and no extension output is believed. Its layer for applications is not used, because that one lets a
//! credential become synchronisable later and asks for user verification even beside a password.
//!
//! Offered are ES256 and RS256. Ed25519 (COSE -8) is not, although WAN-1 names it: `webauthn-rs-core` 0.6 reads such keys, and refuses to
//! make one into something that verifies (its `crypto.rs` says that what it is built on has no Ed25519). Offering it would let authenticators make passkeys
//! that never open anything. ES256 comes first and is what every authenticator has, so nobody is left without.

mod party;
mod wire;

pub use self::party::{
    Allowed, Asserted, Ceremony, Claim, Known, LONGEST_RESPONSE, Refusal, Registered, RelyingParty,
    UserEntity, Verification,
};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
