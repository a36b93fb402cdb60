//! What a password on a trusted device does not open, and what ends when somebody signs out everywhere.

use std::time::Duration;

use crate::{
    actions::{
        Which,
        factors::Owner,
        login::{Attempt, SignInOutcome, SignedIn, second::SecondFactor},
        recovery::Visitor,
        testing::{Desk, OTHER, PASSWORD, Plan, attempt, operator},
    },
    domain::{
        caller::{Caller, Factor, Level},
        factor::{self, totp::TotpSecret},
        fault::{Fault, Reason},
        outbox::Template,
        rights::Authority,
        stipulation::Stipulation,
    },
    values::{email::EmailAddress, id::AccountId, phone::Phone, secret::Secret},
};

/// Alice with an app, and the mark of a device that she trusts since an hour.
async fn alice() -> (Desk, AccountId, TotpSecret, String) {
    let factors = factor::Rules { trusted: Duration::from_hours(24), ..factor::Rules::default() };
    let desk = Desk::with(Plan { factors, ..Plan::default() });
    let id = desk.add("alice").await;
    let secret = desk.with_totp(id).await;
    desk.pass(3600);
    let SignInOutcome::Next(next) =
        desk.actions.sign_in(&desk.call(), attempt("alice", PASSWORD)).await.unwrap()
    else {
        panic!("one factor opened a session");
    };
    let code = Secret::new(desk.code(&secret));
    let answer = SecondFactor { factor: Factor::Totp, code, trust: true, device: None };
    let SignInOutcome::SignedIn(trusted) =
        desk.actions.second_factor(&desk.call(), next.key.hash(), answer).await.unwrap()
    else {
        panic!("asked a third time");
    };
    desk.pass(3600);
    (desk, id, secret, trusted.trust.unwrap().0)
}

async fn by_mark(desk: &Desk, mark: &str) -> Result<SignInOutcome, Fault> {
    let attempt = Attempt { trust: Some(mark.to_owned()), ..attempt("alice", PASSWORD) };
    desk.actions.sign_in(&desk.call(), attempt).await
}

fn signed_in(outcome: Result<SignInOutcome, Fault>) -> SignedIn {
    match outcome.unwrap() {
        SignInOutcome::SignedIn(signed_in) => signed_in,
        SignInOutcome::Next(next) => panic!("more was asked: {next:?}"),
    }
}

fn owner(by: &SignedIn) -> Owner {
    let strength = by.session.strength.clone();
    let caller = Caller::Person { account: by.account, session: by.session.id, strength: strength.clone() };
    let authority = Authority::of_session(&caller).unwrap();
    Owner { authority, strength: Some(strength), session: Some((by.key.hash(), by.session.id)) }
}

async fn step_up(desk: &Desk, by: &SignedIn, secret: &TotpSecret) -> SignedIn {
    let code = Secret::new(desk.code(secret));
    let answer = SecondFactor { factor: Factor::Totp, code, trust: false, device: None };
    desk.actions.step_up(&desk.call(), (by.account, by.key.hash()), answer).await.unwrap()
}

fn reason<T>(outcome: Result<T, Fault>) -> Option<Reason> {
    outcome.err().map(|fault| fault.reason)
}

