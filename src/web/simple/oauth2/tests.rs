//! The endpoints by the family's router, in the shapes of the seed.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    domain::{apikey::Scope, rights::Permit},
    idp::oauth2::Wanted,
    web::{
        keys,
        testing::{Answer, House, PASSWORD, operator, read},
    },
};

mod endings;
mod passwords;
mod programs;

pub(in crate::web::simple) const CALLBACK: &str = "https://wiki.example.com/cb";
pub(in crate::web::simple) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(in crate::web::simple) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(in crate::web::simple) struct Scene {
    house: House,
    cookie: String,
    secret: String,
}

impl Scene {
    async fn new() -> Self {
        Self::with(House::open()).await
    }

    async fn with(house: House) -> Self {
        house.desk.add("alice").await;
        let secret = Self::register(&house, "wiki", &[]).await;
        let cookie = format!("__Secure-auth={}", house.session("alice").await);
        Self { house, cookie, secret }
    }

    pub(in crate::web::simple) async fn register(house: &House, id: &str, grants: &[&str]) -> String {
        let wanted = Wanted {
            id: Some(id.to_owned()),
            name: "Wiki".to_owned(),
            author: Some("Example".to_owned()),
            author_url: Some("https://example.com/".to_owned()),
            redirect_uris: vec![CALLBACK.to_owned()],
            grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            pkce: true,
            algorithm: Some("ES256".to_owned()),
            ..Wanted::default()
        };
        let permit: Permit = operator();
        let made = house.shared.oauth2.add_client(&house.desk.call(), &permit, wanted).await.unwrap();
        made.secret.unwrap().expose().clone()
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.house.ask_simple(request.body(body.into()).unwrap()).await;
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{answer:?}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{answer:?}");
        answer
    }

