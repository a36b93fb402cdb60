//! Changing passwords.

use std::sync::Arc;

use crate::{
    actions::{
        accounts::{StatusChange, Wanted},
        testing::{Desk, OTHER, PASSWORD, WRONG, operator, race, the_winner, unhindered, wanted},
    },
    domain::{
        audit::Event,
        caller::Caller,
        fault::{Field, Reason},
        outbox::Template,
        rights::Authority,
    },
    values::secret::Secret,
};

const THIRD: &str = "nineteen copper kettles on a shelf";

/// simple-auth.md 9.A1
///
/// Proves: SES-2, SES-9, PWD-8
#[tokio::test]
async fn a_change_ends_the_other_sessions_and_renews_this_one() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    for _ in 0..3 {
        desk.sign_in_from("192.0.2.9", "alice", PASSWORD).await.unwrap();
    }
    assert_eq!(desk.live(id), 4);
    let (key, session) = desk.change_password(&here, PASSWORD, OTHER).await.unwrap();
    assert_ne!(key.hash(), here.key.hash());
    assert_eq!(session.strength, here.session.strength, "a change is no new proof");
    let left: Vec<_> =
        desk.actions.sessions_of(&desk.call(), id).unwrap().iter().map(|session| session.id).collect();
    assert_eq!(left, [session.id]);
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::BadCredentials);
    desk.sign_in("alice", OTHER).await.unwrap();
    assert_eq!(desk.count(Event::PasswordChanged), 1);
}

/// Proves: THR-1, PWD-8
#[tokio::test]
async fn a_wrong_present_password_is_counted_like_a_guess() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    for _ in 0..5 {
        let fault = desk.change_password(&here, WRONG, OTHER).await.unwrap_err();
        assert_eq!((fault.reason, fault.flaws[0].field), (Reason::BadCredentials, Field::OldPassword));
    }
    let before = desk.hashed();
    assert_eq!(desk.change_password(&here, PASSWORD, OTHER).await.unwrap_err().reason, Reason::Throttled);
    assert_eq!(desk.hashed(), before);
    // The form stands under the same counters. Under another spelling it does not say so (THR-8).
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Throttled);
    assert_eq!(desk.refusal("alice@example.com", PASSWORD).await, Reason::BadCredentials);
    assert_eq!(desk.count(Event::PasswordChangeFailed), 5);
    assert_eq!(desk.live(id), 1, "the session that asked lives on");
    desk.pass(1);
    desk.change_password(&here, PASSWORD, OTHER).await.unwrap();
}

/// simple-auth.md 9.A9
///
/// Proves: PWD-7
#[tokio::test]
async fn a_new_password_must_be_another_and_a_good_one() {
    let desk = Desk::open();
    desk.add("montgomery").await;
    let here = desk.sign_in("montgomery", PASSWORD).await.unwrap();
    let long = "x".repeat(1025);
    for (new, reason) in [
        (PASSWORD, Reason::WeakPassword),
        ("short", Reason::WeakPassword),
        ("montgomery2024", Reason::WeakPassword),
        ("qwertyuiopasdfgh", Reason::WeakPassword),
        (&*long, Reason::WeakPassword),
        ("", Reason::WeakPassword),
    ] {
        let fault = desk.change_password(&here, PASSWORD, new).await.unwrap_err();
        assert_eq!((fault.reason, fault.flaws[0].field), (reason, Field::NewPassword), "{new}");
    }
    let fault = desk.change_password(&here, "", OTHER).await.unwrap_err();
    assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Malformed, Field::OldPassword));
    desk.change_password(&here, PASSWORD, OTHER).await.unwrap();
}

/// Races: change of the own password
/// Proves: SES-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_changes_at_once_one_wins() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = desk.add("alice").await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    let outcomes = race(&desk, |desk, at| {
        let here = here.clone();
        async move { desk.change_password(&here, PASSWORD, &format!("{OTHER} number {at}")).await }
    });
    // Whoever comes late finds another password, or the session that asked already replaced.
    the_winner(outcomes.await, &[Reason::BadCredentials, Reason::Unauthenticated]);
    assert_eq!((desk.count(Event::PasswordChanged), desk.live(id)), (1, 1));
    assert_eq!(desk.letters_of(Template::PasswordChanged), 1);
}

