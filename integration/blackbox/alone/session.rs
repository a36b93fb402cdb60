//! The session endpoint, and what the check says straight after.

use crate::kit::{Ask, Browser, house::House};

/// Sign in, look, sign out; the same under both base paths, and nothing left afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_look_sign_out() {
    let house = House::alone("").await;
    for base in ["", "/api/v1"] {
        let url = house.url(&format!("{base}/auth/session"));
        let mut alice = house.sign_in("alice").await;
        let seen = alice.ask(Ask::get(&url)).await.expect(200).json();
        assert_eq!(seen["username"], "alice");
        assert_eq!(seen["groups"], serde_json::json!(["staff"]));
        assert_eq!(seen["level"], "signed-in");

        let mut thief = alice.clone();
        let gone = alice
            .ask(Ask::new(http::Method::DELETE, &url).header("origin", &house.url("")))
            .await
            .expect(200);
        assert_eq!(gone.json(), serde_json::json!({ "success": true }));
        let after = thief.ask(Ask::get(&url)).await.expect(401);
        assert_eq!(after.json()["reason"], "unauthorized");
    }
}

/// Wrong password, unknown name and disabled account with a wrong password: one and the same refusal, word for word.
///
/// Proves: PWD-6, THR-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_do_not_tell_who_exists() {
    let house = House::alone("").await;
    let mut said = Vec::new();
    for name in ["alice", "nobody", "dave"] {
        let answer = house.sign_in_request(name, "not the password").send().await.expect(401);
        assert!(answer.headers.get("set-cookie").is_none(), "{answer}");
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        said.push((names, answer.text()));
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0], said[2]);
}

/// The cookie over plain loopback is host-only, out of reach of scripts, and worth nothing when changed by one character.
///
/// Proves: SES-1, SES-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie() {
    let house = House::alone("").await;
    let alice = house.sign_in("alice").await;
    let kept = ["__Host-auth", "auth"]
        .into_iter()
        .find_map(|name| alice.cookie(name))
        .expect("a session cookie")
        .clone();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(kept.line.contains(attribute), "{attribute} is missing in {}", kept.line);
    }
    assert!(!kept.line.to_ascii_lowercase().contains("domain="), "{}", kept.line);
    assert!(kept.value.len() < 100, "{}", kept.line);

    let mut other = kept.value.clone().into_bytes();
    for place in [0, other.len() / 2, other.len() - 1] {
        let before = other[place];
        other[place] = if before == b'A' { b'B' } else { b'A' };
        let value = String::from_utf8(other.clone()).expect("ASCII");
        let ask = Ask::get(&house.url("/auth/session")).header("cookie", &format!("{}={value}", kept.name));
        ask.send().await.expect(401);
        other[place] = before;
    }
    Browser::new()
        .ask(Ask::get(&house.url("/auth/session")).header("cookie", &format!("{}={}", kept.name, kept.value)))
        .await
        .expect(200);
}
