//! `POST /account`, `POST /stipulation` and `/auth/onetime` on the wire.

use super::{Answer, Body, JSON, Request, StatusCode, header, reason};
use crate::{
    actions::{
        Which,
        people::{Registration, Rules, Terms},
        testing::{Plan, operator},
    },
    domain::{outbox::Template, stipulation::Stipulation},
    web::testing::{House, OTHER, PASSWORD, rules},
};

fn house(change: impl FnOnce(&mut Rules)) -> House {
    let registration = Registration { open: true, ..Registration::default() };
    let mut people = Rules { registration, ..Rules::default() };
    people.pace.per_source = 1000;
    change(&mut people);
    House::build(Plan { people, ..Plan::default() }, rules(), |_| ())
}

async fn post(house: &House, path: &str, body: serde_json::Value, cookie: Option<&str>) -> Answer {
    let mut request = Request::post(path).header(JSON.0, JSON.1);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    house.ask_simple(request.body(Body::from(body.to_string())).unwrap()).await
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.text).unwrap()
}

fn bob(email: &str) -> serde_json::Value {
    serde_json::json!({ "username": "bob", "email": email, "password": PASSWORD })
}

/// simple-auth.md 9.C1, 9.C3
#[tokio::test]
async fn an_account_is_made_and_flaws_have_their_reasons_and_statuses() {
    let house = house(|people| people.registration.confirm_email = false);
    house.desk.add("alice").await;
    for (body, status, said) in [
        (serde_json::json!({}), 400, "bad-request"),
        (bob("notanemail"), 400, "bad-request"),
        (bob("a@b.example\r\nBcc: c@d.example"), 400, "bad-request"),
        (bob("ALICE@example.com"), 400, "account-email-exists"),
        (
            serde_json::json!({ "username": "Alice", "email": "b@c.example", "password": PASSWORD }),
            409,
            "username-unavailable",
        ),
        (
            serde_json::json!({ "username": "bob", "email": "b@c.example", "password": "abc" }),
            400,
            "credentials-failed-requirements",
        ),
        (
            serde_json::json!({ "username": "bob", "email": "b@c.example", "password": PASSWORD, "groups": ["admins"] }),
            400,
            "bad-request",
        ),
    ] {
        let answer = post(&house, "/api/v1/account", body.clone(), None).await;
        assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (status, said), "{body}");
    }
    let answer = post(&house, "/account?createSession=true", bob("bob@example.net"), None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let made = json(&answer);
    assert_eq!((&made["createdSession"], &made["hasStipulations"]), (&true.into(), &false.into()));
    let session = answer.cookie("__Secure-auth").unwrap().split(';').next().unwrap().to_owned();
    let request = Request::get("/auth/session").header(header::COOKIE, session);
    let shown = house.ask_simple(request.body(Body::empty()).unwrap()).await;
    assert_eq!(json(&shown)["id"], made["id"]);
}

/// Proves: THR-8
/// simple-auth.md 9.A7
#[tokio::test]
async fn an_address_in_use_answers_like_a_free_one_and_the_token_confirms() {
    let house = house(|_| ());
    house.desk.add("alice").await;
    let eve = serde_json::json!({ "username": "eve", "email": "alice@example.com", "password": PASSWORD });
    let mut seen = Vec::new();
    for body in [eve, bob("bob@example.net")] {
        let answer = post(&house, "/account?createSession=1", body, None).await;
        let mut made = json(&answer);
        assert!(made["id"].take().is_string());
        seen.push((answer.status, made, answer.cookies().len()));
        house.pass(1);
    }
    assert_eq!(seen[0], seen[1]);
    let login = serde_json::json!({ "username": "bob", "password": PASSWORD });
    let waits = post(&house, "/auth/session", login.clone(), None).await;
    assert_eq!(
        (waits.status, reason(&waits).as_str()),
        (StatusCode::UNAUTHORIZED, "unsatisfied-stipulations")
    );
    let which = Which::from("bob");
    let id = house.shared.actions.find_account(&operator(), &which).unwrap().id.to_string();
    let token = house.desk.token(Template::ConfirmEmail).expose().clone();
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (account, token, status, said) in [
        (Some(nobody), token.as_str(), 401, "no-code"),
        (Some(id.as_str()), "wrong", 401, "no-code"),
        (Some("no-uuid"), token.as_str(), 400, "bad-request"),
        (None, token.as_str(), 401, "unauthorized"),
    ] {
        let body = serde_json::json!({ "account": account, "token": token });
        let answer = post(&house, "/stipulation", body, None).await;
        assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (status, said), "{account:?}");
    }
    let body = serde_json::json!({ "account": id, "token": token });
    let done = post(&house, "/stipulation", body.clone(), None).await;
    assert_eq!((done.status, json(&done)), (StatusCode::OK, serde_json::json!({ "success": true })));
    assert_eq!(reason(&post(&house, "/stipulation", body, None).await), "no-code", "once");
    assert_eq!(post(&house, "/auth/session", login, None).await.status, StatusCode::OK);
}

