//! One suite for every engine: what a store promises, whatever lies below.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use proptest::prelude::*;

use super::{
    Direction, Glimpse, Index, IndexKeys, Inserted, KeyBuf, ReadTx, Reading, Record, Settings, Space, Span,
    Store, StoreError, Table, WriteTx,
};

/// A record with every kind of index: unique, sparse unique, several keys per record.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Person {
    #[n(0)]
    name: String,
    #[n(1)]
    email: Option<String>,
    #[n(2)]
    groups: Vec<String>,
}

impl Person {
    const BY_NAME: Index<Self> = Index::unique("name", Self::name_keys);
    const BY_EMAIL: Index<Self> = Index::unique("email", Self::email_keys);
    const BY_GROUP: Index<Self> = Index::ordered("group", Self::group_keys);

    fn name_keys(&self, keys: &mut IndexKeys) {
        keys.add().text(&self.name);
    }

    fn email_keys(&self, keys: &mut IndexKeys) {
        if let Some(email) = &self.email {
            keys.add().text(email);
        }
    }

    fn group_keys(&self, keys: &mut IndexKeys) {
        for group in &self.groups {
            keys.add().text(group).text(&self.name);
        }
    }

    fn new(name: &str, email: Option<&str>, groups: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            email: email.map(str::to_owned),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }
}

impl Record for Person {
    type Key = u64;
    const SPACE: &'static str = "people";
    const INDEXES: &'static [Index<Self>] = &[Self::BY_NAME, Self::BY_EMAIL, Self::BY_GROUP];
}

const PEOPLE: Table<Person> = Table::new();

#[derive(Debug, PartialEq, minicbor::Decode)]
#[cbor(map)]
struct JustName {
    #[n(0)]
    name: String,
}

impl From<Person> for JustName {
    fn from(person: Person) -> Self {
        Self { name: person.name }
    }
}

impl Glimpse<Person> for JustName {}

fn text(text: &str) -> KeyBuf {
    KeyBuf::new().text(text).clone()
}

fn must(inserted: Inserted) {
    assert_eq!(inserted, Inserted::Done);
}

fn add(store: &Store, key: u64, person: Person) -> Inserted {
    store.write_blocking(move |tx| PEOPLE.insert(tx, &key, &person)).unwrap()
}

fn names(store: &Store, group: &str) -> Vec<String> {
    let page = store.read(|tx| PEOPLE.list(tx, &Person::BY_GROUP, &text(group), None, 100)).unwrap();
    assert_eq!(page.next, None);
    page.items.into_iter().map(|(_, person)| person.name).collect()
}

/// Every raw row of the records and indexes: what must be left when nothing is.
fn residue(store: &Store) -> usize {
    let mut rows = 0;
    for index in ["", "name", "email", "group"] {
        let space = Space { table: "people", index };
        store
            .read(|tx| {
                tx.scan(space, &Span::all(), Direction::Forward, &mut |_, _| {
                    rows += 1;
                    ControlFlow::Continue(())
                })
            })
            .unwrap();
    }
    rows
}

fn what_is_written_is_read(store: &Store) {
    let ann = Person::new("ann", Some("ann@example.org"), &["staff"]);
    assert_eq!(add(store, 1, ann.clone()), Inserted::Done);
    assert_eq!(store.read(|tx| PEOPLE.get(tx, &1)), Ok::<_, StoreError>(Some(ann.clone())));
    assert_eq!(store.read(|tx| PEOPLE.get(tx, &2)), Ok::<_, StoreError>(None));
    let seen =
        store.read(|tx| Ok::<_, StoreError>((PEOPLE.glimpse(tx, &1)?, PEOPLE.glimpse::<JustName>(tx, &2)?)));
    assert_eq!(seen, Ok((Some(JustName { name: "ann".to_owned() }), None)));
    assert_eq!(add(store, 1, Person::new("other", None, &[])), Inserted::Exists);
    assert_eq!(store.write_blocking(|tx| PEOPLE.take(tx, &1)), Ok::<_, StoreError>(Some(ann)));
    assert_eq!(store.write_blocking(|tx| PEOPLE.take(tx, &1)), Ok::<_, StoreError>(None));
    assert_eq!(residue(store), 0);
}

