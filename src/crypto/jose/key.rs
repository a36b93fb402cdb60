//! Key pairs: making, reading and using them.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use serde::Serialize;

use super::Algorithm;
use crate::{
    crypto::{digest::sha256, text},
    values::secret::Secret,
};

/// Why a key cannot be made or used. Never says anything about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The library could not make a key.
    #[error("a signing key could not be made")]
    Generate,
    /// The bytes are not a private key for the algorithm.
    #[error("this is not a private key for its algorithm")]
    Parse,
    /// Signing failed.
    #[error("a token could not be signed")]
    Sign,
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Claims,
}

/// Length of a new RSA key in bits (security.md section 2: at least 2048, 3072 recommended).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RsaSize {
    /// 2048 bits.
    Bits2048,
    /// 3072 bits.
    #[default]
    Bits3072,
}

/// A new private key as PKCS #8. RSA takes a tenth of a second or much more.
///
/// The one place of this room that draws chance by itself: the library makes primes and scalars from its own generator, which
/// the operating system seeds (security.md OPS-8), and offers no other way.
pub fn generate(algorithm: Algorithm, rsa: RsaSize) -> Result<Secret<Vec<u8>>, KeyError> {
    let failed = |_| KeyError::Generate;
    let bytes = match algorithm {
        Algorithm::Rs256 => {
            let size = match rsa {
                RsaSize::Bits2048 => KeySize::Rsa2048,
                RsaSize::Bits3072 => KeySize::Rsa3072,
            };
            let pair = RsaKeyPair::generate(size).map_err(failed)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
            der.as_ref().to_vec()
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
            pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec()
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::generate().map_err(failed)?;
            pair.to_pkcs8().map_err(failed)?.as_ref().to_vec()
        }
    };
    Ok(Secret::new(bytes))
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A private key, ready to sign with its one algorithm.
pub struct Signer {
    pair: Pair,
    jwk: Jwk,
}

impl Signer {
    /// Reads a key that [`generate`] made.
    pub fn parse(algorithm: Algorithm, pkcs8: &Secret<Vec<u8>>) -> Result<Self, KeyError> {
        let bytes = pkcs8.expose();
        let wrong = |_| KeyError::Parse;
        let pair = match algorithm {
            Algorithm::Rs256 => Pair::Rsa(RsaKeyPair::from_pkcs8(bytes).map_err(wrong)?),
            Algorithm::Es256 => {
                Pair::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).map_err(wrong)?)
            }
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(bytes).map_err(wrong)?),
        };
        let jwk = Jwk::of(&pair)?;
        Ok(Self { pair, jwk })
    }

    /// The key's name: its thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// Its one algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match &self.pair {
            Pair::Rsa(_) => Algorithm::Rs256,
            Pair::P256(_) => Algorithm::Es256,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The public part.
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| KeyError::Sign)?;
                Ok(signature)
            }
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Sign)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Sign),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} {})", self.algorithm().as_str(), self.jwk.kid)
    }
}

/// The public part of a key as RFC 7517 writes it. It has no room for a private member, so none can get into a key set
/// (security.md JWT-7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl Jwk {
    fn of(pair: &Pair) -> Result<Self, KeyError> {
        let bare = |kty, alg| Self {
            kty,
            usage: "sig",
            alg,
            kid: String::new(),
            n: None,
            e: None,
            crv: None,
            x: None,
            y: None,
        };
        let mut jwk = match pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let number = |value: &[u8]| Some(text::encode(value));
                Self {
                    n: number(public.modulus().big_endian_without_leading_zero()),
                    e: number(public.exponent().big_endian_without_leading_zero()),
                    ..bare("RSA", "RS256")
                }
            }
            Pair::P256(pair) => {
                // SEC 1, uncompressed: 04, then both coordinates.
                let point: &[u8; 65] = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Parse)?;
                let (x, y) = point[1..].split_at(32);
                let (x, y) = (Some(text::encode(x)), Some(text::encode(y)));
                Self { crv: Some("P-256"), x, y, ..bare("EC", "ES256") }
            }
            Pair::Ed25519(pair) => {
                let x = Some(text::encode(pair.public_key().as_ref()));
                Self { crv: Some("Ed25519"), x, ..bare("OKP", "EdDSA") }
            }
        };
        jwk.kid = jwk.thumbprint();
        Ok(jwk)
    }

    /// The required members in the order of their names, digested (RFC 7638).
    fn thumbprint(&self) -> String {
        let mut members: Vec<(&str, &str)> = vec![("kty", self.kty)];
        members.extend(self.crv.map(|crv| ("crv", crv)));
        let numbers = [("e", &self.e), ("n", &self.n), ("x", &self.x), ("y", &self.y)];
        members.extend(numbers.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        members.sort_unstable();
        // All values are base64url or fixed words: nothing to escape.
        let inner: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        text::encode(&sha256(format!("{{{}}}", inner.join(",")).as_bytes()))
    }

    /// Its name in the set.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    #[cfg(test)]
    pub(super) fn rsa(n: &str, e: &str) -> Self {
        Self {
            kty: "RSA",
            usage: "sig",
            alg: "RS256",
            kid: String::new(),
            n: Some(n.to_owned()),
            e: Some(e.to_owned()),
            crv: None,
            x: None,
            y: None,
        }
    }

    #[cfg(test)]
    pub(super) fn digest(&self) -> String {
        self.thumbprint()
    }
}
