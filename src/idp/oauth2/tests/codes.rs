//! Codes: what they are bound to, once, and what a second time does.

use crate::domain::fault::OAuthCode as Code;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::super::testing::{
    Bench, CALLBACK, SECRET, VERIFIER, asked, at_once, basic, code_of, wiki, with_grants,
};
use crate::{
    domain::{
        audit::Event,
        client::{Grant, Registration},
        session,
    },
    idp::oauth2::{Outcome, Presentation},
};

/// Proves: OAU-4, OAU-11
#[tokio::test]
async fn a_code_becomes_tokens_for_its_scopes() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let tokens = bench.tokens(&grantor).await;
    assert_eq!(tokens.scopes, ["openid", "email"]);
    assert_eq!(tokens.expires_in, 900);
    assert!(tokens.refresh.is_some() && tokens.id_token.is_some());
    assert!(bench.is_active(&tokens.access).await);
    // None of them stands for another (OAU-11).
    let (access, id_token) = (tokens.access.expose().clone(), tokens.id_token.unwrap().expose().clone());
    let refresh = tokens.refresh.unwrap().expose().clone();
    for stranger in [&access, &id_token] {
        assert_eq!(code_of(bench.refresh(stranger).await), Code::InvalidGrant);
        assert_eq!(code_of(bench.redeem(stranger).await), Code::InvalidGrant);
    }
    assert_eq!(code_of(bench.redeem(&refresh).await), Code::InvalidGrant);
    assert!(bench.refresh(&refresh).await.is_ok());
}

/// simple-auth.md 9.D1
///
/// Proves: OAU-4, OAU-6
#[tokio::test]
async fn each_thing_a_code_is_bound_to_refuses_by_itself_and_leaves_the_code_good() {
    let bench = Bench::open();
    bench.register("other", wiki(), Some(SECRET));
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code(&grantor).await;
    let long = "x".repeat(200);
    for (changes, expected) in [
        (&[("code", "")][..], Code::InvalidRequest),
        (&[("code", "nonsense")], Code::InvalidGrant),
        (&[("code", &long)], Code::InvalidGrant),
        (&[("redirect_uri", "")], Code::InvalidGrant),
        (&[("redirect_uri", "https://wiki.example.com/other")], Code::InvalidGrant),
        (&[("code_verifier", "")], Code::InvalidGrant),
        (&[("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX")], Code::InvalidGrant),
        (&[("code_verifier", "short")], Code::InvalidGrant),
        (&[("code_verifier", &long)], Code::InvalidGrant),
        (&[("grant_type", "")], Code::InvalidRequest),
        (&[("grant_type", "implicit")], Code::UnsupportedGrantType),
        (&[("grant_type", "client_credentials")], Code::UnauthorizedClient),
    ] {
        assert_eq!(code_of(bench.redeem_with(&code, changes).await), expected, "{changes:?}");
    }
    let as_other = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let stolen = bench.token_as(&basic("other", SECRET), &as_other).await;
    assert_eq!(code_of(stolen), Code::InvalidGrant);
    // Any character of it changed makes it another one.
    for at in [0, 20, 50, 70, 85] {
        let mut changed = code.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(code_of(bench.redeem(&changed).await), Code::InvalidGrant, "{at}");
    }
    assert!(bench.redeem(&code).await.is_ok(), "none of this used it up");
}

/// Proves: OAU-6
#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let bench = Bench::open();
    bench.register("wiki", Registration { pkce: false, ..wiki() }, Some(SECRET));
    let grantor = bench.sign_in(bench.add("alice"));
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = bench.code_with(&grantor, &without).await;
    assert_eq!(code_of(bench.redeem(&code).await), Code::InvalidGrant);
    assert!(bench.redeem_with(&code, &[("code_verifier", "")]).await.is_ok());
}

/// Proves: OAU-4
#[tokio::test]
async fn a_code_lives_for_a_minute_and_no_longer_than_its_session() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code(&grantor).await;
    bench.pass(Duration::from_millis(59_999));
    let late = bench.code(&grantor).await;
    assert!(bench.redeem(&code).await.is_ok());
    bench.pass(Duration::from_mins(1));
    assert_eq!(code_of(bench.redeem(&late).await), Code::InvalidGrant);

    let code = bench.code(&grantor).await;
    let (hash, _) = grantor.session.unwrap();
    bench.store.write_blocking(move |tx| session::end(tx, &hash)).unwrap();
    assert_eq!(code_of(bench.redeem(&code).await), Code::InvalidGrant);
}

