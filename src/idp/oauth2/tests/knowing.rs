//! Introspection, ID tokens and keys.

use crate::domain::fault::OAuthCode as Code;
use std::time::Duration;

use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk};
use serde_json::Value;

use super::super::testing::{Bench, SECRET, asked, basic, wiki, with_grants};
use crate::{
    crypto::jose::Algorithm,
    domain::{
        account::{ACCOUNTS, Status},
        client::{Grant, Registration},
    },
    idp::oauth2::{Engine, Introspection, Presentation},
    values::{secret::Secret, time::Timestamp},
};

/// simple-auth.md 9.D1, 9.D9
///
/// Proves: OAU-22, OAU-11, OAU-24
#[tokio::test]
async fn a_client_learns_about_its_own_live_tokens_and_nothing_else() {
    let bench = Bench::open();
    bench.register("other", wiki(), Some(SECRET));
    bench.register_public();
    let alice = bench.add("alice");
    let grantor = bench.sign_in(alice);
    let code = bench.code_with(&grantor, &[("scope", "openid email username")]).await;
    let ask = async |who: &Presentation, token: &str| {
        bench.engine.introspect(&bench.call(), who, &asked(&[("token", token)])).await
    };
    let own = basic("wiki", SECRET);
    // A code is no token, and nobody learns whether it is good.
    assert_eq!(ask(&own, &code).await.unwrap(), Introspection::Inactive);
    let tokens = bench.redeem(&code).await.unwrap();
    let (access, refresh) = (tokens.access.expose().clone(), tokens.refresh.unwrap().expose().clone());
    let Introspection::Active(active) = ask(&own, &access).await.unwrap() else { panic!("it is active") };
    assert_eq!((active.token_type, active.client.as_str()), ("access_token", "wiki"));
    assert_eq!(active.subject, alice.to_string());
    assert_eq!(
        (active.username.as_deref(), active.email.as_deref()),
        (Some("alice"), Some("alice@example.com"))
    );
    assert_eq!(
        (active.issued, active.expires),
        (bench.world.now(), bench.world.now() + Duration::from_mins(15))
    );
    let Introspection::Active(active) = ask(&own, &refresh).await.unwrap() else { panic!("it is active") };
    assert_eq!(active.token_type, "refresh_token");
    // Foreign, unknown, truncated, and the ID token: all alike.
    for (who, token) in [
        (basic("other", SECRET), access.as_str()),
        (basic("other", SECRET), &refresh),
        (own.clone(), "nonsense"),
        (own.clone(), &access[1..]),
        (own.clone(), tokens.id_token.as_ref().unwrap().expose()),
    ] {
        assert_eq!(ask(&who, token).await.unwrap(), Introspection::Inactive, "{token}");
    }
    // Without proof, nothing; a client that cannot prove itself neither.
    assert_eq!(ask(&Presentation::default(), &access).await.unwrap_err().code, Code::InvalidClient);
    assert_eq!(ask(&basic("wiki", "wrong"), &access).await.unwrap_err().code, Code::InvalidClient);
    let public = asked(&[("token", &access), ("client_id", "native")]);
    let refused = bench.engine.introspect(&bench.call(), &Presentation::default(), &public).await;
    assert_eq!(refused.unwrap_err().code, Code::InvalidClient);
    assert_eq!(ask(&own, "").await.unwrap_err().code, Code::InvalidRequest);
    let twice = asked(&[("token", &access), ("token", &access)]);
    let refused = bench.engine.introspect(&bench.call(), &own, &twice).await;
    assert_eq!(refused.unwrap_err().code, Code::InvalidRequest);
}

/// simple-auth.md 9.D9
#[tokio::test]
async fn the_token_of_a_closed_account_or_a_disabled_client_is_not_active() {
    let bench = Bench::open();
    let alice = bench.add("alice");
    let tokens = bench.tokens(&bench.sign_in(alice)).await;
    let close = |status: Status| {
        bench
            .store
            .write_blocking(move |tx| {
                let mut account = ACCOUNTS.get(tx, &alice)?.unwrap();
                account.status = status.clone();
                ACCOUNTS.set(tx, &alice, &account)
            })
            .unwrap();
    };
    // Even if whoever closed it forgot to end the tokens.
    close(Status::Disabled { reason: "test".to_owned(), since: bench.world.now() });
    assert!(!bench.is_active(&tokens.access).await);
    close(Status::Active);
    assert!(bench.is_active(&tokens.access).await);
    let everyone = Bench::with(|settings| settings.open_introspection = true);
    let tokens = everyone.tokens(&everyone.sign_in(everyone.add("alice"))).await;
    everyone.register("wiki", Registration { enabled: false, ..wiki() }, Some(SECRET));
    assert_eq!(anonymous(&everyone.engine, &everyone, tokens.access.expose()).await, Ok(false));
}

