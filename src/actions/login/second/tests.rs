//! Two factors: in order, counted, once.

mod races;

use std::{sync::Arc, time::Duration};

use super::SecondFactor;
use crate::{
    actions::{
        accounts::StatusChange,
        login::{Attempt, NextStep, SignInOutcome, SignedIn},
        testing::{Desk, OTHER, PASSWORD, Plan, WRONG, at_once, attempt, operator},
    },
    domain::{
        audit::Event,
        caller::{Factor, Level},
        factor::{self, totp::TotpSecret},
        fault::{Fault, Reason},
        login::{pending::PendingHash, throttle::Rules},
        session::SESSIONS,
    },
    values::{id::AccountId, secret::Secret},
};

fn unhurried() -> Plan {
    Plan { throttle: Rules { attempts_per_minute: 100_000, ..Rules::default() }, ..Plan::default() }
}

/// Alice, who has an authenticator app.
async fn alice(plan: Plan) -> (Desk, AccountId, TotpSecret) {
    let desk = Desk::with(plan);
    let id = desk.add("alice").await;
    let secret = desk.with_totp(id).await;
    // The code of the moment of enrolment is older than any that is used here.
    desk.pass(3600);
    (desk, id, secret)
}

async fn first_step(desk: &Desk) -> NextStep {
    match desk.actions.sign_in(&desk.call(), attempt("alice", PASSWORD)).await.unwrap() {
        SignInOutcome::Next(next) => next,
        SignInOutcome::SignedIn(_) => panic!("a session without the second factor"),
    }
}

fn given(code: impl Into<String>) -> SecondFactor {
    SecondFactor { factor: Factor::Totp, code: Secret::new(code.into()), trust: false, device: None }
}

async fn second_step(desk: &Desk, hash: PendingHash, answer: SecondFactor) -> Result<SignedIn, Reason> {
    match desk.actions.second_factor(&desk.call(), hash, answer).await {
        Ok(SignInOutcome::SignedIn(signed_in)) => Ok(signed_in),
        Ok(SignInOutcome::Next(_)) => panic!("asked a third time"),
        Err(fault) => Err(fault.reason),
    }
}

fn at_once_with(code: &str) -> Attempt {
    Attempt { totp: Some(Secret::from(code)), ..attempt("alice", PASSWORD) }
}

async fn in_one_call(desk: &Desk, code: &str) -> Result<SignedIn, Fault> {
    desk.actions.sign_in_at_once(&desk.call(), at_once_with(code)).await
}

async fn recovery_codes(desk: &Desk, account: AccountId) -> Vec<Secret<String>> {
    let world = desk.actions.world().clone();
    let (chance, now) = (std::array::from_fn(|_| world.random()), desk.call().now);
    desk.store.write(move |tx| factor::set_recovery(tx, account, &chance, now)).await.unwrap()
}

/// Proves: SES-2, SES-3, SES-11
#[tokio::test]
async fn the_password_alone_opens_nothing_but_the_next_step() {
    let (desk, id, secret) = alice(Plan::default()).await;
    let next = first_step(&desk).await;
    assert_eq!(next.options, [Factor::Totp]);
    assert_eq!(desk.live(id), 0);
    // The login cookie's value is no session's.
    let as_session = crate::domain::session::SessionHash::of_cookie(next.key.text().as_bytes()).unwrap();
    assert_eq!(desk.store.read(|tx| SESSIONS.get(tx, &as_session)), Ok(None));
    let hash = next.key.hash();
    assert_eq!(second_step(&desk, hash, given("000000")).await.unwrap_err(), Reason::SecondFactorWrong);
    assert_eq!(desk.live(id), 0);
    let signed_in = second_step(&desk, hash, given(desk.code(&secret))).await.unwrap();
    assert_eq!(signed_in.session.strength.level(), Level::SecondFactor);
    let proofs: Vec<_> = signed_in.session.strength.proofs.iter().map(|proof| proof.factor).collect();
    assert_eq!(proofs, [Factor::Password, Factor::Totp]);
    assert_eq!(desk.live(id), 1);
    desk.pass(30);
    let again = second_step(&desk, hash, given(desk.code(&secret))).await;
    assert_eq!(again.unwrap_err(), Reason::Expired, "the transaction is over");
}

