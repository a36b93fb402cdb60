//! What counts already and is not written down yet: attempts under way, and failures on their way to the store (security.md THR-2).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    counters::{CounterKey, Counters},
    rules::Rules,
    stored::{self, Verdict},
};
use crate::{
    store::{ReadTx, Store, StoreError},
    values::time::Timestamp,
};

/// How many more than is stored stand on each counter. Cheap to clone; clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Pending(Arc<Mutex<HashMap<CounterKey, u32>>>);

/// One more on each of some counters, until dropped. It goes with whatever writes the failure down: into the transaction's closure, which
/// lives until that is committed, or into a task that is run to its end. Who asked may have gone by then (security.md THR-2).
#[derive(Debug)]
#[must_use]
pub struct Held {
    pending: Pending,
    counters: Counters,
}

impl Pending {
    /// Asks for a verdict and hands it to `judge`, which says what it makes of it and which counters stand one higher for that. All of it
    /// happens under one lock, so that of any number at once each sees those before it: `judge` must be quick and wait for nothing.
    ///
    /// # Errors
    /// Those of the store, and of `judge`.
    pub fn weigh<T, E: From<StoreError>>(
        &self,
        (store, rules): (&Store, &Rules),
        counters: &Counters,
        now: Timestamp,
        judge: impl FnOnce(&ReadTx, Verdict) -> Result<(T, Option<Counters>), E>,
    ) -> Result<(T, Option<Held>), E> {
        let mut pending = self.lock();
        let (outcome, holds) = store.read(|tx| {
            let count = |key: &CounterKey| pending.get(key).copied().unwrap_or(0);
            let verdict = stored::admit(tx, rules, counters, count, now)?;
            judge(tx, verdict)
        })?;
        let held = holds.map(|counters| {
            for key in counters.keys() {
                *pending.entry(key).or_insert(0) += 1;
            }
            Held { pending: self.clone(), counters }
        });
        Ok((outcome, held))
    }

    /// Whatever happened to their last holder, the counts are counts.
    fn lock(&self) -> MutexGuard<'_, HashMap<CounterKey, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut pending = self.pending.lock();
        for key in self.counters.keys() {
            if let Some(count) = pending.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    pending.remove(&key);
                }
            }
        }
    }
}
