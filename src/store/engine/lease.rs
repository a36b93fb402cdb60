//! One database handle's hold on the device that it lives on.
//!
//! redb stops reading as well as writing after the first I/O error, until it is reopened. Readers must
//! not pay for a full disk (security.md OPS-12), and a reopening may itself fail while the disk is
//! full. So the handle never sees a write fail: from the first failure on its writes go to memory,
//! its commits are known to be void, and the state before keeps answering reads from the untouched
//! pages. Recovery opens a second handle on what really is on the device, moves the readers over
//! and retires the first one, from where on nothing of it reaches the device, not even a read.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::StorageBackend;

/// Wakes the writer thread, so that it looks after the engine.
pub(in crate::store) type Nudge = Arc<dyn Fn() + Send + Sync>;

/// The hold itself, shared between the engine and the handle inside redb.
pub(super) struct Lease {
    device: Arc<dyn StorageBackend>,
    phase: RwLock<Phase>,
    read_failed: AtomicBool,
    nudge: Nudge,
}

enum Phase {
    /// Errors are reported as they are: nobody reads yet.
    Opening,
    Live,
    Failed(Spill),
    Retired,
}

impl Lease {
    pub(super) fn new(device: Arc<dyn StorageBackend>, nudge: Nudge) -> Arc<Self> {
        Arc::new(Self {
            device,
            phase: RwLock::new(Phase::Opening),
            read_failed: AtomicBool::new(false),
            nudge,
        })
    }

    /// The database is open: from here on readers count on it.
    pub(super) fn opened(&self) {
        self.enter(Phase::Live);
    }

    /// Why commits are void, if they are.
    pub(super) fn failure(&self) -> Option<String> {
        match &*self.phase() {
            Phase::Failed(spill) => Some(spill.cause.clone()),
            Phase::Retired => Some("it has been replaced".to_owned()),
            Phase::Opening | Phase::Live => None,
        }
    }

    /// Whether a read failed, after which redb refuses all further ones.
    pub(super) fn read_failed(&self) -> bool {
        self.read_failed.load(Ordering::Acquire)
    }

    /// From here on no write reaches the device.
    pub(super) fn fail(&self, cause: &str) {
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*phase, Phase::Live | Phase::Opening) {
            *phase = Phase::Failed(Spill {
                cause: cause.to_owned(),
                len: self.device.len().unwrap_or(0),
                blocks: BTreeMap::new(),
            });
        }
    }

    /// From here on nothing reaches the device; returns when the last read under way is through.
    pub(super) fn retire(&self) {
        self.enter(Phase::Retired);
    }

    fn enter(&self, next: Phase) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    fn phase(&self) -> RwLockReadGuard<'_, Phase> {
        self.phase.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the device, or what stands for it once it has failed.
    fn change(
        &self,
        on_device: impl FnOnce(&dyn StorageBackend) -> io::Result<()>,
        on_spill: impl FnOnce(&mut Spill, &dyn StorageBackend) -> io::Result<()>,
    ) -> io::Result<()> {
        // The guard ends with this statement: what follows takes the lock again.
        let (spilling, live) = match *self.phase() {
            Phase::Opening => (false, false),
            Phase::Live => (false, true),
            Phase::Failed(_) => (true, true),
            Phase::Retired => return Err(retired()),
        };
        if spilling {
            return self.spill(on_spill);
        }
        // Outside the lock: a sync takes milliseconds. Only the writer thread comes here, and only
        // it changes the phase, so the phase is still the one just seen.
        match on_device(&*self.device) {
            Err(error) if live => {
                self.fail(&error.to_string());
                self.spill(on_spill)
            }
            result => result,
        }
    }

    fn spill(&self, apply: impl FnOnce(&mut Spill, &dyn StorageBackend) -> io::Result<()>) -> io::Result<()> {
        match &mut *self.phase.write().unwrap_or_else(PoisonError::into_inner) {
            Phase::Failed(spill) => apply(spill, &*self.device),
            _ => Err(retired()),
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("device", &self.device).finish_non_exhaustive()
    }
}

/// What redb is given.
#[derive(Debug)]
pub(super) struct Held(pub(super) Arc<Lease>);

impl StorageBackend for Held {
    fn len(&self) -> io::Result<u64> {
        match &*self.0.phase() {
            Phase::Failed(spill) => Ok(spill.len),
            Phase::Retired => Err(retired()),
            Phase::Opening | Phase::Live => self.0.device.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        // The lock is held while reading, so that retirement waits for it.
        let phase = self.0.phase();
        let result = match &*phase {
            Phase::Failed(spill) => spill.read(&*self.0.device, offset, out),
            Phase::Retired => return Err(retired()),
            Phase::Opening | Phase::Live => self.0.device.read(offset, out),
        };
        if result.is_err() && !matches!(*phase, Phase::Opening) {
            drop(phase);
            if !self.0.read_failed.swap(true, Ordering::AcqRel) {
                (self.0.nudge)();
            }
        }
        result
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.change(
            |device| device.set_len(len),
            |spill, _| {
                spill.len = len;
                Ok(())
            },
        )
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.change(StorageBackend::sync_data, |_, _| Ok(()))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.change(|device| device.write(offset, data), |spill, device| spill.write(device, offset, data))
    }

    // Neither closes nor locks: the device is held by the engine, across recoveries.
}

const BLOCK: usize = 4096;
const BLOCK_U64: u64 = 4096;

/// The writes of a handle whose device failed, and therefore what it believes to be there.
struct Spill {
    cause: String,
    len: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

impl Spill {
    fn read(&self, device: &dyn StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        for (block, within, part) in pieces(offset, out.len()) {
            let bytes = self.block(device, block)?;
            if let (Some(to), Some(from)) = (out.get_mut(part), bytes.get(within)) {
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }

    fn write(&mut self, device: &dyn StorageBackend, offset: u64, data: &[u8]) -> io::Result<()> {
        for (block, within, part) in pieces(offset, data.len()) {
            let mut bytes = self.block(device, block)?;
            if let (Some(to), Some(from)) = (bytes.get_mut(within), data.get(part)) {
                to.copy_from_slice(from);
            }
            self.blocks.insert(block, bytes);
        }
        Ok(())
    }

    fn block(&self, device: &dyn StorageBackend, block: u64) -> io::Result<Box<[u8; BLOCK]>> {
        if let Some(bytes) = self.blocks.get(&block) {
            return Ok(bytes.clone());
        }
        let start = block * BLOCK_U64;
        let there = device.len()?.min(self.len).saturating_sub(start).min(BLOCK_U64);
        let mut bytes = Box::new([0; BLOCK]);
        let there = usize::try_from(there).ok().filter(|there| *there > 0);
        if let Some(part) = there.and_then(|there| bytes.get_mut(..there)) {
            device.read(start, part)?;
        }
        Ok(bytes)
    }
}

/// A stretch of bytes cut at block boundaries: block, place within it, place within the stretch.
fn pieces(
    offset: u64,
    len: usize,
) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + u64::try_from(done).ok()?;
        let within = usize::try_from(at % BLOCK_U64).ok()?;
        let size = (BLOCK - within).min(len - done);
        let piece = (at / BLOCK_U64, within..within + size, done..done + size);
        done += size;
        (size > 0).then_some(piece)
    })
}

fn retired() -> io::Error {
    io::Error::other("this state of the store is gone; try again")
}
