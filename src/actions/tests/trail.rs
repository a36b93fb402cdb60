//! The audit trail, and what is swept.

use std::time::Duration;

use crate::{
    actions::{
        login::{Attempt, SignInOutcome},
        testing::{Desk, PASSWORD, Plan, WRONG, attempt, operator},
    },
    chores::Sweeper,
    domain::{
        audit::{self, AUDIT, AuditRecord, Entry, Event, Number},
        factor,
        fault::Reason,
        login::{pending, throttle::Rules},
        session::{Lifetimes, SESSIONS},
    },
    store::{StoreError, WriteTx},
    values::{random::Random, time::Timestamp},
};

async fn ten_entries() -> Desk {
    let desk = Desk::open();
    for at in 0..10 {
        desk.actions.record(&desk.call(), Event::Reloaded, &format!("number {at}")).await.unwrap();
        desk.pass(10);
    }
    assert_eq!(desk.actions.verify_audit(&operator()).unwrap(), Ok(10));
    desk
}

fn tamper(desk: &Desk, number: u64, with: fn(&mut AuditRecord)) {
    desk.store
        .write_blocking(move |tx| {
            let mut record = AUDIT.get(tx, &Number(number))?.expect("it is there");
            with(&mut record);
            AUDIT.set(tx, &Number(number), &record)
        })
        .unwrap();
}

fn remove(desk: &Desk, number: u64) {
    desk.store.write_blocking(move |tx| AUDIT.take(tx, &Number(number)).map(|_| ())).unwrap();
}

/// Proves: OPS-19
#[tokio::test]
async fn a_changed_or_missing_entry_breaks_the_chain() {
    for number in [1, 5, 10] {
        let changes: [fn(&mut AuditRecord); 4] = [
            |record| record.detail.push('x'),
            |record| record.at = record.at + Duration::from_millis(1),
            |record| record.chain[31] ^= 1,
            |record| record.actor = "somebody else".to_owned(),
        ];
        for change in changes {
            let desk = ten_entries().await;
            tamper(&desk, number, change);
            assert!(
                desk.actions.verify_audit(&operator()).unwrap().is_err_and(|at| at.abs_diff(number) <= 1),
                "{number}"
            );
        }
        let desk = ten_entries().await;
        remove(&desk, number);
        assert!(desk.actions.verify_audit(&operator()).unwrap().is_err(), "{number} removed");
    }
    let desk = ten_entries().await;
    (1..=10).for_each(|number| remove(&desk, number));
    assert!(desk.actions.verify_audit(&operator()).unwrap().is_err(), "all removed");
}

/// Proves: OPS-16, OPS-19
#[tokio::test]
async fn what_is_too_old_goes_and_the_chain_holds_on() {
    let desk = ten_entries().await;
    let start = desk.audit().last().unwrap().at;
    let bound = start + Duration::from_secs(40);
    assert_eq!(desk.store.write_blocking(move |tx| audit::remove_before(tx, bound, 3)), Ok(3), "bounded");
    assert_eq!(desk.store.write_blocking(move |tx| audit::remove_before(tx, bound, 300)), Ok(1));
    assert_eq!(desk.actions.verify_audit(&operator()).unwrap(), Ok(10));
    assert_eq!(desk.audit().last().unwrap().number, 5);
    // The oldest kept entry is guarded, too.
    tamper(&desk, 5, |record| record.detail.clear());
    assert_eq!(desk.actions.verify_audit(&operator()).unwrap(), Err(5));
    let desk = ten_entries().await;
    let all = start + Duration::from_secs(9999);
    desk.store.write_blocking(move |tx| audit::remove_before(tx, all, 300)).unwrap();
    assert_eq!(desk.actions.verify_audit(&operator()).unwrap(), Ok(10));
    desk.actions.record(&desk.call(), Event::Reloaded, "goes on").await.unwrap();
    assert_eq!(desk.actions.verify_audit(&operator()).unwrap(), Ok(11));
}

/// Proves: OPS-19
#[tokio::test]
async fn an_entry_is_kept_exactly_when_its_change_is() {
    let desk = Desk::open();
    let call = desk.call();
    let refused: Result<(), StoreError> = desk.store.write_blocking(move |tx| {
        audit::append(tx, &Entry::done(Event::AccountCreated, "x", &call))?;
        Err(StoreError::Busy)
    });
    assert!(refused.is_err());
    assert_eq!(desk.audit(), []);
    // And read back in pages, newest first, about everybody or about one.
    let id = desk.add("alice").await;
    desk.refusal("alice", WRONG).await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    let all = desk.audit();
    assert!(all.is_sorted_by(|a, b| a.number > b.number));
    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let page = desk.actions.audit(&operator(), Some(id), before, 2).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        paged.extend(page);
    }
    let about: Vec<_> = all.into_iter().filter(|record| record.subject == Some(id)).collect();
    assert_eq!(paged, about);
}

