//! The published document of Simple Auth, as data (`integration/seed/simple.toml`), against the route table, our own document and what
//! the endpoints really answer. Nothing that it lists may be missing.
//!
//! Who adds an endpoint of the list adds an arm to [`good`]: a request that is answered well. The other answers follow from the row's
//! access and body; what does not, from [`special`].

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{self as simple, CredentialsCheck, FAMILY};
use crate::{
    actions::{people, testing::Plan},
    domain::{apikey::Scope, outbox::Template},
    values::secret::Secret,
    web::{
        family::{Access, Route, sweep},
        testing::{Answer, House, OTHER, PASSWORD, arrival, read},
        vouch::{
            self,
            identity::{HeaderText, IdentityHeaders, Preset},
        },
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    endpoint: Vec<Endpoint>,
    schema: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    method: String,
    path: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    request: Option<String>,
    answers: BTreeMap<String, String>,
    /// Listed status → the one that stands in its place, and why.
    #[serde(default)]
    instead: BTreeMap<String, (u16, String)>,
    /// Listed statuses that no request can bring about, and why.
    #[serde(default)]
    never: BTreeMap<String, String>,
}

/// Endpoints whose answers are brought about in tests of their own (`simple/oauth2/tests.rs`, `simple/twofactor`), because they take several steps.
const ELSEWHERE: &[&str] = &[
    "GET /auth/oauth2/client",
    "GET /auth/oauth2/client/{client_id}",
    "POST /auth/oauth2/grant",
    "POST /auth/oauth2/token",
    "DELETE /auth/oauth2/token",
    "POST /auth/oauth2/token_info",
    "GET /local/2fa",
    "POST /local/2fa",
    "DELETE /local/2fa",
    "GET /local/2fa/qrcode",
];

impl Endpoint {
    fn place(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn row(&self) -> Option<&'static Route> {
        let is = |route: &&Route| route.method.as_str() == self.method && route.path == self.path;
        FAMILY.rows().map(|(_, route)| route).find(is)
    }

    /// The listed statuses with what stands for them; without those that never happen.
    fn statuses(&self) -> impl Iterator<Item = (u16, &str)> {
        self.answers.iter().filter(|(listed, _)| !self.never.contains_key(*listed)).map(|(listed, shape)| {
            let status =
                self.instead.get(listed).map_or_else(|| listed.parse().unwrap(), |(other, _)| *other);
            (status, shape.as_str())
        })
    }
}

fn seed() -> Seed {
    let text = include_str!("../../../../integration/seed/simple.toml");
    let seed: Seed = toml::from_str(text).unwrap();
    assert_eq!((seed.endpoint.len(), seed.schema.len()), (23, 30), "the list is whole");
    for endpoint in &seed.endpoint {
        let listed: BTreeSet<_> = endpoint.answers.keys().collect();
        assert!(endpoint.instead.keys().chain(endpoint.never.keys()).all(|status| listed.contains(status)));
    }
    seed
}

/// Nothing of the list is missing: neither an endpoint, nor a status, nor a parameter, nor a field of a body.
#[tokio::test]
async fn the_table_and_the_document_have_all_of_the_list() {
    let (house, seed) = (House::open(), seed());
    let document = &house.conscience.document;
    let missing: BTreeSet<_> =
        seed.endpoint.iter().filter(|e| e.row().is_none()).map(Endpoint::place).collect();
    assert!(missing.is_empty(), "endpoints that are not there: {missing:?}");
    for endpoint in seed.endpoint.iter().filter(|endpoint| endpoint.row().is_some()) {
        let place = endpoint.place();
        let operation = &document["paths"][&endpoint.path][endpoint.method.to_ascii_lowercase()];
        for (name, kind) in &endpoint.parameters {
            let parameters =
                operation["parameters"].as_array().unwrap_or_else(|| panic!("{place} has no {name}"));
            let found = parameters.iter().find(|parameter| parameter["name"] == **name);
            let found = found.unwrap_or_else(|| panic!("{place} has no {name}"));
            assert!(is_kind(&found["schema"], kind), "{place}: {name} is no {kind}");
        }
        if let Some(request) = &endpoint.request {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            has_fields(document, &seed, body, request, &place);
            let name = body["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            assert_eq!(name, request, "{place}: the name of its body");
        }
        for (status, shape) in endpoint.statuses() {
            let response = &operation["responses"][status.to_string()];
            assert!(response.is_object(), "{place} does not answer {status}");
            match seed.schema.get(shape) {
                Some(_) if response["content"].is_null() => {
                    assert!((300..400).contains(&status), "{place} {status}");
                }
                Some(_) => {
                    let schema = &response["content"]["application/json"]["schema"];
                    has_fields(document, &seed, schema, shape, &format!("{place} {status}"));
                }
                None => assert!(response["content"][shape].is_object(), "{place} {status} is no {shape}"),
            }
        }
    }
}

/// Each endpoint gives each of its listed answers, in the listed shape. The house compares them with our own document besides.
///
/// simple-auth.md 9.C3
#[tokio::test]
async fn every_listed_answer_is_given() {
    let seed = seed();
    for endpoint in &seed.endpoint {
        let Some(row) = endpoint.row() else { continue };
        let place = endpoint.place();
        if ELSEWHERE.contains(&place.as_str()) {
            continue;
        }
        for (status, shape) in endpoint.statuses() {
            let answer = answer_of(row, &place, status).await;
            let answer = answer.unwrap_or_else(|| panic!("nobody says how {place} comes to answer {status}"));
            assert_eq!(answer.status.as_u16(), status, "{place}: {answer:?}");
            if !seed.schema.contains_key(shape) {
                assert_eq!(answer.headers[header::CONTENT_TYPE], shape, "{place} {status}");
                continue;
            }
            if answer.text.is_empty() && (300..400).contains(&status) {
                continue;
            }
            let body: Value = serde_json::from_str(&answer.text).unwrap();
            fits(&seed, shape, &body, &format!("{place} {status}"));
        }
    }
}

/// A schema of ours has all the fields of a listed one, of the same kinds.
fn has_fields(document: &Value, seed: &Seed, schema: &Value, listed: &str, place: &str) {
    for (name, kind) in &seed.schema[listed] {
        let field = property(document, schema, name);
        let field = field.unwrap_or_else(|| panic!("{place}: {listed} has no {name}"));
        let of_list = kind.strip_prefix("list of ");
        match of_list.or_else(|| seed.schema.contains_key(kind).then_some(kind)) {
            Some(inner) => {
                let schema = if of_list.is_some() { &field["items"] } else { field };
                has_fields(document, seed, schema, inner, place);
            }
            None => assert!(is_kind(field, kind), "{place}: {listed}.{name} is no {kind} but {field}"),
        }
    }
}

fn property<'d>(document: &'d Value, schema: &'d Value, name: &str) -> Option<&'d Value> {
    if let Some(to) = schema["$ref"].as_str() {
        return property(document, document.pointer(to.strip_prefix('#')?)?, name);
    }
    schema["properties"].get(name).or_else(|| {
        let parts =
            ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|word| schema[word].as_array()).flatten();
        parts.into_iter().find_map(|part| property(document, part, name))
    })
}

fn is_kind(schema: &Value, kind: &str) -> bool {
    let kinds = &schema["type"];
    kinds == kind
        || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind))
        || !schema["enum"].is_null()
}

/// What was answered has the listed fields with the listed kinds. Fields that it does not have now are no fault: the list marks none as
/// required, and our document does where it is so.
fn fits(seed: &Seed, listed: &str, body: &Value, place: &str) {
    let object = body.as_object().unwrap_or_else(|| panic!("{place} is no object: {body}"));
    let fields = &seed.schema[listed];
    assert!(fields.keys().any(|name| object.contains_key(name)), "{place} has nothing of {listed}: {body}");
    for (name, kind) in fields {
        let Some(value) = object.get(name) else { continue };
        match (kind.as_str(), kind.strip_prefix("list of ")) {
            (_, Some(inner)) => {
                for item in value.as_array().unwrap_or_else(|| panic!("{place}: {name} is no list")) {
                    fits(seed, inner, item, place);
                }
            }
            ("string", _) => assert!(value.is_string(), "{place}: {name} is {value}"),
            ("boolean", _) => assert!(value.is_boolean(), "{place}: {name} is {value}"),
            ("integer", _) => assert!(value.is_i64() || value.is_u64(), "{place}: {name} is {value}"),
            (inner, None) => fits(seed, inner, value, place),
        }
    }
}

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
async fn answer_of(row: &Route, place: &str, status: u16) -> Option<Answer> {
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
