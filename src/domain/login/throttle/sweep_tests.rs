//! Which counters the sweep keeps.

use super::*;
use crate::{store::Store, values::random::Random};

/// Proves: THR-11
#[test]
fn a_source_at_the_ceiling_is_forgotten_in_time_and_an_account_is_not() {
    let store = Store::in_memory();
    let rules = Rules::default();
    let now = Timestamp::from_secs(1_000_000);
    let client: IpAddr = "192.0.2.7".parse().unwrap();
    let subject = Subject::account(AccountId::mint(now, Random::new([7; 10])));
    let origin = Origin::Source(SourceKey::of(Some(client)));
    let counters = Counters::of(&subject, None, &origin, Some(client));
    let (source, account) = (counters.source.unwrap(), counters.subject);
    let counted = CounterRecord { failures: 500, latest: now, consecutive: 500, ..CounterRecord::default() };
    store
        .write_blocking(move |tx| {
            COUNTERS.set(tx, &source, &counted)?;
            COUNTERS.set(tx, &account, &counted)?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let later = now + Duration::from_hours(240);
    let swept = rules.clone();
    store.write_blocking(move |tx| sweep(tx, &swept, None, 100, later)).unwrap();
    store
        .read(|tx| {
            assert_eq!(COUNTERS.get(tx, &source)?, None);
            assert!(COUNTERS.get(tx, &account)?.is_some());
            Ok::<_, StoreError>(())
        })
        .unwrap();
}
