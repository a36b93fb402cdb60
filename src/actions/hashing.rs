//! The pool that hashes passwords: bounded in threads, memory, queue and waiting time, so that
//! any number of sign-ins leaves the rest of the house responsive (security.md PWD-5).
//!
//! Threads of its own rather than the runtime's blocking pool: they run at a lower priority, each keeps its block
//! of memory between jobs, and what waits is in a queue whose length is known.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{oneshot, watch};

use crate::{
    crypto::{
        password::{self, Hash, Hasher, Params, PasswordError, Proof, Verified},
        strength::{self, Weakness},
    },
    domain::fault::{Fault, Field, Reason},
    values::{random::Random, secret::Secret},
};

/// What the pool may use.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Cost of new hashes, and of the work done for unknown users.
    pub params: Params,
    /// All memory the pool may hold, in bytes. There are never more threads than this holds hashes.
    pub memory_budget: u64,
    /// How many jobs may wait while all threads work.
    pub queue: usize,
    /// How long a job may wait before it is refused.
    pub wait: Duration,
    /// After how long without work a thread gives its memory back.
    pub keep_memory: Duration,
    /// How many threads at most; one per core when not given.
    pub threads: Option<NonZeroUsize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            params: Params::DEFAULT,
            memory_budget: 512 * 1024 * 1024,
            queue: 64,
            wait: Duration::from_secs(3),
            keep_memory: Duration::from_secs(20),
            threads: None,
        }
    }
}

impl Settings {
    /// How many threads the pool will have.
    pub fn workers(&self) -> Result<NonZeroUsize, StartError> {
        let cores = self.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let fitting = self.memory_budget / self.params.memory_bytes();
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
        let fitting = NonZeroUsize::new(fitting).ok_or(StartError::BudgetTooSmall {
            budget: self.memory_budget,
            needed: self.params.memory_bytes(),
        })?;
        Ok(cores.min(fitting))
    }

    /// The most memory one imported hash may need: what the budget leaves when all other threads are at work.
    pub fn largest_hash(&self) -> Result<u64, StartError> {
        let others = self.workers()?.get() as u64 - 1;
        Ok(self.memory_budget - others * self.params.memory_bytes())
    }
}

/// Why the pool cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The budget does not hold a single hash.
    #[error("the memory budget for password hashing ({budget} bytes) is smaller than one hash ({needed} bytes)")]
    BudgetTooSmall {
        /// Bytes allowed.
        budget: u64,
        /// Bytes of one hash.
        needed: u64,
    },
    /// The system gave us no thread.
    #[error("cannot start a thread for password hashing")]
    Thread(#[from] std::io::Error),
}

/// The result of checking a password.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// It is the right one.
    Match {
        /// What says so to `domain`.
        proof: Proof,
        /// The hash is not of the present parameters: hash the password again and store that.
        outdated: bool,
    },
    /// It is not, or there is no such user.
    Miss,
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

/// The pool. Cheap to clone; its threads end after [`HashingPool::close`] or when the last clone is
/// dropped, with everything queued answered.
#[derive(Clone)]
pub struct HashingPool(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    settings: Settings,
    largest_hash: u64,
    dummy: Hash,
    workers: usize,
    /// Every worker holds a receiver: when none is left, all have ended.
    alive: watch::Sender<()>,
}

struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    /// Held while a hash is checked that needs more memory than a worker's share.
    large: Mutex<()>,
    share: u64,
    keep_memory: Duration,
    running: AtomicUsize,
    done: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
    panicked: AtomicU64,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Queued>,
    closed: bool,
}

struct Queued {
    deadline: Instant,
    job: Box<dyn Job>,
}

/// Something to do with a hasher, and somebody who waits for it.
trait Job: Send {
    /// Nobody waits any more.
    fn is_abandoned(&self) -> bool;
    /// Answers that it was not done.
    fn refuse(self: Box<Self>);
    /// Does it and answers. A panic in it answers by dropping the reply.
    fn run(self: Box<Self>, hasher: &mut Hasher);
}

struct Ticket<T, W> {
    reply: oneshot::Sender<Result<T, Fault>>,
    wait: Duration,
    work: W,
}

