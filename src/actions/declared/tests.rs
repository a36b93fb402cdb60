//! What an entry can and cannot take, and what rests.

use super::*;
use crate::{
    actions::{
        accounts::{StatusChange, Wanted},
        testing::{Desk, PASSWORD, operator, wanted},
    },
    crypto::password::{self, Params},
    domain::fault::{Field, Reason},
    values::{random::Random, secret::Secret},
};

fn declared(name: &str, email: Option<&str>) -> Declared {
    let hash = password::hash(&Secret::from(PASSWORD), &Params::FLOOR, Random::new([3; 16])).unwrap();
    Declared {
        username: Username::parse(name).unwrap(),
        display_name: None,
        email: email.map(|email| EmailAddress::parse(email).unwrap()),
        mobile: None,
        groups: Vec::new(),
        password: Some(hash),
        disabled: false,
    }
}

async fn reconcile(desk: &Desk, entries: &[&Declared]) -> Reconciled {
    let entries = entries.iter().map(|entry| (*entry).clone()).collect();
    desk.actions.reconcile(&desk.call(), entries).await.unwrap()
}

const REST: u64 = 2160 * 3600;

#[tokio::test]
async fn a_locked_account_without_an_entry_is_disabled() {
    let desk = Desk::open();
    reconcile(&desk, &[&declared("alice", None)]).await;
    let id = desk.sign_in("alice", PASSWORD).await.unwrap().account;
    desk.status(id, StatusChange::Lock("lost".to_owned())).await.unwrap();
    assert_eq!(reconcile(&desk, &[]).await.disabled, 1);
    assert_eq!(desk.account("alice").status.as_str(), "disabled");
}

/// Proves: ENR-6
#[tokio::test]
async fn an_entry_with_a_taken_address_is_applied_but_for_the_address() {
    let desk = Desk::open();
    desk.add("carol").await;
    let before = declared("alice", Some("a@example.com"));
    reconcile(&desk, &[&before]).await;
    let id = desk.sign_in("alice", PASSWORD).await.unwrap().account;
    let after = Declared {
        disabled: true,
        groups: vec![GroupName::parse("staff").unwrap()],
        password: None,
        ..declared("alice", Some("carol@example.com"))
    };
    let done = reconcile(&desk, &[&after]).await;
    assert_eq!((done.changed, done.refused.len()), (1, 1), "{done:?}");
    assert!(done.refused[0].starts_with("alice: this e-mail address"), "{done:?}");
    let account = desk.account("alice");
    assert_eq!((account.status.as_str(), account.groups.len(), desk.live(id)), ("disabled", 1, 0));
    assert_eq!(account.email.as_deref(), Some("a@example.com"));
    assert_eq!(desk.store.read(|tx| PASSWORDS.get(tx, &id)).unwrap(), None);
    // Said again as long as it is so.
    let again = reconcile(&desk, &[&after]).await;
    assert_eq!((again.changed, again.refused.len()), (0, 1));
}

/// A new entry that is refused has made no group either, although all entries are one transaction.
#[tokio::test]
async fn a_refused_entry_leaves_nothing_behind() {
    let desk = Desk::open();
    desk.add("carol").await;
    let groups = || desk.actions.list_groups(&operator()).unwrap().len();
    let before = groups();
    let heir = Declared {
        groups: vec![GroupName::parse("newcomers").unwrap()],
        ..declared("dora", Some("carol@example.com"))
    };
    let done = reconcile(&desk, &[&heir, &declared("erin", None)]).await;
    assert_eq!((done.created, done.refused.len()), (1, 1), "{done:?}");
    assert_eq!(groups(), before);
}

/// Proves: ENR-6
#[tokio::test]
async fn the_addresses_of_a_deleted_account_rest() {
    let desk = Desk::open();
    let phone = Phone::parse("+15005550006").unwrap();
    let id = desk.create(Wanted { mobile: Some(phone.clone()), ..wanted("dave") }).await.unwrap();
    desk.actions.delete_account(&desk.call(), &operator(), id).await.unwrap();
    let by_mail = Wanted { email: EmailAddress::parse("Dave@Example.com").ok(), ..wanted("erin") };
    let by_phone = Wanted { mobile: Some(phone), ..wanted("erin") };
    for (wanted, field) in [(by_mail.clone(), Field::Email), (by_phone, Field::Mobile)] {
        let fault = desk.create(wanted).await.unwrap_err();
        assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Taken, field));
    }
    let entry = declared("frank", Some("dave@example.com"));
    assert_eq!(reconcile(&desk, &[&entry]).await.refused.len(), 1);
    desk.pass(REST);
    desk.create(by_mail).await.unwrap();
}

/// Proves: ENR-6
#[tokio::test]
async fn an_address_that_an_entry_gives_up_rests_but_for_its_owner() {
    let desk = Desk::open();
    let (with, without) = (declared("alice", Some("a@example.com")), declared("alice", None));
    let bob = declared("bob", None);
    reconcile(&desk, &[&with, &bob]).await;
    reconcile(&desk, &[&without, &bob]).await;
    let heir = declared("bob", Some("a@example.com"));
    assert_eq!(reconcile(&desk, &[&without, &heir]).await.refused.len(), 1);
    assert_eq!(desk.account("bob").email, None);
    assert_eq!(reconcile(&desk, &[&with, &bob]).await.refused, [""; 0]);
    assert_eq!(desk.account("alice").email.as_deref(), Some("a@example.com"));
    reconcile(&desk, &[&without, &bob]).await;
    desk.pass(REST);
    assert_eq!(reconcile(&desk, &[&without, &heir]).await.refused, [""; 0]);
    assert_eq!(desk.account("bob").email.as_deref(), Some("a@example.com"));
}
