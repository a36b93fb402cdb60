//! Stores that are new, lost, damaged, foreign or in use, and what is said about each.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{super::handle::Store, OpenError, Settings, marker};
use crate::store::{Inserted, Record, StoreError, Table};

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Account {
    #[n(0)]
    name: String,
}

impl Record for Account {
    type Key = u64;
    const SPACE: &'static str = "accounts";
}

const ACCOUNTS: Table<Account> = Table::new();

struct Room {
    settings: Settings,
    _folder: tempfile::TempDir,
}

/// A folder with a closed store of two hundred accounts in it.
fn room() -> Room {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("data").join("store.redb"));
    let store = Store::open(&settings).unwrap();
    let filled = store.write_blocking(|tx| {
        for key in 0..200 {
            assert_eq!(ACCOUNTS.insert(tx, &key, &Account { name: format!("a{key}") })?, Inserted::Done);
        }
        Ok::<_, StoreError>(())
    });
    assert_eq!(filled, Ok(()));
    Room { settings, _folder: folder }
}

fn accounts(store: &Store) -> usize {
    store.read(|tx| Ok::<_, StoreError>(ACCOUNTS.range(tx, None, 1000)?.len())).unwrap()
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What opening says, as the person at the console reads it.
fn refusal(settings: &Settings) -> String {
    match Store::open(settings) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_store_is_still_there_after_closing_and_only_its_owner_reads_it() {
    let room = room();
    let path = &room.settings.path;
    assert_eq!((mode(path), mode(&path.parent().unwrap().to_path_buf())), (0o600, 0o700));
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(accounts(&Store::open(&room.settings).unwrap()), 200);
    assert_eq!(mode(path), 0o600);
    let mut files: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["store.marker", "store.redb"]);
}

/// Proves: OPS-13
#[test]
fn a_lost_file_is_an_error_until_the_marker_goes_too() {
    let room = room();
    fs::remove_file(&room.settings.path).unwrap();
    let said = refusal(&room.settings);
    assert!(said.contains("store.redb is missing") && said.contains("store.marker"), "{said}");
    assert!(!room.settings.path.exists(), "nothing was begun");
    fs::remove_file(marker(&room.settings.path)).unwrap();
    assert_eq!(accounts(&Store::open(&room.settings).unwrap()), 0);
}

/// Proves: OPS-13
#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let room = room();
    let path = &room.settings.path;
    let good = fs::read(path).unwrap();
    let mut flipped = good.clone();
    let name = good.windows(4).position(|bytes| bytes == b"a199").unwrap();
    flipped[name] ^= 4;
    let mut header = good.clone();
    header[..9].fill(0);
    let cases: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("cut short", &good[..good.len() / 2]),
        ("cut to a page", &good[..4096]),
        ("a flipped bit in a row", &flipped),
        ("no header", &header),
        ("something else", b"SQLite format 3\0 and so on, for a while"),
    ];
    for (what, bytes) in cases {
        fs::write(path, bytes).unwrap();
        let said = refusal(&room.settings);
        assert!(said.contains("is damaged and was not opened"), "{what}: {said}");
        assert!(matches!(Store::open(&room.settings), Err(OpenError::Damaged { .. })), "{what}");
    }
    fs::write(path, &good).unwrap();
    assert_eq!(accounts(&Store::open(&room.settings).unwrap()), 200);
}

/// Whatever bytes lie there, nothing panics and nothing empty is served.
///
/// Proves: OPS-13
#[test]
fn a_store_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.redb"));
    let other = redb::Database::create(&settings.path).unwrap();
    let write = other.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<&str, u64>::new("stranger")).unwrap().insert("a", 1).unwrap();
    write.commit().unwrap();
    drop(other);
    let said = refusal(&settings);
    assert!(said.contains("its schema version is missing"), "{said}");
}

/// Proves: OPS-15
#[test]
fn a_second_process_is_refused() {
    let room = room();
    let store = Store::open(&room.settings).unwrap();
    let said = refusal(&room.settings);
    assert!(said.contains("is in use by another process"), "{said}");
    // The same for another process: this test, started once more, opens the same file.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "store::files::tests::open_named_store"]).env(NAMED, &room.settings.path);
    let mut run = || child.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(!run().success(), "the other process got in");
    drop(store);
    assert!(run().success());
}

const NAMED: &str = "VOUCHSAFE_TEST_STORE";

/// The part of the test above that runs in the other process; by itself it does nothing.
#[test]
fn open_named_store() {
    if let Some(path) = std::env::var_os(NAMED) {
        assert_eq!(accounts(&Store::open(&Settings::at(path)).unwrap()), 200);
    }
}

/// A crash while the store was first created leaves a draft, never a store or a marker.
#[test]
fn an_unfinished_beginning_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.redb"));
    fs::write(super::beside(&settings.path, "new"), b"half of something").unwrap();
    assert_eq!(accounts(&Store::open(&settings).unwrap()), 0);
    assert_eq!(Store::open(&settings).unwrap().epoch(), 0);
}

#[test]
fn a_place_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let said = refusal(&Settings::at(file.join("store.redb")));
    assert!(said.starts_with("cannot open the store at ") && said.contains("file"), "{said}");
}

/// Proves: OPS-8
#[test]
fn a_store_is_not_opened_with_the_key_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let under = |key: u8| Settings { key_imprint: Some([key; 16]), ..Settings::at(&path) };
    assert_eq!(accounts(&Store::open(&under(1)).unwrap()), 0);
    let marked = fs::read(marker(&path)).unwrap();
    for _ in 0..2 {
        let said = refusal(&under(2));
        assert!(said.contains("store.redb belongs to another master key"), "{said}");
    }
    assert_eq!(fs::read(marker(&path)).unwrap(), marked);
    assert_eq!(accounts(&Store::open(&under(1)).unwrap()), 0);
}

/// A wrong key that happens to be there first must not lock the right one out.
#[test]
fn a_store_from_before_there_were_imprints_opens_with_any_key() {
    let room = room();
    for key in [2, 1] {
        let under = Settings { key_imprint: Some([key; 16]), ..room.settings.clone() };
        assert_eq!(accounts(&Store::open(&under).unwrap()), 200);
    }
}

/// Proves: OPS-13
#[test]
fn an_imprint_that_is_none_is_damage() {
    for bytes in [&[][..], &[1; 15], &[1; 17]] {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            Settings { key_imprint: Some([1; 16]), ..Settings::at(folder.path().join("store.redb")) };
        let store = Store::open(&settings).unwrap();
        let bytes = bytes.to_vec();
        let put = store.write_blocking(move |tx| {
            tx.put(crate::store::engine::Space::table("meta"), b"key imprint", &bytes);
            Ok::<_, StoreError>(())
        });
        assert_eq!(put, Ok(()));
        drop(store);
        let said = refusal(&settings);
        assert!(said.contains("is damaged") && said.contains("imprint"), "{said}");
    }
}
