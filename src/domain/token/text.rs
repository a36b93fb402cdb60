//! The texts that clients hold, and what the store knows of them.
//!
//! An access token is base64url of 32 secret random bytes, 4 bytes of birth second, and 3 check bytes, as a session key is. A
//! code or refresh token (a *ticket*) is 32 secret random bytes, the 16 bytes of its authorization, and 16 bytes of MAC over both
//! and its kind. The MAC tells a ticket that we once made from one that anybody made up: the former, when it is not the present
//! one, was used before, however long ago, without a list of all used ones.

use minicbor::{Decode, Encode};

use crate::{
    crypto::{
        digest::sha256,
        mac::{MacKey, framed},
        text,
    },
    store::{Key, KeyBuf, KeyReader},
    values::{id::AuthorizationId, random::Random, secret::Secret, time::Timestamp},
};

const CHANCE: usize = 32;
const SECOND: usize = 4;
const CHECK: usize = 3;
const ACCESS: usize = CHANCE + SECOND + CHECK;
const TICKET: usize = CHANCE + 16 + 16;

/// How many characters of a token a list shows: 30 of its 256 bits.
const SHORT: usize = 5;

/// An access token, as its client holds it. It is never stored.
#[derive(Clone, Debug)]
pub struct AccessKey(Secret<String>, AccessHash);

/// What the store knows of an access token: the birth second leads, so that tokens written together lie together and expiry is a
/// range (DESIGN.md section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessHash {
    second: u32,
    digest: [u8; 32],
}

impl AccessKey {
    /// A new one.
    pub fn mint(now: Timestamp, chance: Random<CHANCE>) -> Self {
        let mut bytes = [0; CHANCE + SECOND];
        let (head, tail) = bytes.split_at_mut(CHANCE);
        head.copy_from_slice(chance.bytes());
        tail.copy_from_slice(&u32::try_from(now.secs()).unwrap_or(u32::MAX).to_be_bytes());
        let hash = AccessHash::over(&bytes);
        let mut raw = bytes.to_vec();
        raw.extend_from_slice(&hash.digest[..CHECK]);
        Self(Secret::new(text::encode(&raw)), hash)
    }

    /// What goes to the client.
    pub const fn text(&self) -> &Secret<String> {
        &self.0
    }

    /// The stored form.
    pub const fn hash(&self) -> AccessHash {
        self.1
    }

    /// Its first characters, to tell it from others in a list.
    pub fn short(&self) -> String {
        short(self.0.expose())
    }
}

impl AccessHash {
    /// Reads a token. `None` for what we never issued by its shape, at the cost of one digest.
    pub fn of_text(given: &str) -> Option<Self> {
        let raw: [u8; ACCESS] = text::decode(given)?;
        let (bytes, check) = raw.split_at(CHANCE + SECOND);
        let hash = Self::over(bytes.try_into().ok()?);
        (hash.digest[..CHECK] == *check).then_some(hash)
    }

    fn over(bytes: &[u8; CHANCE + SECOND]) -> Self {
        let [.., a, b, c, d] = *bytes;
        Self { second: u32::from_be_bytes([a, b, c, d]), digest: sha256(bytes) }
    }
}

impl Key for AccessHash {
    fn write(&self, out: &mut KeyBuf) {
        out.u32(self.second).bytes(&self.digest);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        Some(Self { second: from.u32()?, digest: from.bytes()? })
    }
}

/// What a ticket is good for. One kind never passes for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// An authorization code.
    #[n(0)]
    Code,
    /// A refresh token.
    #[n(1)]
    Refresh,
}

/// A code or refresh token, as its client holds it. It is never stored.
#[derive(Clone, Debug)]
pub struct Ticket {
    text: Secret<String>,
    digest: [u8; 32],
}

/// A ticket that came in and was made by us, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The authorization it belongs to.
    pub authorization: AuthorizationId,
    /// The stored form.
    pub digest: [u8; 32],
}

impl Ticket {
    /// A new one.
    pub fn mint(kind: Kind, authorization: AuthorizationId, chance: Random<CHANCE>, key: &MacKey) -> Self {
        let mut raw = chance.bytes().to_vec();
        raw.extend_from_slice(authorization.bytes());
        let tag = key.sign_short(&message(kind, &raw));
        raw.extend_from_slice(&tag);
        Self { text: Secret::new(text::encode(&raw)), digest: sha256(&raw) }
    }

    /// What goes to the client.
    pub const fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// The stored form.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Its first characters, to tell it from others in a list.
    pub fn short(&self) -> String {
        short(self.text.expose())
    }
}

impl Presented {
    /// Reads a ticket of this kind. `None` for what we never made.
    pub fn read(kind: Kind, given: &str, key: &MacKey) -> Option<Self> {
        let raw: [u8; TICKET] = text::decode(given)?;
        let (signed, tag) = raw.split_at(CHANCE + 16);
        if !key.verify_short(&message(kind, signed), tag.try_into().ok()?) {
            return None;
        }
        let id: [u8; 16] = signed.get(CHANCE..)?.try_into().ok()?;
        Some(Self { authorization: AuthorizationId::from_bytes(id), digest: sha256(&raw) })
    }
}

fn short(text: &str) -> String {
    text.chars().take(SHORT).collect()
}

fn message(kind: Kind, signed: &[u8]) -> Vec<u8> {
    framed(&[&[kind as u8], signed])
}
