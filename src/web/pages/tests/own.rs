//! First run, the own password, the own sessions.

use http::StatusCode;

use crate::{
    domain::{
        account::{self, AccountRecord},
        credential,
    },
    web::testing::{Browser, House, OTHER, PASSWORD},
};

async fn setup_link(house: &House) -> String {
    let token = house.shared.actions.offer_setup(&house.call("")).await.unwrap().unwrap();
    format!("/setup?token={}", token.expose())
}

const FIRST: [(&str, &str); 5] = [
    ("username", "root"),
    ("display_name", "Ro <b>ot</b>"),
    ("email", ""),
    ("password", PASSWORD),
    ("password_again", PASSWORD),
];

fn but(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    FIRST.iter().map(|pair| if pair.0 == name { (name, value) } else { *pair }).collect()
}

/// Proves: PWD-9
#[tokio::test]
async fn the_setup_link_works_once() {
    let house = House::open();
    let link = setup_link(&house).await;
    let mut browser = Browser::default();
    assert_eq!(browser.get(&house, &link).await.status, StatusCode::OK);
    let page = browser.get(&house, &link).await;
    assert!(page.text.contains("autocomplete=\"new-password\""), "looking consumes nothing");
    let done = browser.send(&house, &page, "/setup", &but("display_name", "Root")).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/me"), "{}", done.text);
    let me = browser.get(&house, "/me").await;
    assert!(me.text.contains("root") && me.text.contains("admins"));
    for path in [link.as_str(), "/setup", "/setup?token=", "/setup?token=a&token=b"] {
        let dead = Browser::default().get(&house, path).await;
        assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
        assert!(dead.text.contains("restart the server"), "{}", dead.text);
    }
}

#[tokio::test]
async fn a_setup_link_ends_after_a_day() {
    let house = House::open();
    let link = setup_link(&house).await;
    let mut browser = Browser::default();
    let page = browser.get(&house, &link).await;
    house.pass(24 * 3600);
    assert_eq!(browser.get(&house, &link).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.send(&house, &page, "/setup", &FIRST).await.status, StatusCode::UNAUTHORIZED);
}

/// Proves: ENR-3, PWD-7
#[tokio::test]
async fn setup_says_everything_that_is_wrong_and_keeps_what_was_typed() {
    let house = House::open();
    let link = setup_link(&house).await;
    let mut browser = Browser::default();
    let page = browser.get(&house, &link).await;
    let mut bad = but("username", "no <script> name");
    bad.retain(|(name, _)| *name != "email");
    bad.push(("email", "not an address"));
    let answer = browser.send(&house, &page, "/setup", &bad).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("User name:") && answer.text.contains("E-mail address:"), "{}", answer.text);
    assert!(answer.text.contains("no &lt;script&gt; name") && !answer.text.contains("<script"));
    assert!(!answer.text.contains(PASSWORD), "a password is never shown again");
    for (fields, told) in [
        (but("password_again", OTHER), "not the same"),
        ([but("password", "short"), vec![]].concat(), "not the same"),
    ] {
        let answer = browser.send(&house, &page, "/setup", &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.text.contains(told), "{}", answer.text);
    }
    let mut weak = but("password", "password123456789");
    weak.retain(|(name, _)| *name != "password_again");
    weak.push(("password_again", "password123456789"));
    assert_eq!(browser.send(&house, &page, "/setup", &weak).await.status, StatusCode::BAD_REQUEST);
    let mut more = FIRST.to_vec();
    more.push(("groups", "admins"));
    assert_eq!(browser.send(&house, &page, "/setup", &more).await.status, StatusCode::BAD_REQUEST);
    let page = browser.get(&house, &link).await;
    let good = but("display_name", "Root");
    assert_eq!(browser.send(&house, &page, "/setup", &good).await.status, StatusCode::SEE_OTHER);
}

