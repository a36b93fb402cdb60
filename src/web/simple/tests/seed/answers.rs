//! How each answer of the list comes about.
//!
//! Who adds an endpoint of the list adds an arm to [`good`]: a request that is answered well. The other answers follow from the row's
//! access and body; what does not, from [`special`].

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use crate::{
    actions::{people, testing::Plan},
    domain::{
        apikey::Scope,
        factor::totp::{TotpSecret, code_at},
        outbox::Template,
    },
    values::secret::Secret,
    web::{
        family::{Access, Route, sweep},
        simple::{
            self, CredentialsCheck,
            oauth2::tests::{self as oauth2, CALLBACK, CHALLENGE, VERIFIER},
        },
        testing::{Answer, House, OTHER, PASSWORD, arrival, read},
        vouch::{
            self,
            identity::{HeaderText, IdentityHeaders, Preset},
        },
    },
};

/// A house in which every endpoint of the list can be answered well.
struct Scene {
    house: House,
    cookie: String,
}

/// The service secret.
const SERVICE: &str = "a-secret-of-thirty-two-letters-or-more";

impl Scene {
    async fn new() -> Self {
        let mut people = people::Rules::default();
        people.registration.open = true;
        let plan = Plan { people, ..Plan::default() };
        let house = House::planned(plan, |settings| {
            settings.simple.credentials_check = CredentialsCheck::Secret(vec![Secret::from(SERVICE)]);
        });
        house.desk.add("alice").await;
        let cookie = format!("__Secure-auth={}", house.session("alice").await);
        Self { house, cookie }
    }

    fn signed_in(&self, method: &str, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = plain(method, path, body);
        request.headers_mut().insert(header::COOKIE, self.cookie.parse().unwrap());
        request
    }

    /// The body of an answer that must be good.
    async fn asked(&self, request: Request<Body>) -> Value {
        let answer = self.house.ask_simple(request).await;
        assert!(answer.status.is_success(), "{answer:?}");
        serde_json::from_str(&answer.text).unwrap()
    }

    /// Registers the client `wiki`; its secret.
    async fn client(&self) -> String {
        oauth2::Scene::register(&self.house, "wiki", &[]).await
    }

    /// What redeems a code that alice just granted.
    async fn redemption(&self) -> Request<Body> {
        self.redemption_by(&self.client().await).await
    }

    async fn redemption_by(&self, secret: &str) -> Request<Body> {
        let granted = self.asked(self.signed_in("POST", "/auth/oauth2/grant", Some(wanted()))).await;
        let body = json!({
            "grant_type": "authorization_code", "client_id": "wiki", "client_secret": secret, "code": granted["code"],
            "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
        });
        plain("POST", "/auth/oauth2/token", Some(body))
    }

    /// Tokens that act for alice, and the client's secret.
    async fn tokens(&self) -> (Value, String) {
        let secret = self.client().await;
        (self.asked(self.redemption_by(&secret).await).await, secret)
    }

    /// The secret of an app that is being set up.
    async fn authenticator(&self) -> TotpSecret {
        let told = self.asked(self.signed_in("GET", "/local/2fa", None)).await;
        TotpSecret::parse(told["secret"].as_str().unwrap()).unwrap()
    }

    fn code(&self, secret: &TotpSecret) -> String {
        code_at(secret, self.house.desk.call().now)
    }

    /// The same request by a program, for whomever it names.
    async fn by_program(&self, mut request: Request<Body>, whom: &str) -> Request<Body> {
        let scopes: Vec<_> = Scope::ALL.to_vec();
        let key = sweep::key(&self.house, "program", &scopes, Vec::new()).await;
        let headers = request.headers_mut();
        headers.remove(header::COOKIE);
        headers.insert(header::AUTHORIZATION, format!("SharedKey {key}").parse().unwrap());
        headers.insert("x-account-uuid", whom.parse().unwrap());
        request
    }
}

/// What `wiki` asks of alice.
fn wanted() -> Value {
    json!({
        "client_id": "wiki", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    })
}

fn plain(method: &str, path: &str, body: Option<Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    match body {
        Some(body) => {
            request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
        }
        None => request.body(Body::empty()).unwrap(),
    }
}

