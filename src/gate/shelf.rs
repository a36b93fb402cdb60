//! A bounded memory for a hundred thousand small values, made for the cost of looking: one lock, one line of cache and the value itself.
//!
//! A key belongs to two sets of six places; the second is used only when the first is full. A set is one cache line and holds its own
//! lock, so that two cores seldom meet. When the memory is full, a clock that goes round all sets chooses who goes; when only both sets of
//! a key are, the clock of the first.

use std::{
    hash::{BuildHasher, Hash},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

// Both sets come of one hash, so all its bits must be good.
use foldhash::quality::RandomState;

/// A value that knows its key, so that the key is not stored twice.
pub(super) trait Keyed {
    type Key: Copy + Eq + Hash;

    fn key(&self) -> &Self::Key;
}

/// The memory.
pub(super) struct Shelf<V> {
    sets: Box<[Aligned<V>]>,
    kept: AtomicUsize,
    most: usize,
    /// The set that the clock looks at next.
    hand: AtomicUsize,
    hasher: RandomState,
}

/// Places in a set: as many as fit into a line with the lock.
const WAYS: usize = 6;

#[repr(align(64))]
struct Aligned<V>(Mutex<Set<V>>);

struct Set<V> {
    /// Eight bits of each key's hash: a look at the wrong value costs a cache miss.
    tags: [u8; WAYS],
    /// One bit for each place: used since the clock last passed. The highest bit: a key of this set stands in its other one.
    marks: u8,
    hand: u8,
    places: [Option<Arc<V>>; WAYS],
}

const SPILLED: u8 = 0x80;

/// Sets that the clock passes before it takes what it finds: a bound for the time that one insertion takes.
const LONGEST_SEARCH: usize = 256;

impl<V> Default for Aligned<V> {
    fn default() -> Self {
        Self(Mutex::new(Set { tags: [0; WAYS], marks: 0, hand: 0, places: [const { None }; WAYS] }))
    }
}

impl<V: Keyed> Shelf<V> {
    /// Room for `most` values. The places take about 15 bytes for each at once.
    pub(super) fn new(most: usize) -> Self {
        // Two fifths more than needed: one key in a hundred finds both its sets full before the memory is.
        let sets = (most + 2 * most / 5).div_ceil(WAYS).max(1);
        Self {
            sets: (0..sets).map(|_| Aligned::default()).collect(),
            kept: AtomicUsize::new(0),
            most,
            hand: AtomicUsize::new(0),
            hasher: RandomState::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.load(Relaxed)
    }

    pub(super) fn hash(&self, key: &V::Key) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The value of `key`, whose [`hash`](Self::hash) this is.
    pub(super) fn get(&self, hash: u64, key: &V::Key) -> Option<Arc<V>> {
        let mut first = self.first(hash);
        if let Some(found) = first.get(tag(hash), key) {
            return Some(found);
        }
        let spilled = first.marks & SPILLED != 0;
        drop(first);
        if spilled { self.second(hash).get(tag(hash), key) } else { None }
    }

    /// Keeps a value, in the place of an older one if need be.
    pub(super) fn insert(&self, hash: u64, value: Arc<V>) {
        // Whoever made room is dropped when no lock is held.
        let _old = self.remove(hash, value.key());
        let _oldest = if self.len() >= self.most { self.evict() } else { None };
        let tag = tag(hash);
        let mut first = self.first(hash);
        if let Some(place) = first.free() {
            first.put(place, tag, value);
            self.kept.fetch_add(1, Relaxed);
            return;
        }
        first.marks |= SPILLED;
        drop(first);
        let mut second = self.second(hash);
        if let Some(place) = second.free() {
            second.put(place, tag, value);
            self.kept.fetch_add(1, Relaxed);
            return;
        }
        drop(second);
        let mut first = self.first(hash);
        let (place, evicted) = first.evict();
        first.put(place, tag, value);
        drop(first);
        if evicted.is_none() {
            self.kept.fetch_add(1, Relaxed);
        }
    }

    /// Makes room: what the clock finds that nobody used since it last passed, or what stands where it has looked for long enough.
    fn evict(&self) -> Option<Arc<V>> {
        for _ in 0..LONGEST_SEARCH {
            let mut set = lock(&self.sets[self.hand.fetch_add(1, Relaxed) % self.sets.len()]);
            if let Some(at) = set.unused() {
                self.kept.fetch_sub(1, Relaxed);
                return set.places[at].take();
            }
        }
        let mut set = lock(&self.sets[self.hand.load(Relaxed) % self.sets.len()]);
        let (_, evicted) = set.evict();
        if evicted.is_some() {
            self.kept.fetch_sub(1, Relaxed);
        }
        evicted
    }

    /// Forgets a value.
    pub(super) fn remove(&self, hash: u64, key: &V::Key) -> Option<Arc<V>> {
        let mut removed = self.first(hash).remove(tag(hash), key);
        if removed.is_none() {
            removed = self.second(hash).remove(tag(hash), key);
        }
        if removed.is_some() {
            self.kept.fetch_sub(1, Relaxed);
        }
        removed
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for set in &self.sets {
            let places = {
                let mut set = lock(set);
                set.marks = 0;
                std::mem::take(&mut set.places)
            };
            self.kept.fetch_sub(places.iter().flatten().count(), Relaxed);
        }
    }

    fn first(&self, hash: u64) -> MutexGuard<'_, Set<V>> {
        self.set(hash >> 32)
    }

    fn second(&self, hash: u64) -> MutexGuard<'_, Set<V>> {
        self.set(hash.rotate_right(8) & 0xffff_ffff)
    }

    /// Spreads 32 bits evenly over the sets.
    fn set(&self, bits: u64) -> MutexGuard<'_, Set<V>> {
        let index = (bits * self.sets.len() as u64) >> 32;
        lock(&self.sets[usize::try_from(index).unwrap_or(0)])
    }
}

