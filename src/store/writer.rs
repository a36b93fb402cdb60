//! The writer thread: group commit, the order of what happens after it, and recovery.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use super::{
    changes::{Change, Feed},
    engine::{Engine, View},
    error::StoreError,
    tx::{Published, WriteTx},
};

/// A batch takes no further closure beyond this many rows: random keys cost a page each, and a long
/// commit is what everybody in it waits for.
const BATCH_ROWS: usize = 200;
/// Nor beyond this many closures.
const BATCH_CLOSURES: usize = 256;
/// How long recovery waits for readers of the old state before it takes that away from them. Point
/// reads take microseconds; only a backup or a long listing is ever cut off.
const READERS_LEAVE: Duration = Duration::from_secs(1);

/// When the writer does what nobody asked for.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Quiet time after the last commit before the engine settles.
    pub(super) settle: Duration,
    /// Wait before the first recovery after a failure; doubles with each that fails.
    pub(super) retry: Duration,
    /// The longest such wait.
    pub(super) retry_most: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(1),
            retry: Duration::from_millis(50),
            retry_most: Duration::from_secs(5),
        }
    }
}

/// What the writer finds in its queue.
pub(super) enum Message {
    /// Run a closure.
    Work(Box<dyn Job>),
    /// Look after the engine: a reader met an error.
    Check,
    /// Finish what is queued before this, then end.
    Stop,
}

/// A closure with somebody waiting for its answer.
pub(super) trait Job: Send {
    /// Runs it; whether its writes are to be kept.
    fn run(&mut self, tx: &mut WriteTx) -> bool;
    /// Passes on its result if the batch it ran in was committed, the error otherwise.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A closure, what it gave, and how to tell.
pub(super) struct Task<F, T, E, A> {
    closure: F,
    result: Option<Result<T, E>>,
    answer: A,
}

impl<F, T, E, A> Task<F, T, E, A> {
    pub(super) const fn new(closure: F, answer: A) -> Self {
        Self { closure, result: None, answer }
    }
}

impl<F, T, E, A> Job for Task<F, T, E, A>
where
    F: Fn(&mut WriteTx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
    A: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, tx: &mut WriteTx) -> bool {
        let result = catch_unwind(AssertUnwindSafe(|| (self.closure)(tx)));
        let result = result.unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { closure, result, answer } = *self;
        let result = match committed {
            Ok(()) => result.unwrap_or_else(|| Err(StoreError::Closed.into())),
            Err(error) => Err(error.into()),
        };
        // What the closure held is let go first: whoever is answered finds that done, too.
        drop(closure);
        answer(result);
    }
}

/// What the writer shares with everybody else.
pub(super) struct Shared {
    pub(super) published: ArcSwap<Published>,
    pub(super) feed: Feed,
    pub(super) failure: Mutex<Option<String>>,
    pub(super) closed: AtomicBool,
    pub(super) waiting: AtomicUsize,
    pub(super) commits: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) transactions: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) commit_nanos: AtomicU64,
    pub(super) file_bytes: AtomicU64,
}

impl Shared {
    pub(super) fn new(view: Arc<dyn View>) -> Self {
        Self {
            published: ArcSwap::from_pointee(Published(view)),
            feed: Feed::default(),
            failure: Mutex::new(None),
            closed: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            commits: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            commit_nanos: AtomicU64::new(0),
            file_bytes: AtomicU64::new(0),
        }
    }

    fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// The writer, alone on its thread with the engine.
pub(super) struct Writer {
    engine: Box<dyn Engine>,
    shared: Arc<Shared>,
    inbox: Receiver<Message>,
    pace: Pace,
    trouble: Option<Trouble>,
}

/// The state between a failed commit and the next success.
struct Trouble {
    error: StoreError,
    retry_at: Instant,
    wait: Duration,
    /// What the failed commit wrote: it may turn out to be durable, so caches must hear of it.
    unsure: Vec<Change>,
}

impl Writer {
    pub(super) fn new(
        engine: Box<dyn Engine>,
        shared: Arc<Shared>,
        inbox: Receiver<Message>,
        pace: Pace,
    ) -> Self {
        shared.file_bytes.store(engine.size(), Ordering::Relaxed);
        Self { engine, shared, inbox, pace, trouble: None }
    }

    /// Works until told to stop. Closing the engine is part of it, so that whoever joins the thread
    /// finds the file free.
    pub(super) fn run(mut self) {
        while let Some(message) = self.next() {
            let after = match message {
                Message::Work(job) => self.batch(job),
                other => Some(other),
            };
            match after {
                Some(Message::Stop) => break,
                Some(Message::Check) if self.engine.suspect() && self.trouble.is_none() => {
                    let error = StoreError::Unavailable("a read failed".to_owned());
                    self.fail(error, Vec::new());
                    self.retry();
                }
                _ => {}
            }
        }
    }

