//! The store as the rest of the program holds it.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use redb::backends::InMemoryBackend;
use tokio::sync::oneshot;

use super::{
    changes::Change,
    engine::{
        Dump, Engine, Space, View, Visit,
        lease::Nudge,
        redb::{Opening, Redb},
    },
    error::{OpenError, StoreError},
    files,
    key::{Direction, Span},
    meta,
    tx::{Published, ReadTx, WriteTx},
    writer::{Message, Pace, Shared, Task, Writer},
};

/// Where the store is and what it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file; its marker lies beside it under the same name with the ending `.marker`.
    pub path: PathBuf,
    /// Memory for the file's pages, in bytes.
    pub cache_bytes: usize,
    /// How many transactions may wait; one more is refused with [`StoreError::Busy`].
    pub queue: usize,
    /// The imprint of the master key that values in the store are sealed with. A new store keeps it, and is never
    /// opened with another. `None` compares nothing.
    pub key_imprint: Option<[u8; 16]>,
}

impl Settings {
    /// A store at `path`, with 64 MiB of page cache and 4096 waiting transactions, under any key.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), cache_bytes: 64 << 20, queue: 4096, key_imprint: None }
    }
}

/// Whether the store can write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can, as far as the last attempt showed.
    Fine,
    /// It cannot; the last error. Reads go on, and it tries again by itself.
    Failing(String),
}

/// Numbers for the metrics, counted since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Durable commits.
    pub commits: u64,
    /// Commits and recoveries that failed.
    pub failures: u64,
    /// Closures that ran; divided by `commits`, the size of the average batch.
    pub transactions: u64,
    /// Rows written, index entries included.
    pub rows: u64,
    /// Time spent in commits.
    pub commit_time: Duration,
    /// Closures waiting now.
    pub waiting: usize,
    /// The size of the file, in bytes.
    pub file_bytes: u64,
}

/// The store. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    sender: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
    epoch: u64,
}

impl Store {
    /// A store that lives in memory and ends with its last clone: the same code, the same engine.
    ///
    /// # Panics
    ///
    /// When the machine cannot start a thread.
    #[expect(clippy::expect_used, reason = "memory cannot refuse a file, and a test without threads is none")]
    pub fn in_memory() -> Self {
        let (sender, inbox) = mpsc::sync_channel(1024);
        let device = Arc::new(InMemoryBackend::new());
        let opening = Opening { cache_bytes: 1 << 20, verify: false, quick_every: Duration::MAX };
        let mut engine = Redb::open(device, opening, nudge(&sender)).expect("an empty memory is a store");
        meta::begin(&mut engine, None).expect("memory can be written");
        Self::start(Box::new(engine), sender, inbox, Pace::default()).expect("a thread starts")
    }

