//! Clients that hang up, that flood, and that come back with what they once had.

use crate::{
    actions::{
        login::Attempt,
        testing::{Desk, OTHER, PASSWORD, Plan, WRONG, attempt, operator},
    },
    domain::{audit::Event, call::Call, fault::Reason, login::throttle::Rules},
    values::secret::Secret,
};

/// A guess is counted also when nobody waits for its answer, so hanging up early buys no guesses.
///
/// Proves: THR-2
#[tokio::test]
async fn hanging_up_does_not_keep_a_guess_from_being_counted() {
    let desk = Desk::open();
    desk.add("alice").await;
    for guess in 1..=5 {
        desk.hang_up(desk.sign_in("alice", WRONG)).await;
        assert_eq!(desk.count(Event::SignInFailed), guess);
    }
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Throttled);

    let desk = Desk::open();
    desk.add("alice").await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    for guess in 1..=5 {
        desk.hang_up(desk.change_password(&here, WRONG, OTHER)).await;
        assert_eq!(desk.count(Event::PasswordChangeFailed), guess);
    }
    assert_eq!(desk.change_password(&here, PASSWORD, OTHER).await.unwrap_err().reason, Reason::Throttled);
}

/// A change that was under way when its client hung up is whole: the new password, and no session but the one it begins.
///
/// Proves: SES-9
#[tokio::test]
async fn hanging_up_does_not_leave_half_a_change() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.hang_up(desk.change_password(&here, PASSWORD, OTHER)).await;
    assert_eq!((desk.count(Event::PasswordChanged), desk.live(id)), (1, 1));
    desk.sign_in("alice", OTHER).await.unwrap();
}

/// Refused attempts cost one entry a minute, under however many names they come.
///
/// Proves: THR-11, OPS-19
#[tokio::test]
async fn a_flood_of_refused_attempts_is_no_flood_of_entries() {
    let throttle = Rules { source_failures: 5, attempts_per_minute: 100_000, ..Rules::default() };
    let desk = Desk::with(Plan { throttle, ..Plan::default() });
    let id = desk.add("alice").await;
    let refused = async |call: Call, name: &str| {
        let fault = desk.actions.sign_in(&call, attempt(name, WRONG)).await.unwrap_err();
        assert_eq!(fault.reason, Reason::Throttled, "{name}");
        desk.count(Event::SignInThrottled)
    };
    for source in ["192.0.2.7", "192.0.2.8"] {
        for name in 0..5 {
            desk.sign_in_from(source, &format!("name-{name}"), WRONG).await.unwrap_err();
        }
    }
    let written = desk.store.figures().transactions;
    for name in 0..50 {
        assert_eq!(refused(desk.call(), &format!("other-{name}")).await, 1);
    }
    assert_eq!(refused(desk.call(), "alice").await, 1);
    assert_eq!(desk.store.figures().transactions - written, 1, "nothing else is written either");
    assert_eq!(refused(desk.from("192.0.2.8"), "alice").await, 2, "each source has an entry");
    assert_eq!(desk.audit()[0].subject, Some(id));
    desk.pass(59);
    assert_eq!(refused(desk.call(), "alice").await, 2);
    desk.pass(1);
    assert_eq!(refused(desk.call(), "alice").await, 3, "and has one again after a minute");
    assert_eq!(refused(desk.call(), "alice").await, 3);
}

/// Where there is no address, the one the attempts are about stands for the source.
///
/// Proves: THR-11
#[tokio::test]
async fn a_flood_without_an_address_has_an_entry_for_each_name() {
    let desk = Desk::open();
    let local = || Call { client: None, ..desk.call() };
    for name in ["alice", "bob"] {
        desk.add(name).await;
        for _ in 0..5 {
            desk.actions.sign_in(&local(), attempt(name, WRONG)).await.unwrap_err();
        }
    }
    for (name, entries) in [("alice", 1), ("alice", 1), ("bob", 2), ("alice", 2), ("bob", 2)] {
        let fault = desk.actions.sign_in(&local(), attempt(name, WRONG)).await.unwrap_err();
        assert_eq!(
            (fault.reason, desk.count(Event::SignInThrottled)),
            (Reason::Throttled, entries),
            "{name}"
        );
    }
}

/// Whoever had the old password, or a browser from then, is a stranger once it is replaced.
///
/// Proves: THR-4, SES-9
#[tokio::test]
async fn a_change_of_password_makes_known_devices_strangers() {
    for by_operator in [false, true] {
        let throttle = Rules { ceiling: 8, attempts_per_minute: 100_000, ..Rules::default() };
        let desk = Desk::with(Plan { throttle, ..Plan::default() });
        let id = desk.add("alice").await;
        let before = desk.sign_in("alice", PASSWORD).await.unwrap();
        if by_operator {
            let new = Secret::from(OTHER);
            desk.actions.set_password(&desk.call(), &operator(), id, new, false).await.unwrap();
        } else {
            desk.change_password(&before, PASSWORD, OTHER).await.unwrap();
        }
        let after = desk.sign_in("alice", OTHER).await.unwrap();
        for guess in 0..8 {
            desk.sign_in_from(&format!("10.0.{guess}.1"), "alice", WRONG).await.unwrap_err();
        }
        assert_eq!(desk.count(Event::CeilingReached), 1);
        let with = async |device: &Option<String>| {
            let attempt = Attempt { device: device.clone(), ..attempt("alice", OTHER) };
            desk.actions.sign_in(&desk.from("10.9.9.9"), attempt).await.map_err(|fault| fault.reason).err()
        };
        assert_eq!(with(&before.device).await, Some(Reason::Throttled), "by the operator: {by_operator}");
        assert_eq!(with(&after.device).await, None);
    }
}
