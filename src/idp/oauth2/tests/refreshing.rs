//! Refresh tokens: one at a time, and none twice.

use crate::domain::fault::OAuthCode as Code;
use std::time::Duration;

use super::super::testing::{Bench, CALLBACK, SECRET, asked, at_once, basic, code_of, wiki};
use crate::{
    domain::{
        audit::Event,
        client::{Grant, Lifetimes, Registration},
    },
    idp::oauth2::Outcome,
};

/// simple-auth.md 9.D4
///
/// Proves: OAU-10
#[tokio::test]
async fn each_use_gives_the_next_one_and_an_old_one_ends_the_family() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let mut tokens = bench.tokens(&grantor).await;
    let mut used = Vec::new();
    let mut access = vec![tokens.access.clone()];
    for _ in 0..5 {
        bench.pass(Duration::from_mins(2));
        let old = tokens.refresh.unwrap().expose().clone();
        tokens = bench.refresh(&old).await.unwrap();
        assert!(tokens.id_token.is_some());
        access.push(tokens.access.clone());
        used.push(old);
    }
    for token in &access {
        assert!(bench.is_active(token).await);
    }
    // However long ago it was replaced.
    assert_eq!(code_of(bench.refresh(&used[0]).await), Code::InvalidGrant);
    for token in &access {
        assert!(!bench.is_active(token).await);
    }
    assert_eq!(code_of(bench.refresh(tokens.refresh.unwrap().expose()).await), Code::InvalidGrant);
    assert_eq!(bench.count(Event::RefreshTokenReused), 1);
}

/// Races: refresh token
/// Proves: OAU-10
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_uses_at_once_one_succeeds() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let token = bench.tokens(&grantor).await.refresh.unwrap().expose().clone();
    let tries = (0..64).map(|_| {
        let (engine, call, token) = (bench.engine.clone(), bench.call(), token.clone());
        async move {
            let pairs = asked(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
            match engine.token(&call, &basic("wiki", SECRET), &pairs).await {
                Ok(Outcome::Tokens(tokens)) => Some(tokens),
                _ => None,
            }
        }
    });
    let won: Vec<_> = at_once(tries).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert!(!bench.is_active(&won[0].access).await, "the others were uses of a replaced token");
    assert_eq!(code_of(bench.refresh(won[0].refresh.as_ref().unwrap().expose()).await), Code::InvalidGrant);
}

/// Proves: OAU-10
#[tokio::test]
async fn a_refresh_token_is_its_clients_alone() {
    let bench = Bench::open();
    bench.register("other", wiki(), Some(SECRET));
    let grantor = bench.sign_in(bench.add("alice"));
    let token = bench.tokens(&grantor).await.refresh.unwrap().expose().clone();
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    assert_eq!(code_of(bench.token_as(&basic("other", SECRET), &pairs).await), Code::InvalidGrant);
    for nonsense in ["", "x", &token[1..], &format!("{token}A")] {
        let code = if nonsense.is_empty() { Code::InvalidRequest } else { Code::InvalidGrant };
        assert_eq!(code_of(bench.refresh(nonsense).await), code, "{nonsense}");
    }
    assert!(bench.refresh(&token).await.is_ok(), "nobody else's attempt ends the family");
}

/// Proves: OAU-7, OAU-10
#[tokio::test]
async fn scopes_can_be_narrowed_and_never_widened() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code_with(&grantor, &[("scope", "email wiki:read")]).await;
    let token = bench.redeem(&code).await.unwrap().refresh.unwrap();
    let with = async |token: &str, scope: &str| {
        bench.token(&[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
    };
    assert_eq!(code_of(with(token.expose(), "email profile").await), Code::InvalidScope);
    assert_eq!(code_of(with(token.expose(), "\"").await), Code::InvalidScope);
    let narrower = with(token.expose(), "email").await.unwrap();
    assert_eq!(narrower.scopes, ["email"]);
    // The family keeps what was granted.
    let whole = bench.refresh(narrower.refresh.unwrap().expose()).await.unwrap();
    assert_eq!(whole.scopes, ["email", "wiki:read"]);
    // What the operator took away from the client is gone from the next token on.
    bench.register("wiki", Registration { scopes: vec!["email".to_owned()], ..wiki() }, Some(SECRET));
    let less = bench.refresh(whole.refresh.unwrap().expose()).await.unwrap();
    assert_eq!(less.scopes, ["email"]);
    bench.register("wiki", Registration { grants: vec![Grant::AuthorizationCode], ..wiki() }, Some(SECRET));
    assert_eq!(code_of(bench.refresh(less.refresh.unwrap().expose()).await), Code::UnauthorizedClient);
}

/// simple-auth.md 9.D4
///
/// Proves: OAU-10
#[tokio::test]
async fn a_family_ends_unused_after_a_fortnight_and_used_after_thirty_days() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    // Others end with their session, long before.
    let offline = async || {
        let code = bench.code_with(&grantor, &[("scope", "email offline_access")]).await;
        bench.redeem(&code).await.unwrap().refresh.unwrap()
    };
    let idle = offline().await;
    let mut kept = offline().await;
    for _ in 0..2 {
        bench.pass(Duration::from_hours(24 * 14) - Duration::from_secs(1));
        kept = bench.refresh(kept.expose()).await.unwrap().refresh.unwrap();
    }
    assert_eq!(code_of(bench.refresh(idle.expose()).await), Code::InvalidGrant);
    bench.pass(Duration::from_hours(48) + Duration::from_secs(2));
    assert_eq!(code_of(bench.refresh(kept.expose()).await), Code::InvalidGrant);
    assert_eq!(bench.count(Event::RefreshTokenReused), 0, "being late is no misuse");
}

#[tokio::test]
async fn a_client_has_its_own_lifetimes_and_perhaps_no_refresh_token() {
    let bench = Bench::open();
    let lifetimes = Lifetimes { access: Some(60), ..Lifetimes::default() };
    let brief = Registration { grants: vec![Grant::AuthorizationCode], lifetimes, ..wiki() };
    bench.register("wiki", brief, Some(SECRET));
    let grantor = bench.sign_in(bench.add("alice"));
    let tokens = bench.redeem(&bench.code(&grantor).await).await.unwrap();
    assert_eq!(tokens.expires_in, 60);
    assert!(tokens.refresh.is_none());
    bench.pass(Duration::from_secs(59));
    assert!(bench.is_active(&tokens.access).await);
    bench.pass(Duration::from_secs(1));
    assert!(!bench.is_active(&tokens.access).await);
    assert_eq!(CALLBACK, "https://wiki.example.com/cb");
}
