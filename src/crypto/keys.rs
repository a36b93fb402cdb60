//! The master key and what is derived from it: one key per purpose (security.md OPS-8), by
//! HKDF-SHA-256 (RFC 5869).

use std::fmt;

use aws_lc_rs::hkdf;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::{
    mac::{MacKey, ShortTag},
    seal::SealKey,
};
use crate::values::{random::Random, secret::Secret};

/// Why some bytes are not a master key. The messages never repeat the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// Not 32 bytes: neither raw nor in base64 or hexadecimal.
    #[error(
        "a master key is 32 random bytes, raw or as base64 or hexadecimal text; make one with: openssl rand -base64 32"
    )]
    NotAKey,
    /// 32 bytes that nobody drew at random: repeated, counted, or readable text.
    #[error(
        "this master key is a placeholder or a pass phrase, not 32 random bytes; make one with: openssl rand -base64 32"
    )]
    Weak,
}

/// The 256-bit key that everything else is derived from. It lives in a file of its own, outside the
/// store, so that a copy of the store alone opens nothing.
pub struct MasterKey(Secret<[u8; 32]>);

/// Separates our derivations from those of any other program given the same key by mistake.
const SALT: &[u8] = b"vouchsafe master key, version 1";

impl MasterKey {
    /// A new key from the operating system's generator.
    pub fn generate(chance: Random<32>) -> Self {
        Self(Secret::new(*chance.bytes()))
    }

    /// Reads a key file: 32 raw bytes, or their base64 (either alphabet, padded or not) or
    /// hexadecimal spelling with white space around it. Keys that cannot be random are refused (OPS-21).
    pub fn parse(file: &[u8]) -> Result<Self, MasterKeyError> {
        // Text is tried first: 32 readable bytes are somebody's pass phrase, whatever they meant.
        let bytes = match std::str::from_utf8(file).map(str::trim).ok().and_then(from_text) {
            Some(bytes) => bytes,
            None => Zeroizing::new(file.try_into().map_err(|_| MasterKeyError::NotAKey)?),
        };
        if looks_made_up(&bytes) {
            return Err(MasterKeyError::Weak);
        }
        Ok(Self(Secret::new(*bytes)))
    }

    /// The key as base64url text, as a new key file holds it.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// Sixteen bytes by which this key is known again, and which tell nothing else about it: a store keeps them,
    /// so that it is never opened with another key.
    pub fn imprint(&self) -> ShortTag {
        self.mac_key("imprint v1").sign_short(b"")
    }

    /// The signing key of one purpose. A label never changes its meaning and is never reused.
    pub fn mac_key(&self, purpose: &'static str) -> MacKey {
        MacKey::new(&self.derive("mac", purpose))
    }

    /// The sealing key of one purpose. Shares nothing with the signing key of the same label.
    pub fn seal_key(&self, purpose: &'static str) -> SealKey {
        SealKey::new(&self.derive("seal", purpose))
    }

    fn derive(&self, kind: &str, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        expand(SALT, self.0.expose(), &[kind.as_bytes(), b":", purpose.as_bytes()], out.as_mut_slice());
        out
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// HKDF-SHA-256: extract with `salt`, expand with `info` into `out`.
pub(super) fn expand(salt: &[u8], secret: &[u8], info: &[&[u8]], out: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let filled = hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, Length(out.len()))
        .and_then(|okm| okm.fill(out));
    #[expect(
        clippy::expect_used,
        reason = "HKDF fails only above 255 blocks of output; ours are one or two"
    )]
    filled.expect("at most 8160 bytes are asked for");
}

fn from_text(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    match text.len() {
        64 => {
            for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                // from_str_radix would take "+f" for a number.
                let pair =
                    std::str::from_utf8(pair).ok().filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))?;
                *byte = u8::from_str_radix(pair, 16).ok()?;
            }
            Some(out)
        }
        43 | 44 => {
            // decode_slice asks for room for a multiple of three before it knows the padding.
            let mut room = Zeroizing::new([0; 33]);
            let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
            let read = engines.iter().find_map(|engine| {
                engine.decode_slice(text, room.as_mut_slice()).ok().filter(|n| *n == 32)
            })?;
            out.copy_from_slice(room.get(..read)?);
            Some(out)
        }
        _ => None,
    }
}

/// Whether 32 bytes cannot have come from a generator. Each rule turns away a random key with
/// probability below 2^-40.
fn looks_made_up(bytes: &[u8; 32]) -> bool {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    // 32 random bytes have about thirty different values.
    let few_values = seen.iter().filter(|seen| **seen).count() < 16;
    let steps = |(a, b): (&u8, &u8)| b.wrapping_sub(*a);
    let first_step = bytes[1].wrapping_sub(bytes[0]);
    let counted = bytes.iter().zip(bytes.iter().skip(1)).map(steps).all(|step| step == first_step);
    let readable = bytes.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    few_values || counted || readable
}