/// Proves: SES-3, ENR-1
#[tokio::test]
async fn a_login_transaction_ends_with_its_time_the_password_and_the_account() {
    let (desk, id, secret) = alice(Plan::default()).await;
    let answer = async |hash| second_step(&desk, hash, given(desk.code(&secret))).await.unwrap_err();
    let old = first_step(&desk).await.key.hash();
    desk.pass(600);
    assert_eq!(answer(old).await, Reason::Expired);
    let before = first_step(&desk).await.key.hash();
    desk.actions.set_password(&desk.call(), &operator(), id, Secret::from(OTHER), false).await.unwrap();
    assert_eq!(answer(before).await, Reason::Expired);
    desk.actions.set_password(&desk.call(), &operator(), id, Secret::from(PASSWORD), false).await.unwrap();
    let open = first_step(&desk).await.key.hash();
    desk.status(id, StatusChange::Disable("gone".to_owned())).await.unwrap();
    assert_eq!(answer(open).await, Reason::Disabled);
    desk.status(id, StatusChange::Enable).await.unwrap();
    desk.pass(30);
    let open = first_step(&desk).await.key.hash();
    desk.actions.delete_account(&desk.call(), &operator(), id).await.unwrap();
    assert_eq!(answer(open).await, Reason::Expired);
}

/// simple-auth.md 9.A6
///
/// Proves: OTP-4
#[tokio::test]
async fn one_call_takes_password_and_code_together() {
    let (desk, id, secret) = alice(Plan::default()).await;
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::SecondFactorNeeded);
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    let code = desk.code(&secret);
    let reason = async |code: &str| in_one_call(&desk, code).await.map(|_| ()).map_err(|fault| fault.reason);
    assert_eq!(reason("000000").await, Err(Reason::SecondFactorWrong));
    assert_eq!(reason(&code).await, Ok(()));
    assert_eq!(reason(&code).await, Err(Reason::SecondFactorWrong), "used");
    // The code is not looked at before the password is right.
    desk.pass(30);
    let code = desk.code(&secret);
    let wrong = Attempt { password: Secret::from(WRONG), ..at_once_with(&code) };
    let refused = desk.actions.sign_in_at_once(&desk.call(), wrong).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BadCredentials);
    // Without a session.
    let sessions = desk.live(id);
    let proved = desk.actions.check_sign_in(&desk.call(), at_once_with(&code)).await.unwrap();
    assert_eq!((proved.account, proved.strength.level()), (id, Level::SecondFactor));
    assert_eq!(desk.live(id), sessions);
    let needed = desk.actions.check_sign_in(&desk.call(), attempt("alice", PASSWORD)).await.unwrap_err();
    assert_eq!(needed.reason, Reason::SecondFactorNeeded);
}

/// Races: authenticator code, in one call; authenticator code, step by step
/// Proves: OTP-1, OTP-4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_uses_of_one_code_one_succeeds() {
    let throttle = Rules {
        attempts_per_minute: 100_000,
        free_failures: 100,
        block_after: 100,
        source_failures: 1000,
        ..Rules::default()
    };
    let (desk, id, secret) = alice(Plan { throttle, ..Plan::default() }).await;
    let desk = Arc::new(desk);
    let code = desk.code(&secret);
    // In one call.
    let calls = (0..64).map(|number| {
        let (desk, code) = (desk.clone(), code.clone());
        async move {
            let call = desk.from(&format!("10.0.{number}.1"));
            desk.actions.sign_in_at_once(&call, at_once_with(&code)).await.is_ok()
        }
    });
    let won = at_once(calls).await.into_iter().filter(|won| *won).count();
    assert_eq!((won, desk.live(id)), (1, 1));
    // Step by step, each in a transaction of its own, and then all in one.
    for shared in [false, true] {
        desk.pass(7200);
        let code = desk.code(&secret);
        let one = first_step(&desk).await.key.hash();
        let mut hashes = Vec::new();
        for _ in 0..64 {
            hashes.push(if shared { one } else { first_step(&desk).await.key.hash() });
        }
        let steps = hashes.into_iter().map(|hash| {
            let (desk, code) = (desk.clone(), code.clone());
            async move { second_step(&desk, hash, given(code)).await.is_ok() }
        });
        assert_eq!(at_once(steps).await.into_iter().filter(|won| *won).count(), 1, "{shared}");
    }
}

