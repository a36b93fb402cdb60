//! Keys for programs, documents for their makers, and accounts taken over from the original: from the command line to the wire.

use serde_json::Value;

use crate::kit::{Ask, config::PASSWORD, house::House};

/// A key is made, shown once, works, is listed without itself, and is revoked at once.
///
/// Proves: API-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_from_its_making_to_its_end() {
    let house = House::alone("").await;
    let who: Value = serde_json::from_str(&house.command(&["--json", "account", "show", "alice"])).unwrap();
    let id = who["id"].as_str().unwrap();
    let key =
        house.command(&["apikey", "add", "billing", "--scope", "read", "--account", "alice", "--days", "30"]);
    let ask = || {
        Ask::get(&house.url("/api/v1/account"))
            .header("authorization", &format!("sharedkey {}", key.trim()))
            .header("x-account-uuid", id)
            .send()
    };
    assert_eq!(ask().await.expect(200).json()["email"], "alice@example.com");
    let listed = house.command(&["apikey", "list"]);
    assert!(listed.contains("billing") && listed.contains(id) && !listed.contains(key.trim()), "{listed}");
    for wrong in [
        &["apikey", "add", "billing", "--scope", "read"][..],
        &["apikey", "add", "x", "--scope", "everything"],
        &["apikey", "add", "Bad Name", "--scope", "read"],
        &["apikey", "add", "y", "--scope", "read", "--account", "nobody"],
        &["apikey", "add", "z"],
        &["apikey", "revoke", "unknown"],
    ] {
        assert!(!house.run(wrong, None).0, "{wrong:?}");
    }
    house.command(&["apikey", "revoke", "billing"]);
    assert_eq!(ask().await.expect(401).json()["reason"], "unauthorized");
    let trail = house.command(&["audit", "--limit", "100"]);
    for told in ["API key created", "api key billing", "API key revoked"] {
        assert!(trail.contains(told), "{trail}");
    }
    assert!(!house.log().contains(key.trim()) && !trail.contains(key.trim()));
}

/// The documents are on the listener of the identity service and not where people come, and need no script to be read.
///
/// Proves: OPS-6, WEB-4, WEB-9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_where_the_operator_puts_them() {
    let house = House::alone("").await;
    let api = |path: &str| format!("http://{}{path}", house.api);
    let document = Ask::get(&api("/openapi/simple.json")).send().await.expect(200);
    assert_eq!(document.header("content-type"), Some("application/json"));
    let body = document.json();
    assert_eq!(body["openapi"], "3.1.0");
    assert!(body["servers"][0]["url"].as_str().unwrap().ends_with("/api/v1"));
    let page = Ask::get(&api("/openapi/simple")).send().await.expect(200);
    assert!(
        page.header("content-security-policy").unwrap().starts_with("default-src 'none'; style-src 'sha256-")
    );
    let text = page.text();
    assert!(
        !text.contains("<script") && text.contains("auth&#x2f;session") && text.contains("v1.loginRequest"),
        "{text}"
    );
    assert!(Ask::get(&api("/openapi")).send().await.expect(200).text().contains("/openapi/simple.json"));
    Ask::get(&api("/openapi/nothing")).send().await.expect(404);
    Ask::get(&api("/openapi/simple.json")).header("host", "evil.example").send().await.expect(421);
    for path in ["/openapi", "/openapi/simple", "/openapi/simple.json"] {
        let answer = Ask::get(&house.url(path)).send().await;
        assert!(!answer.text().contains("openapi\""), "{path} on the gateway:\n{answer}");
    }
}

/// Accounts of a Simple Auth database sign in with the password they had, keep their ids, and are taken over once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_taken_over_from_the_original() {
    let mut house = House::alone("").await;
    let file = house.folder().join("simpleauth.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute_batch(include_str!("../../../src/cli/import/simpleauth.sql")).unwrap();
    drop(database);
    let path = file.to_str().unwrap().to_owned();
    let import = ["import", "simple-auth", path.as_str()];
    // `alice` and `carol` are people of this house already; the others come.
    let tried = house.run(&[&import[..], &["--dry-run"]].concat(), None);
    assert!(
        !tried.0 && tried.1.contains("2 accounts taken over, 0 there already, 2 refused (nothing was kept)"),
        "{tried:?}"
    );
    assert!(!house.run(&["account", "show", "bob"], None).0, "nothing was kept");
    let done = house.run(&import, None);
    assert!(!done.0 && done.1.contains("2 accounts taken over, 0 there already, 2 refused."), "{done:?}");
    assert!(done.1.contains("alice") && done.1.contains("carol"), "what could not be is said: {}", done.1);
    let again = house.run(&import, None);
    assert!(again.1.contains("0 accounts taken over, 2 there already, 2 refused."), "{again:?}");
    let bob: Value = serde_json::from_str(&house.command(&["--json", "account", "show", "bob"])).unwrap();
    assert_eq!(
        (bob["id"].as_str(), bob["status"].as_str()),
        (Some("0b8f0c52-7a68-4f3a-9d0e-222222222222"), Some("disabled"))
    );
    assert_eq!(bob["created"], "2021-12-20T00:00:00Z");
    house.command(&["account", "enable", "bob"]);
    let held = house.sign_in_request("bob", PASSWORD).send().await.expect(401);
    assert_eq!(held.json()["reason"], "unsatisfied-stipulations");
    house.sign_in_request("bob", "wrong").send().await.expect(401);
    // Without a server the same command works on the store itself.
    house.close().await;
    let offline = house.run(&import, None);
    assert!(offline.1.contains("0 accounts taken over, 2 there already, 2 refused."), "{offline:?}");
    house.open().await;
}
