//! The `password` grant.

use std::time::Duration;

use super::*;
use crate::{
    actions::testing::Plan,
    domain::{audit::Event, fault::Reason, login::throttle::Rules},
};

/// The `password` grant: allowed explicitly, guarded as the login page is, and no session comes of it.
///
/// Proves: THR-1, OAU-7
#[tokio::test]
async fn a_password_becomes_tokens_only_for_a_client_that_may() {
    let scene = Scene::new().await;
    let secret = Scene::register(&scene.house, "old", &["password", "refresh_token"]).await;
    let alice = scene.house.desk.add("bob").await;
    let ask = async |changes: Value| {
        let mut body = json!({
            "grant_type": "password", "client_id": "old", "client_secret": secret, "username": "bob", "password": PASSWORD,
            "scope": "openid username",
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        scene.ask("POST", "/auth/oauth2/token", &[JSON], body.to_string()).await
    };
    let before = scene.house.desk.live(alice);
    let tokens = ask(json!({})).await;
    assert_eq!(tokens.status, StatusCode::OK, "{tokens:?}");
    let tokens = body(&tokens);
    assert!(tokens["refresh_token"].is_string() && tokens["id_token"].is_string());
    assert_eq!(scene.house.desk.live(alice), before, "no session");

    let totp = scene.house.desk.with_totp(alice).await;
    assert_eq!(error(&ask(json!({})).await), (400, "invalid_grant".to_owned()));
    assert_eq!(text(&ask(json!({})).await, "error_description"), "totp-missing");
    assert_eq!(text(&ask(json!({ "totp": "000000" })).await, "error_description"), "totp-failed");
    let code = scene.house.desk.code(&totp);
    assert_eq!(ask(json!({ "totp": code })).await.status, StatusCode::OK);
    assert_eq!(
        text(&ask(json!({ "totp": code })).await, "error_description"),
        "totp-failed",
        "no code works twice"
    );

    let wrong = ask(json!({ "password": "wrong" })).await;
    assert_eq!(error(&wrong), (400, "invalid_grant".to_owned()));
    assert_eq!(text(&ask(json!({ "username": "nobody" })).await, "error_description"), "invalid-credentials");
    for _ in 0..10 {
        ask(json!({ "password": "wrong" })).await;
    }
    let blocked = ask(json!({ "totp": code })).await;
    assert_eq!(error(&blocked), (429, "temporarily_unavailable".to_owned()));
    assert!(blocked.headers.contains_key(header::RETRY_AFTER));
}

/// An app server stands at one address for all its people: what some of them get wrong shuts out neither the others nor the client.
///
/// Proves: THR-4, THR-1
#[tokio::test]
async fn wrong_passwords_at_an_apps_own_form_do_not_shut_the_client_out() {
    let scene = Scene::new().await;
    let secret = Scene::register(&scene.house, "old", &["password"]).await;
    scene.house.desk.add("bob").await;
    let ask = async |name: &str, password: &str| {
        let body = json!({
            "grant_type": "password", "client_id": "old", "client_secret": secret, "username": name, "password": password,
        });
        scene.ask("POST", "/auth/oauth2/token", &[JSON], body.to_string()).await
    };
    let code = scene.code().await;
    for number in 0..31 {
        let refused = ask(&format!("nobody-{number}"), "wrong").await;
        assert_eq!(error(&refused), (400, "invalid_grant".to_owned()), "{number}");
    }
    assert_eq!(scene.redeem(&code, &json!({})).await.status, StatusCode::OK, "another client's code");
    assert_eq!(ask("bob", PASSWORD).await.status, StatusCode::OK, "another person's password");
    let mut answers = Vec::new();
    for _ in 0..11 {
        answers.push(ask("alice", "wrong").await.status.as_u16());
    }
    assert_eq!(answers.first(), Some(&400));
    assert_eq!(answers.last(), Some(&429), "alice's own limit holds: {answers:?}");
    assert_eq!(ask("alice", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask("bob", PASSWORD).await.status, StatusCode::OK);
}

/// One password with many names, through the form of an app: it gets slow, for that form alone, and the trail knows where it comes from.
///
/// Proves: THR-1, THR-4, THR-6, OPS-19
#[tokio::test]
async fn a_spray_through_an_apps_own_form_is_slowed_and_nobody_else_is() {
    let scene = Scene::with(House::planned(small_relays(), |_| ())).await;
    let [old, other] = [
        Scene::register(&scene.house, "old", &["password"]).await,
        Scene::register(&scene.house, "other", &["password"]).await,
    ];
    scene.house.desk.add("bob").await;
    let ask = async |client: (&str, &str), name: &str, password: &str| {
        let body = json!({
            "grant_type": "password", "client_id": client.0, "client_secret": client.1, "username": name, "password": password,
        });
        scene.ask("POST", "/auth/oauth2/token", &[JSON], body.to_string()).await
    };
    let (old, other) = (("old", old.as_str()), ("other", other.as_str()));
    let code = scene.code().await;
    for number in 0..40 {
        assert_eq!(ask(old, &format!("nobody-{number}"), "wrong").await.status.as_u16(), 400, "{number}");
    }
    let said = scene.house.desk.audit();
    let failed: Vec<_> = said.iter().filter(|record| record.event == Event::SignInFailed).collect();
    let from = Some(scene.house.call("").client.unwrap().to_string());
    assert!(failed.len() == 40 && failed.iter().all(|record| record.client == from), "{:?}", failed[0]);
    for (name, password) in [("nobody-40", "wrong"), ("bob", PASSWORD)] {
        let waits = ask(old, name, password).await;
        assert_eq!(error(&waits), (429, "temporarily_unavailable".to_owned()), "{name}");
        assert_eq!(waits.headers[header::RETRY_AFTER], "3");
    }
    assert_eq!(ask(other, "bob", PASSWORD).await.status, StatusCode::OK, "another client's form");
    assert_eq!(scene.redeem(&code, &json!({})).await.status, StatusCode::OK, "another client's code");
    scene.house.session("bob").await;
    assert_eq!(error(&ask(("old", "wrong"), "bob", PASSWORD).await), (401, "invalid_client".to_owned()));
    scene.house.pass(3);
    assert_eq!(ask(old, "nobody-40", "wrong").await.status.as_u16(), 400, "one a moment later");
    assert_eq!(ask(old, "nobody-41", "wrong").await.status.as_u16(), 429);
    scene.house.pass(3);
    assert_eq!(ask(old, "bob", PASSWORD).await.status, StatusCode::OK);
}

/// A relay of forty failures in two minutes.
fn small_relays() -> Plan {
    let throttle = Rules { relay_failures: 40, relay_window: Duration::from_mins(2), ..Rules::default() };
    Plan { throttle, ..Plan::default() }
}

/// Nor does what people behind the same address get wrong at our own form.
///
/// Proves: THR-4
#[tokio::test]
async fn wrong_passwords_at_the_portal_do_not_shut_a_client_out() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let mut refused = Vec::new();
    for number in 0..31 {
        refused.push(scene.house.desk.refusal(&format!("nobody-{number}"), "wrong").await);
    }
    assert_eq!(refused.last(), Some(&Reason::Throttled), "that address may not try any more");
    assert_eq!(scene.redeem(&code, &json!({})).await.status, StatusCode::OK);
}
