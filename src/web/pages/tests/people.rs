//! Joining, confirming and coming back, as a browser sees it.

use http::StatusCode;

use crate::{
    actions::{
        Which,
        people::{Registration, Rules, Terms},
        testing::{Plan, operator},
    },
    domain::{
        factor::{self, AddressFactor, Channel, Kinds},
        fault::Reason,
        outbox::Template,
        policy::RuleSet,
        stipulation::Stipulation,
    },
    values::{email::EmailAddress, name::GroupName, secret::Secret},
    web::testing::{Browser, House, OTHER, PASSWORD, rules},
};

fn house(change: impl FnOnce(&mut Rules)) -> House {
    let registration = Registration { open: true, ..Registration::default() };
    let mut people = Rules { registration, ..Rules::default() };
    change(&mut people);
    let rules: RuleSet = rules();
    House::build(Plan { people, ..Plan::default() }, rules, |_| ())
}

fn at(page: &str, token: &Secret<String>) -> String {
    format!("{page}?token={}", token.expose())
}

const BOB: [(&str, &str); 5] = [
    ("username", "bob"),
    ("display_name", ""),
    ("email", "bob@example.net"),
    ("password", PASSWORD),
    ("password_again", PASSWORD),
];

/// Proves: OTP-7, THR-8
/// simple-auth.md 9.A3
#[tokio::test]
async fn registering_and_confirming_with_a_button() {
    let house = house(|_| ());
    house.desk.add("alice").await;
    let mut seen = Vec::new();
    for (name, email) in [("bob", "bob@example.net"), ("eve", "alice@example.com")] {
        let mut browser = Browser::default();
        let login = browser.get(&house, "/login").await;
        assert!(login.text.contains("href=\"/register\"") && login.text.contains("href=\"/forgot\""));
        let page = browser.get(&house, "/register").await;
        let mut typed = BOB;
        typed[0].1 = name;
        typed[2].1 = email;
        let answer = browser.send(&house, &page, "/register", &typed).await;
        assert!(answer.cookie("__Secure-auth").is_none());
        let refused = browser.sign_in(&house, "/login", name, PASSWORD).await;
        assert!(refused.text.contains("Something is still asked of this account"), "{}", refused.text);
        seen.push((answer.status, answer.text, refused.status));
        house.pass(1);
    }
    assert_eq!(seen[0], seen[1], "whether somebody has the address shows nowhere");
    let token = house.desk.token(Template::ConfirmEmail);
    let mut browser = Browser::default();
    for _ in 0..3 {
        let page = browser.get(&house, &at("/confirm", &token)).await;
        assert!(page.text.contains("Press the button"), "looking uses nothing up: {}", page.text);
    }
    let head = browser.request("HEAD", &at("/confirm", &token)).body(axum::body::Body::empty()).unwrap();
    house.ask(head).await;
    let page = browser.get(&house, &at("/confirm", &token)).await;
    let done = browser.send(&house, &page, "/confirm", &[]).await;
    assert!(done.text.contains("Your address is confirmed"), "{}", done.text);
    let again = browser.send(&house, &page, "/confirm", &[]).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    let answer = browser.sign_in(&house, "/login", "bob@example.net", PASSWORD).await;
    assert_eq!(answer.location(), "/me");
}

#[tokio::test]
async fn a_form_with_flaws_is_shown_again_with_what_was_typed() {
    let house = house(|people| people.registration.confirm_email = false);
    house.desk.add("alice").await;
    let mut browser = Browser::default();
    let page = browser.get(&house, "/register").await;
    for (field, value, said) in [
        ("username", "", "A name cannot be empty."),
        ("username", "alice", "already in use"),
        ("email", "no address", "E-mail address"),
        ("email", "alice@example.com", "already in use"),
        ("password", "short", "at least"),
        ("password_again", OTHER, "not the same"),
        ("display_name", "\u{202e}x", "Name"),
    ] {
        let typed: Vec<_> =
            BOB.iter().map(|(name, old)| (*name, if *name == field { value } else { *old })).collect();
        let typed: Vec<_> = typed
            .iter()
            .map(|(name, typed)| {
                let both = field == "password" && *name == "password_again";
                (*name, if both { value } else { *typed })
            })
            .collect();
        let answer = browser.send(&house, &page, "/register", &typed).await;
        assert!(answer.status.is_client_error(), "{field} {value}");
        assert!(answer.text.contains(said), "{field} {value}: {}", answer.text);
        assert!(!answer.text.contains(PASSWORD));
        assert!(field == "email" || answer.text.contains("bob@example.net"));
    }
    let extra: Vec<_> = BOB.into_iter().chain([("groups", "admins")]).collect();
    let answer = browser.send(&house, &page, "/register", &extra).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "ENR-3");
    let answer = browser.send(&house, &page, "/register", &BOB).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/me"));
    assert!(browser.get(&house, "/me").await.text.contains("bob@example.net"));
}

