//! Which counters the sweep keeps.

use std::{net::IpAddr, time::Duration};

use super::{stored::COUNTERS, *};
use crate::{
    domain::{
        account::{self, NewAccount},
        directory,
    },
    store::{Store, StoreError},
    values::{id::AccountId, name::Username, net::SourceKey, random::Random, time::Timestamp},
};

fn start() -> Timestamp {
    Timestamp::from_secs(1_000_000)
}

/// A store with one account.
fn with_alice() -> (Store, AccountId) {
    let store = Store::in_memory();
    let id = AccountId::mint(start(), Random::new([7; 10]));
    store
        .write_blocking(move |tx| {
            let home = directory::found(tx, start(), [1, 2, 3].map(|byte| Random::new([byte; 10])))?;
            let new = NewAccount {
                username: Username::parse("alice").unwrap(),
                display_name: None,
                email: None,
                mobile: None,
                groups: Vec::new(),
                managed: false,
            };
            account::create(tx, home, id, &new, start())
        })
        .unwrap();
    (store, id)
}

/// Proves: THR-4, THR-11
#[test]
fn a_source_at_the_ceiling_is_forgotten_in_time_and_an_account_is_not() {
    let (store, id) = with_alice();
    let rules = Rules::default();
    let client: IpAddr = "192.0.2.7".parse().unwrap();
    let subject = Subject::account(id);
    let origin = Origin::Source(SourceKey::of(Some(client)));
    let counters = Counters::of(&subject, None, &origin, Some(client));
    let (source, account, pair) = (counters.source.unwrap(), counters.subject, counters.pair);
    let counted =
        CounterRecord { failures: 500, latest: start(), consecutive: 500, ..CounterRecord::default() };
    store
        .write_blocking(move |tx| {
            for key in [source, account, pair] {
                COUNTERS.set(tx, &key, &counted)?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    for (days, kept) in [(10, [false, true, true]), (179, [false, true, true]), (180, [false, true, false])] {
        let (later, rules) = (start() + Duration::from_hours(24 * days), rules.clone());
        store.write_blocking(move |tx| sweep(tx, &rules, None, 100, later)).unwrap();
        let found = [source, account, pair].map(|key| store.read(|tx| COUNTERS.contains(tx, &key)).unwrap());
        assert_eq!(found, kept, "after {days} days");
    }
}
