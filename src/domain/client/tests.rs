//! Redirect addresses and registrations.

use proptest::prelude::*;

use super::{
    AuthMethod, ClientId, ClientKind, ClientRecord, Grant, Lifetimes, MOST_SECRETS, Registration,
    redirect::{RedirectError, check, form_source, matches, with_answer},
};
use crate::{
    domain::fault::Field,
    store::golden,
    values::{id::AccountId, random::Random, secret::Secret, time::Timestamp},
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn wiki() -> Registration {
    Registration {
        name: "Wiki".to_owned(),
        redirect_uris: vec!["https://wiki.example.com/callback".to_owned()],
        ..Registration::default()
    }
}

/// Proves: OAU-1, URL-7
#[test]
fn a_redirect_address_is_compared_letter_by_letter() {
    let registered = "https://app.example.com/cb";
    assert!(matches(registered, registered));
    for asked in [
        "",
        "https://app.example.com/cb/",
        "https://app.example.com/cb?x=1",
        "https://app.example.com/cb#",
        "https://app.example.com/CB",
        "https://APP.example.com/cb",
        "https://app.example.com:443/cb",
        "https://app.example.com./cb",
        "https://app.example.com/x/../cb",
        "https://app.example.com/%63b",
        "https://app.example.com/cb%00",
        "https://app.example.com@evil.example/cb",
        "https://u@app.example.com/cb",
        "http://app.example.com/cb",
        "//app.example.com/cb",
        "https://app.example.com/cb ",
        " https://app.example.com/cb",
        "https://app.example.com\\cb",
        "https://evil.example/?https://app.example.com/cb",
        "https://app.example.com.evil.example/cb",
    ] {
        assert!(!matches(registered, asked), "{asked}");
    }
}

/// Proves: OAU-1
#[test]
fn only_the_port_of_a_loopback_literal_is_free() {
    for registered in ["http://127.0.0.1/cb", "http://127.0.0.1:8000/cb"] {
        for asked in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"] {
            assert!(matches(registered, asked), "{registered} {asked}");
        }
        for asked in [
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:065/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:80.evil.example/cb",
            "http://127.0.0.1:80/CB",
            "http://127.0.0.1:80/cb/",
            "http://127.0.0.1:80\\cb",
            "http://127.0.0.2/cb",
            "http://127.1/cb",
            "http://[::1]/cb",
            "http://localhost/cb",
            "https://127.0.0.1/cb",
        ] {
            assert!(!matches(registered, asked), "{registered} {asked}");
        }
    }
    assert!(matches("http://[::1]/cb", "http://[::1]:9/cb"));
    assert!(!matches("http://[::1]/cb", "http://127.0.0.1:9/cb"));
    // A name is no literal: who resolves it decides where it leads.
    assert!(!matches("http://localhost/cb", "http://localhost:9/cb"));
    assert!(!matches("https://127.0.0.1/cb", "https://127.0.0.1:9/cb"));
}

/// Proves: OAU-1
#[test]
fn what_may_be_registered() {
    use ClientKind::{Confidential, Public};
    for uri in [
        "https://app.example.com/cb",
        "https://app.example.com",
        "https://app.example.com:8443/cb?tenant=a&b=c",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:8000/cb",
        "http://[::1]/cb",
        "http://localhost:3000/cb",
    ] {
        assert_eq!(check(uri, Confidential), Ok(()), "{uri}");
    }
    assert_eq!(check("com.example.app:/cb", Public), Ok(()));
    assert_eq!(check("com.example.app:/cb", Confidential), Err(RedirectError::Scheme));
    for (uri, error) in [
        ("", RedirectError::Grammar),
        ("/cb", RedirectError::Grammar),
        ("https://app.example.com/ä", RedirectError::Grammar),
        ("https://app.example.com/a b", RedirectError::Grammar),
        ("https://app.example.com\\cb", RedirectError::Grammar),
        ("https://app.example.com/;x", RedirectError::Grammar),
        ("https://app.example.com/cb#x", RedirectError::Fragment),
        ("https://*.example.com/cb", RedirectError::Wildcard),
        ("https://u:p@app.example.com/cb", RedirectError::UserInfo),
        ("http://app.example.com/cb", RedirectError::Insecure),
        ("http://127.0.0.1.evil.example/cb", RedirectError::Insecure),
        ("https://APP.example.com/cb", RedirectError::NotCanonical),
        ("https://app.example.com:443/cb", RedirectError::NotCanonical),
        ("https://app.example.com/a/../cb", RedirectError::NotCanonical),
        ("javascript:alert(1)", RedirectError::Scheme),
        ("data:text/html.x", RedirectError::Scheme),
        ("myapp:/cb", RedirectError::Scheme),
    ] {
        assert_eq!(check(uri, Public), Err(error), "{uri}");
    }
    assert_eq!(
        check(&format!("https://a.example/{}", "x".repeat(1100)), Public),
        Err(RedirectError::Grammar)
    );
}

#[test]
fn the_policy_names_where_a_form_may_end() {
    assert_eq!(form_source("https://a.example:8443/cb?x").as_deref(), Some("https://a.example:8443"));
    assert_eq!(form_source("http://[::1]:9/cb").as_deref(), Some("http://[::1]:9"));
    assert_eq!(form_source("com.example.app:/cb").as_deref(), Some("com.example.app:"));
}

