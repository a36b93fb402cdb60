//! The memory of the gate: what was read once is not read again until it changes.
//!
//! A load and a change can overlap: the loader reads the old snapshot, the change commits and evicts nothing (not cached yet), the
//! loader caches the old value. So each key belongs to a stripe with a version; an eviction raises it, and a loader keeps its
//! value only when the version has not moved since before its read. Once a writer has been told "done", no later check sees the old value.
//!
//! A session also remembers its owner, so that a check looks up one thing and not two. It does so with the version of the owner's stripe:
//! whatever changes the owner makes that link void before its writer is told.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    ACCOUNT_SPACE, FACTORS_SPACE, GROUP_SPACE, PASSWORD_SPACE, SESSION_SPACE,
    person::{Person, Session},
    shelf::{Keyed, Shelf},
};
use crate::{
    domain::{directory::GroupNames, factor::Dossier, session::SessionHash},
    store::{Change, Key, StoreError},
    values::id::AccountId,
};

/// How many entries are kept (a bound on memory, not on what is stored).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSizes {
    /// Sessions, about 190 bytes each.
    pub sessions: usize,
    /// People, about 500 bytes each; and so many accounts whose owners looked at them, about 300 bytes each.
    pub people: usize,
}

impl Default for CacheSizes {
    fn default() -> Self {
        Self { sessions: 100_000, people: 20_000 }
    }
}

const STRIPES: usize = 64;

pub(super) struct Caches {
    sessions: Striped<Session>,
    people: Striped<Person>,
    dossiers: Striped<Dossier>,
    groups: Mutex<Groups>,
}

/// Sets of group names, each once however many people are in the same groups.
#[derive(Default)]
struct Groups {
    known: HashSet<Arc<GroupNames>>,
    /// When there are so many, those that nobody has any more are thrown out.
    tidy_at: usize,
}

impl Caches {
    pub(super) fn new(sizes: &CacheSizes) -> Self {
        Self {
            sessions: Striped::new(sizes.sessions),
            people: Striped::new(sizes.people),
            dossiers: Striped::new(sizes.people),
            groups: Mutex::default(),
        }
    }

    /// The same names, shared with everybody else who has just these.
    pub(super) fn groups(&self, names: GroupNames) -> Arc<GroupNames> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = groups.known.get(&names) {
            return Arc::clone(known);
        }
        if groups.known.len() >= groups.tidy_at {
            groups.known.retain(|names| Arc::strong_count(names) > 1);
            groups.tidy_at = 2 * groups.known.len() + 64;
        }
        let names = Arc::new(names);
        groups.known.insert(Arc::clone(&names));
        names
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

    pub(super) fn dossier(
        &self,
        id: AccountId,
        load: impl FnOnce() -> Result<Option<Dossier>, StoreError>,
    ) -> Result<Option<Arc<Dossier>>, StoreError> {
        self.dossiers.get(&id, load)
    }

    /// The owner of a session: remembered there, or looked up and then remembered.
    pub(super) fn owner(
        &self,
        session: &Session,
        load: impl FnOnce() -> Result<Option<Person>, StoreError>,
    ) -> Result<Option<Arc<Person>>, StoreError> {
        // Before anything is looked at: a change from here on makes the link void that is made below.
        let version = self.people.version(session.stripe);
        if let Some(owner) = session.owner(version) {
            return Ok(Some(owner));
        }
        let owner = self.people.get(&session.account, load)?;
        if let Some(owner) = &owner {
            session.remember_owner(version, owner);
        }
        Ok(owner)
    }

    /// The stripe that the versions of a person's facts are counted in.
    pub(super) fn stripe_of(&self, id: AccountId) -> u8 {
        stripe_of(self.people.shelf.hash(&id))
    }

