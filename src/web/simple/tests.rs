//! The family by its router: every route, every way to get it wrong.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};

use super::{FAMILY, is_for};
use crate::{
    actions::{accounts::StatusChange, testing::WRONG},
    web::{
        family::sweep,
        testing::{Answer, House, OTHER, PASSWORD, PORTAL, arrival},
    },
};

mod joining;
mod programs;
mod seed;

const JSON: (&str, &str) = ("content-type", "application/json");

/// Method, path, headers, body.
type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)], String);

struct Caller {
    house: House,
    cookie: String,
}

impl Caller {
    async fn new() -> Self {
        let house = House::open();
        house.desk.add("alice").await;
        let cookie = format!("__Secure-auth={}", house.session("alice").await);
        Self { house, cookie }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        let answer = self.house.ask_simple(request).await;
        // WEB-3, and every refusal in the family's words: whatever a test here asks proves it.
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        if answer.status != StatusCode::OK && method != "HEAD" {
            reason(&answer);
        }
        answer
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.ask("POST", path, &[JSON, ("cookie", &self.cookie)], body).await
    }

    /// Whether the caller's own session still lives.
    async fn lives(&self) -> bool {
        self.ask("GET", "/auth/session", &[("cookie", &self.cookie)], "").await.status == StatusCode::OK
    }
}

/// The envelope is complete; gives its reason.
fn reason(answer: &Answer) -> String {
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    let object = body.as_object().unwrap();
    assert_eq!(object.keys().collect::<Vec<_>>(), ["error", "message", "reason"], "{}", answer.text);
    assert_eq!(object["error"], true);
    assert!(object["message"].as_str().is_some_and(|message| !message.is_empty()));
    object["reason"].as_str().unwrap().to_owned()
}

fn login(name: &str, password: &str) -> String {
    serde_json::json!({ "username": name, "password": password }).to_string()
}

fn change(old: &str, new: &str) -> String {
    serde_json::json!({ "oldpassword": old, "newpassword": new }).to_string()
}

/// Paths without variable parts do not go through the router. It would say the same.
///
/// Proves: API-1
#[tokio::test]
async fn the_short_way_and_the_router_say_the_same() {
    let [short, long] = [Caller::new().await, Caller::new().await];
    let cookie = ("cookie", short.cookie.as_str());
    assert_eq!(short.cookie, long.cookie, "two houses alike");
    let text = ("content-type", "text/plain");
    let foreign = ("origin", "https://evil.example.com");
    let sorts: [&[(&str, &str)]; 6] = [
        &[],
        &[JSON],
        &[JSON, cookie],
        &[text, cookie],
        &[JSON, cookie, foreign],
        &[JSON, ("authorization", "Bearer x")],
    ];
    let mut asked = 0;
    for (_, route) in FAMILY.rows().filter(|(_, route)| route.handler.is_routed()) {
        for (base, headers) in FAMILY.bases.iter().flat_map(|base| sorts.map(|headers| (base, headers))) {
            let request = || {
                let path = format!("{base}{}", sweep::filled(route.path));
                let mut request = Request::builder().method(route.method.method()).uri(path);
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                request.body(Body::from("{}")).unwrap()
            };
            let (mut by_table, mut by_router) =
                (short.house.ask_simple(request()).await, long.house.ask_simple_router(request()).await);
            for answer in [&mut by_table, &mut by_router] {
                // The router writes it; for the other way hyper does.
                answer.headers.remove(header::CONTENT_LENGTH);
            }
            let told = |answer: &Answer| (answer.status, answer.headers.clone(), answer.text.clone());
            assert_eq!(
                told(&by_table),
                told(&by_router),
                "{} {base}{} {headers:?}",
                route.method.as_str(),
                route.path
            );
            asked += 1;
        }
    }
    assert!(asked > 200);
}

