//! Message authentication: HMAC-SHA-256 (RFC 2104), whole or cut to sixteen bytes where a URL or a
//! cookie carries it.

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;

/// A key that signs and verifies, for one purpose. Made by
/// [`MasterKey::mac_key`](super::keys::MasterKey::mac_key).
#[derive(Clone)]
pub struct MacKey(hmac::Key);

/// A whole tag.
pub type Tag = [u8; 32];

/// A tag cut to its first 128 bits (RFC 2104, section 5), for places where length counts.
pub type ShortTag = [u8; 16];

impl MacKey {
    /// A key from 32 secret bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Tag {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        out
    }

    /// Signs a message with sixteen bytes.
    pub fn sign_short(&self, message: &[u8]) -> ShortTag {
        let [a @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.sign(message);
        a
    }

    /// Whether `tag` is the tag of `message`, in constant time (security.md PWD-10).
    pub fn verify(&self, message: &[u8], tag: &Tag) -> bool {
        self.sign(message).ct_eq(tag).into()
    }

    /// Whether `tag` is the short tag of `message`, in constant time.
    pub fn verify_short(&self, message: &[u8], tag: &ShortTag) -> bool {
        self.sign_short(message).ct_eq(tag).into()
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

/// Several fields as one message that has no second reading: each is preceded by its length, so
/// that `("ab", "c")` and `("a", "bc")` never share a tag.
pub fn framed(fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.iter().map(|field| field.len() + 8).sum());
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MacKey, framed};

    #[test]
    fn rfc_4231_case_1_with_the_key_padded_as_hmac_does() {
        // HMAC pads short keys with zeros, so the RFC's 20-byte key is this 32-byte one.
        let mut bytes = [0; 32];
        bytes[..20].fill(0x0b);
        let tag = MacKey::new(&bytes).sign(b"Hi There");
        let expected = [
            0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1, 0x2b,
            0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83, 0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7,
        ];
        assert_eq!(tag, expected);
    }

    #[test]
    fn rfc_4231_case_2_cut_short() {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(b"Jefe");
        let key = MacKey::new(&bytes);
        let expected =
            [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7];
        assert_eq!(key.sign_short(b"what do ya want for nothing?"), expected);
        assert!(key.verify_short(b"what do ya want for nothing?", &expected));
    }

    /// Proves: PWD-10
    #[test]
    fn any_flipped_bit_is_noticed() {
        let key = MacKey::new(&[7; 32]);
        let (tag, short) = (key.sign(b"message"), key.sign_short(b"message"));
        assert!(key.verify(b"message", &tag));
        for bit in 0..256 {
            let mut bad = tag;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(b"message", &bad));
        }
        for bit in 0..128 {
            let mut bad = short;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify_short(b"message", &bad));
        }
        assert!(!key.verify(b"messagf", &tag));
        assert!(!MacKey::new(&[8; 32]).verify(b"message", &tag));
    }

    proptest! {
        #[test]
        fn framing_has_one_reading(a in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..5),
                                   b in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..5)) {
            let bytes = |fields: &[Vec<u8>]| framed(&fields.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(bytes(&a) == bytes(&b), a == b);
        }
    }
}