/// Races: recovery code
/// Proves: OTP-1, OTP-9
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_uses_of_one_recovery_code_one_succeeds() {
    let (free_failures, block_after, source_failures) = (100, 100, 1000);
    let throttle = Rules { free_failures, block_after, source_failures, ..unhurried().throttle };
    let (desk, id, _) = alice(Plan { throttle, ..Plan::default() }).await;
    let codes = recovery_codes(&desk, id).await;
    let desk = Arc::new(desk);
    let mut steps = Vec::new();
    for _ in 0..64 {
        let (desk, hash) = (desk.clone(), first_step(&desk).await.key.hash());
        let answer = SecondFactor { factor: Factor::RecoveryCode, ..given(codes[0].expose().clone()) };
        steps.push(async move { second_step(&desk, hash, answer).await });
    }
    let won: Vec<_> = at_once(steps).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert!(won[0].review, "the factors are to be looked at");
    assert_eq!(desk.count(Event::RecoveryCodeUsed), 1);
    // For the second factor only: it is no password, and in one call it is known by its shape.
    let alone = desk.actions.sign_in_at_once(&desk.call(), attempt("alice", codes[1].expose())).await;
    assert_eq!(alone.unwrap_err().reason, Reason::BadCredentials);
    assert!(in_one_call(&desk, codes[1].expose()).await.is_ok());
}

/// 64 wrong answers at once to one question: five are looked at, and the question is over.
///
/// Races: guesses at a second factor
/// Proves: THR-1, THR-2, THR-7
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wrong_answers_are_counted_one_by_one_and_end_the_transaction() {
    let (desk, id, secret) = alice(unhurried()).await;
    let desk = Arc::new(desk);
    let hash = first_step(&desk).await.key.hash();
    let guesses = (0..64).map(|number| {
        let desk = desk.clone();
        async move {
            let call = desk.from(&format!("10.0.{number}.1"));
            desk.actions.second_factor(&call, hash, given("000000")).await.unwrap_err().reason
        }
    });
    let reasons = at_once(guesses).await;
    assert_eq!(reasons.iter().filter(|reason| **reason == Reason::SecondFactorWrong).count(), 4);
    assert_eq!(desk.count(Event::SecondFactorFailed), 5);
    assert_eq!(second_step(&desk, hash, given(desk.code(&secret))).await.unwrap_err(), Reason::Expired);
    assert_eq!(desk.live(id), 0);
    // In one call as well, over all the places it comes from.
    desk.pass(3600);
    let before = desk.count(Event::SecondFactorFailed);
    let guesses = (0..64).map(|_| {
        let desk = desk.clone();
        async move { in_one_call(&desk, "000000").await.unwrap_err().reason }
    });
    for reason in at_once(guesses).await {
        assert!(matches!(reason, Reason::SecondFactorWrong | Reason::Throttled), "{reason:?}");
    }
    assert_eq!(desk.count(Event::SecondFactorFailed) - before, 5, "from one address");
    assert_eq!(desk.second_failures(id), 10);
}

/// Proves: THR-6, THR-7
#[tokio::test]
async fn a_blocked_second_factor_ends_the_transaction_whatever_the_code() {
    let (desk, _, secret) = alice(unhurried()).await;
    for _ in 0..5 {
        in_one_call(&desk, "000000").await.unwrap_err();
    }
    for code in ["000000".to_owned(), desk.code(&secret)] {
        let hash = first_step(&desk).await.key.hash();
        assert_eq!(second_step(&desk, hash, given(code.clone())).await.unwrap_err(), Reason::Throttled);
        assert_eq!(second_step(&desk, hash, given(code)).await.unwrap_err(), Reason::Expired);
    }
    desk.pass(1);
    let hash = first_step(&desk).await.key.hash();
    second_step(&desk, hash, given(desk.code(&secret))).await.unwrap();
}

/// Proves: THR-5
#[tokio::test]
async fn only_all_factors_together_clear_the_failures() {
    let (desk, _, secret) = alice(unhurried()).await;
    for _ in 0..4 {
        assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    }
    first_step(&desk).await;
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::Throttled, "the right password cleared nothing");
    desk.pass(1);
    let hash = first_step(&desk).await.key.hash();
    assert_eq!(second_step(&desk, hash, given("000000")).await.unwrap_err(), Reason::SecondFactorWrong);
    second_step(&desk, hash, given(desk.code(&secret))).await.unwrap();
    for _ in 0..5 {
        assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials, "free again");
    }
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::Throttled);
}

