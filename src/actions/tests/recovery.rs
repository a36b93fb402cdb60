//! Links instead of passwords, and what people are told about sign-ins.

use std::{sync::Arc, time::Duration};

use crate::{
    actions::{
        Which,
        accounts::{StatusChange, Wanted},
        login::{SignInOutcome, SignedIn},
        people::{Recovery, Rules},
        recovery::{LONGEST_LINK, LinkFor, Visitor},
        testing::{Desk, OTHER, PASSWORD, Plan, WRONG, at_once, attempt, operator, wanted},
    },
    domain::{
        audit::Event,
        caller::{Factor, Level},
        fault::{Fault, Reason},
        outbox::Template,
        stipulation::Stipulation,
    },
    values::{email::EmailAddress, id::AccountId, secret::Secret},
};

async fn ask(desk: &Desk, email: &str, wanted: LinkFor) -> Result<(), Fault> {
    desk.actions.request_link(&desk.call(), &EmailAddress::parse(email).unwrap(), wanted).await
}

/// A reset link for alice.
async fn reset_link(desk: &Desk) -> Secret<String> {
    desk.pass(60);
    ask(desk, "alice@example.com", LinkFor::NewPassword).await.unwrap();
    desk.token(Template::ResetPassword)
}

async fn reset(desk: &Desk, token: &Secret<String>, new: &str) -> Result<SignInOutcome, Fault> {
    let (token, new) = (token.clone(), Secret::from(new));
    desk.actions.reset_password(&desk.call(), token, new, Visitor::default()).await
}

async fn enter(desk: &Desk, token: &Secret<String>) -> Result<SignInOutcome, Fault> {
    desk.actions.sign_in_by_link(&desk.call(), token.clone(), Visitor::default()).await
}

/// The operator's link for somebody.
async fn link(desk: &Desk, who: &str) -> Secret<String> {
    let half_an_hour = Duration::from_mins(30);
    let link = desk.actions.make_link(&desk.call(), &operator(), &Which::from(who), half_an_hour).await;
    Secret::new(link.unwrap().expose().split_once("/onetime?token=").unwrap().1.to_owned())
}

fn signed_in(outcome: SignInOutcome) -> SignedIn {
    match outcome {
        SignInOutcome::SignedIn(signed_in) => signed_in,
        SignInOutcome::Next(next) => panic!("more was asked: {next:?}"),
    }
}

fn reason<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> Reason {
    outcome.unwrap_err().reason
}

/// Proves: THR-8
/// simple-auth.md 9.A7, 9.A8
#[tokio::test]
async fn asking_for_a_link_tells_nothing_and_reaches_only_its_owner() {
    let desk = Desk::open();
    desk.add("alice").await;
    let dora = desk.add("dora").await;
    desk.status(dora, StatusChange::Disable("left".to_owned())).await.unwrap();
    for email in ["Alice@Example.COM", "nobody@example.com", "dora@example.com"] {
        ask(&desk, email, LinkFor::NewPassword).await.unwrap();
        ask(&desk, email, LinkFor::NewPassword).await.unwrap();
    }
    let sent: Vec<_> = desk.letters().into_iter().map(|(template, to, _)| (template, to)).collect();
    assert_eq!(
        sent,
        [(Template::ResetPassword, "alice@example.com".to_owned())],
        "as stored, and once a minute"
    );
    desk.pass(60);
    ask(&desk, "alice@example.com", LinkFor::SignIn).await.unwrap();
    assert_eq!(desk.letters_of(Template::SignInLink), 1);
    // A source that asks for all the world is told to wait.
    let mut asked = 7;
    let refused = loop {
        match ask(&desk, &format!("user{asked}@example.com"), LinkFor::NewPassword).await {
            Ok(()) => asked += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!((refused.reason, asked), (Reason::Throttled, 20));
    assert!(refused.retry_after.is_some());
}

#[tokio::test]
async fn what_is_off_or_needs_mail_where_there_is_none_is_not_offered() {
    let recovery = Recovery { forgot_password: false, sign_in_links: false };
    let people = Rules { recovery, ..Rules::default() };
    let desk = Desk::with(Plan { people, ..Plan::default() });
    desk.add("alice").await;
    for wanted in [LinkFor::NewPassword, LinkFor::SignIn] {
        assert_eq!(reason(ask(&desk, "alice@example.com", wanted).await), Reason::SwitchedOff);
    }
    let which = Which::from("alice");
    let made = desk.actions.make_link(&desk.call(), &operator(), &which, Duration::from_mins(1)).await;
    assert_eq!(reason(made), Reason::SwitchedOff);
    let desk = Desk::open();
    desk.add("alice").await;
    let mut settings = (*desk.actions.settings()).clone();
    settings.outlets.mail = false;
    desk.actions.configure(settings);
    assert_eq!(reason(ask(&desk, "alice@example.com", LinkFor::SignIn).await), Reason::SwitchedOff);
    assert!(!desk.actions.offers_recovery());
    signed_in(enter(&desk, &link(&desk, "alice").await).await.unwrap());
}

/// Proves: ENR-2, SES-9, PWD-8
/// simple-auth.md 9.A2
#[tokio::test]
async fn a_reset_sets_the_password_ends_every_session_and_tells_the_owner() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    let token = reset_link(&desk).await;
    assert_eq!(reason(reset(&desk, &token, "short").await), Reason::WeakPassword);
    assert_eq!(reason(reset(&desk, &token, "alice@example.com").await), Reason::WeakPassword, "PWD-7");
    let new = signed_in(reset(&desk, &token, OTHER).await.unwrap());
    assert_eq!((desk.live(id), new.session.account), (1, id));
    assert!(!new.session.restricted);
    assert_eq!(desk.letters_of(Template::PasswordReset), 1);
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::BadCredentials);
    desk.sign_in("alice", OTHER).await.unwrap();
    assert_eq!(reason(reset(&desk, &token, PASSWORD).await), Reason::InvalidToken, "once");
    assert_eq!((desk.count(Event::PasswordReset), desk.count(Event::LinkRefused)), (1, 1));
    assert!(desk.account("alice").email_confirmed.is_some(), "its owner reads mail there");
}

