//! The outbox: what is queued, leased once, sealed, told of and swept.

use std::{
    collections::HashSet,
    sync::{Arc, Barrier},
    time::Duration,
};

use super::*;
use crate::{
    crypto::keys::MasterKey,
    domain::{
        audit::{self, Event},
        keyring::Keyring,
    },
    store::{Store, StoreError, WriteTx, golden::check},
    values::{
        id::{AccountId, MessageId},
        random::Random,
        time::Timestamp,
    },
};

const TERM: Duration = Duration::from_mins(5);
const CODE: &str = "83920175";

fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + second)
}

fn keyring() -> Keyring {
    Keyring::new(&MasterKey::generate(Random::new([9; 32])))
}

fn message() -> Message {
    Message {
        template: Template::EmailCode,
        to: "ann@example.com".to_owned(),
        language: None,
        account: Some(AccountId::from_bytes([2; 16])),
        values: vec![("code", CODE.to_owned()), ("minutes", "5".to_owned())],
        not_after: None,
    }
}

fn change<T: Send + 'static>(
    store: &Store,
    f: impl Fn(&mut WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write_blocking(f).unwrap()
}

fn put(store: &Store, message: Message, now: Timestamp, chance: u8) {
    change(store, move |tx| enqueue(tx, &keyring(), &message, now, Random::new([chance; 32])));
}

fn take(store: &Store, now: Timestamp) -> Batch {
    change(store, move |tx| lease(tx, Channel::Mail, now, TERM, 10))
}

fn rows(store: &Store) -> Vec<(MessageId, OutboxRecord)> {
    store.read(|tx| list(tx, true, None, 100)).unwrap()
}

#[test]
fn a_message_goes_with_its_change_or_not_at_all() {
    let store = Store::in_memory();
    let undone: Result<(), StoreError> = store.write_blocking(|tx| {
        enqueue(tx, &keyring(), &message(), at(0), Random::new([1; 32]))?;
        Err(StoreError::Busy)
    });
    assert!(undone.is_err());
    assert!(rows(&store).is_empty());
    put(&store, message(), at(0), 1);
    let (id, record) = rows(&store).remove(0);
    assert_eq!(record.state, State::Waiting { due: at(0) });
    let values = open(&keyring(), id, &record).unwrap();
    assert_eq!(values[0], ("code".to_owned(), CODE.to_owned()));
}

/// What is filled in is not readable in the store, opens in its own row only, and is gone after delivery.
///
/// Proves: OPS-9, OPS-18
#[test]
fn what_is_filled_in_is_sealed_and_then_wiped() {
    let store = Store::in_memory();
    put(&store, message(), at(0), 1);
    put(&store, message(), at(0), 2);
    let stored = rows(&store);
    for (_, record) in &stored {
        let bytes = minicbor::to_vec(record).unwrap();
        assert!(!bytes.windows(CODE.len()).any(|window| window == CODE.as_bytes()));
    }
    let swapped = OutboxRecord { sealed: stored[1].1.sealed.clone(), ..stored[0].1.clone() };
    assert!(open(&keyring(), stored[0].0, &swapped).is_err());
    assert!(!format!("{:?}", message()).contains(CODE));
    for leased in take(&store, at(1)).messages {
        assert_eq!(change(&store, move |tx| delivered(tx, &leased, at(2))), Ending::Noted);
    }
    assert!(rows(&store).iter().all(|(_, record)| record.sealed.is_empty()));
}

/// Proves: OUT-4
#[test]
fn a_field_with_a_line_break_is_refused_and_told_of() {
    let store = Store::in_memory();
    let two_lines = || "ann@example.com\r\nBcc: eve@example.com".to_owned();
    put(&store, Message { to: two_lines(), ..message() }, at(0), 1);
    put(&store, Message { values: vec![("name", "Ann\nEve".to_owned())], ..message() }, at(0), 2);
    put(&store, Message { to: String::new(), ..message() }, at(0), 3);
    assert!(take(&store, at(1)).messages.is_empty());
    for (_, record) in rows(&store) {
        assert!(matches!(record.state, State::Dead { .. }), "{record:?}");
        assert!(!record.to.contains(['\r', '\n']));
    }
    assert_eq!(change(&store, |tx| retry(tx, None, at(2))), 0, "it stays refused");
    let told = store.read(|tx| audit::recent(tx, None, None, 10)).unwrap();
    assert_eq!(told.iter().filter(|entry| entry.event == Event::MessageGivenUp).count(), 3);
}

