//! When the disk fails but the process lives: reads go on, writes refuse, and it mends by itself.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use super::{
    Direction, Health, Inserted, Reading, Record, Space, Span, Store, StoreError, Table,
    engine::{
        Engine, View,
        faulty::{Disk, Plan},
        redb::{Opening, Redb},
    },
    handle::nudge,
    meta,
    tx::Writes,
    writer::Pace,
};

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Row {
    #[cbor(n(0), with = "minicbor::bytes")]
    body: Vec<u8>,
}

impl Record for Row {
    type Key = u64;
    const SPACE: &'static str = "rows";
}

const ROWS: Table<Row> = Table::new();
const MANY: u64 = 2000;

fn row(key: u64) -> Row {
    Row { body: key.to_be_bytes().repeat(50) }
}

fn put(store: &Store, from: u64, count: u64) -> Result<(), StoreError> {
    store.write_blocking(move |tx| {
        for key in from..from + count {
            assert_eq!(ROWS.put(tx, &key, &row(key))?, Inserted::Done);
        }
        Ok(())
    })
}

/// Every row of the first many is there; with a cache this small almost each comes from the disk.
fn read_all(store: &Store) -> Result<(), StoreError> {
    for key in 0..MANY {
        assert_eq!(store.read(|tx| ROWS.get(tx, &key))?, Some(row(key)));
    }
    Ok(())
}

/// A store with many rows and hardly any cache.
fn store(disk: &Disk, retry: Duration) -> Store {
    store_on(disk, retry, |engine| Box::new(engine))
}

fn store_on(disk: &Disk, retry: Duration, wrap: impl FnOnce(Redb) -> Box<dyn Engine>) -> Store {
    let (sender, inbox) = mpsc::sync_channel(64);
    let opening = Opening { cache_bytes: 64 << 10, verify: false, quick_every: Duration::from_hours(1) };
    let mut engine = Redb::open(disk.device(), opening, nudge(&sender)).unwrap();
    if disk.len() == 0 || meta::verify(&*engine.view().unwrap()).is_err() {
        meta::begin(&mut engine, None).unwrap();
    }
    let pace = Pace { settle: Duration::from_hours(1), retry, retry_most: retry };
    let store = Store::start(wrap(engine), sender, inbox, pace).unwrap();
    put(&store, 0, MANY).unwrap();
    store
}

const NEVER: Duration = Duration::from_hours(1);

