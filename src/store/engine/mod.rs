//! The narrow waist: what an engine is, an ordered map from bytes to bytes with atomic, durable commits.
//!
//! Nothing here knows records. An engine may assume that one thread at a time begins and commits,
//! and must allow any number of threads to read the views it hands out.

use std::{ops::ControlFlow, sync::Arc};

use super::{
    error::StoreError,
    key::{Direction, Span},
    tx::Writes,
};

#[cfg(test)]
pub(super) mod faulty;
pub(super) mod lease;
pub(super) mod redb;

/// Where rows live: a table, or one index of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space {
    /// The record's [`SPACE`](super::Record::SPACE).
    pub table: &'static str,
    /// The index's name; empty for the records themselves.
    pub index: &'static str,
}

impl Space {
    pub(super) const fn table(table: &'static str) -> Self {
        Self { table, index: "" }
    }

    /// The name under which an engine keeps it.
    pub(super) fn name(self) -> String {
        if self.index.is_empty() { self.table.to_owned() } else { format!("{}/{}", self.table, self.index) }
    }
}

/// Receives rows in order until it has seen enough.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// One consistent state of the store.
pub(super) trait View: Send + Sync {
    /// Shows the value of `key`, if there is one; says whether there was.
    fn get(&self, space: Space, key: &[u8], show: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError>;

    /// Shows the rows of `span` in order.
    fn scan(
        &self,
        space: Space,
        span: &Span,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// Shows every row of every space, spaces by name and rows in order: what a backup copies.
    fn dump(&self, row: &mut Dump<'_>) -> Result<(), StoreError>;
}

/// Receives the rows of a whole store: name of the space, key, value.
pub(super) type Dump<'a> = dyn FnMut(&str, &[u8], &[u8]) -> Result<(), StoreError> + 'a;

/// A store of ordered bytes, driven by the writer thread alone.
pub(super) trait Engine: Send {
    /// The latest committed state; also what the closures of the next batch read.
    fn view(&self) -> Result<Arc<dyn View>, StoreError>;

    /// Makes all of `writes` durable, or none. After an error it is unknown which, nothing can be
    /// committed before [`recover`](Self::recover) succeeds, and views handed out before go on
    /// answering.
    fn commit(&mut self, writes: &Writes) -> Result<(), StoreError>;

    /// Whether a view has met an error that only recovery cures.
    fn suspect(&self) -> bool;

    /// Brings the engine back to its last durable state after an error, and proves that it can
    /// write again. `publish` gets the new view before the old ones stop answering.
    fn recover(&mut self, publish: &mut dyn FnMut(Arc<dyn View>)) -> Result<(), StoreError>;

    /// Whether [`settle`](Self::settle) has anything to do.
    fn unsettled(&self) -> bool;

    /// Housekeeping for a quiet moment.
    fn settle(&mut self) -> Result<(), StoreError>;

    /// Bytes on disk (or in memory, for a store that lives there).
    fn size(&self) -> u64;
}
