//! What is stored keeps its shape: a change here needs a migration (OPS-15).

use minicbor::{Decode, Encode};

use super::{
    ACCOUNTS, AccountRecord, BTreeMap, GroupId, Status, TenantId, Timestamp, UserDomainId, index_managed,
    managed,
};
use crate::{
    store::{Index, Record, Store, StoreError, Table, golden::check},
    values::id::AccountId,
};

/// An account as it was stored when nothing was entered anywhere.
#[derive(Encode, Decode)]
#[cbor(transparent)]
struct Before(#[n(0)] AccountRecord);

impl Record for Before {
    type Key = AccountId;
    const SPACE: &'static str = AccountRecord::SPACE;
    const INDEXES: &'static [Index<Self>] = &[];
}

/// Proves: OPS-15
#[test]
fn declared_accounts_of_before_are_entered() {
    let store = Store::in_memory();
    let id = |n| AccountId::from_bytes([n; 16]);
    let disabled = Status::Disabled { reason: String::new(), since: Timestamp::from_millis(0) };
    let named = |name: &str, status| AccountRecord {
        canonical: name.to_owned(),
        email_canonical: Some(format!("{name}@example.com")),
        mobile: None,
        ..account(status)
    };
    let (alice, bob) = (named("alice", Status::Active), named("bob", disabled));
    let carol = AccountRecord { managed: false, ..named("carol", Status::Active) };
    let found = store.write_blocking(move |tx| {
        for (n, account) in [(1, &alice), (2, &bob), (3, &carol)] {
            Table::<Before>::new().set(tx, &id(n), &Before(account.clone()))?;
        }
        assert_eq!(managed(tx)?, []);
        index_managed(tx)?;
        let found = managed(tx)?;
        ACCOUNTS.update(tx, &id(1), |alice| {
            alice.managed = false;
            true
        })?;
        assert_eq!(managed(tx)?, []);
        Ok::<_, StoreError>(found)
    });
    assert_eq!(found, Ok(vec![(id(1), "alice".to_owned())]));
}

fn account(status: Status) -> AccountRecord {
    AccountRecord {
        tenant: TenantId::from_bytes([1; 16]),
        domain: UserDomainId::from_bytes([2; 16]),
        username: "Alice".to_owned(),
        canonical: "alice".to_owned(),
        display_name: "Alice A.".to_owned(),
        email: Some("Alice@example.com".to_owned()),
        email_canonical: Some("alice@example.com".to_owned()),
        mobile: Some("+4930123456".to_owned()),
        groups: vec![GroupId::from_bytes([3; 16])],
        attributes: BTreeMap::from([("office".to_owned(), "B4".to_owned())]),
        status,
        created: Timestamp::from_millis(1_800_000_000_123),
        managed: true,
        email_confirmed: None,
        mobile_confirmed: None,
    }
}

/// Proves: OPS-15
#[test]
fn accounts() {
    let since = Timestamp::from_millis(1_800_000_001_000);
    check("src/domain/account/golden/active.v1.hex", &account(Status::Active));
    let locked = Status::Locked { reason: "lost phone".to_owned(), since };
    check("src/domain/account/golden/locked.v1.hex", &account(locked));
    let disabled = Status::Disabled { reason: "left".to_owned(), since };
    let bare = AccountRecord {
        email: None,
        email_canonical: None,
        mobile: None,
        groups: Vec::new(),
        attributes: BTreeMap::new(),
        managed: false,
        ..account(disabled)
    };
    check("src/domain/account/golden/disabled.v1.hex", &bare);
}

/// Proves: OPS-15
#[test]
fn confirmed_addresses() {
    let at = Timestamp::from_millis(1_800_000_002_000);
    let confirmed =
        AccountRecord { email_confirmed: Some(at), mobile_confirmed: Some(at), ..account(Status::Active) };
    check("src/domain/account/golden/confirmed.v1.hex", &confirmed);
}