/// simple-auth.md 9.D7: a code that comes again ends what it led to.
///
/// Proves: OAU-5
#[tokio::test]
async fn a_second_redemption_ends_everything_that_came_of_the_code() {
    let bench = Bench::open();
    bench.register("other", wiki(), Some(SECRET));
    let grantor = bench.sign_in(bench.add("alice"));
    let kept = bench.tokens(&grantor).await;
    let code = bench.code(&grantor).await;
    let first = bench.redeem(&code).await.unwrap();
    let renewed = bench.refresh(first.refresh.unwrap().expose()).await.unwrap();
    assert_eq!(code_of(bench.redeem(&code).await), Code::InvalidGrant);
    assert!(!bench.is_active(&first.access).await);
    assert!(!bench.is_active(&renewed.access).await);
    assert_eq!(code_of(bench.refresh(renewed.refresh.unwrap().expose()).await), Code::InvalidGrant);
    assert!(bench.is_active(&kept.access).await, "another code's tokens are not touched");
    assert_eq!(bench.count(Event::CodeReplayed), 1);
    assert_eq!(code_of(bench.redeem(&code).await), Code::InvalidGrant);
}

/// Races: authorization code
/// Proves: OAU-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_redemptions_at_once_one_gets_tokens() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code(&grantor).await;
    let tries = (0..64).map(|_| {
        let (engine, call, code) = (bench.engine.clone(), bench.call(), code.clone());
        async move {
            let pairs = asked(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ]);
            match engine.token(&call, &basic("wiki", SECRET), &pairs).await {
                Ok(Outcome::Tokens(tokens)) => Some(tokens),
                Ok(Outcome::Password(_)) => unreachable!("no password was sent"),
                Err(refusal) => {
                    assert_eq!(refusal.code, Code::InvalidGrant);
                    None
                }
            }
        }
    });
    let mut won: Vec<_> = at_once(tries).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert!(!bench.is_active(&won.remove(0).access).await, "the others were second redemptions");
}

/// Proves: OAU-8
#[tokio::test]
async fn a_failed_client_authentication_uses_up_nothing() {
    let bench = Bench::open();
    bench.register_public();
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code(&grantor).await;
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let wrong = bench.token_as(&basic("wiki", "wrong"), &pairs).await.unwrap_err();
    assert!(wrong.code == Code::InvalidClient && wrong.basic);
    let nobody = bench.token_as(&Presentation::default(), &pairs).await.unwrap_err();
    assert!(nobody.code == Code::InvalidClient && !nobody.basic);
    pairs.extend([("client_id", "wiki"), ("client_secret", SECRET)]);
    assert!(
        bench.token_as(&Presentation::default(), &pairs).await.is_ok(),
        "then the body, as some libraries do"
    );
}

/// simple-auth.md 9.D8
///
/// Proves: OAU-8
#[tokio::test]
async fn a_client_proves_itself_in_exactly_one_registered_way() {
    use crate::domain::client::AuthMethod;
    let bench = Bench::open();
    let machine = with_grants(&[Grant::ClientCredentials]);
    bench.register("machine", machine.clone(), Some(SECRET));
    let basic_only = Registration { auth_methods: vec![AuthMethod::Basic], ..machine.clone() };
    bench.register("basic", basic_only, Some(SECRET));
    bench.register("off", Registration { enabled: false, ..machine }, Some(SECRET));
    bench.register_public();
    let try_as = async |presentation: Presentation, more: &[(&str, &str)]| {
        let mut pairs = vec![("grant_type", "client_credentials")];
        pairs.extend_from_slice(more);
        bench.token_as(&presentation, &pairs).await.map(|_| ()).map_err(|refusal| refusal.code)
    };
    let none = Presentation::default;
    let header = |text: &str| Presentation { authorization: Some(text.into()), doubtful: false };
    assert_eq!(try_as(basic("machine", SECRET), &[]).await, Ok(()));
    assert_eq!(try_as(basic("machine", SECRET), &[("client_id", "machine")]).await, Ok(()));
    assert_eq!(try_as(none(), &[("client_id", "machine"), ("client_secret", SECRET)]).await, Ok(()));
    assert_eq!(try_as(basic("basic", SECRET), &[]).await, Ok(()));
    for (presentation, more, code) in [
        (basic("machine", SECRET), &[("client_secret", SECRET)][..], Code::InvalidRequest),
        (basic("machine", SECRET), &[("client_id", "wiki")], Code::InvalidRequest),
        (none(), &[("client_id", "basic"), ("client_secret", SECRET)], Code::InvalidClient),
        (none(), &[("client_id", "machine")], Code::InvalidClient),
        (none(), &[("client_secret", SECRET)], Code::InvalidClient),
        (none(), &[], Code::InvalidClient),
        (basic("machine", ""), &[], Code::InvalidClient),
        (basic("nobody", SECRET), &[], Code::InvalidClient),
        (basic("off", SECRET), &[], Code::InvalidClient),
        // A public client has no secret to be right about.
        (basic("native", SECRET), &[], Code::InvalidClient),
        (header("Bearer abc"), &[], Code::InvalidClient),
        (header("Basic !!!"), &[], Code::InvalidClient),
        (header("Basic"), &[], Code::InvalidClient),
        (Presentation { authorization: None, doubtful: true }, &[], Code::InvalidClient),
        (none(), &[("client_id", "machine"), ("client_assertion", "x.y.z")], Code::InvalidClient),
    ] {
        let shown = format!(
            "{:?} {more:?}",
            presentation.authorization.as_ref().map(|header| header.expose().clone())
        );
        assert_eq!(try_as(presentation, more).await, Err(code), "{shown}");
    }
}

