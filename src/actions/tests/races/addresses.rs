//! Addresses and numbers that are to become somebody's.

use std::sync::Arc;

use crate::{
    actions::{
        Which,
        accounts::Wanted,
        people::Registration,
        testing::{Desk, RACERS, operator, race, the_winner, unhindered, wanted},
        tests::{
            profile::{own, want_email},
            registration::newcomer,
        },
    },
    domain::{
        audit::{Event, Outcome},
        fault::Reason,
        outbox::Template,
    },
    values::{id::AccountId, phone::Phone, secret::Secret},
};

const NUMBER: &str = "+4930123456";
const ADDRESS: &str = "shared@example.net";

/// Accounts without a password, which none of these races is about.
async fn people(desk: &Desk, count: usize) -> Vec<AccountId> {
    let mut people = Vec::new();
    for number in 0..count {
        let wanted = Wanted { password: None, ..wanted(&format!("user{number}")) };
        people.push(desk.create(wanted).await.unwrap());
    }
    people
}

/// Has a code sent to [`NUMBER`], which is to become somebody's.
async fn code_for(desk: &Desk, id: AccountId) -> Secret<String> {
    desk.pass(1);
    desk.actions.want_mobile(&desk.call(), own(desk, id), Phone::parse(NUMBER).unwrap()).await.unwrap();
    Secret::new(desk.sent_value(Template::SmsCode, "code").unwrap())
}

/// Has a link sent to [`ADDRESS`], which is to become somebody's.
async fn link_for(desk: &Desk, id: AccountId) -> Secret<String> {
    desk.pass(1);
    want_email(desk, id, ADDRESS).await.unwrap();
    desk.token(Template::ChangeEmailConfirm)
}

fn refused(desk: &Desk, event: Event) -> usize {
    desk.audit().iter().filter(|entry| entry.event == event && entry.outcome == Outcome::Refused).count()
}

/// Races: code to a new mobile number
/// Proves: OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uses_of_a_code_to_a_new_number_one_changes_it() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = people(&desk, 1).await[0];
    let code = code_for(&desk, id).await;
    let outcomes = race(&desk, |desk, _| {
        let (owner, code, number) = (own(&desk, id), code.clone(), Phone::parse(NUMBER).unwrap());
        async move { desk.actions.confirm_own_mobile(&desk.call(), owner, number, code).await }
    });
    the_winner(outcomes.await, &[Reason::Expired]);
    assert_eq!(desk.account("user0").mobile.as_deref(), Some(NUMBER));
    assert_eq!((desk.count(Event::AddressChanged), desk.letters_of(Template::MobileChanged)), (1, 1));
}

/// Races: mobile number, by its code
/// Proves: ENR-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_accounts_that_confirm_one_number_one_gets_it() {
    let desk = Arc::new(Desk::with(unhindered()));
    let mut codes = Vec::new();
    for id in people(&desk, RACERS).await {
        codes.push((id, code_for(&desk, id).await));
    }
    let outcomes = race(&desk, |desk, at| {
        let ((id, code), number) = (codes[at].clone(), Phone::parse(NUMBER).unwrap());
        let owner = own(&desk, id);
        async move { desk.actions.confirm_own_mobile(&desk.call(), owner, number, code).await.map(|()| id) }
    });
    let winner = the_winner(outcomes.await, &[Reason::NothingToDo]);
    let has_it = |id: AccountId| {
        desk.actions.find_account(&operator(), &Which::Id(id)).unwrap().account.mobile.is_some()
    };
    let holders: Vec<_> = codes.iter().map(|(id, _)| *id).filter(|id| has_it(*id)).collect();
    assert_eq!(holders, [winner]);
    assert_eq!((desk.count(Event::AddressChanged), refused(&desk, Event::AddressChanged)), (64, 63));
    assert_eq!(desk.letters_of(Template::MobileChanged), 1);
    // What was refused is used up all the same.
    let (late, code) = codes.into_iter().find(|(id, _)| *id != winner).unwrap();
    let number = Phone::parse(NUMBER).unwrap();
    let again = desk.actions.confirm_own_mobile(&desk.call(), own(&desk, late), number, code).await;
    assert_eq!(again.unwrap_err().reason, Reason::Expired);
}

/// Races: link to a new e-mail address
/// Proves: OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uses_of_a_link_to_a_new_address_one_changes_it() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = people(&desk, 1).await[0];
    let token = link_for(&desk, id).await;
    let outcomes = race(&desk, |desk, _| {
        let token = token.clone();
        async move { desk.actions.confirm_address(&desk.call(), token).await }
    });
    assert_eq!(the_winner(outcomes.await, &[Reason::NothingToDo]), id);
    assert_eq!(desk.account(ADDRESS).username, "user0");
    assert_eq!((desk.count(Event::AddressChanged), desk.count(Event::StipulationRefused)), (1, 63));
    assert_eq!(desk.letters_of(Template::ChangeEmailNotice), 2, "before and after, once each");
}

/// Races: e-mail address, by its link
/// Proves: ENR-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_accounts_that_confirm_one_address_one_gets_it() {
    let desk = Arc::new(Desk::with(unhindered()));
    let mut tokens = Vec::new();
    for id in people(&desk, RACERS).await {
        tokens.push(link_for(&desk, id).await);
    }
    let outcomes = race(&desk, |desk, at| {
        let token = tokens[at].clone();
        async move { desk.actions.confirm_address(&desk.call(), token).await }
    });
    let winner = the_winner(outcomes.await, &[Reason::NothingToDo]);
    assert_eq!(desk.account_id(ADDRESS), winner);
    assert_eq!((desk.count(Event::AddressChanged), desk.count(Event::StipulationRefused)), (1, 63));
}

/// Races: link of a registration, by `POST /stipulation`
/// Proves: OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_who_satisfy_one_stipulation_by_its_token_one_does() {
    let mut plan = unhindered();
    plan.people.registration = Registration { open: true, ..Registration::default() };
    let desk = Arc::new(Desk::with(plan));
    let id = desk.actions.register(&desk.call(), newcomer("alice", ADDRESS)).await.unwrap().id;
    let token = desk.token(Template::ConfirmEmail);
    let outcomes = race(&desk, |desk, _| {
        let token = token.clone();
        async move { desk.actions.satisfy_by_token(&desk.call(), Some(id), token).await }
    });
    assert_eq!(the_winner(outcomes.await, &[Reason::NothingToDo]), id);
    assert_eq!((desk.count(Event::StipulationSatisfied), desk.count(Event::StipulationRefused)), (1, 63));
    assert!(desk.account("alice").email_confirmed.is_some());
}
