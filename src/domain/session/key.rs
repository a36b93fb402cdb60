//! The text in the cookie, and the hash under which the store knows it.
//!
//! The value is base64url of 4 bytes of birth second, 32 secret random bytes, and 3 check bytes. The birth
//! second is public; it leads the store's key so that writes land close together and expiry is a range
//! (DESIGN.md section 3). The check bytes are the first of the very hash the session is stored under: who holds the
//! value can compute them anyway, and garbage is refused before any lookup.

use minicbor::{Decode, Encode};

use crate::{
    crypto::{digest::sha256, text},
    store::{Key, KeyBuf, KeyReader},
    values::{random::Random, secret::Secret, time::Timestamp},
};

const SECOND: usize = 4;
const CHANCE: usize = 32;
const CHECK: usize = 3;
const RAW: usize = SECOND + CHANCE + CHECK;

/// What opens the door. It does not print and is never stored.
#[derive(Clone, Debug)]
pub struct SessionKey(Secret<[u8; SECOND + CHANCE]>);

/// What the store knows of a [`SessionKey`]: the birth second and SHA-256 of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct SessionHash {
    /// Second of birth since 1970.
    #[n(0)]
    second: u32,
    /// SHA-256 over birth second and secret.
    #[cbor(n(1), with = "minicbor::bytes")]
    digest: [u8; 32],
}

impl SessionKey {
    /// Length of the cookie value.
    pub const TEXT_LENGTH: usize = RAW / 3 * 4;

    /// A new key (256 bits of chance, security.md SES-1).
    pub fn mint(now: Timestamp, chance: Random<CHANCE>) -> Self {
        let mut bytes = [0; SECOND + CHANCE];
        // Past the year 2106 the prefix stays at its end; keys remain unique through their chance.
        let second = u32::try_from(now.secs()).unwrap_or(u32::MAX);
        let (head, tail) = bytes.split_at_mut(SECOND);
        head.copy_from_slice(&second.to_be_bytes());
        tail.copy_from_slice(chance.bytes());
        Self(Secret::new(bytes))
    }

    /// The cookie value.
    pub fn text(&self) -> String {
        let mut raw = self.0.expose().to_vec();
        raw.extend_from_slice(&sha256(self.0.expose())[..CHECK]);
        text::encode(&raw)
    }

    /// The stored form.
    pub fn hash(&self) -> SessionHash {
        SessionHash::over(self.0.expose())
    }
}

impl SessionHash {
    /// Reads a cookie value. `None` for anything that we never issued by its shape: wrong length,
    /// alphabet or check bytes. Costs one hash and no allocation.
    pub fn of_cookie(value: &[u8]) -> Option<Self> {
        let raw: [u8; RAW] = text::decode(std::str::from_utf8(value).ok()?)?;
        let (key, check) = raw.split_at(SECOND + CHANCE);
        let hash = Self::over(key.try_into().ok()?);
        (hash.digest[..CHECK] == *check).then_some(hash)
    }

    fn over(key: &[u8; SECOND + CHANCE]) -> Self {
        let [a, b, c, d, ..] = *key;
        Self { second: u32::from_be_bytes([a, b, c, d]), digest: sha256(key) }
    }

    /// Second of birth.
    pub const fn second(&self) -> u32 {
        self.second
    }
}

impl Key for SessionHash {
    fn write(&self, out: &mut KeyBuf) {
        out.u32(self.second).bytes(&self.digest);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        Some(Self { second: from.u32()?, digest: from.bytes()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Random, SessionHash, SessionKey, Timestamp};

    fn key() -> SessionKey {
        SessionKey::mint(Timestamp::from_secs(1_800_000_000), Random::new([7; 32]))
    }

    /// Proves: SES-1, SES-6
    #[test]
    fn the_cookie_value_is_short_and_leads_to_the_stored_hash() {
        let text = key().text();
        assert_eq!(text.len(), SessionKey::TEXT_LENGTH);
        assert!(text.len() < 100);
        assert_eq!(SessionHash::of_cookie(text.as_bytes()), Some(key().hash()));
    }

    /// Proves: VCH-3
    #[test]
    fn any_other_spelling_is_no_key() {
        let text = key().text();
        assert_eq!(SessionHash::of_cookie(b""), None);
        assert_eq!(SessionHash::of_cookie(&text.as_bytes()[1..]), None);
        assert_eq!(SessionHash::of_cookie(format!("{text}=").as_bytes()), None);
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            assert_ne!(SessionHash::of_cookie(&changed), Some(key().hash()), "position {position}");
        }
    }

    proptest! {
        /// Proves: VCH-3
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = SessionHash::of_cookie(&bytes);
        }
    }
}
