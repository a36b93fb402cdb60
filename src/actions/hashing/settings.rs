//! What the pool may use, and what follows from it.

use std::{num::NonZeroUsize, thread, time::Duration};

use crate::crypto::password::Params;

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
        let cores =
            self.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
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
    #[error(
        "the memory budget for password hashing ({budget} bytes) is smaller than one hash ({needed} bytes)"
    )]
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