/// Whole answers, apart from what is random.
#[tokio::test]
async fn whole_answers() {
    let caller = Caller::new().await;
    let signed_in = [JSON, ("cookie", caller.cookie.as_str())];
    let weak = change(PASSWORD, "short");
    let cases: &[Case<'_>] = &[
        ("POST", "/auth/session", &[JSON], login("alice", PASSWORD)),
        ("POST", "/auth/session", &[JSON], login("alice", WRONG)),
        ("POST", "/auth/session", &[JSON], login("", "")),
        ("POST", "/auth/session", &[JSON], "{}".to_owned()),
        ("POST", "/auth/session", &[("content-type", "text/plain")], login("alice", PASSWORD)),
        ("POST", "/auth/session", &[JSON, ("origin", "https://evil.example")], login("alice", PASSWORD)),
        ("GET", "/auth/session", &signed_in[1..], String::new()),
        ("GET", "/auth/session", &[], String::new()),
        ("PUT", "/auth/session", &[], String::new()),
        ("POST", "/local/password", &[JSON], weak.clone()),
        ("POST", "/local/password", &signed_in, weak),
        ("POST", "/local/password", &signed_in, change(WRONG, OTHER)),
        ("GET", "/auth/nothing", &[], String::new()),
        ("POST", "/local/password", &signed_in, change(PASSWORD, OTHER)),
        ("DELETE", "/auth/session", &signed_in[1..], String::new()),
    ];
    let mut text = String::new();
    for (method, path, headers, body) in cases {
        let answer = caller.ask(method, path, headers, body.clone()).await;
        let mut lines: Vec<String> = answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        let head = format!("== {method} {path} {body}\n{}\n", answer.status);
        text.extend([head.as_str(), &lines.join("\n"), "\n\n", &answer.text, "\n\n"]);
    }
    // What chance and keys make of themselves.
    for (pattern, with) in [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
        (r"(auth(?:-device)?)=[A-Za-z0-9_-]{40,}", "$1=[secret]"),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
    }
    insta::assert_snapshot!(text);
}

/// Every row of the table is held to what it says of itself: who may call, from where, with which key, under which methods.
///
/// Proves: API-1, API-2, API-5, WEB-1, WEB-12
#[tokio::test]
async fn every_endpoint_is_what_its_row_says() {
    sweep::walk(&FAMILY, OPEN).await;
}

/// Who may call without saying who. A new one is a line here, for a reviewer to see.
const OPEN: &[(&str, &str)] = &[
    ("POST", "/account"),
    ("POST", "/account/check"),
    ("POST", "/auth/session"),
    ("DELETE", "/auth/session"),
    ("POST", "/auth/onetime"),
    ("GET", "/auth/onetime"),
    ("POST", "/stipulation"),
    ("GET", "/auth/oauth2/client/{client_id}"),
    ("POST", "/auth/oauth2/token"),
    ("POST", "/auth/oauth2/token_info"),
];