/// What a stranger can put into a value (a tab in a `User-Agent`) does not suppress the message that tells of the stranger.
#[test]
fn other_control_characters_are_replaced_and_do_not_hold_a_message_up() {
    let store = Store::in_memory();
    let values = vec![("device", "curl\t\u{1b}[2J\u{202e}moc".to_owned())];
    put(&store, Message { template: Template::NewDevice, values, ..message() }, at(0), 1);
    let leased = take(&store, at(1)).messages.remove(0);
    let values = open(&keyring(), leased.id, &leased.record).unwrap();
    assert_eq!(values[0].1, "curl  [2J moc");
}

#[test]
fn a_lease_is_one_workers_until_it_runs_out() {
    let store = Store::in_memory();
    put(&store, message(), at(0), 1);
    let first = take(&store, at(1)).messages.remove(0);
    assert_eq!(first.record.attempts, 1);
    assert!(take(&store, at(2)).messages.is_empty());
    // The worker died: somebody else gets it, under the same id.
    let second = take(&store, at(1) + TERM).messages.remove(0);
    assert_eq!((second.id, second.record.attempts), (first.id, 2));
    // What the first one reports now does not count, whatever it is.
    let late = first.clone();
    assert_eq!(change(&store, move |tx| failed(tx, &late, "late", None, at(400))), Ending::Stale);
    assert_eq!(change(&store, move |tx| delivered(tx, &first, at(400))), Ending::Stale);
    assert_eq!(change(&store, move |tx| delivered(tx, &second, at(401))), Ending::Noted);
    assert!(take(&store, at(100_000)).messages.is_empty());
}

/// Every message goes to exactly one of the workers that ask at once.
///
/// Races: lease of a message
#[test]
fn each_message_is_leased_once() {
    let store = Store::in_memory();
    for chance in 0..40 {
        put(&store, message(), at(0), chance);
    }
    let start = Arc::new(Barrier::new(64));
    let workers: Vec<_> = (0..64)
        .map(|_| {
            let (store, start) = (store.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                change(&store, |tx| lease(tx, Channel::Mail, at(1), TERM, 5)).messages
            })
        })
        .collect();
    let leased: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    let different: HashSet<_> = leased.iter().map(|leased| leased.id).collect();
    assert_eq!((leased.len(), different.len()), (40, 40));
}

#[test]
fn a_failed_message_waits_its_turn_or_is_given_up() {
    let store = Store::in_memory();
    put(&store, message(), at(0), 1);
    let first = take(&store, at(1)).messages.remove(0);
    let again = change(&store, move |tx| failed(tx, &first, "451 later\r\nplease", Some(at(60)), at(2)));
    assert_eq!(again, Ending::Noted);
    assert_eq!(rows(&store)[0].1.error.as_deref(), Some("451 later  please"));
    assert!(take(&store, at(59)).messages.is_empty());
    assert_eq!(store.read(|tx| due(tx, Channel::Mail)).unwrap(), Some(at(60)));
    let second = take(&store, at(60)).messages.remove(0);
    change(&store, move |tx| failed(tx, &second, "550 no such user", None, at(61)));
    assert_eq!(store.read(|tx| due(tx, Channel::Mail)).unwrap(), None);
    let told = store.read(|tx| audit::recent(tx, None, None, 10)).unwrap();
    assert_eq!(told[0].event, Event::MessageGivenUp);
    assert_eq!(told[0].subject, message().account);
    assert!(told[0].detail.contains("email-code: 550 no such user"), "{}", told[0].detail);
    // The operator has it tried again, with as many attempts as a new one.
    assert_eq!(change(&store, |tx| retry(tx, None, at(70))), 1);
    assert_eq!(take(&store, at(70)).messages[0].record.attempts, 1);
}

#[test]
fn what_is_of_no_use_any_more_is_dropped() {
    let store = Store::in_memory();
    put(&store, Message { not_after: Some(at(300)), ..message() }, at(0), 1);
    assert_eq!(take(&store, at(300)), Batch { messages: Vec::new(), expired: 1 });
    assert!(rows(&store).is_empty());
}

#[test]
fn channels_do_not_wait_for_each_other() {
    let store = Store::in_memory();
    put(
        &store,
        Message { template: Template::SmsCode, to: "+491701234567".to_owned(), ..message() },
        at(0),
        1,
    );
    assert!(take(&store, at(1)).messages.is_empty());
    let sms = change(&store, |tx| lease(tx, Channel::Sms, at(1), TERM, 10));
    assert_eq!(sms.messages.len(), 1);
    assert_eq!(store.read(|tx| waiting(tx, Channel::Sms, 10)).unwrap(), 1);
    assert_eq!(store.read(|tx| waiting(tx, Channel::Mail, 10)).unwrap(), 0);
}

