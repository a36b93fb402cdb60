//! Coming in: allowed, asked to sign in, refused.

use crate::{
    doors::Door,
    kit::{Answer, Ask, Browser, Place, apps::Told, config::PASSWORD, forms::Form},
};

/// Refused as a navigation: sent to the portal, with nothing of ours kept in a cache on the way.
#[track_caller]
pub(super) fn expect_portal<D: Door>(place: &Place<D>, answer: &Answer) {
    assert!(matches!(answer.status.as_u16(), 302 | 303), "no redirect:\n{answer}");
    let to = answer.location().expect("a redirect has an address");
    assert!(to.starts_with(&place.portal("/")), "sent to {to}");
    let cache = answer.header("cache-control").unwrap_or_default();
    assert!(cache.contains("no-store"), "may be cached: {cache:?}");
}

/// A signed-in person reaches the application, which is told who it is.
pub async fn allow<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let answer = alice.ask(Ask::get(&place.app("/"))).await.expect(200);
    let told = Told::by(&answer);
    assert_eq!(told.app(), "app");
    assert_eq!(told.identity(), ["alice", "staff", "alice@example.com", "Alice Liddell"]);
    assert!(answer.headers.get("set-cookie").is_none(), "a check must not set cookies:\n{answer}");
    if D::CUTS_COOKIE {
        alice.plant(&place.app("/"), "theme=dark; Path=/");
        let told = Told::by(&alice.ask(Ask::get(&place.app("/"))).await.expect(200));
        assert_eq!(
            told.header("cookie"),
            ["theme=dark"],
            "the session is none of the application's business"
        );
    }

    let mut carol = place.person("carol").await;
    let told = Told::by(&carol.ask(Ask::get(&place.app("/"))).await.expect(200));
    assert_eq!(told.identity(), ["carol", "admins,staff", "carol@example.com", "Zoë Carol"]);
}

/// From a deep link through the sign-in page and back to exactly that link.
pub async fn sign_in_and_come_back_with_the_query_intact<D: Door>(place: Place<D>) {
    for target in [
        "/report?from=1&to=2&next=https%3A%2F%2Fexample.org%2F%3Fa%3Db%26c",
        "/files/a%20b?path=a%2Fb&sum=1+1&name=Zo%C3%AB&empty=&flag",
        "/?q=%26%3D%23%25&rd=/elsewhere",
    ] {
        let mut browser = Browser::new();
        let page = browser.visit(&place.app(target)).await.expect(200);
        assert!(page.url.starts_with(&place.portal("/")), "{target} led to {}", page.url);
        let answer = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
        let told = Told::by(&answer);
        assert_eq!((told.app(), told.target()), ("app", target));
        assert_eq!(told.identity()[0], "alice");
    }
}

/// Nobody, and somebody with the wrong password, see the portal and never the application.
pub async fn refuse_a_stranger<D: Door>(place: Place<D>) {
    let mut browser = Browser::new();
    let answer = browser.ask(Ask::get(&place.app("/secret")).navigation()).await;
    expect_portal(&place, &answer);

    let page = browser.visit(&place.app("/secret")).await.expect(200);
    let again = browser.sign_in(&page, "alice", "not the password").await;
    assert!(again.url.starts_with(&place.portal("/")), "came to rest on {}", again.url);
    assert!(Form::with_password(&again.text()).is_some(), "no second chance:\n{again}");
    expect_portal(&place, &browser.ask(Ask::get(&place.app("/secret")).navigation()).await);

    // A made-up cookie is no session, and no error either.
    for name in ["__Secure-auth", "auth", "__Host-auth"] {
        let forged = Ask::get(&place.app("/secret"))
            .navigation()
            .header("cookie", &format!("{name}=AAAAAAAAAAAAAAAA"));
        expect_portal(&place, &forged.send().await);
    }
    assert_eq!(place.app.seen(), 0, "a refused request reached the application");
}

/// The right password of a disabled account opens nothing.
///
/// simple-auth.md 9.E2
pub async fn refuse_the_disabled<D: Door>(place: Place<D>) {
    let mut browser = Browser::new();
    let page = browser.visit(&place.app("/")).await.expect(200);
    browser.sign_in(&page, "dave", PASSWORD).await;
    expect_portal(&place, &browser.ask(Ask::get(&place.app("/")).navigation()).await);
    assert_eq!(place.app.seen(), 0);
}

/// Signed in, but not in the group: 403, no sign-in page. In the group: in.
pub async fn forbid_by_group<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let refused = alice.ask(Ask::get(&place.admin("/")).navigation()).await.expect(403);
    assert_eq!(refused.header("location"), None);
    assert_eq!(place.admin.seen(), 0, "a refused request reached the application");

    let mut carol = place.person("carol").await;
    let told = Told::by(&carol.ask(Ask::get(&place.admin("/")).navigation()).await.expect(200));
    assert_eq!((told.app(), told.identity()[0].as_str()), ("admin", "carol"));
}

/// Signed in with a password where a second factor is needed: the portal says so, and does not send the browser back and forth.
pub async fn second_factor_is_asked_for_and_no_loop<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let page = alice.visit(&place.app("/vault/x")).await;
    assert!(page.url.starts_with(&place.portal("/")), "came to rest on {} by {:?}", page.url, alice.trail);
    assert!(alice.trail.len() <= 3, "{:?}", alice.trail);
    assert!(page.text().to_lowercase().contains("second factor"), "{page}");
    alice.ask(Ask::get(&place.app("/vault/x")).xhr()).await.expect(401);
    assert_eq!(place.app.seen(), 0, "a refused request reached the application");
}

/// A form sent after the session ended: 303 to the portal, so that the browser does not repeat the POST there.
pub async fn post_after_expiry_goes_to_the_portal<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let form = || {
        Ask::post(
            &place.app("/form?step=2"),
            "application/x-www-form-urlencoded",
            "secret=of+the+application",
        )
        .navigation()
        .header("origin", place.app("").as_str())
    };
    let told = Told::by(&alice.ask(form()).await.expect(200));
    assert_eq!(told.length(), 25);

    place.sign_out(&mut alice.clone()).await;
    let answer = alice.ask(form()).await.expect(303);
    expect_portal(&place, &answer);
    assert!(!answer.text().contains("of+the+application"));
    assert_eq!(place.app.seen(), 1);

    // The way back is a GET of the page the form was on its way to.
    let page = alice.visit(&answer.location().expect("a redirect")).await.expect(200);
    let told = Told::by(&alice.sign_in(&page, "alice", PASSWORD).await.expect(200));
    assert_eq!((told.target(), told.length()), ("/form?step=2", 0));
}

/// Plain http serves nothing but the way to https.
pub async fn plain_http_is_sent_to_https<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let plain = format!("http://app.example.com:{}/x", place.site.http.port());
    let answer = alice.ask(Ask::get(&plain).navigation()).await;
    assert!(answer.status.is_redirection(), "{answer}");
    assert!(
        answer.header("location").is_some_and(|to| to.starts_with("https://app.example.com")),
        "{answer}"
    );
    assert_eq!(place.app.seen(), 0);
}
