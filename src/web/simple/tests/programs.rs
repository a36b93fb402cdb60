//! Programs with API keys and service secrets, and what they may read and do.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::{Caller, JSON, login, reason};
use crate::{
    actions::{
        Which,
        accounts::StatusChange,
        apikeys::{KEY_LIFETIME, NewApiKey},
        testing::{Plan, WRONG, operator},
    },
    domain::{
        apikey::{KeyName, Scope},
        audit::{Event, Outcome},
        fault::Reason,
        login::throttle::Rules,
    },
    values::{id::AccountId, secret::Secret},
    web::{
        family::sweep,
        simple::CredentialsCheck,
        testing::{Answer, House, OTHER, PASSWORD, PORTAL},
    },
};

const EVERYTHING: &[Scope] = Scope::ALL;

struct Program {
    caller: Caller,
    alice: AccountId,
    key: String,
}

impl Program {
    async fn new() -> Self {
        let caller = Caller::new().await;
        let alice = caller.house.desk.actions.find_account(&operator(), &Which::Named("alice".to_owned()));
        let key = sweep::key(&caller.house, "billing", EVERYTHING, Vec::new()).await;
        Self { caller, alice: alice.unwrap().id, key }
    }

    /// Asks for an account, by a key or what is said to be one.
    async fn ask_as(&self, key: &str, whom: &str, more: &[(&str, &str)]) -> Answer {
        let authorization = format!("SharedKey {key}");
        let mut headers = vec![("authorization", authorization.as_str()), ("x-account-uuid", whom)];
        headers.extend_from_slice(more);
        self.caller.ask("GET", "/account", &headers, "").await
    }

    fn audited(&self, event: Event) -> Vec<(Outcome, String)> {
        let found = self.caller.house.desk.audit();
        found
            .into_iter()
            .filter(|entry| entry.event == event)
            .map(|entry| (entry.outcome, entry.actor))
            .collect()
    }
}

/// simple-auth.md 9.A15
///
/// Proves: API-5
#[tokio::test]
async fn a_dead_cookie_does_not_stand_before_a_good_key_and_a_good_session_wins() {
    let program = Program::new().await;
    let (alice, key) = (program.alice.to_string(), program.key.as_str());
    let live = program.caller.cookie.clone();
    let dead = "__Secure-auth=garbage".to_owned();
    assert_eq!(program.ask_as(key, &alice, &[("cookie", &dead)]).await.status, 200);
    assert_eq!(program.ask_as("wrong", &alice, &[("cookie", &live)]).await.status, 200, "the session wins");
    assert_eq!(program.ask_as(key, &alice, &[("cookie", &live)]).await.status, 200, "both for one account");
    let bob = program.caller.house.desk.add("bob").await.to_string();
    let both = program.ask_as(key, &bob, &[("cookie", &live)]).await;
    assert_eq!((both.status.as_u16(), reason(&both).as_str()), (401, "unauthorized"), "two accounts at once");
    // A key does not excuse a browser's session from coming from our own page.
    let authorization = format!("SharedKey {key}");
    let headers = [
        JSON,
        ("cookie", live.as_str()),
        ("authorization", &authorization),
        ("origin", "https://evil.example"),
    ];
    let forged = program.caller.ask("POST", "/local/password", &headers, "{}").await;
    assert_eq!(reason(&forged), "csrf-failed");
}