/// Where codes go and what the password is decides who comes in later, so each of these asks for what a change of factors asks for.
///
/// Proves: OTP-6, SES-2
#[tokio::test]
async fn addresses_and_the_password_change_only_after_a_real_second_factor() {
    let (desk, _, secret, mark) = alice().await;
    let email = || EmailAddress::parse("new@example.net").unwrap();
    let number = || Phone::parse("+4930123456").unwrap();
    let code = || Secret::new(desk.sent_value(Template::SmsCode, "code").unwrap_or("00000000".to_owned()));
    let by = signed_in(by_mark(&desk, &mark).await);
    assert_eq!(by.session.strength.level(), Level::SecondFactor, "it is good for everything else");
    let needed = Some(Reason::SecondFactorNeeded);
    let (actions, call) = (&desk.actions, desk.call());
    assert_eq!(reason(actions.want_email(&call, owner(&by), email()).await), needed);
    assert_eq!(reason(actions.want_mobile(&call, owner(&by), number()).await), needed);
    assert_eq!(reason(actions.confirm_own_mobile(&call, owner(&by), number(), code()).await), needed);
    assert_eq!(reason(desk.change_password(&by, PASSWORD, OTHER).await), needed);
    assert_eq!((desk.letters_of(Template::ChangeEmailConfirm), desk.letters_of(Template::SmsCode)), (0, 0));
    let by = step_up(&desk, &by, &secret).await;
    assert_eq!(reason(actions.want_email(&call, owner(&by), email()).await), None);
    assert_eq!(reason(actions.want_mobile(&call, owner(&by), number()).await), None);
    assert_eq!(reason(actions.confirm_own_mobile(&call, owner(&by), number(), code()).await), None);
    assert_eq!(desk.letters_of(Template::MobileChanged), 1);
    assert_eq!(reason(desk.change_password(&by, PASSWORD, OTHER).await), None);
    assert_eq!(desk.account("alice").mobile.as_deref(), Some("+4930123456"));
}

/// A session that is there for replacing the password cannot be raised, so it begins with a real second factor.
#[tokio::test]
async fn a_trusted_device_is_asked_where_the_password_has_to_be_replaced() {
    let (desk, id, secret, mark) = alice().await;
    let change = Stipulation::ChangePassword;
    desk.actions.stipulate(&desk.call(), &operator(), id, change).await.unwrap();
    let next = match by_mark(&desk, &mark).await.unwrap() {
        SignInOutcome::Next(next) => next,
        SignInOutcome::SignedIn(_) => panic!("a session that leads nowhere"),
    };
    let code = Secret::new(desk.code(&secret));
    let answer = SecondFactor { factor: Factor::Totp, code, trust: false, device: None };
    let by = signed_in(desk.actions.second_factor(&desk.call(), next.key.hash(), answer).await);
    assert!(by.session.restricted);
    desk.change_password(&by, PASSWORD, OTHER).await.unwrap();
}

/// Proves: SES-9
#[tokio::test]
async fn signing_out_everywhere_ends_trusted_devices_and_open_links() {
    for by_operator in [false, true] {
        let (desk, id, _, mark) = alice().await;
        let by = signed_in(by_mark(&desk, &mark).await);
        let span = Duration::from_mins(30);
        let link =
            desk.actions.make_link(&desk.call(), &operator(), &Which::from("alice"), span).await.unwrap();
        let token = Secret::new(link.expose().split_once("?token=").unwrap().1.to_owned());
        if by_operator {
            desk.actions.operator_ends_sessions(&desk.call(), &operator(), id, None).await.unwrap();
        } else {
            let (authority, here) = (owner(&by).authority, by.key.hash());
            desk.actions.end_all_sessions(&desk.call(), authority, Some(here)).await.unwrap();
        }
        assert_eq!(desk.live(id), usize::from(!by_operator));
        assert!(matches!(by_mark(&desk, &mark).await, Ok(SignInOutcome::Next(_))), "asked again");
        let entered = desk.actions.sign_in_by_link(&desk.call(), token, Visitor::default()).await;
        assert_eq!(reason(entered), Some(Reason::InvalidToken));
    }
}

/// Proves: THR-13
#[tokio::test]
async fn new_recovery_codes_are_told_to_the_owner() {
    let (desk, _, secret, mark) = alice().await;
    let by = step_up(&desk, &signed_in(by_mark(&desk, &mark).await), &secret).await;
    let before = desk.letters_of(Template::FactorAdded);
    desk.actions.make_recovery_codes(&desk.call(), owner(&by)).await.unwrap();
    assert_eq!(desk.letters_of(Template::FactorAdded) - before, 1);
    let (_, to, values) = desk.letters().pop().unwrap();
    assert_eq!(to, "alice@example.com");
    assert!(values.contains(&("factor".to_owned(), "recovery".to_owned())), "{values:?}");
}