/// Races: one-time link; reset link
/// Proves: OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_redemptions_at_once_exactly_one_counts() {
    let desk = Arc::new(Desk::open());
    let id = desk.add("alice").await;
    let token = link(&desk, "alice").await;
    let redeeming = (0..64).map(|_| {
        let (desk, token) = (desk.clone(), token.clone());
        async move { enter(&desk, &token).await.is_ok() }
    });
    assert_eq!(at_once(redeeming).await.into_iter().filter(|won| *won).count(), 1);
    assert_eq!(desk.live(id), 1);
    let token = reset_link(&desk).await;
    let redeeming = (0..64).map(|at| {
        let (desk, token) = (desk.clone(), token.clone());
        async move { reset(&desk, &token, &format!("{OTHER} number {at}")).await.is_ok() }
    });
    assert_eq!(at_once(redeeming).await.into_iter().filter(|won| *won).count(), 1);
    assert_eq!(desk.count(Event::PasswordReset), 1);
}

/// Proves: ENR-1
/// simple-auth.md 9.A2
#[tokio::test]
async fn a_second_factor_is_asked_for_after_a_link_and_after_a_reset() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.with_totp(id).await;
    desk.sign_in("alice", PASSWORD).await.unwrap_err();
    for by_reset in [true, false] {
        let outcome = if by_reset {
            reset(&desk, &reset_link(&desk).await, OTHER).await
        } else {
            enter(&desk, &link(&desk, "alice").await).await
        };
        match outcome.unwrap() {
            SignInOutcome::Next(next) => assert!(next.options.contains(&Factor::Totp)),
            SignInOutcome::SignedIn(_) => panic!("a link is no second factor"),
        }
        assert_eq!(desk.live(id), 0, "there is no session yet");
    }
}

/// Proves: OTP-2, OTP-3, ENR-2
#[tokio::test]
async fn a_link_is_good_for_its_purpose_its_time_and_its_address_and_only_the_newest() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let first = reset_link(&desk).await;
    let second = reset_link(&desk).await;
    assert_eq!(reason(reset(&desk, &first, OTHER).await), Reason::InvalidToken, "a newer one was sent");
    assert_eq!(reason(enter(&desk, &second).await), Reason::InvalidToken, "for another purpose");
    let sign_in = link(&desk, "alice").await;
    assert_eq!(reason(reset(&desk, &sign_in, OTHER).await), Reason::InvalidToken, "for another purpose");
    assert!(desk.actions.check_link(&desk.call(), LinkFor::NewPassword, &second).is_ok());
    desk.pass(30 * 60);
    assert_eq!(reason(reset(&desk, &second, OTHER).await), Reason::Expired);
    // A changed password, a changed address and a closed account void what was open.
    let third = reset_link(&desk).await;
    let by = desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.change_password(&by, PASSWORD, OTHER).await.unwrap();
    assert_eq!(reason(reset(&desk, &third, PASSWORD).await), Reason::InvalidToken);
    let fourth = reset_link(&desk).await;
    let sign_in = link(&desk, "alice").await;
    desk.status(id, StatusChange::Lock("lost".to_owned())).await.unwrap();
    assert_eq!(reason(reset(&desk, &fourth, PASSWORD).await), Reason::InvalidToken);
    assert_eq!(reason(enter(&desk, &sign_in).await), Reason::InvalidToken);
    assert_eq!(reason(enter(&desk, &link(&desk, "alice").await).await), Reason::Locked);
}

