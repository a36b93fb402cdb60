//! How often something is sent, and for whom: counted also where nothing is.

use std::sync::Arc;

use crate::{
    actions::{
        factors::codes::Waiting,
        people::Registration,
        recovery::LinkFor,
        testing::{Desk, PASSWORD, counting, operator, race, tally},
        tests::{
            mailbox::{by_password, with_email_codes},
            profile::{own, want_email},
            registration::newcomer,
        },
    },
    domain::{
        challenge::{self, Kind, PaceRules},
        factor::Channel,
        fault::Reason,
        outbox::Template,
    },
    values::{email::EmailAddress, phone::Phone},
};

/// A house in which one source may cause this many messages in an hour, and a receiver gets one in a minute.
fn house(per_source: u32) -> Arc<Desk> {
    let mut plan = counting();
    plan.people.pace = PaceRules { per_source, ..PaceRules::default() };
    plan.people.registration = Registration { open: true, confirm_email: false, ..Registration::default() };
    Arc::new(Desk::with(plan))
}

/// How often the usual source has asked for messages of this kind and its like.
fn asked(desk: &Desk, kind: Kind) -> u32 {
    desk.store.read(|tx| challenge::asked(tx, kind, &desk.call())).unwrap()
}

/// How often the usual source may still ask for what anybody may ask for.
async fn left(desk: &Desk) -> usize {
    for asked in 0..100 {
        let nobody = EmailAddress::parse(&format!("nobody{asked}@example.org")).unwrap();
        match desk.actions.request_link(&desk.call(), &nobody, LinkFor::NewPassword).await {
            Ok(()) => {}
            Err(fault) if fault.reason == Reason::Throttled => return asked,
            Err(fault) => panic!("{fault}"),
        }
    }
    panic!("there is no end to it")
}

/// Races: letters with a link, to one address and from one source
/// Proves: THR-1, THR-8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_who_ask_for_a_link_one_is_sent_and_all_are_counted() {
    let desk = house(65);
    desk.add("alice").await;
    let outcomes = race(&desk, |desk, _| async move {
        let email = EmailAddress::parse("alice@example.com").unwrap();
        desk.actions.request_link(&desk.call(), &email, LinkFor::NewPassword).await
    });
    assert_eq!(tally(&outcomes.await, []), (64, []));
    assert_eq!((desk.letters_of(Template::ResetPassword), left(&desk).await), (1, 1));
}

/// Races: codes as a second factor, sent to one person and for one source
/// Proves: THR-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_who_ask_for_a_code_one_is_sent_and_all_are_counted() {
    let desk = house(90);
    let id = desk.add("alice").await;
    with_email_codes(&desk, id).await;
    let hash = by_password(&desk, PASSWORD).await.key.hash();
    let before = desk.letters_of(Template::EmailCode);
    let outcomes = race(&desk, |desk, _| async move {
        desk.actions.send_code(&desk.call(), Waiting::Pending(hash), Channel::Email).await
    });
    assert_eq!(tally(&outcomes.await, [Reason::Throttled]), (1, [63]));
    // One was sent before, to make the address a factor.
    assert_eq!((desk.letters_of(Template::EmailCode) - before, asked(&desk, Kind::EmailCode)), (1, 65));
    assert_eq!(left(&desk).await, 90, "what anybody may ask for is counted by itself");
}

/// Races: links to a new address, for one person and from one source
/// Proves: THR-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wishes_for_an_address_one_is_followed_and_all_are_counted() {
    let desk = house(65);
    let id = desk.add("alice").await;
    let outcomes =
        race(&desk, |desk, at| async move { want_email(&desk, id, &format!("a{at}@example.net")).await });
    assert_eq!(tally(&outcomes.await, [Reason::Throttled]), (1, [63]));
    assert_eq!((desk.letters_of(Template::ChangeEmailConfirm), asked(&desk, Kind::Address)), (1, 64));
}

/// Races: codes to a new number, for one person and from one source
/// Proves: THR-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wishes_for_a_number_one_is_followed_and_all_are_counted() {
    let desk = house(65);
    let id = desk.add("alice").await;
    let outcomes = race(&desk, |desk, at| async move {
        let number = Phone::parse(&format!("+49301234{at:02}")).unwrap();
        desk.actions.want_mobile(&desk.call(), own(&desk, id), number).await
    });
    assert_eq!(tally(&outcomes.await, [Reason::Throttled]), (1, [63]));
    assert_eq!((desk.letters_of(Template::SmsCode), asked(&desk, Kind::Mobile)), (1, 64));
}

/// Races: registrations from one source
/// Proves: THR-1, THR-12
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_registrations_from_one_source_as_many_as_allowed_succeed() {
    let desk = house(20);
    let outcomes = race(&desk, |desk, at| {
        let newcomer = newcomer(&format!("user{at}"), &format!("a{at}@example.net"));
        async move { desk.actions.register(&desk.call(), newcomer).await }
    });
    assert_eq!(tally(&outcomes.await, [Reason::Throttled]), (20, [44]));
    assert_eq!(desk.actions.list_accounts(&operator(), None, 100).unwrap().len(), 20);
    assert_eq!((desk.letters_of(Template::Welcome), left(&desk).await), (20, 0));
}

/// Where addresses are not confirmed, registering tells whether one is in use; but not without end.
///
/// Races: registrations with an address in use, from one source
/// Proves: THR-8, THR-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_registrations_with_an_address_in_use_all_are_counted() {
    let desk = house(65);
    desk.add("alice").await;
    let outcomes = race(&desk, |desk, at| {
        let newcomer = newcomer(&format!("user{at}"), "alice@example.com");
        async move { desk.actions.register(&desk.call(), newcomer).await }
    });
    assert_eq!(tally(&outcomes.await, [Reason::EmailTaken]), (0, [64]));
    assert_eq!(
        (desk.actions.list_accounts(&operator(), None, 100).unwrap().len(), left(&desk).await),
        (1, 1)
    );
}
