//! One code of an authenticator app, for 64 on every way that takes one.

use std::sync::Arc;

use super::{alice, at_once_with, first_step, given};
use crate::{
    actions::testing::{Desk, PASSWORD, race, the_winner, unhindered},
    domain::{audit::Event, fault::Reason},
};

/// Races: authenticator code, step-up; session that is raised
/// Proves: OTP-1, OTP-4, SES-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_step_ups_one_raises_the_session() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let hash = desk.sign_in("alice", PASSWORD).await.unwrap().key.hash();
    let code = desk.code(&desk.with_totp(id).await);
    let outcomes = race(&desk, |desk, _| {
        let answer = given(&*code);
        async move { desk.actions.step_up(&desk.call(), (id, hash), answer).await }
    });
    let raised = the_winner(outcomes.await, &[Reason::Unauthenticated]);
    assert_ne!(raised.key.hash(), hash);
    assert_eq!((desk.count(Event::SteppedUp), desk.live(id)), (1, 1));
}

/// Races: authenticator code, without a session
/// Proves: OTP-1, OTP-4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_who_ask_about_one_code_one_is_told_that_it_is_right() {
    let (desk, id, secret) = alice(unhindered()).await;
    let (code, desk) = (desk.code(&secret), Arc::new(desk));
    let outcomes = race(&desk, |desk, _| {
        let attempt = at_once_with(&code);
        async move { desk.actions.check_sign_in(&desk.call(), attempt).await }
    });
    assert_eq!(the_winner(outcomes.await, &[Reason::SecondFactorWrong]).account, id);
    assert_eq!((desk.count(Event::SignedIn), desk.count(Event::SecondFactorFailed)), (1, 63));
}

/// Raising sessions, login transactions, one call with and without a session: 16 each.
///
/// Races: authenticator code, on every way
/// Proves: OTP-1, OTP-4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uses_of_one_code_on_every_way_one_succeeds() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(desk.sign_in("alice", PASSWORD).await.unwrap().key.hash());
    }
    let code = desk.code(&desk.with_totp(id).await);
    let mut questions = Vec::new();
    for _ in 0..16 {
        questions.push(first_step(&desk).await.key.hash());
    }
    let before = desk.count(Event::SignedIn);
    let outcomes = race(&desk, |desk, at| {
        let (session, question, code) = (sessions[at / 4], questions[at / 4], code.clone());
        async move {
            let call = desk.call();
            match at % 4 {
                0 => desk.actions.step_up(&call, (id, session), given(code)).await.map(drop),
                1 => desk.actions.second_factor(&call, question, given(code)).await.map(drop),
                2 => desk.actions.sign_in_at_once(&call, at_once_with(&code)).await.map(drop),
                _ => desk.actions.check_sign_in(&call, at_once_with(&code)).await.map(drop),
            }
        }
    });
    the_winner(outcomes.await, &[Reason::SecondFactorWrong]);
    assert_eq!(desk.count(Event::SignedIn) - before + desk.count(Event::SteppedUp), 1);
    assert_eq!(desk.count(Event::SecondFactorFailed), 63);
}
