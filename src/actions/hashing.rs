//! The pool that hashes passwords: bounded in threads, memory, queue and waiting time, so that
//! any number of sign-ins leaves the rest of the house responsive (security.md PWD-5).
//!
//! Threads of its own rather than the runtime's blocking pool: they run at a lower priority, each keeps
//! its block
//! of memory between jobs, and what waits is in a queue whose length is known.

mod queue;
mod settings;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::{oneshot, watch};

use self::queue::{Shared, Ticket, lower_priority};
pub use self::{
    queue::Figures,
    settings::{Settings, StartError},
};
use crate::{
    crypto::{
        password::{self, Hash, Hasher, Params, PasswordError, Proof, Verified},
        strength::{self, Weakness},
    },
    domain::fault::{Fault, Field, Reason},
    values::{random::Random, secret::Secret},
};

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
    /// Held while a hash is checked that needs more memory than a thread's share.
    large: Arc<Mutex<()>>,
    /// Every worker holds a receiver: when none is left, all have ended.
    alive: watch::Sender<()>,
}

impl HashingPool {
    /// Starts the threads. `chance` makes the hash that is checked for unknown users; that costs
    /// no hashing.
    pub fn start(settings: Settings, chance: Random<48>) -> Result<Self, StartError> {
        let workers = settings.workers()?.get();
        let shared = Arc::new(Shared::new(settings.queue, settings.wait, settings.keep_memory));
        let (alive, seat) = watch::channel(());
        // From here on the handle's drop ends whatever threads were started.
        let handle = Handle {
            dummy: Hash::dummy(&settings.params, chance),
            largest_hash: settings.largest_hash()?,
            shared: Arc::clone(&shared),
            settings,
            workers,
            large: Arc::default(),
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
    /// Faults: `Malformed` on `Password` when it is too long or has a NUL (before any work, PWD-3); `Busy`
    /// with a
    /// time to come back when the queue is full or was too slow.
    ///
    /// A stored hash that needs more memory than the budget leaves cannot be checked. That is the operator's to
    /// know, from the log; outside it looks like a wrong password (PWD-6).
    pub async fn verify(&self, hash: Option<Hash>, password: Secret<String>) -> Result<Outcome, Fault> {
        password::check_usable(&password)
            .map_err(|error| Fault::malformed(Field::Password, error.to_string()))?;
        let hash = hash.filter(|hash| {
            let fits = self.fits(hash);
            if !fits {
                tracing::error!(
                    needed = hash.memory_bytes(),
                    left = self.0.largest_hash,
                    "a stored password hash needs more memory than password.memory_budget leaves; nobody signs in with it"
                );
            }
            fits
        });
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.0.dummy.clone());
        let params = self.0.settings.params;
        let foreign = password::needs_rehash(&hash, &params).then(|| password.clone());
        let (share, large) = (params.memory_bytes(), Arc::clone(&self.0.large));
        let verified = self
            .submit(move |hasher| {
                if hash.memory_bytes() <= share {
                    return hasher.verify(&hash, &password).map_err(out_of_memory);
                }
                // An imported hash that needs more than this thread's share of the budget. One at a time, and
                // without the share meanwhile, the sum stays within the budget (see Settings::largest_hash).
                let _turn = large.lock().unwrap_or_else(PoisonError::into_inner);
                hasher.release();
                Hasher::new().verify(&hash, &password).map_err(out_of_memory)
            })
            .await?;
        Ok(match verified {
            Verified::Yes(proof) if known => {
                Outcome::Match { outdated: password::needs_rehash(proof.hash(), &params), proof }
            }
            Verified::Yes(_) | Verified::No => {
                if let Some(password) = foreign {
                    self.work_as_for_nobody(password).await;
                }
                Outcome::Miss
            }
        })
    }

    /// A hash from elsewhere may cost next to nothing; so that a miss against it does not come sooner than one against nobody's, nobody's is
    /// checked, too (PWD-6). It was a miss, whatever comes of this.
    ///
    /// It comes later, by what the other hash costs, and that is not hidden. None is stored above bcrypt cost 15, 1 GiB, or 4 GiB times
    /// passes (seconds, on one core), and it is so only until its owner signs in once, which replaces the hash. To hide it, each miss of every
    /// account, and of every made-up name, would have to cost what the dearest stored hash does: one imported at bcrypt cost 15 would let
    /// any stranger buy seconds of a thread with each guess, for everybody, until the last such account has signed in. Padding with time instead
    /// of work would hold a guess's place in the counters for as long, and only blur what load blurs anyway. Whoever imports hashes dearer than
    /// `[password]` and wants names to stay unknown raises that cost to theirs.
    async fn work_as_for_nobody(&self, password: Secret<String>) {
        let dummy = self.0.dummy.clone();
        let _: Result<Verified, Fault> =
            self.submit(move |hasher| hasher.verify(&dummy, &password).map_err(out_of_memory)).await;
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
        self.0.shared.figures(self.0.workers)
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
        let (reply, answer) = oneshot::channel();
        self.0.shared.enqueue(Box::new(Ticket { reply, work }))?;
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

fn out_of_memory(error: PasswordError) -> Fault {
    Fault::new(Reason::Busy).retry_after(Duration::from_secs(5)).because(error)
}

#[cfg(test)]
mod tests;
