//! Typed tables: records by key, with their indexes kept in step inside the same transaction.

use std::{marker::PhantomData, ops::ControlFlow};

use super::{
    codec::{Glimpse, Record, damaged, decode_at, encode, glimpse_at, key_at},
    engine::Space,
    error::StoreError,
    index::{Index, Kind},
    key::{Direction, KeyBuf, Span},
    tx::{Reading, WriteTx},
};

/// Whether a record went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a record that was not stored is an answer to act on"]
pub enum Inserted {
    /// It is stored.
    Done,
    /// Its key is in use; nothing was written.
    Exists,
    /// Another record holds one of its keys in this unique index; nothing was written.
    Taken(&'static str),
}

/// Some of a listing, and where the rest begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The cursor for the next page; `None` when this was the last.
    pub next: Option<Vec<u8>>,
}

/// The table of records `R`. A name, nothing more: it holds no data and costs nothing.
pub struct Table<R>(PhantomData<fn() -> R>);

impl<R: Record> Table<R> {
    /// The table.
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    const SPACE: Space = Space::table(R::SPACE);

    /// The record under `key`.
    pub fn get(&self, tx: &impl Reading, key: &R::Key) -> Result<Option<R>, StoreError> {
        Self::get_raw(tx, KeyBuf::of(key).as_bytes())
    }

    /// A few fields of the record under `key`.
    pub fn glimpse<G: Glimpse<R>>(&self, tx: &impl Reading, key: &R::Key) -> Result<Option<G>, StoreError> {
        let (key, mut seen) = (KeyBuf::of(key), None);
        let key = key.as_bytes();
        tx.get(Self::SPACE, key, &mut |value| seen = Some(glimpse_at::<R, G>(key, value)))?;
        seen.transpose()
    }

    /// Whether there is a record under `key`; cheaper than reading it.
    pub fn contains(&self, tx: &impl Reading, key: &R::Key) -> Result<bool, StoreError> {
        tx.get(Self::SPACE, KeyBuf::of(key).as_bytes(), &mut |_| {})
    }

    /// Stores a new record; refuses when its key or one of its unique index keys is in use.
    pub fn insert(&self, tx: &mut WriteTx, key: &R::Key, record: &R) -> Result<Inserted, StoreError> {
        let key = KeyBuf::of(key);
        if tx.get(Self::SPACE, key.as_bytes(), &mut |_| {})? {
            return Ok(Inserted::Exists);
        }
        Self::replace(tx, key.as_bytes(), None, record)
    }

    /// Stores a record, in place of the one under its key if there is one. Never `Exists`.
    pub fn put(&self, tx: &mut WriteTx, key: &R::Key, record: &R) -> Result<Inserted, StoreError> {
        let key = KeyBuf::of(key);
        // Without indexes the old record need not even be readable.
        let old = if R::INDEXES.is_empty() { None } else { Self::get_raw(tx, key.as_bytes())? };
        Self::replace(tx, key.as_bytes(), old.as_ref(), record)
    }

    /// Changes the record under `key` if it is there and `change` says that it did, reading it once. It must not touch what a unique
    /// index is made of; a collision is a damaged index, as for [`set`](Self::set).
    pub fn update(
        &self,
        tx: &mut WriteTx,
        key: &R::Key,
        change: impl FnOnce(&mut R) -> bool,
    ) -> Result<(), StoreError>
    where
        R: Clone,
    {
        let key = KeyBuf::of(key);
        let Some(old) = Self::get_raw(tx, key.as_bytes())? else { return Ok(()) };
        let mut new = old.clone();
        if change(&mut new) {
            Self::replaced(Self::replace(tx, key.as_bytes(), Some(&old), &new)?)
        } else {
            Ok(())
        }
    }

    /// [`put`](Self::put) for a record that cannot collide: its table has no unique index, or the caller has just looked.
    /// A collision all the same is a damaged index.
    pub fn set(&self, tx: &mut WriteTx, key: &R::Key, record: &R) -> Result<(), StoreError> {
        Self::replaced(self.put(tx, key, record)?)
    }

    fn replaced(outcome: Inserted) -> Result<(), StoreError> {
        match outcome {
            Inserted::Done | Inserted::Exists => Ok(()),
            Inserted::Taken(index) => Err(StoreError::Corrupt(format!(
                "index `{index}` of `{}` holds a key that was free",
                R::SPACE
            ))),
        }
    }

