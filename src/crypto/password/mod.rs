//! Password hashes: making, checking and reading them.
//!
//! New hashes are argon2id in PHC text form (RFC 9106; security.md PWD-4). Imported argon2i, argon2id
//! and bcrypt hashes are verified as they are and replaced at the next sign-in. Everything that costs
//! time is a method of [`Hasher`], which keeps its memory between calls; `actions::hashing` owns a few
//! of them on threads of their own.
//!
//! A password is used exactly as sent, after one normalisation to NFC at set and verify alike
//! (PWD-2). Too long or impossible ones are refused before any work (PWD-3).

mod hash;
mod hasher;
mod params;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use self::{
    hash::{Hash, HashError, MAX_STORED_HASH},
    hasher::{Hasher, Proof, Verified},
    params::{Params, ParamsError},
};
use crate::values::{random::Random, secret::Secret};

/// The longest password, in bytes as sent (PWD-3).
pub const MAX_PASSWORD: usize = 1024;

/// Why a password cannot be hashed or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Longer than [`MAX_PASSWORD`] bytes. Refused before any hashing.
    #[error("A password can have at most 1024 bytes.")]
    TooLong,
    /// It has a NUL character, at which some hash functions stop reading.
    #[error("A password cannot contain a NUL character.")]
    Nul,
    /// The memory for hashing could not be had. Nothing is wrong with the password.
    #[error("There is no memory to hash a password.")]
    OutOfMemory,
}

/// Hashes a password once, with memory of its own. For the command line and for tests; a server
/// uses its pool.
pub fn hash(password: &Secret<String>, params: &Params, salt: Random<16>) -> Result<Hash, PasswordError> {
    Hasher::new().hash(password, params, salt)
}

/// Checks a password once, with memory of its own.
pub fn verify(hash: &Hash, password: &Secret<String>) -> Result<Verified, PasswordError> {
    Hasher::new().verify(hash, password)
}

/// Whether the hash should be replaced now that the password is known: it is not argon2id with
/// exactly these parameters.
///
/// Stronger hashes are replaced as well. The work done for an unknown user name equals that of the present
/// parameters (PWD-6), so a hash of any other cost would tell that its account exists.
pub fn needs_rehash(hash: &Hash, params: &Params) -> bool {
    !hash.is_made_with(params)
}

/// Whether a password may be handed to [`Hasher`] at all: its length and characters, not its
/// strength. Costs nothing.
pub fn check_usable(password: &Secret<String>) -> Result<(), PasswordError> {
    let text = password.expose();
    if text.len() > MAX_PASSWORD {
        Err(PasswordError::TooLong)
    } else if text.contains('\0') {
        Err(PasswordError::Nul)
    } else {
        Ok(())
    }
}

/// The text that is hashed: checked, in NFC. (A lone surrogate cannot occur in a `String`.)
fn prepare(password: &Secret<String>) -> Result<Zeroizing<String>, PasswordError> {
    check_usable(password)?;
    let text = password.expose();
    if text.is_ascii() {
        return Ok(Zeroizing::new(text.clone()));
    }
    // NFC can triple the length (Unicode TR 15); with room reserved no copy is left behind by growing.
    let mut normal = Zeroizing::new(String::with_capacity(text.len() * 3));
    normal.extend(text.nfc());
    Ok(normal)
}

#[cfg(test)]
mod tests;
