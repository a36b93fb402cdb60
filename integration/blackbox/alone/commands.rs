//! The command line against a running house.

use crate::kit::{Ask, house::House};
use std::fs;

/// `check` names every complaint at once, with the key it is about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_names_every_complaint() {
    let house = House::alone("").await;
    let (good, _, _) = house.run(&["check"], None);
    assert!(good);
    fs::write(
        house.folder().join("vouchsafe.toml"),
        "[gateway]\nlisten = \"nowhere\"\n[session]\nidel = \"1h\"\n[[apps]]\nname = \"x\"\nhosts = []\n",
    )
    .expect("the folder is ours");
    let (good, out, err) = house.run(&["check"], None);
    assert!(!good, "a broken configuration was found good");
    for word in ["gateway.listen", "session.idel", "session.idle", "apps[0].hosts"] {
        assert!(format!("{out}{err}").contains(word), "no word of {word} in\n{out}{err}");
    }
}

/// Disabling somebody, and ending sessions, hold at the next request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_ends_sessions() {
    let house = House::alone("").await;
    let mut alice = house.sign_in("alice").await;
    let mut carol = house.sign_in("carol").await;
    let url = house.url("/auth/session");
    house.command(&["account", "sessions", "alice", "--end-all"]);
    alice.ask(Ask::get(&url)).await.expect(401);
    carol.ask(Ask::get(&url)).await.expect(200);
}

/// Somebody without second factors has none to show, and none to lose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_factors_are_shown_and_taken_away() {
    let house = House::alone("").await;
    let mut alice = house.sign_in("alice").await;
    let said = house.command(&["account", "factors", "alice"]);
    for line in ["required  no", "passkeys  0", "totp      -", "recovery  0"] {
        assert!(said.contains(line), "no {line} in {said}");
    }
    let (good, out, err) = house.run(&["factor", "reset", "alice", "--yes"], None);
    assert!(!good, "there was something to reset: {out}{err}");
    alice.ask(Ask::get(&house.url("/auth/session"))).await.expect(200);
}

/// `explain` names the rule that decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_names_the_rule() {
    let house = House::alone("").await;
    let said = house.command(&["explain", "--user", "alice", "--url", &house.url("/"), "--method", "GET"]);
    assert!(said.contains("whoami"), "{said}");
}