/// Proves: PWD-8, SES-2, SES-9
#[tokio::test]
async fn a_changed_password_rotates_this_session_and_ends_the_others() {
    let house = House::with_alice().await;
    let (mut here, mut there) = (Browser::default(), Browser::default());
    here.sign_in(&house, "/login", "alice", PASSWORD).await;
    there.sign_in(&house, "/login", "alice", PASSWORD).await;
    let before = here.value("__Secure-auth").unwrap().to_owned();
    let page = here.get(&house, "/password").await;
    assert!(
        page.text.contains("autocomplete=\"current-password\"")
            && page.text.contains("autocomplete=\"new-password\"")
    );
    for (typed, status, told) in [
        (
            [("old_password", "wrong"), ("new_password", OTHER), ("new_password_again", OTHER)],
            401,
            "present password is wrong",
        ),
        (
            [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", PASSWORD)],
            400,
            "not the same",
        ),
        (
            [("old_password", PASSWORD), ("new_password", "short"), ("new_password_again", "short")],
            400,
            "at least",
        ),
        (
            [("old_password", PASSWORD), ("new_password", PASSWORD), ("new_password_again", PASSWORD)],
            400,
            "present password",
        ),
    ] {
        let answer = here.send(&house, &page, "/password", &typed).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(told), "{}", answer.text);
    }
    let typed = [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", OTHER)];
    let done = here.send(&house, &page, "/password", &typed).await;
    assert_eq!(done.location(), "/me?changed=1");
    assert_ne!(here.value("__Secure-auth"), Some(before.as_str()));
    assert!(here.get(&house, done.location()).await.text.contains("Your password is changed"));
    assert!(there.get(&house, "/me").await.location().starts_with("/login"));
}

/// Proves: PWD-8
#[tokio::test]
async fn changing_the_password_needs_a_fresh_session() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    assert_eq!(browser.get(&house, "/password").await.location(), "/login?rd=%2Fpassword");
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, "/password").await;
    house.pass(301);
    let stale = "/login?again=1&rd=%2Fpassword";
    assert_eq!(browser.get(&house, "/password").await.location(), stale);
    let typed = [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", OTHER)];
    assert_eq!(browser.send(&house, &page, "/password", &typed).await.location(), stale);
    assert_eq!(browser.sign_in(&house, stale, "alice", PASSWORD).await.location(), "/password");
    assert_eq!(browser.get(&house, "/password").await.status, StatusCode::OK);
}