#[tokio::test]
async fn what_is_not_offered_is_not_there() {
    let house = House::open();
    let mut settings = (*house.shared.actions.settings()).clone();
    settings.outlets.mail = false;
    house.shared.actions.configure(settings);
    let mut browser = Browser::default();
    let login = browser.get(&house, "/login").await;
    assert!(!login.text.contains("/register") && !login.text.contains("/forgot"));
    for page in ["/register", "/forgot"] {
        assert_eq!(browser.get(&house, page).await.status, StatusCode::NOT_FOUND, "{page}");
    }
    for page in ["/invite", "/recover", "/onetime", "/confirm?token=", "/recover?token=a&token=b"] {
        assert_eq!(browser.get(&house, page).await.status, StatusCode::UNAUTHORIZED, "{page}");
    }
}

/// Proves: THR-8, OTP-7, ENR-1, ENR-2
/// simple-auth.md 9.A2, 9.A3
#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail_and_the_second_factor_stays() {
    let house = House::open();
    let id = house.desk.add("alice").await;
    let mut said = Vec::new();
    for email in ["alice@example.com", "nobody@example.com"] {
        let mut browser = Browser::default();
        let page = browser.get(&house, "/forgot").await;
        let answer = browser.send(&house, &page, "/forgot", &[("email", email)]).await;
        said.push((answer.status, answer.text));
    }
    assert_eq!(said[0], said[1]);
    let token = house.desk.token(Template::ResetPassword);
    house.desk.with_totp(id).await;
    let mut browser = Browser::default();
    browser.get(&house, &at("/recover", &token)).await;
    let page = browser.get(&house, &at("/recover", &token)).await;
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(page.headers["cache-control"], "no-store");
    let differ = [("password", OTHER), ("password_again", PASSWORD)];
    assert_eq!(browser.send(&house, &page, "/recover", &differ).await.status, StatusCode::BAD_REQUEST);
    let typed = [("password", OTHER), ("password_again", OTHER)];
    let answer = browser.send(&house, &page, "/recover", &typed).await;
    assert_eq!(answer.location(), "/login/second-factor", "{}", answer.text);
    assert!(answer.cookie("__Secure-auth").is_none());
    assert_eq!(browser.send(&house, &page, "/recover", &typed).await.status, StatusCode::UNAUTHORIZED);
}

/// Proves: OTP-7
#[tokio::test]
async fn a_one_time_link_signs_in_with_a_button() {
    let house = House::with_alice().await;
    let which = Which::from("alice");
    let half_an_hour = std::time::Duration::from_mins(30);
    let actions = &house.shared.actions;
    let link = actions.make_link(&house.call(""), &operator(), &which, half_an_hour).await.unwrap();
    let path = link.expose().strip_prefix("https://auth.example.com").unwrap();
    let mut browser = Browser::default();
    browser.get(&house, path).await;
    let page = browser.get(&house, path).await;
    assert!(page.text.contains("The link works once"), "{}", page.text);
    let answer = browser.send(&house, &page, "/onetime", &[]).await;
    assert_eq!(answer.location(), "/me");
    assert!(browser.get(&house, "/me").await.text.contains("alice"));
    // The old password is not asked for now.
    let page = browser.get(&house, "/password").await;
    assert!(!page.text.contains("old_password"));
    let typed = [("new_password", OTHER), ("new_password_again", OTHER)];
    assert_eq!(browser.send(&house, &page, "/password", &typed).await.location(), "/me?changed=1");
    assert_eq!(Browser::default().get(&house, path).await.status, StatusCode::UNAUTHORIZED);
}

