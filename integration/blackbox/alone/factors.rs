//! Codes of an authenticator app, as another program computes them.

use std::{
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::kit::{Ask, Browser, config::PASSWORD, house::House};

/// The code of `oathtool` for so many seconds from now.
fn code(secret: &str, ahead: u64) -> String {
    let then = SystemTime::now() + Duration::from_secs(ahead);
    let then = then.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let ran = Command::new("oathtool")
        .args(["--totp", "--base32", "--now", &format!("@{then}"), secret])
        .output()
        .expect("run integration/test, which installs it");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("digits").trim().to_owned()
}

async fn sign_in(house: &House, totp: Option<&str>) -> (u16, Value, Browser) {
    let mut body = json!({ "username": "alice", "password": PASSWORD });
    if let Some(totp) = totp {
        body["totp"] = totp.into();
    }
    let mut browser = Browser::new();
    let ask = Ask::post(&house.url("/auth/session"), "application/json", body.to_string());
    let answer = browser.ask(ask).await;
    (answer.status.as_u16(), answer.json(), browser)
}

/// A secret of ours in another program: its codes confirm the app and sign in, each once, and remove the app again.
///
/// Proves: OTP-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_of_another_program_are_right_once() {
    let house = House::alone("").await;
    let mut alice = house.sign_in("alice").await;
    let local = house.url("/local/2fa");
    let secret = alice.ask(Ask::get(&local)).await.expect(200).json();
    let secret = secret["secret"].as_str().expect("a secret").to_owned();
    let now = code(&secret, 0);
    let confirm = json!({ "secret": secret, "code": now }).to_string();
    alice.ask(Ask::post(&local, "application/json", confirm)).await.expect(200);

    let (status, said, _) = sign_in(&house, None).await;
    assert_eq!((status, &said["reason"]), (401, &json!("totp-missing")));
    let (status, said, _) = sign_in(&house, Some(&now)).await;
    assert_eq!((status, &said["reason"]), (401, &json!("totp-failed")), "it confirmed the app already");
    // An app whose clock is half a minute ahead is still right.
    let next = code(&secret, 30);
    let (status, said, mut browser) = sign_in(&house, Some(&next)).await;
    assert_eq!(status, 200, "{said}");
    let session = browser.ask(Ask::get(&house.url("/auth/session"))).await.expect(200).json();
    assert_eq!(session["level"], "second-factor");
    let (status, ..) = sign_in(&house, Some(&next)).await;
    assert_eq!(status, 401, "once");
    let (status, ..) = sign_in(&house, Some(&code(&secret, 600))).await;
    assert_eq!(status, 401, "a clock that is ten minutes ahead is wrong");
}
