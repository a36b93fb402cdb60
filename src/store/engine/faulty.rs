//! A disk that fails the way disks do, for tests: it forgets, tears and reorders what was not
//! synced when the power goes, refuses writes when it is full, and reports errors where told to.
//!
//! All chance comes from a seed, so every failure can be had again.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::StorageBackend;

/// The unit that reaches the platter whole or not at all, in bytes.
const SECTOR: usize = 512;

/// A small generator of chance (`SplitMix64`), the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What is going to go wrong. Operations are writes, syncs and changes of length, counted from now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// The power fails in the middle of this operation.
    pub(crate) power_fails_at: Option<u64>,
    /// This operation reports an I/O error; how many after it do so too.
    pub(crate) error_at: Option<(u64, u64)>,
    /// Every read fails from now on.
    pub(crate) reads_fail: bool,
    /// The file cannot grow beyond this many bytes.
    pub(crate) room: Option<u64>,
}

#[derive(Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug)]
struct State {
    /// What a read finds: the operating system's cache.
    visible: Vec<u8>,
    /// What is on the platter for sure.
    durable: Vec<u8>,
    /// What came since the last sync, in order.
    pending: Vec<Pending>,
    chance: Chance,
    plan: Plan,
    operations: u64,
    syncs: u64,
    /// Counts power failures; a handle from before one is dead.
    boot: u64,
    dark: bool,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            visible: Vec::new(),
            durable: Vec::new(),
            pending: Vec::new(),
            chance: Chance(seed),
            plan: Plan::default(),
            operations: 0,
            syncs: 0,
            boot: 0,
            dark: false,
        })))
    }

    /// A way to the disk that ends with the next power failure.
    pub(crate) fn device(&self) -> Arc<dyn StorageBackend> {
        let boot = self.state().boot;
        Arc::new(Device { disk: self.clone(), boot })
    }

    /// Replaces the plan and starts counting operations anew.
    pub(crate) fn plan(&self, plan: Plan) {
        let mut state = self.state();
        state.plan = plan;
        state.operations = 0;
        state.syncs = 0;
    }

    /// Whether the power has failed.
    pub(crate) fn dark(&self) -> bool {
        self.state().dark
    }

    /// Operations since the last plan.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Syncs since the last plan.
    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    pub(crate) fn len(&self) -> u64 {
        self.state().visible.len() as u64
    }

    /// Cuts the power if it is not already, decides what of the unsynced writes survives, and gives
    /// back a disk without any plan.
    pub(crate) fn reboot(&self) {
        let mut state = self.state();
        let state = &mut *state;
        // Sometimes all, sometimes nothing, mostly a mixture.
        let survive = [0, 10, 50, 90, 100][usize::try_from(state.chance.below(5)).unwrap()];
        let mut lengths = true;
        for pending in std::mem::take(&mut state.pending) {
            match pending {
                Pending::Length(len) => {
                    // A file system journals its own changes in order: a prefix of them survives.
                    lengths &= state.chance.percent(survive);
                    if lengths {
                        state.durable.resize(len, 0);
                    }
                }
                Pending::Write(offset, data) => scatter(state, offset, &data, survive),
            }
        }
        state.visible.clone_from(&state.durable);
        state.plan = Plan::default();
        state.boot += 1;
        state.dark = false;
    }

    /// What is on it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().visible.clone()
    }

    /// A disk that holds `bytes`.
    pub(crate) fn with(seed: u64, bytes: Vec<u8>) -> Self {
        let disk = Self::new(seed);
        {
            let mut state = disk.state();
            state.visible.clone_from(&bytes);
            state.durable = bytes;
        }
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes each sector of `data` to the platter or not.
fn scatter(state: &mut State, offset: usize, data: &[u8], survive: u64) {
    let mut at = offset;
    while at < offset + data.len() {
        let end = ((at / SECTOR + 1) * SECTOR).min(offset + data.len());
        let inside = end.min(state.durable.len());
        if at < inside && state.chance.percent(survive) {
            state.durable[at..inside].copy_from_slice(&data[at - offset..inside - offset]);
        }
        at = end;
    }
}

#[derive(Debug)]
struct Device {
    disk: Disk,
    boot: u64,
}

fn dead() -> io::Error {
    io::Error::other("the power is off")
}

impl Device {
    /// The state, if this device still has power.
    fn powered(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.dark || state.boot != self.boot { Err(dead()) } else { Ok(state) }
    }

    /// Counts an operation and says what becomes of it.
    fn operate(&self) -> io::Result<(MutexGuard<'_, State>, Fate)> {
        let mut state = self.powered()?;
        let now = state.operations;
        state.operations += 1;
        let fate = if state.plan.power_fails_at == Some(now) {
            state.dark = true;
            Fate::Dark
        } else if state.plan.error_at.is_some_and(|(first, more)| (first..=first + more).contains(&now)) {
            Fate::Error
        } else {
            Fate::Fine
        };
        Ok((state, fate))
    }
}

#[derive(PartialEq, Eq)]
enum Fate {
    Fine,
    Error,
    Dark,
}

impl Fate {
    fn result(self) -> io::Result<()> {
        match self {
            Self::Fine => Ok(()),
            Self::Error => Err(io::Error::other("input/output error")),
            Self::Dark => Err(dead()),
        }
    }
}

impl StorageBackend for Device {
    fn len(&self) -> io::Result<u64> {
        Ok(self.powered()?.visible.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.powered()?;
        if state.plan.reads_fail {
            return Fate::Error.result();
        }
        let offset = usize::try_from(offset).unwrap();
        let from = state.visible.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let (mut state, fate) = self.operate()?;
        if fate == Fate::Error {
            return fate.result();
        }
        if state.plan.room.is_some_and(|room| len > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let len = usize::try_from(len).unwrap();
        state.visible.resize(len, 0);
        state.pending.push(Pending::Length(len));
        fate.result()
    }

    fn sync_data(&self) -> io::Result<()> {
        let (mut state, fate) = self.operate()?;
        let state = &mut *state;
        state.syncs += 1;
        match fate {
            Fate::Dark => {}
            Fate::Fine => {
                for pending in std::mem::take(&mut state.pending) {
                    match pending {
                        Pending::Length(len) => state.durable.resize(len, 0),
                        Pending::Write(offset, data) => {
                            state.durable[offset..offset + data.len()].copy_from_slice(&data);
                        }
                    }
                }
            }
            // A failed fsync is worse than none: the pages count as clean from now on, so what did
            // not reach the platter never will, although every read still finds it.
            Fate::Error => {
                for pending in std::mem::take(&mut state.pending) {
                    match pending {
                        Pending::Length(len) => state.durable.resize(len, 0),
                        Pending::Write(offset, data) => scatter(state, offset, &data, 50),
                    }
                }
            }
        }
        fate.result()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (mut state, fate) = self.operate()?;
        let offset = usize::try_from(offset).unwrap();
        // An error in the middle leaves the beginning written.
        let through = if fate == Fate::Error {
            let cut = state.chance.below(data.len() as u64 + 1);
            &data[..usize::try_from(cut).unwrap()]
        } else {
            data
        };
        let to = state.visible.get_mut(offset..offset + through.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        to.copy_from_slice(through);
        state.pending.push(Pending::Write(offset, through.to_vec()));
        fate.result()
    }
}
