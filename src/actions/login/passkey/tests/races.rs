//! Ceremonies and counters of passkeys, with 64 who want the same.

use std::sync::Arc;

use super::{Device, FLOW, ORIGIN, add, add_by, answer, first_step, keeper, prove, show, signed_in, spoiled};
use crate::{
    actions::{
        login::{SignedIn, passkey::Prover},
        testing::{Desk, PASSWORD, Plan, at_most_five, counting, race, tally, the_winner, unhindered},
    },
    domain::{audit::Event, credential, factor::passkey::MOST_PASSKEYS, fault::Reason, outbox::Template},
    values::id::AccountId,
};

/// Alice, and a session of hers that added a passkey.
async fn alice(plan: Plan, device: &mut Device) -> (Arc<Desk>, AccountId, SignedIn) {
    let desk = Arc::new(Desk::with(plan));
    let id = desk.add("alice").await;
    let by = add(&desk, device, "alice").await;
    (desk, id, by)
}

/// A passkey that does not count, so that its counter is not what refuses the others.
fn without_counter() -> Device {
    Device { counts: false, ..Device::new(ORIGIN) }
}

/// Races: passkey ceremony, alone
/// Proves: WAN-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_answers_to_one_ceremony_one_signs_in() {
    let mut device = without_counter();
    let (desk, id, _) = alice(unhindered(), &mut device).await;
    let before = (desk.live(id), desk.count(Event::SignedIn));
    let asked = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    let shown = device.get(&asked.options).await;
    let outcomes = race(&desk, |desk, _| {
        let answer = answer(&asked, shown.clone());
        async move { show(&desk, FLOW, answer).await }
    });
    the_winner(outcomes.await, &[Reason::InvalidToken]);
    assert_eq!((desk.live(id), desk.count(Event::SignedIn)), (before.0 + 1, before.1 + 1));
    assert_eq!((desk.count(Event::PasskeyRefused), desk.count(Event::PasskeyDoubted)), (0, 0));
}

/// Races: passkey ceremony, second factor; passkey ceremony, step-up
/// Proves: WAN-1, SES-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_answers_to_one_question_one_goes_on() {
    for in_session in [false, true] {
        let mut device = without_counter();
        let (desk, id, by) = alice(unhindered(), &mut device).await;
        let prover = if in_session {
            Prover::Session(id, by.key.hash())
        } else {
            Prover::Pending(first_step(&desk, "alice").await.key.hash())
        };
        let asked = desk.actions.ask_for_passkey(&desk.call(), prover).await.unwrap();
        let shown = device.get(&asked.options).await;
        let outcomes = race(&desk, |desk, _| {
            let answer = answer(&asked, shown.clone());
            let call = desk.call();
            async move { signed_in(desk.actions.prove_with_passkey(&call, prover, answer, false).await) }
        });
        the_winner(outcomes.await, &[Reason::InvalidToken, Reason::Expired, Reason::Unauthenticated]);
        let begun = (desk.count(Event::SignedIn), desk.count(Event::SteppedUp), desk.live(id));
        assert_eq!(begun, if in_session { (1, 1, 1) } else { (2, 0, 2) });
        assert_eq!((desk.count(Event::PasskeyRefused), desk.count(Event::PasskeyDoubted)), (0, 0));
    }
}

/// Each has a ceremony of its own, and all are judged by the same stored counter.
///
/// Races: passkey counter
/// Proves: WAN-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_answers_with_one_counter_one_is_taken() {
    let mut device = Device::new(ORIGIN);
    let (desk, id, _) = alice(unhindered(), &mut device).await;
    let mut tries = Vec::new();
    for number in 0..64 {
        let flow = format!("flow {number}");
        let asked = desk.actions.ask_for_any_passkey(&desk.call(), &flow).await.unwrap();
        tries.push((flow, answer(&asked, device.clone().get(&asked.options).await)));
    }
    let outcomes = race(&desk, |desk, at| {
        let (flow, answer) = tries[at].clone();
        async move { show(&desk, &flow, answer).await }
    });
    the_winner(outcomes.await, &[Reason::BadCredentials]);
    assert_eq!((desk.count(Event::PasskeyDoubted), desk.live(id)), (63, 2));
}