async fn anonymous(engine: &Engine, bench: &Bench, token: &str) -> Result<bool, Code> {
    let answer =
        engine.introspect(&bench.call(), &Presentation::default(), &asked(&[("token", token)])).await;
    answer.map(|answer| answer != Introspection::Inactive).map_err(|refusal| refusal.code)
}

#[tokio::test]
async fn the_originals_open_introspection_is_a_switch_and_never_about_codes() {
    let bench = Bench::with(|settings| settings.open_introspection = true);
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code(&grantor).await;
    assert_eq!(anonymous(&bench.engine, &bench, &code).await, Ok(false));
    let tokens = bench.redeem(&code).await.unwrap();
    assert_eq!(anonymous(&bench.engine, &bench, tokens.access.expose()).await, Ok(true));
    // Who tries to prove itself must succeed.
    let wrong = asked(&[("token", tokens.access.expose().as_str())]);
    let refused = bench.engine.introspect(&bench.call(), &basic("wiki", "wrong"), &wrong).await;
    assert_eq!(refused.unwrap_err().code, Code::InvalidClient);
}

/// Proves: OAU-24
#[tokio::test]
async fn a_client_that_acts_for_itself_is_its_own_subject() {
    let bench = Bench::open();
    let machine = Registration {
        id_token_always: true,
        ..with_grants(&[Grant::ClientCredentials, Grant::RefreshToken])
    };
    bench.register("machine", machine, Some(SECRET));
    let pairs = [("grant_type", "client_credentials"), ("scope", "openid offline_access wiki:read")];
    let tokens = bench.token_as(&basic("machine", SECRET), &pairs).await.unwrap();
    assert_eq!(tokens.scopes, ["wiki:read"]);
    assert!(tokens.refresh.is_none() && tokens.id_token.is_none());
    let asking = asked(&[("token", tokens.access.expose().as_str())]);
    let answer = bench.engine.introspect(&bench.call(), &basic("machine", SECRET), &asking).await.unwrap();
    let Introspection::Active(active) = answer else { panic!("it is active") };
    assert_eq!((active.subject.as_str(), active.username), ("machine", None));
}

/// The claims of an ID token, read by a published library from the published keys.
async fn claims(bench: &Bench, token: &Secret<String>) -> Value {
    let header = jsonwebtoken::decode_header(token.expose()).unwrap();
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let keys = serde_json::to_value(bench.engine.key_set(bench.world.now()).await.unwrap()).unwrap();
    let kids: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    let at = kids.iter().position(|kid| kid.as_str() == header.kid.as_deref()).expect("the key is published");
    let jwk: Jwk = serde_json::from_value(keys[at].clone()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["wiki"]);
    validation.set_issuer(&["https://auth.example.com"]);
    // The bench's clock stands in the year 2027.
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(token.expose(), &DecodingKey::from_jwk(&jwk).unwrap(), &validation)
        .unwrap()
        .claims
}

/// simple-auth.md 9.D5
///
/// Proves: OAU-4, OAU-24
#[tokio::test]
async fn an_id_token_says_who_signed_in_how_and_when() {
    let bench = Bench::open();
    for algorithm in Algorithm::ALL {
        bench.register("wiki", Registration { algorithm, ..wiki() }, Some(SECRET));
        let alice = bench.add(&format!("alice-{}", algorithm.as_str().to_lowercase()));
        let grantor = bench.sign_in(alice);
        let signed_in = bench.world.now();
        bench.pass(Duration::from_mins(3));
        let code =
            bench.code_with(&grantor, &[("nonce", "n-0S6_WzA2Mj"), ("scope", "openid email username")]).await;
        let tokens = bench.redeem(&code).await.unwrap();
        let claims = claims(&bench, tokens.id_token.as_ref().unwrap()).await;
        let now = bench.world.now().secs();
        assert_eq!(claims["sub"], alice.to_string());
        assert_eq!(claims["aud"], "wiki");
        assert_eq!((&claims["iat"], &claims["exp"]), (&Value::from(now), &Value::from(now + 600)));
        assert_eq!(claims["auth_time"], signed_in.secs());
        assert_eq!(claims["nonce"], "n-0S6_WzA2Mj");
        assert_eq!(claims["at_hash"], algorithm.half_hash(tokens.access.expose()));
        assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
        let name = format!("alice-{}", algorithm.as_str().to_lowercase());
        assert_eq!(
            (&claims["name"], &claims["preferred_username"]),
            (&Value::from(name.clone()), &Value::from(name.clone()))
        );
        assert_eq!(claims["email"], format!("{name}@example.com"));
        // A renewed one has a new time and no nonce.
        bench.pass(Duration::from_mins(5));
        let renewed = bench.refresh(tokens.refresh.unwrap().expose()).await.unwrap();
        let renewed = self::claims(&bench, renewed.id_token.as_ref().unwrap()).await;
        assert_eq!((&renewed["auth_time"], &renewed["sub"]), (&claims["auth_time"], &claims["sub"]));
        assert_eq!(renewed["iat"], now + 300);
        assert!(renewed.get("nonce").is_none());
    }
}

