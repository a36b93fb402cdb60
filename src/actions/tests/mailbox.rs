//! Somebody who reads the owner's mail: one factor, however often it is shown.

use crate::{
    actions::{
        Which,
        accounts::Wanted,
        factors::{Owner, codes::Waiting},
        login::{Attempt, NextStep, SignInOutcome, second::SecondFactor},
        recovery::{LinkFor, Visitor},
        testing::{Desk, OTHER, PASSWORD, Plan, attempt, operator, wanted},
    },
    domain::{
        caller::{Caller, Factor},
        factor::{self, Channel, Kinds, totp::TotpSecret},
        fault::{Fault, Reason},
        login::{pending::PendingHash, throttle::Rules},
        outbox::Template,
        rights::Authority,
    },
    values::{email::EmailAddress, id::AccountId, secret::Secret},
};

pub(super) fn house() -> Desk {
    let kinds = Kinds { totp: true, email: true, sms: true };
    let throttle = Rules { attempts_per_minute: 100_000, ..Rules::default() };
    Desk::with(Plan {
        factors: factor::Rules { kinds, ..factor::Rules::default() },
        throttle,
        ..Plan::default()
    })
}

async fn reset_link(desk: &Desk) -> Secret<String> {
    desk.pass(60);
    let email = EmailAddress::parse("alice@example.com").unwrap();
    desk.actions.request_link(&desk.call(), &email, LinkFor::NewPassword).await.unwrap();
    desk.token(Template::ResetPassword)
}

fn next(outcome: Result<SignInOutcome, Fault>) -> NextStep {
    match outcome.unwrap() {
        SignInOutcome::Next(next) => next,
        SignInOutcome::SignedIn(_) => panic!("one factor opened a session"),
    }
}

async fn reset(desk: &Desk, token: Secret<String>, new: &str) -> NextStep {
    next(desk.actions.reset_password(&desk.call(), token, Secret::from(new), Visitor::default()).await)
}

async fn by_link(desk: &Desk) -> NextStep {
    let which = Which::from("alice");
    let span = std::time::Duration::from_mins(30);
    let link = desk.actions.make_link(&desk.call(), &operator(), &which, span).await.unwrap();
    let token = Secret::new(link.expose().split_once("?token=").unwrap().1.to_owned());
    next(desk.actions.sign_in_by_link(&desk.call(), token, Visitor::default()).await)
}

pub(super) async fn by_password(desk: &Desk, password: &str) -> NextStep {
    next(desk.actions.sign_in(&desk.call(), attempt("alice", password)).await)
}

async fn prove(desk: &Desk, hash: PendingHash, factor: Factor, code: &str) -> Result<(), Reason> {
    let answer = SecondFactor { factor, code: Secret::from(code), trust: false, device: None };
    let outcome = desk.actions.second_factor(&desk.call(), hash, answer).await;
    outcome.map(|_| ()).map_err(|fault| fault.reason)
}

/// A code by e-mail is not sent, and one that came by somehow is not taken.
async fn refuses_mail(desk: &Desk, id: AccountId, next: &NextStep) {
    assert!(!next.options.contains(&Factor::EmailCode), "{:?}", next.options);
    let hash = next.key.hash();
    let question = desk.actions.pending_question(&desk.call(), &hash).unwrap();
    assert_eq!(question.options, next.options);
    let sent = desk.actions.send_code(&desk.call(), Waiting::Pending(hash), Channel::Email).await;
    assert_eq!(sent.unwrap_err().reason, Reason::SwitchedOff);
    let code = planted_code(desk, id, hash).await;
    assert_eq!(prove(desk, hash, Factor::EmailCode, code.expose()).await, Err(Reason::SecondFactorWrong));
}

/// A right code for this very login transaction, as if it had been sent.
async fn planted_code(desk: &Desk, id: AccountId, hash: PendingHash) -> Secret<String> {
    use crate::domain::challenge::{CodeFor, NewCode, Purpose, offer_code};
    let (world, keyring, now) = (desk.actions.world().clone(), desk.actions.keyring(), desk.call().now);
    let epoch = desk.store.epoch();
    desk.store
        .write(move |tx| {
            let account = crate::domain::account::ACCOUNTS.get(tx, &id)?.unwrap();
            let address = account.email_canonical.unwrap();
            let good_for = CodeFor { purpose: Purpose::EmailFactor, subject: hash.subject(), address };
            let new = NewCode { good_for, digits: 8, lifetime: std::time::Duration::from_mins(5) };
            offer_code(tx, keyring.codes(), &new, world.random(), now, epoch)
        })
        .await
        .unwrap()
}