/// Races: guesses at a passkey
/// Proves: THR-1, THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wrong_answers_five_are_judged() {
    let mut device = Device::new(ORIGIN);
    let (desk, id, _) = alice(counting(), &mut device).await;
    let mut tries = Vec::new();
    for number in 0..64 {
        let flow = format!("flow {number}");
        let asked = desk.actions.ask_for_any_passkey(&desk.call(), &flow).await.unwrap();
        tries.push((flow, answer(&asked, spoiled(&device.clone().get(&asked.options).await))));
    }
    let outcomes = race(&desk, |desk, at| {
        let (flow, answer) = tries[at].clone();
        async move { show(&desk, &flow, answer).await }
    });
    let seen = at_most_five(tally(&outcomes.await, [Reason::BadCredentials, Reason::Throttled]));
    assert_eq!(desk.count(Event::PasskeyRefused), seen);
    assert_eq!(desk.second_failures(id), u32::try_from(seen).unwrap());
}

/// Races: passkey ceremony, registration
/// Proves: WAN-1, WAN-3
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_answers_to_one_registration_one_makes_a_passkey() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let by = desk.sign_in("alice", PASSWORD).await.unwrap();
    let asked = desk.actions.begin_passkey(&desk.call(), keeper(&by)).await.unwrap();
    let made = Device::new(ORIGIN).create(&asked.options).await;
    let outcomes = race(&desk, |desk, _| {
        let (keeper, handle, made) = (keeper(&by), asked.handle.clone(), made.clone());
        async move { desk.actions.finish_passkey(&desk.call(), keeper, handle, (&made, "key")).await }
    });
    the_winner(outcomes.await, &[Reason::InvalidToken]);
    assert_eq!(desk.actions.passkeys_of(id).unwrap().len(), 1);
    assert_eq!((desk.count(Event::PasskeyAdded), desk.letters_of(Template::FactorAdded)), (1, 1));
}

/// Races: number of passkeys
/// Proves: WAN-4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_passkeys_added_at_once_there_are_no_more_than_allowed() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let mut made = Vec::new();
    for _ in 0..64 {
        let by = desk.sign_in("alice", PASSWORD).await.unwrap();
        let asked = desk.actions.begin_passkey(&desk.call(), keeper(&by)).await.unwrap();
        made.push((by, Device::new(ORIGIN).create(&asked.options).await, asked.handle));
    }
    let outcomes = race(&desk, |desk, at| {
        let (by, made, handle) = made[at].clone();
        async move { desk.actions.finish_passkey(&desk.call(), keeper(&by), handle, (&made, "key")).await }
    });
    assert_eq!(tally(&outcomes.await, [Reason::Malformed]), (MOST_PASSKEYS, [64 - MOST_PASSKEYS]));
    assert_eq!(desk.actions.passkeys_of(id).unwrap().len(), MOST_PASSKEYS);
    assert_eq!(desk.count(Event::PasskeyAdded), MOST_PASSKEYS);
}

/// Two passkeys and no password: 32 want each of them gone.
///
/// Races: last passkey
/// Proves: WAN-4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_removals_one_succeeds_and_the_last_passkey_stays() {
    let (mut first, mut second) = (Device::new(ORIGIN), Device::new(ORIGIN));
    let (desk, id, by) = alice(unhindered(), &mut first).await;
    let raised = prove(&desk, &mut first, Prover::Session(id, by.key.hash())).await.unwrap();
    add_by(&desk, &mut second, &raised).await.unwrap();
    desk.store.write(move |tx| credential::forget(tx, id)).await.unwrap();
    let there = desk.actions.passkeys_of(id).unwrap();
    let outcomes = race(&desk, |desk, at| {
        let (keeper, key) = (keeper(&raised), there[at % 2].key);
        async move { desk.actions.remove_passkey(&desk.call(), keeper, key).await }
    });
    the_winner(outcomes.await, &[Reason::NotFound, Reason::LastOne]);
    assert_eq!(desk.actions.passkeys_of(id).unwrap().len(), 1);
    assert_eq!((desk.count(Event::PasskeyRemoved), desk.letters_of(Template::FactorRemoved)), (1, 1));
}