/// Without an account in the body it is the session's.
#[tokio::test]
async fn a_blank_account_is_the_sessions() {
    let house = house(|_| ());
    let id = house.desk.add("alice").await;
    let ask = Stipulation::ConfirmEmail;
    house.shared.actions.stipulate(&house.call(""), &operator(), id, ask).await.unwrap();
    let token = house.desk.token(Template::ConfirmEmail).expose().clone();
    let bob = house.desk.add("bob").await;
    assert_ne!(id, bob);
    let cookie = format!("__Secure-auth={}", house.session("bob").await);
    let body = serde_json::json!({ "account": "", "token": token });
    let other = post(&house, "/stipulation", body, Some(&cookie)).await;
    assert_eq!(reason(&other), "no-code", "the token is for another account");
}

#[tokio::test]
async fn what_is_asked_in_a_restricted_session_is_said() {
    let terms = Terms { version: "3".to_owned(), url: "https://example.com/terms".to_owned() };
    let house = house(|people| people.terms = Some(terms));
    house.desk.add("alice").await;
    let login = serde_json::json!({ "username": "alice", "password": PASSWORD });
    let answer = post(&house, "/auth/session", login, None).await;
    assert_eq!(json(&answer)["stipulations"], serde_json::json!(["accept-terms"]));
    assert_eq!(json(&answer).get("passwordChangeRequired"), None);
    let cookie = answer.cookie("__Secure-auth").unwrap().split(';').next().unwrap().to_owned();
    let request = Request::get("/account").header(header::COOKIE, cookie);
    let refused = house.ask_simple(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

/// Proves: THR-8, OTP-7
/// simple-auth.md 9.A2, 9.A3, 9.A7
#[tokio::test]
async fn one_time_links_by_mail_and_their_tokens() {
    let house = house(|_| ());
    let id = house.desk.add("alice").await;
    let mut seen = Vec::new();
    for email in ["nobody@example.com", "Alice@EXAMPLE.com"] {
        let answer = post(&house, "/auth/onetime", serde_json::json!({ "email": email }), None).await;
        seen.push((answer.status, answer.text));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], (StatusCode::OK, "{\"success\":true}".to_owned()));
    let token = house.desk.token(Template::SignInLink);
    let path = format!("/api/v1/auth/onetime?token={}", token.expose());
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        house.ask_simple(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(ask("HEAD", &path).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let answer = ask("GET", &path).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::FOUND, "/me"), "{}", answer.text);
    let cookie = answer.cookie("__Secure-auth").unwrap().split(';').next().unwrap().to_owned();
    let again = ask("GET", &path).await;
    assert_eq!((again.status, reason(&again).as_str()), (StatusCode::UNAUTHORIZED, "invalid-token"));
    assert_eq!(reason(&ask("GET", "/auth/onetime").await), "bad-request");
    assert_eq!(reason(&ask("GET", "/auth/onetime?token=").await), "bad-request");
    let local = Request::get("/local").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    assert_eq!(json(&house.ask_simple(local).await)["requireOldPassword"], false);
    let change = serde_json::json!({ "newpassword": OTHER });
    assert_eq!(post(&house, "/local/password", change, Some(&cookie)).await.status, StatusCode::OK);
    // With a second factor the link leads to its question, and not to a session.
    house.desk.with_totp(id).await;
    house.pass(60);
    post(&house, "/auth/onetime", serde_json::json!({ "email": "alice@example.com" }), None).await;
    let token = house.desk.token(Template::SignInLink);
    let answer = ask("GET", &format!("/auth/onetime?token={}", token.expose())).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::FOUND, "/login/second-factor"));
    assert!(answer.cookie("__Secure-auth").is_none());
}