/// Whoever came by one mail and could only read another is told what would help, and is not sent in circles.
///
/// Proves: OTP-6
#[tokio::test]
async fn one_mailbox_is_not_asked_twice_who_it_is() {
    let usual = factor::Rules::default();
    let factors = factor::Rules { kinds: Kinds { email: true, ..usual.kinds }, ..usual };
    let house = House::build(Plan { factors, ..Plan::default() }, rules(), |_| ());
    let id = house.desk.add("alice").await;
    let half_an_hour = std::time::Duration::from_mins(30);
    let (actions, which) = (&house.shared.actions, Which::from("alice"));
    let link = actions.make_link(&house.call(""), &operator(), &which, half_an_hour).await.unwrap();
    let path = link.expose().strip_prefix("https://auth.example.com").unwrap();
    let mut browser = Browser::default();
    let page = browser.get(&house, path).await;
    assert_eq!(browser.send(&house, &page, "/onetime", &[]).await.location(), "/me");
    let proven = AddressFactor { address: "alice@example.com".to_owned(), since: house.call("").now };
    let set = move |tx: &mut _| factor::set_address(tx, id, Channel::Email, Some(proven.clone()));
    assert!(house.desk.store.write_blocking(set).unwrap());
    let step = "/login/second-factor?rd=%2Fpassword";
    assert_eq!(browser.get(&house, "/password").await.location(), step);
    let said = browser.get(&house, step).await;
    assert_eq!(said.status, StatusCode::FORBIDDEN);
    assert!(said.text.contains("Sign in with your password"), "{}", said.text);
    assert!(said.text.contains("/login?again=1"), "{}", said.text);
}

/// Proves: ENR-8
#[tokio::test]
async fn an_invitation_is_for_its_address_whatever_the_form_says() {
    let house = House::open();
    let email = EmailAddress::parse("bob@example.net").unwrap();
    let groups = vec![GroupName::parse("ops").unwrap()];
    house.shared.actions.invite(&house.call(""), &operator(), email, groups, None).await.unwrap();
    let token = house.desk.token(Template::Invitation);
    let mut browser = Browser::default();
    let page = browser.get(&house, &at("/invite", &token)).await;
    assert!(page.text.contains("bob@example.net") && page.text.contains("ops"), "{}", page.text);
    let mut typed = BOB;
    typed[2].1 = "evil@example.net";
    let answer = browser.send(&house, &page, "/invite", &typed).await;
    assert_eq!(answer.location(), "/me", "{}", answer.text);
    let account = house.desk.account("bob");
    assert_eq!((account.email.as_deref(), account.groups.len()), (Some("bob@example.net"), 1));
}

#[tokio::test]
async fn terms_stand_between_a_sign_in_and_everything_else() {
    let terms = Terms { version: "3".to_owned(), url: "https://example.com/terms".to_owned() };
    let house = house(|people| people.terms = Some(terms));
    house.desk.add("alice").await;
    let mut browser = Browser::default();
    let path = "/login?rd=https://app.example.com/x";
    let answer = browser.sign_in(&house, path, "alice", PASSWORD).await;
    assert!(answer.location().starts_with("/password?rd="), "{}", answer.location());
    let sent = browser.get(&house, answer.location()).await;
    assert!(sent.location().starts_with("/terms?rd="), "{}", sent.location());
    for page in ["/me", "/me/profile"] {
        assert!(browser.get(&house, page).await.location().starts_with("/password"), "{page}");
    }
    let page = browser.get(&house, sent.location()).await;
    assert!(page.text.contains("href=\"https://example.com/terms\""), "{}", page.text);
    let unticked = browser.send(&house, &page, "/terms", &[]).await;
    assert!(unticked.location().starts_with("/terms"));
    let old = browser.value("__Secure-auth").unwrap().to_owned();
    let answer = browser.send(&house, &page, "/terms", &[("version", "3")]).await;
    assert_eq!(answer.location(), "https://app.example.com/x");
    assert_ne!(browser.value("__Secure-auth").unwrap(), old, "SES-2");
    assert_eq!(browser.get(&house, "/me").await.status, StatusCode::OK);
}