/// simple-auth.md 9.A10, 9.C5
///
/// Proves: API-2, API-5
#[tokio::test]
async fn a_key_ends_by_itself_at_a_word_and_with_its_account() {
    let program = Program::new().await;
    let (alice, key) = (program.alice.to_string(), program.key.as_str());
    assert_eq!(program.ask_as(key, &alice, &[]).await.status, 200);
    assert_eq!(program.ask_as(&key.to_uppercase(), &alice, &[]).await.status, 401);
    program.caller.house.change("alice", StatusChange::Lock("x".to_owned())).await;
    assert_eq!(reason(&program.ask_as(key, &alice, &[]).await), "locked-account");
    program.caller.house.change("alice", StatusChange::Disable("x".to_owned())).await;
    assert_eq!(reason(&program.ask_as(key, &alice, &[]).await), "inactive-account");
    program.caller.house.change("alice", StatusChange::Enable).await;
    program.caller.house.pass(KEY_LIFETIME.as_secs());
    assert_eq!(reason(&program.ask_as(key, &alice, &[]).await), "unauthorized");
    let other = sweep::key(&program.caller.house, "other", EVERYTHING, Vec::new()).await;
    assert_eq!(program.ask_as(&other, &alice, &[]).await.status, 200);
    let call = program.caller.house.call("test");
    let name = || KeyName::parse("other").unwrap();
    program.caller.house.shared.actions.revoke_api_key(&call, &operator(), name()).await.unwrap();
    assert_eq!(program.ask_as(&other, &alice, &[]).await.status, 401);
    let again = program.caller.house.shared.actions.revoke_api_key(&call, &operator(), name()).await;
    assert!(again.is_err(), "there is nothing left to revoke");
}

/// Only its digest is stored, only its first characters are listed, and its name is used once.
///
/// Proves: API-5, OPS-18
#[tokio::test]
async fn a_key_is_shown_once_and_kept_nowhere() {
    let program = Program::new().await;
    let actions = &program.caller.house.shared.actions;
    let secret = program.key.strip_prefix("vsk_").unwrap();
    let listed = format!("{:?}", actions.list_api_keys(&operator()).unwrap());
    let trail = format!("{:?}", program.caller.house.desk.audit());
    for text in [&listed, &trail] {
        assert!(!text.contains(&secret[4..]) && text.contains("billing"), "{text}");
    }
    let new = || NewApiKey {
        name: KeyName::parse("billing").unwrap(),
        scopes: vec![Scope::Read],
        accounts: Vec::new(),
        lifetime: KEY_LIFETIME,
    };
    let call = program.caller.house.call("test");
    assert!(actions.add_api_key(&call, &operator(), new()).await.is_err(), "the name is in use");
    let name = |name: &str| KeyName::parse(name).unwrap();
    let empty = NewApiKey { name: name("a"), scopes: Vec::new(), ..new() };
    let endless = NewApiKey { name: name("b"), lifetime: KEY_LIFETIME * 6, ..new() };
    let stranger = NewApiKey { name: name("c"), accounts: vec![Which::from("nobody")], ..new() };
    for wrong in [empty, endless, stranger] {
        assert!(actions.add_api_key(&call, &operator(), wrong).await.is_err());
    }
    assert_eq!(actions.list_api_keys(&operator()).unwrap().len(), 1);
}

/// Proves: OPS-19
#[tokio::test]
async fn what_a_key_does_is_on_record_under_its_name() {
    let program = Program::new().await;
    let alice = program.alice.to_string();
    for _ in 0..5 {
        assert_eq!(program.ask_as(&program.key, &alice, &[]).await.status, 200);
    }
    let used = (Outcome::Done, "api key billing".to_owned());
    assert_eq!(
        program.audited(Event::ApiKeyUsed),
        std::slice::from_ref(&used),
        "not a line for every request"
    );
    program.caller.house.pass(3601);
    program.ask_as(&program.key, &alice, &[]).await;
    assert_eq!(program.audited(Event::ApiKeyUsed), [used.clone(), used]);
    let last = program.caller.house.shared.actions.list_api_keys(&operator()).unwrap()[0].last_used;
    assert_eq!(last, Some(program.caller.house.call("test").now));
    let small = sweep::key(&program.caller.house, "small", &[Scope::Public], Vec::new()).await;
    assert_eq!(program.ask_as(&small, &alice, &[]).await.status, 403);
    let refused = (Outcome::Refused, "api key small".to_owned());
    assert!(program.audited(Event::ApiKeyRefused).contains(&refused));
    // The owner sees who was there.
    let cookie = format!("__Secure-auth={}", program.caller.house.session("alice").await);
    let trail = program.caller.ask("GET", "/account/audit", &[("cookie", &cookie)], "").await;
    assert!(trail.text.contains("API key used"), "{}", trail.text);
}