/// Proves: OPS-12
#[test]
fn a_full_disk_refuses_writes_only_and_mends_when_there_is_room() {
    let disk = Disk::new(1);
    let store = store(&disk, Duration::ZERO);
    disk.plan(Plan { room: Some(disk.len()), ..Plan::default() });
    let mut key = MANY;
    let refused = loop {
        match put(&store, key, 100) {
            Ok(()) => key += 100,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    assert!(store.figures().failures > 0);
    for _ in 0..5 {
        assert_eq!(read_all(&store), Ok(()));
        assert!(put(&store, key, 5000).is_err(), "there is still no room");
    }
    disk.plan(Plan::default());
    // No restart: the next write after space returns succeeds, and nothing refused is half there.
    put(&store, key, 100).unwrap();
    assert_eq!(store.health(), Health::Fine);
    assert_eq!(read_all(&store), Ok(()));
    let count = store.read(|tx| ROWS.count(tx));
    assert_eq!(count, Ok::<_, StoreError>(usize::try_from(key).unwrap() + 100));
}

/// Proves: OPS-12
#[test]
fn a_disk_that_turns_read_only_serves_every_read() {
    let disk = Disk::new(2);
    let store = store(&disk, Duration::ZERO);
    disk.plan(Plan { error_at: Some((0, u64::MAX / 2)), ..Plan::default() });
    for _ in 0..5 {
        let refused = put(&store, 0, 10).unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        assert!(matches!(store.health(), Health::Failing(_)));
        assert_eq!(read_all(&store), Ok(()));
    }
    disk.plan(Plan::default());
    put(&store, MANY, 10).unwrap();
    assert_eq!((store.health(), read_all(&store)), (Health::Fine, Ok(())));
}

/// One sync for the pages, one for the switch to them: a checksum never decides what was committed.
///
/// Proves: OPS-10
#[test]
fn a_commit_is_two_phases() {
    let disk = Disk::new(9);
    let store = store(&disk, Duration::ZERO);
    for key in 0..5 {
        disk.plan(Plan::default());
        put(&store, key, 1).unwrap();
        assert_eq!(disk.syncs(), 2);
    }
}

/// Every single operation of a commit fails once, in turn: write, growth, first sync, second sync.
///
/// Proves: OPS-10, OPS-12
#[test]
fn an_error_anywhere_in_a_commit_is_never_acknowledged_and_never_half_kept() {
    let disk = Disk::new(3);
    let store = store(&disk, Duration::ZERO);
    let mut key = MANY;
    for at in 0.. {
        disk.plan(Plan { error_at: Some((at, 0)), ..Plan::default() });
        let result = put(&store, key, 3);
        let reached = disk.operations() > at;
        disk.plan(Plan::default());
        if !reached {
            assert_eq!(result, Ok(()), "nothing failed");
            assert!(at > 4, "a commit is more operations than that");
            break;
        }
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "operation {at}: {result:?}");
        assert_eq!(read_all(&store), Ok(()));
        // What was refused may be there after all, but whole.
        put(&store, key + 3, 1).unwrap();
        let there = |key| store.read(|tx| ROWS.contains(tx, &key)).unwrap();
        assert_eq!(there(key), there(key + 1));
        assert_eq!(there(key), there(key + 2));
        key += 4;
    }
}

/// Proves: OPS-12
#[test]
fn a_read_error_passes_when_its_cause_does() {
    let disk = Disk::new(4);
    let store = store(&disk, Duration::ZERO);
    disk.plan(Plan { reads_fail: true, ..Plan::default() });
    let failed = read_all(&store).unwrap_err();
    assert!(matches!(failed, StoreError::Unavailable(_)), "{failed}");
    disk.plan(Plan::default());
    // The reader's error has woken the writer; nobody needs to write for the store to mend.
    while read_all(&store).is_err() {
        std::thread::yield_now();
    }
    put(&store, MANY, 1).unwrap();
    assert_eq!(store.health(), Health::Fine);
}

/// A write that was refused may still turn out durable; caches that evict by the feed must hear of it.
#[test]
fn the_feed_tells_of_writes_whose_fate_was_unsure() {
    let disk = Disk::new(5);
    let store = store(&disk, Duration::ZERO);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&heard);
    store.on_change(move |changes| list.lock().unwrap().extend(changes.iter().map(|c| c.key.to_vec())));
    disk.plan(Plan { error_at: Some((0, 0)), ..Plan::default() });
    put(&store, 7, 1).unwrap_err();
    put(&store, 8, 1).unwrap();
    assert_eq!(*heard.lock().unwrap(), [7_u64, 8].map(|key| key.to_be_bytes().to_vec()));
}

/// Shows the state it came back to, and then fails, the first time it recovers.
struct Faltering(Redb, bool);

impl Engine for Faltering {
    fn recover(&mut self, publish: &mut dyn FnMut(Arc<dyn View>)) -> Result<(), StoreError> {
        self.0.recover(publish)?;
        if std::mem::replace(&mut self.1, false) {
            return Err(StoreError::Unavailable("not yet".to_owned()));
        }
        Ok(())
    }

    fn view(&self) -> Result<Arc<dyn View>, StoreError> {
        self.0.view()
    }
    fn commit(&mut self, writes: &Writes) -> Result<(), StoreError> {
        self.0.commit(writes)
    }
    fn suspect(&self) -> bool {
        self.0.suspect()
    }
    fn unsettled(&self) -> bool {
        self.0.unsettled()
    }
    fn settle(&mut self) -> Result<(), StoreError> {
        self.0.settle()
    }
    fn size(&self) -> u64 {
        self.0.size()
    }
}

