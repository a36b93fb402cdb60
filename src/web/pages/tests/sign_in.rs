//! Signing in and out.

use std::sync::{Arc, Mutex};

use http::StatusCode;

use crate::web::testing::{Browser, House, OTHER, PASSWORD};
use crate::{
    actions::accounts::StatusChange,
    domain::policy::returns::Slip,
    serve::logging,
    values::{method::Method, time::Timestamp},
};

const APP: &str = "https://app.example.com/report?from=1&to=2";

fn login(target: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("rd", target).finish();
    format!("/login?{query}")
}

fn slip(house: &House, method: Method) -> String {
    let rules = house.shared.gate.rules();
    let now = house.shared.actions.world().now();
    let slip = Slip {
        to: rules.return_to(APP).unwrap(),
        method,
        adapter: "request",
        expires: Timestamp::from_secs(now.secs() + 600),
    };
    let mac = |message: &[u8]| house.shared.keyring.return_mac(message);
    format!("/login?{}", slip.to_query(&mac))
}

/// simple-auth.md 9.B5
///
/// Proves: SES-1, SES-4, WEB-10
#[tokio::test]
async fn signing_in_leads_back_with_the_query_intact() {
    let house = House::with_alice().await;
    for path in [login(APP), slip(&house, Method::Get), login(APP).replace("rd=", "continue=")] {
        let mut browser = Browser::default();
        let page = browser.get(&house, &path).await;
        assert_eq!(page.status, StatusCode::OK);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://app.example.com;"), "{policy}");
        let typed = [("username", "alice"), ("password", PASSWORD)];
        let answer = browser.send(&house, &page, "/login", &typed).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, APP));
        let cookie = answer.cookie("__Secure-auth").unwrap();
        assert!(
            cookie.contains("HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com; Max-Age=86400"),
            "{cookie}"
        );
        assert!(answer.cookie("__Host-auth-device").is_some());
        assert!(answer.cookie("__Host-auth-flow").unwrap().contains("Max-Age=0"));
        assert_eq!(browser.get(&house, "/login").await.location(), "/me");
    }
}

#[tokio::test]
async fn remembering_is_offered_unticked_and_lengthens_the_cookie() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    let page = browser.get(&house, "/login").await;
    assert!(page.text.contains("name=\"remember\"") && !page.text.contains(" checked"));
    let typed = [("username", "alice"), ("password", PASSWORD), ("remember", "1")];
    let answer = browser.send(&house, &page, "/login", &typed).await;
    assert!(answer.cookie("__Secure-auth").unwrap().contains("Max-Age=2592000"));
    let mut settings = (*house.shared.actions.settings()).clone();
    settings.limits.remember = std::time::Duration::ZERO;
    house.shared.actions.configure(settings);
    assert!(!Browser::default().get(&house, "/login").await.text.contains("name=\"remember\""));
}

/// Proves: THR-8, PWD-6
#[tokio::test]
async fn a_refusal_says_nothing_about_the_account() {
    let house = House::with_alice().await;
    house.add("dora", false).await;
    house.change("dora", StatusChange::Disable("left".to_owned())).await;
    let mut shown = Vec::new();
    for name in ["alice", "nobody", "dora"] {
        let mut browser = Browser::default();
        let page = browser.get(&house, "/login").await;
        let typed = [("username", name), ("password", "not the password at all")];
        let answer = browser.send(&house, &page, "/login", &typed).await;
        let neutral = |text: &str| {
            let text = text.replace(name, "NAME");
            let token = &page.fields("/login")[0].1;
            text.replace(token.as_str(), "TOKEN")
        };
        let mut headers: Vec<_> = answer.headers.keys().map(|key| key.as_str().to_owned()).collect();
        headers.sort();
        shown.push((answer.status, headers, neutral(&answer.text)));
    }
    assert_eq!(shown[0].0, StatusCode::UNAUTHORIZED);
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0], shown[2]);
    assert!(shown[0].2.contains("The user name or the password is wrong."));
    let told = Browser::default().sign_in(&house, "/login", "dora", PASSWORD).await;
    assert!(told.text.contains("This account is disabled"), "the right password may know: {}", told.text);
}

/// Proves: THR-6, THR-12
#[tokio::test]
async fn a_throttled_person_is_told_when_to_come_back_whatever_was_typed() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    let mut last = None;
    for _ in 0..12 {
        last = Some(browser.sign_in(&house, "/login", "alice", "not the password at all").await);
    }
    let wrong = last.unwrap();
    let right = browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    for answer in [wrong, right] {
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.headers.contains_key("retry-after") && answer.text.contains("too many attempts"));
        assert!(answer.cookie("__Secure-auth").is_none());
    }
}

