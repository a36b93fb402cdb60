//! The pages by their router: requests in, answers out.

mod consent;
mod factors;
mod own;
mod people;
mod sign_in;

use axum::body::Body;
use http::{Request, StatusCode, header};

use super::is_for;
use crate::web::testing::{Browser, House, PASSWORD};

#[test]
fn our_paths_are_ours_and_no_others() {
    for path in ["/login", "/logout", "/setup", "/password", "/me", "/me/sessions/end", "/login/x"] {
        assert!(is_for(path), "{path}");
    }
    for path in ["/", "/logins", "/media", "/auth/session", "/app/login"] {
        assert!(!is_for(path), "{path}");
    }
}

/// simple-auth.md 9.B3
///
/// Proves: WEB-4, WEB-9, URL-8
#[tokio::test]
async fn every_answer_carries_the_defences() {
    let house = House::with_alice().await;
    let mut guest = Browser::default();
    let mut alice = Browser::default();
    let mut answers = vec![alice.sign_in(&house, "/login", "alice", PASSWORD).await];
    for path in [
        "/",
        "/login",
        "/logout",
        "/setup",
        "/setup?token=x",
        "/password",
        "/me",
        "/nowhere",
        "/login?rd=//x",
    ] {
        answers.push(guest.get(&house, path).await);
        answers.push(alice.get(&house, path).await);
    }
    answers.push(alice.get(&house, "/login?again").await);
    answers.push(guest.post(&house, "/login", &[]).await);
    answers.push(house.ask(Request::post("/login").body(Body::empty()).unwrap()).await);
    answers.push(house.ask(Request::delete("/login").body(Body::empty()).unwrap()).await);
    for answer in answers {
        let told = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let policy = told("content-security-policy");
        for part in [
            "default-src 'none'; style-src 'sha256-",
            "object-src 'none'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{part} is missing in {policy:?} of {answer:?}");
        }
        assert!(!policy.contains("unsafe"));
        // The one script there is, by its digest.
        assert!(!policy.contains("script-src") || policy.contains("script-src 'sha256-"), "{policy}");
        assert_eq!(told("x-frame-options"), "DENY");
        assert_eq!(told("x-content-type-options"), "nosniff");
        assert_eq!(told("referrer-policy"), "no-referrer");
        assert_eq!(told("cross-origin-opener-policy"), "same-origin");
        assert!(told("permissions-policy").contains("publickey-credentials-get=(self)"));
        assert_eq!(told("cache-control"), "no-store");
        assert_eq!(told("strict-transport-security"), "max-age=31536000");
        assert_eq!(told("access-control-allow-origin"), "");
        let own_script = answer.text.matches("<script>\"use strict\";").count();
        assert_eq!(answer.text.matches("<script").count(), own_script, "{}", answer.text);
        for foreign in ["src=", "<link", "@import", "url("] {
            assert!(!answer.text.contains(foreign), "{foreign} in {}", answer.text);
        }
    }
}

#[tokio::test]
async fn without_tls_there_is_no_hsts() {
    let house = House::with(|settings| {
        settings.portal = crate::values::url::WebUrl::parse("http://127.0.0.1:8080").unwrap();
        settings.cookies.secure = false;
        settings.cookies.domain = None;
    });
    let answer = Browser::default().get(&house, "/login").await;
    assert_eq!(answer.headers.get(header::STRICT_TRANSPORT_SECURITY), None);
    assert!(answer.cookie("auth-flow").is_some_and(|cookie| !cookie.contains("Secure")));
}

/// Proves: WEB-12
#[tokio::test]
async fn unknown_paths_and_methods_are_refused_with_a_reference_only() {
    let house = House::open();
    let answer = house.ask(Request::get("/nowhere?x=secret-thing").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(
        answer.text.contains("req-1")
            && !answer.text.contains("secret-thing")
            && !answer.text.contains("nowhere")
    );
    for (method, path, allow) in [("DELETE", "/login", "GET,HEAD,POST"), ("GET", "/me/sessions/end", "POST")]
    {
        let answer =
            house.ask(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers.get(header::ALLOW).unwrap(), allow);
    }
    let page = Browser::default().get(&house, "/login").await;
    assert!(!page.text.contains("req-1"), "a page that is no error has no reference");
}

/// Proves: WEB-1, WEB-2
#[tokio::test]
async fn only_a_form_from_our_own_page_changes_anything() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    let page = browser.get(&house, "/login").await;
    let typed = [("username", "alice"), ("password", PASSWORD)];
    let mut fields = page.fields("/login");
    fields.extend(typed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let form = "application/x-www-form-urlencoded";
    for (kind, headers, status) in [
        ("text/plain", &[][..], 415),
        ("multipart/form-data; boundary=x", &[], 415),
        ("application/json", &[], 415),
        (form, &[("origin", "https://app.example.com")], 403),
        (form, &[("sec-fetch-site", "cross-site")], 403),
        (form, &[("origin", "null"), ("sec-fetch-site", "same-site")], 403),
        (form, &[("origin", "https://auth.example.com")], 303),
    ] {
        let mut request = browser.request("POST", "/login").header(header::CONTENT_TYPE, kind);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = house.ask(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(answer.status, status, "{kind} {headers:?}");
        assert_eq!(answer.cookie("__Secure-auth").is_some(), status == 303);
    }
}

/// Proves: WEB-1
#[tokio::test]
async fn a_form_without_its_cookie_or_with_another_ones_token_is_refused() {
    let house = House::with_alice().await;
    let typed = [("username", "alice"), ("password", PASSWORD)];
    let (mut one, mut two) = (Browser::default(), Browser::default());
    let page = one.get(&house, "/login?rd=https://app.example.com/x").await;
    two.get(&house, "/login").await;
    let stolen = two.send(&house, &page, "/login", &typed).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    let mut none = Browser::default();
    let bare = none.send(&house, &page, "/login", &typed).await;
    assert_eq!(bare.status, StatusCode::FORBIDDEN);
    assert!(bare.text.contains("did not send our cookie"));
    assert!(bare.text.contains("login?rd=https%3A%2F%2Fapp.example.com%2Fx"), "{}", bare.text);
    assert!(one.post(&house, "/login", &[("csrf".to_owned(), String::new())]).await.status == 403);
    assert_eq!(one.send(&house, &page, "/login", &typed).await.status, StatusCode::SEE_OTHER);
}

/// Proves: OPS-2
#[tokio::test]
async fn a_large_or_doubled_form_is_refused() {
    let house = House::open();
    let mut browser = Browser::default();
    let page = browser.get(&house, "/login").await;
    let long = "x".repeat(64 * 1024);
    assert_eq!(browser.send(&house, &page, "/login", &[("username", &long)]).await.status, 413);
    assert_eq!(
        browser.send(&house, &page, "/login", &[("username", "a"), ("username", "b")]).await.status,
        400
    );
}