/// Proves: WEB-12
#[tokio::test]
async fn beside_its_endpoints_there_is_nothing() {
    let caller = Caller::new().await;
    for path in [
        "/auth",
        "/auth/",
        "/local/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/AUTH/session",
        "/api/v1/api/v1/auth/session",
    ] {
        assert!(path == "/AUTH/session" || is_for(path));
        assert_eq!(caller.ask("GET", path, &[], "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(!is_for("/localx") && !is_for("/") && !is_for("/api/v2/local"));
}

/// Proves: WEB-1, WEB-2
#[tokio::test]
async fn no_foreign_page_changes_anything() {
    let caller = Caller::new().await;
    let cookie = ("cookie", caller.cookie.as_str());
    let foreign: &[(&str, &str)] = &[
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://auth.example.com"),
        ("origin", "https://app.example.com"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (method, path, body) in [
        ("POST", "/auth/session", login("alice", PASSWORD)),
        ("DELETE", "/auth/session", String::new()),
        ("POST", "/local/password", change(PASSWORD, OTHER)),
    ] {
        for foreign in foreign {
            let answer = caller.ask(method, path, &[JSON, cookie, *foreign], body.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), reason(&answer).as_str()),
                (403, "csrf-failed"),
                "{method} {path} {foreign:?}"
            );
            assert!(!answer.headers.contains_key(header::SET_COOKIE));
        }
        if method == "DELETE" {
            continue;
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonx",
            "text/json",
            "",
        ] {
            let answer = caller.ask(method, path, &[("content-type", kind), cookie], body.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), reason(&answer).as_str()),
                (415, "unsupported-media-type"),
                "{kind}"
            );
        }
        let answer = caller.ask(method, path, &[cookie], body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "no type at all");
    }
    let answer = caller.ask("DELETE", "/auth/session", &[("content-type", "text/plain"), cookie], "x").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body of another type");
    assert!(caller.lives().await, "nothing of all this did anything");
    let own = [cookie, ("origin", PORTAL), ("sec-fetch-site", "same-origin")];
    let typed = [("content-type", "application/JSON; charset=utf-8"), own[0], own[1], own[2]];
    assert_eq!(
        caller.ask("POST", "/auth/session", &typed, login("alice", PASSWORD)).await.status,
        StatusCode::OK
    );
    assert_eq!(caller.ask("DELETE", "/auth/session", &own, "").await.status, StatusCode::OK);
}

/// Proves: API-7, ENR-3, PWD-2, PWD-3
#[tokio::test]
async fn bodies_are_what_they_should_be_or_refused() {
    let caller = Caller::new().await;
    let deep = "[".repeat(100_000);
    let deep_object = format!("{}1{}", "{\"username\":".repeat(500), "}".repeat(500));
    let name = login(&"n".repeat(321), PASSWORD);
    let password = login("alice", &"p".repeat(1025));
    let bad: &[&str] = &[
        "",
        " ",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "{",
        "{}",
        "not json",
        r#"["alice","seven green lanterns over water"]"#,
        r#"["alice","seven green lanterns over water",null]"#,
        r#"{"username":"alice"}"#,
        r#"{"password":"x"}"#,
        r#"{"username":"alice","password":null}"#,
        r#"{"username":"alice","password":1}"#,
        r#"{"username":["alice"],"password":"x"}"#,
        r#"{"username":"alice","password":"x","totp":123456}"#,
        r#"{"username":"alice","password":"x","admin":true}"#,
        r#"{"username":"alice","password":"x","Username":"alice"}"#,
        r#"{"username":"bob","username":"alice","password":"seven green lanterns over water"}"#,
        r#"{"username":"alice","password":"x"} {"username":"alice"}"#,
        r#"{"username":"alice","password":"x"}x"#,
        r#"{"username":"alice","password":"x",}"#,
        r#"{"username":"","password":"x"}"#,
        r#"{"username":"alice","password":""}"#,
        r#"{"username":"alice","password":"a\u0000b"}"#,
        r#"{"username":"alice","password":"\ud800"}"#,
        "\u{feff}{}",
        &deep,
        &deep_object,
        &name,
        &password,
    ];
    let before = caller.house.desk.hashed();
    for body in bad {
        for path in ["/auth/session", "/local/password"] {
            let answer = caller.post(path, (*body).to_owned()).await;
            let shown: String = body.chars().take(60).collect();
            let too_large = body.len() > 64 * 1024;
            let expected = if too_large { (413, "too-large") } else { (400, "bad-request") };
            assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), expected, "{path} {shown}");
            assert!(!answer.headers.contains_key(header::SET_COOKIE));
            assert!(
                !answer.text.contains("lanterns") && !answer.text.contains("nnnn"),
                "repeats what was sent"
            );
        }
    }
    for bytes in [&b"{\"username\":\"\xff\",\"password\":\"x\"}"[..], b"\x00", b"\xff\xfe{\x00}\x00"] {
        let answer = caller.post("/auth/session", bytes.to_vec()).await;
        assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (400, "bad-request"));
    }
    let large = login("alice", &"p".repeat(64 * 1024));
    assert_eq!(caller.post("/auth/session", large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(caller.house.desk.hashed(), before, "none of it was hashed");
    assert_eq!(
        caller.post("/auth/session", r#"{"username":"alice","password":"x","totp":null}"#).await.status,
        401
    );
}

/// Proves: API-7
#[tokio::test]
async fn a_password_body_says_which_fields_are_wrong() {
    let caller = Caller::new().await;
    for (body, word) in [
        (change("", OTHER), "oldpassword"),
        (change(&"p".repeat(1025), OTHER), "oldpassword"),
        (change("a\0b", OTHER), "password"),
    ] {
        let answer = caller.post("/local/password", body).await;
        assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (400, "bad-request"));
        assert!(answer.text.contains(word), "{}", answer.text);
    }
    for new in ["", "short", "a\0b-and-some-more-letters", &"p".repeat(1025)] {
        let answer = caller.post("/local/password", change(PASSWORD, new)).await;
        assert_eq!(
            (answer.status.as_u16(), reason(&answer).as_str()),
            (400, "credentials-failed-requirements"),
            "{new:?}"
        );
        assert!(answer.text.contains("newpassword"), "{}", answer.text);
    }
    assert!(caller.lives().await);
}

/// Proves: THR-8
#[tokio::test]
async fn unknown_wrong_and_closed_look_the_same() {
    let caller = Caller::new().await;
    for name in ["locked", "disabled"] {
        caller.house.desk.add(name).await;
    }
    caller.house.change("locked", StatusChange::Lock("x".to_owned())).await;
    caller.house.change("disabled", StatusChange::Disable("x".to_owned())).await;
    let mut seen = Vec::new();
    for name in ["alice", "locked", "disabled", "unknown", "unknown@example.com", "a\0b"] {
        let answer = caller.ask("POST", "/auth/session", &[JSON], login(name, WRONG)).await;
        seen.push((answer.status, answer.headers, answer.text));
    }
    assert_eq!(seen[0].0, StatusCode::UNAUTHORIZED);
    assert!(seen.iter().all(|answer| *answer == seen[0]), "{seen:#?}");
    // And so they do when it has been too often.
    let mut blocked = Vec::new();
    for name in ["alice", "unknown"] {
        for _ in 0..4 {
            caller.ask("POST", "/auth/session", &[JSON], login(name, WRONG)).await;
        }
        let answer = caller.ask("POST", "/auth/session", &[JSON], login(name, PASSWORD)).await;
        assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (429, "throttled"));
        assert_eq!(answer.headers[header::RETRY_AFTER], "1");
        blocked.push((answer.headers, answer.text));
    }
    assert_eq!(blocked[0], blocked[1]);
    let locked = caller.ask("POST", "/auth/session", &[JSON], login("locked", PASSWORD)).await;
    assert_eq!((locked.status.as_u16(), reason(&locked).as_str()), (401, "locked-account"));
}

