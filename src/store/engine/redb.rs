//! The redb engine: one redb table per space, values opaque, every commit two-phase.

use std::{
    collections::HashMap,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, StorageBackend, TableDefinition, TableError,
    TableHandle, backends::FileBackend,
};

use super::{
    Dump, Engine, Space, View, Visit,
    lease::{Held, Lease, Nudge},
};
use crate::store::{
    error::StoreError,
    key::{Direction, Span},
    tx::{Fate, Writes},
};

/// Memory for pages while a file is verified, in bytes: enough for the inner pages of the trees.
const VERIFY_CACHE: usize = 4 << 20;

type Definition<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;
type OpenTable<'a> = redb::Table<'a, &'static [u8], &'static [u8]>;
type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// How the file is opened.
#[derive(Clone, Copy)]
pub(in crate::store) struct Opening {
    /// Memory for pages, in bytes. redb's own default is a gibibyte.
    pub(in crate::store) cache_bytes: usize,
    /// Whether to read the whole file and verify every checksum first.
    pub(in crate::store) verify: bool,
    /// How often at most a commit also saves what makes reopening after a crash instant.
    pub(in crate::store) quick_every: Duration,
}

/// The engine.
pub(in crate::store) struct Redb {
    device: Arc<dyn StorageBackend>,
    opening: Opening,
    nudge: Nudge,
    lease: Arc<Lease>,
    /// `None` only inside `drop`.
    database: Option<Database>,
    /// When a commit last saved the allocator state.
    quick_at: Option<Instant>,
    /// Whether the last commit did: only then a crash needs no full repair, because redb drops the
    /// saved state with the first commit that does not renew it.
    quick: bool,
    size: AtomicU64,
}

impl Redb {
    /// Opens what is on `device`, or begins anew when it is empty. Repairs what a crash left.
    pub(in crate::store) fn open(
        device: Arc<dyn StorageBackend>,
        opening: Opening,
        nudge: Nudge,
    ) -> Result<Self, StoreError> {
        if opening.verify {
            verify(&device, opening, &nudge)?;
        }
        let opening = Opening { verify: false, ..opening };
        let (lease, database) = open(&device, opening, &nudge)?;
        let engine = Self {
            device,
            opening,
            nudge,
            lease,
            database: Some(database),
            quick_at: None,
            quick: false,
            size: AtomicU64::new(0),
        };
        engine.measure();
        Ok(engine)
    }

    fn database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or(StoreError::Closed)
    }

    fn transact(&mut self, writes: Option<&Writes>, quick: bool) -> Result<(), StoreError> {
        let database = self.database()?;
        let result = guarded(|| {
            let mut transaction = database.begin_write()?;
            // OPS-10: a checksum that an attacker could aim at must not decide what was committed.
            transaction.set_two_phase_commit(true);
            transaction.set_quick_repair(quick);
            for (space, rows) in writes.into_iter().flat_map(Writes::iter) {
                let name = space.name();
                let mut table = transaction.open_table(Definition::new(&name))?;
                for (key, fate) in rows {
                    match fate {
                        Fate::Written(value) => drop(table.insert(&**key, &**value)?),
                        Fate::Removed => drop(table.remove(&**key)?),
                    }
                }
            }
            Ok(transaction.commit()?)
        });
        // A lease that failed lets redb go on in the belief that all is well.
        let result = match self.lease.failure() {
            Some(cause) => Err(StoreError::Unavailable(cause)),
            None => result,
        };
        match &result {
            Ok(()) => {
                self.quick = quick;
                if quick {
                    self.quick_at = Some(Instant::now());
                }
                self.measure();
            }
            Err(error) => self.lease.fail(&error.to_string()),
        }
        result
    }

    fn measure(&self) {
        if let Ok(len) = self.device.len() {
            self.size.store(len, Ordering::Relaxed);
        }
    }
}

impl Engine for Redb {
    fn view(&self) -> Result<Arc<dyn View>, StoreError> {
        let database = self.database()?;
        let transaction = guarded(|| Ok(database.begin_read()?))?;
        Ok(Arc::new(RedbView { transaction, tables: ArcSwap::default() }))
    }

    fn commit(&mut self, writes: &Writes) -> Result<(), StoreError> {
        if let Some(cause) = self.lease.failure() {
            return Err(StoreError::Unavailable(cause));
        }
        let quick = self.quick_at.is_none_or(|at| at.elapsed() >= self.opening.quick_every);
        self.transact(Some(writes), quick)
    }

    fn suspect(&self) -> bool {
        self.lease.read_failed() || self.lease.failure().is_some()
    }

    fn recover(&mut self, publish: &mut dyn FnMut(Arc<dyn View>)) -> Result<(), StoreError> {
        // Two handles on one device: the old one must not write any more, not even while closing.
        self.lease.fail("it is being reopened");
        let (lease, database) = open(&self.device, self.opening, &self.nudge)?;
        let old = self.database.replace(database);
        let old_lease = std::mem::replace(&mut self.lease, lease);
        self.quick_at = None;
        self.quick = false;
        publish(self.view()?);
        // Before the first commit, which may reuse pages that the old state still shows.
        old_lease.retire();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        self.transact(None, true)
    }

    fn unsettled(&self) -> bool {
        !self.quick && self.quick_at.is_some() && self.lease.failure().is_none()
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        self.transact(None, true)
    }

    fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }
}