/// Proves: OPS-16
#[test]
fn what_is_over_is_swept_in_steps() {
    let store = Store::in_memory();
    for chance in 0..6 {
        put(&store, message(), at(0), chance);
    }
    put(&store, Message { not_after: Some(at(50)), ..message() }, at(100), 6);
    put(&store, message(), at(100), 7);
    let mut leased = change(&store, |tx| lease(tx, Channel::Mail, at(1), TERM, 6)).messages;
    for lease in leased.drain(..3) {
        change(&store, move |tx| delivered(tx, &lease, at(2)));
    }
    for lease in leased.drain(..) {
        change(&store, move |tx| failed(tx, &lease, "no", None, at(2)));
    }
    let times = SweepTimes::default();
    let all = |now: Timestamp| {
        let (mut cursor, mut removed, mut rounds) = (None, 0, 0);
        loop {
            let (next, gone) = change(&store, move |tx| sweep(tx, cursor, 3, now, &times));
            (cursor, removed, rounds) = (next, removed + gone, rounds + 1);
            if cursor.is_none() {
                return (removed, rounds);
            }
        }
    };
    assert_eq!(all(at(200)), (1, 3), "only the one that was of no use any more");
    assert_eq!(all(at(2) + times.delivered), (3, 3));
    assert_eq!(all(at(2) + times.dead), (3, 2));
    assert_eq!(rows(&store).len(), 1, "what waits stays");
}

/// What a message says that nobody can use any more, a link above all, is not kept with the fact that it was given up.
///
/// Proves: OPS-18
#[test]
fn a_message_that_was_given_up_keeps_its_secrets_only_while_it_can_be_tried_again() {
    let store = Store::in_memory();
    put(&store, Message { not_after: Some(at(50)), ..message() }, at(0), 1);
    put(&store, Message { not_after: Some(at(500)), ..message() }, at(0), 2);
    put(&store, message(), at(0), 3);
    for lease in change(&store, |tx| lease(tx, Channel::Mail, at(1), TERM, 3)).messages {
        change(&store, move |tx| failed(tx, &lease, "no", None, at(60)));
    }
    let kept = || rows(&store).iter().filter(|(_, record)| !record.sealed.is_empty()).count();
    let sweep_at = |now: Timestamp| {
        let times = SweepTimes::default();
        assert_eq!(change(&store, move |tx| sweep(tx, None, 10, now, &times)).1, 0, "they stay on the list");
    };
    assert_eq!(kept(), 2, "what was over when it was given up");
    sweep_at(at(499));
    assert_eq!(kept(), 2);
    sweep_at(at(500));
    assert_eq!(kept(), 1, "what was over later; the last has no end");
}

/// Numbers of templates are stored: they are never given to another one.
#[test]
fn templates_keep_their_numbers() {
    let list: Vec<_> = Template::ALL
        .iter()
        .map(|template| {
            let number = minicbor::to_vec(template).unwrap().last().copied().unwrap();
            format!("{number:02x} {} {}", template.as_str(), template.channel().as_str())
        })
        .collect();
    insta::assert_snapshot!(list.join("\n"));
    for template in Template::ALL {
        assert_eq!(Template::of_name(template.as_str()), Some(*template));
    }
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
///
/// Proves: OPS-15
#[test]
fn golden() {
    let record = OutboxRecord {
        template: Template::ResetPassword,
        to: "ann@example.com".to_owned(),
        language: Some(Language::Chinese),
        account: Some(AccountId::from_bytes([2; 16])),
        sealed: vec![1, 2, 3],
        created: Timestamp::from_millis(1_800_000_000_123),
        not_after: Some(at(1800)),
        state: State::Leased { until: at(300) },
        attempts: 2,
        error: Some("451 later".to_owned()),
    };
    check("src/domain/outbox/golden/leased.v1.hex", &record);
    let waiting = OutboxRecord {
        language: None,
        account: None,
        not_after: None,
        state: State::Waiting { due: at(0) },
        attempts: 0,
        error: None,
        ..record.clone()
    };
    check("src/domain/outbox/golden/waiting.v1.hex", &waiting);
    let delivered = OutboxRecord { sealed: Vec::new(), state: State::Delivered { at: at(9) }, ..waiting };
    check("src/domain/outbox/golden/delivered.v1.hex", &delivered);
    check(
        "src/domain/outbox/golden/dead.v1.hex",
        &OutboxRecord { state: State::Dead { at: at(9) }, ..record },
    );
}
