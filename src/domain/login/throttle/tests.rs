//! The rules as numbers: one counter, one moment, one verdict.

use std::{net::IpAddr, time::Duration};

use super::{stored::COUNTERS, *};
use crate::{
    store::{Store, StoreError},
    values::{id::AccountId, name, net::SourceKey, random::Random, time::Timestamp},
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

const fn wait(seconds: u64) -> Admission {
    Admission::Wait(Duration::from_secs(seconds))
}

/// So many failures in a row at one moment.
fn failed(rules: &Rules, times: u32, now: Timestamp) -> CounterRecord {
    (0..times).fold(CounterRecord::default(), |counter, _| {
        rules.counted(&counter, now, rules.longest_memory(&counter))
    })
}

/// Delays 1, 2, 4 … seconds after five failures, blocks of 5 minutes doubling to an hour after ten.
///
/// Proves: THR-1, THR-4
#[test]
fn delays_double_and_then_blocks_do() {
    let rules = Rules::default();
    let expected = [0, 0, 0, 0, 1, 2, 4, 8, 16, 300, 600, 1200, 2400, 3600, 3600];
    let mut counter = CounterRecord::default();
    let mut now = at(0);
    for (failures, seconds) in (1..).zip(expected) {
        counter = rules.counted(&counter, now, rules.longest_memory(&counter));
        assert_eq!(counter.failures, failures);
        let span = Duration::from_secs(seconds);
        if seconds == 0 {
            assert_eq!(rules.pair(&counter, 0, now), Admission::Admitted, "{failures} failures");
            continue;
        }
        assert_eq!(rules.pair(&counter, 0, now), wait(seconds), "{failures} failures");
        // A clock that steps back shortens nothing.
        assert_eq!(rules.pair(&counter, 0, at(0) - Duration::from_secs(9999)), wait(seconds));
        let almost = now + span - Duration::from_millis(1);
        assert_eq!(rules.pair(&counter, 0, almost), Admission::Wait(Duration::from_millis(1)));
        assert_eq!(rules.pair(&counter, 0, now + span), Admission::Admitted);
        assert_eq!(rules.pair(&counter, 1, now + span), wait(1), "after a wait only one goes");
        now = now + span;
    }
}

/// Proves: THR-2
#[test]
fn what_is_under_way_counts_as_failed() {
    let rules = Rules::default();
    for failures in 0..5 {
        let counter = failed(&rules, failures, at(0));
        let free =
            (0..10).filter(|pending| rules.pair(&counter, *pending, at(0)) == Admission::Admitted).count();
        assert_eq!(free, 5 - failures as usize, "after {failures} failures");
    }
    let counter = failed(&rules, 12, at(0));
    assert_eq!(rules.subject(&counter, 7, at(0), false), Admission::Admitted);
    assert_eq!(rules.subject(&counter, 8, at(0), false), wait(1));
    assert_eq!(rules.source(&counter, 17, at(0)), Admission::Admitted);
    assert_ne!(rules.source(&counter, 18, at(0)), Admission::Admitted);
}

#[test]
fn failures_are_forgotten_after_a_quiet_window_and_a_block_before_that_is_not() {
    let rules = Rules::default();
    let four = failed(&rules, 4, at(0));
    assert_eq!(rules.counted(&four, at(899), rules.longest_memory(&four)).failures, 5);
    assert_eq!(rules.counted(&four, at(900), rules.longest_memory(&four)).failures, 1);
    // Ten failures block for 5 minutes, and are remembered for the window after that.
    let ten = failed(&rules, 10, at(0));
    assert_eq!(rules.counted(&ten, at(300 + 899), rules.longest_memory(&ten)).blocks, 2);
    let fresh = rules.counted(&ten, at(300 + 900), rules.longest_memory(&ten));
    assert_eq!((fresh.failures, fresh.blocks, fresh.consecutive), (1, 0, 11));
}

/// Proves: THR-4
#[test]
fn an_account_is_slowed_for_all_and_closed_at_the_ceiling_but_not_for_known_devices() {
    let rules = Rules::default();
    let nineteen = failed(&rules, 19, at(0));
    assert_eq!(rules.subject(&nineteen, 0, at(0), false), Admission::Admitted);
    for (failures, seconds) in [(20, 1), (21, 2), (22, 4), (25, 32), (26, 60), (99, 60)] {
        let counter = failed(&rules, failures, at(0));
        assert_eq!(rules.subject(&counter, 0, at(0), false), wait(seconds), "{failures}");
        assert_eq!(rules.subject(&counter, 0, at(seconds), false), Admission::Admitted, "{failures}");
        assert_eq!(rules.subject(&counter, 5, at(0), true), Admission::Admitted);
    }
    let hundred = failed(&rules, 100, at(0));
    for later in [0, 3600, 30 * 24 * 3600] {
        assert_eq!(rules.subject(&hundred, 0, at(later), false), wait(3600), "{later} s later");
        assert_eq!(rules.subject(&hundred, 0, at(later), true), Admission::Admitted);
    }
}

/// Proves: THR-1
#[test]
fn a_source_has_thirty_failures_in_five_minutes() {
    let rules = Rules::default();
    assert_eq!(rules.source(&failed(&rules, 29, at(0)), 0, at(0)), Admission::Admitted);
    let thirty = failed(&rules, 30, at(0));
    assert_eq!(rules.source(&thirty, 0, at(0)), wait(300));
    assert_eq!(rules.source(&thirty, 0, at(299)), wait(1));
    assert_eq!(rules.source(&thirty, 0, at(300)), Admission::Admitted);
}

/// Proves: THR-1, THR-4
#[test]
fn a_relay_has_three_hundred_failures_at_once_and_then_twenty_a_minute() {
    let rules = Rules::default();
    let fail = |counter: &CounterRecord, times: u32, now: Timestamp| {
        (0..times).fold(counter.clone(), |counter, _| rules.relayed(&counter, now))
    };
    let nobody = CounterRecord::default();
    let most = fail(&nobody, 299, at(0));
    assert_eq!(rules.relay(&most, 0, at(0)), Admission::Admitted);
    assert_eq!(rules.relay(&most, 1, at(0)), wait(3), "what is under way counts as failed");
    let full = fail(&most, 1, at(0));
    assert_eq!(rules.relay(&full, 0, at(0)), wait(3), "never longer than one place takes");
    assert_eq!(rules.relay(&full, 0, at(3)), Admission::Admitted);
    assert_eq!(rules.relay(&full, 20, at(60)), wait(3));
    assert_eq!(rules.relay(&full, 19, at(60)), Admission::Admitted);
    assert_eq!(rules.relay(&full, 299, at(900)), Admission::Admitted, "all are forgotten");
    // One every three seconds never reaches it; whoever tries as often as possible gets twenty a minute.
    let (mut counter, mut admitted) = (nobody, 0);
    for second in 0..3600 {
        while rules.relay(&counter, 0, at(second)) == Admission::Admitted {
            counter = rules.relayed(&counter, at(second));
            admitted += 1;
        }
    }
    assert_eq!(admitted, 300 + 1199);
    // A request that took its time is counted with an early moment. It gets no place for that, and gives none back.
    for late in [4, 30, 3600].map(Duration::from_secs) {
        assert_eq!(rules.relay(&full, 0, at(0) - late), wait(3));
        assert_eq!(rules.relayed(&full, at(0) - late).latest, full.latest);
    }
    // What a longer window or a wrong clock left behind shuts nobody out: it is as good as nothing.
    let earlier = at(0) - Duration::from_secs(9999);
    assert_eq!(rules.relay(&full, 0, earlier), Admission::Admitted);
    assert_eq!(rules.relayed(&full, earlier).latest, earlier + Duration::from_secs(3));
}

#[test]
fn of_two_verdicts_the_stricter_counts() {
    assert_eq!(Admission::Admitted.and(Admission::Admitted), Admission::Admitted);
    for (a, b) in [(wait(1), Admission::Admitted), (wait(5), wait(7)), (Admission::Admitted, wait(2))] {
        assert_eq!(a.and(b), b.and(a));
        assert_ne!(a.and(b), Admission::Admitted);
    }
    assert_eq!(wait(5).and(wait(7)), wait(7));
}

/// Proves: THR-3, THR-8
#[test]
fn spellings_of_an_unknown_name_share_a_counter_and_names_do_not() {
    let of = |typed: &str| Subject::unknown(&name::canonical(typed));
    assert_eq!(of("Nobody"), of("nobody"));
    assert_eq!(of("NOBODY"), of("\u{ff4e}obody"));
    assert_ne!(of("nobody"), of("somebody"));
    let client: IpAddr = [192, 0, 2, 1].into();
    let origin = Origin::Source(SourceKey::of(Some(client)));
    let counters = [of("a"), of("b")].map(|subject| Counters::of(&subject, None, &origin, Some(client)));
    assert_ne!(counters[0].pair, counters[1].pair);
    assert_ne!(counters[0].subject, counters[1].subject);
    assert_eq!(counters[0].source, counters[1].source);
    // No address, no source: one Unix socket must not shut everybody out.
    assert_eq!(Counters::of(&of("a"), None, &Origin::Source(SourceKey::Local), None).source, None);
}

fn account(number: u8) -> AccountId {
    AccountId::mint(at(0), Random::new([number; 10]))
}

fn counters(subject: &Subject, client: [u8; 4]) -> Counters {
    let client = Some(IpAddr::from(client));
    Counters::of(subject, None, &Origin::Source(SourceKey::of(client)), client)
}

fn second_counters(subject: &Subject, client: [u8; 4]) -> Counters {
    let client = Some(IpAddr::from(client));
    Counters::of_second(subject, &Origin::Source(SourceKey::of(client)), client)
}

fn fail(store: &Store, counters: Counters, times: u32, now: Timestamp) {
    store
        .write_blocking(move |tx| {
            for _ in 0..times {
                count_failure(tx, &Rules::default(), &counters, now)?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

fn stored(store: &Store, key: &CounterKey) -> Option<u32> {
    store.read(|tx| COUNTERS.get(tx, key)).unwrap().map(|counter| counter.consecutive)
}

/// Proves: THR-5
#[test]
fn a_success_clears_the_own_counters_and_no_others() {
    let store = Store::in_memory();
    let mine = counters(&Subject::account(account(1)), [192, 0, 2, 1]);
    let far = counters(&Subject::account(account(1)), [192, 0, 2, 99]);
    let other = counters(&Subject::account(account(2)), [192, 0, 2, 1]);
    for counters in [mine, far, other] {
        fail(&store, counters, 3, at(0));
    }
    assert_eq!(store.write_blocking(move |tx| clear(tx, &mine.cleared())), Ok(6));
    assert_eq!((stored(&store, &mine.pair), stored(&store, &mine.subject)), (None, None));
    assert_eq!(stored(&store, &far.pair), Some(3), "the guesser elsewhere stays slowed");
    assert_eq!((stored(&store, &other.pair), stored(&store, &other.subject)), (Some(3), Some(3)));
    assert_eq!(stored(&store, &mine.source.unwrap()), Some(6), "and so does the source");
}

#[test]
fn a_pardon_reaches_every_source_of_one_account() {
    let store = Store::in_memory();
    let other = counters(&Subject::account(account(2)), [192, 0, 2, 1]);
    fail(&store, other, 3, at(0));
    let subject = Subject::account(account(1));
    let sources: Vec<Counters> = (0..=255).map(|last| counters(&subject, [10, 0, 0, last])).collect();
    let seconds: Vec<Counters> = (0..=255).map(|last| second_counters(&subject, [10, 0, 0, last])).collect();
    for counters in sources.iter().chain(&seconds) {
        fail(&store, *counters, 1, at(0));
    }
    store.write_blocking(|tx| pardon(tx, account(1))).unwrap();
    assert!(sources.iter().chain(&seconds).all(|counters| stored(&store, &counters.pair).is_none()));
    assert_eq!((stored(&store, &sources[0].subject), stored(&store, &seconds[0].subject)), (None, None));
    assert_eq!((stored(&store, &other.pair), stored(&store, &other.subject)), (Some(3), Some(3)));
}

/// Proves: THR-5
#[test]
fn another_password_pardons_no_failure_of_a_second_factor() {
    let store = Store::in_memory();
    let subject = Subject::account(account(1));
    let (first, second) = (counters(&subject, [10, 0, 0, 1]), second_counters(&subject, [10, 0, 0, 1]));
    fail(&store, first, 3, at(0));
    fail(&store, second, 8, at(0));
    store.write_blocking(|tx| pardon_password(tx, account(1))).unwrap();
    assert_eq!((stored(&store, &first.pair), stored(&store, &first.subject)), (None, None));
    assert_eq!((stored(&store, &second.pair), stored(&store, &second.subject)), (Some(8), Some(8)));
}

/// Proves: THR-1, THR-4
#[test]
fn a_relay_is_a_source_by_itself_wherever_it_calls_from() {
    let here = Some(IpAddr::from([192, 0, 2, 1]));
    let subject = Subject::account(account(1));
    let of = |relay, client| Counters::of(&subject, None, &Origin::Relay(relay), client);
    let (wiki, chat) = (Relay::client("wiki"), Relay::client("chat"));
    assert_eq!(of(wiki, here).source, of(wiki, None).source);
    assert!(of(wiki, None).source.is_some());
    let person = counters(&subject, [192, 0, 2, 1]);
    let (wiki, chat, service) = (of(wiki, here), of(chat, here), of(Relay::service(), here));
    let apart = [person, wiki, chat, service];
    for (number, one) in apart.iter().enumerate() {
        for other in &apart[number + 1..] {
            assert_ne!((one.source, one.pair), (other.source, other.pair));
            assert_ne!(one.source, other.source);
            assert_eq!(one.subject, other.subject);
        }
    }
    // It is swept when all is forgotten, and is no account's.
    let store = Store::in_memory();
    fail(&store, wiki, 1, at(0));
    assert_eq!(wiki.source.unwrap().account(), None);
}

/// Random names and addresses leave nothing behind, however often each failed.
///
/// Proves: THR-11, OPS-16
#[test]
fn what_strangers_make_up_is_swept() {
    let store = Store::in_memory();
    for number in 0..50 {
        let unknown = Subject::unknown(&format!("made-up-{number}"));
        fail(&store, counters(&unknown, [10, 0, 0, number]), if number == 0 { 200 } else { 2 }, at(0));
    }
    let sweep_all = |now: Timestamp| {
        let mut cursor = None;
        loop {
            cursor = store.write_blocking(move |tx| sweep(tx, &Rules::default(), cursor, 7, now)).unwrap();
            if cursor.is_none() {
                return store.read(|tx| COUNTERS.count(tx)).unwrap();
            }
        }
    };
    assert_eq!(sweep_all(at(899)), 150, "still remembered");
    assert_eq!(sweep_all(at(900)), 3, "all but the blocked one");
    assert_eq!(sweep_all(at(2 * 3600)), 0);
}

/// Proves: OPS-15
#[test]
fn what_is_stored_keeps_its_shape() {
    let counter = CounterRecord { failures: 11, latest: at(0), blocks: 2, consecutive: 12 };
    crate::store::golden::check("src/domain/login/throttle/golden/counter.v1.hex", &counter);
}
