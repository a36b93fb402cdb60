//! Declared indexes: further keys under which a record is found, kept in step by its table.

use super::key::KeyBuf;

/// An index of a table: a name and a function from a record to its keys there.
///
/// The function may give several keys (one per group, say) or none, so that an index can hold only
/// the records it is about.
pub struct Index<R> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    keys: fn(&R, &mut IndexKeys),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Index key → primary key.
    Unique,
    /// Index key followed by primary key → length of the index key, four bytes.
    Ordered,
}

impl<R> Index<R> {
    /// At most one record has any given key. `name` is unique within its table and never changes.
    pub const fn unique(name: &'static str, keys: fn(&R, &mut IndexKeys)) -> Self {
        Self { name, kind: Kind::Unique, keys }
    }

    /// Any number of records share a key; they are listed in key order. `name` is unique within its
    /// table and never changes.
    pub const fn ordered(name: &'static str, keys: fn(&R, &mut IndexKeys)) -> Self {
        Self { name, kind: Kind::Ordered, keys }
    }

    /// The name, as `Inserted::Taken` reports it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The entries (key and value) that stand for `record`, sorted and without doubles.
    pub(super) fn entries(&self, record: &R, primary: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut keys = IndexKeys::default();
        (self.keys)(record, &mut keys);
        let mut entries: Vec<_> = keys.0.into_iter().map(|key| self.entry(key, primary)).collect();
        entries.sort_unstable();
        entries.dedup();
        entries
    }

    fn entry(&self, key: KeyBuf, primary: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut key = key.into_bytes();
        match self.kind {
            Kind::Unique => (key, primary.to_vec()),
            Kind::Ordered => {
                // No key comes near four gigabytes: engines refuse far shorter ones.
                let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
                key.extend_from_slice(primary);
                (key, length.to_be_bytes().to_vec())
            }
        }
    }

    /// The primary key that an entry points at.
    pub(super) fn primary<'a>(&self, key: &'a [u8], value: &'a [u8]) -> Option<&'a [u8]> {
        match self.kind {
            Kind::Unique => Some(value),
            Kind::Ordered => {
                let length = u32::from_be_bytes(value.try_into().ok()?);
                key.get(usize::try_from(length).ok()?..)
            }
        }
    }
}

/// The keys that one record has in one index.
#[derive(Default)]
pub struct IndexKeys(Vec<KeyBuf>);

impl IndexKeys {
    /// Begins one more key: `keys.add().text(&account.name)`.
    pub fn add(&mut self) -> &mut KeyBuf {
        self.0.push_mut(KeyBuf::new())
    }
}