#[cfg(test)]
mod tests {
    use super::{MasterKey, MasterKeyError, expand};
    use crate::values::random::Random;

    fn random_looking() -> [u8; 32] {
        crate::crypto::digest::sha256(b"a test key")
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, b| {
            let _ = write!(text, "{b:02x}");
            text
        })
    }

    #[test]
    fn rfc_5869_case_1() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let mut out = [0; 42];
        expand(&salt, &[0x0b; 22], &[&info], &mut out);
        assert_eq!(
            hex(&out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn rfc_5869_case_2_with_info_in_pieces() {
        let salt: Vec<u8> = (0x60..=0xaf).collect();
        let secret: Vec<u8> = (0..=0x4f).collect();
        let info: Vec<u8> = (0xb0..=0xff).collect();
        let mut out = [0; 82];
        expand(&salt, &secret, &[&info[..7], &info[7..]], &mut out);
        assert_eq!(
            hex(&out),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
             da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        );
    }

    /// Proves: OPS-8
    #[test]
    fn every_purpose_and_kind_has_its_own_key() {
        let master = MasterKey::generate(Random::new(random_looking()));
        let tags = ["csrf", "cookie", "csr"].map(|purpose| master.mac_key(purpose).sign(b"x"));
        assert_ne!(tags[0], tags[1]);
        assert_ne!(tags[0], tags[2]);
        assert_eq!(tags[0], master.mac_key("csrf").sign(b"x"));
        assert_ne!(*master.derive("mac", "csrf"), *master.derive("seal", "csrf"));
        let mut other = random_looking();
        other[0] ^= 1;
        assert_ne!(tags[0], MasterKey::generate(Random::new(other)).mac_key("csrf").sign(b"x"));
    }

    #[test]
    fn every_usual_spelling_of_a_key_is_read() {
        use base64::{Engine as _, engine::general_purpose as b64};
        let bytes = random_looking();
        let tag = MasterKey::generate(Random::new(bytes)).mac_key("t").sign(b"x");
        for file in [
            bytes.to_vec(),
            format!("{}\n", b64::STANDARD.encode(bytes)).into_bytes(),
            b64::STANDARD_NO_PAD.encode(bytes).into_bytes(),
            format!("  {}\r\n", b64::URL_SAFE.encode(bytes)).into_bytes(),
            b64::URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
            hex(&bytes).into_bytes(),
            hex(&bytes).to_uppercase().into_bytes(),
            MasterKey::generate(Random::new(bytes)).to_text().expose().clone().into_bytes(),
        ] {
            assert_eq!(MasterKey::parse(&file).unwrap().mac_key("t").sign(b"x"), tag, "{file:?}");
        }
    }

    /// Proves: OPS-21
    #[test]
    fn keys_nobody_drew_are_refused() {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let counted: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let backwards: [u8; 32] = std::array::from_fn(|i| 255 - 3 * u8::try_from(i).unwrap());
        for weak in [
            [0; 32],
            [0xff; 32],
            counted,
            backwards,
            *b"change-me-change-me-change-me-12",
            *b"0123456789abcdef0123456789abcdef",
            *b"\x01\x02\x03\x04\x05\x06\x07\x99\x01\x02\x03\x04\x05\x06\x07\x99\x01\x02\x03\x04\x05\x06\x07\x99\x01\x02\x03\x04\x05\x06\x07\x99",
        ] {
            assert_eq!(MasterKey::parse(&weak).err(), Some(MasterKeyError::Weak), "{weak:?}");
            assert_eq!(MasterKey::parse(STANDARD.encode(weak).as_bytes()).err(), Some(MasterKeyError::Weak));
            assert_eq!(MasterKey::parse(hex(&weak).as_bytes()).err(), Some(MasterKeyError::Weak));
        }
        for not_a_key in [&b""[..], b"secret", &[7; 31], &[7; 33], &[b'+'; 64], &[0xfe; 4096]] {
            assert_eq!(MasterKey::parse(not_a_key).err(), Some(MasterKeyError::NotAKey), "{not_a_key:?}");
        }
    }

    #[test]
    fn keys_do_not_print() {
        let master = MasterKey::generate(Random::new(random_looking()));
        let shown = format!("{master:?} {:?} {:?}", master.mac_key("a"), master.seal_key("a"));
        assert_eq!(shown, "MasterKey MacKey SealKey");
    }
}
