//! A store on a disk that fails, and many seeds of it, for tests here and in the rooms above.

use std::{
    panic::RefUnwindSafe,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

pub(crate) use super::engine::faulty::{Chance, Disk, Plan};
use super::{
    Store, StoreError,
    engine::{
        Engine,
        redb::{Opening, Redb},
    },
    handle::nudge,
    meta,
    writer::Pace,
};

/// Opens the store on a disk; an empty one becomes a store.
pub(crate) fn open(disk: &Disk, chance: &mut Chance) -> Result<Store, StoreError> {
    let (sender, inbox) = mpsc::sync_channel(64);
    let opening = Opening { cache_bytes: 256 << 10, verify: false, quick_every: Duration::from_hours(1) };
    let fresh = disk.len() == 0;
    let mut engine = Redb::open(disk.device(), opening, nudge(&sender))?;
    if fresh {
        meta::begin(&mut engine, None)?;
    }
    meta::verify(&*engine.view()?)?;
    let settle = if chance.percent(30) { Duration::ZERO } else { Duration::from_hours(1) };
    let pace = Pace { settle, retry: Duration::ZERO, retry_most: Duration::ZERO };
    Store::start(Box::new(engine), sender, inbox, pace)
}

/// Power that fails within `span` operations, and now and then I/O errors or a full disk before that.
pub(crate) fn mishaps(chance: &mut Chance, disk: &Disk, span: u64) -> Plan {
    let mut plan = Plan { power_fails_at: Some(chance.below(span)), ..Plan::default() };
    if chance.percent(25) {
        plan.error_at = Some((chance.below(span), chance.below(4)));
    }
    if chance.percent(15) {
        plan.room = Some(disk.len() + chance.below(3) * 4096);
    }
    plan
}

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "how many seeds a test run tries is nobody's configuration")]
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs `usual` seeds, or as many as `VOUCHSAFE_FAULT_SEEDS` says, from `VOUCHSAFE_FAULT_FIRST` on, and tells which failed.
pub(crate) fn try_seeds(usual: u64, run: impl Fn(u64) + Sync + RefUnwindSafe) {
    let first = number("VOUCHSAFE_FAULT_FIRST", 0);
    let seeds = number("VOUCHSAFE_FAULT_SEEDS", usual);
    let next = AtomicU64::new(first);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    if std::panic::catch_unwind(|| run(seed)).is_err() {
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {seeds} seeds failed: {failed:?}", failed.len());
}
