//! `/oauth2` and `/me/apps`, as a browser sees them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;

use super::super::super::testing::{Answer, Browser, House, OTHER, PASSWORD, operator};
use crate::{
    idp::oauth2::{Outcome, Parameters, Presentation, Wanted},
    values::secret::Secret,
};

const CALLBACK: &str = "https://wiki.example.com/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
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

/// simple-auth.md 9.B5
///
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
        ["The &lt;Wiki&gt;", "Example &amp; Sons", "alice", "wiki:read", "wiki.example.com", "30 days"]
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

/// simple-auth.md 9.D7
///
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

/// The claims of the ID token that a code is good for, and whether there is one at all.
async fn auth_time(house: &House, code: &str) -> u64 {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "spa"),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let parameters = Parameters::new(pairs).unwrap();
    let answer = house.shared.oauth2.token(&house.desk.call(), &Presentation::default(), &parameters).await;
    let Ok(Outcome::Tokens(tokens)) = answer else { panic!("no tokens") };
    let token = tokens.id_token.unwrap();
    let body = token.expose().split('.').nth(1).unwrap().to_owned();
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    claims["auth_time"].as_u64().unwrap()
}

/// Proves: OAU-17, OAU-16
#[tokio::test]
async fn a_client_that_asks_for_a_new_sign_in_gets_no_code_without_one() {
    let house = house().await;
    let wanted = Wanted {
        id: Some("spa".to_owned()),
        name: "App".to_owned(),
        redirect_uris: vec![CALLBACK.to_owned()],
        public: true,
        pkce: true,
        algorithm: Some("ES256".to_owned()),
        ..Wanted::default()
    };
    house.shared.oauth2.add_client(&house.desk.call(), &operator(), wanted).await.unwrap();
    for (name, value) in
        [("prompt", "login"), ("max_age", "60"), ("max_age", "0"), ("prompt", "select_account")]
    {
        let mut browser = Browser::default();
        browser.sign_in(&house, "/login", "alice", PASSWORD).await;
        let asked = [("client_id", "spa"), ("scope", "openid"), (name, value)];
        let quiet = path(&[("client_id", "spa"), ("scope", "openid"), ("prompt", "none"), ("max_age", "60")]);
        let agreed = browser.get(&house, &path(&asked[..2])).await;
        if agreed.location().is_empty() {
            browser.send(&house, &agreed, "/oauth2", &[("decision", "allow")]).await;
        }
        assert!(brought(&browser.get(&house, &quiet).await, "code").is_some(), "just signed in");
        house.pass(600);
        assert_eq!(brought(&browser.get(&house, &quiet).await, "error").as_deref(), Some("login_required"));

        let sent = browser.get(&house, &path(&asked)).await;
        assert!(sent.location().starts_with("/login?again=1&rd=%2Foauth2%3F"), "{}", sent.location());
        // Neither going back without signing in, nor a moment of one's own, nor the mark of another request gives a code.
        let way = url::Url::parse(&format!("https://auth.example.com{}", sent.location())).unwrap();
        let back = way.query_pairs().find(|(name, _)| name == "rd").unwrap().1.into_owned();
        let (bare, mark) = back.split_once("&vouchsafe_since=").unwrap();
        let other = path(&[asked[0], asked[1], asked[2], ("state", "other")]);
        for skipped in
            [&back, bare, &format!("{bare}&vouchsafe_since=AAAA"), &format!("{other}&vouchsafe_since={mark}")]
        {
            let again = browser.get(&house, skipped).await;
            assert!(again.location().starts_with("/login?again=1&"), "{skipped}: {}", again.location());
        }
        // The page stays a page for somebody who is signed in, and a wrong password leads nowhere.
        let form = browser.get(&house, sent.location()).await;
        assert_eq!(form.status, StatusCode::OK);
        let wrong =
            browser.send(&house, &form, "/login", &[("username", "alice"), ("password", OTHER)]).await;
        assert!(wrong.location().is_empty());
        assert!(browser.get(&house, &back).await.location().starts_with("/login?again=1&"));

        house.pass(1);
        let signed_in = house.desk.call().now.secs();
        let typed = [("username", "alice"), ("password", PASSWORD)];
        let proven = browser.send(&house, &form, "/login", &typed).await;
        assert_eq!(proven.location(), back);
        house.pass(2);
        let code = brought(&browser.get(&house, &back).await, "code").unwrap();
        assert_eq!(auth_time(&house, &code).await, signed_in, "{name}={value}");
        // For that request, once, and not for long. Who asks for an age has it as often as it is so young.
        for address in [&path(&asked), &back] {
            let again = browser.get(&house, address).await;
            let anew = again.location().starts_with("/login?again=1&");
            assert_eq!(anew, value != "60", "{name}={value}: {}", again.location());
        }
        house.pass(59);
        assert!(browser.get(&house, &back).await.location().starts_with("/login?again=1&"), "the age counts");
        house.pass(600);
        assert!(browser.get(&house, &back).await.location().starts_with("/login?again=1&"));
    }
}

/// Who is not signed in at all signs in once, not twice.
///
/// Proves: OAU-17
#[tokio::test]
async fn a_first_sign_in_is_a_new_one() {
    let house = house().await;
    let mut browser = Browser::default();
    let sent = browser.get(&house, &path(&[("prompt", "login consent")])).await;
    assert!(sent.location().starts_with("/login?rd="), "{}", sent.location());
    let form = browser.get(&house, sent.location()).await;
    house.pass(1);
    let typed = [("username", "alice"), ("password", PASSWORD)];
    let back = browser.send(&house, &form, "/login", &typed).await;
    let page = browser.get(&house, back.location()).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    // Decided hours later, it takes another one.
    house.pass(1800);
    let late = browser.send(&house, &page, "/oauth2", &[("decision", "allow")]).await;
    assert!(late.location().starts_with("/login?again=1&rd="), "{}", late.location());
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

/// simple-auth.md 9.C4
///
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
