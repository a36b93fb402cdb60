//! New rules on SIGHUP: at once and whole, or not at all.

use crate::kit::{Ask, house::House, wait};

/// What the check says about a page of the built-in application.
async fn status(house: &House, browser: &mut crate::kit::Browser) -> u16 {
    browser.ask(Ask::get(&house.url("/")).header("accept", "application/json")).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_denies_holds_at_the_next_request() {
    let house = House::alone("").await;
    let mut alice = house.sign_in("alice").await;
    assert_eq!(status(&house, &mut alice).await, 200);

    let stricter = house.config().replace(
        "upstream = \"whoami\"",
        "upstream = \"whoami\"\n[[apps.rules]]\ngroups = [\"admins\"]\naccess = \"signed-in\"",
    );
    house.reload(&stricter);
    let (house, alice) = (&house, &alice);
    let denied = wait::until(|| {
        let mut alice = alice.clone();
        async move { (status(house, &mut alice).await == 403).then_some(()) }
    })
    .await;
    assert!(denied.is_some(), "the new rule never held; the log:\n{}", house.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_configuration_changes_nothing_and_says_why() {
    let house = House::alone("").await;
    let mut alice = house.sign_in("alice").await;
    let bad = house.config().replace(
        "upstream = \"whoami\"",
        "upstream = \"whoami\"\n[[apps.rules]]\naccess = \"allow-everybody\"",
    );
    house.reload(&bad);
    let said = wait::until(|| async { house.log().contains("allow-everybody").then_some(()) }).await;
    assert!(said.is_some(), "the log does not say what is wrong:\n{}", house.log());
    assert_eq!(status(&house, &mut alice).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_more_when_told_to() {
    let house = House::alone("").await;
    let refused = async || {
        Ask::get(&house.url("/auth/session")).send().await.expect(401);
        house.log().contains("request refused")
    };
    assert!(!refused().await);
    house.reload(&format!("{}\n[log]\nlevel = \"debug\"\n", house.config()));
    let said = wait::until(|| async { refused().await.then_some(()) }).await;
    assert!(said.is_some(), "the log stayed as it was:\n{}", house.log());
}
