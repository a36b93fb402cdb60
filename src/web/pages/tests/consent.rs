//! `/oauth2` and `/me/apps`, as a browser sees them.

use http::StatusCode;

use super::super::super::testing::{Answer, Browser, House, OTHER, PASSWORD, operator};
use crate::{idp::oauth2::Wanted, values::secret::Secret};

const CALLBACK: &str = "https://wiki.example.com/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn house() -> House {
    let house = House::with_alice().await;
    let wanted = Wanted {
        id: Some("wiki".to_owned()),
        name: "The <Wiki>".to_owned(),
        author: Some("Example & Sons".to_owned()),
        author_url: Some("https://example.com/".to_owned()),
        redirect_uris: vec![CALLBACK.to_owned()],
        scopes: ["openid", "email", "username", "offline_access", "wiki:read"].map(str::to_owned).to_vec(),
        pkce: true,
        algorithm: Some("ES256".to_owned()),
        ..Wanted::default()
    };
    house.shared.oauth2.add_client(&house.desk.call(), &operator(), wanted).await.unwrap();
    house
}

fn path(changes: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("client_id", "wiki"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email wiki:read"),
        ("state", "s t&a=te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("/oauth2?{query}")
}

/// What a redirect to the client brings.
fn brought(answer: &Answer, name: &str) -> Option<String> {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert!(answer.location().starts_with("https://wiki.example.com/cb?"), "{}", answer.location());
    assert_eq!(answer.headers["cache-control"], "no-store");
    let url = url::Url::parse(answer.location()).unwrap();
    let mut found = url.query_pairs().filter(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    found.next()
}

fn policy(answer: &Answer) -> &str {
    answer.headers["content-security-policy"].to_str().unwrap()
}

/// Proves: OAU-13, OAU-14, OAU-15
#[tokio::test]
async fn a_browser_is_signed_in_asked_and_sent_back() {
    let house = house().await;
    let mut browser = Browser::default();
    let to_login = browser.get(&house, &path(&[])).await;
    assert!(to_login.location().starts_with("/login?rd=%2Foauth2%3F"), "{}", to_login.location());
    let form = browser.get(&house, to_login.location()).await;
    // Chromium holds a form to its policy over the whole chain of redirects that follows.
    assert!(policy(&form).contains("form-action 'self' https://wiki.example.com;"), "{}", policy(&form));
    let typed = [("username", "alice"), ("password", PASSWORD)];
    let back = browser.send(&house, &form, "/login", &typed).await;
    let page = browser.get(&house, back.location()).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(policy(&page).contains("form-action 'self' https://wiki.example.com;"), "{}", policy(&page));
    for said in
        ["The &lt;Wiki&gt;", "Example &amp; Sons", "alice", "wiki:read", "wiki.example.com", "720 hours"]
    {
        assert!(page.text.contains(said), "{said} in {}", page.text);
    }
    assert!(!page.text.contains("<Wiki>"));
    let sent = browser.send(&house, &page, "/oauth2", &[("decision", "allow")]).await;
    assert_eq!(brought(&sent, "state").as_deref(), Some("s t&a=te"));
    assert_eq!(brought(&sent, "iss").as_deref(), Some("https://auth.example.com"));
    assert!(brought(&sent, "code").is_some_and(|code| code.len() > 60));
    // The next time nobody is asked, and a page in between is not shown either.
    let again = browser.get(&house, &path(&[])).await;
    assert!(brought(&again, "code").is_some());
    let more = browser.get(&house, &path(&[("scope", "openid offline_access")])).await;
    assert_eq!(more.status, StatusCode::OK);
}

/// simple-auth.md 9.D7: Cancel goes back to the client.
///
/// Proves: OAU-15
#[tokio::test]
async fn a_person_can_say_no() {
    let house = house().await;
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, &path(&[])).await;
    let sent = browser.send(&house, &page, "/oauth2", &[("decision", "deny")]).await;
    assert_eq!(brought(&sent, "error").as_deref(), Some("access_denied"));
    assert_eq!(brought(&sent, "state").as_deref(), Some("s t&a=te"));
    assert!(brought(&sent, "code").is_none());
    assert_eq!(browser.get(&house, &path(&[])).await.status, StatusCode::OK, "and is asked again");
}

/// Proves: OAU-15, WEB-1
#[tokio::test]
async fn a_decision_is_about_exactly_the_request_that_was_shown() {
    let house = house().await;
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, &path(&[])).await;
    let shown = page.fields("/oauth2");
    for (name, value) in [
        ("scope", "openid email wiki:read offline_access"),
        ("state", "other"),
        ("code_challenge", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("client_id", "other"),
        ("redirect_uri", "https://evil.example/"),
        ("csrf", "AAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let mut fields = shown.clone();
        fields.retain(|(known, _)| known != name);
        fields.push((name.to_owned(), value.to_owned()));
        fields.push(("decision".to_owned(), "allow".to_owned()));
        let answer = browser.post(&house, "/oauth2", &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        assert!(answer.location().is_empty());
    }
    // Nor with another session's page.
    house.add("mallory", false).await;
    let mut other = Browser::default();
    other.sign_in(&house, "/login", "mallory", PASSWORD).await;
    let mut fields = shown;
    fields.push(("decision".to_owned(), "allow".to_owned()));
    assert_eq!(other.post(&house, "/oauth2", &fields).await.status, StatusCode::FORBIDDEN);
    fields.pop();
    assert_eq!(
        browser.post(&house, "/oauth2", &fields).await.status,
        StatusCode::BAD_REQUEST,
        "neither yes nor no"
    );
}

/// Proves: OAU-2, WEB-6
#[tokio::test]
async fn a_wrong_client_or_address_is_a_page_and_never_a_redirect() {
    let house = house().await;
    let mut browser = Browser::default();
    for signed_in in [false, true] {
        if signed_in {
            browser.sign_in(&house, "/login", "alice", PASSWORD).await;
        }
        for changes in [
            &[("client_id", "<script>")][..],
            &[("client_id", "")],
            &[("redirect_uri", "https://evil.example/<script>")],
            &[("redirect_uri", "javascript:alert(1)")],
            &[("redirect_uri", "")],
        ] {
            let page = browser.get(&house, &path(changes)).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{changes:?}");
            assert!(
                page.location().is_empty() && !page.text.contains("evil") && !page.text.contains("<script")
            );
        }
        let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", path(&[]));
        assert_eq!(browser.get(&house, &twice).await.status, StatusCode::BAD_REQUEST);
        let told = browser.get(&house, &path(&[("scope", "evil")])).await;
        assert_eq!(brought(&told, "error").as_deref(), Some("invalid_scope"));
    }
}

/// Proves: OAU-16
#[tokio::test]
async fn a_silent_request_shows_no_page() {
    let house = house().await;
    let mut browser = Browser::default();
    let silent = path(&[("prompt", "none")]);
    let error = async |browser: &mut Browser| brought(&browser.get(&house, &silent).await, "error");
    assert_eq!(error(&mut browser).await.as_deref(), Some("login_required"));
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    assert_eq!(error(&mut browser).await.as_deref(), Some("consent_required"));
    let page = browser.get(&house, &path(&[])).await;
    browser.send(&house, &page, "/oauth2", &[("decision", "allow")]).await;
    assert_eq!(error(&mut browser).await, None);
    house.add("temp", true).await;
    let mut temp = Browser::default();
    temp.sign_in(&house, "/login", "temp", PASSWORD).await;
    assert_eq!(error(&mut temp).await.as_deref(), Some("interaction_required"));
}

/// Proves: SES-3, PWD-8
#[tokio::test]
async fn a_session_that_opens_nothing_yet_grants_nothing() {
    let house = house().await;
    house.add("temp", true).await;
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "temp", PASSWORD).await;
    let sent = browser.get(&house, &path(&[])).await;
    assert!(sent.location().starts_with("/password?rd=%2Foauth2%3F"), "{}", sent.location());
    let form = browser.get(&house, sent.location()).await;
    let typed = [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", OTHER)];
    let back = browser.send(&house, &form, "/password", &typed).await;
    assert!(back.location().starts_with("/oauth2?"), "{}", back.location());
    assert_eq!(browser.get(&house, back.location()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_that_is_too_long_to_be_carried_is_told_to_the_client() {
    let house = house().await;
    let mut browser = Browser::default();
    let long = path(&[("state", &"x".repeat(2040))]);
    assert_eq!(brought(&browser.get(&house, &long).await, "error").as_deref(), Some("invalid_request"));
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    assert_eq!(
        browser.get(&house, &long).await.status,
        StatusCode::OK,
        "signed in there is nothing to carry"
    );
}

/// Proves: OAU-15
#[tokio::test]
async fn connected_applications_are_listed_and_can_be_cut_off() {
    let house = house().await;
    let mut browser = Browser::default();
    let elsewhere = browser.get(&house, "/me/apps").await;
    assert!(elsewhere.location().starts_with("/login?"), "{}", elsewhere.location());
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    assert!(browser.get(&house, "/me/apps").await.text.contains("not let any application"));
    let page = browser.get(&house, &path(&[])).await;
    let sent = browser.send(&house, &page, "/oauth2", &[("decision", "allow")]).await;
    let code = Secret::new(brought(&sent, "code").unwrap());
    let apps = browser.get(&house, "/me/apps").await;
    assert!(apps.text.contains("The &lt;Wiki&gt;") && apps.text.contains("has access now"), "{}", apps.text);
    let forged = vec![("client".to_owned(), "wiki".to_owned()), ("csrf".to_owned(), "x".to_owned())];
    assert_eq!(browser.post(&house, "/me/apps/revoke", &forged).await.status, StatusCode::FORBIDDEN);
    let done = browser.send(&house, &apps, "/me/apps/revoke", &[]).await;
    assert_eq!(done.location(), "/me/apps?ended=1");
    let apps = browser.get(&house, done.location()).await;
    assert!(apps.text.contains("has no access any more") && !apps.text.contains("Wiki"));
    assert!(code.expose().len() > 60);
    assert_eq!(browser.get(&house, &path(&[])).await.status, StatusCode::OK, "and the person is asked again");
}