impl Drop for Redb {
    fn drop(&mut self) {
        // Closing writes the allocator state; redb asserts along the way, and a store that is damaged
        // should not take the process with it.
        let database = self.database.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

/// Reads everything once through a handle of its own: the pages it leaves in its memory are not those that will be asked for.
///
/// Closing that handle writes a little. Where there is no room for that, the store is sound all the same, and can be read (OPS-12): the next
/// handle finds it not closed and looks after it as after a crash.
fn verify(device: &Arc<dyn StorageBackend>, opening: Opening, nudge: &Nudge) -> Result<(), StoreError> {
    let cache_bytes = opening.cache_bytes.min(VERIFY_CACHE);
    let (lease, database) = open(device, Opening { cache_bytes, ..opening }, nudge)?;
    let closed = guarded(|| Ok(database.close()?)).err().map(|error| error.to_string());
    if let Some(why) = lease.failure().or(closed) {
        tracing::warn!(why, "the store is sound, but could not be closed after it was verified");
    }
    lease.retire();
    Ok(())
}

fn open(
    device: &Arc<dyn StorageBackend>,
    opening: Opening,
    nudge: &Nudge,
) -> Result<(Arc<Lease>, Database), StoreError> {
    let lease = Lease::new(Arc::clone(device), Arc::clone(nudge));
    let database = guarded(|| {
        Ok(Database::builder()
            .set_cache_size(opening.cache_bytes)
            .set_check_integrity_on_open(opening.verify)
            .create_with_backend(Held(Arc::clone(&lease)))?)
    });
    match database {
        Ok(database) => {
            lease.opened();
            Ok((lease, database))
        }
        Err(error) => {
            lease.retire();
            Err(error)
        }
    }
}

/// Copies a whole view into an empty file, in one durable transaction.
pub(in crate::store) fn copy(view: &dyn View, file: File, cache_bytes: usize) -> Result<(), StoreError> {
    let (database, mut transaction) = guarded(|| {
        let database =
            Database::builder().set_cache_size(cache_bytes).create_with_backend(FileBackend::new(file)?)?;
        let transaction = database.begin_write()?;
        Ok((database, transaction))
    })?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    let mut open: Option<(String, OpenTable<'_>)> = None;
    view.dump(&mut |name, key, value| {
        guarded(|| {
            let table = match open.take() {
                Some(same) if same.0 == name => open.insert(same),
                other => {
                    drop(other);
                    open.insert((name.to_owned(), transaction.open_table(Definition::new(name))?))
                }
            };
            drop(table.1.insert(key, value)?);
            Ok(())
        })
    })?;
    drop(open);
    guarded(|| {
        transaction.commit()?;
        Ok(database.close()?)
    })
}

/// One read transaction, with the tables it has been asked for.
struct RedbView {
    transaction: ReadTransaction,
    /// Opened on first use: a point read then costs neither a transaction nor an `open_table`.
    /// `None` is a space that nothing was written to yet.
    tables: ArcSwap<HashMap<Space, Option<Arc<Rows>>, foldhash::fast::FixedState>>,
}

impl RedbView {
    /// Calls `with` with the table of `space`, or gives `absent` when nothing was ever written to it.
    fn with_table<T>(
        &self,
        space: Space,
        absent: T,
        with: impl FnOnce(&Rows) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tables = self.tables.load();
        let opened;
        let table = if let Some(table) = tables.get(&space) {
            table
        } else {
            opened = self.open_table(space)?;
            &opened
        };
        table.as_ref().map_or(Ok(absent), |table| with(table))
    }

    #[cold]
    fn open_table(&self, space: Space) -> Result<Option<Arc<Rows>>, StoreError> {
        let name = space.name();
        let table = guarded(|| match self.transaction.open_table(Definition::new(&name)) {
            Ok(table) => Ok(Some(Arc::new(table))),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        })?;
        self.tables.rcu(|tables| {
            let mut tables = HashMap::clone(tables);
            tables.insert(space, table.clone());
            tables
        });
        Ok(table)
    }
}

impl View for RedbView {
    fn get(&self, space: Space, key: &[u8], show: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        self.with_table(space, false, |table| {
            let found = guarded(|| Ok(table.get(key)?))?;
            Ok(found.is_some_and(|value| {
                show(value.value());
                true
            }))
        })
    }

    fn scan(
        &self,
        space: Space,
        span: &Span,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if span.is_empty() {
            return Ok(());
        }
        self.with_table(space, (), |table| {
            let mut range = guarded(|| Ok(table.range::<&[u8]>(span.bounds())?))?;
            loop {
                let row = guarded(|| {
                    let row = match direction {
                        Direction::Forward => range.next(),
                        Direction::Backward => range.next_back(),
                    };
                    Ok(row.transpose()?)
                })?;
                let Some((key, value)) = row else { return Ok(()) };
                if visit(key.value(), value.value()).is_break() {
                    return Ok(());
                }
            }
        })
    }

    fn dump(&self, row: &mut Dump<'_>) -> Result<(), StoreError> {
        let mut names = guarded(|| {
            Ok(self.transaction.list_tables()?.map(|table| table.name().to_owned()).collect::<Vec<_>>())
        })?;
        names.sort_unstable();
        for name in names {
            let table = guarded(|| Ok(self.transaction.open_table(Definition::new(&name))?))?;
            let mut range = guarded(|| Ok(table.range::<&[u8]>(..)?))?;
            while let Some((key, value)) = guarded(|| Ok(range.next().transpose()?))? {
                row(&name, key.value(), value.value())?;
            }
        }
        Ok(())
    }
}

/// Runs a step of redb. It reports damage it expects as errors, but panics over damage it does not;
/// either way the caller gets an error and the thread lives on.
fn guarded<T>(step: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(redb::Error::Corrupted(what))) => Err(StoreError::Corrupt(what)),
        Ok(Err(error)) => Err(StoreError::Unavailable(error.to_string())),
        Err(_) => Err(StoreError::Corrupt("the file's structure does not hold together".to_owned())),
    }
}
