//! Backups taken under load, and what a restore does to what was issued since.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{BackupError, OpenError, Settings, Store, StoreError};
use crate::store::{Inserted, Record, Span, Table};

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Step {
    #[n(0)]
    number: u64,
}

impl Record for Step {
    type Key = (String, u64);
    const SPACE: &'static str = "steps";
}

const STEPS: Table<Step> = Table::new();

/// One transaction writes the same number on both sides.
fn step(store: &Store, number: u64) {
    let done = store.write_blocking(move |tx| {
        for side in ["left", "right"] {
            assert_eq!(STEPS.insert(tx, &(side.to_owned(), number), &Step { number })?, Inserted::Done);
        }
        Ok::<_, StoreError>(())
    });
    assert_eq!(done, Ok(()));
}

fn steps(store: &Store) -> Vec<u64> {
    let rows =
        store.read(|tx| STEPS.scan(tx, &Span::all(), crate::store::Direction::Forward, usize::MAX)).unwrap();
    let (left, right): (Vec<_>, Vec<_>) = rows.into_iter().partition(|((side, _), _)| side == "left");
    let numbers = |side: Vec<((String, u64), Step)>| side.into_iter().map(|(_, step)| step.number).collect();
    let (left, right): (Vec<u64>, Vec<u64>) = (numbers(left), numbers(right));
    assert_eq!(left, right, "a backup has no half transactions");
    left
}

