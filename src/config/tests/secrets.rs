//! Secrets: where they may come from, who may read them, and that they are never shown.

use super::*;

const STRONG: &str = "bN8xQw3mZk7RtYp2LvJc5HsDf9GaE4Ue";

fn proxy_secret(settings: &Settings) -> Option<&str> {
    settings.proxies.secret.as_ref().map(|secret| secret.expose().as_str())
}

/// Proves: OPS-22
#[test]
fn a_secret_comes_from_the_file_a_file_of_its_own_or_a_variable() {
    let direct = Desk::new(format!("[proxies]\nsecret = \"{STRONG}\""));
    assert_eq!(proxy_secret(&direct.load().expect("no faults")), Some(STRONG));

    let by_file = Desk::new("[proxies]\nsecret_file = \"proxy.secret\"");
    by_file.put("proxy.secret", format!("{STRONG}\r\n"), 0o640);
    assert_eq!(proxy_secret(&by_file.load().expect("no faults")), Some(STRONG));

    let none = Desk::new("");
    assert_eq!(proxy_secret(&none.load().expect("no faults")), None);
    let variable = none.load_with(&[("VOUCHSAFE_PROXIES__SECRET", STRONG)]).expect("no faults");
    assert_eq!(proxy_secret(&variable), Some(STRONG));
    let path = by_file.0.path().join("proxy.secret");
    let variable = none
        .load_with(&[("VOUCHSAFE_PROXIES__SECRET_FILE", &path.display().to_string())])
        .expect("no faults");
    assert_eq!(proxy_secret(&variable), Some(STRONG));

    // A variable wins over the file, whichever of the two keys it names.
    let other = STRONG.replace('b', "c");
    let both = by_file.load_with(&[("VOUCHSAFE_PROXIES__SECRET", &other)]).expect("no faults");
    assert_eq!(proxy_secret(&both), Some(other.as_str()));
}