    /// Opens the store at `settings.path`, or creates it when there never was one (OPS-13).
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let (sender, inbox) = mpsc::sync_channel(settings.queue.max(1));
        let engine = files::open(settings, &nudge(&sender))?;
        Self::start(Box::new(engine), sender, inbox, Pace::default())
            .map_err(|error| OpenError::Io { path: settings.path.clone(), detail: error.to_string() })
    }

    pub(super) fn start(
        engine: Box<dyn Engine>,
        sender: SyncSender<Message>,
        inbox: mpsc::Receiver<Message>,
        pace: Pace,
    ) -> Result<Self, StoreError> {
        let view = engine.view()?;
        let epoch = meta::epoch(&*view)?;
        let shared = Arc::new(Shared::new(view));
        let writer = Writer::new(engine, Arc::clone(&shared), inbox, pace);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(Arc::new(Inner { shared, sender, thread: Mutex::new(Some(thread)), epoch })))
    }

    /// Runs `f` on the calling thread, on the state after the last commit. It sees every write that
    /// was answered before it began. Point reads are microseconds and may run on an async executor;
    /// long scans may not.
    pub fn read<T, E: From<StoreError>>(&self, f: impl FnOnce(&ReadTx) -> Result<T, E>) -> Result<T, E> {
        f(&ReadTx::new(self.0.shared.published.load()))
    }

    /// Runs `f` on the writer thread in a transaction and resolves when that is durable.
    ///
    /// `f` may run more than once, so it must be a pure function of the transaction and what it
    /// captured. `Err` keeps nothing of what it wrote. Dropping the future does not take the
    /// transaction back.
    pub async fn write<T, E>(&self, f: impl Fn(&mut WriteTx) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task::new(f, move |result| drop(reply.send(result))));
        self.0.submit(|sender| match sender.try_send(Message::Work(job)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// [`write`](Self::write) for callers that may block, such as the command line and tests. Waits
    /// for room in the queue.
    pub fn write_blocking<T, E>(
        &self,
        f: impl Fn(&mut WriteTx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = mpsc::sync_channel(1);
        let job = Box::new(Task::new(f, move |result| drop(reply.send(result))));
        self.0.submit(|sender| sender.send(Message::Work(job)).map_err(|_| StoreError::Closed))?;
        answer.recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Adds a listener to every commit, called on the writer thread after the new state is readable
    /// and before the writers are answered. It must be quick, must not write, must not panic, and must
    /// not own a `Store`, which could then never end.
    pub fn on_change(&self, listener: impl Fn(&[Change]) + Send + Sync + 'static) {
        self.0.shared.feed.add(Arc::new(listener));
    }

    /// Whether it can write.
    pub fn health(&self) -> Health {
        let failure = self.0.shared.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone().map_or(Health::Fine, Health::Failing)
    }

    /// Numbers for the metrics.
    pub fn figures(&self) -> Figures {
        let shared = &self.0.shared;
        Figures {
            commits: shared.commits.load(Ordering::Relaxed),
            failures: shared.failures.load(Ordering::Relaxed),
            transactions: shared.transactions.load(Ordering::Relaxed),
            rows: shared.rows.load(Ordering::Relaxed),
            commit_time: Duration::from_nanos(shared.commit_nanos.load(Ordering::Relaxed)),
            waiting: shared.waiting.load(Ordering::Relaxed),
            file_bytes: shared.file_bytes.load(Ordering::Relaxed),
        }
    }

    /// How often a backup has been put in this store's place. Sessions, codes and refresh tokens
    /// issued under a lower epoch are void: what ended them may be missing from the backup (OPS-14).
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Finishes every write accepted so far, then closes the file (OPS-5). Later reads and writes
    /// get [`StoreError::Closed`]. Blocks until done.
    pub fn close(&self) {
        self.0.stop();
    }

    pub(super) fn view(&self) -> Arc<dyn View> {
        Arc::clone(&self.0.shared.published.load().0)
    }
}

impl Inner {
    fn submit(
        &self,
        send: impl FnOnce(&SyncSender<Message>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        send(&self.sender).inspect_err(|_| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        })
    }

    fn stop(&self) {
        self.shared.closed.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // Readers that come now find the store closed; those under way keep their state alive.
        let _ = self.sender.send(Message::Stop);
        // The last clone may die inside a closure or a listener, on the writer thread itself.
        if thread.thread().id() != thread::current().id() {
            let _ = thread.join();
        }
        self.shared.published.store(Arc::new(Published(Arc::new(ClosedView))));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A full queue needs no nudge: the writer is about to look.
pub(super) fn nudge(sender: &SyncSender<Message>) -> Nudge {
    let sender = sender.clone();
    Arc::new(move || drop(sender.try_send(Message::Check)))
}

/// What readers find after the end.
struct ClosedView;

impl View for ClosedView {
    fn get(&self, _: Space, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }

    fn scan(&self, _: Space, _: &Span, _: Direction, _: &mut Visit<'_>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    fn dump(&self, _: &mut Dump<'_>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
}