fn indexes_follow_their_records(store: &Store) {
    assert_eq!(add(store, 1, Person::new("ann", Some("a@x"), &["staff", "admins", "staff"])), Inserted::Done);
    assert_eq!(add(store, 2, Person::new("bob", None, &["staff"])), Inserted::Done);
    assert_eq!(add(store, 3, Person::new("ann", None, &[])), Inserted::Taken("name"));
    assert_eq!(add(store, 3, Person::new("cid", Some("a@x"), &[])), Inserted::Taken("email"));
    assert_eq!(names(store, "staff"), ["ann", "bob"]);
    assert_eq!(names(store, "admins"), ["ann"]);

    let renamed = Person::new("zoe", None, &["staff"]);
    let write = renamed.clone();
    store.write_blocking(move |tx| PEOPLE.put(tx, &1, &write).map(must)).unwrap();
    assert_eq!(names(store, "staff"), ["bob", "zoe"]);
    assert_eq!(names(store, "admins"), [""; 0]);
    let find = |name: &str| store.read(|tx| PEOPLE.find(tx, &Person::BY_NAME, &text(name))).unwrap();
    let promote = |changed: bool| {
        store
            .write_blocking(move |tx| {
                PEOPLE.update(tx, &1, |zoe| {
                    zoe.groups.push("admins".to_owned());
                    changed
                })
            })
            .unwrap();
        names(store, "admins")
    };
    assert_eq!((promote(false), promote(true)), (vec![], vec!["zoe".to_owned()]));
    let write = renamed.clone();
    store.write_blocking(move |tx| PEOPLE.put(tx, &1, &write).map(must)).unwrap();
    assert_eq!(names(store, "admins"), [""; 0]);
    assert_eq!(find("ann"), None::<(u64, Person)>);
    assert_eq!(find("zoe"), Some((1, renamed)));
    // The old name and address are free again, and a put that collides changes nothing.
    let taken = store.write_blocking(|tx| PEOPLE.put(tx, &1, &Person::new("bob", None, &["other"])));
    assert_eq!(taken, Ok::<_, StoreError>(Inserted::Taken("name")));
    assert_eq!(names(store, "staff"), ["bob", "zoe"]);
    assert_eq!(names(store, "other"), [""; 0]);
    assert_eq!(add(store, 3, Person::new("ann", Some("a@x"), &[])), Inserted::Done);

    let swept = store.write_blocking(|tx| PEOPLE.remove_before(tx, KeyBuf::new().u64(9), 2));
    assert_eq!(swept, Ok::<_, StoreError>(2));
    let swept = store.write_blocking(|tx| PEOPLE.remove_before(tx, KeyBuf::new().u64(9), 2));
    assert_eq!(swept, Ok::<_, StoreError>(1));
    assert_eq!(residue(store), 0);
}

fn pages_join_without_gap_or_overlap(store: &Store) {
    for key in 0..25 {
        let person =
            Person::new(&format!("p{key:02}"), None, if key % 5 == 0 { &["few"] } else { &["many"] });
        assert_eq!(add(store, key, person), Inserted::Done);
    }
    for direction in [Direction::Forward, Direction::Backward] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<Vec<u8>>, 0);
        loop {
            let page = store
                .read(|tx| {
                    PEOPLE.list_toward(tx, &Person::BY_GROUP, &text("many"), direction, cursor.as_deref(), 7)
                })
                .unwrap();
            seen.extend(page.items.into_iter().map(|(key, _)| key));
            pages += 1;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut expected: Vec<u64> = (0..25).filter(|key| key % 5 != 0).collect();
        if direction == Direction::Backward {
            expected.reverse();
        }
        assert_eq!((seen, pages), (expected, 3));
    }
    let keys = |after: Option<u64>| -> Vec<u64> {
        let rows = store.read(|tx| PEOPLE.range(tx, after.as_ref(), 3)).unwrap();
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(None), [0, 1, 2]);
    assert_eq!(keys(Some(22)), [23, 24]);
    assert_eq!(store.read(|tx| PEOPLE.scan(tx, &Span::all(), Direction::Backward, 0)).unwrap(), []);
}

