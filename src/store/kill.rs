//! Real processes, really killed: a child writes to a file and reports each acknowledgement through a
//! pipe; the parent kills it at any moment and compares the file with what it was told.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use super::{
    Inserted, Settings, Store, StoreError,
    crash::{Ledger, POOL, THREADS, TOKENS, Token, step, verify},
    testing::{Chance, number},
};

const PLACE: &str = "VOUCHSAFE_TEST_KILL";
const KILLS: u64 = 200;

/// The child's part; by itself it does nothing.
#[test]
fn write_until_killed() {
    let Some(path) = std::env::var_os(PLACE) else { return };
    let store = Store::open(&Settings::at(path)).unwrap();
    // Past the harness's capture, and line by line into the pipe.
    let report = |line: String| std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (store, report) = (&store, &report);
            scope.spawn(move || {
                let mut chance = Chance(u64::from(std::process::id()) << 8 | thread);
                loop {
                    if chance.percent(10) {
                        let token = chance.below(TOKENS as u64);
                        if store.write_blocking(move |tx| POOL.take(tx, &token)).unwrap().is_some() {
                            report(format!("\ntook {token}\n"));
                        }
                    }
                    let value = step(store, thread, true).unwrap();
                    report(format!("\nstep {thread} {value}\n"));
                }
            });
        }
    });
}

/// Runs a child and kills it after `acks` acknowledgements; notes all it reported.
fn run(path: &Path, acks: u64, ledger: &mut Ledger) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::kill::write_until_killed"])
        .env(PLACE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    let mut alive = true;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // What was in the pipe at the moment of death had been acknowledged, and counts.
    for line in lines {
        if alive && seen >= acks {
            child.kill().unwrap();
            alive = false;
        }
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["step", thread, value] => {
                let slot: usize = thread.parse().unwrap();
                ledger.counts[slot] = (value.parse().unwrap(), 0);
            }
            ["took", token] => {
                let slot: usize = token.parse().unwrap();
                assert!(!ledger.taken[slot], "token {token} was given out twice");
                ledger.taken[slot] = true;
            }
            _ => continue,
        }
        seen += 1;
    }
    if alive {
        let status = child.wait().unwrap();
        panic!("the child ended by itself: {status}");
    }
    child.wait().unwrap();
    // One step of each thread, and any token, may have been under way.
    ledger.counts.iter_mut().for_each(|(_, unsure)| *unsure += 1);
    ledger.unsure = [true; TOKENS];
}

/// Two hundred kills at random moments, some of them before the child has even opened the file.
///
/// Proves: OPS-11
#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.redb"));
    let store = Store::open(&settings).unwrap();
    let filled = store.write_blocking(|tx| {
        for token in 0..TOKENS as u64 {
            assert_eq!(POOL.insert(tx, &token, &Token {})?, Inserted::Done);
        }
        Ok::<_, StoreError>(())
    });
    assert_eq!(filled, Ok(()));
    drop(store);
    let mut ledger = Ledger::default();
    let mut chance = Chance(number("VOUCHSAFE_FAULT_FIRST", 0));
    for _ in 0..number("VOUCHSAFE_KILLS", KILLS) {
        run(&settings.path, chance.below(12), &mut ledger);
        // Every third time the next child finds the file as the kill left it: two crashes in a row.
        if chance.percent(66) {
            verify(&Store::open(&settings).unwrap(), &mut ledger).unwrap();
        }
    }
    verify(&Store::open(&settings).unwrap(), &mut ledger).unwrap();
    assert!(ledger.counts.iter().all(|(acked, _)| *acked > 0));
}
