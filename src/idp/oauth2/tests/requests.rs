//! Authorization requests: what is refused, in which order, and where it is told.

use std::time::Duration;

use crate::domain::fault::OAuthCode as Code;
use proptest::prelude::*;

use crate::{
    domain::{
        caller::{Factor, Strength},
        client::{ClientKind, Consent, Grant, Registration},
    },
    idp::oauth2::{
        Parameters,
        testing::{Bench, CALLBACK, asked, at_once, challenge, code_of, wiki, with_grants},
    },
};

/// Proves: OAU-2
#[test]
fn a_request_without_a_client_or_its_address_goes_nowhere() {
    let bench = Bench::open();
    bench.register("off", Registration { enabled: false, ..wiki() }, None);
    let two = vec![CALLBACK.to_owned(), "https://wiki.example.com/other".to_owned()];
    bench.register("two", Registration { redirect_uris: two, ..wiki() }, None);
    for (changes, code) in [
        (&[("client_id", "")][..], Code::InvalidRequest),
        (&[("client_id", "nobody")], Code::InvalidClient),
        (&[("client_id", "off")], Code::InvalidClient),
        (&[("client_id", "wiki ")], Code::InvalidClient),
        (&[("client_id", "../wiki")], Code::InvalidClient),
        (&[("redirect_uri", "https://evil.example/cb")], Code::InvalidRequest),
        (&[("redirect_uri", "https://wiki.example.com/cb/")], Code::InvalidRequest),
        (&[("redirect_uri", "https://wiki.example.com/cb?x=1")], Code::InvalidRequest),
        (&[("redirect_uri", "javascript:alert(1)")], Code::InvalidRequest),
        // OpenID Connect always names it; without, one registered address is enough, two are not.
        (&[("redirect_uri", "")], Code::InvalidRequest),
        (&[("client_id", "two"), ("redirect_uri", ""), ("scope", "email")], Code::InvalidRequest),
    ] {
        assert_eq!(bench.objection(changes), (code, false), "{changes:?}");
    }
    let request = bench.request_with(&[("redirect_uri", ""), ("scope", "email")]).unwrap();
    assert_eq!(request.way_back.uri(), CALLBACK);
}

