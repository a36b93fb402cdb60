//! What survives: seeded runs on a disk that fails, with a ledger kept outside of it.
//!
//! `VOUCHSAFE_FAULT_SEEDS=10000 cargo test --lib store::crash` runs that many seeds instead of a
//! few hundred; `VOUCHSAFE_FAULT_FIRST` sets the first one, to have a failure again.

use std::{
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
};

use super::{
    Direction, Inserted, KeyBuf, Record, Span, Store, StoreError, Table,
    testing::{Chance, Disk, mishaps, open, try_seeds},
};

pub(super) const THREADS: usize = 4;
pub(super) const TOKENS: usize = 24;
const SEEDS: u64 = 300;

/// A number that a thread counts up.
#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Count {
    #[n(0)]
    value: u64,
}

impl Record for Count {
    type Key = (u64, u64);
    const SPACE: &'static str = "counts";
}

/// One row per step of a thread, large enough to move pages about.
#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Entry {
    #[cbor(n(0), with = "minicbor::bytes")]
    body: Vec<u8>,
}

impl Record for Entry {
    type Key = (u64, u64);
    const SPACE: &'static str = "log";
}

/// A thing that exactly one taker gets.
#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(super) struct Token {}

impl Record for Token {
    type Key = u64;
    const SPACE: &'static str = "tokens";
}

const COUNTS: Table<Count> = Table::new();
const LOG: Table<Entry> = Table::new();
pub(super) const POOL: Table<Token> = Table::new();

/// What the outside world has been told.
#[derive(Default)]
pub(super) struct Ledger {
    /// Per thread: the last number acknowledged, and how many steps since then had no clear answer.
    pub(super) counts: [(u64, u64); THREADS],
    /// Per token: acknowledged as taken; asked for without a clear answer.
    pub(super) taken: [bool; TOKENS],
    pub(super) unsure: [bool; TOKENS],
}

fn body(thread: u64, step: u64) -> Vec<u8> {
    let mut chance = Chance(thread << 32 | step);
    let len = usize::try_from(chance.below(1500)).unwrap();
    (0..len).map(|_| chance.next().to_le_bytes()[0]).collect()
}

/// One step of a thread: two counters and a log entry together, and now and then a sweep of old entries.
pub(super) fn step(store: &Store, thread: u64, sweep: bool) -> Result<u64, StoreError> {
    store.write_blocking(move |tx| {
        let left = COUNTS.get(tx, &(0, thread))?.map_or(0, |count| count.value);
        let right = COUNTS.get(tx, &(1, thread))?.map_or(0, |count| count.value);
        assert_eq!(left, right, "half a transaction");
        let next = left + 1;
        for side in 0..2 {
            assert_eq!(COUNTS.put(tx, &(side, thread), &Count { value: next })?, Inserted::Done);
        }
        let entry = Entry { body: body(thread, next) };
        assert_eq!(LOG.insert(tx, &(thread, next), &entry)?, Inserted::Done);
        if sweep {
            let bound = KeyBuf::of(&(thread, next.saturating_sub(5)));
            if thread == 0 {
                LOG.remove_before(tx, &bound, 20)?;
            }
        }
        Ok(next)
    })
}

fn work(store: &Store, disk: &Disk, ledger: &Mutex<Ledger>, thread: u64, mut chance: Chance) {
    for _ in 0..chance.below(25) {
        if chance.percent(30) {
            let token = chance.below(TOKENS as u64);
            let took = store.write_blocking(move |tx| POOL.take(tx, &token));
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = usize::try_from(token).unwrap();
            match took {
                Ok(Some(_)) => {
                    assert!(!ledger.taken[slot], "token {token} was given out twice");
                    ledger.taken[slot] = true;
                }
                Ok(None) => {}
                Err(_) => ledger.unsure[slot] = true,
            }
        } else {
            let slot = usize::try_from(thread).unwrap();
            let stepped = step(store, thread, chance.percent(20));
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            let (acked, unsure) = &mut ledger.counts[slot];
            match stepped {
                Ok(value) => {
                    assert!(
                        (*acked + 1..=*acked + 1 + *unsure).contains(&value),
                        "thread {thread} lost a step"
                    );
                    (*acked, *unsure) = (value, 0);
                }
                Err(StoreError::Panicked) => panic!("a step found half a transaction"),
                Err(_) => *unsure += 1,
            }
        }
        if disk.dark() {
            return;
        }
    }
}