/// Makes the address of a person a second factor; gives the recovery codes that come with the first.
pub(super) async fn with_email_codes(desk: &Desk, id: AccountId) -> Vec<Secret<String>> {
    let by = desk.sign_in("alice", PASSWORD).await.unwrap();
    let caller =
        Caller::Person { account: id, session: by.session.id, strength: by.session.strength.clone() };
    let owner = Owner {
        authority: Authority::of_session(&caller).unwrap(),
        strength: Some(by.session.strength.clone()),
        session: Some((by.key.hash(), by.session.id)),
    };
    desk.actions.begin_address_factor(&desk.call(), owner.clone(), Channel::Email).await.unwrap();
    let code = Secret::new(desk.sent_value(Template::EmailCode, "code").unwrap());
    let made = desk.actions.confirm_address_factor(&desk.call(), owner, Channel::Email, code).await;
    desk.pass(60);
    made.unwrap()
}

/// Alice with codes by e-mail, and an app beside them.
async fn alice_with_both(desk: &Desk) -> (AccountId, TotpSecret) {
    let id = desk.add("alice").await;
    with_email_codes(desk, id).await;
    let secret = desk.with_totp(id).await;
    desk.pass(3600);
    (id, secret)
}

/// Proves: THR-5, THR-1, ENR-1
#[tokio::test]
async fn a_reset_leaves_the_failures_of_second_factors_as_they_are() {
    let desk = house();
    let id = desk.add("alice").await;
    let secret = desk.with_totp(id).await;
    let token = reset_link(&desk).await;
    for _ in 0..8 {
        desk.pass(20);
        let guess = Attempt { totp: Some(Secret::from("000000")), ..attempt("alice", PASSWORD) };
        let refused = desk.actions.sign_in_at_once(&desk.call(), guess).await.unwrap_err();
        assert_eq!(refused.reason, Reason::SecondFactorWrong);
    }
    let waiting = reset(&desk, token, OTHER).await;
    assert_eq!(desk.second_failures(id), 8);
    let hash = waiting.key.hash();
    assert_eq!(prove(&desk, hash, Factor::Totp, "000000").await, Err(Reason::Throttled));
    // Reset upon reset, each from another place: there is an end to it.
    let mut number = 0;
    while desk.second_failures(id) < 100 {
        number += 1;
        assert!(number < 40, "{} failures", desk.second_failures(id));
        desk.pass(3600);
        let waiting = reset(&desk, reset_link(&desk).await, &format!("{OTHER} number {number}")).await;
        for _ in 0..4 {
            let call = desk.from(&format!("198.51.100.{number}"));
            let code = Secret::from("000000");
            let answer = SecondFactor { factor: Factor::Totp, code, trust: false, device: None };
            desk.actions.second_factor(&call, waiting.key.hash(), answer).await.unwrap_err();
        }
    }
    desk.pass(3600);
    let waiting = reset(&desk, reset_link(&desk).await, PASSWORD).await;
    let right = desk.code(&secret);
    assert_eq!(prove(&desk, waiting.key.hash(), Factor::Totp, &right).await, Err(Reason::Throttled));
    // The operator, who has looked at it, opens it again.
    desk.actions.set_password(&desk.call(), &operator(), id, Secret::from(OTHER), false).await.unwrap();
    let waiting = by_password(&desk, OTHER).await;
    assert_eq!(prove(&desk, waiting.key.hash(), Factor::Totp, &right).await, Ok(()));
}

/// Proves: THR-5
#[tokio::test]
async fn a_password_that_a_program_sets_leaves_the_failures_of_second_factors() {
    let desk = house();
    let id = desk.add("alice").await;
    desk.with_totp(id).await;
    for _ in 0..3 {
        let guess = Attempt { totp: Some(Secret::from("000000")), ..attempt("alice", PASSWORD) };
        desk.actions.sign_in_at_once(&desk.call(), guess).await.unwrap_err();
    }
    let caller = Caller::Program { key: "mail".to_owned(), account: id };
    let authority = Authority::of_caller(&caller).unwrap();
    let (old, new) = (Secret::from(""), Secret::from(OTHER));
    desk.actions.program_sets_password(&desk.call(), authority, old, new).await.unwrap();
    assert_eq!(desk.second_failures(id), 3);
}

