//! The command line against a running house.

use crate::kit::{Ask, house::House};
use std::{fs, os::unix::fs::PermissionsExt as _};

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

/// `explain` names what decides: here the app itself, which has no rules.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_names_what_decides() {
    let house = House::alone("").await;
    let said = house.command(&["explain", "--user", "alice", "--url", &house.url("/"), "--method", "GET"]);
    assert!(said.contains("app `whoami`, which has no rules, asks for signed-in"), "{said}");
}

/// An invitation is printed for the operator, who is told when nobody else was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_without_mail_says_so() {
    let house = House::alone("").await;
    let (good, out, err) = house.run(&["invite", "bob@example.com"], None);
    assert!(good, "{err}");
    assert!(out.trim_end().starts_with(&house.url("/invite?token=")) && out.lines().count() == 1, "{out}");
    assert!(err.contains("There is no [mail]"), "{err}");
    let (_, out, err) = house.run(&["--json", "invite", "newcomer@example.com"], None);
    assert!(err.is_empty(), "{err}");
    let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(told["mailed"].as_bool(), Some(false));

    let house =
        House::alone("[mail]\ndelivery = \"file\"\nfrom = \"Vouchsafe <vouchsafe@example.com>\"").await;
    let (good, out, err) = house.run(&["invite", "bob@example.com"], None);
    assert!(good && out.contains("/invite?token=") && err.is_empty(), "{out}{err}");
}

/// A backup and the key beside it are all that a new machine needs; without the key nothing is touched, and the message says what is missing.
///
/// Proves: OPS-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_moves_to_a_new_machine() {
    let mut house = House::alone("").await;
    house.command(&["group", "add", "movers"]);
    let mut alice = house.sign_in("alice").await;
    let (data, copy) = (house.folder().join("data"), house.folder().join("copy.redb"));
    let said = house.command(&["backup", &copy.to_string_lossy()]);
    let size = fs::metadata(&copy).expect("it is written").len();
    assert!(said.contains(&format!("{size} bytes")), "{said}");
    house.close().await;
    let key = fs::read(data.join("master.key")).expect("it is ours");
    fs::remove_dir_all(&data).expect("it is ours");
    let restore = ["restore", &*copy.to_string_lossy()];
    let (good, out, err) = house.run(&restore, None);
    assert!(!good && err.contains("master.key") && !data.join("vouchsafe.redb").exists(), "{out}{err}");
    assert!(!data.exists(), "nothing is begun that cannot be ended");
    fs::create_dir(&data).expect("it is ours");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let lay_out = |key: &[u8]| {
        fs::write(data.join("master.key"), key).expect("it is ours");
        fs::set_permissions(data.join("master.key"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    };
    lay_out(b"q3Z1b0mWl8cN4yTgR7eHf2kXj9sVd6aPuL5oE1iMw0Q");
    let (good, out, err) = house.run(&restore, None);
    assert!(!good && err.contains("another master key"), "{out}{err}");
    lay_out(&key);
    house.command(&restore);
    house.open().await;
    assert!(house.command(&["group", "list"]).contains("movers"));
    alice.ask(Ask::get(&house.url("/auth/session"))).await.expect(401);
    house.sign_in("alice").await;
}