impl<T: Send, W: FnOnce(&mut Hasher) -> Result<T, Fault> + Send> Job for Ticket<T, W> {
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn refuse(self: Box<Self>) {
        let _ = self.reply.send(Err(busy(self.wait)));
    }

    fn run(self: Box<Self>, hasher: &mut Hasher) {
        let answer = (self.work)(hasher);
        let _ = self.reply.send(answer);
    }
}

impl HashingPool {
    /// Starts the threads. `chance` makes the hash that is checked for unknown users; that costs
    /// no hashing.
    pub fn start(settings: Settings, chance: Random<48>) -> Result<Self, StartError> {
        let workers = settings.workers()?.get();
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            large: Mutex::new(()),
            share: settings.params.memory_bytes(),
            keep_memory: settings.keep_memory,
            running: AtomicUsize::new(0),
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        });
        let (alive, seat) = watch::channel(());
        // From here on the handle's drop ends whatever threads were started.
        let handle = Handle {
            dummy: Hash::dummy(&settings.params, chance),
            largest_hash: settings.largest_hash()?,
            shared: Arc::clone(&shared),
            settings,
            workers,
            alive,
        };
        for number in 0..workers {
            let (shared, seat) = (Arc::clone(&shared), seat.clone());
            thread::Builder::new().name(format!("hashing-{number}")).spawn(move || {
                lower_priority();
                shared.serve();
                drop(seat);
            })?;
        }
        Ok(Self(Arc::new(handle)))
    }

    /// Checks a password. Without a hash (no such user) the same work is done and the answer is
    /// [`Outcome::Miss`] (PWD-6).
    ///
    /// Faults: `Malformed` on `Password` when it is too long or has a NUL (before any work, PWD-3); `Busy` with a
    /// time to come back when the queue is full or was too slow; `Broken` when the stored hash needs more
    /// memory than the budget leaves.
    pub async fn verify(&self, hash: Option<Hash>, password: Secret<String>) -> Result<Outcome, Fault> {
        password::check_usable(&password).map_err(|error| Fault::malformed(Field::Password, error.to_string()))?;
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.0.dummy.clone());
        if !self.fits(&hash) {
            return Err(Fault::broken(format!(
                "a stored password hash needs {} bytes to check; the memory budget for hashing leaves {}",
                hash.memory_bytes(),
                self.0.largest_hash
            )));
        }
        let params = self.0.settings.params;
        let shared = Arc::clone(&self.0.shared);
        let verified = self.submit(move |hasher| shared.verify(hasher, &hash, &password)).await?;
        Ok(match verified {
            Verified::Yes(proof) if known => {
                Outcome::Match { outdated: password::needs_rehash(proof.hash(), &params), proof }
            }
            Verified::Yes(_) | Verified::No => Outcome::Miss,
        })
    }

    /// Hashes a new password with the present parameters. It says nothing about its strength: see
    /// [`Self::weaknesses`].
    pub async fn hash(&self, password: Secret<String>, salt: Random<16>) -> Result<Hash, Fault> {
        password::check_usable(&password)
            .map_err(|error| Fault::malformed(Field::NewPassword, error.to_string()))?;
        let params = self.0.settings.params;
        self.submit(move |hasher| hasher.hash(&password, &params, salt).map_err(out_of_memory)).await
    }

    /// What is wrong with a new password ([`strength::check`]), found out beside the requests because it takes
    /// milliseconds (security.md OPS-3).
    pub async fn weaknesses(
        &self,
        password: Secret<String>,
        words: Vec<String>,
        rules: strength::Rules,
    ) -> Result<Vec<Weakness>, Fault> {
        self.submit(move |_| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            Ok(strength::check(&password, &words, &rules))
        })
        .await
    }

    /// Whether a hash can be checked within the memory budget. An import asks this first.
    pub fn fits(&self, hash: &Hash) -> bool {
        hash.memory_bytes() <= self.0.largest_hash
    }

    /// The cost of new hashes.
    pub fn params(&self) -> &Params {
        &self.0.settings.params
    }

    /// Figures for the metrics.
    pub fn figures(&self) -> Figures {
        let shared = &self.0.shared;
        Figures {
            workers: self.0.workers,
            queued: shared.lock().jobs.len(),
            running: shared.running.load(Ordering::Relaxed),
            done: shared.done.load(Ordering::Relaxed),
            refused: shared.refused.load(Ordering::Relaxed),
            abandoned: shared.abandoned.load(Ordering::Relaxed),
            panicked: shared.panicked.load(Ordering::Relaxed),
        }
    }

    /// Takes no more work, answers what is queued and waits until the threads have ended.
    pub async fn close(&self) {
        self.0.shared.close();
        self.0.alive.closed().await;
    }

    async fn submit<T, W>(&self, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(&mut Hasher) -> Result<T, Fault> + Send + 'static,
    {
        let Settings { queue, wait, .. } = self.0.settings;
        let (reply, answer) = oneshot::channel();
        self.0.shared.enqueue(queue, wait, Box::new(Ticket { reply, wait, work }))?;
        // The sender is dropped without an answer only by a panic in the work.
        answer.await.unwrap_or_else(|_| Err(Fault::broken("password hashing panicked")))
    }
}