/// What ended while the new password was being hashed does not live on in the session that a change begins.
///
/// Proves: SES-9, SES-10, VCH-14
#[tokio::test]
async fn a_change_revives_no_ended_session() {
    for end in ["sign out", "end all", "disable", "lock"] {
        let desk = Desk::open();
        let id = desk.add("alice").await;
        let here = desk.sign_in("alice", PASSWORD).await.unwrap();
        match end {
            "sign out" => drop(desk.actions.sign_out(&desk.call(), vec![here.key.hash()]).await.unwrap()),
            "end all" => {
                desk.actions.operator_ends_sessions(&desk.call(), &operator(), id, None).await.unwrap();
            }
            "disable" => desk.status(id, StatusChange::Disable("left".to_owned())).await.unwrap(),
            _ => desk.status(id, StatusChange::Lock("lost".to_owned())).await.unwrap(),
        }
        let fault = desk.change_password(&here, PASSWORD, OTHER).await.unwrap_err();
        assert_eq!(fault.reason, Reason::Unauthenticated, "{end}");
        match end {
            "disable" => desk.status(id, StatusChange::Enable).await.unwrap(),
            "lock" => desk.status(id, StatusChange::Unlock).await.unwrap(),
            _ => {}
        }
        assert_eq!(desk.live(id), 0, "{end}");
        desk.sign_in("alice", PASSWORD).await.unwrap();
    }
}

/// Proves: PWD-8, SES-9
#[tokio::test]
async fn a_password_set_by_the_operator_ends_everything_and_can_be_temporary() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    let set = async |new: &str, temporary| {
        desk.actions.set_password(&desk.call(), &operator(), id, Secret::from(new), temporary).await
    };
    assert_eq!(set("short", true).await.unwrap_err().reason, Reason::WeakPassword);
    set(OTHER, true).await.unwrap();
    assert_eq!(desk.live(id), 0);
    let first = desk.sign_in("alice", OTHER).await.unwrap();
    assert!(first.session.restricted, "it opens nothing but the change");
    let (_, session) = desk.change_password(&first, OTHER, THIRD).await.unwrap();
    assert!(!session.restricted);
    assert!(!desk.sign_in("alice", THIRD).await.unwrap().session.restricted);
    set(OTHER, false).await.unwrap();
    assert!(!desk.sign_in("alice", OTHER).await.unwrap().session.restricted);
}

#[tokio::test]
async fn an_account_without_a_password_cannot_sign_in_with_any() {
    let desk = Desk::open();
    desk.create(Wanted { password: None, ..wanted("alice") }).await.unwrap();
    for password in [PASSWORD, "x"] {
        assert_eq!(desk.refusal("alice", password).await, Reason::BadCredentials);
    }
}

/// Proves: THR-3, THR-6
#[tokio::test]
async fn misses_under_another_name_of_the_account_block_the_present_password_too() {
    let desk = Desk::open();
    desk.add("alice").await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    for _ in 0..10 {
        assert_eq!(desk.refusal("alice@example.com", WRONG).await, Reason::BadCredentials);
        desk.pass(20);
    }
    let before = desk.hashed();
    for present in [PASSWORD, WRONG] {
        let fault = desk.change_password(&here, present, OTHER).await.unwrap_err();
        assert_eq!(fault.reason, Reason::Throttled);
    }
    assert_eq!(desk.hashed(), before, "neither was looked at");
}

/// Proves: THR-2
#[tokio::test]
async fn a_program_that_hangs_up_has_guessed_all_the_same() {
    let desk = Desk::open();
    let account = desk.add("alice").await;
    let authority = Authority::of_caller(&Caller::Program { key: "mail".to_owned(), account }).unwrap();
    let (call, old, new) = (desk.call(), Secret::from(WRONG), Secret::from(OTHER));
    desk.hang_up(desk.actions.program_sets_password(&call, authority, old, new)).await;
    assert_eq!(desk.count(Event::PasswordChangeFailed), 1);
}
