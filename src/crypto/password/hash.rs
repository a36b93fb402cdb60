//! A stored password hash: its text, and what the text says.

use std::{fmt, str::FromStr};

use argon2::{Algorithm, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use password_hash::phc::PasswordHash;
use subtle::ConstantTimeEq;

use super::params::Params;
use crate::values::random::Random;

/// The longest text of a stored hash, in bytes.
pub const MAX_STORED_HASH: usize = 512;

/// Bytes of the tag of our own hashes.
pub(super) const TAG: usize = 32;

/// Why a text is not a password hash we can check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Neither a PHC string nor a bcrypt hash.
    #[error("not a password hash in PHC or bcrypt form")]
    Malformed,
    /// A kind of hash that is not supported, such as argon2d, scrypt, `$2x$` or MD5.
    #[error("not a supported kind of password hash: use argon2id, argon2i or bcrypt ($2a$, $2b$, $2y$)")]
    Unsupported,
    /// Parameters beyond what one sign-in may cost: more than 1 GiB, more than 4 GiB times passes, more than 16
    /// lanes, or bcrypt above cost 15.
    #[error("this password hash is too costly to check")]
    TooCostly,
    /// A salt below 8 bytes or a tag below 16, which a guesser could hit by luck.
    #[error("the salt or the tag of this password hash is too short")]
    TooShort,
}

/// A password hash as stored. The text is kept as it came; equality compares it in constant time.
#[derive(Clone)]
pub struct Hash {
    text: Box<str>,
    pub(super) scheme: Scheme,
}

#[derive(Clone)]
pub(super) enum Scheme {
    Argon2 { algorithm: Algorithm, version: Version, params: argon2::Params, salt: Box<[u8]>, tag: Box<[u8]> },
    Bcrypt { cost: u32 },
}

/// 2^15 rounds are about two seconds.
const MAX_BCRYPT_COST: u32 = 15;

impl Hash {
    /// Reads a stored or imported hash and bounds what checking it will cost.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        if text.len() > MAX_STORED_HASH {
            return Err(HashError::Malformed);
        }
        let scheme = match text.split('$').nth(1) {
            Some("argon2id" | "argon2i") => parse_argon2(text)?,
            Some("2a" | "2b" | "2y") => parse_bcrypt(text)?,
            Some(_) => return Err(HashError::Unsupported),
            None => return Err(HashError::Malformed),
        };
        Ok(Self { text: text.into(), scheme })
    }

    /// A hash that costs what `params` cost and that no password has: its tag is random instead of
    /// computed. Checked in place of the missing hash of an unknown user (security.md PWD-6), so
    /// making it takes no time.
    pub fn dummy(params: &Params, chance: Random<48>) -> Self {
        let (salt, tag) = chance.bytes().split_at(16);
        Self::argon2id(params, salt, tag)
    }

    pub(super) fn argon2id(params: &Params, salt: &[u8], tag: &[u8]) -> Self {
        let text = format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            params.memory_kib(),
            params.iterations(),
            params.parallelism(),
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(tag),
        );
        let scheme = Scheme::Argon2 {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: engine_params(params),
            salt: salt.into(),
            tag: tag.into(),
        };
        Self { text: text.into(), scheme }
    }

    /// The text, for the store. Not for a log or an answer.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Memory that checking takes, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        match &self.scheme {
            Scheme::Argon2 { params, .. } => u64::from(params.m_cost()) * 1024,
            Scheme::Bcrypt { .. } => 0,
        }
    }

    pub(super) fn is_made_with(&self, wanted: &Params) -> bool {
        match &self.scheme {
            Scheme::Argon2 { algorithm, version, params, salt, tag } => {
                *algorithm == Algorithm::Argon2id
                    && *version == Version::V0x13
                    && params.m_cost() == wanted.memory_kib()
                    && params.t_cost() == wanted.iterations()
                    && params.p_cost() == wanted.parallelism()
                    && salt.len() >= 16
                    && tag.len() == TAG
            }
            Scheme::Bcrypt { .. } => false,
        }
    }
}

pub(super) fn engine_params(params: &Params) -> argon2::Params {
    let made = argon2::Params::new(params.memory_kib(), params.iterations(), params.parallelism(), Some(TAG));
    #[expect(clippy::expect_used, reason = "the bounds of our Params lie within those of the algorithm")]
    made.expect("checked parameters are argon2 parameters")
}

fn parse_argon2(text: &str) -> Result<Scheme, HashError> {
    let phc = PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
    let algorithm = Algorithm::try_from(phc.algorithm.as_str()).map_err(|_| HashError::Unsupported)?;
    // Hashes without a version field are of version 1.0 (PHC form of the reference implementation).
    let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|_| HashError::Unsupported)?;
    let params = argon2::Params::try_from(&phc).map_err(|_| HashError::Malformed)?;
    if !params.keyid().is_empty() || !params.data().is_empty() {
        return Err(HashError::Unsupported);
    }
    if !Params::is_bearable(params.m_cost(), params.t_cost(), params.p_cost()) {
        return Err(HashError::TooCostly);
    }
    let (Some(salt), Some(tag)) = (phc.salt, phc.hash) else { return Err(HashError::Malformed) };
    let (salt, tag): (&[u8], &[u8]) = (salt.as_ref(), tag.as_bytes());
    if salt.len() < argon2::MIN_SALT_LEN || tag.len() < 16 {
        return Err(HashError::TooShort);
    }
    Ok(Scheme::Argon2 { algorithm, version, params, salt: salt.into(), tag: tag.into() })
}

fn parse_bcrypt(text: &str) -> Result<Scheme, HashError> {
    let cost = bcrypt::HashParts::from_str(text).map_err(|_| HashError::Malformed)?.get_cost();
    match cost {
        4..=MAX_BCRYPT_COST => Ok(Scheme::Bcrypt { cost }),
        0..4 => Err(HashError::Malformed),
        _ => Err(HashError::TooCostly),
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        Self::parse(text)
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Self) -> bool {
        self.text.as_bytes().ct_eq(other.text.as_bytes()).into()
    }
}

impl Eq for Hash {}

/// Kind and cost only: a hash in a log is a password to be guessed.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Scheme::Argon2 { algorithm, params, .. } => write!(
                f,
                "Hash({algorithm} m={} t={} p={})",
                params.m_cost(),
                params.t_cost(),
                params.p_cost()
            ),
            Scheme::Bcrypt { cost } => write!(f, "Hash(bcrypt cost={cost})"),
        }
    }
}

impl<C> minicbor::Encode<C> for Hash {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.text)?;
        Ok(())
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Hash {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(|_| minicbor::decode::Error::message("not a password hash"))
    }
}