impl fmt::Debug for HashingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashingPool({:?})", self.figures())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The lock is never held while work runs, so a poisoned one guards a sound queue (OPS-4).
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    fn enqueue(&self, longest: usize, wait: Duration, job: Box<dyn Job>) -> Result<(), Fault> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Fault::new(Reason::Unavailable).retry_after(wait));
        }
        if queue.jobs.len() >= longest {
            // Callers that hung up hold no place against those who are still there.
            let before = queue.jobs.len();
            queue.jobs.retain(|queued| !queued.job.is_abandoned());
            self.abandoned.fetch_add((before - queue.jobs.len()) as u64, Ordering::Relaxed);
        }
        if queue.jobs.len() >= longest {
            drop(queue);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(busy(wait));
        }
        queue.jobs.push_back(Queued { deadline: Instant::now() + wait, job });
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    /// The life of one thread.
    fn serve(&self) {
        let mut hasher = Hasher::new();
        while let Some(Queued { deadline, job }) = self.next(&mut hasher) {
            if job.is_abandoned() {
                self.abandoned.fetch_add(1, Ordering::Relaxed);
            } else if Instant::now() > deadline {
                self.refused.fetch_add(1, Ordering::Relaxed);
                job.refuse();
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
        let outcome = catch_unwind(AssertUnwindSafe(|| job.run(hasher)));
        self.running.fetch_sub(1, Ordering::Relaxed);
        if outcome.is_ok() {
            self.done.fetch_add(1, Ordering::Relaxed);
        } else {
            self.panicked.fetch_add(1, Ordering::Relaxed);
            // Whatever state the memory is in, nobody will look at it.
            *hasher = Hasher::new();
        }
    }

    fn verify(&self, hasher: &mut Hasher, hash: &Hash, password: &Secret<String>) -> Result<Verified, Fault> {
        if hash.memory_bytes() <= self.share {
            return hasher.verify(hash, password).map_err(out_of_memory);
        }
        // An imported hash that needs more than this thread's share of the budget. One at a time, and
        // without the share meanwhile, the sum stays within the budget (see Settings::largest_hash).
        let _turn = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        hasher.release();
        Hasher::new().verify(hash, password).map_err(out_of_memory)
    }
}

fn busy(wait: Duration) -> Fault {
    Fault::new(Reason::Busy).retry_after(wait.max(Duration::from_secs(1)))
}

fn out_of_memory(error: PasswordError) -> Fault {
    Fault::new(Reason::Busy).retry_after(Duration::from_secs(5)).because(error)
}

/// Puts the calling thread behind the runtime's: while both want the processor, a check waits
/// microseconds for its turn instead of a time slice, and hashing still gets about a tenth.
///
/// On Linux a nice value belongs to the thread (setpriority(2), "C library/kernel differences"), and lowering the
/// priority needs no privilege. Where it fails, hashing runs at normal priority.
#[cfg(target_os = "linux")]
fn lower_priority() {
    const NICE: i32 = 10;
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "password hashing runs at normal priority");
    }
}

/// Elsewhere the nice value belongs to the whole process, so it is left alone.
#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests;
