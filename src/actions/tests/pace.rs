//! How much the house sends, and who can use that up.

use super::mailbox::{by_password, house, with_email_codes};
use crate::{
    actions::{
        accounts::Wanted,
        factors::{Owner, codes::Waiting},
        people::{self, Registration},
        recovery::LinkFor,
        registration::Newcomer,
        testing::{Desk, PASSWORD, Plan, wanted},
    },
    domain::{
        caller::{Caller, Factor, Strength},
        directory,
        factor::Channel,
        fault::Reason,
        outbox::Template,
        rights::Authority,
    },
    values::{
        email::EmailAddress,
        id::SessionId,
        name::{GroupName, Username},
        secret::Secret,
    },
};

fn joining(change: impl FnOnce(&mut people::Rules)) -> Desk {
    let registration = Registration { open: true, ..Registration::default() };
    let mut people = people::Rules { registration, ..people::Rules::default() };
    change(&mut people);
    Desk::with(Plan { people, ..Plan::default() })
}

fn newcomer(number: usize) -> Newcomer {
    Newcomer {
        username: Username::parse(&format!("bob{number}")).unwrap(),
        display_name: None,
        email: EmailAddress::parse(&format!("bob{number}@example.net")).unwrap(),
        password: Secret::from(PASSWORD),
        accepts: None,
        session: false,
        replaces: None,
    }
}

/// Proves: THR-1
#[tokio::test]
async fn what_strangers_ask_for_leaves_enough_for_those_who_sign_in() {
    let desk = house();
    let id = desk.create(Wanted { groups: Vec::new(), ..wanted("alice") }).await.unwrap();
    with_email_codes(&desk, id).await;
    for source in 0..50 {
        let call = desk.from(&format!("198.51.{source}.1"));
        for number in 0..20 {
            let email = EmailAddress::parse(&format!("nobody-{source}-{number}@example.net")).unwrap();
            desk.actions.request_link(&call, &email, LinkFor::NewPassword).await.unwrap();
        }
    }
    let waiting = by_password(&desk, PASSWORD).await;
    let to = Waiting::Pending(waiting.key.hash());
    let before = desk.letters_of(Template::EmailCode);
    desk.actions.send_code(&desk.call(), to, Channel::Email).await.unwrap();
    assert_eq!(desk.letters_of(Template::EmailCode) - before, 1);
}

/// Proves: THR-12, PWD-5
#[tokio::test]
async fn a_source_that_registers_too_often_is_refused_before_anything_is_hashed() {
    let desk = joining(|people| people.pace.per_source = 2);
    for number in 0..2 {
        desk.actions.register(&desk.call(), newcomer(number)).await.unwrap();
    }
    let before = desk.hashed();
    let refused = desk.actions.register(&desk.call(), newcomer(2)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Throttled);
    assert!(refused.retry_after.is_some());
    assert_eq!(desk.hashed(), before);
}

/// Proves: THR-1
#[tokio::test]
async fn administrators_hear_once_of_many_who_wait() {
    let desk = joining(|people| people.registration.approval = true);
    let admins = vec![GroupName::parse(directory::ADMINS).unwrap()];
    for name in ["ada", "grace"] {
        desk.create(Wanted { groups: admins.clone(), ..wanted(name) }).await.unwrap();
    }
    for number in 0..10 {
        let call = desk.from(&format!("198.51.100.{number}"));
        desk.actions.register(&call, newcomer(number)).await.unwrap();
        desk.pass(3);
    }
    assert_eq!(desk.letters_of(Template::ApprovalWanted), 2, "one for each of them");
    desk.pass(60);
    desk.actions.register(&desk.call(), newcomer(10)).await.unwrap();
    assert_eq!(desk.letters_of(Template::ApprovalWanted), 4);
}

/// Proves: THR-8
#[tokio::test]
async fn many_accounts_cannot_fill_one_mailbox() {
    let desk = Desk::open();
    for number in 0..10 {
        let account = desk.add(&format!("bob{number}")).await;
        let strength = Strength::of(Factor::Password, desk.call().now);
        let session = SessionId::from_bytes([1; 16]);
        let caller = Caller::Person { account, session, strength: strength.clone() };
        let authority = Authority::of_session(&caller).unwrap();
        let owner = Owner { authority, strength: Some(strength), session: None };
        let victim = EmailAddress::parse("victim@example.net").unwrap();
        desk.actions.want_email(&desk.call(), owner, victim).await.unwrap();
    }
    assert_eq!(desk.letters_of(Template::ChangeEmailConfirm), 1);
}