/// simple-auth.md 9.A2
#[tokio::test]
async fn stipulations_hold_for_links_too() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let stipulate = async |what| desk.actions.stipulate(&desk.call(), &operator(), id, what).await.unwrap();
    stipulate(Stipulation::ManualApproval).await;
    let token = link(&desk, "alice").await;
    assert_eq!(reason(enter(&desk, &token).await), Reason::Stipulated);
    let reset_token = reset_link(&desk).await;
    assert_eq!(reason(reset(&desk, &reset_token, OTHER).await), Reason::Stipulated);
    assert_eq!(desk.live(id), 0);
    desk.actions.approve(&desk.call(), &operator(), id).await.unwrap();
    desk.sign_in("alice", OTHER).await.unwrap();
    stipulate(Stipulation::ChangePassword).await;
    let by_link = signed_in(enter(&desk, &link(&desk, "alice").await).await.unwrap());
    assert!(by_link.session.restricted);
}

/// In the session of a one-time link the old password is not needed while it is fresh (seed 003, `changePasswordRequest`).
#[tokio::test]
async fn a_fresh_link_stands_for_the_old_password() {
    let desk = Desk::open();
    desk.add("alice").await;
    let by_password = desk.sign_in("alice", PASSWORD).await.unwrap();
    let without = desk.change_password(&by_password, "", OTHER).await.unwrap_err();
    assert_eq!(without.reason, Reason::Malformed);
    let by_link = signed_in(enter(&desk, &link(&desk, "alice").await).await.unwrap());
    assert_eq!(by_link.session.strength.level(), Level::SignedIn);
    let late = signed_in(enter(&desk, &link(&desk, "alice").await).await.unwrap());
    desk.change_password(&by_link, "", OTHER).await.unwrap();
    // The other session is as fresh, but it ended with that.
    assert_eq!(reason(desk.change_password(&late, "", PASSWORD).await), Reason::Unauthenticated);
    desk.sign_in("alice", OTHER).await.unwrap();
    let again = signed_in(enter(&desk, &link(&desk, "alice").await).await.unwrap());
    desk.pass(5 * 60 + 1);
    assert_eq!(reason(desk.change_password(&again, "", PASSWORD).await), Reason::Malformed, "too old");
}

#[tokio::test]
async fn the_operators_link_has_bounds() {
    let desk = Desk::open();
    desk.add("alice").await;
    for span in [Duration::ZERO, LONGEST_LINK + Duration::from_secs(1)] {
        let made = desk.actions.make_link(&desk.call(), &operator(), &Which::from("alice"), span).await;
        assert_eq!(reason(made), Reason::Malformed);
    }
    let made = desk.actions.make_link(&desk.call(), &operator(), &Which::from("nobody"), LONGEST_LINK).await;
    assert_eq!(reason(made), Reason::NotFound);
    assert_eq!(desk.letters().len(), 0, "it goes to nobody but the operator");
}

/// Somebody who gets notices.
async fn noticed(desk: &Desk) -> AccountId {
    let id = desk.create(Wanted { groups: Vec::new(), ..wanted("alice") }).await.unwrap();
    desk.sign_in("alice", PASSWORD).await.unwrap();
    id
}

/// Proves: THR-13
#[tokio::test]
async fn a_sign_in_from_an_unknown_device_is_told_of_once() {
    let desk = Desk::open();
    noticed(&desk).await;
    assert_eq!(desk.letters_of(Template::NewDevice), 0, "the first of all is no news");
    let there = "198.51.100.9";
    let first = desk.sign_in_from(there, "alice", PASSWORD).await.unwrap();
    assert_eq!(desk.letters_of(Template::NewDevice), 1);
    let (_, to, values) = desk.letters().pop().unwrap();
    assert_eq!(to, "alice@example.com");
    assert!(values.contains(&("address".to_owned(), there.to_owned())), "{values:?}");
    desk.sign_in_from(there, "alice", PASSWORD).await.unwrap();
    assert_eq!(desk.letters_of(Template::NewDevice), 1, "the same place again");
    // A browser that is known by its cookie may move about; somebody else's cookie is nobody's.
    let mut moved = desk.from("203.0.113.77");
    moved.device = first.device.as_deref().map(Into::into);
    desk.actions.sign_in_at_once(&moved, attempt("alice", PASSWORD)).await.unwrap();
    assert_eq!(desk.letters_of(Template::NewDevice), 1);
    desk.add("bob").await;
    let bob = desk.sign_in("bob", PASSWORD).await.unwrap();
    let mut stolen = desk.from("203.0.113.88");
    stolen.device = bob.device.as_deref().map(Into::into);
    desk.actions.sign_in_at_once(&stolen, attempt("alice", PASSWORD)).await.unwrap();
    assert_eq!(desk.letters_of(Template::NewDevice), 2);
}

/// Proves: THR-13
#[tokio::test]
async fn a_sign_in_after_several_failures_is_told_of() {
    let desk = Desk::open();
    noticed(&desk).await;
    for failures in [2, 3] {
        for _ in 0..failures {
            desk.sign_in("alice", WRONG).await.unwrap_err();
        }
        desk.sign_in("alice", PASSWORD).await.unwrap();
        assert_eq!(desk.letters_of(Template::AfterFailures), usize::from(failures >= 3));
    }
    let (_, _, values) = desk.letters().pop().unwrap();
    assert!(values.contains(&("count".to_owned(), "3".to_owned())), "{values:?}");
}
