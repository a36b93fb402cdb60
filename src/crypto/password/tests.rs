//! Hashes made, imported and verified; passwords that must not be equal.

use super::{Hash, HashError, Hasher, Params, PasswordError, Verified, hash, needs_rehash, verify};
use crate::values::{random::Random, secret::Secret};

fn secret(text: &str) -> Secret<String> {
    Secret::from(text)
}

fn matches(stored: &str, password: &str) -> bool {
    matches!(verify(&Hash::parse(stored).expect(stored), &secret(password)).unwrap(), Verified::Yes(_))
}

fn made(password: &str) -> Hash {
    hash(&secret(password), &Params::FLOOR, Random::new([5; 16])).unwrap()
}

/// From the reference implementation's test suite (phc-winner-argon2, test.c).
///
/// Proves: PWD-4
#[test]
fn known_argon2_hashes() {
    for (stored, password) in [
        ("$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA", "password"),
        ("$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ", "password"),
        (
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "password",
        ),
        ("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"),
        (
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
            "differentpassword",
        ),
    ] {
        assert!(matches(stored, password), "{stored}");
        assert!(!matches(stored, "passwore"), "{stored}");
        assert!(needs_rehash(&Hash::parse(stored).unwrap(), &Params::FLOOR));
    }
}

/// Proves: PWD-4
#[test]
fn a_new_hash_is_argon2id_with_its_parameters_in_the_text() {
    let new = made("correct horse");
    assert!(new.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$BQUFBQUFBQUFBQUFBQUFBQ$"));
    let read = Hash::parse(new.as_str()).unwrap();
    assert_eq!(read, new);
    assert!(!needs_rehash(&read, &Params::FLOOR));
    assert!(needs_rehash(&read, &Params::DEFAULT));
    assert!(needs_rehash(&read, &Params::new(46 * 1024, 1, 1).unwrap()));
    assert_ne!(new, hash(&secret("correct horse"), &Params::FLOOR, Random::new([6; 16])).unwrap());
    let bytes = minicbor::to_vec(&new).unwrap();
    assert_eq!(minicbor::decode::<Hash>(&bytes).unwrap(), new);
}

/// Proves: PWD-2
#[test]
fn a_password_is_used_exactly_as_sent() {
    let stored = made(" Pass\tword ");
    let text = stored.as_str();
    assert!(matches(text, " Pass\tword "));
    for other in ["Pass\tword", " pass\tword ", " PASS\tWORD ", " Pass\tword", " Pass word ", ""] {
        assert!(!matches(text, other), "{other:?}");
    }
    // Not truncated anywhere: 1024 bytes differ in the last one.
    let long = "x".repeat(1024);
    let stored = made(&long);
    assert!(matches(stored.as_str(), &long));
    assert!(!matches(stored.as_str(), &format!("{}y", &long[..1023])));
}

/// Proves: PWD-2
#[test]
fn one_normalisation_at_set_and_verify() {
    let (composed, decomposed) = ("caf\u{e9}-au-lait", "cafe\u{301}-au-lait");
    assert!(matches(made(composed).as_str(), decomposed));
    assert!(matches(made(decomposed).as_str(), composed));
    assert_eq!(made(composed), made(decomposed));
    // NFC only: compatibility forms stay apart.
    assert!(!matches(made("\u{fb01}x").as_str(), "fix"));
}

/// Proves: PWD-2, PWD-3
#[test]
fn impossible_passwords_are_refused_before_any_work() {
    let stored = made("whatever");
    let mut hasher = Hasher::new();
    let megabytes = secret(&"\u{e9}".repeat(5_000_000));
    for (password, error) in [
        (secret(&"x".repeat(1025)), PasswordError::TooLong),
        (megabytes, PasswordError::TooLong),
        (secret("what\0ever"), PasswordError::Nul),
        (secret("whatever\0"), PasswordError::Nul),
    ] {
        assert_eq!(hasher.hash(&password, &Params::FLOOR, Random::new([1; 16])).err(), Some(error));
        assert_eq!(hasher.verify(&stored, &password).err(), Some(error));
    }
    // No work was done: the memory of the first hash has not even been asked for.
    assert_eq!(hasher.held_bytes(), 0);
}

/// Known bcrypt hashes: John the Ripper's and OpenBSD's test vectors.
///
/// Proves: PWD-4
#[test]
fn known_bcrypt_hashes() {
    for (stored, password) in [
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
        ("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
    ] {
        assert!(matches(stored, password), "{stored}");
        assert!(!matches(stored, "U*u"), "{stored}");
        assert!(needs_rehash(&Hash::parse(stored).unwrap(), &Params::FLOOR));
    }
}

/// simple-auth.md 9.A9
///
/// Proves: PWD-4
#[test]
fn long_passwords_never_match_a_bcrypt_hash() {
    let (just, beyond) = ("0123456789".repeat(8)[..72].to_owned(), "0123456789".repeat(8)[..73].to_owned());
    let stored = bcrypt::hash_with_salt(&just, 4, [7; 16]).unwrap().to_string();
    assert!(matches(&stored, &just));
    assert!(!matches(&stored, &beyond));
    assert!(!matches(&stored, &just[..71]));
    // What a truncating program stored for the longer one does not let either of two longer ones in.
    let cut = bcrypt::hash_with_salt(&beyond, 4, [7; 16]).unwrap().to_string();
    assert!(!matches(&cut, &beyond));
    assert!(!matches(&cut, &format!("{just}X")));
}

/// Proves: PWD-4
#[test]
fn hashes_that_would_eat_the_machine_are_refused_when_read() {
    let argon2 = |params: &str| {
        format!("$argon2id$v=19${params}$c29tZXNhbHQxMjM0$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
    };
    for costly in [
        argon2("m=104857600,t=1,p=1"),
        argon2("m=1048577,t=1,p=1"),
        argon2("m=1048576,t=5,p=1"),
        argon2("m=65536,t=4294967295,p=1"),
        argon2("m=65536,t=3,p=17"),
        "$2b$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
    ] {
        assert_eq!(Hash::parse(&costly).err(), Some(HashError::TooCostly), "{costly}");
    }
    assert!(Hash::parse(&argon2("m=1048576,t=4,p=4")).is_ok());
}

#[test]
fn what_is_no_supported_hash_is_named() {
    for (text, error) in [
        ("", HashError::Malformed),
        ("secret", HashError::Malformed),
        ("$argon2id$", HashError::Malformed),
        ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ", HashError::Malformed),
        (
            "$argon2id$v=19$m=4,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            HashError::Malformed,
        ),
        (
            "$argon2id$v=20$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            HashError::Unsupported,
        ),
        ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFQ", HashError::TooShort),
        (
            "$argon2d$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            HashError::Unsupported,
        ),
        ("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", HashError::Unsupported),
        ("$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", HashError::Malformed),
        ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe", HashError::Malformed),
        ("$1$salt$hash", HashError::Unsupported),
        ("$6$rounds=5000$salt$hash", HashError::Unsupported),
    ] {
        assert_eq!(Hash::parse(text).err(), Some(error), "{text}");
    }
    assert_eq!(Hash::parse(&format!("$argon2id${}", "a".repeat(600))).err(), Some(HashError::Malformed));
}

/// Proves: PWD-6
#[test]
fn the_dummy_costs_what_a_real_hash_costs_and_opens_for_nobody() {
    let dummy = Hash::dummy(&Params::FLOOR, Random::new([3; 48]));
    assert!(!needs_rehash(&dummy, &Params::FLOOR), "same kind, same parameters");
    assert_eq!(dummy.as_str().len(), made("x").as_str().len());
    let mut hasher = Hasher::new();
    for guess in ["", "password", "dummy"] {
        assert!(matches!(hasher.verify(&dummy, &secret(guess)).unwrap(), Verified::No));
    }
    assert_eq!(hasher.held_bytes(), Params::FLOOR.memory_bytes(), "the work was done");
}

#[test]
fn memory_is_reused_grown_and_given_back() {
    let mut hasher = Hasher::new();
    let small =
        Hash::parse("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc")
            .unwrap();
    let large = made("right");
    for _ in 0..2 {
        assert!(matches!(hasher.verify(&small, &secret("password")).unwrap(), Verified::Yes(_)));
        assert!(matches!(hasher.verify(&large, &secret("right")).unwrap(), Verified::Yes(_)));
        assert!(matches!(hasher.verify(&large, &secret("wrong")).unwrap(), Verified::No));
        assert_eq!(hasher.held_bytes(), Params::FLOOR.memory_bytes());
    }
    hasher.release();
    assert_eq!(hasher.held_bytes(), 0);
    assert!(matches!(hasher.verify(&large, &secret("right")).unwrap(), Verified::Yes(_)));
}

#[test]
fn a_proof_names_the_hash_it_proves() {
    let stored = made("right");
    let Verified::Yes(proof) = verify(&stored, &secret("right")).unwrap() else { panic!("right password") };
    assert_eq!(proof.hash(), &stored);
    let shown = format!("{stored:?} {proof:?}");
    assert!(!shown.contains("BQUFBQ"), "a hash does not print itself: {shown}");
}

#[test]
fn no_stored_text_panics() {
    use proptest::prelude::*;
    proptest!(|(text in "\\$?(argon2id|argon2i|2a|2b|2y|x)?(\\$[a-zA-Z0-9=,+/.]{0,30}){0,5}|\\PC{0,80}")| {
        let _ = Hash::parse(&text);
    });
}