/// simple-auth.md 9.C7
///
/// Proves: OPS-16
#[tokio::test]
async fn the_sweep_removes_the_dead_and_nothing_else() {
    let desk = Desk::with(Plan {
        throttle: Rules { attempts_per_minute: 9999, ..Rules::default() },
        ..Plan::default()
    });
    let id = desk.add("alice").await;
    for _ in 0..3 {
        desk.sign_in("alice", PASSWORD).await.unwrap();
    }
    desk.pass(3000);
    let young = desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.refusal("made-up", WRONG).await;
    desk.pass(600);
    // Three are idle for an hour now.
    let (limits, rules) = (Lifetimes::default(), Rules::default());
    let mut sweeper = Sweeper::default();
    let keep = Duration::from_hours(365 * 24);
    let trail = desk.audit().len();
    let now = desk.call().now;
    assert_eq!(sweeper.round(&desk.store, now, &limits, &rules, keep).await, Ok(3));
    assert_eq!(sweeper.round(&desk.store, now, &limits, &rules, keep).await, Ok(0));
    assert_eq!(desk.store.read(|tx| SESSIONS.count(tx)), Ok(1));
    assert!(desk.store.read(|tx| SESSIONS.contains(tx, &young.key.hash())).unwrap());
    assert_eq!((desk.live(id), desk.audit().len()), (1, trail));
    assert_eq!(desk.refusal("made-up", WRONG).await, Reason::BadCredentials);
    desk.sign_in("alice", PASSWORD).await.unwrap();
    let later = now + Duration::from_hours(366 * 24);
    sweeper.round(&desk.store, later, &limits, &rules, keep).await.unwrap();
    assert_eq!(desk.store.read(|tx| SESSIONS.count(tx)), Ok(0));
    assert_eq!(desk.audit(), []);
    assert_eq!(desk.actions.find_account(&operator(), &"alice".into()).unwrap().id, id);
}

/// Sign-ins that nobody finished and apps that nobody confirmed go when their time is over, and not before.
///
/// Proves: OPS-16, SES-3
#[tokio::test]
async fn the_sweep_removes_what_was_begun_and_not_finished() {
    let desk = Desk::open();
    let (alice, bob) = (desk.add("alice").await, desk.add("bob").await);
    desk.with_totp(alice).await;
    let (epoch, keep) = (desk.store.epoch(), Duration::from_hours(24));
    let begin = async || match desk.actions.sign_in(&desk.call(), attempt("alice", PASSWORD)).await.unwrap() {
        SignInOutcome::Next(next) => next.key.hash(),
        SignInOutcome::SignedIn(_) => panic!("a session without the second factor"),
    };
    let offer = async |id| {
        let (keyring, now) = (desk.actions.keyring(), desk.call().now);
        let chance = (Random::new([1; 20]), Random::new([2; 32]));
        let write = move |tx: &mut WriteTx| {
            factor::offer(tx, keyring.factors(), id, None, chance, now, epoch).map(|_| ())
        };
        desk.store.write(write).await.unwrap();
    };
    let mut sweeper = Sweeper::default();
    let mut round = async || {
        let (limits, rules) = (Lifetimes::default(), Rules::default());
        sweeper.round(&desk.store, desk.call().now, &limits, &rules, keep).await.unwrap();
    };
    // What a sweep by hand would still find, as of some moment.
    let left = async |now: Timestamp| {
        let write = move |tx: &mut WriteTx| {
            let begun = pending::sweep(tx, now, 100)?;
            Ok::<_, StoreError>((begun, factor::sweep_enrolments(tx, None, 100, now)?.1))
        };
        desk.store.write(write).await.unwrap()
    };
    begin().await;
    offer(alice).await;
    desk.pass(301);
    let young = begin().await;
    offer(bob).await;
    desk.pass(300);
    round().await;
    assert_eq!(left(desk.call().now).await, (0, 0), "what is over is gone");
    assert!(desk.actions.pending_question(&desk.call(), &young).is_ok());
    let (keyring, now) = (desk.actions.keyring(), desk.call().now);
    let waits =
        desk.store.read(|tx| factor::enrolling(tx, keyring.factors(), bob, None, now, epoch)).unwrap();
    assert!(waits.is_some());
    desk.pass(301);
    round().await;
    assert_eq!(left(desk.call().now + keep).await, (0, 0), "nothing is left at all");
}

/// Quiet hours between guesses do not give a guesser another hundred.
///
/// Proves: THR-4, THR-11
#[tokio::test]
async fn the_ceiling_counts_through_sweeps() {
    let throttle = Rules { ceiling: 6, attempts_per_minute: 9999, ..Rules::default() };
    let desk = Desk::with(Plan { throttle: throttle.clone(), ..Plan::default() });
    desk.add("alice").await;
    let device = desk.sign_in("alice", PASSWORD).await.unwrap().device.unwrap();
    let with = async |password: &str| {
        let attempt = Attempt { device: Some(device.clone()), ..attempt("alice", password) };
        desk.actions.sign_in_at_once(&desk.call(), attempt).await.is_ok()
    };
    let mut sweeper = Sweeper::default();
    for guess in 0..6 {
        assert!(!with(WRONG).await);
        assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials, "guess {guess}");
        desk.pass(24 * 3600);
        let keep = Duration::from_secs(1_000_000_000);
        sweeper.round(&desk.store, desk.call().now, &Lifetimes::default(), &throttle, keep).await.unwrap();
    }
    // As for an unknown name, for which nothing is remembered that long: it is not told why. The device that signed in
    // before had as many tries of its own.
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::BadCredentials);
    assert_eq!(desk.refusal("alice@example.com", PASSWORD).await, Reason::BadCredentials);
    assert!(!with(PASSWORD).await);
}