/// Proves: URL-4, URL-5
#[tokio::test]
async fn a_refused_return_address_is_named_but_not_shown() {
    let house = House::with_alice().await;
    for evil in [
        "https://evil.example/x",
        "//evil.example",
        "/\\evil.example",
        "javascript:evil.example",
        "https://app.example.com@evil.example/",
    ] {
        let mut browser = Browser::default();
        let page = browser.get(&house, &login(evil)).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("not one that this portal knows"), "{}", page.text);
        assert!(!page.text.contains("evil"), "{}", page.text);
        assert!(!page.headers["content-security-policy"].to_str().unwrap().contains("evil"));
        let typed = [("username", "alice"), ("password", PASSWORD)];
        assert_eq!(browser.send(&house, &page, "/login", &typed).await.location(), "/me");
        let signed_in = browser.get(&house, &login(evil)).await;
        assert_eq!(signed_in.status, StatusCode::BAD_REQUEST);
        assert!(!signed_in.text.contains("evil"));
        // Put into the form by hand, it is checked once more.
        let mut browser = Browser::default();
        let page = browser.get(&house, "/login").await;
        let typed = [("username", "alice"), ("password", PASSWORD), ("rd", evil)];
        assert_eq!(browser.send(&house, &page, "/login", &typed).await.location(), "/me?refused=1");
    }
    let doubled =
        Browser::default().get(&house, &format!("{}&rd=https://app.example.com/", login(APP))).await;
    assert!(doubled.text.contains("not one that this portal knows"));
    let both =
        Browser::default().get(&house, &format!("{}&continue=https://app.example.com/", login(APP))).await;
    assert!(both.text.contains("not one that this portal knows"));
}

/// Proves: VCH-13
#[tokio::test]
async fn a_lost_form_is_told_of_only_when_we_know_it_was_one() {
    let house = House::with_alice().await;
    let lost = "did not arrive";
    assert!(Browser::default().get(&house, &slip(&house, Method::Post)).await.text.contains(lost));
    assert!(!Browser::default().get(&house, &slip(&house, Method::Get)).await.text.contains(lost));
    assert!(!Browser::default().get(&house, &format!("{}&rm=POST", login(APP))).await.text.contains(lost));
}

#[tokio::test]
async fn a_browser_in_circles_is_stopped_and_told_why() {
    let house = House::with_alice().await;
    let far = login("https://far.example.org/x?state=1");
    let mut browser = Browser::default();
    browser.sign_in(&house, &far, "alice", PASSWORD).await;
    for _ in 0..3 {
        assert_eq!(browser.get(&house, &far).await.location(), "https://far.example.org/x?state=1");
    }
    let stopped = browser.get(&house, &login("https://far.example.org/x?state=2")).await;
    assert_eq!(stopped.status, StatusCode::CONFLICT);
    assert!(
        stopped.text.contains("sent in circles") && stopped.text.contains("Most likely:"),
        "{}",
        stopped.text
    );
    assert!(stopped.text.contains("is not below the domain of our session cookie"));
    // Who reads it and tries again counts anew; and another place is another count.
    assert_eq!(browser.get(&house, &far).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get(&house, &login(APP)).await.location(), APP);
    let near = browser.get(&house, &login(APP)).await;
    assert_eq!(near.location(), APP);
}

#[tokio::test]
async fn round_trips_far_apart_are_no_circle() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    browser.sign_in(&house, &login(APP), "alice", PASSWORD).await;
    for _ in 0..8 {
        assert_eq!(browser.get(&house, &login(APP)).await.location(), APP);
        house.pass(25);
    }
}

#[tokio::test]
async fn a_session_cookie_that_got_lost_is_named() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    browser.sign_in(&house, &login(APP), "alice", PASSWORD).await;
    browser.cookies.retain(|(name, _)| name != "__Secure-auth");
    assert!(browser.get(&house, &login(APP)).await.text.contains("did not bring our cookie back"));
    house.pass(61);
    assert!(!browser.get(&house, &login(APP)).await.text.contains("did not bring our cookie back"));
}

#[tokio::test]
async fn a_second_factor_that_cannot_be_given_is_explained() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    let safe = login("https://safe.example.com/x");
    assert_eq!(
        browser.sign_in(&house, &safe, "alice", PASSWORD).await.location(),
        "https://safe.example.com/x"
    );
    let asked = browser.get(&house, &safe).await;
    assert_eq!(asked.location(), "/login/second-factor?rd=https%3A%2F%2Fsafe.example.com%2Fx");
    let page = browser.get(&house, asked.location()).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("A second factor is needed") && page.text.contains("safe.example.com"));
    assert!(page.text.contains("/logout"));
}

