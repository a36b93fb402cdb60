//! Signing JSON Web Tokens (RFC 7515, RFC 7518, RFC 8037) with keys that are parsed once, and their public parts as a
//! JSON Web Key Set (RFC 7517).
//!
//! A [`Signer`] has one algorithm for life, so nothing a token says can choose another one (security.md JWT-1).

mod key;

use minicbor::{Decode, Encode};
use serde::Serialize;

pub use self::key::{Jwk, KeyError, RsaSize, Signer, generate};
use crate::crypto::text;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every client can read.
    #[n(0)]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[n(1)]
    Es256,
    /// Ed25519.
    #[n(2)]
    EdDsa,
}

impl Algorithm {
    /// All of them, the one that must always be there first.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name, spelled exactly so.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// `at_hash` and `c_hash`: the left half of the digest that belongs to the algorithm (`OpenID` Connect Core 3.1.3.6; SHA-512
    /// for Ed25519).
    pub fn half_hash(self, value: &str) -> String {
        use aws_lc_rs::digest;
        let with = match self {
            Self::Rs256 | Self::Es256 => &digest::SHA256,
            Self::EdDsa => &digest::SHA512,
        };
        let whole = digest::digest(with, value.as_bytes());
        let (half, _) = whole.as_ref().split_at(whole.as_ref().len() / 2);
        text::encode(half)
    }
}

/// What stands before the claims.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'a str,
}

impl Signer {
    /// A token with these claims in compact form. `typ` says what kind it is, so that one kind never passes for another
    /// (security.md OAU-11).
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let header = Header { alg: self.algorithm().as_str(), kid: self.kid(), typ };
        let part =
            |json: Result<Vec<u8>, _>| json.map(|json| text::encode(&json)).map_err(|_| KeyError::Claims);
        let mut token = part(serde_json::to_vec(&header))?;
        token.push('.');
        token.push_str(&part(serde_json::to_vec(claims))?);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        token.push_str(&text::encode(&signature));
        Ok(token)
    }
}

#[cfg(test)]
mod tests;