/// An `Err` and a panic drop the writes of their closure alone, also when all ran in one batch.
fn a_failed_closure_leaves_nothing(store: &Store) {
    let begun = Arc::new(Barrier::new(2));
    let gate = Arc::clone(&begun);
    let blocker = {
        let store = store.clone();
        std::thread::spawn(move || {
            store.write_blocking(move |_| {
                gate.wait();
                gate.wait();
                Ok::<_, StoreError>(())
            })
        })
    };
    begun.wait();
    let run = |key: u64, end: fn() -> Result<(), StoreError>| {
        let store = store.clone();
        std::thread::spawn(move || {
            store.write_blocking(move |tx: &mut WriteTx| {
                let sees = PEOPLE.count(tx)?;
                must(PEOPLE.insert(tx, &key, &Person::new(&format!("p{key}"), None, &["g"]))?);
                assert_eq!(PEOPLE.count(tx)?, sees + 1, "a transaction sees its own writes");
                end()
            })
        })
    };
    let jobs = [
        run(1, || Ok(())),
        run(2, || Err(StoreError::Busy)),
        run(3, || panic!("on purpose")),
        run(4, || Ok(())),
    ];
    while store.figures().waiting < jobs.len() {
        std::thread::yield_now();
    }
    let commits = store.figures().commits;
    begun.wait();
    blocker.join().unwrap().unwrap();
    let results = jobs.map(|job| job.join().unwrap());
    assert_eq!(results, [Ok(()), Err(StoreError::Busy), Err(StoreError::Panicked), Ok(())]);
    assert_eq!(store.figures().commits, commits + 1, "they shared one commit");
    let left = store.read(|tx| PEOPLE.range(tx, None, 10)).unwrap();
    assert_eq!(left.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(names(store, "g"), ["p1", "p4"]);
}

fn of_sixteen_takers_one_wins(store: &Store) {
    for round in 0..20 {
        assert_eq!(add(store, round, Person::new("prize", None, &[])), Inserted::Done);
        let start = Arc::new(Barrier::new(16));
        let takers: Vec<_> = (0..16)
            .map(|_| {
                let (store, start) = (store.clone(), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    store.write_blocking(move |tx| PEOPLE.take(tx, &round)).unwrap()
                })
            })
            .collect();
        let won = takers.into_iter().filter_map(|taker| taker.join().unwrap()).count();
        assert_eq!(won, 1);
    }
}

fn whoever_is_answered_sees_and_was_announced(store: &Store) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let panics = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&panics);
    store.on_change(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        panic!("a listener's own fault");
    });
    let list = Arc::clone(&heard);
    let (weak, seen) = (store.clone(), Arc::new(AtomicUsize::new(0)));
    let visible = Arc::clone(&seen);
    store.on_change(move |changes| {
        list.lock().unwrap().extend(changes.iter().map(|change| (change.space, change.key.to_vec())));
        let count = weak.read(|tx: &ReadTx| PEOPLE.count(tx)).unwrap();
        visible.store(count, Ordering::Relaxed);
    });
    assert_eq!(add(store, 7, Person::new("ann", None, &["g"])), Inserted::Done);
    assert_eq!(*heard.lock().unwrap(), [("people", 7_u64.to_be_bytes().to_vec())]);
    assert_eq!(seen.load(Ordering::Relaxed), 1, "a listener reads the new state");
    let nothing = store.write_blocking(|tx| PEOPLE.take(tx, &8)).unwrap();
    assert_eq!((nothing, heard.lock().unwrap().len()), (None, 1), "no write, no news");
    assert_eq!(panics.load(Ordering::Relaxed), 1);
}