    /// Removes the record under `key` and returns it: of any number of takers exactly one gets it.
    pub fn take(&self, tx: &mut WriteTx, key: &R::Key) -> Result<Option<R>, StoreError> {
        let key = KeyBuf::of(key);
        let record = Self::get_raw(tx, key.as_bytes())?;
        if let Some(record) = &record {
            Self::remove(tx, key.as_bytes(), record);
        }
        Ok(record)
    }

    /// Up to `limit` records in key order, beginning behind `after`.
    pub fn range(
        &self,
        tx: &impl Reading,
        after: Option<&R::Key>,
        limit: usize,
    ) -> Result<Vec<(R::Key, R)>, StoreError> {
        let span = after.map_or_else(Span::all, |key| Span::all().after(KeyBuf::of(key).as_bytes()));
        self.scan(tx, &span, Direction::Forward, limit)
    }

    /// Up to `limit` records whose keys lie in `span`.
    pub fn scan(
        &self,
        tx: &impl Reading,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(R::Key, R)>, StoreError> {
        let mut found = Vec::new();
        self.visit(tx, span, direction, |key, record| {
            if found.len() < limit {
                found.push((key, record));
            }
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }

    /// Shows the records of `span` one by one, without collecting them, until `visit` breaks.
    pub fn visit(
        &self,
        tx: &impl Reading,
        span: &Span,
        direction: Direction,
        mut visit: impl FnMut(R::Key, R) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        tx.scan(Self::SPACE, span, direction, &mut |key, value| match key_at::<R>(key)
            .and_then(|id| Ok((id, decode_at::<R>(key, value)?)))
        {
            Ok((key, row)) => visit(key, row),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        })?;
        outcome
    }

    /// How many records there are. Walks them all: for tests, start-up and administration.
    pub fn count(&self, tx: &impl Reading) -> Result<usize, StoreError> {
        let mut count = 0;
        tx.scan(Self::SPACE, &Span::all(), Direction::Forward, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// The record that holds `key` in a unique index.
    pub fn find(
        &self,
        tx: &impl Reading,
        index: &Index<R>,
        key: &KeyBuf,
    ) -> Result<Option<(R::Key, R)>, StoreError> {
        if index.kind != Kind::Unique {
            return Ok(self.list(tx, index, key, None, 1)?.items.pop());
        }
        match get_bytes(tx, Self::space(index), key.as_bytes())? {
            Some(primary) => Self::pointed_at(tx, &primary).map(Some),
            None => Ok(None),
        }
    }

    /// Up to `limit` records whose index key begins with `prefix`, in index order. `after` is the
    /// `next` of the page before.
    pub fn list(
        &self,
        tx: &impl Reading,
        index: &Index<R>,
        prefix: &KeyBuf,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page<(R::Key, R)>, StoreError> {
        self.list_toward(tx, index, prefix, Direction::Forward, after, limit)
    }

    /// [`list`](Self::list) in either direction.
    pub fn list_toward(
        &self,
        tx: &impl Reading,
        index: &Index<R>,
        prefix: &KeyBuf,
        direction: Direction,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page<(R::Key, R)>, StoreError> {
        let span = Span::prefix(prefix);
        let span = match after {
            Some(cursor) => span.beyond(cursor, direction),
            None => span,
        };
        let mut entries: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
        let mut more = false;
        tx.scan(Self::space(index), &span, direction, &mut |key, value| {
            if entries.len() >= limit {
                more = true;
                return ControlFlow::Break(());
            }
            entries.push((key.to_vec(), index.primary(key, value).map(<[u8]>::to_vec)));
            ControlFlow::Continue(())
        })?;
        let next = if more { entries.last().map(|(entry, _)| entry.clone()) } else { None };
        let items = entries
            .iter()
            .map(|(entry, primary)| match primary {
                Some(primary) => Self::pointed_at(tx, primary),
                None => Err(damaged::<R>(entry, &format!("an entry of index `{}` is malformed", index.name))),
            })
            .collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Up to `limit` records behind the first `skip` whose index key begins with `prefix`. What is skipped is walked, not read.
    pub fn list_behind(
        &self,
        tx: &impl Reading,
        index: &Index<R>,
        prefix: &KeyBuf,
        direction: Direction,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(R::Key, R)>, StoreError> {
        let mut skipped = 0;
        let mut primaries = Vec::new();
        tx.scan(Self::space(index), &Span::prefix(prefix), direction, &mut |key, value| {
            if skipped < skip {
                skipped += 1;
            } else if primaries.len() < limit {
                let primary = index.primary(key, value).map(<[u8]>::to_vec);
                primaries.push(primary.ok_or_else(|| key.to_vec()));
            }
            if primaries.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        primaries
            .iter()
            .map(|primary| match primary {
                Ok(primary) => Self::pointed_at(tx, primary),
                Err(entry) => {
                    Err(damaged::<R>(entry, &format!("an entry of index `{}` is malformed", index.name)))
                }
            })
            .collect()
    }

    /// Removes up to `limit` records whose key lies before `bound`, oldest first, and says how many:
    /// a sweep calls it again while it answers `limit`, one short transaction at a time.
    pub fn remove_before(&self, tx: &mut WriteTx, bound: &KeyBuf, limit: usize) -> Result<usize, StoreError> {
        let mut doomed = Vec::new();
        let span = Span::all().before(bound.as_bytes());
        tx.scan(Self::SPACE, &span, Direction::Forward, &mut |key, value| {
            if doomed.len() < limit {
                doomed.push((key.to_vec(), value.to_vec()));
            }
            if doomed.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        for (key, value) in &doomed {
            if R::INDEXES.is_empty() {
                tx.delete(Self::SPACE, key);
            } else {
                Self::remove(tx, key, &decode_at(key, value)?);
            }
        }
        Ok(doomed.len())
    }

    fn get_raw(tx: &impl Reading, key: &[u8]) -> Result<Option<R>, StoreError> {
        let mut record = None;
        tx.get(Self::SPACE, key, &mut |value| record = Some(decode_at(key, value)))?;
        record.transpose()
    }

    fn pointed_at(tx: &impl Reading, primary: &[u8]) -> Result<(R::Key, R), StoreError> {
        let record = Self::get_raw(tx, primary)?;
        let record =
            record.ok_or_else(|| damaged::<R>(primary, "an index points at it, but it is not there"))?;
        Ok((key_at::<R>(primary)?, record))
    }

    fn remove(tx: &mut WriteTx, key: &[u8], record: &R) {
        for index in R::INDEXES {
            for (entry, _) in index.entries(record, key) {
                tx.delete(Self::space(index), &entry);
            }
        }
        tx.delete(Self::SPACE, key);
    }

    fn replace(tx: &mut WriteTx, key: &[u8], old: Option<&R>, new: &R) -> Result<Inserted, StoreError> {
        let bytes = encode(new)?;
        let plans: Vec<_> = R::INDEXES
            .iter()
            .map(|index| {
                let before = old.map(|old| index.entries(old, key)).unwrap_or_default();
                (index, before, index.entries(new, key))
            })
            .collect();
        // All checks before the first write: a refusal leaves nothing behind.
        for (index, _, after) in plans.iter().filter(|(index, ..)| index.kind == Kind::Unique) {
            for (entry, _) in after {
                if get_bytes(tx, Self::space(index), entry)?.is_some_and(|holder| holder != key) {
                    return Ok(Inserted::Taken(index.name));
                }
            }
        }
        for (index, before, after) in &plans {
            for (entry, _) in before.iter().filter(|entry| after.binary_search(entry).is_err()) {
                tx.delete(Self::space(index), entry);
            }
            for (entry, value) in after.iter().filter(|entry| before.binary_search(entry).is_err()) {
                tx.put(Self::space(index), entry, value);
            }
        }
        tx.put(Self::SPACE, key, &bytes);
        Ok(Inserted::Done)
    }

    const fn space(index: &Index<R>) -> Space {
        Space { table: R::SPACE, index: index.name }
    }
}

impl<R: Record> Default for Table<R> {
    fn default() -> Self {
        Self::new()
    }
}

fn get_bytes(tx: &impl Reading, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bytes = None;
    tx.get(space, key, &mut |value| bytes = Some(value.to_vec()))?;
    Ok(bytes)
}