/// Proves: SES-2, SES-8, SES-11
#[tokio::test]
async fn a_step_up_changes_the_key_and_not_the_end() {
    let desk = Desk::with(unhurried());
    let id = desk.add("alice").await;
    let signed_in = desk.sign_in("alice", PASSWORD).await.unwrap();
    let secret = desk.with_totp(id).await;
    desk.pass(1800);
    let up = async |answer| {
        let whose = (id, signed_in.key.hash());
        desk.actions.step_up(&desk.call(), whose, answer).await.map_err(|fault| fault.reason)
    };
    assert_eq!(up(given("000000")).await.unwrap_err(), Reason::SecondFactorWrong);
    let codes = recovery_codes(&desk, id).await;
    let other = SecondFactor { factor: Factor::EmailCode, ..given(codes[0].expose().clone()) };
    assert_eq!(up(other).await.unwrap_err(), Reason::SecondFactorWrong, "no such factor");
    let raised = up(given(desk.code(&secret))).await.unwrap();
    assert_eq!(raised.session.strength.level(), Level::SecondFactor);
    assert_eq!(raised.session.ends, signed_in.session.ends);
    assert_ne!(raised.key.hash(), signed_in.key.hash());
    assert_eq!(desk.live(id), 1);
    desk.pass(30);
    assert_eq!(
        up(given(desk.code(&secret))).await.unwrap_err(),
        Reason::Unauthenticated,
        "the old key is dead"
    );
}

/// A device that was trusted stands for the second factor: for its account and password, for a while, until it is forgotten.
///
/// Proves: SES-9
#[tokio::test]
async fn a_trusted_device_is_as_good_as_the_proof_given_on_it_and_no_longer() {
    let factors = factor::Rules { trusted: Duration::from_hours(24), ..factor::Rules::default() };
    let (desk, id, secret) = alice(Plan { factors, ..unhurried() }).await;
    let bob = desk.add("bob").await;
    desk.with_totp(bob).await;
    let trusted = async |desk: &Desk| {
        let hash = first_step(desk).await.key.hash();
        let answer = SecondFactor { trust: true, ..given(desk.code(&secret)) };
        second_step(desk, hash, answer).await.unwrap().trust.unwrap().0
    };
    let with = async |name: &str, password: &str, mark: &str| {
        let attempt = Attempt { trust: Some(mark.to_owned()), ..attempt(name, password) };
        desk.actions.sign_in_at_once(&desk.call(), attempt).await.map_err(|fault| fault.reason)
    };
    let mark = trusted(&desk).await;
    let given_at = desk.call().now;
    desk.pass(3600);
    let session = with("alice", PASSWORD, &mark).await.unwrap().session;
    assert_eq!(session.strength.level(), Level::SecondFactor);
    assert_eq!(session.strength.second_proof(), Some(given_at), "no younger than the proof behind it");
    assert_eq!(with("alice", WRONG, &mark).await.unwrap_err(), Reason::BadCredentials);
    assert_eq!(with("bob", PASSWORD, &mark).await.unwrap_err(), Reason::SecondFactorNeeded);
    assert_eq!(with("alice", PASSWORD, "garbage").await.unwrap_err(), Reason::SecondFactorNeeded);
    desk.pass(23 * 3600);
    assert_eq!(with("alice", PASSWORD, &mark).await.unwrap_err(), Reason::SecondFactorNeeded, "too old");
    // Forgotten, and after a change of password.
    let mark = trusted(&desk).await;
    desk.store.write(move |tx| factor::forget_devices(tx, id)).await.unwrap();
    assert_eq!(with("alice", PASSWORD, &mark).await.unwrap_err(), Reason::SecondFactorNeeded);
    desk.pass(60);
    let mark = trusted(&desk).await;
    desk.actions.set_password(&desk.call(), &operator(), id, Secret::from(OTHER), false).await.unwrap();
    assert_eq!(with("alice", OTHER, &mark).await.unwrap_err(), Reason::SecondFactorNeeded);
}

/// Off by default: neither given nor taken.
#[tokio::test]
async fn without_the_option_no_device_is_trusted() {
    let (desk, id, secret) = alice(Plan::default()).await;
    let hash = first_step(&desk).await.key.hash();
    let answer = SecondFactor { trust: true, ..given(desk.code(&secret)) };
    assert_eq!(second_step(&desk, hash, answer).await.unwrap().trust, None);
    let now = desk.call().now;
    let (version, generation) = desk
        .store
        .read(|tx| {
            let password = crate::domain::credential::password_of(tx, id)?;
            Ok::<_, crate::store::StoreError>((
                password.map(|p| p.version()),
                factor::of_account(tx, id)?.trust,
            ))
        })
        .unwrap();
    let mark = desk.actions.keyring().trust_mark(id, version, generation, now);
    let attempt = Attempt { trust: Some(mark), ..attempt("alice", PASSWORD) };
    let refused = desk.actions.sign_in_at_once(&desk.call(), attempt).await.unwrap_err();
    assert_eq!(refused.reason, Reason::SecondFactorNeeded);
}
