//! The memory of the gate: what was read once is not read again until it changes.
//!
//! A load and a change can overlap: the loader reads the old snapshot, the change commits and evicts nothing (not cached yet), the
//! loader caches the old value. So each key belongs to a stripe with a counter; an eviction raises it, and a loader keeps its
//! value only when the counter has not moved since before its read. Once a writer has been told "done", no later check sees the old value.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::fast::RandomState;
use quick_cache::sync::Cache;

use super::{
    ACCOUNT_SPACE, GROUP_SPACE, SESSION_SPACE,
    person::{Person, Session},
};
use crate::{
    domain::session::SessionHash,
    store::{Change, Key, StoreError},
    values::id::AccountId,
};

/// How many entries are kept (a bound on memory, not on what is stored).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSizes {
    /// Sessions, about 250 bytes each.
    pub sessions: usize,
    /// People, about 500 bytes each.
    pub people: usize,
}

impl Default for CacheSizes {
    fn default() -> Self {
        Self { sessions: 100_000, people: 20_000 }
    }
}

const STRIPES: usize = 64;

pub(super) struct Caches {
    sessions: Striped<SessionHash, Session>,
    people: Striped<AccountId, Person>,
}

impl Caches {
    pub(super) fn new(sizes: &CacheSizes) -> Self {
        Self { sessions: Striped::new(sizes.sessions), people: Striped::new(sizes.people) }
    }

    pub(super) fn session(
        &self,
        hash: &SessionHash,
        load: impl FnOnce() -> Result<Option<Session>, StoreError>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        self.sessions.get(hash, load)
    }

    pub(super) fn person(
        &self,
        id: AccountId,
        load: impl FnOnce() -> Result<Option<Person>, StoreError>,
    ) -> Result<Option<Arc<Person>>, StoreError> {
        self.people.get(&id, load)
    }

    /// Called by the store's writer after a commit, before anybody is told of it.
    pub(super) fn forget(&self, changes: &[Change]) {
        for change in changes {
            match change.space {
                SESSION_SPACE => match SessionHash::read(&change.key) {
                    Some(hash) => self.sessions.forget(&hash),
                    None => self.sessions.forget_all(),
                },
                ACCOUNT_SPACE => match AccountId::read(&change.key) {
                    Some(id) => self.people.forget(&id),
                    None => self.people.forget_all(),
                },
                // A group's new name is in the facts of all its members; this is rare.
                GROUP_SPACE => self.people.forget_all(),
                _ => {}
            }
        }
    }

    pub(super) fn forget_people(&self) {
        self.people.forget_all();
    }

    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.sessions.cache.len(), self.people.cache.len())
    }
}

struct Striped<K, V> {
    cache: Cache<K, Arc<V>, quick_cache::UnitWeighter, RandomState>,
    stripes: Box<[std::sync::Mutex<u64>]>,
    hasher: RandomState,
}

impl<K: std::hash::Hash + Eq + Copy, V> Striped<K, V> {
    fn new(size: usize) -> Self {
        let hasher = RandomState::default();
        let stripes = (0..STRIPES).map(|_| std::sync::Mutex::new(0)).collect();
        let cache = Cache::with(
            size,
            u64::try_from(size).unwrap_or(u64::MAX),
            quick_cache::UnitWeighter,
            hasher.clone(),
            quick_cache::sync::DefaultLifecycle::default(),
        );
        Self { cache, stripes, hasher }
    }

    fn get(
        &self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, StoreError>,
    ) -> Result<Option<Arc<V>>, StoreError> {
        if let Some(value) = self.cache.get(key) {
            return Ok(Some(value));
        }
        let before = *lock(self.stripe(key));
        // What is absent is not remembered: a million random cookies leave no trace.
        let Some(value) = load()?.map(Arc::new) else { return Ok(None) };
        let counter = lock(self.stripe(key));
        if *counter == before {
            self.cache.insert(*key, value.clone());
        }
        Ok(Some(value))
    }

    fn forget(&self, key: &K) {
        let mut counter = lock(self.stripe(key));
        *counter += 1;
        self.cache.remove(key);
    }

    fn forget_all(&self) {
        for stripe in &self.stripes {
            *lock(stripe) += 1;
        }
        self.cache.clear();
    }

    fn stripe(&self, key: &K) -> &std::sync::Mutex<u64> {
        let index = usize::try_from(self.hasher.hash_one(key) % STRIPES as u64).unwrap_or(0);
        &self.stripes[index]
    }
}

fn lock(stripe: &std::sync::Mutex<u64>) -> std::sync::MutexGuard<'_, u64> {
    // The guarded number is valid whatever happened to its last holder.
    stripe.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Striped;

    /// Proves: VCH-14
    #[test]
    fn a_value_read_before_a_change_is_not_kept_after_it() {
        let cache: Striped<u32, &'static str> = Striped::new(8);
        let got = cache.get(&1, || {
            // The change commits and evicts while the loader holds the old value.
            cache.forget(&1);
            Ok(Some("old"))
        });
        assert_eq!(got, Ok(Some(Arc::new("old"))));
        assert_eq!(cache.get(&1, || Ok(Some("new"))), Ok(Some(Arc::new("new"))));
        assert_eq!(cache.get(&1, || Ok(Some("newer"))), Ok(Some(Arc::new("new"))));
        cache.forget_all();
        assert_eq!(cache.get(&1, || Ok(None)), Ok(None));
    }
}
