//! The text of a key, its digest, its name, and what it may be good for.

use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::{
    crypto::{digest::sha256, text},
    store::{Key, KeyBuf, KeyReader},
    values::{random::Random, secret::Secret},
};

/// How every key begins, so that people and scanners of leaked secrets recognise one.
const PREFIX: &str = "vsk_";
const CHANCE: usize = 32;
const CHECK: usize = 4;

/// What a program sends. It does not print and is never stored.
#[derive(Clone, Debug)]
pub struct ApiKey(Secret<[u8; CHANCE]>);

impl ApiKey {
    /// A new key: 256 bits of chance.
    pub fn mint(chance: Random<CHANCE>) -> Self {
        Self(Secret::new(*chance.bytes()))
    }

    /// The text to hand out: the prefix, then base64url of the chance and four check bytes.
    pub fn text(&self) -> Secret<String> {
        let mut raw = self.0.expose().to_vec();
        raw.extend_from_slice(&check(self.0.expose()));
        Secret::new(format!("{PREFIX}{}", text::encode(&raw)))
    }

    /// Reads a key. `None` for what we never issued by its shape, which costs no look-up.
    pub fn parse(given: &str) -> Option<Self> {
        let raw: [u8; CHANCE + CHECK] = text::decode(given.strip_prefix(PREFIX)?)?;
        let (chance, given) = raw.split_first_chunk::<CHANCE>()?;
        (check(chance) == *given).then(|| Self(Secret::new(*chance)))
    }

    /// The stored form. A look-up by it takes no longer for a nearly right key (security.md PWD-10).
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(sha256(self.0.expose()))
    }

    /// The first characters, by which people tell their keys apart. They say 24 of the 256 bits.
    pub fn hint(&self) -> String {
        format!("{PREFIX}{}", text::encode(&self.0.expose()[..3]))
    }
}

/// Told apart from the digest, so that neither gives the other away.
fn check(chance: &[u8; CHANCE]) -> [u8; CHECK] {
    let mut framed = b"api key check\0".to_vec();
    framed.extend_from_slice(chance);
    let [a, b, c, d, ..] = sha256(&framed);
    [a, b, c, d]
}

/// SHA-256 of a key's chance: what the store knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl Key for KeyDigest {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(&self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.bytes().map(Self)
    }
}

/// What a key may be used for. Each route says which it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Scope {
    /// Endpoints that anybody may call, as a program that is trusted with them: not counted by its address.
    #[n(0)]
    Public,
    /// Reading what belongs to an account.
    #[n(1)]
    Read,
    /// Changing what belongs to an account, apart from its credentials and from whom it lets in.
    #[n(2)]
    Write,
    /// Setting passwords and second factors, without proof of the old ones.
    #[n(3)]
    Credentials,
    /// Letting OAuth clients act for an account, as its owner does on the page that asks.
    #[n(4)]
    Grant,
}

impl Scope {
    /// Every scope, in the order of what they open.
    pub const ALL: &'static [Self] = &[Self::Public, Self::Read, Self::Write, Self::Credentials, Self::Grant];

    /// The word for lists, commands and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Read => "read",
            Self::Write => "write",
            Self::Credentials => "credentials",
            Self::Grant => "grant",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no scope; there are public, read, write, credentials and grant")]
pub struct UnknownScope;

/// What the operator calls a key: 1 to 40 lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(Box<str>);

/// The text is no name for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to 40 lower-case letters, digits, hyphens, underscores or dots, and begins with a letter or digit"
)]
pub struct KeyNameError;

impl KeyName {
    const LONGEST: usize = 40;

    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, KeyNameError> {
        let starts =
            text.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if starts && text.len() <= Self::LONGEST && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(KeyNameError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, CHANCE, KeyName, Scope};
    use crate::values::random::Random;

    /// Proves: API-5
    #[test]
    fn a_key_is_256_bits_behind_a_prefix_and_anything_else_is_none() {
        let key = ApiKey::mint(Random::new([7; CHANCE]));
        let text = key.text().expose().clone();
        assert!(text.starts_with("vsk_") && text.len() == 4 + 48, "{text}");
        assert!(text.starts_with(&key.hint()) && key.hint().len() == 8);
        assert_eq!(ApiKey::parse(&text).unwrap().digest(), key.digest());
        let mut last = text.clone();
        let other = if last.pop() == Some('A') { 'B' } else { 'A' };
        last.push(other);
        let upper = text.replacen("vsk_", "VSK_", 1);
        let bare = text.replacen("vsk_", "", 1);
        for wrong in ["", "vsk_", &last, &upper, &bare, &format!("{text}A"), &format!(" {text}"), &text[..51]]
        {
            assert!(ApiKey::parse(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{key:?}").contains("BwcH"), "it prints itself");
    }

    #[test]
    fn names_and_scopes_are_words() {
        for good in ["a", "0", "billing-import_2.prod", &"x".repeat(40)] {
            assert_eq!(KeyName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "A", "a b", "a\n", "ä", &"x".repeat(41)] {
            assert!(KeyName::parse(bad).is_err(), "{bad:?}");
        }
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(*scope));
        }
        assert!("admin".parse::<Scope>().is_err());
    }
}
