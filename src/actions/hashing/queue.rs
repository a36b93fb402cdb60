//! The queue and the threads that empty it. Knows nothing of passwords: a job is something to do with
//! a [`Hasher`], and somebody who waits for it.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    crypto::password::Hasher,
    domain::fault::{Fault, Reason},
};

/// What the threads and the callers share.
pub(super) struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    longest: usize,
    wait: Duration,
    keep_memory: Duration,
    running: AtomicUsize,
    done: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
    panicked: AtomicU64,
}

/// Figures for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Threads.
    pub workers: usize,
    /// Jobs waiting now.
    pub queued: usize,
    /// Jobs being worked on now.
    pub running: usize,
    /// Jobs done since the start.
    pub done: u64,
    /// Jobs refused since the start, because the queue was full or they had waited too long.
    pub refused: u64,
    /// Jobs whose caller had gone when their turn came.
    pub abandoned: u64,
    /// Jobs that panicked.
    pub panicked: u64,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Queued>,
    closed: bool,
}

struct Queued {
    since: Instant,
    job: Box<dyn Job>,
}

/// Something to do with a hasher, and somebody who waits for it.
pub(super) trait Job: Send {
    /// Nobody waits any more.
    fn is_abandoned(&self) -> bool;
    /// Answers that it was not done.
    fn refuse(self: Box<Self>, fault: Fault);
    /// Does it, calls `done`, then answers: whoever has the answer finds it counted. A panic
    /// answers by dropping the reply.
    fn run(self: Box<Self>, hasher: &mut Hasher, done: &dyn Fn());
}

/// A job with the way back to its caller.
pub(super) struct Ticket<T, W> {
    pub(super) reply: oneshot::Sender<Result<T, Fault>>,
    pub(super) work: W,
}

impl<T: Send, W: FnOnce(&mut Hasher) -> Result<T, Fault> + Send> Job for Ticket<T, W> {
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn refuse(self: Box<Self>, fault: Fault) {
        let _ = self.reply.send(Err(fault));
    }

    fn run(self: Box<Self>, hasher: &mut Hasher, done: &dyn Fn()) {
        let answer = (self.work)(hasher);
        done();
        let _ = self.reply.send(answer);
    }
}

impl Shared {
    /// An empty queue that takes `longest` jobs, each for at most `wait`.
    pub(super) fn new(longest: usize, wait: Duration, keep_memory: Duration) -> Self {
        Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            // A queue without places would refuse everybody: every job passes through it.
            longest: longest.max(1),
            wait,
            keep_memory,
            running: AtomicUsize::new(0),
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        }
    }

    pub(super) fn figures(&self, workers: usize) -> Figures {
        Figures {
            workers,
            queued: self.lock().jobs.len(),
            running: self.running.load(Ordering::Relaxed),
            done: self.done.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            abandoned: self.abandoned.load(Ordering::Relaxed),
            panicked: self.panicked.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The lock is never held while work runs, so a poisoned one guards a sound queue (OPS-4).
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no more jobs; the threads end when the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// Queues a job, or refuses it at once: `Busy` when the queue is full, `Unavailable` when closed.
    pub(super) fn enqueue(&self, job: Box<dyn Job>) -> Result<(), Fault> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Fault::new(Reason::Unavailable).retry_after(self.wait));
        }
        if queue.jobs.len() >= self.longest {
            // Callers that hung up hold no place against those who are still there.
            let before = queue.jobs.len();
            queue.jobs.retain(|queued| !queued.job.is_abandoned());
            self.abandoned.fetch_add((before - queue.jobs.len()) as u64, Ordering::Relaxed);
        }
        if queue.jobs.len() >= self.longest {
            drop(queue);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(self.busy());
        }
        queue.jobs.push_back(Queued { since: Instant::now(), job });
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    /// The life of one thread.
    pub(super) fn serve(&self) {
        let mut hasher = Hasher::new();
        while let Some(Queued { since, job }) = self.next(&mut hasher) {
            if job.is_abandoned() {
                self.abandoned.fetch_add(1, Ordering::Relaxed);
            } else if since.elapsed() > self.wait {
                self.refused.fetch_add(1, Ordering::Relaxed);
                job.refuse(self.busy());
            } else {
                self.work_on(job, &mut hasher);
            }
        }
    }

    /// The next job, `None` when the pool is closed and its queue empty. A thread that waits for long
    /// gives its memory back.
    fn next(&self, hasher: &mut Hasher) -> Option<Queued> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            if hasher.held_bytes() == 0 {
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.work.wait_timeout(queue, self.keep_memory);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if timeout.timed_out() && queue.jobs.is_empty() {
                drop(queue);
                hasher.release();
                queue = self.lock();
            }
        }
    }

    fn work_on(&self, job: Box<dyn Job>, hasher: &mut Hasher) {
        self.running.fetch_add(1, Ordering::Relaxed);
        let done = || {
            self.running.fetch_sub(1, Ordering::Relaxed);
            self.done.fetch_add(1, Ordering::Relaxed);
        };
        if catch_unwind(AssertUnwindSafe(|| job.run(hasher, &done))).is_err() {
            self.running.fetch_sub(1, Ordering::Relaxed);
            self.panicked.fetch_add(1, Ordering::Relaxed);
            // Whatever state the memory is in, nobody will look at it.
            *hasher = Hasher::new();
        }
    }

    fn busy(&self) -> Fault {
        Fault::new(Reason::Busy).retry_after(self.wait.max(Duration::from_secs(1)))
    }
}

/// Puts the calling thread behind the runtime's: while both want the processor, a check waits
/// microseconds for its turn instead of a time slice, and hashing still gets about a tenth.
///
/// On Linux a nice value belongs to the thread (setpriority(2), "C library/kernel differences"), and
/// lowering the
/// priority needs no privilege. Where it fails, hashing runs at normal priority.
#[cfg(target_os = "linux")]
pub(super) fn lower_priority() {
    const NICE: i32 = 10;
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "password hashing runs at normal priority");
    }
}

/// Elsewhere the nice value belongs to the whole process, so it is left alone.
#[cfg(not(target_os = "linux"))]
pub(super) fn lower_priority() {}