/// Proves: SES-2, SES-7, SES-14
#[tokio::test]
async fn a_session_begins_is_replaced_and_ends() {
    let caller = Caller::new().await;
    caller.house.desk.add("bob").await;
    let value = |answer: &Answer| {
        let cookie = answer.cookie("__Secure-auth").unwrap();
        assert!(cookie.contains("HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    };
    let show = async |cookie: &str| caller.ask("GET", "/auth/session", &[("cookie", cookie)], "").await;
    let first = value(&caller.ask("POST", "/auth/session", &[JSON], login("alice", PASSWORD)).await);
    let second = value(
        &caller.ask("POST", "/auth/session", &[JSON, ("cookie", &first)], login("bob", PASSWORD)).await,
    );
    assert_eq!(show(&first).await.status, StatusCode::UNAUTHORIZED);
    let shown = show(&second).await;
    assert!(shown.text.contains(r#""username":"bob""#) && !shown.text.contains("alice"), "{}", shown.text);
    assert_eq!(caller.ask("HEAD", "/auth/session", &[("cookie", &second)], "").await.status, StatusCode::OK);
    let ended = caller.ask("DELETE", "/auth/session", &[("cookie", &second)], "").await;
    assert_eq!((ended.status.as_u16(), ended.text.as_str()), (200, r#"{"success":true}"#));
    assert!(ended.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(show(&second).await.status, StatusCode::UNAUTHORIZED);
    // Nothing to end is no error (simple-auth.md 1.3).
    for cookie in ["", &second, "__Secure-auth=garbage"] {
        assert_eq!(
            caller.ask("DELETE", "/auth/session", &[("cookie", cookie)], "").await.status,
            StatusCode::OK
        );
    }
}

/// A browser with two live sessions is nobody; signing out ends both, as it says it does.
///
/// Proves: SES-7, VCH-4
#[tokio::test]
async fn signing_out_ends_every_session_the_browser_presents() {
    let caller = Caller::new().await;
    caller.house.desk.add("bob").await;
    let bob = format!("__Secure-auth={}", caller.house.session("bob").await);
    let both = format!("{}; {bob}", caller.cookie);
    assert_eq!(
        caller.ask("GET", "/auth/session", &[("cookie", &both)], "").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(caller.ask("DELETE", "/auth/session", &[("cookie", &both)], "").await.status, StatusCode::OK);
    assert!(!caller.lives().await);
    assert_eq!(
        caller.ask("GET", "/auth/session", &[("cookie", &bob)], "").await.status,
        StatusCode::UNAUTHORIZED
    );
}

/// Proves: PWD-8, SES-9
#[tokio::test]
async fn the_own_password_changes_with_the_session() {
    let caller = Caller::new().await;
    let elsewhere = format!("__Secure-auth={}", caller.house.session("alice").await);
    let done = caller.post("/api/v1/local/password", change(PASSWORD, OTHER)).await;
    assert_eq!(done.status, StatusCode::OK);
    let renewed = done.cookie("__Secure-auth").unwrap().split(';').next().unwrap().to_owned();
    for (cookie, status) in [(&caller.cookie, 401), (&elsewhere, 401), (&renewed, 200)] {
        let answer = caller.ask("GET", "/auth/session", &[("cookie", cookie)], "").await;
        assert_eq!(answer.status.as_u16(), status);
    }
    assert_eq!(
        caller.post("/local/password", change(OTHER, PASSWORD)).await.status,
        StatusCode::UNAUTHORIZED
    );
}

/// Proves: PWD-8, SES-3
#[tokio::test]
async fn a_session_that_must_change_its_password_shows_nothing_but_may_change_it() {
    let caller = Caller::new().await;
    caller.house.add("bob", true).await;
    let cookie = format!("__Secure-auth={}", caller.house.session("bob").await);
    let shown = caller.ask("GET", "/auth/session", &[("cookie", &cookie)], "").await;
    assert_eq!((shown.status.as_u16(), reason(&shown).as_str()), (401, "password-change-required"));
    let done =
        caller.ask("POST", "/local/password", &[JSON, ("cookie", &cookie)], change(PASSWORD, OTHER)).await;
    assert_eq!(done.status, StatusCode::OK);
}

/// simple-auth.md 9.C3
///
/// Proves: OPS-12
#[tokio::test]
async fn a_store_that_cannot_be_reached_is_503() {
    let caller = Caller::new().await;
    caller.house.desk.store.close();
    for (method, path, body) in [
        ("POST", "/auth/session", login("alice", PASSWORD)),
        ("GET", "/auth/session", String::new()),
        ("DELETE", "/auth/session", String::new()),
        ("POST", "/local/password", change(PASSWORD, OTHER)),
    ] {
        let answer = caller.ask(method, path, &[JSON, ("cookie", &caller.cookie)], body).await;
        assert_eq!(
            (answer.status.as_u16(), reason(&answer).as_str()),
            (503, "unavailable"),
            "{method} {path}"
        );
        assert!(answer.headers.contains_key(header::RETRY_AFTER));
    }
}

/// simple-auth.md 9.A4
///
/// Proves: HDR-1, HDR-2, THR-10
#[test]
fn the_address_that_is_counted_is_not_the_clients_to_choose() {
    let house = House::open();
    let client = |peer: &str, lines: &[&str]| {
        let mut request = Request::get("/auth/session").header("x-real-ip", "203.0.113.66").body(()).unwrap();
        for line in lines {
            request.headers_mut().append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        let call = house.shared.call(arrival(peer), &request.into_parts().0);
        call.map(|call| call.client.map(|client| client.to_string())).map_err(|fault| fault.reason)
    };
    let is = |address: &str| Ok(Some(address.to_owned()));
    assert_eq!(
        client("198.51.100.9", &["1.1.1.1"]),
        is("198.51.100.9"),
        "an untrusted peer speaks for itself"
    );
    assert_eq!(client("127.0.0.1", &["1.1.1.1, 198.51.100.9"]), is("198.51.100.9"), "the right-most one");
    assert_eq!(client("127.0.0.1", &["1.1.1.1", "198.51.100.9"]), is("198.51.100.9"));
    assert_eq!(client("127.0.0.1", &["1.1.1.1, 198.51.100.9, 127.0.0.1"]), is("198.51.100.9"));
    assert_eq!(client("unix", &["198.51.100.9"]), is("198.51.100.9"));
    assert!(client("127.0.0.1", &["198.51.100.9, nonsense"]).is_err());
}