#[test]
fn an_answer_joins_the_query_that_is_there() {
    let answer = [("code", "a b"), ("state", "x&y")];
    assert_eq!(with_answer("https://a.example/cb", answer), "https://a.example/cb?code=a+b&state=x%26y");
    assert_eq!(
        with_answer("https://a.example/cb?t=1", answer),
        "https://a.example/cb?t=1&code=a+b&state=x%26y"
    );
    assert_eq!(with_answer("https://a.example/cb?", answer), "https://a.example/cb?code=a+b&state=x%26y");
}

/// Proves: OAU-24
#[test]
fn a_client_id_is_never_the_id_of_a_person() {
    let account = AccountId::mint(NOW, Random::new([7; 10])).to_string();
    for no_id in [
        account.as_str(),
        &account.to_uppercase(),
        &account.replace('-', ""),
        "",
        "a b",
        "a/b",
        "ä",
        &"x".repeat(65),
    ] {
        assert_eq!(ClientId::parse(no_id), None, "{no_id}");
    }
    for id in ["wiki", "Wiki-2_test.v~", &"x".repeat(64)] {
        assert_eq!(ClientId::parse(id).unwrap().as_str(), id);
    }
}

/// Proves: OAU-6, OAU-7
#[test]
fn the_defaults_are_the_careful_ones_and_flaws_are_told_together() {
    let fresh = Registration::default();
    assert_eq!(fresh.grants, [Grant::AuthorizationCode, Grant::RefreshToken]);
    assert!(fresh.pkce && fresh.kind == ClientKind::Confidential);
    assert_eq!(wiki().flaws(), []);
    let bad = Registration {
        name: "a\nb".to_owned(),
        author: "x".repeat(101),
        author_url: Some("http://a.example".to_owned()),
        kind: ClientKind::Public,
        redirect_uris: vec!["https://*.example".to_owned()],
        grants: vec![Grant::AuthorizationCode, Grant::ClientCredentials],
        scopes: vec!["a b".to_owned(), "\"".to_owned()],
        pkce: false,
        lifetimes: Lifetimes { access: Some(0), id_token: Some(3601), ..Lifetimes::default() },
        ..Registration::default()
    };
    let fields: Vec<_> = bad.flaws().into_iter().map(|flaw| flaw.field).collect();
    let expected = [
        "name",
        "author",
        "author_url",
        "redirect_uris",
        "grants",
        "pkce",
        "scopes",
        "scopes",
        "access_token",
        "id_token",
    ];
    assert_eq!(fields, expected.map(Field::Named));
}

/// simple-auth.md 9.D9: scopes are compared as written.
///
/// Proves: OAU-7
#[test]
fn scopes_are_an_allow_list() {
    let client = Registration { scopes: vec!["email".to_owned(), "Wiki:Read".to_owned()], ..wiki() };
    assert_eq!(client.permitted(["Wiki:Read", "admin", "email", "email", "EMAIL"]), ["Wiki:Read", "email"]);
}

/// simple-auth.md 9.D8: constant time, and no blank secret opens anything.
///
/// Proves: OAU-8
#[test]
fn two_secrets_are_good_at_a_time() {
    let mut client = ClientRecord { registration: wiki(), secrets: Vec::new(), created: NOW, managed: false };
    let secrets = ["one", "two", "three"].map(Secret::<String>::from);
    assert!(!client.knows(&Secret::from("")));
    for secret in &secrets {
        client.add_secret(secret, NOW);
    }
    assert_eq!(client.secrets.len(), MOST_SECRETS);
    assert_eq!(secrets.map(|secret| client.knows(&secret)), [false, true, true]);
    assert!(!client.knows(&Secret::from("")));
}

/// Proves: OPS-15
#[test]
fn clients_as_stored() {
    let mut client = ClientRecord { registration: wiki(), secrets: Vec::new(), created: NOW, managed: true };
    client.add_secret(&Secret::from("secret"), NOW);
    golden::check("src/domain/client/golden/client.v1.hex", &client);
    let registration = Registration {
        author_url: Some("https://example.com/".to_owned()),
        kind: ClientKind::Public,
        auth_methods: vec![AuthMethod::Post],
        lifetimes: Lifetimes { access: Some(60), ..Lifetimes::default() },
        ..wiki()
    };
    let public = ClientRecord { registration, secrets: Vec::new(), created: NOW, managed: false };
    golden::check("src/domain/client/golden/public.v1.hex", &public);
}

proptest! {
    /// Proves: OAU-1
    #[test]
    fn nothing_that_differs_beyond_a_port_matches(asked in "https?://[a-z0-9.:@/\\[\\]%#?]{0,40}") {
        for registered in ["https://app.example.com/cb", "http://127.0.0.1/cb"] {
            if matches(registered, &asked) && asked != registered {
                let parsed = url::Url::parse(&asked).unwrap();
                prop_assert_eq!((parsed.host_str(), parsed.path(), parsed.query(), parsed.fragment()),
                    (Some("127.0.0.1"), "/cb", None, None));
                prop_assert!(parsed.username().is_empty() && registered.starts_with("http:"));
            }
        }
    }

    /// What may be registered leads where a browser thinks it leads.
    #[test]
    fn a_registered_address_has_one_reading(uri in "(https|http|com.example)://?[a-zA-Z0-9.:@/%?&=~-]{0,40}") {
        if check(&uri, ClientKind::Public).is_ok() && uri.starts_with("https") {
            let parsed = url::Url::parse(&with_answer(&uri, [("code", "c")])).unwrap();
            prop_assert_eq!(Some(parsed.origin().ascii_serialization()), form_source(&uri));
            prop_assert!(matches(&uri, &uri));
        }
    }
}