/// simple-auth.md 9.C4
///
/// Proves: ENR-4
#[tokio::test]
async fn the_profile_changes_names_at_once_and_addresses_after_a_confirmation() {
    let house = House::open();
    let id = house.desk.add("alice").await;
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, "/me/profile").await;
    let renamed = browser.send(&house, &page, "/me/profile", &[("display_name", "Alice A.")]).await;
    assert_eq!(renamed.location(), "/me/profile?saved=1");
    let sent = browser.send(&house, &page, "/me/profile/email", &[("email", "new@example.net")]).await;
    assert_eq!(sent.location(), "/me/profile?sent=1");
    let shown = browser.get(&house, "/me/profile").await;
    assert!(shown.text.contains("Alice A.") && shown.text.contains("alice@example.com"));
    let token = house.desk.token(Template::ChangeEmailConfirm);
    let button = browser.get(&house, &at("/confirm", &token)).await;
    let done = browser.send(&house, &button, "/confirm", &[]).await;
    assert_eq!(done.location(), "/me/profile?confirmed=1");
    assert_eq!(house.desk.account("alice").email.as_deref(), Some("new@example.net"));
    let coded = browser.send(&house, &page, "/me/profile/mobile", &[("mobile", "+49 30-123456")]).await;
    assert!(coded.text.contains("+4930123456"), "{}", coded.text);
    let code = house.desk.sent_value(Template::SmsCode, "code").unwrap();
    let confirm = "/me/profile/mobile/confirm";
    let wrong = browser.send(&house, &coded, confirm, &[("code", "1")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let right = browser.send(&house, &wrong, confirm, &[("code", &code)]).await;
    assert_eq!(right.location(), "/me/profile?saved=1", "{}", right.text);
    assert_eq!(house.desk.account("alice").mobile.as_deref(), Some("+4930123456"));
    // Only a recent sign-in may change where mail goes.
    house.pass(301);
    let stale = browser.send(&house, &page, "/me/profile/email", &[("email", "x@example.net")]).await;
    assert!(stale.location().starts_with("/login?again=1"), "{}", stale.location());
    let forged = [("csrf".to_owned(), String::new()), ("email".to_owned(), "x@example.net".to_owned())];
    let forged = browser.post(&house, "/me/profile/email", &forged).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let tasks = house.shared.actions.tasks_of(&house.call(""), id).unwrap();
    assert_eq!(tasks, Vec::<Stipulation>::new());
}

/// Proves: ENR-4
#[tokio::test]
async fn a_change_of_address_is_stopped_on_the_profile_page() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, "/me/profile").await;
    assert!(!page.text.contains("/me/profile/email/stop"));
    browser.send(&house, &page, "/me/profile/email", &[("email", "new@example.net")]).await;
    let token = house.desk.token(Template::ChangeEmailConfirm);
    // As old as the session may be: whoever reads the notice must be able to.
    house.pass(301);
    let page = browser.get(&house, "/me/profile").await;
    assert!(page.text.contains("new@example.net"), "{}", page.text);
    let stopped = browser.send(&house, &page, "/me/profile/email/stop", &[]).await;
    assert_eq!(stopped.location(), "/me/profile?stopped=1");
    let page = browser.get(&house, "/me/profile?stopped=1").await;
    assert!(page.text.contains("The change was stopped") && !page.text.contains("new@example.net"));
    let late = house.shared.actions.confirm_address(&house.call(""), token).await.unwrap_err();
    assert_eq!(late.reason, Reason::NothingToDo);
}

/// Proves: OTP-6
#[tokio::test]
async fn addresses_and_the_password_lead_to_the_second_factor_first() {
    let house = House::with_alice().await;
    let mut browser = Browser::default();
    browser.sign_in(&house, "/login", "alice", PASSWORD).await;
    let page = browser.get(&house, "/me/profile").await;
    let password = browser.get(&house, "/password").await;
    house.desk.with_totp(house.desk.account_id("alice")).await;
    for (path, field) in [
        ("/me/profile/email", ("email", "new@example.net")),
        ("/me/profile/mobile", ("mobile", "+4930123456")),
    ] {
        let sent = browser.send(&house, &page, path, &[field]).await;
        assert!(sent.location().starts_with("/login/second-factor?"), "{path}: {}", sent.location());
    }
    let typed = [("old_password", PASSWORD), ("new_password", OTHER), ("new_password_again", OTHER)];
    let sent = browser.send(&house, &password, "/password", &typed).await;
    assert!(sent.location().starts_with("/login/second-factor?"), "{}", sent.location());
    // Whoever comes now is asked before there is anything to fill in; what needs no proof stays.
    assert_eq!(browser.get(&house, "/password").await.location(), "/login/second-factor?rd=%2Fpassword");
    let page = browser.get(&house, "/me/profile").await;
    assert!(page.text.contains("href=\"/login/second-factor?rd=%2Fme%2Fprofile\""), "{}", page.text);
    assert!(!page.text.contains("name=\"email\"") && page.text.contains("name=\"display_name\""));
}