/// Proves: OPS-14
#[test]
fn a_backup_under_load_is_one_state_and_restores_under_a_new_epoch() {
    let room = tempfile::tempdir().unwrap();
    let settings = Settings::at(room.path().join("store.redb"));
    let backup = room.path().join("backup.redb");
    let store = Store::open(&settings).unwrap();
    assert_eq!(store.epoch(), 0);
    for number in 0..50 {
        step(&store, number);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let load = {
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        thread::spawn(move || {
            let mut number = 50;
            while !stop.load(Ordering::Relaxed) {
                step(&store, number);
                number += 1;
            }
            number
        })
    };
    while store.figures().rows < 120 {
        thread::yield_now();
    }
    store.backup(&backup).unwrap();
    stop.store(true, Ordering::Relaxed);
    let written = load.join().unwrap();
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let again = store.backup(&backup).unwrap_err();
    assert!(matches!(again, BackupError::Exists(_)), "{again}");

    let busy = Store::restore(&backup, &settings).unwrap_err();
    assert!(matches!(busy, BackupError::File(OpenError::InUse { .. })), "{busy}");
    drop(store);
    assert_eq!(Store::restore(&backup, &settings).unwrap().epoch, 1);
    let store = Store::open(&settings).unwrap();
    assert_eq!(store.epoch(), 1);
    let restored = steps(&store);
    assert!(restored.len() >= 60 && restored.len() as u64 <= written);
    assert_eq!(restored, (0..restored.len() as u64).collect::<Vec<_>>(), "a prefix of history");
    assert_eq!(fs::metadata(&settings.path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(store);

    // The same old backup again: its own epoch is 0, but 1 was in use, so 2 it is. Also when the
    // store it replaces is gone.
    fs::remove_file(&settings.path).unwrap();
    assert_eq!(Store::restore(&backup, &settings).unwrap().epoch, 2);
    assert_eq!(Store::open(&settings).unwrap().epoch(), 2);
}

/// Proves: OPS-14
#[test]
fn an_old_file_copied_over_by_hand_is_noticed_by_its_epoch() {
    let room = tempfile::tempdir().unwrap();
    let settings = Settings::at(room.path().join("store.redb"));
    let backup = room.path().join("backup.redb");
    Store::open(&settings).unwrap().backup(&backup).unwrap();
    assert_eq!(Store::restore(&backup, &settings).unwrap().epoch, 1);
    fs::copy(&backup, &settings.path).unwrap();
    assert_eq!(Store::open(&settings).unwrap().epoch(), 2);
    assert_eq!(Store::open(&settings).unwrap().epoch(), 2);
}

/// Proves: OPS-13, OPS-14
#[test]
fn a_damaged_backup_is_refused_and_the_store_stays() {
    let room = tempfile::tempdir().unwrap();
    let settings = Settings::at(room.path().join("store.redb"));
    let backup = room.path().join("backup.redb");
    let store = Store::open(&settings).unwrap();
    step(&store, 7);
    store.backup(&backup).unwrap();
    drop(store);
    let good = fs::read(&backup).unwrap();
    let mut flipped = good.clone();
    let row = flipped.windows(4).rposition(|bytes| bytes == b"left").unwrap();
    flipped[row] ^= 1;
    for bad in [&flipped[..], &good[..good.len() / 2], b"no store at all", b""] {
        fs::write(&backup, bad).unwrap();
        let refused = Store::restore(&backup, &settings).unwrap_err();
        assert!(matches!(refused, BackupError::File(OpenError::Damaged { .. })), "{refused}");
    }
    let missing = Store::restore(&room.path().join("nowhere"), &settings).unwrap_err();
    assert!(matches!(missing, BackupError::File(OpenError::Io { .. })), "{missing}");
    let store = Store::open(&settings).unwrap();
    assert_eq!((steps(&store), store.epoch()), (vec![7], 0));
}

/// Proves: OPS-14, OPS-9
#[test]
fn a_draft_that_somebody_laid_out_is_not_written_into() {
    let room = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings::at(room.path().join("store.redb"))).unwrap();
    step(&store, 7);
    let backup = room.path().join("backup.redb");
    let draft = room.path().join("backup.redb.partial");

    // A file that everybody may read, and held open by somebody.
    fs::write(&draft, b"").unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o666)).unwrap();
    let spy = fs::File::open(&draft).unwrap();
    let bytes = store.backup(&backup).unwrap();
    assert_eq!(spy.metadata().unwrap().len(), 0);
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(bytes, fs::metadata(&backup).unwrap().len());

    // A link to a file of theirs.
    fs::remove_file(&backup).unwrap();
    let theirs = room.path().join("theirs");
    fs::write(&theirs, b"").unwrap();
    symlink(&theirs, &draft).unwrap();
    store.backup(&backup).unwrap();
    assert_eq!(fs::metadata(&theirs).unwrap().len(), 0);
    assert!(fs::symlink_metadata(&backup).unwrap().is_file());

    // A copy that is under way is not pushed aside.
    fs::remove_file(&backup).unwrap();
    let busy = fs::File::create(&draft).unwrap();
    busy.lock().unwrap();
    let refused = store.backup(&backup).unwrap_err();
    assert!(matches!(refused, BackupError::File(OpenError::InUse { .. })), "{refused}");
}