/// Proves: ENR-1
#[tokio::test]
async fn after_a_link_a_code_to_the_same_mailbox_is_no_second_factor() {
    let desk = house();
    let (id, secret) = alice_with_both(&desk).await;
    refuses_mail(&desk, id, &by_link(&desk).await).await;
    let reset_now = reset(&desk, reset_link(&desk).await, OTHER).await;
    refuses_mail(&desk, id, &reset_now).await;
    desk.pass(60);
    let signed_in_later = by_password(&desk, OTHER).await;
    refuses_mail(&desk, id, &signed_in_later).await;
    // The owner shows the app; from then on the mailbox is a factor of its own again.
    let hash = signed_in_later.key.hash();
    assert_eq!(prove(&desk, hash, Factor::Totp, &desk.code(&secret)).await, Ok(()));
    desk.pass(60);
    let again = by_password(&desk, OTHER).await;
    assert!(again.options.contains(&Factor::EmailCode));
    let hash = again.key.hash();
    desk.actions.send_code(&desk.call(), Waiting::Pending(hash), Channel::Email).await.unwrap();
    let code = desk.sent_value(Template::EmailCode, "code").unwrap();
    assert_eq!(prove(&desk, hash, Factor::EmailCode, &code).await, Ok(()));
}

/// Who set the password is told by who knows it. What the owner proves without it says nothing of that.
///
/// Proves: ENR-1
#[tokio::test]
async fn the_owners_proof_vouches_for_no_password_that_somebody_else_set() {
    let desk = house();
    let (id, secret) = alice_with_both(&desk).await;
    let _thief = reset(&desk, reset_link(&desk).await, OTHER).await;
    let owner = by_link(&desk).await;
    assert_eq!(prove(&desk, owner.key.hash(), Factor::Totp, &desk.code(&secret)).await, Ok(()));
    desk.pass(60);
    refuses_mail(&desk, id, &by_password(&desk, OTHER).await).await;
}

/// It is remembered of a password from before there were codes by e-mail, too.
///
/// Proves: ENR-1
#[tokio::test]
async fn a_password_set_by_a_link_is_remembered_where_there_is_another_factor() {
    let desk = house();
    let id = desk.add("alice").await;
    let mail_only = || desk.store.read(|tx| factor::of_account(tx, id)).unwrap().mail_only;
    reset_link(&desk).await;
    let _secret = desk.with_totp(id).await;
    assert_eq!(mail_only(), None);
    let _waiting = reset(&desk, reset_link(&desk).await, OTHER).await;
    assert!(mail_only().is_some());
}

/// Only the operator's new password is surely not that of whoever reads the mail.
///
/// Proves: ENR-1
#[tokio::test]
async fn a_password_that_the_operator_sets_is_not_that_of_the_mailbox() {
    let desk = house();
    let (id, _secret) = alice_with_both(&desk).await;
    let _waiting = reset(&desk, reset_link(&desk).await, OTHER).await;
    assert!(!by_password(&desk, OTHER).await.options.contains(&Factor::EmailCode));
    let new = "one that was said on the telephone";
    desk.actions.set_password(&desk.call(), &operator(), id, Secret::from(new), false).await.unwrap();
    assert!(by_password(&desk, new).await.options.contains(&Factor::EmailCode));
    assert_eq!(desk.store.read(|tx| factor::of_account(tx, id)).unwrap().mail_only, None);
}

/// Proves: ENR-1, OTP-9
#[tokio::test]
async fn where_the_mailbox_is_the_only_factor_a_link_asks_for_recovery_codes() {
    let desk = house();
    let id = desk.create(Wanted { groups: Vec::new(), ..wanted("alice") }).await.unwrap();
    let codes = with_email_codes(&desk, id).await;
    assert_eq!(by_password(&desk, PASSWORD).await.options, [Factor::EmailCode, Factor::RecoveryCode]);
    assert_eq!(by_link(&desk).await.options, [Factor::RecoveryCode]);
    let waiting = reset(&desk, reset_link(&desk).await, OTHER).await;
    assert_eq!(waiting.options, [Factor::RecoveryCode]);
    refuses_mail(&desk, id, &waiting).await;
    let waiting = by_password(&desk, OTHER).await;
    assert_eq!(waiting.options, [Factor::RecoveryCode]);
    let used = prove(&desk, waiting.key.hash(), Factor::RecoveryCode, codes[0].expose()).await;
    assert_eq!(used, Ok(()));
    desk.pass(60);
    assert_eq!(by_password(&desk, OTHER).await.options, [Factor::EmailCode, Factor::RecoveryCode]);
    // When they are all used nothing is left, and still nobody comes in.
    for code in &codes[1..] {
        let waiting = by_link(&desk).await;
        assert_eq!(prove(&desk, waiting.key.hash(), Factor::RecoveryCode, code.expose()).await, Ok(()));
    }
    assert_eq!(by_link(&desk).await.options, []);
}
