//! Sealing: secrets at rest, encrypted and bound to the place where they are stored (security.md
//! OPS-9).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{keys::expand, mac::framed};
use crate::values::{random::Random, secret::Secret};

/// It does not open: another key, another place, or somebody changed it. Which of them is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes do not open with this key at this place")]
pub struct NotOurs;

/// Where a sealed value lives. A value moved to another row or column does not open there.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table (space) of the record.
    pub table: &'a str,
    /// The field of the record.
    pub column: &'a str,
    /// The key of the record.
    pub row: &'a [u8],
}

/// A key that seals and opens, for one purpose. Made by
/// [`MasterKey::seal_key`](super::keys::MasterKey::seal_key).
///
/// Format: one byte version (1), 32 bytes salt, AES-256-GCM ciphertext and 16 bytes tag. Each sealing
/// derives its own key and nonce from its 256-bit random salt, so no number of sealings brings two
/// under one key and nonce, which AES-GCM with 96 random bits could not promise.
#[derive(Clone)]
pub struct SealKey(Zeroizing<[u8; 32]>);

/// Bytes that sealing adds.
pub const OVERHEAD: usize = 1 + SALT + TAG;

const VERSION: u8 = 1;
const SALT: usize = 32;
const TAG: usize = 16;

impl SealKey {
    /// A key from 32 secret bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// Seals bytes for one place. `chance` must be fresh for every call.
    pub fn seal(&self, chance: Random<32>, place: &Place<'_>, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() + OVERHEAD);
        out.push(VERSION);
        out.extend_from_slice(chance.bytes());
        out.append(&mut self.encrypt(chance.bytes(), place, plain));
        out
    }

    fn encrypt(&self, salt: &[u8; SALT], place: &Place<'_>, plain: &[u8]) -> Vec<u8> {
        let (key, nonce) = self.for_salt(salt);
        // Room for the tag, so that no copy of the plain text is left behind by growing.
        let mut body = Vec::with_capacity(plain.len() + TAG);
        body.extend_from_slice(plain);
        let sealed = key.seal_in_place_append_tag(nonce, place.aad(), &mut body);
        #[expect(clippy::expect_used, reason = "AES-GCM fails only above 64 GiB; records are kilobytes")]
        sealed.expect("a record fits one AES-GCM message");
        body
    }

    /// Opens what [`Self::seal`] made for the same place.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, NotOurs> {
        let (version, rest) = sealed.split_first().ok_or(NotOurs)?;
        let (salt, body) = rest.split_first_chunk::<SALT>().ok_or(NotOurs)?;
        if *version != VERSION {
            return Err(NotOurs);
        }
        let (key, nonce) = self.for_salt(salt);
        let mut buffer = Zeroizing::new(body.to_vec());
        let plain = key.open_in_place(nonce, place.aad(), &mut buffer).map_err(|_| NotOurs)?;
        Ok(Secret::new(plain.to_vec()))
    }

    fn for_salt(&self, salt: &[u8; SALT]) -> (LessSafeKey, Nonce) {
        let mut out = Zeroizing::new([0; 44]);
        expand(salt, self.0.as_slice(), &[b"vouchsafe seal 1"], out.as_mut_slice());
        let (key, nonce) = out.split_at(32);
        let nonce = nonce.first_chunk::<12>().copied().unwrap_or_default();
        let key = UnboundKey::new(&AES_256_GCM, key);
        #[expect(clippy::expect_used, reason = "fails only for a key of another length than 32 bytes")]
        let key = key.expect("AES-256 takes 32 bytes");
        (LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl Place<'_> {
    fn aad(&self) -> Aad<Vec<u8>> {
        Aad::from(framed(&[self.table.as_bytes(), self.column.as_bytes(), self.row]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{NotOurs, OVERHEAD, Place, SealKey};
    use crate::values::random::Random;

    const HERE: Place<'_> = Place { table: "devices", column: "seed", row: b"row 1" };

    fn key() -> SealKey {
        SealKey::new(&[3; 32])
    }

    /// Proves: OPS-9
    #[test]
    fn a_sealed_value_opens_only_where_it_was_put() {
        let sealed = key().seal(Random::new([9; 32]), &HERE, b"seed");
        assert_eq!(sealed.len(), 4 + OVERHEAD);
        assert_eq!(key().open(&HERE, &sealed).unwrap().expose(), b"seed");
        for elsewhere in [
            Place { table: "device", ..HERE },
            Place { column: "pin", ..HERE },
            Place { row: b"row 2", ..HERE },
            Place { table: "devicess", column: "eed", ..HERE },
            Place { column: "seedr", row: b"ow 1", ..HERE },
        ] {
            assert_eq!(key().open(&elsewhere, &sealed).err(), Some(NotOurs), "{elsewhere:?}");
        }
        assert!(SealKey::new(&[4; 32]).open(&HERE, &sealed).is_err());
    }

    /// Proves: OPS-9
    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let sealed = key().seal(Random::new([9; 32]), &HERE, b"seed");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(key().open(&HERE, &bad).is_err(), "byte {at}");
            assert!(key().open(&HERE, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    /// Proves: OPS-9
    #[test]
    fn equal_secrets_do_not_look_equal() {
        let one = key().seal(Random::new([1; 32]), &HERE, b"same");
        let two = key().seal(Random::new([2; 32]), &HERE, b"same");
        assert_ne!(one[33..], two[33..]);
    }

    proptest! {
        #[test]
        fn sealing_round_trips(plain in prop::collection::vec(any::<u8>(), 0..200), salt in any::<[u8; 32]>()) {
            let sealed = key().seal(Random::new(salt), &HERE, &plain);
            let opened = key().open(&HERE, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plain);
        }

        #[test]
        fn garbage_does_not_open_nor_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(key().open(&HERE, &bytes).is_err());
        }
    }
}
