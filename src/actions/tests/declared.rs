//! Accounts of the configuration file.

use crate::{
    actions::{
        accounts::StatusChange,
        declared::{Declared, Reconciled},
        groups::Membership,
        testing::{Desk, OTHER, PASSWORD, Plan, operator},
    },
    crypto::password::{self, Hash, Params},
    domain::fault::Reason,
    values::{
        email::EmailAddress,
        name::{DisplayName, GroupName, Username},
        random::Random,
        secret::Secret,
    },
    world::World,
};

fn hash(password: &str) -> Hash {
    password::hash(&Secret::from(password), &Params::FLOOR, Random::new([3; 16])).unwrap()
}

fn declared(name: &str, hash: &Hash) -> Declared {
    Declared {
        username: Username::parse(name).unwrap(),
        display_name: None,
        email: None,
        mobile: None,
        groups: vec![GroupName::parse("staff").unwrap()],
        password: Some(hash.clone()),
        disabled: false,
    }
}

async fn reconcile(desk: &Desk, entries: &[&Declared]) -> (usize, usize, usize) {
    let entries = entries.iter().map(|entry| (*entry).clone()).collect();
    let Reconciled { created, changed, disabled, refused } =
        desk.actions.reconcile(&desk.call(), entries).await.unwrap();
    assert_eq!(refused, Vec::<String>::new());
    (created, changed, disabled)
}

#[tokio::test]
async fn declared_accounts_follow_the_file() {
    let desk = Desk::open();
    let (first, second) = (hash(PASSWORD), hash(OTHER));
    let alice = declared("alice", &first);
    let bob = declared("bob", &second);
    assert_eq!(reconcile(&desk, &[&alice, &bob]).await, (2, 0, 0));
    assert_eq!(reconcile(&desk, &[&alice, &bob]).await, (0, 0, 0), "nothing to do twice");
    let signed_in = desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.sign_in("bob", OTHER).await.unwrap();

    // A name or group that changes ends nothing.
    let renamed = Declared {
        display_name: Some(DisplayName::parse("Alice A.").unwrap()),
        email: Some(EmailAddress::parse("a@example.com").unwrap()),
        groups: Vec::new(),
        ..alice.clone()
    };
    assert_eq!(reconcile(&desk, &[&renamed, &bob]).await, (0, 1, 0));
    assert_eq!(desk.account("a@example.com").display_name, "Alice A.");
    assert_eq!(desk.live(signed_in.account), 1);
    assert_eq!(reconcile(&desk, &[&alice, &bob]).await, (0, 1, 0));

    // Another password ends the sessions.
    let changed = declared("alice", &second);
    assert_eq!(reconcile(&desk, &[&changed, &bob]).await, (0, 1, 0));
    assert_eq!(desk.live(signed_in.account), 0);
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::BadCredentials);
    desk.sign_in("alice", OTHER).await.unwrap();

    // Removed means disabled, declared again means open.
    assert_eq!(reconcile(&desk, &[&bob]).await, (0, 0, 1));
    assert_eq!((desk.live(signed_in.account), desk.account("alice").status.as_str()), (0, "disabled"));
    assert_eq!(desk.refusal("alice", OTHER).await, Reason::Disabled);
    assert_eq!(reconcile(&desk, &[&bob]).await, (0, 0, 0));
    assert_eq!(reconcile(&desk, &[&changed, &bob]).await, (0, 1, 0));
    desk.sign_in("alice", OTHER).await.unwrap();

    // Declared as closed.
    let closed = Declared { disabled: true, ..changed };
    assert_eq!(reconcile(&desk, &[&closed, &bob]).await, (0, 1, 0));
    assert_eq!((desk.live(signed_in.account), desk.account("alice").status.as_str()), (0, "disabled"));
    assert_eq!(reconcile(&desk, &[&closed, &bob]).await, (0, 0, 0));

    // Without a password nobody signs in.
    let bare = Declared { password: None, ..bob };
    assert_eq!(reconcile(&desk, &[&closed, &bare]).await, (0, 1, 0));
    assert_eq!(desk.refusal("bob", OTHER).await, Reason::BadCredentials);
    assert!(desk.actions.verify_audit(&operator()).unwrap().is_ok());
}

/// Proves: PWD-4
#[tokio::test]
async fn a_renewed_hash_is_no_change_of_the_file() {
    let desk = Desk::open();
    let entry = declared("alice", &hash(PASSWORD));
    reconcile(&desk, &[&entry]).await;
    let mut plan = Plan::default();
    plan.hashing.params = Params::new(20 * 1024, 2, 1).unwrap();
    let desk = Desk::over(desk.store.clone(), World::fake(), plan);
    let signed_in = desk.sign_in("alice", PASSWORD).await.unwrap();
    let stored =
        desk.store.read(|tx| crate::domain::credential::password_of(tx, signed_in.account)).unwrap().unwrap();
    assert_ne!(stored.hash, entry.password.as_ref().unwrap().as_str(), "renewed");
    assert_eq!(reconcile(&desk, &[&entry]).await, (0, 0, 0));
    assert_eq!(desk.live(signed_in.account), 1);
}

/// Proves: PWD-8
#[tokio::test]
async fn what_the_file_owns_is_changed_there() {
    let desk = Desk::open();
    reconcile(&desk, &[&declared("alice", &hash(PASSWORD))]).await;
    let here = desk.sign_in("alice", PASSWORD).await.unwrap();
    let (call, permit, id) = (desk.call(), operator(), here.account);
    let staff = GroupName::parse("staff").unwrap();
    let refusals = [
        desk.change_password(&here, PASSWORD, OTHER).await.map(|_| ()),
        desk.actions.set_password(&call, &permit, id, Secret::from(OTHER), false).await,
        desk.status(id, StatusChange::Disable("x".to_owned())).await,
        desk.status(id, StatusChange::Enable).await,
        desk.actions.delete_account(&call, &permit, id).await,
        desk.actions.change_membership(&call, &permit, id, staff, Membership::Leaves).await,
    ];
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err().reason, Reason::Managed);
    }
    assert_eq!(desk.live(id), 1);
}

/// A lock is the operator's; the file neither lifts it nor lets it hide that the entry is gone.
#[tokio::test]
async fn locks_outlive_reloads_and_a_removed_entry_outlives_the_lock() {
    let desk = Desk::open();
    let entry = declared("alice", &hash(PASSWORD));
    reconcile(&desk, &[&entry]).await;
    let id = desk.sign_in("alice", PASSWORD).await.unwrap().account;
    desk.status(id, StatusChange::Lock("lost".to_owned())).await.unwrap();
    assert_eq!(reconcile(&desk, &[&entry]).await, (0, 0, 0));
    assert_eq!(desk.account("alice").status.as_str(), "locked");
    assert_eq!(reconcile(&desk, &[]).await, (0, 0, 1));
    assert!(desk.status(id, StatusChange::Unlock).await.is_err());
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Disabled);
}

#[tokio::test]
async fn an_account_of_the_same_name_is_taken_over() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(reconcile(&desk, &[&declared("Alice", &hash(OTHER))]).await, (0, 1, 0));
    let account = desk.account("alice");
    assert!(account.managed);
    assert_eq!((desk.live(id), account.email), (0, None));
    desk.sign_in("alice", OTHER).await.unwrap();
    // Others stay as they are.
    desk.add("bob").await;
    assert_eq!(reconcile(&desk, &[]).await, (0, 0, 1));
    assert_eq!(desk.account("bob").status.as_str(), "active");
}
