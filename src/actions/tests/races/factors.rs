//! Adding second factors, and taking them away.

use std::sync::Arc;

use crate::{
    actions::{
        factors::Owner,
        testing::{Desk, PASSWORD, race, tally, the_winner, unhindered},
        tests::profile::own,
    },
    domain::{
        audit::Event,
        caller::Caller,
        factor::{Channel, totp::code_at},
        fault::Reason,
        outbox::Template,
        rights::Authority,
    },
    values::{id::AccountId, secret::Secret},
};

/// Alice, and how a session of hers changes factors.
async fn alice() -> (Arc<Desk>, AccountId, Owner) {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let by = desk.sign_in("alice", PASSWORD).await.unwrap();
    let strength = by.session.strength;
    let caller = Caller::Person { account: id, session: by.session.id, strength: strength.clone() };
    let authority = Authority::of_session(&caller).unwrap();
    let session = Some((by.key.hash(), by.session.id));
    (desk, id, Owner { authority, strength: Some(strength), session })
}

/// Races: enrolment of an authenticator app
/// Proves: OTP-1, OTP-5, OTP-9
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_confirmations_of_an_app_one_adds_it() {
    let (desk, id, owner) = alice().await;
    let secret = desk.actions.begin_totp(&desk.call(), owner.clone()).await.unwrap();
    let code = Secret::new(code_at(&secret, desk.call().now));
    let outcomes = race(&desk, |desk, _| {
        let (owner, given) = (owner.clone(), (None, code.clone()));
        async move { desk.actions.confirm_totp(&desk.call(), owner, given, true).await }
    });
    assert_eq!(the_winner(outcomes.await, &[Reason::Malformed]).len(), 10);
    assert_eq!((desk.count(Event::FactorAdded), desk.count(Event::RecoveryCodesMade)), (1, 1));
    assert_eq!(desk.letters_of(Template::FactorAdded), 1);
    assert_eq!(desk.actions.factors_of(id).unwrap().held.recovery.map(|(left, _)| left), Some(10));
}

/// Races: guesses at the enrolment of an authenticator app
/// Proves: OTP-5, THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wrong_confirmations_of_an_app_five_are_looked_at() {
    let (desk, id, owner) = alice().await;
    let secret = desk.actions.begin_totp(&desk.call(), owner.clone()).await.unwrap();
    let outcomes = race(&desk, |desk, _| {
        let (owner, given) = (owner.clone(), (None, Secret::from("000000")));
        async move { desk.actions.confirm_totp(&desk.call(), owner, given, true).await }
    });
    assert_eq!(tally(&outcomes.await, [Reason::SecondFactorWrong, Reason::Malformed]), (0, [5, 59]));
    let right = (None, Secret::new(code_at(&secret, desk.call().now)));
    let late = desk.actions.confirm_totp(&desk.call(), owner, right, true).await;
    assert_eq!(late.unwrap_err().reason, Reason::Malformed);
    assert!(!desk.actions.factors_of(id).unwrap().required);
}

/// Races: code that makes an address a factor
/// Proves: OTP-1, OTP-9
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_confirmations_of_an_address_as_a_factor_one_adds_it() {
    let (desk, id, owner) = alice().await;
    desk.actions.begin_address_factor(&desk.call(), owner.clone(), Channel::Email).await.unwrap();
    let code = Secret::new(desk.sent_value(Template::EmailCode, "code").unwrap());
    let outcomes = race(&desk, |desk, _| {
        let (owner, code) = (owner.clone(), code.clone());
        async move { desk.actions.confirm_address_factor(&desk.call(), owner, Channel::Email, code).await }
    });
    assert_eq!(the_winner(outcomes.await, &[Reason::Expired]).len(), 10);
    assert_eq!((desk.count(Event::FactorAdded), desk.count(Event::RecoveryCodesMade)), (1, 1));
    assert!(desk.actions.factors_of(id).unwrap().held.email.is_some());
}

/// Races: guesses at a code that makes an address a factor
/// Proves: THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wrong_confirmations_of_an_address_five_are_looked_at() {
    let (desk, id, owner) = alice().await;
    desk.actions.begin_address_factor(&desk.call(), owner.clone(), Channel::Email).await.unwrap();
    let outcomes = race(&desk, |desk, _| {
        let (owner, code) = (owner.clone(), Secret::from("00000000"));
        async move { desk.actions.confirm_address_factor(&desk.call(), owner, Channel::Email, code).await }
    });
    assert_eq!(tally(&outcomes.await, [Reason::SecondFactorWrong, Reason::Expired]), (0, [5, 59]));
    assert!(desk.actions.factors_of(id).unwrap().held.email.is_none());
}

/// Races: removal of an authenticator app by its code
/// Proves: OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_removals_of_an_app_by_one_code_one_removes_it() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let code = Secret::new(desk.code(&desk.with_totp(id).await));
    let outcomes = race(&desk, |desk, _| {
        let (owner, code) = (own(&desk, id), code.clone());
        async move { desk.actions.remove_totp_by_code(&desk.call(), owner, code, None).await }
    });
    the_winner(outcomes.await, &[Reason::NothingToDo, Reason::SecondFactorWrong]);
    assert_eq!((desk.count(Event::FactorRemoved), desk.letters_of(Template::FactorRemoved)), (1, 1));
    assert!(!desk.actions.factors_of(id).unwrap().required);
}
