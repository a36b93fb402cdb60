//! Secrets of programs, and the passwords they set.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::FutureExt as _;

use crate::{
    actions::testing::{
        Desk, OTHER, PASSWORD, WRONG, at_most_five, counting, race, tally, the_winner, unhindered,
    },
    domain::{
        apikey::ApiKey,
        audit::Event,
        caller::Caller,
        fault::{Fault, Reason},
        login::throttle::{self, Counters},
        rights::Authority,
    },
    values::{id::AccountId, random::Random, secret::Secret},
};

fn program(account: AccountId) -> Authority {
    Authority::of_caller(&Caller::Program { key: "mail".to_owned(), account }).unwrap()
}

/// Failures of programs from the usual address, as stored.
fn failures(desk: &Desk) -> u32 {
    let counters = Counters::of_program(desk.call().client);
    desk.store.read(|tx| throttle::consecutive(tx, &counters.subject)).unwrap()
}

/// Races: guesses at the service secret
/// Proves: THR-1, THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wrong_service_secrets_five_are_compared() {
    let desk = Arc::new(Desk::with(counting()));
    let compared = Arc::new(AtomicUsize::new(0));
    let outcomes = race(&desk, |desk, _| {
        let compared = compared.clone();
        let check = move || {
            compared.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(Fault::new(Reason::WrongServiceSecret))
        };
        async move { desk.actions.prove_program(&desk.call(), Event::ServiceRefused, check).await }
    });
    let seen = at_most_five(tally(&outcomes.await, [Reason::WrongServiceSecret, Reason::Throttled]));
    assert_eq!((compared.load(Ordering::Relaxed), failures(&desk)), (seen, u32::try_from(seen).unwrap()));
    assert_eq!(desk.count(Event::ServiceRefused), 1, "told now and then");
}

/// Races: guesses at an API key
/// Proves: THR-1, THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wrong_api_keys_five_are_looked_up() {
    let desk = Arc::new(Desk::with(counting()));
    let outcomes = race(&desk, |desk, at| {
        let key = ApiKey::mint(Random::new([u8::try_from(at).unwrap(); 32])).text();
        async move { desk.actions.api_key(&desk.call(), Some(key.expose().as_str())).await }
    });
    let seen = at_most_five(tally(&outcomes.await, [Reason::Unauthenticated, Reason::Throttled]));
    assert_eq!((failures(&desk), desk.count(Event::ApiKeyRefused)), (u32::try_from(seen).unwrap(), 1));
}

/// Hanging up makes no room for another guess.
///
/// Proves: THR-2
#[tokio::test]
async fn who_hangs_up_stays_counted() {
    let desk = Desk::with(counting());
    let compared = AtomicUsize::new(0);
    for _ in 0..64 {
        let (call, check) = (desk.call(), || {
            compared.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(Fault::new(Reason::WrongServiceSecret))
        });
        drop(desk.actions.prove_program(&call, Event::ServiceRefused, check).now_or_never());
    }
    assert!((1..=5).contains(&compared.load(Ordering::Relaxed)), "{compared:?}");
}

/// A busy program is not taken for a guesser.
///
/// Races: right secrets of programs
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_right_secrets_none_waits() {
    let desk = Arc::new(Desk::with(counting()));
    let outcomes = race(&desk, |desk, _| async move {
        desk.actions.prove_program(&desk.call(), Event::ServiceRefused, || Ok(())).await
    });
    assert_eq!(tally(&outcomes.await, []), (64, []));
    assert_eq!(failures(&desk), 0);
}

/// Races: change of a password by a program, with the old one
/// Proves: PWD-8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_programs_with_one_old_password_one_replaces_it() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let outcomes = race(&desk, |desk, at| {
        let (old, new) = (Secret::from(PASSWORD), format!("{OTHER} number {at}"));
        let given = Secret::new(new.clone());
        async move {
            desk.actions.program_sets_password(&desk.call(), program(id), old, given).await.map(|()| new)
        }
    });
    let new = the_winner(outcomes.await, &[Reason::BadCredentials]);
    assert_eq!(desk.count(Event::PasswordChanged), 1);
    desk.sign_in("alice", &new).await.unwrap();
}

/// Races: guesses at the old password
/// Proves: THR-1, THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wrong_old_passwords_five_are_hashed() {
    let desk = Arc::new(Desk::with(counting()));
    let id = desk.add("alice").await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    let before = desk.hashed();
    let outcomes = race(&desk, |desk, at| {
        let here = here.clone();
        async move {
            if at % 2 == 0 {
                return desk.change_password(&here, WRONG, OTHER).await.map(drop);
            }
            let (old, new) = (Secret::from(WRONG), Secret::from(OTHER));
            desk.actions.program_sets_password(&desk.call(), program(id), old, new).await
        }
    });
    let seen = at_most_five(tally(&outcomes.await, [Reason::BadCredentials, Reason::Throttled]));
    assert_eq!(desk.count(Event::PasswordChangeFailed), seen);
    assert_eq!(desk.hashed() - before, u64::try_from(seen).unwrap());
    assert_eq!(desk.password_failures(id), u32::try_from(seen).unwrap());
}