/// A request that is answered well, with whatever has to be there for it.
async fn good(scene: &Scene, place: &str) -> Option<Request<Body>> {
    Some(match place {
        "GET /account" | "GET /account/audit" | "GET /local" => {
            scene.signed_in("GET", place.strip_prefix("GET ")?, None)
        }
        "POST /account/check" => plain("POST", "/account/check", Some(json!({ "username": "alice" }))),
        "POST /auth/session" => {
            plain("POST", "/auth/session", Some(json!({ "username": "alice", "password": PASSWORD })))
        }
        "DELETE /auth/session" => scene.signed_in("DELETE", "/auth/session", None),
        "POST /auth/simple" => {
            let body = json!({ "username": "alice", "password": PASSWORD });
            let mut request = plain("POST", "/auth/simple", Some(body));
            request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {SERVICE}").parse().unwrap());
            request
        }
        "POST /account" => {
            let body = json!({ "username": "carol", "email": "carol@example.com", "password": PASSWORD });
            plain("POST", "/account?createSession=true", Some(body))
        }
        "POST /stipulation" => {
            let made = scene.house.ask_simple(Box::pin(good(scene, "POST /account")).await?).await;
            let made: Value = serde_json::from_str(&made.text).ok()?;
            let token = scene.house.desk.token(Template::ConfirmEmail);
            plain("POST", "/stipulation", Some(json!({ "account": made["id"], "token": token.expose() })))
        }
        "POST /auth/onetime" => plain("POST", "/auth/onetime", Some(json!({ "email": "alice@example.com" }))),
        "GET /auth/onetime" => {
            scene.house.ask_simple(Box::pin(good(scene, "POST /auth/onetime")).await?).await;
            let token = scene.house.desk.token(Template::SignInLink);
            plain("GET", &format!("/auth/onetime?token={}", token.expose()), None)
        }
        "POST /local/password" => {
            let body = json!({ "oldpassword": PASSWORD, "newpassword": OTHER });
            scene.signed_in("POST", "/local/password", Some(body))
        }
        "GET /auth/oauth2/client/{client_id}" => {
            scene.client().await;
            plain("GET", "/auth/oauth2/client/wiki", None)
        }
        "POST /auth/oauth2/grant" => {
            scene.client().await;
            scene.signed_in("POST", "/auth/oauth2/grant", Some(wanted()))
        }
        "POST /auth/oauth2/token" => scene.redemption().await,
        "GET /auth/oauth2/client" => {
            scene.tokens().await;
            scene.signed_in("GET", "/auth/oauth2/client", None)
        }
        "DELETE /auth/oauth2/token" => {
            scene.tokens().await;
            scene.signed_in("DELETE", "/auth/oauth2/token?client_id=wiki", None)
        }
        "POST /auth/oauth2/token_info" => {
            let (tokens, secret) = scene.tokens().await;
            let body =
                json!({ "client_id": "wiki", "client_secret": secret, "token": tokens["access_token"] });
            plain("POST", "/auth/oauth2/token_info", Some(body))
        }
        "GET /local/2fa" => scene.signed_in("GET", "/local/2fa", None),
        "GET /local/2fa/qrcode" => {
            let secret = scene.authenticator().await;
            scene.signed_in("GET", &format!("/local/2fa/qrcode?secret={}", secret.base32().expose()), None)
        }
        "POST /local/2fa" => {
            let secret = scene.authenticator().await;
            let body = json!({ "secret": *secret.base32().expose(), "code": scene.code(&secret) });
            scene.signed_in("POST", "/local/2fa", Some(body))
        }
        "DELETE /local/2fa" => {
            let secret = scene.authenticator().await;
            let body = json!({ "secret": *secret.base32().expose(), "code": scene.code(&secret) });
            scene.asked(scene.signed_in("POST", "/local/2fa", Some(body))).await;
            // Its next code: the first is used up.
            scene.house.pass(30);
            scene.signed_in("DELETE", &format!("/local/2fa?code={}", scene.code(&secret)), None)
        }
        _ => return None,
    })
}