/// Proves: OPS-21
#[test]
fn a_secret_that_others_can_read_or_guess_is_refused() {
    let by_file = Desk::new("[proxies]\nsecret_file = \"proxy.secret\"");
    by_file.put("proxy.secret", STRONG, 0o644);
    let open = by_file.complaints(&[]);
    by_file.put("proxy.secret", "", 0o600);
    let empty = by_file.complaints(&[]);
    by_file.put("proxy.secret", "changeme", 0o600);
    let short = by_file.complaints(&[]);
    by_file.put("proxy.secret", "x".repeat(70_000), 0o600);
    let long = by_file.complaints(&[]);
    let folder = Desk::new("[proxies]\nsecret_file = \".\"").complaints(&[]);
    let nowhere = Desk::new("[proxies]\nsecret_file = \"nowhere\"").complaints(&[]);
    let both = Desk::new(format!("[proxies]\nsecret = \"{STRONG}\"\nsecret_file = \"x\"")).complaints(&[]);
    let example = Desk::new("[proxies]\nsecret = \"please-change-me-please-change-me\"").complaints(&[]);
    let same = Desk::new("[proxies]\nsecret = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"").complaints(&[]);
    let spaced = Desk::new(format!("[proxies]\nsecret = \"{STRONG} {STRONG}\"")).complaints(&[]);
    let world = Desk::new("");
    world.put("config.toml", format!("[proxies]\nsecret = \"{STRONG}\""), 0o644);
    let world = world.complaints(&[]);
    let hash = Desk::new("");
    hash.put("config.toml", "[[accounts]]\nusername = \"alice\"\npassword_hash = \"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA\"", 0o644);
    let hash = hash.complaints(&[]);
    insta::assert_snapshot!(
        [open, empty, short, long, folder, nowhere, both, example, same, spaced, world, hash].join("\n")
    );
}

/// Proves: OPS-21
#[test]
fn a_tls_key_that_others_can_read_or_that_does_not_fit_is_refused() {
    let desk = Desk::new("[gateway.tls]\ncertificate_file = \"c.pem\"\nkey_file = \"k.pem\"");
    desk.put("c.pem", CERTIFICATE, 0o644);
    desk.put("k.pem", KEY, 0o604);
    let open = desk.complaints(&[]);
    desk.put("k.pem", KEY, 0o600);
    assert_eq!(desk.complaints(&[]), "(accepted)\n");
    desk.put("k.pem", include_bytes!("../../serve/tests/fixtures/b.key"), 0o600);
    let other = desk.complaints(&[]);
    desk.put("k.pem", CERTIFICATE, 0o600);
    let no_key = desk.complaints(&[]);
    desk.put("k.pem", KEY, 0o600);
    desk.put("c.pem", KEY, 0o600);
    let no_certificate = desk.complaints(&[]);
    insta::assert_snapshot!([open, other, no_key, no_certificate].join("\n"));
}

/// simple-auth.md 9.G1
///
/// Proves: OPS-22, OPS-18
#[test]
fn no_secret_is_shown() {
    let canary = "CANARY-7f3a91";
    let texts = [
        format!("[proxies]\nsecret = \"{canary}\""),
        format!("[proxies]\nsecret = [\"{canary}\"]"),
        format!("[proxies]\nsecret = {{ a = \"{canary}\" }}"),
        format!("[proxies]\nsecret = \"{canary}"),
        format!("[proxies]\nsecret = \"\"\"a\n{canary}"),
        format!("[proxies]\nsecret = \"\"\"\n{canary} = 1\n\"\"\"\nsecret = 1"),
        format!("[proxies]\nsecret = '{canary}' x"),
        format!("[proxies]\nsecert = \"{canary}\""),
        format!("[proxies]\nsecret_file = \"s\"\nsecret = \"{canary}\""),
        format!("proxies = {{ secret = \"{canary}\", trusted = 5 }}"),
        format!("[[accounts]]\nusername = \"a\"\npassword_hash = \"{canary}\""),
        format!("accounts = [{{ username = \"\", password_hash = \"{canary}\" }}]"),
        format!("[[accounts]]\nusername = \"a\"\npassword = \"{canary}\""),
    ];
    for text in texts {
        let complaints = Desk::new(&text).load().expect_err(&text);
        assert!(!complaints.to_string().contains(canary), "{text}\n→ {complaints}");
        assert!(!format!("{complaints:?}").contains(canary), "{text}\n→ {complaints:?}");
    }
    let unquoted = Desk::new("[proxies]\nsecret = 918273645546372819").complaints(&[]);
    assert!(!unquoted.contains("918273"), "{unquoted}");
    let variable = Desk::new("")
        .complaints(&[("VOUCHSAFE_PROXIES__SECRET", canary), ("VOUCHSAFE_PROXIES__SECERT", canary)]);
    assert!(
        variable.contains("did you mean VOUCHSAFE_PROXIES__SECRET?") && !variable.contains(canary),
        "{variable}"
    );

    let settings = Desk::new(format!("[proxies]\nsecret = \"{STRONG}\"")).load().expect("no faults");
    assert!(!format!("{settings:?}").contains(STRONG));
}

/// Proves: PWD-5, OPS-21
#[test]
fn a_hash_that_can_never_be_checked_is_refused() {
    let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let with = |budget: &str, key: &str, value: &str| {
        let desk = Desk::new(format!(
            "[password]\nmemory = \"12MiB\"\niterations = 3\nmemory_budget = \"{budget}\"\n[[accounts]]\nusername = \"alice\"\n{key} = '{value}'"
        ));
        desk.put("hash", hash, 0o600);
        desk.complaints(&[])
    };
    for (key, value) in [("password_hash", hash), ("password_hash_file", "hash")] {
        let refused = with("20MiB", key, value);
        assert!(refused.contains(&format!("accounts[0].{key}")), "{refused}");
        assert!(refused.contains("needs 64MiB of memory to check"), "{refused}");
        // Room for it beside any number of threads with a share each.
        assert_eq!(with("8GiB", key, value), "(accepted)\n");
    }
}