/// Proves: OAU-2, OAU-3
#[test]
fn nothing_may_come_twice() {
    let bench = Bench::open();
    let challenge = challenge();
    let whole = [
        ("client_id", "wiki"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "email"),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    assert!(bench.engine.read_request(&asked(&whole)).is_ok());
    for (name, value) in whole {
        let mut twice = whole.to_vec();
        // Also the very same value, and one after an empty one.
        twice.push((name, value));
        let objection = bench.engine.read_request(&asked(&twice)).unwrap_err();
        assert_eq!(objection.refusal.code, Code::InvalidRequest, "{name}");
        let at_page = matches!(name, "client_id" | "redirect_uri");
        assert_eq!(objection.way_back.is_none(), at_page, "{name}");
        // A doubtful state is not sent back.
        if let Some(way_back) = objection.way_back {
            assert_eq!(way_back.state().is_some(), name != "state", "{name}");
        }
    }
    let mut unknown = whole.to_vec();
    unknown.extend([("resource", "a"), ("resource", "b")]);
    assert!(bench.engine.read_request(&asked(&unknown)).is_ok(), "what means nothing is passed over");
}

/// Proves: OAU-6, OAU-7, OAU-17
#[test]
fn the_client_is_told_what_is_wrong() {
    let bench = Bench::open();
    bench.register("machine", with_grants(&[Grant::ClientCredentials]), Some("x"));
    let long = "x".repeat(3000);
    for (changes, code) in [
        (&[("response_type", "")][..], Code::InvalidRequest),
        (&[("response_type", "token")], Code::UnsupportedResponseType),
        (&[("response_type", "code id_token")], Code::UnsupportedResponseType),
        (&[("client_id", "machine")], Code::UnauthorizedClient),
        (&[("response_mode", "fragment")], Code::InvalidRequest),
        (&[("scope", "admin")], Code::InvalidScope),
        (&[("scope", "a\"b")], Code::InvalidScope),
        (&[("scope", &long)], Code::InvalidRequest),
        (&[("state", &long)], Code::InvalidRequest),
        (&[("nonce", &long)], Code::InvalidRequest),
        (&[("code_challenge", "")], Code::InvalidRequest),
        (&[("code_challenge_method", "")], Code::InvalidRequest),
        (&[("code_challenge_method", "plain")], Code::InvalidRequest),
        (&[("code_challenge_method", "s256")], Code::InvalidRequest),
        (&[("code_challenge", ""), ("code_challenge_method", "")], Code::InvalidRequest),
        (&[("code_challenge", "tooshort")], Code::InvalidRequest),
        (&[("code_challenge", &long)], Code::InvalidRequest),
        (&[("request", "x.y.z")], Code::RequestNotSupported),
        (&[("request_uri", "urn:x")], Code::RequestUriNotSupported),
        (&[("registration", "{}")], Code::RegistrationNotSupported),
        (&[("prompt", "none login")], Code::InvalidRequest),
        (&[("prompt", "create")], Code::InvalidRequest),
        (&[("max_age", "-1")], Code::InvalidRequest),
        (&[("max_age", "+1")], Code::InvalidRequest),
        (&[("max_age", "1.5")], Code::InvalidRequest),
        (&[("max_age", "99999999999")], Code::InvalidRequest),
        (&[("claims", "[]")], Code::InvalidRequest),
        (&[("claims", "{\"id_token\":")], Code::InvalidRequest),
        (
            &[("claims", "{\"id_token\":{\"acr\":{\"essential\":true,\"values\":[\"phr\"]}}}")],
            Code::UnmetAuthenticationRequirements,
        ),
    ] {
        assert_eq!(bench.objection(changes), (code, true), "{changes:?}");
    }
    // What is only wished for is left out.
    let wished = "{\"id_token\":{\"acr\":{\"essential\":false},\"email\":null},\"userinfo\":null,\"more\":1}";
    assert!(bench.request_with(&[("claims", wished), ("acr_values", "phr"), ("max_age", "3600")]).is_ok());
    // Scopes that the client may not have are left out as long as one is left.
    let request = bench.request_with(&[("scope", "admin email  wiki:read email")]).unwrap();
    assert_eq!(request.scopes, ["email", "wiki:read"]);
    assert!(bench.request_with(&[("scope", "")]).unwrap().scopes.is_empty());
}

/// Proves: OAU-17
#[tokio::test]
async fn a_step_up_is_no_new_sign_in() {
    use crate::idp::oauth2::{Agreement::Now, Grantor};
    let bench = Bench::open();
    let read = |name: &str, value: &str, sent: bool| {
        let challenge = challenge();
        let pairs = [
            ("client_id", "wiki"),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "email"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            (name, value),
        ];
        let parameters = asked(&pairs);
        let request = bench.engine.read_request(&parameters).unwrap();
        if !sent {
            return request;
        }
        let marked = bench.engine.through_sign_in(&parameters, &request, bench.world.now());
        bench.engine.read_request(&marked).unwrap()
    };
    let grantor = bench.sign_in(bench.add("alice"));
    bench.pass(Duration::from_mins(2));
    let (login, young) = (read("prompt", "login", true), read("max_age", "60", false));
    bench.pass(Duration::from_secs(1));
    let now = bench.world.now();
    let stepped_up = grantor.strength.clone().and(Factor::Totp, now);
    let anew = grantor.strength.clone().and(Factor::Password, now);
    for (request, strength, wants) in [
        (&login, &grantor.strength, true),
        (&login, &stepped_up, true),
        (&login, &anew, false),
        (&young, &grantor.strength, true),
        // That is about the last proof, which `auth_time` tells.
        (&young, &stepped_up, false),
        (&read("prompt", "login", false), &anew, true),
        // A program that speaks for somebody has signed nobody in.
        (&young, &Strength::default(), true),
        (&login, &Strength::default(), true),
        (&read("response_mode", "query", false), &Strength::default(), false),
    ] {
        let grantor = Grantor { strength: strength.clone(), ..grantor.clone() };
        let asks = bench.engine.wants_sign_in(request, &grantor, now).unwrap();
        assert_eq!(asks, wants, "{request:?} {strength:?}");
        let granted = bench.engine.grant(&bench.call(), &grantor, request, Now).await;
        assert_eq!(granted.err().map(|refused| refused.code), wants.then_some(Code::LoginRequired));
    }
}

/// The address with the mark stays in the browser's history.
///
/// Proves: OAU-17
#[tokio::test]
async fn a_sign_in_is_good_for_one_request_of_a_client_and_no_longer_than_it_asks() {
    use crate::idp::oauth2::{Agreement::Now, Grantor};
    let bench = Bench::open();
    bench.register("other", wiki(), Some("x"));
    let challenge = challenge();
    let asking = |changes: [(&str, &str); 2]| {
        let pairs = [
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "email"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        asked(&[&pairs[..], &changes[..]].concat())
    };
    let sent = |parameters: &Parameters| {
        let request = bench.engine.read_request(parameters).unwrap();
        let marked = bench.engine.through_sign_in(parameters, &request, bench.world.now());
        bench.engine.read_request(&marked).unwrap()
    };
    let [login, other, minutes, moment] = [
        ("wiki", "prompt", "login"),
        ("other", "prompt", "login"),
        ("wiki", "max_age", "300"),
        ("wiki", "max_age", "1"),
    ]
    .map(|(client, name, value)| sent(&asking([("client_id", client), (name, value)])));
    let alice = bench.add("alice");
    // A sign-in at the very moment the browser was sent for one is not surely after it.
    let early = bench.sign_in(alice);
    assert!(bench.engine.wants_sign_in(&login, &early, bench.world.now()).unwrap());
    bench.pass(Duration::from_secs(1));
    let grantor = bench.sign_in(alice);
    let wants =
        |request, grantor: &Grantor| bench.engine.wants_sign_in(request, grantor, bench.world.now()).unwrap();
    assert!(!wants(&login, &grantor));
    // Of many at once one rests on it.
    let tries = (0..8).map(|_| {
        let (engine, call, grantor, request) =
            (bench.engine.clone(), bench.call(), grantor.clone(), login.clone());
        async move { engine.grant(&call, &grantor, &request, Now).await.is_ok() }
    });
    assert_eq!(at_once(tries).await.into_iter().filter(|granted| *granted).count(), 1);
    assert!(wants(&login, &grantor));
    assert_eq!(code_of(bench.engine.grant(&bench.call(), &grantor, &login, Now).await), Code::LoginRequired);
    assert!(!wants(&other, &grantor), "another client was granted nothing");
    // An age is no older for a mark, but for the time it takes to read a page.
    for (seconds, stale) in [
        (0, [false, false]),
        (60, [false, false]),
        (61, [false, true]),
        (300, [false, true]),
        (301, [true, true]),
    ] {
        let now = bench.world.now() + Duration::from_secs(seconds);
        let asks =
            [&minutes, &moment].map(|request| bench.engine.wants_sign_in(request, &grantor, now).unwrap());
        assert_eq!(asks, stale, "{seconds}");
    }
}

/// simple-auth.md 9.D1
///
/// Proves: OAU-6
#[test]
fn only_a_confidential_client_can_be_exempt_from_pkce() {
    let bench = Bench::open();
    bench.register("old", Registration { pkce: false, ..wiki() }, Some("x"));
    let without = [("client_id", "old"), ("code_challenge", ""), ("code_challenge_method", "")];
    assert!(bench.request_with(&without).is_ok());
    // A method without a challenge is a mistake, not a wish to do without.
    let half = [("client_id", "old"), ("code_challenge", "")];
    assert_eq!(bench.objection(&half), (Code::InvalidRequest, true));
    let plain = [("client_id", "old"), ("code_challenge_method", "plain")];
    assert_eq!(bench.objection(&plain), (Code::InvalidRequest, true));
    let public = Registration { kind: ClientKind::Public, pkce: false, ..wiki() };
    assert!(!public.flaws().is_empty());
}

/// Proves: OAU-13, OAU-14
#[test]
fn every_answer_names_the_issuer_and_brings_the_state_back_unchanged() {
    let bench = Bench::open();
    let state = "a+b c&d=e%20\"<>\\ä";
    let request = bench.request_with(&[("state", state)]).unwrap();
    let objection = bench.request_with(&[("state", state), ("scope", "admin")]).unwrap_err();
    let refused = objection.way_back.unwrap().with_refusal(&objection.refusal);
    for (location, name) in [(request.way_back.with_code("the code"), "code"), (refused, "error")] {
        let url = url::Url::parse(&location).unwrap();
        assert!(location.starts_with("https://wiki.example.com/cb?"), "{location}");
        assert_eq!(url.as_str(), location, "browsers would not respell it");
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let value =
            |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        assert!(value(name).is_some(), "{location}");
        assert_eq!((value("state"), value("iss")), (Some(state), Some("https://auth.example.com")));
        if let Some(text) = value("error_description") {
            assert!(
                text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
                "{text}"
            );
        }
    }
    assert!(bench.request_with(&[("state", "")]).unwrap().way_back.state().is_none());
    assert!(bench.request_with(&[("state", &"x".repeat(2048))]).is_ok());
}

/// simple-auth.md 9.D7
///
/// Proves: OAU-15
#[tokio::test]
async fn people_are_asked_once_for_the_same_and_always_where_nobody_vouches_for_the_address() {
    use crate::idp::oauth2::Agreement::{Before, Now};
    let bench = Bench::open();
    bench.register_public();
    bench.register("always", Registration { consent: Consent::Always, ..wiki() }, None);
    bench.register("own", Registration { consent: Consent::Skip, ..wiki() }, None);
    let grantor = bench.sign_in(bench.add("alice"));
    let must_ask = |changes: &[(&str, &str)]| {
        bench.engine.must_ask(&bench.request_with(changes).unwrap(), grantor.account).unwrap()
    };
    assert!(must_ask(&[]));
    let request = bench.request_with(&[]).unwrap();
    let early = bench.engine.grant(&bench.call(), &grantor, &request, Before).await;
    assert_eq!(early.unwrap_err().code, Code::InvalidGrant);
    bench.engine.grant(&bench.call(), &grantor, &request, Now).await.unwrap();
    assert!(!must_ask(&[]));
    bench.engine.grant(&bench.call(), &grantor, &request, Before).await.unwrap();
    assert!(!must_ask(&[("scope", "email")]), "less than was agreed to");
    assert!(must_ask(&[("scope", "email wiki:read")]), "more than was agreed to");
    assert!(must_ask(&[("prompt", "consent")]));
    let other = bench.sign_in(bench.add("bob"));
    assert!(bench.engine.must_ask(&request, other.account).unwrap(), "what alice agreed to is not bob's");

    assert!(!must_ask(&[("client_id", "own")]));
    assert!(must_ask(&[("client_id", "always")]));
    let native = [("client_id", "native"), ("redirect_uri", "http://127.0.0.1:5000/cb")];
    let spa = [("client_id", "native"), ("redirect_uri", "https://spa.example.com/cb")];
    for request in [&native, &spa] {
        let request = bench.request_with(request).unwrap();
        bench.engine.grant(&bench.call(), &grantor, &request, Now).await.unwrap();
    }
    assert!(must_ask(&native), "any program on the device may listen there");
    assert!(!must_ask(&spa));
    let unverified = bench.request_with(&native).unwrap();
    let silent = bench.engine.grant(&bench.call(), &grantor, &unverified, Before).await;
    assert_eq!(silent.unwrap_err().code, Code::InvalidGrant);
}

/// Proves: OAU-7
#[tokio::test]
async fn what_was_true_when_the_request_was_read_must_be_true_when_it_is_granted() {
    use crate::idp::oauth2::Agreement::Now;
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let request = bench.request_with(&[]).unwrap();
    for changed in [
        Registration { enabled: false, ..wiki() },
        Registration { redirect_uris: vec!["https://wiki.example.com/new".to_owned()], ..wiki() },
        Registration { scopes: vec!["email".to_owned()], ..wiki() },
        with_grants(&[Grant::ClientCredentials]),
    ] {
        bench.register("wiki", changed, None);
        let refused = bench.engine.grant(&bench.call(), &grantor, &request, Now).await.unwrap_err();
        assert_eq!(refused.code, Code::UnauthorizedClient);
    }
    bench.register("wiki", wiki(), None);
    let (hash, _) = grantor.session.unwrap();
    bench.store.write_blocking(move |tx| crate::domain::session::end(tx, &hash)).unwrap();
    let refused = bench.engine.grant(&bench.call(), &grantor, &request, Now).await.unwrap_err();
    assert_eq!(refused.code, Code::LoginRequired);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// For any request: if the answer is a redirect, then to the address that is registered for that client, letter by letter
    /// (security.md 21). Most of these are right but for the address, so that it alone decides.
    ///
    /// Proves: OAU-1, OAU-2
    #[test]
    fn a_redirect_leads_to_a_registered_address_only(
        address in prop_oneof![
            Just(CALLBACK.to_owned()),
            Just("https://evil.example/cb".to_owned()),
            Just("https://wiki.example.com:443/cb".to_owned()),
            Just("https://WIKI.example.com/cb".to_owned()),
            Just("https://wiki.example.com/./cb".to_owned()),
            Just("https://a@wiki.example.com/cb".to_owned()),
            ".{0,3}".prop_map(|more| format!("{CALLBACK}{more}")),
            ".{0,3}".prop_map(|more| format!("{more}{CALLBACK}")),
            (0..CALLBACK.len(), "[ -~]").prop_map(|(at, other)| {
                format!("{}{other}{}", &CALLBACK[..at], &CALLBACK[at + 1..])
            }),
            ".{0,40}",
        ],
        change in prop_oneof![
            3 => Just(None),
            1 => ("[a-z_]{1,12}|client_id|response_type|scope|state|prompt", ".{0,10}").prop_map(Some),
        ],
    ) {
        let bench = Bench::open();
        let mut changes = vec![("redirect_uri", address.as_str())];
        changes.extend(change.as_ref().map(|(name, value)| (name.as_str(), value.as_str())));
        let way_back = match bench.request_with(&changes) {
            Ok(request) => Some(request.way_back),
            Err(objection) => objection.way_back,
        };
        if change.is_none() {
            prop_assert_eq!(way_back.is_some(), address == CALLBACK, "{}", address);
        }
        if let Some(way_back) = way_back {
            prop_assert_eq!(way_back.uri(), CALLBACK);
        }
    }
}