/// What a recovery showed before it failed, the next one may find gone: caches hear of it each time.
#[test]
fn the_feed_tells_of_them_again_when_a_recovery_failed_half_way() {
    let disk = Disk::new(10);
    let store = store_on(&disk, Duration::ZERO, |engine| Box::new(Faltering(engine, true)));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&heard);
    store.on_change(move |changes| list.lock().unwrap().extend(changes.iter().map(|c| c.key.to_vec())));
    disk.plan(Plan { error_at: Some((0, 0)), ..Plan::default() });
    put(&store, 7, 1).unwrap_err();
    while put(&store, 8, 1).is_err() {}
    assert_eq!(*heard.lock().unwrap(), [7_u64, 7, 8].map(|key| key.to_be_bytes().to_vec()));
}

#[test]
fn between_attempts_writes_are_refused_at_once() {
    let disk = Disk::new(6);
    let store = store(&disk, NEVER);
    disk.plan(Plan { error_at: Some((0, 0)), ..Plan::default() });
    put(&store, 7, 1).unwrap_err();
    let operations = disk.operations();
    assert!(matches!(put(&store, 8, 1), Err(StoreError::Unavailable(_))));
    assert_eq!(disk.operations(), operations, "the disk was left alone");
    assert_eq!(read_all(&store), Ok(()));
}

/// The engine under a reader that stays: a recovery does not wait for it for ever, and what it then
/// reads is its own old state or an error, never another's pages.
#[test]
fn a_reader_that_outstays_a_recovery_never_sees_foreign_pages() {
    let disk = Disk::new(7);
    let store = store(&disk, Duration::ZERO);
    let outcome = store.read(|tx| {
        let mut seen = 0_u64;
        let walked = tx.scan(Space::table("rows"), &Span::all(), Direction::Forward, &mut |key, value| {
            assert_eq!(key, seen.to_be_bytes());
            assert_eq!(value.len(), super::encode(&row(seen)).unwrap().len());
            seen += 1;
            if seen == 100 {
                disk.plan(Plan { error_at: Some((0, 0)), ..Plan::default() });
                put(&store, 0, 10).unwrap_err();
                for round in 0..5 {
                    put(&store, MANY + round * 500, 500).unwrap();
                }
            }
            ControlFlow::Continue(())
        });
        assert!(seen >= 100);
        walked
    });
    assert!(matches!(outcome, Ok(()) | Err(StoreError::Unavailable(_))), "{outcome:?}");
    assert_eq!(read_all(&store), Ok(()));
}

/// Proves: OPS-13
#[test]
fn a_flipped_bit_anywhere_is_refused_or_harmless() {
    let disk = Disk::new(8);
    drop(store(&disk, NEVER));
    let good = disk.bytes();
    let (mut refused, mut harmless) = (0, 0);
    // Every page is hit, at places that wander through it.
    for at in (0..good.len()).step_by(4099 / 3) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let disk = Disk::with(0, bad);
        let opening = Opening { cache_bytes: 1 << 20, verify: true, quick_every: Duration::ZERO };
        let engine = Redb::open(disk.device(), opening, Arc::new(|| {}));
        match engine.and_then(|engine| meta::verify(&*engine.view()?).map(|()| engine)) {
            Err(StoreError::Corrupt(_) | StoreError::Unavailable(_)) => refused += 1,
            Err(error) => panic!("byte {at}: {error}"),
            Ok(engine) => {
                harmless += 1;
                let (sender, inbox) = mpsc::sync_channel(1);
                let store = Store::start(Box::new(engine), sender, inbox, Pace::default()).unwrap();
                assert_eq!(read_all(&store), Ok(()), "byte {at}");
            }
        }
    }
    assert!(refused > 100, "{refused} refused, {harmless} harmless");
}

/// Proves: OPS-12
#[test]
fn a_full_disk_does_not_keep_a_sound_store_from_being_verified_and_read() {
    let disk = Disk::new(9);
    drop(store(&disk, NEVER));
    disk.plan(Plan { room: Some(disk.len()), ..Plan::default() });
    let opening = Opening { cache_bytes: 1 << 20, verify: true, quick_every: Duration::ZERO };
    let engine = Redb::open(disk.device(), opening, Arc::new(|| {})).unwrap();
    let (sender, inbox) = mpsc::sync_channel(1);
    let store = Store::start(Box::new(engine), sender, inbox, Pace::default()).unwrap();
    assert_eq!(read_all(&store), Ok(()));
}