/// Compares the store with the ledger, and settles in the ledger what was unsure.
pub(super) fn verify(store: &Store, ledger: &mut Ledger) -> Result<(), StoreError> {
    store.read(|tx| {
        for (thread, (acked, unsure)) in (0..).zip(&mut ledger.counts) {
            let left = COUNTS.get(tx, &(0, thread))?.map_or(0, |count| count.value);
            let right = COUNTS.get(tx, &(1, thread))?.map_or(0, |count| count.value);
            assert_eq!(left, right, "half a transaction");
            assert!(left >= *acked, "thread {thread}: {acked} was acknowledged, {left} is there");
            assert!(left <= *acked + *unsure, "thread {thread}: {left} was never written");
            let mut steps = Vec::new();
            let span = Span::prefix(&KeyBuf::of(&thread));
            LOG.visit(tx, &span, Direction::Forward, |(_, step), entry| {
                assert_eq!(entry.body, body(thread, step), "an entry is not what was written");
                steps.push(step);
                ControlFlow::Continue(())
            })?;
            let first = steps.first().copied().unwrap_or(left + 1);
            assert!(first == 1 || thread == 0 || left == 0, "entries are missing at the front");
            assert_eq!(steps, (first..=left).collect::<Vec<_>>(), "an entry is missing");
        }
        for (token, (taken, unsure)) in (0..).zip(ledger.taken.iter_mut().zip(&mut ledger.unsure)) {
            let there = POOL.contains(tx, &token)?;
            assert!(!(there && *taken), "token {token} came back");
            assert!(there || *taken || *unsure, "token {token} is gone, but nobody took it");
            // Gone without an answer counts as taken: it must not come back either.
            *taken |= !there;
        }
        Ok::<_, StoreError>(())
    })?;
    for (slot, (acked, unsure)) in ledger.counts.iter_mut().enumerate() {
        let thread = slot as u64;
        *acked = store
            .read(|tx| Ok::<_, StoreError>(COUNTS.get(tx, &(0, thread))?.map_or(0, |count| count.value)))?;
        *unsure = 0;
    }
    ledger.unsure = [false; TOKENS];
    Ok(())
}

fn run(seed: u64) {
    let mut chance = Chance(seed);
    let disk = Disk::new(chance.next());
    let store = open(&disk, &mut chance).unwrap();
    let filled = store.write_blocking(|tx| {
        for token in 0..TOKENS as u64 {
            assert_eq!(POOL.insert(tx, &token, &Token {})?, Inserted::Done);
        }
        Ok::<_, StoreError>(())
    });
    assert_eq!(filled, Ok(()));
    let ledger = Mutex::new(Ledger::default());
    let mut store = Some(store);
    // Crashes in a row: the second and third hit young stores, and often the repair itself.
    for span in [160, 40, 12] {
        disk.plan(mishaps(&mut chance, &disk, span));
        let opened = match store.take() {
            Some(store) => Ok(store),
            None => open(&disk, &mut chance),
        };
        match opened {
            Ok(store) => {
                let seen = verify(&store, &mut ledger.lock().unwrap());
                if seen.is_ok() {
                    std::thread::scope(|scope| {
                        for thread in 0..THREADS as u64 {
                            let chance = Chance(chance.next());
                            let (store, disk, ledger) = (&store, &disk, &ledger);
                            scope.spawn(move || work(store, disk, ledger, thread, chance));
                        }
                    });
                }
            }
            // Only a failing disk may keep it from opening.
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("the store did not open: {error}"),
        }
        disk.reboot();
    }
    let store = open(&disk, &mut chance).unwrap();
    let mut ledger = ledger.lock().unwrap();
    verify(&store, &mut ledger).unwrap();
    for thread in 0..THREADS as u64 {
        let before = ledger.counts[usize::try_from(thread).unwrap()].0;
        assert_eq!(step(&store, thread, false), Ok(before + 1), "the store goes on");
    }
    drop(store);
    let store = open(&disk, &mut chance).unwrap();
    for counts in &mut ledger.counts {
        counts.0 += 1;
    }
    verify(&store, &mut ledger).unwrap();
}

/// Power failures with unsynced writes dropped, torn and reordered, I/O errors and a full disk, under
/// four concurrent writers, three crashes in a row.
///
/// Proves: OPS-10, OPS-11, OPS-12
#[test]
fn whatever_was_acknowledged_survives_any_crash() {
    try_seeds(SEEDS, run);
}
