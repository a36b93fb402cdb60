//! Sessions and what is asked of their owners.

use std::sync::Arc;

use crate::{
    actions::{
        login::Attempt,
        people::Terms,
        testing::{Desk, PASSWORD, Plan, attempt, operator, race, tally, the_winner, unhindered},
    },
    domain::{
        audit::Event,
        caller::Caller,
        fault::Reason,
        login::throttle::Rules,
        outbox::Template,
        rights::Authority,
        session::{Lifetimes, SESSIONS},
        stipulation::Stipulation,
    },
};

/// Races: number of sessions
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_sign_ins_at_once_the_newest_twenty_stay() {
    let desk = Arc::new(Desk::with(Plan { limits: Lifetimes::default(), ..unhindered() }));
    let id = desk.add("alice").await;
    let outcomes = race(&desk, |desk, _| async move { desk.sign_in("alice", PASSWORD).await });
    assert_eq!(tally(&outcomes.await, []), (64, []));
    assert_eq!((desk.live(id), desk.count(Event::SignedIn), desk.count(Event::SessionEvicted)), (20, 64, 44));
}

/// Races: session that is replaced
/// Proves: SES-2, SES-14
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_sign_ins_over_one_session_all_begin_and_it_has_ended() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let old = desk.sign_in("alice", PASSWORD).await.unwrap().key.hash();
    let outcomes = race(&desk, |desk, _| async move {
        let attempt = Attempt { replaces: Some(old), ..attempt("alice", PASSWORD) };
        desk.actions.sign_in_at_once(&desk.call(), attempt).await
    });
    assert_eq!(tally(&outcomes.await, []), (64, []));
    assert_eq!(desk.live(id), 64);
    assert_eq!(desk.store.read(|tx| SESSIONS.get(tx, &old)), Ok(None));
}

/// Races: attempts of a source
/// Proves: THR-1, THR-12
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_attempts_of_one_source_as_many_as_allowed_are_looked_at() {
    let throttle = Rules { attempts_per_minute: 10, ..unhindered().throttle };
    let desk = Arc::new(Desk::with(Plan { throttle, ..unhindered() }));
    let id = desk.add("alice").await;
    let before = (desk.hashed(), desk.store.figures().transactions);
    let outcomes = race(&desk, |desk, _| async move { desk.sign_in("alice", PASSWORD).await });
    assert_eq!(tally(&outcomes.await, [Reason::Throttled]), (10, [54]));
    let after = (desk.hashed(), desk.store.figures().transactions);
    assert_eq!((after.0 - before.0, after.1 - before.1, desk.live(id)), (10, 10, 10));
}

/// Races: letter about a new place
/// Proves: THR-13
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_sign_ins_from_a_new_place_one_is_written_about() {
    let desk = Arc::new(Desk::with(unhindered()));
    desk.add("alice").await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    let outcomes =
        race(&desk, |desk, _| async move { desk.sign_in_from("198.51.100.9", "alice", PASSWORD).await });
    assert_eq!(tally(&outcomes.await, []), (64, []));
    assert_eq!(desk.letters_of(Template::NewDevice), 1);
}

/// Races: acceptance of the terms
/// Proves: SES-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_acceptances_of_the_terms_one_widens_the_session() {
    let mut plan = unhindered();
    plan.people.terms = Some(Terms { version: "1".to_owned(), url: "https://example.com/terms".to_owned() });
    let desk = Arc::new(Desk::with(plan));
    let id = desk.add("alice").await;
    let by = desk.sign_in("alice", PASSWORD).await.unwrap();
    let (session, strength) = (by.session.id, by.session.strength.clone());
    let authority = Authority::of_session(&Caller::Person { account: id, session, strength }).unwrap();
    let outcomes = race(&desk, |desk, _| {
        let (authority, hash) = (authority.clone(), by.key.hash());
        async move { desk.actions.accept_terms(&desk.call(), authority, "1", hash).await }
    });
    let (_, session) = the_winner(outcomes.await, &[Reason::Unauthenticated]);
    assert!(by.session.restricted && !session.restricted);
    assert_eq!((desk.live(id), desk.count(Event::StipulationSatisfied)), (1, 1));
}

/// Races: approval
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_approvals_one_counts_and_is_written_about() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    desk.actions.stipulate(&desk.call(), &operator(), id, Stipulation::ManualApproval).await.unwrap();
    let outcomes =
        race(&desk, |desk, _| async move { desk.actions.approve(&desk.call(), &operator(), id).await });
    the_winner(outcomes.await, &[Reason::NothingToDo]);
    assert_eq!(desk.letters_of(Template::AccountApproved), 1);
    desk.sign_in("alice", PASSWORD).await.unwrap();
}