/// What is signed for a client to read opens nothing: neither as it was given out, nor with its signature taken off.
///
/// simple-auth.md 9.E1
#[tokio::test]
async fn an_id_token_is_no_key() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let tokens = bench.redeem(&bench.code_with(&grantor, &[("scope", "openid")]).await).await.unwrap();
    let statement = tokens.id_token.as_ref().unwrap();
    assert!(bench.is_active(&tokens.access).await && !bench.is_active(statement).await);
    let payload = statement.expose().split('.').nth(1).unwrap();
    let unsigned = Secret::new(format!("eyJhbGciOiJub25lIn0.{payload}."));
    assert!(!bench.is_active(&unsigned).await);
    for forged in [statement, &unsigned] {
        let refused = [bench.refresh(forged.expose()).await, bench.redeem(forged.expose()).await];
        assert_eq!(refused.map(|one| one.err().map(|refusal| refusal.code)), [Some(Code::InvalidGrant); 2]);
    }
}

#[tokio::test]
async fn claims_and_the_token_itself_follow_the_scopes() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let bare = bench.redeem(&bench.code_with(&grantor, &[("scope", "openid")]).await).await.unwrap();
    let claims = claims(&bench, bare.id_token.as_ref().unwrap()).await;
    for absent in ["email", "name", "preferred_username", "nonce"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    let none = bench.redeem(&bench.code_with(&grantor, &[("scope", "email")]).await).await.unwrap();
    assert!(none.id_token.is_none(), "without openid there is none");
    bench.register("wiki", Registration { id_token_always: true, ..wiki() }, Some(SECRET));
    let always = bench.redeem(&bench.code_with(&grantor, &[("scope", "email")]).await).await.unwrap();
    assert!(always.id_token.is_some(), "but for clients of Simple Auth");
}

/// simple-auth.md 9.A12
///
/// Proves: JWT-7
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_take_turns_without_a_gap() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let kids = async |now: Timestamp| -> Vec<String> {
        let keys = bench.engine.key_set(now).await.unwrap();
        keys.iter().map(|key| key.kid().to_owned()).collect()
    };
    let kid_of = |token: &Secret<String>| jsonwebtoken::decode_header(token.expose()).unwrap().kid.unwrap();
    // However many ask at once, one key is made.
    let asks = (0..16).map(|_| {
        let (engine, now) = (bench.engine.clone(), bench.world.now());
        async move { engine.key_set(now).await.unwrap().len() }
    });
    assert!(super::super::testing::at_once(asks).await.into_iter().all(|count| count == 1));
    let tokens = bench.tokens(&grantor).await;
    let first = kid_of(tokens.id_token.as_ref().unwrap());
    assert_eq!(kids(bench.world.now()).await.len(), 2, "RS256 is always there, ES256 since it is used");
    bench.pass(Duration::from_hours(24 * 90));
    let mut grantor = bench.sign_in(grantor.account);
    bench.engine.tidy(bench.world.now()).await.unwrap();
    bench.engine.tidy(bench.world.now()).await.unwrap();
    assert_eq!(kids(bench.world.now()).await.len(), 4, "one new key for each algorithm in use");
    let before = bench.tokens(&grantor).await;
    assert_eq!(kid_of(before.id_token.as_ref().unwrap()), first, "for an hour the new one is only published");
    bench.pass(Duration::from_hours(1));
    grantor = bench.sign_in(grantor.account);
    let after = bench.tokens(&grantor).await;
    assert_ne!(kid_of(after.id_token.as_ref().unwrap()), first);
    assert!(kids(bench.world.now()).await.contains(&first));
    bench.pass(Duration::from_hours(2));
    bench.engine.tidy(bench.world.now()).await.unwrap();
    let left = kids(bench.world.now()).await;
    assert!(left.len() == 2 && !left.contains(&first));
}

/// A second engine over the same store, as after a restart.
///
/// simple-auth.md 9.A12
///
/// Proves: OPS-8
#[tokio::test]
async fn keys_survive_a_restart_sealed() {
    let bench = Bench::open();
    let tokens = bench.tokens(&bench.sign_in(bench.add("alice"))).await;
    let again = Engine::new(
        bench.store.clone(),
        bench.world.clone(),
        bench.engine.0.keyring.clone(),
        (*bench.engine.settings()).clone(),
    )
    .unwrap();
    let now = bench.world.now();
    let (old, new) = (bench.engine.key_set(now).await.unwrap(), again.key_set(now).await.unwrap());
    assert_eq!(old, new);
    assert!(tokens.id_token.is_some());
}
