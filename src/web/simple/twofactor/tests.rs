//! The authenticator app over JSON, as clients of the original use it.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    domain::factor::totp::{TotpSecret, code_at},
    web::testing::{Answer, House, PASSWORD},
};

struct Client {
    house: House,
    cookie: String,
}

impl Client {
    async fn new() -> Self {
        let house = House::open();
        house.desk.add("alice").await;
        let cookie = format!("__Secure-auth={}", house.session("alice").await);
        Self { house, cookie }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_with(&self.cookie, method, path, body).await
    }

    async fn ask_with(&self, cookie: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(String::new, |body| body.to_string());
        self.house.ask_simple(request.body(Body::from(body)).unwrap()).await
    }

    async fn sign_in(&self, totp: Option<&str>) -> Answer {
        let mut body = json!({ "username": "alice", "password": PASSWORD });
        if let Some(totp) = totp {
            body["totp"] = totp.into();
        }
        // From elsewhere: where somebody is signed in, the new session takes the place of the old one.
        self.ask_with("", "POST", "/auth/session", Some(body)).await
    }

    async fn begin(&self) -> TotpSecret {
        let answer = self.ask("GET", "/local/2fa", None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        TotpSecret::parse(told(&answer)["secret"].as_str().unwrap()).unwrap()
    }

    async fn confirm(&self, secret: &TotpSecret, code: &str) -> Answer {
        let body = json!({ "secret": *secret.base32().expose(), "code": code });
        self.ask("POST", "/local/2fa", Some(body)).await
    }

    fn code(&self, secret: &TotpSecret) -> String {
        code_at(secret, self.house.desk.call().now)
    }
}

fn told(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap()
}

/// Status and reason.
fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), told(answer)["reason"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

/// simple-auth.md 9.A6
///
/// Proves: OTP-4, OTP-5, SES-9
#[tokio::test]
async fn an_app_is_added_asked_for_and_removed_by_the_endpoints_of_the_original() {
    let client = Client::new().await;
    let local = told(&client.ask("GET", "/local", None).await);
    assert_eq!((&local["twofactor"], &local["twofactorallowed"]), (&json!(false), &json!(true)));
    let secret = client.begin().await;
    assert_eq!(secret.bytes().len(), 20);
    let picture =
        client.ask("GET", &format!("/local/2fa/qrcode?secret={}", secret.base32().expose()), None).await;
    assert_eq!(
        (picture.status, &picture.headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &"image/png".parse().unwrap())
    );
    assert!(picture.text.contains("PNG") && picture.headers[header::CACHE_CONTROL] == "no-store");
    assert_eq!(refusal(&client.confirm(&secret, "000000").await), refused(401, "totp-failed"));
    let sign_in = client.sign_in(None).await;
    assert_eq!(sign_in.status, StatusCode::OK, "not a factor yet");
    let done = client.confirm(&secret, &client.code(&secret)).await;
    assert_eq!((done.status, told(&done)), (StatusCode::OK, json!({ "success": true })));
    assert_eq!(told(&client.ask("GET", "/local", None).await)["twofactor"], true);
    assert_eq!(told(&client.ask("GET", "/account", None).await)["auth"]["local"]["twofactor"], true);
    // In one call.
    client.house.pass(30);
    assert_eq!(refusal(&client.sign_in(None).await), refused(401, "totp-missing"));
    assert_eq!(refusal(&client.sign_in(Some("")).await), refused(401, "totp-missing"));
    assert_eq!(refusal(&client.sign_in(Some("000000")).await), refused(401, "totp-failed"));
    let code = client.code(&secret);
    let signed_in = client.sign_in(Some(&code)).await;
    assert_eq!(signed_in.status, StatusCode::OK);
    assert_eq!(refusal(&client.sign_in(Some(&code)).await), refused(401, "totp-failed"), "used");
    // Removed by a code; the other session ends, this one does not.
    let remove = async |code: &str| client.ask("DELETE", &format!("/local/2fa?code={code}"), None).await;
    assert_eq!(refusal(&remove("").await), refused(400, "bad-request"));
    assert_eq!(refusal(&remove("000000").await), refused(401, "totp-failed"));
    client.house.pass(30);
    assert_eq!(told(&remove(&client.code(&secret)).await), json!({ "success": true }));
    assert_eq!(refusal(&remove(&client.code(&secret)).await), refused(401, "no-code"), "there is none");
    assert_eq!(client.ask("GET", "/auth/session", None).await.status, StatusCode::OK);
    let other = signed_in.cookie("__Secure-auth").unwrap().split(';').next().unwrap().to_owned();
    let house = client.house;
    let other = Client { house, cookie: other };
    assert_eq!(other.ask("GET", "/auth/session", None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(other.sign_in(None).await.status, StatusCode::OK);
}

/// simple-auth.md 9.A6
///
/// Proves: OTP-5, OTP-10
#[tokio::test]
async fn nobody_brings_a_secret_of_their_own_or_a_number_for_a_code() {
    let client = Client::new().await;
    let mine = TotpSecret::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    let code = client.code(&mine);
    assert_eq!(refusal(&client.confirm(&mine, &code).await), refused(400, "bad-request"), "nothing is begun");
    let pending = client.begin().await;
    assert_eq!(refusal(&client.confirm(&mine, &code).await), refused(400, "bad-request"), "another secret");
    for secret in ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "", "not-base32!", "%00"] {
        let answer = client.ask("GET", &format!("/local/2fa/qrcode?secret={secret}"), None).await;
        assert_eq!(refusal(&answer), refused(400, "bad-request"), "{secret}");
    }
    assert_eq!(refusal(&client.ask("GET", "/local/2fa/qrcode", None).await), refused(400, "bad-request"));
    let number: u64 = client.code(&pending).parse().unwrap();
    let body = json!({ "secret": *pending.base32().expose(), "code": number });
    assert_eq!(refusal(&client.ask("POST", "/local/2fa", Some(body)).await), refused(400, "bad-request"));
    // Another session of the same person may neither see nor confirm it.
    let cookie = format!("__Secure-auth={}", client.house.session("alice").await);
    let other = Client { house: client.house, cookie };
    let picture =
        other.ask("GET", &format!("/local/2fa/qrcode?secret={}", pending.base32().expose()), None).await;
    assert_eq!(refusal(&picture), refused(400, "bad-request"));
    assert_eq!(refusal(&other.confirm(&pending, &other.code(&pending)).await), refused(400, "bad-request"));
    // A new one voids the one before.
    let newer = other.begin().await;
    assert!(!newer.is(&pending));
    assert_eq!(other.confirm(&newer, &other.code(&newer)).await.status, StatusCode::OK);
}

/// Proves: SES-11
#[tokio::test]
async fn an_app_is_added_or_replaced_after_a_fresh_proof_only() {
    let client = Client::new().await;
    let first = client.begin().await;
    client.confirm(&first, &client.code(&first)).await;
    // The session knows the password only; now there is a factor to prove as well.
    assert_eq!(refusal(&client.ask("GET", "/local/2fa", None).await), refused(401, "totp-missing"));
    client.house.pass(60);
    let signed_in = client.sign_in(Some(&client.code(&first))).await;
    let cookie = signed_in.cookie("__Secure-auth").unwrap().split(';').next().unwrap().to_owned();
    let client = Client { cookie, ..client };
    let second = client.begin().await;
    assert_eq!(client.confirm(&second, &client.code(&second)).await.status, StatusCode::OK);
    client.house.pass(60);
    assert_eq!(refusal(&client.sign_in(Some(&client.code(&first))).await), refused(401, "totp-failed"));
    assert_eq!(client.sign_in(Some(&client.code(&second))).await.status, StatusCode::OK);
    client.house.pass(301);
    assert_eq!(refusal(&client.ask("GET", "/local/2fa", None).await), refused(401, "fresh-login-required"));
}

#[tokio::test]
async fn where_apps_are_switched_off_nobody_gets_a_new_one() {
    let client = Client::new().await;
    let mut settings = (*client.house.desk.actions.settings()).clone();
    settings.factors.kinds.totp = false;
    client.house.desk.actions.configure(settings);
    assert_eq!(refusal(&client.ask("GET", "/local/2fa", None).await), refused(404, "switched-off"));
    assert_eq!(told(&client.ask("GET", "/local", None).await)["twofactorallowed"], false);
}