fn a_reader_keeps_its_state(store: &Store) {
    assert_eq!(add(store, 1, Person::new("ann", None, &[])), Inserted::Done);
    store
        .read(|tx| {
            for key in 2..40 {
                assert_eq!(add(store, key, Person::new(&format!("p{key}"), None, &[])), Inserted::Done);
            }
            assert_eq!(PEOPLE.count(tx)?, 1);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(store.read(|tx| PEOPLE.count(tx)), Ok::<_, StoreError>(39));
}

fn after_the_end_nothing_answers(store: &Store) {
    assert_eq!(add(store, 1, Person::new("ann", None, &[])), Inserted::Done);
    store.close();
    store.close();
    assert_eq!(store.read(|tx| PEOPLE.get(tx, &1)), Err(StoreError::Closed));
    assert_eq!(store.write_blocking(|tx| PEOPLE.take(tx, &1)), Err(StoreError::Closed));
}

/// A transaction's scans show the batch's writes upon the last commit, both ways, within any span.
fn scans_show_writes_upon_the_base(store: &Store) {
    const RAW: Space = Space { table: "raw", index: "" };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(60));
    let row = (prop::collection::vec(0_u8..4, 0..3), prop::option::of(any::<u8>()));
    let rows = prop::collection::vec(row, 0..30);
    let bounds = (prop::collection::vec(0_u8..4, 0..3), prop::collection::vec(0_u8..4, 0..3));
    let mut base = BTreeMap::new();
    let base = Mutex::new(&mut base);
    runner
        .run(&(rows.clone(), rows, bounds), |(committed, pending, (from, to))| {
            let mut base = base.lock().unwrap();
            let apply = |tx: &mut WriteTx, rows: &[(Vec<u8>, Option<u8>)]| {
                for (key, value) in rows {
                    match value {
                        Some(value) => tx.put(RAW, key, &[*value]),
                        None => tx.delete(RAW, key),
                    }
                }
            };
            let model = |map: &mut BTreeMap<Vec<u8>, u8>, rows: &[(Vec<u8>, Option<u8>)]| {
                for (key, value) in rows {
                    match value {
                        Some(value) => drop(map.insert(key.clone(), *value)),
                        None => drop(map.remove(key)),
                    }
                }
            };
            model(&mut base, &committed);
            store
                .write_blocking(move |tx| {
                    apply(tx, &committed);
                    Ok::<_, StoreError>(())
                })
                .unwrap();
            let mut expected = base.clone();
            model(&mut expected, &pending);
            let span = Span::all().starting(&from).before(&to);
            let expected: Vec<_> =
                expected.into_iter().filter(|(key, _)| (&from..&to).contains(&key)).collect();
            let seen = store.write_blocking(move |tx| {
                apply(tx, &pending);
                let mut seen = [Vec::new(), Vec::new()];
                for (direction, seen) in [Direction::Forward, Direction::Backward].into_iter().zip(&mut seen)
                {
                    tx.scan(RAW, &span, direction, &mut |key, value| {
                        seen.push((key.to_vec(), value[0]));
                        ControlFlow::Continue(())
                    })?;
                }
                // The way out that keeps nothing.
                Err::<(), _>(Seen(seen))
            });
            let Err(Seen([forward, mut backward])) = seen else { panic!("it never succeeds") };
            backward.reverse();
            prop_assert_eq!(&forward, &expected);
            prop_assert_eq!(&backward, &expected);
            Ok(())
        })
        .unwrap();
}

struct Seen([Vec<(Vec<u8>, u8)>; 2]);

impl From<StoreError> for Seen {
    fn from(error: StoreError) -> Self {
        panic!("{error}");
    }
}

macro_rules! suite {
    ($($name:ident)*) => {
        mod memory {
            $(#[test]
            fn $name() {
                super::$name(&super::Store::in_memory());
            })*
        }

        mod file {
            $(#[test]
            fn $name() {
                let room = tempfile::tempdir().unwrap();
                let store = super::Store::open(&super::Settings::at(room.path().join("store.redb"))).unwrap();
                super::$name(&store);
            })*
        }
    };
}

suite! {
    what_is_written_is_read
    indexes_follow_their_records
    pages_join_without_gap_or_overlap
    a_failed_closure_leaves_nothing
    of_sixteen_takers_one_wins
    whoever_is_answered_sees_and_was_announced
    a_reader_keeps_its_state
    after_the_end_nothing_answers
    scans_show_writes_upon_the_base
}

/// Async callers get the same, and nobody's executor is blocked.
#[tokio::test]
async fn writes_are_awaited() {
    let store = Store::in_memory();
    let writes = (0..100).map(|key| {
        let store = store.clone();
        async move {
            store.write(move |tx| PEOPLE.insert(tx, &key, &Person::new(&key.to_string(), None, &[]))).await
        }
    });
    for written in futures_util::future::join_all(writes).await {
        assert_eq!(written, Ok::<_, StoreError>(Inserted::Done));
    }
    assert_eq!(store.read(|tx| PEOPLE.count(tx)), Ok::<_, StoreError>(100));
    assert!(store.figures().commits < 100, "they shared commits");
}