/// simple-auth.md 9.A4, 9.A5
///
/// Proves: THR-1, THR-2, THR-6, THR-10, THR-12
#[tokio::test]
async fn guessing_at_keys_is_stopped_where_it_comes_from() {
    let program = Program::new().await;
    let alice = program.alice.to_string();
    let forged = [("x-forwarded-for", "203.0.113.1")];
    let mut told = Vec::new();
    for _ in 0..12 {
        told.push(program.ask_as("wrong", &alice, &forged).await.status.as_u16());
    }
    assert_eq!(told.iter().filter(|status| **status == 401).count(), 5, "{told:?}");
    let right = program.ask_as(&program.key, &alice, &[]).await;
    assert_eq!((right.status.as_u16(), reason(&right).as_str()), (429, "throttled"), "right or wrong alike");
    assert!(right.headers.contains_key("retry-after"));
    // Whoever is signed in there is not shut out by somebody else's key.
    let with = [("cookie", program.caller.cookie.as_str())];
    assert_eq!(program.ask_as("wrong", &alice, &with).await.status, 200);
    program.caller.house.pass(3600);
    assert_eq!(program.ask_as(&program.key, &alice, &[]).await.status, 200);
    assert!(!program.audited(Event::ApiKeyRefused).is_empty());
}

/// What people type wrong at an address shuts no program out that has a right key there.
///
/// Proves: THR-4
#[tokio::test]
async fn wrong_passwords_do_not_shut_a_program_out() {
    let program = Program::new().await;
    let mut refused = Vec::new();
    for number in 0..31 {
        refused.push(program.caller.house.desk.refusal(&format!("nobody-{number}"), "wrong").await);
    }
    assert_eq!(refused.last(), Some(&Reason::Throttled), "that address may not try any more");
    let alice = program.alice.to_string();
    assert_eq!(program.ask_as(&program.key, &alice, &[]).await.status, 200);
}

