//! Second factors on the pages: asked for, looked after, without any script.

use std::time::Duration;

use http::StatusCode;

use crate::{
    actions::testing::{Plan, wanted},
    domain::{
        factor::{
            Kinds, Rules,
            totp::{TotpSecret, code_at},
        },
        outbox::Template,
    },
    web::testing::{Answer, Browser, House, PASSWORD, rules_within},
};

const STEP: &str = "/login/second-factor";

fn plan(factors: Rules) -> Plan {
    Plan { factors, ..Plan::default() }
}

fn all_kinds() -> Rules {
    Rules { kinds: Kinds { totp: true, email: true, sms: true }, ..Rules::default() }
}

/// Alice with an address, an authenticator app and a browser.
async fn alice(factors: Rules) -> (House, TotpSecret, Browser) {
    let house = House::planned(plan(factors), |_| ());
    let id = house.desk.create(wanted("alice")).await.unwrap();
    let secret = house.desk.with_totp(id).await;
    house.pass(3600);
    (house, secret, Browser::default())
}

async fn first_step(house: &House, browser: &mut Browser, path: &str) -> Answer {
    let sent = browser.sign_in(house, path, "alice", PASSWORD).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert!(sent.location().starts_with(STEP), "{}", sent.location());
    assert!(sent.cookie("__Secure-auth").is_none());
    browser.get(house, sent.location()).await
}

/// Whoever signs in after somebody's unfinished sign-in in the same browser is not asked for that one's code.
#[tokio::test]
async fn a_sign_in_ends_what_else_was_begun_in_the_browser() {
    let (house, _, mut browser) = alice(Rules::default()).await;
    first_step(&house, &mut browser, "/login").await;
    house.desk.add("bob").await;
    browser.sign_in(&house, "/login", "bob", PASSWORD).await;
    let page = browser.get(&house, STEP).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
    assert!(page.text.contains("signed in as bob"), "{}", page.text);
}

/// Proves: SES-2, SES-3, SES-4, WEB-8, WEB-10
#[tokio::test]
async fn the_second_step_has_a_page_and_a_cookie_of_its_own() {
    let (house, secret, mut browser) = alice(Rules::default()).await;
    let page = first_step(&house, &mut browser, "/login?rd=https://app.example.com/x").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text.contains("autocomplete=\"one-time-code\"") && page.text.contains("your authenticator app")
    );
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("form-action 'self' https://app.example.com;")
    );
    // The login cookie opens nothing: not as itself, and not as a session.
    let login = browser.value("__Host-auth-login").unwrap().to_owned();
    assert!(browser.get(&house, "/me").await.location().starts_with("/login?"));
    let mut thief = Browser::default();
    thief.cookies.push(("__Secure-auth".to_owned(), login));
    assert!(thief.get(&house, "/me").await.location().starts_with("/login?"));
    let wrong = browser.send(&house, &page, STEP, &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.text.contains("This code is wrong") && !wrong.text.contains("000000"));
    let code = house.desk.code(&secret);
    let done = browser.send(&house, &wrong, STEP, &[("code", &code)]).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "https://app.example.com/x"));
    assert!(done.cookie("__Secure-auth").is_some() && done.cookie("__Host-auth-device").is_some());
    assert!(done.cookie("__Host-auth-login").unwrap().contains("Max-Age=0"));
    assert!(browser.get(&house, "/me").await.text.contains("two factors"));
}

/// Proves: WEB-1, THR-7
#[tokio::test]
async fn the_second_step_is_this_browsers_and_ends_with_the_fifth_wrong_code() {
    let (house, secret, mut browser) = alice(Rules::default()).await;
    let page = first_step(&house, &mut browser, "/login").await;
    let mut other = Browser::default();
    other.get(&house, "/login").await;
    other.cookies.extend(browser.cookies.iter().filter(|(name, _)| name.ends_with("login")).cloned());
    let code = house.desk.code(&secret);
    let stolen = other.send(&house, &page, STEP, &[("code", &code)]).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN, "the form is another browser's");
    let unasked = browser.send(&house, &page, STEP, &[("code", &code), ("groups", "admins")]).await;
    assert_eq!(unasked.status, StatusCode::BAD_REQUEST);
    for _ in 0..4 {
        let wrong = browser.send(&house, &page, STEP, &[("code", "000000")]).await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    }
    let over = browser.send(&house, &page, STEP, &[("code", "000000")]).await;
    assert_eq!((over.status, over.location()), (StatusCode::SEE_OTHER, "/login?over=1"));
    assert!(over.cookie("__Host-auth-login").unwrap().contains("Max-Age=0"));
    assert!(browser.get(&house, "/login?over=1").await.text.contains("too many codes were wrong"));
    assert_eq!(browser.get(&house, STEP).await.location(), "/login?over=1");
}

