//! The work itself, with memory that is kept between calls.

use argon2::{Algorithm, Argon2, Block, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    PasswordError,
    hash::{Hash, Scheme, TAG, engine_params},
    params::Params,
    prepare,
};
use crate::values::{random::Random, secret::Secret};

/// That somebody knew the password of one particular hash. Only a verification makes one.
#[derive(Clone, Debug)]
pub struct Proof {
    hash: Hash,
}

impl Proof {
    /// The hash that was matched. Whoever acts on the proof later checks, in the same transaction, that
    /// it is still the stored one: the password may have been changed meanwhile.
    pub const fn hash(&self) -> &Hash {
        &self.hash
    }
}

/// The result of a check.
#[derive(Debug)]
#[must_use]
pub enum Verified {
    /// The password is the one.
    Yes(Proof),
    /// It is another.
    No,
}

/// Hashes and checks passwords in one block of memory that it keeps.
///
/// Getting 64 MiB from the system and giving it back costs a tenth of a hash in page faults; keeping
/// it makes a sign-in as cheap as the bare function. What stays in the memory between calls is the
/// last state of the function, which is worth to a thief what the stored hash is worth; it is
/// overwritten by the next call.
#[derive(Default)]
pub struct Hasher {
    memory: Vec<Block>,
}

impl Hasher {
    /// A hasher without memory; the first call gets it.
    pub const fn new() -> Self {
        Self { memory: Vec::new() }
    }

    /// Hashes a new password with argon2id. The salt must be fresh.
    pub fn hash(
        &mut self,
        password: &Secret<String>,
        params: &Params,
        salt: Random<16>,
    ) -> Result<Hash, PasswordError> {
        let password = prepare(password)?;
        let mut tag = Zeroizing::new([0; TAG]);
        let engine = Argon2::new(Algorithm::Argon2id, Version::V0x13, engine_params(params));
        self.run(&engine, password.as_bytes(), salt.bytes(), tag.as_mut_slice())?;
        Ok(Hash::argon2id(params, salt.bytes(), tag.as_slice()))
    }

    /// Checks a password against a hash. Takes the time that the hash's parameters ask, right or wrong.
    pub fn verify(&mut self, hash: &Hash, password: &Secret<String>) -> Result<Verified, PasswordError> {
        let password = prepare(password)?;
        let same = match &hash.scheme {
            Scheme::Argon2 { algorithm, version, params, salt, tag } => {
                let engine = Argon2::new(*algorithm, *version, params.clone());
                let mut computed = Zeroizing::new(vec![0; tag.len()]);
                self.run(&engine, password.as_bytes(), salt, &mut computed)?;
                computed.ct_eq(tag).into()
            }
            Scheme::Bcrypt { .. } => bcrypt_matches(password.as_bytes(), hash.as_str()),
        };
        Ok(if same { Verified::Yes(Proof { hash: hash.clone() }) } else { Verified::No })
    }

    /// Gives the memory back to the system.
    pub fn release(&mut self) {
        self.memory = Vec::new();
    }

    /// Memory held at present, in bytes.
    pub const fn held_bytes(&self) -> u64 {
        self.memory.len() as u64 * Block::SIZE as u64
    }

    fn run(
        &mut self,
        engine: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), PasswordError> {
        let blocks = self.blocks(engine.params().block_count())?;
        // Lengths were checked when the parameters and the hash were made, so what can still fail is memory.
        engine
            .hash_password_into_with_memory(password, salt, tag, blocks)
            .map_err(|_| PasswordError::OutOfMemory)
    }

    fn blocks(&mut self, count: usize) -> Result<&mut [Block], PasswordError> {
        if self.memory.len() < count {
            // The old piece goes first, so that the two are never held together.
            self.release();
            let mut memory = Vec::new();
            memory.try_reserve_exact(count).map_err(|_| PasswordError::OutOfMemory)?;
            memory.resize(count, Block::new());
            self.memory = memory;
        }
        self.memory.get_mut(..count).ok_or(PasswordError::OutOfMemory)
    }
}

/// bcrypt reads 72 bytes and ignores the rest, so two long passwords that begin alike would be equal
/// (PWD-4). A longer one never matches. The work is done all the same: a quick refusal would tell
/// which accounts still have a bcrypt hash.
fn bcrypt_matches(password: &[u8], hash: &str) -> bool {
    let (head, whole) = password.get(..72).map_or((password, true), |head| (head, password.len() == 72));
    let same = bcrypt::verify(head, hash).unwrap_or(false);
    same && whole
}