/// Both halves of a Basic header are form-encoded (RFC 6749, section 2.3.1).
///
/// Proves: OAU-8
#[tokio::test]
async fn an_encoded_basic_header_is_decoded_once() {
    let bench = Bench::open();
    let secret = "se%20cret+with:colons-and-more-characters-in-it";
    bench.register("machine", with_grants(&[Grant::ClientCredentials]), Some(secret));
    let encoded = "se%2520cret%2Bwith%3Acolons-and-more-characters-in-it";
    let pairs = [("grant_type", "client_credentials")];
    assert!(bench.token_as(&basic("machine", encoded), &pairs).await.is_ok());
    assert_eq!(code_of(bench.token_as(&basic("machine", secret), &pairs).await), Code::InvalidClient);
}

/// simple-auth.md 9.A5: no pathway escapes the throttle.
///
/// Races: guesses at a client secret
/// Proves: THR-1, THR-2, OAU-8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_at_a_secret_are_counted_before_they_learn_anything() {
    let bench = Bench::open();
    bench.register("machine", with_grants(&[Grant::ClientCredentials]), Some(SECRET));
    let tries = (0..200).map(|number| {
        let (engine, call) = (bench.engine.clone(), bench.call());
        async move {
            let pairs = asked(&[("grant_type", "client_credentials")]);
            let guess = basic("machine", &format!("guess {number}"));
            engine.token(&call, &guess, &pairs).await.map(|_| ()).unwrap_err().code
        }
    });
    let answers = at_once(tries).await;
    let looked_at = answers.iter().filter(|code| **code == Code::InvalidClient).count();
    assert!(looked_at <= 5, "{looked_at}");
    let pairs = [("grant_type", "client_credentials")];
    let right = bench.token_as(&basic("machine", SECRET), &pairs).await.unwrap_err();
    assert_eq!(right.code, Code::TemporarilyUnavailable, "right and wrong look alike while it is blocked");
    assert!(right.retry_after.is_some());
    // Elsewhere the client goes on: whoever knows its public id cannot lock it out.
    let elsewhere = bench.from("198.51.100.9");
    assert!(bench.engine.token(&elsewhere, &basic("machine", SECRET), &asked(&pairs)).await.is_ok());
    bench.pass(Duration::from_hours(2));
    assert!(bench.token_as(&basic("machine", SECRET), &pairs).await.is_ok());
    assert_eq!(bench.count(Event::ClientAuthFailed), looked_at);
}

/// Proves: THR-2
#[tokio::test]
async fn a_guess_stays_counted_when_its_client_hangs_up() {
    let bench = Bench::open();
    let (call, mut looked_at) = (bench.call(), 0);
    for _ in 0..64 {
        // One that is looked at and wrong waits for the store; one that has to come back later knows it at once.
        looked_at += usize::from(bench.engine.look(&call, "wiki", false).now_or_never().is_none());
    }
    assert!((1..=5).contains(&looked_at), "{looked_at}");
}

/// Proves: OAU-8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_right_requests_at_once_are_not_taken_for_guesses() {
    let bench = Bench::open();
    bench.register("machine", with_grants(&[Grant::ClientCredentials]), Some(SECRET));
    let tries = (0..64).map(|_| {
        let (engine, call) = (bench.engine.clone(), bench.call());
        async move {
            let pairs = asked(&[("grant_type", "client_credentials")]);
            engine.token(&call, &basic("machine", SECRET), &pairs).await.is_ok()
        }
    });
    assert!(at_once(tries).await.into_iter().all(|ok| ok));
}