    /// The next message; between messages, whatever is due by itself.
    fn next(&mut self) -> Option<Message> {
        loop {
            let wait = match &self.trouble {
                Some(trouble) => trouble.retry_at.saturating_duration_since(Instant::now()),
                None if self.engine.unsettled() => self.pace.settle,
                None => return self.inbox.recv().ok(),
            };
            match self.inbox.recv_timeout(wait) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if self.trouble.is_some() => self.retry(),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = self.engine.settle() {
                        self.fail(error, Vec::new());
                    }
                }
            }
        }
    }

    /// Runs what is waiting, commits once, then answers everybody. Gives back a message that is no work.
    fn batch(&mut self, first: Box<dyn Job>) -> Option<Message> {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.retry_at <= Instant::now()) {
            self.retry();
        }
        let base = match &self.trouble {
            Some(trouble) => Err(trouble.error.clone()),
            None => self.engine.view(),
        };
        let base = match base {
            Ok(base) => base,
            Err(error) => {
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                first.answer(Err(error));
                return None;
            }
        };
        let mut tx = WriteTx::new(base);
        let mut jobs = Vec::new();
        let mut other = None;
        let mut next = Some(first);
        while let Some(mut job) = next.take() {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            if job.run(&mut tx) {
                tx.keep();
            } else {
                tx.revert();
            }
            jobs.push(job);
            if tx.writes().len() >= BATCH_ROWS || jobs.len() >= BATCH_CLOSURES {
                break;
            }
            match self.inbox.try_recv() {
                Ok(Message::Work(job)) => next = Some(job),
                Ok(message) => other = Some(message),
                Err(_) => {}
            }
        }
        let committed = self.commit(&tx, jobs.len());
        for job in jobs {
            job.answer(committed.clone());
        }
        other
    }

    /// Durable first, then visible, then announced: whoever is answered finds all three done.
    fn commit(&mut self, tx: &WriteTx, closures: usize) -> Result<(), StoreError> {
        self.shared.transactions.fetch_add(closures as u64, Ordering::Relaxed);
        if tx.writes().len() == 0 {
            return Ok(());
        }
        let began = Instant::now();
        let result = self.engine.commit(tx.writes()).and_then(|()| self.engine.view());
        let changes = tx.writes().changes();
        match result {
            Ok(view) => {
                let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.shared.commit_nanos.fetch_add(nanos, Ordering::Relaxed);
                self.shared.commits.fetch_add(1, Ordering::Relaxed);
                self.shared.rows.fetch_add(tx.writes().len() as u64, Ordering::Relaxed);
                self.shared.file_bytes.store(self.engine.size(), Ordering::Relaxed);
                self.shared.published.store(Arc::new(Published(view)));
                self.shared.feed.tell(&changes);
                Ok(())
            }
            Err(error) => {
                let error = StoreError::Unavailable(error.to_string());
                self.fail(error.clone(), changes);
                Err(error)
            }
        }
    }

    fn fail(&mut self, error: StoreError, unsure: Vec<Change>) {
        tracing::error!(%error, "the store cannot write; reads go on");
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        self.shared.set_failure(Some(error.to_string()));
        self.trouble = Some(Trouble {
            error,
            retry_at: Instant::now() + self.pace.retry,
            wait: self.pace.retry,
            unsure,
        });
    }

    /// Tries to get the engine going again.
    fn retry(&mut self) {
        let Some(Trouble { wait, unsure, .. }) = self.trouble.take() else { return };
        let shared = Arc::clone(&self.shared);
        let result = self.engine.recover(&mut |view| {
            let old = shared.published.swap(Arc::new(Published(view)));
            shared.feed.tell(&unsure);
            let deadline = Instant::now() + READERS_LEAVE;
            while Arc::strong_count(&old) > 1 && Instant::now() < deadline {
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        match result {
            Ok(()) => {
                tracing::info!("the store can write again");
                self.shared.set_failure(None);
            }
            Err(error) => {
                let wait = wait.saturating_mul(2).min(self.pace.retry_most);
                let error = StoreError::Unavailable(error.to_string());
                self.shared.set_failure(Some(error.to_string()));
                // Told or not: what this attempt showed, the next may find gone.
                self.trouble = Some(Trouble { error, retry_at: Instant::now() + wait, wait, unsure });
            }
        }
    }
}
