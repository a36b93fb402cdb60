//! Recovery codes: ten secrets on paper, each good once, for the second factor only (security.md OTP-9).

use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;

use crate::{
    crypto::{digest::sha256, mac::framed},
    values::{id::AccountId, random::Random, secret::Secret},
};

/// How many there are in a set.
pub const COUNT: usize = 10;
/// Bits of each: 80.
const BYTES: usize = 10;
/// Characters of each, without the hyphen in its middle.
const LENGTH: usize = 16;

/// Thirty-two letters and digits that nobody mixes up on paper: no `l`, `o`, `0`, `1`.
static ALPHABET: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijkmnpqrstuvwxyz23456789");
    #[expect(clippy::expect_used, reason = "the alphabet is a constant of thirty-two different characters")]
    specification.encoding().expect("an alphabet of thirty-two")
});

/// What is stored of a code: a digest bound to its account. With 80 random bits nothing slower is needed.
pub(super) type CodeDigest = [u8; 32];

/// A fresh set, to be shown once: `xxxxxxxx-xxxxxxxx`.
pub fn mint(chance: &[Random<BYTES>; COUNT]) -> Vec<Secret<String>> {
    let written = |chance: &Random<BYTES>| {
        let plain = Secret::new(ALPHABET.encode(chance.bytes()));
        let (head, tail) = plain.expose().split_at(LENGTH / 2);
        Secret::new(format!("{head}-{tail}"))
    };
    chance.iter().map(written).collect()
}

/// Whether a typed text could be a recovery code by its shape; tells it apart from a code of six or eight digits.
pub fn looks_like_one(typed: &str) -> bool {
    canonical(typed).is_some()
}

/// The digest a typed code would be stored under; `None` when it is none by its shape.
pub(super) fn digest(account: AccountId, typed: &Secret<String>) -> Option<CodeDigest> {
    let plain = canonical(typed.expose())?;
    Some(sha256(&framed(&[b"recovery code v1", account.bytes(), plain.expose().as_bytes()])))
}

/// Surrounding spaces, one separator (OTP-10) and capital letters are forgiven: it is copied from paper.
fn canonical(typed: &str) -> Option<Secret<String>> {
    let plain = Secret::new(crate::domain::challenge::tidied(typed).to_ascii_lowercase());
    let fits = plain.expose().len() == LENGTH && ALPHABET.decode(plain.expose().as_bytes()).is_ok();
    fits.then_some(plain)
}