/// Where no store is, there is nothing to lock but the claim to begin one.
#[test]
fn a_place_without_a_store_is_restored_into_by_one_at_a_time() {
    let room = tempfile::tempdir().unwrap();
    let settings = Settings::at(room.path().join("store.redb"));
    let backup = room.path().join("backup.redb");
    let elsewhere = Store::open(&Settings::at(room.path().join("elsewhere.redb"))).unwrap();
    step(&elsewhere, 7);
    elsewhere.backup(&backup).unwrap();

    // A server is just beginning a store, or another restore is under way.
    let (_, other) = super::files::claim(&settings.path).unwrap();
    let refused = Store::restore(&backup, &settings).unwrap_err();
    assert!(matches!(refused, BackupError::File(OpenError::InUse { .. })), "{refused}");
    assert!(matches!(Store::open(&settings), Err(OpenError::InUse { .. })));
    drop(other);

    // One that fails leaves nothing behind.
    let refused = Store::restore(&room.path().join("no such backup"), &settings).unwrap_err();
    assert!(matches!(refused, BackupError::File(OpenError::Io { .. })), "{refused}");
    assert!(
        !room.path().join("store.redb.new").exists() && !room.path().join("store.redb.restoring").exists()
    );

    let results: Vec<_> = thread::scope(|scope| {
        let restores = (0..16).map(|_| scope.spawn(|| Store::restore(&backup, &settings)));
        let restores: Vec<_> = restores.collect();
        restores.into_iter().map(|restore| restore.join().unwrap()).collect()
    });
    let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
    for refused in refused.into_iter().map(Result::unwrap_err) {
        assert!(matches!(refused, BackupError::File(OpenError::InUse { .. })), "{refused}");
    }
    let epochs: BTreeSet<u64> = done.iter().map(|restored| restored.epoch).collect();
    assert_eq!(epochs.len(), done.len(), "no epoch is used twice");
    // Whoever came after the first one replaced its store, and kept it.
    assert_eq!(done.iter().filter(|restored| restored.kept.is_none()).count(), 1);
    assert_eq!(steps(&Store::open(&settings).unwrap()), vec![7]);
    for ending in ["new", "restoring"] {
        assert!(!room.path().join(format!("store.redb.{ending}")).exists(), "{ending}");
    }
}

/// What one restore put aside is not lost to the next.
#[test]
fn each_store_that_was_replaced_stays() {
    let room = tempfile::tempdir().unwrap();
    let settings = Settings::at(room.path().join("store.redb"));
    let backup = room.path().join("backup.redb");
    let store = Store::open(&settings).unwrap();
    store.backup(&backup).unwrap();
    step(&store, 7);
    drop(store);
    for _ in 0..3 {
        assert!(Store::restore(&backup, &settings).unwrap().kept.unwrap().exists());
    }
    let kept = |ending: &str| {
        let path = room.path().join(format!("store.redb.before-restore{ending}"));
        let copy = room.path().join(format!("looked-at{ending}.redb"));
        fs::copy(path, &copy).unwrap();
        steps(&Store::open(&Settings::at(copy)).unwrap())
    };
    assert_eq!((kept(""), kept("-2"), kept("-3")), (vec![7], vec![], vec![]), "the first is the original");
}

/// The same where a file has one name only.
#[test]
fn a_copy_takes_no_name_that_is_in_use() {
    let room = tempfile::tempdir().unwrap();
    let (path, name) = (room.path().join("store"), room.path().join("kept"));
    fs::write(&path, "all of it").unwrap();
    super::copied(&path, &name).unwrap();
    assert_eq!(fs::read(&name).unwrap(), b"all of it");
    assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);
    let again = super::copied(&path, &name).unwrap_err();
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
}

/// A backup is put in place beside its own key only; otherwise nothing is touched and nothing of it stays behind.
///
/// Proves: OPS-8, OPS-14
#[test]
fn a_backup_of_another_key_is_refused_and_the_store_stays() {
    let room = tempfile::tempdir().unwrap();
    let settings = |name: &str, key: u8| Settings {
        key_imprint: Some([key; 16]),
        ..Settings::at(room.path().join(name).join("store.redb"))
    };
    let backup = room.path().join("backup.redb");
    let store = Store::open(&settings("there", 1)).unwrap();
    step(&store, 7);
    store.backup(&backup).unwrap();
    drop(store);
    drop(Store::open(&settings("here", 2)).unwrap());
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(room.path().join("here")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let refused = Store::restore(&backup, &settings("here", 2)).unwrap_err();
    assert!(matches!(refused, BackupError::File(OpenError::OtherKey { .. })), "{refused}");
    assert_eq!(names(), before);
    let stayed = Store::open(&settings("here", 2)).unwrap();
    assert_eq!((stayed.epoch(), steps(&stayed)), (0, vec![]));
    drop(stayed);
    Store::restore(&backup, &settings("there", 1)).unwrap();
    assert_eq!(steps(&Store::open(&settings("there", 1)).unwrap()), [7]);
}