/// What comes about by something that is the endpoint's own.
#[expect(clippy::match_same_arms, reason = "each row says how it comes about")]
async fn special(scene: &Scene, place: &str, status: u16) -> Option<Answer> {
    Some(match (place, status) {
        ("POST /account/check", 404) => {
            let house = House::with(|settings| settings.simple = simple::Settings::default());
            house.ask_simple(good(scene, place).await?).await
        }
        ("POST /auth/simple", 404) => {
            let house = House::open();
            house.ask_simple(good(scene, place).await?).await
        }
        ("POST /auth/simple", 401) => {
            let mut request = good(scene, place).await?;
            request.headers_mut().insert(header::AUTHORIZATION, "Bearer wrong".parse().unwrap());
            scene.house.ask_simple(request).await
        }
        ("POST /auth/simple", 403) => {
            let mut request = good(scene, place).await?;
            *request.body_mut() = Body::from(json!({ "username": "alice", "password": "wrong" }).to_string());
            scene.house.ask_simple(request).await
        }
        ("POST /auth/session", 401) => {
            let body = json!({ "username": "alice", "password": "wrong" });
            scene.house.ask_simple(plain("POST", "/auth/session", Some(body))).await
        }
        // It reads no body and no parameter: what can be wrong with it is what a proxy says of it.
        ("DELETE /auth/session", 400) => {
            let mut request = good(scene, place).await?;
            request.headers_mut().insert("x-forwarded-for", "nonsense".parse().unwrap());
            let fault = scene.house.shared.call(arrival("127.0.0.1"), &request.into_parts().0).unwrap_err();
            read(simple::refusal(&fault, "request")).await
        }
        ("POST /account", 404) => {
            let house = House::open();
            house.ask_simple(good(scene, place).await?).await
        }
        // What cannot be read has to be met: the name that is asked for is that of the damaged account.
        ("POST /account", 500) => {
            scene.house.desk.store.spoil("accounts");
            let body = json!({ "username": "alice", "email": "carol@example.com", "password": PASSWORD });
            scene.house.ask_simple(plain("POST", "/account", Some(body))).await
        }
        ("POST /stipulation", 401) => {
            let mut request = good(scene, place).await?;
            let body = json!({ "account": scene.house.desk.add("bob").await.to_string(), "token": "wrong" });
            *request.body_mut() = Body::from(body.to_string());
            scene.house.ask_simple(request).await
        }
        ("GET /auth/onetime", 400) => scene.house.ask_simple(plain("GET", "/auth/onetime", None)).await,
        ("GET /auth/onetime", 401) => {
            scene.house.ask_simple(plain("GET", "/auth/onetime?token=wrong", None)).await
        }
        ("GET /auth/oauth2/client/{client_id}", 404) => {
            scene.house.ask_simple(plain("GET", "/auth/oauth2/client/nobody", None)).await
        }
        (
            "GET /auth/oauth2/client/{client_id}"
            | "POST /auth/oauth2/token"
            | "POST /auth/oauth2/token_info",
            500,
        ) => {
            let request = good(scene, place).await?;
            scene.house.desk.store.spoil("clients");
            scene.house.ask_simple(request).await
        }
        ("GET /auth/vouch", status) => vouched(scene, status).await,
        _ => return None,
    })
}

async fn vouched(scene: &Scene, status: u16) -> Answer {
    let identity = IdentityHeaders::new(Preset::Remote.headers(), HeaderText::Utf8);
    let settings = vouch::Settings {
        session_only: true,
        identity,
        per_app: std::collections::HashMap::new(),
        preflight: Vec::new(),
    };
    let vouch = scene.house.shared.vouch(settings);
    let request = match status {
        200 => scene.signed_in("GET", "/auth/vouch", None),
        307 => plain("GET", "/api/v1/auth/vouch?forward=true", None),
        _ => plain("GET", "/auth/vouch", None),
    };
    let (parts, _) = request.into_parts();
    let now = scene.house.desk.call().now;
    read(vouch.answer(arrival("127.0.0.1"), &parts, now).0).await
}

/// An answer with this status.
pub(super) async fn of(row: &Route, place: &str, status: u16) -> Option<Answer> {
    let scene = Scene::new().await;
    if let Some(answer) = special(&scene, place, status).await {
        return Some(answer);
    }
    let request = good(&scene, place).await?;
    let is_private = matches!(row.access, Access::Private(_) | Access::Unfinished(_));
    let has_body = row.handler.signature().body.is_some();
    let request = match status {
        200 | 201 | 302 | 303 => request,
        400 if is_private => scene.by_program(request, "nobody").await,
        400 if row.access == Access::Service => without(request, header::AUTHORIZATION),
        400 if has_body => {
            let mut request = request;
            *request.body_mut() = Body::from("{");
            request
        }
        401 if row.access == Access::Open => {
            let mut request = request;
            request.headers_mut().insert(header::AUTHORIZATION, "SharedKey wrong".parse().unwrap());
            request
        }
        401 => without(without(request, header::COOKIE), header::AUTHORIZATION),
        404 if is_private => scene.by_program(request, "00000000-0000-0000-0000-000000000000").await,
        500 => {
            for table in ["sessions", "accounts"] {
                scene.house.desk.store.spoil(table);
            }
            request
        }
        _ => return None,
    };
    Some(scene.house.ask_simple(request).await)
}

fn without(mut request: Request<Body>, name: header::HeaderName) -> Request<Body> {
    request.headers_mut().remove(name);
    request
}
