//! The public key of a credential: a COSE key (RFC 9052, section 7; RFC 9053 and RFC 8230 for its kinds), and what it signed.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
    },
};

use super::wire::{Item, entries};

/// What is offered to authenticators, by their numbers in the registry of COSE, best first (security.md WAN-1): ES256, `EdDSA` with
/// Ed25519, RS256. A key of another kind cannot be read here, so none is accepted that was not offered.
pub(super) const OFFERED: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// What an RSA key of 8192 bits takes, and some room.
const LONGEST_KEY: usize = 1200;

/// Length of an RSA modulus: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Labels, and what may stand there.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const MODULUS: i64 = -1;
const EXPONENT: i64 = -2;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P_256: i64 = 1;
const ED_25519: i64 = 6;

/// A key that can verify.
pub(super) struct PublicKey(ParsedPublicKey);

impl PublicKey {
    /// Reads a key of one of the kinds that are offered. One that is no point of P-256, or an RSA key outside 2048 to 8192 bits, is none
    /// (security.md WAN-3). Whether an Ed25519 key is a point of its curve the library finds out when it verifies: one that is not
    /// opens nothing.
    pub(super) fn read(cose: &[u8]) -> Option<Self> {
        if cose.len() > LONGEST_KEY {
            return None;
        }
        let members = entries(cose)?;
        let number = |label| match members.get(&label) {
            Some(Item::Number(number)) => Some(*number),
            _ => None,
        };
        let bytes = |label| match members.get(&label) {
            Some(Item::Bytes(bytes)) => Some(*bytes),
            _ => None,
        };
        let coordinate = |label| bytes(label).filter(|bytes| bytes.len() == 32);
        match (number(KEY_TYPE)?, number(ALGORITHM)?) {
            (EC2, ES256) if number(CURVE)? == P_256 => {
                let point = [&[4], coordinate(X)?, coordinate(Y)?].concat();
                Self::new(&ECDSA_P256_SHA256_ASN1, &point)
            }
            (OKP, EDDSA) if number(CURVE)? == ED_25519 => Self::new(&ED25519, coordinate(X)?),
            (RSA, RS256) => {
                // The library looks at the length when it verifies, which is too late for whoever made the credential.
                let n = bytes(MODULUS).filter(|n| RSA_BYTES.contains(&n.len()))?;
                let n = Some(n).filter(|n| n.len() > 256 || n[0] >= 0x80)?;
                let components = PublicKeyComponents { n, e: bytes(EXPONENT)? };
                let der: PublicKeyX509Der<'_> = components.as_der().ok()?;
                Self::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref())
            }
            _ => None,
        }
    }

    fn new(algorithm: &'static dyn VerificationAlgorithm, bytes: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(algorithm, bytes).ok().map(Self)
    }

    /// Whether its holder signed this.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::KeySize,
        signature::{
            ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
            RsaKeyPair,
        },
    };

    use super::*;

    fn number(label: i64, value: i64) -> Vec<u8> {
        [minicbor::to_vec(label).unwrap(), minicbor::to_vec(value).unwrap()].concat()
    }

    fn string(label: i64, bytes: &[u8]) -> Vec<u8> {
        let bytes: &minicbor::bytes::ByteSlice = bytes.into();
        [minicbor::to_vec(label).unwrap(), minicbor::to_vec(bytes).unwrap()].concat()
    }

    fn map(members: &[Vec<u8>]) -> Vec<u8> {
        [vec![0xa0 | u8::try_from(members.len()).unwrap()], members.concat()].concat()
    }

    fn ec2(algorithm: i64, curve: i64, point: &[u8]) -> Vec<u8> {
        let (x, y) = point[1..].split_at(32);
        map(&[number(1, 2), number(3, algorithm), number(-1, curve), string(-2, x), string(-3, y)])
    }

    fn rsa(algorithm: i64, n: &[u8], e: &[u8]) -> Vec<u8> {
        map(&[number(1, 3), number(3, algorithm), string(-1, n), string(-2, e)])
    }

    /// A key of one kind: as COSE, and its hand.
    pub(in crate::crypto::webauthn) struct Pair {
        pub(in crate::crypto::webauthn) cose: Vec<u8>,
        #[expect(clippy::type_complexity, reason = "a hand")]
        pub(in crate::crypto::webauthn) sign: Box<dyn Fn(&[u8]) -> Vec<u8>>,
    }

    /// One of each kind that is offered, in that order.
    pub(in crate::crypto::webauthn) fn pairs() -> Vec<Pair> {
        let es256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let eddsa = Ed25519KeyPair::generate().unwrap();
        let rs256 = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let okp = [number(1, 1), number(3, -8), number(-1, 6), string(-2, eddsa.public_key().as_ref())];
        let (n, e) = (rs256.public_key().modulus(), rs256.public_key().exponent());
        let rsa = rsa(-257, n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
        vec![
            Pair {
                cose: ec2(-7, 1, es256.public_key().as_ref()),
                sign: Box::new(move |message| {
                    es256.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
                }),
            },
            Pair { cose: map(&okp), sign: Box::new(move |message| eddsa.sign(message).as_ref().to_vec()) },
            Pair {
                cose: rsa,
                sign: Box::new(move |message| {
                    let mut signature = vec![0; rs256.public_modulus_len()];
                    rs256.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                    signature
                }),
            },
        ]
    }

    /// Proves: WAN-1
    #[test]
    fn each_kind_that_is_offered_verifies_its_own() {
        let pairs = pairs();
        assert_eq!(pairs.len(), OFFERED.len());
        for (at, pair) in pairs.iter().enumerate() {
            let key = PublicKey::read(&pair.cose).unwrap();
            let signature = (pair.sign)(b"message");
            assert!(key.verifies(b"message", &signature), "{at}");
            assert!(!key.verifies(b"massage", &signature), "{at}");
            assert!(!key.verifies(b"message", b""), "{at}");
            let mut flipped = signature.clone();
            *flipped.last_mut().unwrap() ^= 1;
            assert!(!key.verifies(b"message", &flipped), "{at}");
            for (other, pair) in pairs.iter().enumerate().filter(|(other, _)| *other != at) {
                assert!(!key.verifies(b"message", &(pair.sign)(b"message")), "{other} for {at}");
            }
        }
    }

    /// Proves: WAN-1, WAN-3, WAN-7
    #[test]
    fn what_is_no_key_of_these_kinds_is_none() {
        let point =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap().public_key().as_ref().to_vec();
        assert!(PublicKey::read(&ec2(-7, 1, &point)).is_some());
        let mut off = point.clone();
        off[64] ^= 1;
        let modulus = [0xff; 256];
        let (x, y) = (&point[1..33], &point[33..]);
        let bad = [
            ("a point off the curve", ec2(-7, 1, &off)),
            ("the origin, which is no point", ec2(-7, 1, &[0; 65])),
            ("another curve", ec2(-7, 2, &point)),
            ("ES384", ec2(-35, 1, &point)),
            ("an algorithm of another kind of key", ec2(-257, 1, &point)),
            (
                "a short coordinate",
                map(&[number(1, 2), number(3, -7), number(-1, 1), string(-2, &x[1..]), string(-3, y)]),
            ),
            (
                "a coordinate that lends a byte to the other",
                map(&[
                    number(1, 2),
                    number(3, -7),
                    number(-1, 1),
                    string(-2, &x[..31]),
                    string(-3, &point[32..]),
                ]),
            ),
            ("half a point", map(&[number(1, 2), number(3, -7), number(-1, 1), string(-2, x)])),
            ("no algorithm", map(&[number(1, 2), number(-1, 1), string(-2, x), string(-3, y)])),
            ("Ed448", map(&[number(1, 1), number(3, -8), number(-1, 7), string(-2, x)])),
            ("Ed25519, short", map(&[number(1, 1), number(3, -8), number(-1, 6), string(-2, &x[1..])])),
            ("RSA with SHA-1", rsa(-65535, &modulus, &[1, 0, 1])),
            ("RSA-PSS", rsa(-37, &modulus, &[1, 0, 1])),
            ("RSA of 1024 bits", rsa(-257, &modulus[..128], &[1, 0, 1])),
            ("RSA of 2047 bits", rsa(-257, &[&[0x7f][..], &modulus[1..]].concat(), &[1, 0, 1])),
            (
                "more beside it than any key takes",
                map(&[number(1, 1), number(3, -8), number(-1, 6), string(-2, x), string(9, &[0; 1200])]),
            ),
            ("RSA of 8200 bits", rsa(-257, &[0xff; 1025], &[1, 0, 1])),
            ("RSA without an exponent", rsa(-257, &modulus, &[])),
            ("RSA that signs nothing", rsa(-257, &modulus, &[1])),
            ("RSA with an even exponent", rsa(-257, &modulus, &[2])),
            ("something behind it", [ec2(-7, 1, &point), vec![0]].concat()),
            ("nothing", Vec::new()),
        ];
        for (what, cose) in bad {
            assert!(PublicKey::read(&cose).is_none(), "{what}");
        }
        assert!(PublicKey::read(&rsa(-257, &modulus, &[1, 0, 1])).is_some());
        assert!(PublicKey::read(&rsa(-257, &[0xff; 1024], &[1, 0, 1])).is_some());
        assert!(
            PublicKey::read(&map(&[number(1, 1), number(3, -8), number(-1, 6), string(-2, x), string(9, x)]))
                .is_some()
        );
    }
}
