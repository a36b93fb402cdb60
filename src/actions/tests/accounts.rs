//! Names, statuses and groups of accounts.

use std::sync::Arc;

use crate::{
    actions::{
        accounts::{StatusChange, Wanted},
        groups::Membership,
        testing::{Desk, OTHER, PASSWORD, at_once, operator, wanted},
    },
    domain::{
        audit::Event,
        fault::{Field, Reason},
    },
    values::{
        email::EmailAddress,
        name::{GroupName, Username},
        secret::Secret,
    },
};

fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

/// Proves: ENR-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_colliding_names_created_at_once_exactly_one_wins() {
    let desk = Arc::new(Desk::open());
    let spellings = ["alice", "Alice", "ALICE", "\u{ff41}lice", "aLICE", "\u{ff21}\u{ff2c}ICE"];
    let creating = (0..18).map(|at| {
        let desk = desk.clone();
        async move {
            let username = Username::parse(spellings[at % spellings.len()]).unwrap();
            desk.create(Wanted { username, email: None, password: None, ..wanted("alice") }).await
        }
    });
    let mut created = 0;
    for one in at_once(creating).await {
        match one {
            Ok(_) => created += 1,
            Err(fault) => assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Taken, Field::Username)),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(desk.actions.list_accounts(&operator(), None, 100).unwrap().len(), 1);
    assert_eq!(desk.count(Event::AccountCreated), 1, "a refused one leaves nothing behind");
}

/// simple-auth.md 9.A8
///
/// Proves: ENR-5
#[tokio::test]
async fn addresses_are_unique_by_their_canonical_form() {
    let desk = Desk::open();
    desk.add("alice").await;
    let email = EmailAddress::parse("ALICE@Example.COM").ok();
    let fault = desk.create(Wanted { email, password: None, ..wanted("other") }).await.unwrap_err();
    assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Taken, Field::Email));
}

/// Proves: ENR-6
#[tokio::test]
async fn a_deleted_name_rests() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.actions.delete_account(&desk.call(), &operator(), id).await.unwrap();
    let without = |name: &str| Wanted { email: None, password: None, ..wanted(name) };
    for days in [0, 89] {
        desk.pass(days * 24 * 3600);
        let fault = desk.create(without("ALICE")).await.unwrap_err();
        assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Taken, Field::Username));
    }
    desk.pass(24 * 3600);
    let again = desk.create(without("alice")).await.unwrap();
    assert_ne!(again, id, "the id is never given again");
}

/// Proves: PWD-7
#[tokio::test]
async fn a_new_account_needs_a_good_password() {
    let desk = Desk::open();
    for weak in
        ["short", "passwordpassword", "montgomery@example.com", "aaaaaaaaaaaaaaaaaa", "vouchsafe vouchsafe"]
    {
        let wanted = Wanted { password: Some(Secret::from(weak)), ..wanted("montgomery") };
        let created = desk.create(wanted).await.map_err(|fault| fault.reason);
        assert_eq!(created, Err(Reason::WeakPassword), "{weak}");
    }
    assert!(!desk.actions.any_account().unwrap());
}

/// Proves: SES-9
#[tokio::test]
async fn statuses_follow_one_another_as_they_may() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let lock = || StatusChange::Lock("why".to_owned());
    let disable = || StatusChange::Disable("why".to_owned());
    for (change, fine, status) in [
        (StatusChange::Enable, false, "active"),
        (lock(), true, "locked"),
        (StatusChange::Enable, false, "locked"),
        (StatusChange::Unlock, true, "active"),
        (lock(), true, "locked"),
        (disable(), true, "disabled"),
        (lock(), false, "disabled"),
        (StatusChange::Unlock, false, "disabled"),
        (StatusChange::Enable, true, "active"),
    ] {
        desk.sign_in("alice", PASSWORD).await.ok();
        assert_eq!(desk.status(id, change.clone()).await.is_ok(), fine, "{change:?}");
        assert_eq!(desk.account("alice").status.as_str(), status);
        if status != "active" {
            assert_eq!(desk.live(id), 0, "{change:?} ends sessions");
        }
    }
}

/// Proves: API-4
#[tokio::test]
async fn the_last_administrator_stays() {
    let desk = Desk::open();
    let admin = |name: &str| Wanted { groups: vec![group("admins")], password: None, ..wanted(name) };
    let root = desk.create(admin("root")).await.unwrap();
    let permit = operator();
    let gone = async || {
        let call = desk.call();
        [
            desk.status(root, StatusChange::Disable("x".to_owned())).await.map_err(|fault| fault.reason),
            desk.status(root, StatusChange::Lock("x".to_owned())).await.map_err(|fault| fault.reason),
            desk.actions.delete_account(&call, &permit, root).await.map_err(|fault| fault.reason),
            desk.actions
                .change_membership(&call, &permit, root, group("Admins"), Membership::Leaves)
                .await
                .map_err(|fault| fault.reason),
            desk.actions.delete_group(&call, &permit, group("admins")).await.map_err(|fault| fault.reason),
            desk.actions
                .rename_group(&call, &permit, group("ADMINS"), group("x"))
                .await
                .map_err(|fault| fault.reason),
        ]
    };
    assert_eq!(gone().await, [Err(Reason::LastOne); 6]);
    // A closed one does not count.
    let other = desk.create(admin("other")).await.unwrap();
    desk.status(other, StatusChange::Lock("x".to_owned())).await.unwrap();
    assert_eq!(gone().await, [Err(Reason::LastOne); 6]);
    desk.status(other, StatusChange::Unlock).await.unwrap();
    desk.actions
        .change_membership(&desk.call(), &permit, root, group("admins"), Membership::Leaves)
        .await
        .unwrap();
    desk.actions.delete_account(&desk.call(), &permit, root).await.unwrap();
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_that_opens() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.actions.delete_account(&desk.call(), &operator(), id).await.unwrap();
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::BadCredentials);
    assert_eq!(desk.refusal("alice@example.com", PASSWORD).await, Reason::BadCredentials);
    assert_eq!(desk.live(id), 0);
    let fault = desk.actions.set_password(&desk.call(), &operator(), id, Secret::from(OTHER), false).await;
    assert_eq!(fault.unwrap_err().reason, Reason::NotFound);
    assert!(desk.store.read(|tx| crate::domain::credential::password_of(tx, id)).unwrap().is_none());
}
