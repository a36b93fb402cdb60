//! Signatures are read back by a published library, from the published key alone.

use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk as ForeignJwk};
use serde_json::{Value, json};

use super::{Algorithm, Jwk, KeyError, RsaSize, Signer, generate};

fn signer(algorithm: Algorithm) -> Signer {
    Signer::parse(algorithm, &generate(algorithm, RsaSize::Bits2048).unwrap()).unwrap()
}

fn foreign(jwk: &Jwk) -> ForeignJwk {
    serde_json::from_value(serde_json::to_value(jwk).unwrap()).unwrap()
}

/// Proves: JWT-7
#[test]
fn a_published_library_reads_our_tokens_from_the_published_key() {
    let claims =
        json!({ "iss": "https://auth.example.com", "sub": "a", "aud": "c", "exp": 4_000_000_000_u64 });
    for algorithm in Algorithm::ALL {
        let signer = signer(algorithm);
        let token = signer.sign("JWT", &claims).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!((header.kid.as_deref(), header.typ.as_deref()), (Some(signer.kid()), Some("JWT")));
        let key = DecodingKey::from_jwk(&foreign(signer.jwk())).unwrap();
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&["c"]);
        let read = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap();
        assert_eq!(read.claims, claims, "{algorithm:?}");
        let changed = token.replacen('.', ".e30", 1);
        assert!(jsonwebtoken::decode::<Value>(&changed, &key, &validation).is_err());
    }
}

/// Proves: JWT-7
#[test]
fn the_published_part_has_public_members_only() {
    for algorithm in Algorithm::ALL {
        let signer = signer(algorithm);
        let published = serde_json::to_value(signer.jwk()).unwrap();
        let names: Vec<&str> = published.as_object().unwrap().keys().map(String::as_str).collect();
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(!names.contains(&private), "{algorithm:?} publishes {private}");
        }
        assert_eq!(
            (published["use"].as_str(), published["alg"].as_str()),
            (Some("sig"), Some(algorithm.as_str()))
        );
        assert_eq!(published["kid"], signer.kid());
    }
}

/// Keys are typed.
///
/// Proves: JWT-1
#[test]
fn a_key_of_one_kind_is_not_read_as_another() {
    for made in Algorithm::ALL {
        let bytes = generate(made, RsaSize::Bits2048).unwrap();
        for read in Algorithm::ALL {
            let parsed = Signer::parse(read, &bytes);
            assert_eq!(parsed.is_ok(), made == read, "{made:?} as {read:?}");
        }
        assert_eq!(
            Signer::parse(made, &crate::values::secret::Secret::new(b"no key".to_vec())).err(),
            Some(KeyError::Parse)
        );
    }
}

#[test]
fn rsa_keys_are_long_enough() {
    let n = |size| {
        let key = Signer::parse(Algorithm::Rs256, &generate(Algorithm::Rs256, size).unwrap()).unwrap();
        let jwk = serde_json::to_value(key.jwk()).unwrap();
        assert_eq!(jwk["e"], "AQAB");
        jwk["n"].as_str().unwrap().len() * 6 / 8 * 8
    };
    assert_eq!(n(RsaSize::Bits2048), 2048);
    assert_eq!(n(RsaSize::default()), 3072);
}

#[test]
fn the_example_of_rfc_7638() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
             tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    assert_eq!(Jwk::rsa(n, "AQAB").digest(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn the_half_hash_of_openid_connect() {
    // OpenID Connect Core, appendix A.3: at_hash of this access token for RS256.
    assert_eq!(
        Algorithm::Rs256.half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        "77QmUPtjPfzWtF2AnpK9RQ"
    );
    assert_eq!(Algorithm::EdDsa.half_hash("x").len(), 43);
}

#[test]
fn signers_do_not_print_their_keys() {
    let signer = signer(Algorithm::EdDsa);
    assert_eq!(format!("{signer:?}"), format!("Signer(EdDSA {})", signer.kid()));
}