    async fn grant(&self, changes: &Value) -> Answer {
        let mut body = json!({
            "client_id": "wiki", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email", "state": "s",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.ask("POST", "/auth/oauth2/grant", &[JSON, ("cookie", &self.cookie)], body.to_string()).await
    }

    async fn code(&self) -> String {
        let answer = self.grant(&json!({})).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        text(&answer, "code")
    }

    /// Redeems with everything in the body, as the seed has it.
    async fn redeem(&self, code: &str, changes: &Value) -> Answer {
        let mut body = json!({
            "grant_type": "authorization_code", "client_id": "wiki", "client_secret": self.secret, "code": code,
            "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.ask("POST", "/auth/oauth2/token", &[JSON], body.to_string()).await
    }

    fn basic(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(format!("wiki:{}", self.secret)))
    }

    async fn info(&self, token: &str) -> Value {
        let answer = self
            .ask(
                "POST",
                "/auth/oauth2/token_info",
                &[JSON, ("authorization", &self.basic())],
                json!({ "token": token }).to_string(),
            )
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        body(&answer)
    }
}

fn body(answer: &Answer) -> Value {
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{answer:?}");
    serde_json::from_str(&answer.text).unwrap()
}

fn text(answer: &Answer, name: &str) -> String {
    body(answer)[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer:?}")).to_owned()
}

/// The OAuth form of a refusal and nothing else; its code.
fn error(answer: &Answer) -> (u16, String) {
    let body = body(answer);
    let object = body.as_object().unwrap();
    assert_eq!(object.keys().collect::<Vec<_>>(), ["error", "error_description"], "{answer:?}");
    let said = object["error_description"].as_str().unwrap();
    // RFC 6749, section 5.2; never what was sent.
    assert!(
        !said.is_empty() && said.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    );
    assert!(!said.contains("evil"), "{said}");
    assert_eq!(answer.headers[header::PRAGMA], "no-cache");
    (answer.status.as_u16(), object["error"].as_str().unwrap().to_owned())
}

/// The original's acceptance probes, as far as they are not deliberately otherwise.
///
/// Proves: OAU-13, OAU-22
#[tokio::test]
async fn the_whole_way_in_the_shapes_of_the_seed() {
    let scene = Scene::new().await;
    let auto = scene.grant(&json!({ "auto": true })).await;
    assert_eq!(error(&auto), (400, "invalid_grant".to_owned()), "no automatic grant before a first one");
    let granted = scene.grant(&json!({})).await;
    let granted = body(&granted);
    assert_eq!(
        (granted["state"].as_str(), granted["iss"].as_str()),
        (Some("s"), Some("https://auth.example.com"))
    );
    assert_eq!(granted.as_object().unwrap().len(), 3);
    let auto = scene.grant(&json!({ "auto": true, "state": null })).await;
    assert_eq!(auto.status, StatusCode::OK);
    assert!(body(&auto).get("state").is_none());

    let tokens = scene.redeem(granted["code"].as_str().unwrap(), &json!({})).await;
    assert_eq!(tokens.status, StatusCode::OK, "{tokens:?}");
    let tokens = body(&tokens);
    assert_eq!((tokens["token_type"].as_str(), tokens["expires_in"].as_u64()), (Some("Bearer"), Some(900)));
    assert_eq!(tokens["scope"], "openid email");
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    assert!(tokens["id_token"].is_string());

    let info = scene.info(access).await;
    let account = info["sub"].as_str().unwrap().to_owned();
    let now = scene.house.desk.call().now.secs();
    assert_eq!(
        info,
        json!({
            "active": true, "token_type": "access_token", "client_id": "wiki", "aud": "wiki", "scope": "openid email",
            "sub": account, "iss": "https://auth.example.com", "iat": now, "exp": now + 900, "email": "alice@example.com",
        })
    );
    assert_eq!(scene.info("nonsense").await, json!({ "active": false }));

    for path in ["/auth/oauth2/client", "/auth/oauth2", "/api/v1/auth/oauth2/client"] {
        let list = body(&scene.ask("GET", path, &[("cookie", &scene.cookie)], "").await);
        let tokens = list["tokens"].as_array().unwrap();
        assert_eq!((tokens.len(), list.as_object().unwrap().len()), (3, 1), "{list}");
        let line = tokens.iter().find(|line| line["type"] == "access_token").unwrap();
        assert_eq!((line["client_id"].as_str(), line["client_name"].as_str()), (Some("wiki"), Some("Wiki")));
        assert_eq!(line["short_token"], access[..5]);
        assert!(line["created"].is_string() && line["expires"].is_string());
    }

    let path = format!("/auth/oauth2/token?client_id=wiki&token={refresh}");
    let gone = body(&scene.ask("DELETE", &path, &[("cookie", &scene.cookie)], "").await);
    assert_eq!(gone["success"], true);
    assert_eq!(gone["tokens"].as_array().unwrap().len(), 1, "the other code: {gone}");
    assert_eq!(scene.info(access).await, json!({ "active": false }));
    let all =
        scene.ask("DELETE", "/auth/oauth2/token?client_id=wiki", &[("cookie", &scene.cookie)], "").await;
    assert_eq!(body(&all), json!({ "success": true, "tokens": [] }));
}

#[tokio::test]
async fn anybody_may_know_who_a_client_is() {
    let scene = Scene::new().await;
    let known = scene.ask("GET", "/auth/oauth2/client/wiki", &[], "").await;
    assert_eq!(
        body(&known),
        json!({ "name": "Wiki", "author": "Example", "author_url": "https://example.com/" })
    );
    for unknown in ["nobody", "%20", "..%2Fwiki", "a%00b"] {
        let answer = scene.ask("GET", &format!("/auth/oauth2/client/{unknown}"), &[], "").await;
        assert_eq!(error(&answer), (404, "invalid_client".to_owned()), "{unknown}");
    }
}

/// simple-auth.md 9.D6
///
/// Proves: OAU-8, OAU-14
#[tokio::test]
async fn refusals_have_the_protocols_words_and_statuses() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let wrong = scene.redeem(&code, &json!({ "client_secret": "wrong" })).await;
    assert_eq!(error(&wrong), (401, "invalid_client".to_owned()));
    assert!(!wrong.headers.contains_key(header::WWW_AUTHENTICATE), "Basic was not tried");
    let body = json!({ "grant_type": "authorization_code", "code": code }).to_string();
    let tried = [JSON, ("authorization", "Basic d2lraTp3cm9uZw==")];
    let wrong = scene.ask("POST", "/auth/oauth2/token", &tried, body).await;
    assert_eq!(error(&wrong), (401, "invalid_client".to_owned()));
    assert_eq!(wrong.headers[header::WWW_AUTHENTICATE], "Basic realm=\"vouchsafe\"");
    for (changes, status, word) in [
        (json!({ "client_id": "evil" }), 401, "invalid_client"),
        (json!({ "client_id": null }), 401, "invalid_client"),
        (json!({ "code": "evil" }), 400, "invalid_grant"),
        (json!({ "redirect_uri": "https://evil.example" }), 400, "invalid_grant"),
        (json!({ "code_verifier": null }), 400, "invalid_grant"),
        (json!({ "grant_type": "evil" }), 400, "unsupported_grant_type"),
        (json!({ "grant_type": "password" }), 400, "unauthorized_client"),
        (json!({ "grant_type": null }), 400, "invalid_request"),
    ] {
        assert_eq!(error(&scene.redeem(&code, &changes).await), (status, word.to_owned()), "{changes}");
    }
    assert_eq!(
        scene.redeem(&code, &json!({})).await.status,
        StatusCode::OK,
        "nothing of this used the code up"
    );
    assert_eq!(error(&scene.redeem(&code, &json!({})).await), (400, "invalid_grant".to_owned()));
    for (changes, word) in [
        (json!({ "client_id": "evil" }), "invalid_client"),
        (json!({ "redirect_uri": "https://evil.example" }), "invalid_request"),
        (json!({ "response_type": "token" }), "unsupported_response_type"),
        (json!({ "scope": "evil" }), "invalid_scope"),
        (json!({ "code_challenge": null }), "invalid_request"),
        (json!({ "code_challenge_method": "plain" }), "invalid_request"),
        // A page that wants a new sign-in makes it first; nothing here can tell that it did.
        (json!({ "prompt": "login" }), "login_required"),
        (json!({ "max_age": "0" }), "login_required"),
    ] {
        assert_eq!(error(&scene.grant(&changes).await), (400, word.to_owned()), "{changes}");
    }
}

/// Every parameter of every endpoint: missing, empty, of another type, over-long, repeated, in the address, wrongly encoded.
///
/// Proves: OAU-3, OAU-12
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of wrong requests")]
async fn every_parameter_every_way_wrong() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let endpoints = [
        (
            "/auth/oauth2/grant",
            json!({
                "client_id": "wiki", "response_type": "code", "redirect_uri": CALLBACK, "scope": "email", "state": "s", "nonce": "n",
                "code_challenge": CHALLENGE, "code_challenge_method": "S256",
            }),
        ),
        (
            "/auth/oauth2/token",
            json!({
                "client_id": "wiki", "client_secret": "evil", "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
                "code_verifier": VERIFIER, "refresh_token": "x", "scope": "email", "username": "u", "password": "p", "totp": "1",
            }),
        ),
        ("/auth/oauth2/token_info", json!({ "token": "x", "client_id": "wiki", "client_secret": "evil" })),
    ];
    for (path, whole) in &endpoints {
        let headers = [JSON, ("cookie", scene.cookie.as_str())];
        let send = async |body: String| {
            let answer = scene.ask("POST", path, &headers, body).await;
            if answer.status == StatusCode::OK { (200, String::new()) } else { error(&answer) }
        };
        for name in whole.as_object().unwrap().keys() {
            let with = |value: Value| {
                let mut body = whole.clone();
                body[name] = value;
                body.to_string()
            };
            for value in [json!(1), json!(true), json!(["evil"]), json!({ "evil": 1 })] {
                assert_eq!(
                    send(with(value.clone())).await,
                    (400, "invalid_request".to_owned()),
                    "{path} {name} {value}"
                );
            }
            let long = send(with(json!("x".repeat(20_000)))).await;
            assert_eq!(long, (400, "invalid_request".to_owned()), "{path} {name} over-long");
            let twice = whole.to_string().replacen('{', &format!("{{\"{name}\":\"evil\","), 1);
            assert_eq!(send(twice).await, (400, "invalid_request".to_owned()), "{path} {name} twice");
            // Empty is as if it were not there, and neither is ever a mistake of ours.
            for gone in [with(json!("")), with(Value::Null)] {
                assert!(send(gone).await.0 < 500, "{path} {name}");
            }
        }
        for (kind, body) in [
            ("text/plain", "{}".to_owned()),
            ("application/xml", "<a/>".to_owned()),
            ("multipart/form-data; boundary=x", "--x--".to_owned()),
            ("application/json", String::new()),
            ("application/json", "[]".to_owned()),
            ("application/json", "{".to_owned()),
            ("application/json", format!("{{\"client_id\":\"{}\"}}", "x".repeat(70_000))),
        ] {
            let answer = scene
                .ask("POST", path, &[("content-type", kind), ("cookie", &scene.cookie)], body.clone())
                .await;
            assert_eq!(error(&answer), (400, "invalid_request".to_owned()), "{path} {kind} {body:.20}");
        }
    }
    for (path, whole) in &endpoints[1..] {
        let form = |pairs: &[(&str, &str)]| {
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        for name in whole.as_object().unwrap().keys() {
            let twice = form(&[(name, "evil"), (name, "evil")]);
            let answer = scene.ask("POST", path, &[FORM], twice).await;
            assert_eq!(error(&answer), (400, "invalid_request".to_owned()), "{path} {name}");
            let broken = scene.ask("POST", path, &[FORM], format!("{name}=%zz")).await;
            assert_eq!(error(&broken), (400, "invalid_request".to_owned()), "{path} {name}");
        }
        // What stands in the address is not looked at, not even when it is right.
        let in_address =
            scene.ask("POST", &format!("{path}?client_id=wiki"), &[FORM], form(&[("token", "x")])).await;
        assert_eq!(error(&in_address), (400, "invalid_request".to_owned()), "{path}");
        let unknown = form(&[("audience", "a"), ("resource", "b")]);
        assert_eq!(
            error(&scene.ask("POST", path, &[FORM], unknown).await),
            (401, "invalid_client".to_owned())
        );
        let twice = [FORM, ("authorization", "Basic eDp5"), ("authorization", "Basic eDp5")];
        assert_eq!(
            error(&scene.ask("POST", path, &twice, "token=x").await),
            (401, "invalid_client".to_owned())
        );
    }
    for query in ["", "?client_id=", "?client_id=wiki&client_id=wiki", "?client_id=wiki&token=a&token=b"] {
        let path = format!("/auth/oauth2/token{query}");
        let answer = scene.ask("DELETE", &path, &[("cookie", &scene.cookie)], "").await;
        assert_eq!(
            (answer.status.as_u16(), body(&answer)["reason"].as_str()),
            (400, Some("bad-request")),
            "{query}"
        );
    }
}

/// Proves: WEB-1, OAU-15, SES-3
#[tokio::test]
async fn only_a_person_whose_session_opens_everything_grants_and_only_from_our_own_page() {
    let scene = Scene::new().await;
    scene.house.add("temp", true).await;
    let restricted = format!("__Secure-auth={}", scene.house.session("temp").await);
    let whole = json!({
        "client_id": "wiki", "response_type": "code", "redirect_uri": CALLBACK, "scope": "email",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    })
    .to_string();
    let grant = async |headers: &[(&str, &str)]| {
        let mut all = vec![JSON];
        all.extend_from_slice(headers);
        scene.ask("POST", "/auth/oauth2/grant", &all, whole.clone()).await
    };
    let good = scene.cookie.as_str();
    assert_eq!(grant(&[("cookie", good)]).await.status, StatusCode::OK);
    assert_eq!(
        grant(&[("cookie", good), ("origin", "https://auth.example.com")]).await.status,
        StatusCode::OK
    );
    for headers in [&[][..], &[("cookie", "__Secure-auth=nonsense")], &[("cookie", &restricted)]] {
        assert_eq!(grant(headers).await.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    let key = programs::key(&scene, Scope::Write).await;
    let alice = scene.house.desk.account_id("alice").to_string();
    let program = [("authorization", key.as_str()), ("x-account-uuid", alice.as_str())];
    assert_eq!(error(&grant(&program).await), (403, "access_denied".to_owned()));
    for headers in [
        [("cookie", good), ("origin", "https://evil.example")],
        [("cookie", good), ("origin", "null")],
        [("cookie", good), ("sec-fetch-site", "cross-site")],
        [("cookie", good), ("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(error(&grant(&headers).await), (403, "access_denied".to_owned()), "{headers:?}");
    }
    for (method, path) in [("GET", "/auth/oauth2/client"), ("DELETE", "/auth/oauth2/token?client_id=wiki")] {
        let answer = scene.ask(method, path, &[], "").await;
        assert_eq!((answer.status.as_u16(), body(&answer)["reason"].as_str()), (401, Some("unauthorized")));
        let answer = scene.ask(method, path, &[("cookie", &restricted)], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let foreign = [("cookie", good), ("origin", "https://evil.example")];
    let answer = scene.ask("DELETE", "/auth/oauth2/token?client_id=wiki", &foreign, "").await;
    assert_eq!((answer.status.as_u16(), body(&answer)["reason"].as_str()), (403, Some("csrf-failed")));
}

/// Proves: JWT-7
#[tokio::test]
async fn the_key_set_is_public() {
    let scene = Scene::new().await;
    let mut request = Request::get("/.well-known/jwks.json").body(Body::empty()).unwrap();
    request.extensions_mut().insert(scene.house.desk.call());
    let answer = read(keys::routes(&scene.house.shared).oneshot(request).await.unwrap()).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "public, max-age=3600");
    assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let keys = body(&answer);
    let algorithms: Vec<_> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["alg"].as_str().unwrap().to_owned()).collect();
    assert!(
        algorithms.contains(&"RS256".to_owned()) && algorithms.contains(&"ES256".to_owned()),
        "{algorithms:?}"
    );
    for key in keys["keys"].as_array().unwrap() {
        assert!(
            ["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|private| key.get(private).is_none()),
            "{key}"
        );
    }
}