/// simple-auth.md 9.C4
///
/// Proves: SES-10
#[tokio::test]
async fn own_sessions_are_listed_and_ended_after_a_fresh_sign_in() {
    let house = House::with_alice().await;
    let (mut here, mut there, mut third) = (Browser::default(), Browser::default(), Browser::default());
    there
        .headers
        .push(("user-agent", "Mozilla/5.0 (X11; Linux x86_64) <script>alert(1)</script> Firefox/128.0"));
    there.sign_in(&house, "/login", "alice", PASSWORD).await;
    house.pass(1);
    third.sign_in(&house, "/login", "alice", PASSWORD).await;
    house.pass(1);
    here.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = here.get(&house, "/me").await;
    assert!(page.text.contains("Firefox on Linux") && page.text.contains("192.0.2.7"), "{}", page.text);
    assert!(
        !page.text.contains("<script") && page.text.contains("this session") && page.text.contains("staff")
    );
    let ids: Vec<_> = regex::Regex::new(r#"name="session" value="([^"]+)""#)
        .unwrap()
        .captures_iter(&page.text)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(ids.len(), 2, "not the own one");
    let csrf = page.fields("/me/sessions/end").remove(0);
    let one = |id: &str| vec![csrf.clone(), ("session".to_owned(), id.to_owned())];
    // Listed newest first: the last of the two is the oldest, which is `there`.
    assert_eq!(here.post(&house, "/me/sessions/end", &one(&ids[1])).await.location(), "/me?ended=1");
    assert!(there.get(&house, "/me").await.location().starts_with("/login"));
    assert_eq!(
        here.post(&house, "/me/sessions/end", &one("not-an-id")).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(here.post(&house, "/me/sessions/end", &one(&ids[1])).await.status, StatusCode::NOT_FOUND);
    assert_eq!(here.post(&house, "/me/sessions/end", &one(&ids[0])[1..]).await.status, StatusCode::FORBIDDEN);
    house.pass(301);
    let stale = here.post(&house, "/me/sessions/end", &one(&ids[0])).await;
    assert_eq!(stale.status, StatusCode::UNAUTHORIZED);
    assert!(stale.text.contains("login?again=1&amp;rd=%2Fme"), "{}", stale.text);
    assert_eq!(third.get(&house, "/me").await.status, StatusCode::OK);
    here.sign_in(&house, "/login?again=1&rd=%2Fme", "alice", PASSWORD).await;
    let page = here.get(&house, "/me").await;
    let mut fields = vec![page.fields("/me/sessions/end").remove(0)];
    fields.push(("others".to_owned(), "1".to_owned()));
    assert_eq!(here.post(&house, "/me/sessions/end", &fields).await.location(), "/me?ended-others=1");
    assert!(third.get(&house, "/me").await.location().starts_with("/login"));
    assert_eq!(here.get(&house, "/me").await.status, StatusCode::OK);
}

/// Proves: SES-10
#[tokio::test]
async fn nobody_ends_a_strangers_session() {
    let house = House::with_alice().await;
    house.add("mallory", false).await;
    let (mut alice, mut mallory) = (Browser::default(), Browser::default());
    alice.sign_in(&house, "/login", "alice", PASSWORD).await;
    mallory.sign_in(&house, "/login", "mallory", PASSWORD).await;
    let which = crate::actions::Which::Named("alice".to_owned());
    let permit = crate::domain::rights::Permit::to_manage(&crate::domain::caller::Caller::Operator).unwrap();
    let account = house.shared.actions.find_account(&permit, &which).unwrap().id;
    let session = house.shared.actions.sessions_of(&house.call(""), account).unwrap().remove(0).id;
    let mut other = Browser::default();
    other.sign_in(&house, "/login", "mallory", PASSWORD).await;
    let csrf = mallory.get(&house, "/me").await.fields("/me/sessions/end").remove(0);
    let fields = [csrf, ("session".to_owned(), session.to_string())];
    assert_eq!(mallory.post(&house, "/me/sessions/end", &fields).await.status, StatusCode::NOT_FOUND);
    assert_eq!(alice.get(&house, "/me").await.status, StatusCode::OK);
}

/// Whoever is declared in the configuration is told before proving anything or typing a password, and without a form.
#[tokio::test]
async fn that_a_password_cannot_be_changed_here_is_said_first() {
    let house = House::with_alice().await;
    let id = house.desk.account_id("alice");
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, "/password").await;
    house.pass(301);
    assert!(browser.get(&house, "/password").await.location().starts_with("/login?again"), "a proof first");
    let managed = move |tx: &mut _| {
        let account = account::ACCOUNTS.get(tx, &id)?.unwrap();
        account::save(tx, id, &AccountRecord { managed: true, ..account })
    };
    house.desk.store.write_blocking(managed).unwrap();
    let typed = [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", OTHER)];
    let sent = browser.send(&house, &page, "/password", &typed).await;
    for said in [browser.get(&house, "/password").await, sent] {
        assert_eq!(said.status, StatusCode::FORBIDDEN);
        assert!(said.text.contains("configuration file") && !said.text.contains("<form"), "{}", said.text);
    }
}

/// Without a password there is a form for whoever has proven to be there; that the old one is missing is said in it.
#[tokio::test]
async fn an_account_without_a_password_is_told_so_in_the_form() {
    let house = House::with_alice().await;
    let id = house.desk.account_id("alice");
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, "/password").await;
    house.desk.store.write_blocking(move |tx| credential::forget(tx, id)).unwrap();
    let typed = [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", OTHER)];
    let said = browser.send(&house, &page, "/password", &typed).await;
    assert_eq!(said.status, StatusCode::NOT_FOUND);
    assert!(said.text.contains("has no password") && said.text.contains("<form"), "{}", said.text);
}
