//! A bounded memory for a hundred thousand small values, made for the cost of looking: one lock, one line of cache and the value itself.
//!
//! A key belongs to two sets of six places; the second is used only when the first is full. A set is one cache line and holds its own
//! lock, so that two cores seldom meet. When there is no room, the clock of the first set chooses who goes.

use std::{
    hash::{BuildHasher, Hash},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use foldhash::fast::RandomState;

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

impl<V> Default for Aligned<V> {
    fn default() -> Self {
        Self(Mutex::new(Set { tags: [0; WAYS], marks: 0, hand: 0, places: [const { None }; WAYS] }))
    }
}

impl<V: Keyed> Shelf<V> {
    /// Room for `most` values. The places take about 13 bytes for each at once.
    pub(super) fn new(most: usize) -> Self {
        // A fifth more than needed, so that hardly any key finds both its sets full before all are.
        let sets = (most + most / 5).div_ceil(WAYS).max(1);
        Self {
            sets: (0..sets).map(|_| Aligned::default()).collect(),
            kept: AtomicUsize::new(0),
            most,
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
        let tag = tag(hash);
        let full = self.len() >= self.most;
        let mut first = self.first(hash);
        let place = if full { None } else { first.free() };
        if let Some(place) = place {
            first.put(place, tag, value);
            self.kept.fetch_add(1, Relaxed);
            return;
        }
        if !full {
            first.marks |= SPILLED;
            drop(first);
            let mut second = self.second(hash);
            if let Some(place) = second.free() {
                second.put(place, tag, value);
                self.kept.fetch_add(1, Relaxed);
                return;
            }
            drop(second);
            first = self.first(hash);
        }
        let _evicted = first.evict().and_then(|place| first.put(place, tag, value));
        drop(first);
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

    /// The place whose value goes: the first behind the hand that nobody used since the hand last passed. `None` when all are empty.
    fn evict(&mut self) -> Option<usize> {
        for _ in 0..2 * WAYS {
            let at = usize::from(self.hand);
            self.hand = if at + 1 == WAYS { 0 } else { self.hand + 1 };
            if self.places[at].is_some() {
                if self.marks & (1 << at) == 0 {
                    return Some(at);
                }
                self.marks &= !(1 << at);
            }
        }
        None
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
            assert!(kept * 100 >= most * 98 || most < 100 && kept > 0, "{kept} of {most}");
            assert_eq!(shelf.len() as u64, kept);
            (0..5 * most).for_each(|number| put(&shelf, number));
            assert!(shelf.len() as u64 <= most);
        }
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let shelf = Shelf::new(1_000);
        (0..1_000).for_each(|number| put(&shelf, number));
        for number in 1_000..3_000 {
            let _ = (0..100).filter(|favourite| knows(&shelf, *favourite)).count();
            put(&shelf, number);
        }
        assert!((0..100).filter(|favourite| knows(&shelf, *favourite)).count() >= 90);
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