impl<V: Keyed> Set<V> {
    fn find(&self, tag: u8, key: &V::Key) -> Option<usize> {
        (0..WAYS).find(|at| {
            self.tags[*at] == tag && self.places[*at].as_ref().is_some_and(|value| value.key() == key)
        })
    }

    fn get(&mut self, tag: u8, key: &V::Key) -> Option<Arc<V>> {
        let at = self.find(tag, key)?;
        self.marks |= 1 << at;
        self.places[at].clone()
    }

    fn free(&self) -> Option<usize> {
        self.places.iter().position(Option::is_none)
    }

    fn put(&mut self, at: usize, tag: u8, value: Arc<V>) -> Option<Arc<V>> {
        self.tags[at] = tag;
        self.marks &= !(1 << at);
        self.places[at].replace(value)
    }

    fn remove(&mut self, tag: u8, key: &V::Key) -> Option<Arc<V>> {
        self.find(tag, key).and_then(|at| self.places[at].take())
    }

    /// The first place behind the hand whose value nobody used since the hand last passed. Whatever the hand passes counts as unused.
    fn unused(&mut self) -> Option<usize> {
        for _ in 0..WAYS {
            let at = usize::from(self.hand);
            self.hand = if at + 1 == WAYS { 0 } else { self.hand + 1 };
            if self.places[at].is_some() && self.marks & (1 << at) == 0 {
                return Some(at);
            }
            self.marks &= !(1 << at);
        }
        None
    }

    /// Empties a place: that of an unused value if there is one, else where the hand stands.
    fn evict(&mut self) -> (usize, Option<Arc<V>>) {
        let at = self.unused().or_else(|| self.unused()).unwrap_or(usize::from(self.hand));
        (at, self.places[at].take())
    }
}

/// Bits that neither choice of a set depends on alone.
const fn tag(hash: u64) -> u8 {
    hash.to_le_bytes()[0]
}

fn lock<V>(set: &Aligned<V>) -> MutexGuard<'_, Set<V>> {
    // Every step leaves a set whole, whatever happened to its last holder.
    set.0.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Aligned, Keyed, Shelf};

    struct Number(u64);

    impl Keyed for Number {
        type Key = u64;

        fn key(&self) -> &u64 {
            &self.0
        }
    }

    fn put(shelf: &Shelf<Number>, number: u64) {
        shelf.insert(shelf.hash(&number), Arc::new(Number(number)));
    }

    fn knows(shelf: &Shelf<Number>, number: u64) -> bool {
        shelf.get(shelf.hash(&number), &number).is_some_and(|found| found.0 == number)
    }

    #[test]
    fn a_set_is_one_line() {
        assert_eq!((size_of::<Aligned<Number>>(), align_of::<Aligned<Number>>()), (64, 64));
    }

    #[test]
    fn what_fits_is_kept_and_what_does_not_stays_within_the_bound() {
        for most in [1_u64, 5, 16, 1_000, 20_000] {
            let shelf = Shelf::new(usize::try_from(most).unwrap());
            (0..most).for_each(|number| put(&shelf, number));
            let kept = (0..most).filter(|number| knows(&shelf, *number)).count() as u64;
            assert!(kept * 100 >= most * 95 || most < 100 && kept > 0, "{kept} of {most}");
            assert_eq!(shelf.len() as u64, kept);
            (0..5 * most).for_each(|number| put(&shelf, number));
            assert!(shelf.len() as u64 <= most);
        }
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let shelf = Shelf::new(1_000);
        (0..1_000).for_each(|number| put(&shelf, number));
        let favourites: Vec<u64> = (900..1_000).filter(|number| knows(&shelf, *number)).collect();
        assert!(favourites.len() > 90);
        let still = || favourites.iter().filter(|favourite| knows(&shelf, **favourite)).count();
        for number in 1_000..3_000 {
            let _used = still();
            put(&shelf, number);
        }
        assert!(still() + 2 >= favourites.len(), "{} of {}", still(), favourites.len());
    }

    #[test]
    fn what_is_forgotten_is_gone_and_a_value_stands_there_once() {
        let shelf = Shelf::new(100);
        (0..3).for_each(|_| put(&shelf, 7));
        assert_eq!((shelf.len(), knows(&shelf, 7)), (1, true));
        assert!(shelf.remove(shelf.hash(&7), &7).is_some());
        assert_eq!((shelf.len(), knows(&shelf, 7)), (0, false));
        (0..100).for_each(|number| put(&shelf, number));
        shelf.clear();
        assert_eq!((shelf.len(), knows(&shelf, 50)), (0, false));
    }
}