/// Proves: OTP-5, OTP-9, THR-13, WEB-10
#[tokio::test]
async fn an_app_is_set_up_without_a_script_and_then_asked_for() {
    let house = House::planned(plan(Rules::default()), |_| ());
    house.desk.create(wanted("alice")).await.unwrap();
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, "/me/factors").await;
    assert!(page.text.contains("asks for your password only"));
    assert!(!page.text.contains("Codes by") && !page.text.contains("Recovery codes"));
    let begun = browser.send(&house, &page, "/me/factors/totp", &[]).await;
    assert_eq!(begun.location(), "/me/factors/totp");
    let page = browser.get(&house, begun.location()).await;
    assert!(page.text.contains("<svg viewBox=\"0 0 ") && page.text.contains("<path d=\"M4 4h7v1h-7z"));
    let key = regex::Regex::new("<strong>([A-Z2-7 ]{39})</strong>").unwrap();
    let secret = TotpSecret::parse(&key.captures(&page.text).unwrap()[1]).unwrap();
    let code = || code_at(&secret, house.desk.call().now);
    // Until it is confirmed it is asked of nobody.
    assert_eq!(Browser::default().sign_in(&house, "/login", "alice", PASSWORD).await.location(), "/me");
    let wrong = browser.send(&house, &page, "/me/factors/totp/confirm", &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(
        wrong.text.contains("This code is wrong")
            && wrong.text.contains(&key.captures(&page.text).unwrap()[1])
    );
    let codes = browser.send(&house, &wrong, "/me/factors/totp/confirm", &[("code", &code())]).await;
    assert_eq!(codes.status, StatusCode::OK);
    let shown = regex::Regex::new("<strong>([a-z2-9]{8}-[a-z2-9]{8})</strong>").unwrap();
    let recovery: Vec<_> = shown.captures_iter(&codes.text).map(|found| found[1].to_owned()).collect();
    assert_eq!(recovery.len(), 10);
    assert_eq!(house.desk.sent_value(Template::FactorAdded, "factor").as_deref(), Some("totp"));
    assert_eq!(
        browser.get(&house, "/me/factors/totp").await.location(),
        "/me/factors?over=1",
        "shown no more"
    );
    // Signing in with a recovery code leads to the factors first.
    let mut elsewhere = Browser::default();
    let page = first_step(&house, &mut elsewhere, "/login?rd=https://app.example.com/x").await;
    let link = regex::Regex::new("href=\"([^\"]*with=recovery[^\"]*)\"").unwrap();
    let link = link.captures(&page.text).unwrap()[1].replace("&amp;", "&");
    let page = elsewhere.get(&house, &link).await;
    assert!(page.text.contains("one of your recovery codes"));
    let done = elsewhere.send(&house, &page, STEP, &[("code", &recovery[0])]).await;
    assert_eq!(done.location(), "/me/factors?rd=https%3A%2F%2Fapp.example.com%2Fx");
    let page = elsewhere.get(&house, done.location()).await;
    assert!(page.text.contains("A recovery code was used") && page.text.contains("9 left"));
    assert!(page.text.contains("href=\"https://app.example.com/x\""));
    assert_eq!(house.desk.sent_value(Template::RecoveryUsed, "left").as_deref(), Some("9"));
    let done = elsewhere.send(&house, &page, "/me/factors/reviewed", &[]).await;
    assert_eq!(done.location(), "/me");
    assert!(!elsewhere.get(&house, "/me/factors").await.text.contains("A recovery code was used"));
    // A new set shows once and voids the old.
    let page = elsewhere.get(&house, "/me/factors").await;
    let codes = elsewhere.send(&house, &page, "/me/factors/recovery", &[]).await;
    assert!(shown.captures_iter(&codes.text).all(|found| found[1] != recovery[1]));
    let mut late = Browser::default();
    first_step(&house, &mut late, "/login").await;
    let page = late.get(&house, "/login/second-factor?with=recovery").await;
    let refused = late.send(&house, &page, STEP, &[("code", &recovery[1])]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

/// Proves: SES-9, WAN-4, THR-13
#[tokio::test]
async fn a_change_of_factors_needs_a_fresh_proof_and_is_told() {
    let (house, secret, mut browser) = alice(Rules::default()).await;
    let page = first_step(&house, &mut browser, "/login").await;
    browser.send(&house, &page, STEP, &[("code", &house.desk.code(&secret))]).await;
    house.pass(60);
    let mut other = Browser::default();
    let page = first_step(&house, &mut other, "/login").await;
    other.send(&house, &page, STEP, &[("code", &house.desk.code(&secret))]).await;
    let page = browser.get(&house, "/me/factors").await;
    house.pass(300);
    let stale = browser.send(&house, &page, "/me/factors/remove", &[]).await;
    assert_eq!(stale.location(), "/login?again=1&rd=%2Fme%2Ffactors");
    assert!(browser.get(&house, "/me/factors").await.text.contains("a sign-in of the last minutes"));
    // Fresh again by a step-up: the second factor itself is a proof.
    let step = browser.get(&house, "/login/second-factor?rd=/me/factors").await;
    let done = browser.send(&house, &step, STEP, &[("code", &house.desk.code(&secret))]).await;
    assert_eq!(done.location(), "/me/factors");
    let page = browser.get(&house, "/me/factors").await;
    let removed = browser.send(&house, &page, "/me/factors/remove", &[]).await;
    assert_eq!(removed.location(), "/me/factors?removed=1");
    assert_eq!(house.desk.sent_value(Template::FactorRemoved, "factor").as_deref(), Some("totp"));
    assert!(other.get(&house, "/me").await.location().starts_with("/login?"), "the other session has ended");
    assert!(browser.get(&house, "/me").await.text.contains("two factors"), "this one has not");
    assert_eq!(Browser::default().sign_in(&house, "/login", "alice", PASSWORD).await.location(), "/me");
}

/// A place that asks for a second factor gets it from whoever has one, signed in or not.
///
/// Proves: SES-2, SES-11
#[tokio::test]
async fn a_place_that_asks_for_more_leads_to_a_step_up_and_back() {
    let house = House::planned(plan(Rules::default()), |_| ());
    let id = house.desk.create(wanted("alice")).await.unwrap();
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let old = browser.value("__Secure-auth").unwrap().to_owned();
    let safe = "/login?rd=https://safe.example.com/x%3Fa=1";
    let asked = browser.get(&house, safe).await;
    assert!(asked.location().starts_with(STEP));
    let nothing = browser.get(&house, asked.location()).await;
    assert!(nothing.text.contains("your account has none yet") && nothing.text.contains("/me/factors"));
    let secret = house.desk.with_totp(id).await;
    house.pass(60);
    let page = browser.get(&house, asked.location()).await;
    let done = browser.send(&house, &page, STEP, &[("code", &house.desk.code(&secret))]).await;
    assert_eq!(done.location(), "https://safe.example.com/x?a=1");
    assert_ne!(browser.value("__Secure-auth"), Some(old.as_str()));
    assert_eq!(browser.get(&house, safe).await.location(), "https://safe.example.com/x?a=1");
    let mut thief = Browser::default();
    thief.cookies.push(("__Secure-auth".to_owned(), old));
    assert!(thief.get(&house, "/me").await.location().starts_with("/login?"), "the old key is dead");
}

/// The same where the second factor there is has grown too old: the login page judges by the moment it is asked.
///
/// Proves: SES-11
#[tokio::test]
async fn a_place_that_asks_for_a_recent_factor_leads_to_a_step_up_and_back() {
    let (house, secret, mut browser) = alice(Rules::default()).await;
    house.shared.gate.enforce(rules_within(Duration::from_mins(15)));
    let page = first_step(&house, &mut browser, "/login").await;
    browser.send(&house, &page, STEP, &[("code", &house.desk.code(&secret))]).await;
    let safe = "/login?rd=https://safe.example.com/x";
    assert_eq!(browser.get(&house, safe).await.location(), "https://safe.example.com/x");
    house.pass(901);
    let asked = browser.get(&house, safe).await;
    assert!(asked.location().starts_with(STEP), "{}", asked.location());
    let page = browser.get(&house, asked.location()).await;
    let done = browser.send(&house, &page, STEP, &[("code", &house.desk.code(&secret))]).await;
    assert_eq!(done.location(), "https://safe.example.com/x");
    assert_eq!(browser.get(&house, safe).await.location(), "https://safe.example.com/x");
}

/// Proves: OTP-2, OTP-3, OTP-6, OTP-7
#[tokio::test]
async fn codes_by_mail_are_proven_first_and_good_for_one_sign_in() {
    let house = House::planned(plan(all_kinds()), |_| ());
    house.desk.create(wanted("alice")).await.unwrap();
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let sent = |house: &House| house.desk.sent_value(Template::EmailCode, "code").unwrap();
    let page = browser.get(&house, "/me/factors").await;
    assert!(page.text.contains("weaker than an app") && !page.text.contains("Code by SMS"), "{}", page.text);
    let waits = browser.send(&house, &page, "/me/factors/code", &[]).await;
    assert!(waits.text.contains("a•••@example.com") && !waits.text.contains("alice@example.com"));
    let wrong = browser.send(&house, &waits, "/me/factors/code/confirm", &[("code", "00000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let codes = browser.send(&house, &wrong, "/me/factors/code/confirm", &[("code", &sent(&house))]).await;
    assert!(codes.text.contains("Each of these codes opens your account once"));
    house.pass(60);
    // Two sign-ins at once: a code is good in the one that asked for it.
    let (mut one, mut two) = (Browser::default(), Browser::default());
    let first = first_step(&house, &mut one, "/login").await;
    let second = first_step(&house, &mut two, "/login").await;
    let asked = one.send(&house, &first, "/login/second-factor/send", &[]).await;
    assert!(asked.text.contains("A code is on its way to a•••@example.com"));
    let code = sent(&house);
    assert_eq!(code.len(), 8);
    assert_eq!(two.send(&house, &second, STEP, &[("code", &code)]).await.status, StatusCode::UNAUTHORIZED);
    // Another one voids it, and no more than one a minute is sent.
    let soon = one.send(&house, &first, "/login/second-factor/send", &[]).await;
    assert_eq!(soon.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(soon.headers.contains_key("retry-after"));
    house.pass(61);
    one.send(&house, &first, "/login/second-factor/send", &[]).await;
    assert_ne!(sent(&house), code);
    assert_eq!(one.send(&house, &first, STEP, &[("code", &code)]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(one.send(&house, &first, STEP, &[("code", &sent(&house))]).await.location(), "/me");
    assert!(one.get(&house, "/me").await.text.contains("two factors"));
}

/// Proves: OTP-6
#[tokio::test]
async fn codes_by_sms_are_offered_beside_an_app_only() {
    let house = House::planned(plan(all_kinds()), |_| ());
    let mobile = crate::values::phone::Phone::parse("+4915112345678").ok();
    let id = house.desk.create(crate::actions::accounts::Wanted { mobile, ..wanted("alice") }).await.unwrap();
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    assert!(!browser.get(&house, "/me/factors").await.text.contains("Code by SMS"));
    let secret = house.desk.with_totp(id).await;
    house.pass(60);
    let page = browser.get(&house, "/login/second-factor?rd=/me/factors").await;
    browser.send(&house, &page, STEP, &[("code", &house.desk.code(&secret))]).await;
    let page = browser.get(&house, "/me/factors").await;
    assert!(page.text.contains("Code by SMS"));
    let fields: Vec<_> =
        page.fields("/me/factors/code").into_iter().filter(|(name, _)| name == "csrf").collect();
    let ask = |fields: &[(String, String)]| [fields, &[("factor".to_owned(), "sms".to_owned())]].concat();
    let waits = browser.post(&house, "/me/factors/code", &ask(&fields)).await;
    assert!(waits.text.contains("•••78"));
    let code = house.desk.sent_value(Template::SmsCode, "code").unwrap();
    let done = browser.send(&house, &waits, "/me/factors/code/confirm", &[("code", &code)]).await;
    assert_eq!(done.status, StatusCode::OK);
    // Removing the app takes what may only stand beside it along.
    let page = browser.get(&house, "/me/factors").await;
    browser.send(&house, &page, "/me/factors/remove", &[]).await;
    assert!(!browser.get(&house, "/me/factors").await.text.contains("Code by SMS"));
    assert_eq!(Browser::default().sign_in(&house, "/login", "alice", PASSWORD).await.location(), "/me");
}

#[tokio::test]
async fn a_device_is_trusted_when_its_owner_says_so_and_until_forgotten() {
    let rules = Rules { trusted: Duration::from_hours(24), ..Rules::default() };
    let (house, secret, mut browser) = alice(rules).await;
    let page = first_step(&house, &mut browser, "/login").await;
    assert!(page.text.contains("Do not ask again on this device"));
    let code = house.desk.code(&secret);
    let done = browser.send(&house, &page, STEP, &[("code", &code), ("trust", "1")]).await;
    assert!(done.cookie("__Host-auth-trust").unwrap().contains("Max-Age=86400"));
    let out = browser.get(&house, "/logout").await;
    browser.send(&house, &out, "/logout", &[]).await;
    assert_eq!(browser.sign_in(&house, "/login", "alice", PASSWORD).await.location(), "/me");
    // It stands for the second factor, but not where factors are changed.
    let page = browser.get(&house, "/me/factors").await;
    house.pass(400);
    let again = browser.get(&house, "/login?again").await;
    browser.send(&house, &again, "/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let page_again = browser.get(&house, "/me/factors").await;
    assert_ne!(page.fields("/me/factors/devices"), page_again.fields("/me/factors/devices"));
    let asked = browser.send(&house, &page_again, "/me/factors/remove", &[]).await;
    assert_eq!(asked.location(), "/login/second-factor?rd=%2Fme%2Ffactors");
    let forgotten = browser.send(&house, &page_again, "/me/factors/devices", &[]).await;
    assert_eq!(forgotten.location(), "/me/factors?devices=1");
    let out = browser.get(&house, "/logout").await;
    browser.send(&house, &out, "/logout", &[]).await;
    first_step(&house, &mut browser, "/login").await;
}