/// Proves: SES-2, SES-14
#[tokio::test]
async fn signing_in_again_replaces_the_session() {
    let house = House::with_alice().await;
    house.add("bob", false).await;
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let mut thief = browser.clone();
    assert_eq!(browser.get(&house, "/login").await.status, StatusCode::SEE_OTHER);
    let again = browser.get(&house, "/login?again").await;
    assert!(again.text.contains("Please sign in again") && again.text.contains("value=\"alice\""));
    let typed = [("username", "bob"), ("password", PASSWORD)];
    browser.send(&house, &again, "/login", &typed).await;
    assert!(browser.get(&house, "/me").await.text.contains("bob"));
    assert!(thief.get(&house, "/me").await.location().starts_with("/login?"));
}

/// Proves: VCH-4
#[tokio::test]
async fn two_live_sessions_are_nobody_until_one_signs_in() {
    let house = House::with_alice().await;
    house.add("mallory", false).await;
    let (mut alice, mut mallory) = (Browser::default(), Browser::default());
    alice.sign_in(&house, "/login", "alice", PASSWORD).await;
    mallory.sign_in(&house, "/login", "mallory", PASSWORD).await;
    let old = alice.clone();
    let own = ("__Secure-auth".to_owned(), alice.value("__Secure-auth").unwrap().to_owned());
    let planted = ("__Secure-auth".to_owned(), mallory.value("__Secure-auth").unwrap().to_owned());
    alice.cookies.push(planted.clone());
    let page = alice.get(&house, "/login").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.cookies().iter().filter(|cookie| cookie.starts_with("__Secure-auth=;")).count(), 2);
    // A cookie planted with a path of its own is not deleted by that.
    alice.cookies.extend([own, planted]);
    let mut both = alice.clone();
    assert!(both.get(&house, "/me").await.location().starts_with("/login"));
    let answer = alice.send(&house, &page, "/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    for mut ended in [old, mallory] {
        assert!(ended.get(&house, "/me").await.location().starts_with("/login"));
    }
    assert_eq!(alice.get(&house, "/me").await.status, StatusCode::OK);
}

/// simple-auth.md 9.B4
///
/// Proves: SES-7
#[tokio::test]
async fn signing_out_ends_the_session_first() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    assert!(browser.get(&house, "/logout").await.text.contains("You are not signed in"));
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let mut copy = browser.clone();
    let page = browser.get(&house, "/logout").await;
    assert!(page.text.contains("alice") && page.headers["cache-control"] == "no-store");
    assert_eq!(
        browser.post(&house, "/logout", &[]).await.status,
        StatusCode::FORBIDDEN,
        "no token, no sign-out"
    );
    assert_eq!(browser.get(&house, "/me").await.status, StatusCode::OK);
    let done = browser.send(&house, &page, "/logout", &[]).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/logout?done=1"));
    assert_eq!(done.headers["clear-site-data"], "\"storage\"");
    let gone = done.cookie("__Secure-auth").unwrap();
    assert!(
        gone.contains("Domain=example.com") && gone.contains("Max-Age=0") && gone.contains("Path=/"),
        "{gone}"
    );
    assert!(copy.get(&house, "/me").await.location().starts_with("/login"));
    assert!(browser.get(&house, "/logout?done=1").await.text.contains("You are signed out"));
    assert_eq!(browser.post(&house, "/logout", &[]).await.status, StatusCode::SEE_OTHER);
}

/// Proves: PWD-8
#[tokio::test]
async fn a_temporary_password_leads_to_the_change_page_only() {
    let house = House::open();
    house.add("tina", true).await;
    let mut browser = Browser::default();
    let answer = browser.sign_in(&house, &login(APP), "tina", PASSWORD).await;
    assert!(answer.location().starts_with("/password?rd="), "{}", answer.location());
    assert_eq!(browser.get(&house, "/me").await.location(), "/password");
    assert!(browser.get(&house, &login(APP)).await.location().starts_with("/password?rd="));
    let page = browser.get(&house, answer.location()).await;
    assert!(page.text.contains("set by somebody else"));
    let typed = [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", OTHER)];
    let done = browser.send(&house, &page, "/password", &typed).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, APP), "{}", done.text);
    assert_eq!(browser.get(&house, "/me").await.status, StatusCode::OK);
}

/// What anybody can send any number of times leaves no line at the usual level.
#[tokio::test]
async fn a_stranger_cannot_fill_the_log() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let house = House::open();
    let log = Log::default();
    let said = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let (lines, dial) = logging::subscriber(logging::Format::Text, "info", log.clone()).unwrap();
    let _lines = tracing::subscriber::set_default(lines);
    let mut guest = Browser::default();
    let page = guest.get(&house, &login("https://evil.example/")).await;
    assert!(page.text.contains("address"), "{}", page.text);
    guest.sign_in(&house, "/login", "alice", "wrong").await;
    guest.post(&house, "/login", &[]).await;
    guest.get(&house, "/nothing").await;
    assert_eq!(said(), "");
    dial.turn("debug").unwrap();
    guest.get(&house, &login("https://evil.example/")).await;
    assert!(said().contains("a return address was refused"), "{}", said());
}