/// As the original lets its shared secret, but only a key that was made for it; what the program sends of the old one must be right.
///
/// Proves: PWD-7, SES-9
#[tokio::test]
async fn a_program_made_for_it_sets_a_password() {
    let program = Program::new().await;
    let authorization = format!("SharedKey {}", program.key);
    let whom = program.alice.to_string();
    let headers = [JSON, ("authorization", authorization.as_str()), ("x-account-uuid", whom.as_str())];
    let ask =
        async |body: Value| program.caller.ask("POST", "/local/password", &headers, body.to_string()).await;
    assert_eq!(reason(&ask(json!({ "newpassword": "short" })).await), "credentials-failed-requirements");
    assert_eq!(
        reason(&ask(json!({ "newpassword": OTHER, "oldpassword": WRONG })).await),
        "invalid-credentials"
    );
    assert!(program.caller.lives().await, "nothing happened so far");
    let done = ask(json!({ "newpassword": OTHER })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.cookies().is_empty() && done.text.contains(r#""requireOldPassword":false"#));
    assert!(!program.caller.lives().await, "all sessions end");
    assert!(program.audited(Event::PasswordChanged).contains(&(Outcome::Done, "api key billing".to_owned())));
    assert_eq!(program.caller.ask("POST", "/auth/session", &[JSON], login("alice", OTHER)).await.status, 200);
}

/// With a key of scope `public` a program signs people in for whom it speaks: it has no origin, and its address stands for nobody.
///
/// Proves: THR-1
#[tokio::test]
async fn a_trusted_program_is_not_taken_for_one_person() {
    let program = Program::new().await;
    let authorization = format!("SharedKey {}", program.key);
    let headers = [JSON, ("authorization", authorization.as_str()), ("origin", "https://elsewhere.example")];
    for n in 0..40 {
        let body = login(&format!("unknown{n}"), WRONG);
        assert_eq!(program.caller.ask("POST", "/auth/session", &headers, body).await.status, 401);
    }
    let right = login("alice", PASSWORD);
    assert_eq!(program.caller.ask("POST", "/auth/session", &headers, right.clone()).await.status, 200);
    // Each account's own limit holds all the same.
    let mut told = Vec::new();
    for _ in 0..7 {
        told.push(
            program
                .caller
                .ask("POST", "/auth/session", &headers, login("alice", WRONG))
                .await
                .status
                .as_u16(),
        );
    }
    assert!(told.contains(&429), "{told:?}");
}

#[tokio::test]
async fn without_api_keys_their_header_says_nothing() {
    let program = Program::new().await;
    let house = House::with(|settings| settings.simple.api_keys = false);
    house.desk.add("alice").await;
    let key = sweep::key(&house, "key", EVERYTHING, Vec::new()).await;
    let ask = |authorization: String| {
        Request::get("/account")
            .header("authorization", authorization)
            .header("x-account-uuid", program.alice.to_string())
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(house.ask_simple(ask(format!("SharedKey {key}"))).await.status, 401);
    assert_eq!(house.desk.count(Event::ApiKeyRefused), 0, "it is not even looked at");
}

// ---- POST /auth/simple ------------------------------------------------------------------------------------------------------

const SERVICE: &str = "a-secret-of-thirty-two-letters-or-more";
const NEXT: &str = "another-secret-of-thirty-two-letters";

async fn desk(check: CredentialsCheck) -> House {
    let house = House::with(|settings| settings.simple.credentials_check = check);
    house.desk.add("alice").await;
    house
}

fn secret() -> CredentialsCheck {
    CredentialsCheck::Secret(vec![Secret::from(SERVICE), Secret::from(NEXT)])
}

async fn check(house: &House, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::post("/api/v1/auth/simple").body(Body::from(body.to_owned())).unwrap();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    house.ask_simple(request).await
}

/// The statuses and reasons of simple-auth.md 1.5, one by one.
///
/// simple-auth.md 9.A5
///
/// Proves: API-1, API-7
#[tokio::test]
async fn a_program_learns_whether_credentials_are_right() {
    let house = desk(secret()).await;
    let (good, next) = (format!("Bearer {SERVICE}"), format!("Bearer {NEXT}"));
    let bearer = ("authorization", good.as_str());
    let right = json!({ "username": "alice", "password": PASSWORD }).to_string();
    assert_eq!(
        check(&house, &[JSON, ("authorization", &next)], &right).await.status,
        200,
        "while secrets change, both"
    );
    let answer = check(&house, &[JSON, bearer], &right).await;
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((answer.status.as_u16(), body["username"].as_str()), (200, Some("alice")));
    assert!(body["id"].as_str().is_some_and(|id| id.len() == 36) && answer.cookies().is_empty());
    let by_mail = json!({ "username": "Alice@Example.com", "password": PASSWORD }).to_string();
    assert_eq!(check(&house, &[JSON, bearer], &by_mail).await.status, 200);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let typed = format!("username=alice&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(check(&house, &[form, bearer], &typed).await.status, 200);
    for (headers, body, status, word) in [
        (vec![JSON], right.as_str(), 400, "bad-request"),
        (vec![JSON, ("authorization", "Basic YTpi")], right.as_str(), 400, "bad-request"),
        (vec![JSON, ("authorization", "Bearer")], right.as_str(), 400, "bad-request"),
        (vec![JSON, bearer, bearer], right.as_str(), 400, "bad-request"),
        (vec![JSON, ("authorization", "Bearer wrong")], right.as_str(), 401, "invalid-auth-token"),
        (vec![JSON, bearer], r#"{"username":"alice","password":"wrong"}"#, 403, "invalid-credentials"),
        (vec![JSON, bearer], r#"{"username":"nobody","password":"wrong"}"#, 403, "invalid-credentials"),
        (vec![JSON, bearer], r#"{"username":"","password":""}"#, 403, "invalid-credentials"),
        (vec![JSON, bearer], "{}", 403, "invalid-credentials"),
        (vec![JSON, bearer], r#"{"username":"alice","password":1}"#, 400, "bad-request"),
        (vec![JSON, bearer], r#"{"username":"alice","password":"x","admin":true}"#, 400, "bad-request"),
        (vec![form, bearer], "username=alice&username=bob&password=x", 400, "bad-request"),
        (vec![form, bearer], "username=%ff&password=x", 400, "bad-request"),
        (vec![("content-type", "text/plain"), bearer], right.as_str(), 415, "unsupported-media-type"),
    ] {
        let answer = check(&house, &headers, body).await;
        assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (status, word), "{headers:?} {body}");
        house.pass(3600);
    }
    house.change("alice", StatusChange::Disable("x".to_owned())).await;
    assert_eq!(reason(&check(&house, &[JSON, bearer], &right).await), "inactive-account");
    let off = desk(CredentialsCheck::Off).await;
    let answer = check(&off, &[JSON, bearer], &right).await;
    assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (404, "switched-off"));
}

/// The original's way without a secret is there for who insists; its callers are counted by address.
///
/// Proves: THR-1
#[tokio::test]
async fn an_open_check_is_counted_like_a_sign_in() {
    let house = desk(CredentialsCheck::Open).await;
    let right = json!({ "username": "alice", "password": PASSWORD }).to_string();
    assert_eq!(check(&house, &[JSON], &right).await.status, 200);
    let mut told = Vec::new();
    for _ in 0..8 {
        told.push(check(&house, &[JSON], r#"{"username":"alice","password":"wrong"}"#).await.status.as_u16());
    }
    assert!(told.starts_with(&[403; 5]) && told.ends_with(&[429]), "{told:?}");
    assert_eq!(check(&house, &[JSON], &right).await.status, 429);
    assert_eq!(house.desk.count(Event::SignInFailed), 5);
}

/// What people typed at the forms of programs counts for these programs, wherever they call from; the trail knows where that was.
///
/// Proves: THR-1, THR-4, OPS-19
#[tokio::test]
async fn a_spray_through_a_program_is_slowed_for_the_programs_alone() {
    let throttle = Rules { relay_failures: 40, relay_window: Duration::from_mins(2), ..Rules::default() };
    let plan = Plan { throttle, ..Plan::default() };
    let house = House::planned(plan, |settings| settings.simple.credentials_check = secret());
    house.desk.add("alice").await;
    let good = format!("Bearer {SERVICE}");
    let ask = async |name: &str, password: &str| {
        let typed = json!({ "username": name, "password": password }).to_string();
        check(&house, &[JSON, ("authorization", &good)], &typed).await.status.as_u16()
    };
    for number in 0..40 {
        assert_eq!(ask(&format!("nobody-{number}"), "wrong").await, 403, "{number}");
    }
    assert_eq!((ask("nobody-40", "wrong").await, ask("alice", PASSWORD).await), (429, 429));
    house.session("alice").await;
    house.pass(3);
    assert_eq!(ask("alice", PASSWORD).await, 200);
    let trail = house.desk.audit();
    let from = Some(house.call("").client.unwrap().to_string());
    let failed = trail.iter().filter(|entry| entry.event == Event::SignInFailed);
    assert_eq!(failed.filter(|entry| entry.client == from).count(), 40);
}

/// The same for programs with keys, each for itself.
///
/// Proves: THR-1, THR-4, OPS-19
#[tokio::test]
async fn a_spray_through_a_program_with_a_key_is_slowed_for_that_key_alone() {
    let throttle = Rules { relay_failures: 40, relay_window: Duration::from_mins(2), ..Rules::default() };
    let house = House::planned(Plan { throttle, ..Plan::default() }, |_| ());
    house.desk.add("alice").await;
    let one = sweep::key(&house, "one", &[Scope::Public], Vec::new()).await;
    let other = sweep::key(&house, "other", &[Scope::Public], Vec::new()).await;
    let caller = Caller { house, cookie: String::new() };
    let ask = async |key: &str, name: &str, password: &str| {
        let headers = [JSON, ("authorization", &*format!("SharedKey {key}"))];
        caller.ask("POST", "/auth/session", &headers, login(name, password)).await.status.as_u16()
    };
    for number in 0..40 {
        assert_eq!(ask(&one, &format!("nobody-{number}"), WRONG).await, 401, "{number}");
    }
    assert_eq!((ask(&one, "nobody-40", WRONG).await, ask(&one, "alice", PASSWORD).await), (429, 429));
    assert_eq!(ask(&other, "alice", PASSWORD).await, 200);
    caller.house.session("alice").await;
    caller.house.pass(3);
    assert_eq!(ask(&one, "alice", PASSWORD).await, 200);
    let from = Some(caller.house.call("").client.unwrap().to_string());
    let trail = caller.house.desk.audit();
    let failed = trail.iter().filter(|entry| entry.event == Event::SignInFailed);
    assert_eq!(failed.filter(|entry| entry.client == from).count(), 40);
}

// ---- what is read -----------------------------------------------------------------------------------------------------------

/// simple-auth.md 9.C6
///
/// Proves: API-2, API-3, API-6
#[tokio::test]
async fn a_person_reads_the_own_account_and_trail_page_by_page() {
    let caller = Caller::new().await;
    caller.house.desk.add("bob").await;
    let mut newest = String::new();
    for _ in 0..30 {
        // The first ones make room for the later ones.
        newest = format!("__Secure-auth={}", caller.house.session("alice").await);
        caller.house.session("bob").await;
    }
    let cookie = ("cookie", newest.as_str());
    let records = async |query: &str| {
        let answer = caller.ask("GET", &format!("/account/audit{query}"), &[cookie], "").await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        body["records"].as_array().unwrap().clone()
    };
    assert_eq!(records("").await.len(), 10);
    let (all, own) = (records("?limit=200").await, records("?limit=200&offset=0").await);
    assert_eq!(all, own);
    let paged = [records("?limit=7").await, records("?limit=7&offset=7").await].concat();
    assert_eq!(paged, all[..14]);
    assert_eq!(records("?offset=10000").await.len(), 0);
    assert_eq!(
        records("?limit=5&offset=1&recaptchav2=x&_=1").await.len(),
        5,
        "what is not asked for is passed over"
    );
    assert!(all.iter().all(|record| record["ts"].as_str().unwrap().ends_with('Z')));
    for bad in [
        "?limit=0",
        "?limit=-1",
        "?limit=201",
        "?limit=x",
        "?limit=",
        "?limit=1.5",
        "?limit=+5",
        "?limit=05",
        "?offset=-1",
        "?offset=10001",
        "?offset=99999999999999999999",
        "?limit=5&limit=5",
        "?limit=%ff",
        "?offset=1&offset=2",
    ] {
        let answer = caller.ask("GET", &format!("/account/audit{bad}"), &[cookie], "").await;
        assert_eq!((answer.status.as_u16(), reason(&answer).as_str()), (400, "bad-request"), "{bad}");
        assert!(
            answer.text.contains(if bad.contains("limit") { "limit" } else { "offset" })
                || bad.contains("%ff"),
            "{}",
            answer.text
        );
    }
    let shown = caller.ask("GET", "/api/v1/account", &[cookie], "").await;
    let body: Value = serde_json::from_str(&shown.text).unwrap();
    assert_eq!(body["auth"]["local"]["username"], "alice");
    assert_eq!((&body["email"], &body["auth"]["oidc"]), (&json!("alice@example.com"), &json!([])));
    assert!(!shown.text.contains("$argon2") && !shown.text.contains("session"), "{}", shown.text);
}

/// simple-auth.md 9.A7
#[tokio::test]
async fn whether_a_user_name_is_in_use_is_told_but_not_without_end() {
    let caller = Caller::new().await;
    let before = caller.house.desk.hashed();
    let check = async |name: &str| {
        let answer =
            caller.ask("POST", "/account/check", &[JSON], json!({ "username": name }).to_string()).await;
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        (answer.status.as_u16(), body)
    };
    for (name, exists) in
        [("alice", true), ("ALICE", true), ("bob", false), ("alice@example.com", false), ("a b\u{7}", false)]
    {
        assert_eq!(check(name).await, (200, json!({ "username": name, "exists": exists })));
    }
    let mut last = 200;
    for n in 0..200 {
        last = check(&format!("guess{n}")).await.0;
    }
    assert_eq!(last, 429);
    assert_eq!(caller.house.desk.hashed(), before, "nothing is hashed for it");
    let own = caller.ask("POST", "/account/check", &[JSON, ("origin", PORTAL)], r#"{"username":""}"#).await;
    assert_eq!(own.status, 400);
}