    /// Called by the store's writer after a commit, before anybody is told of it.
    pub(super) fn forget(&self, changes: &[Change]) {
        for change in changes {
            match change.space {
                SESSION_SPACE => self.sessions.forget_stored(&change.key),
                ACCOUNT_SPACE => {
                    self.people.forget_stored(&change.key);
                    self.dossiers.forget_stored(&change.key);
                }
                // In no person's facts: a sign-in with a code shall not make others' sessions look for their owners.
                FACTORS_SPACE | PASSWORD_SPACE => self.dossiers.forget_stored(&change.key),
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
        (self.sessions.shelf.len(), self.people.shelf.len())
    }
}

struct Striped<V> {
    shelf: Shelf<V>,
    stripes: Box<[Stripe]>,
}

/// Alone on its line, because every check reads one.
#[derive(Default)]
#[repr(align(64))]
struct Stripe {
    /// Held while the version moves, and while a loader compares it and keeps its value.
    lock: Mutex<()>,
    version: AtomicU64,
}

impl<V: Keyed> Striped<V> {
    fn new(size: usize) -> Self {
        Self { shelf: Shelf::new(size), stripes: (0..STRIPES).map(|_| Stripe::default()).collect() }
    }

    fn get(
        &self,
        key: &V::Key,
        load: impl FnOnce() -> Result<Option<V>, StoreError>,
    ) -> Result<Option<Arc<V>>, StoreError> {
        let hash = self.shelf.hash(key);
        if let Some(value) = self.shelf.get(hash, key) {
            return Ok(Some(value));
        }
        let stripe = self.stripe(stripe_of(hash));
        let before = stripe.version.load(Ordering::Acquire);
        // What is absent is not remembered: a million random cookies leave no trace.
        let Some(value) = load()?.map(Arc::new) else { return Ok(None) };
        let held = lock(stripe);
        if stripe.version.load(Ordering::Acquire) == before {
            self.shelf.insert(hash, Arc::clone(&value));
        }
        drop(held);
        Ok(Some(value))
    }

    fn forget(&self, key: &V::Key) {
        let hash = self.shelf.hash(key);
        let stripe = self.stripe(stripe_of(hash));
        let held = lock(stripe);
        // First out of the shelf: whoever sees the new version must not find the old value any more.
        let gone = self.shelf.remove(hash, key);
        stripe.version.fetch_add(1, Ordering::AcqRel);
        drop((held, gone));
    }

    fn forget_all(&self) {
        // Before, so that no loader under way keeps what it read; and after, so that nothing found meanwhile stays linked.
        self.raise_all();
        self.shelf.clear();
        self.raise_all();
    }

    fn raise_all(&self) {
        for stripe in &self.stripes {
            let _held = lock(stripe);
            stripe.version.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn version(&self, stripe: u8) -> u64 {
        self.stripe(stripe).version.load(Ordering::Acquire)
    }

    fn stripe(&self, stripe: u8) -> &Stripe {
        &self.stripes[usize::from(stripe) % STRIPES]
    }
}

impl<V: Keyed<Key: Key>> Striped<V> {
    /// Forgets what a stored key stands for; everything when that cannot be said.
    fn forget_stored(&self, key: &[u8]) {
        match V::Key::read(key) {
            Some(key) => self.forget(&key),
            None => self.forget_all(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "there are fewer than 256 stripes")]
const fn stripe_of(hash: u64) -> u8 {
    hash.to_le_bytes()[1] % (STRIPES as u8)
}

fn lock(stripe: &Stripe) -> MutexGuard<'_, ()> {
    // There is nothing in it that its last holder could have left half done.
    stripe.lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Keyed, Striped};

    #[derive(Debug, PartialEq)]
    struct Word(u32, &'static str);

    impl Keyed for Word {
        type Key = u32;

        fn key(&self) -> &u32 {
            &self.0
        }
    }

    /// Proves: VCH-14
    #[test]
    fn a_value_read_before_a_change_is_not_kept_after_it() {
        let cache: Striped<Word> = Striped::new(8);
        let word = |text| Ok(Some(Word(1, text)));
        let got = cache.get(&1, || {
            // The change commits and evicts while the loader holds the old value.
            cache.forget(&1);
            word("old")
        });
        assert_eq!(got, Ok(Some(Arc::new(Word(1, "old")))));
        assert_eq!(cache.get(&1, || word("new")), Ok(Some(Arc::new(Word(1, "new")))));
        assert_eq!(cache.get(&1, || word("newer")), Ok(Some(Arc::new(Word(1, "new")))));
        cache.forget_all();
        assert_eq!(cache.get(&1, || Ok(None)), Ok(None));
    }

    /// Proves: VCH-14
    #[test]
    fn every_way_of_forgetting_moves_the_version() {
        let cache: Striped<Word> = Striped::new(8);
        let stripe = super::stripe_of(cache.shelf.hash(&1));
        let first = cache.version(stripe);
        cache.forget(&1);
        let second = cache.version(stripe);
        cache.forget_all();
        assert!(first < second && second < cache.version(stripe));
    }
}
