//! Transactions as their closures see them: a consistent state, and for writers their own writes on it.

use std::{collections::BTreeMap, iter::Peekable, ops::ControlFlow, sync::Arc};

use arc_swap::Guard;

use super::{
    changes::Change,
    engine::{Space, View, Visit},
    error::StoreError,
    key::{Direction, Span},
};

/// What every transaction can do: read raw rows. [`Table`](super::Table) gives them meaning.
pub trait Reading: sealed::Sealed {
    /// Shows the value of `key`, if there is one; says whether there was.
    fn get(&self, space: Space, key: &[u8], show: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError>;

    /// Shows the rows of `span` in order until `visit` breaks.
    fn scan(
        &self,
        space: Space,
        span: &Span,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ReadTx {}
    impl Sealed for super::WriteTx {}
}

/// The state that readers see, swapped whole after each commit.
pub(super) struct Published(pub(super) Arc<dyn View>);

/// A reader's view: the state after the last commit, whatever is written meanwhile.
pub struct ReadTx(Guard<Arc<Published>>);

impl ReadTx {
    pub(super) const fn new(published: Guard<Arc<Published>>) -> Self {
        Self(published)
    }
}

impl Reading for ReadTx {
    fn get(&self, space: Space, key: &[u8], show: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        self.0.0.get(space, key, show)
    }

    fn scan(
        &self,
        space: Space,
        span: &Span,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.0.0.scan(space, span, direction, visit)
    }
}

/// What a row is to become.
#[derive(Clone)]
pub(super) enum Fate {
    Written(Arc<[u8]>),
    Removed,
}

/// The uncommitted writes of one space.
type Rows = BTreeMap<Arc<[u8]>, Fate>;

/// The uncommitted writes of a batch, in key order.
#[derive(Default)]
pub(super) struct Writes {
    spaces: BTreeMap<Space, Rows>,
    count: usize,
}

impl Writes {
    /// How many rows are to be written.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Space, &Rows)> {
        self.spaces.iter().filter(|(_, rows)| !rows.is_empty()).map(|(space, rows)| (*space, rows))
    }

    /// The changed records, without index entries.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.iter()
            .filter(|(space, _)| space.index.is_empty())
            .flat_map(|(space, rows)| {
                rows.keys().map(move |key| Change { space: space.table, key: Arc::clone(key) })
            })
            .collect()
    }

    fn get(&self, space: Space, key: &[u8]) -> Option<&Fate> {
        self.spaces.get(&space)?.get(key)
    }

    /// Sets a row and gives back what was noted before.
    fn set(&mut self, space: Space, key: Arc<[u8]>, fate: Fate) -> Option<Fate> {
        let before = self.spaces.entry(space).or_default().insert(key, fate);
        self.count += usize::from(before.is_none());
        before
    }

    /// Puts back what [`set`](Self::set) gave.
    fn unset(&mut self, note: Note) {
        let Some(rows) = self.spaces.get_mut(&note.space) else { return };
        if let Some(before) = note.before {
            rows.insert(note.key, before);
        } else {
            rows.remove(&note.key);
            self.count -= 1;
        }
    }
}

/// What a row was before the closure now running touched it.
struct Note {
    space: Space,
    key: Arc<[u8]>,
    before: Option<Fate>,
}

/// A writer's view: the last commit, under the writes of the batch so far, under its own.
pub struct WriteTx {
    base: Arc<dyn View>,
    writes: Writes,
    undo: Vec<Note>,
}

impl WriteTx {
    pub(super) fn new(base: Arc<dyn View>) -> Self {
        Self { base, writes: Writes::default(), undo: Vec::new() }
    }

    pub(super) const fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Keeps what was written since the last `keep` or `revert`.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Forgets what was written since the last `keep` or `revert`.
    pub(super) fn revert(&mut self) {
        while let Some(note) = self.undo.pop() {
            self.writes.unset(note);
        }
    }

    pub(super) fn put(&mut self, space: Space, key: &[u8], value: &[u8]) {
        self.set(space, key, Fate::Written(value.into()));
    }

    pub(super) fn delete(&mut self, space: Space, key: &[u8]) {
        self.set(space, key, Fate::Removed);
    }

    fn set(&mut self, space: Space, key: &[u8], fate: Fate) {
        let key: Arc<[u8]> = key.into();
        let before = self.writes.set(space, Arc::clone(&key), fate);
        self.undo.push(Note { space, key, before });
    }
}

impl Reading for WriteTx {
    fn get(&self, space: Space, key: &[u8], show: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        match self.writes.get(space, key) {
            Some(Fate::Written(value)) => {
                show(value);
                Ok(true)
            }
            Some(Fate::Removed) => Ok(false),
            None => self.base.get(space, key, show),
        }
    }

    fn scan(
        &self,
        space: Space,
        span: &Span,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let Some(rows) = self.writes.spaces.get(&space).filter(|rows| !rows.is_empty()) else {
            return self.base.scan(space, span, direction, visit);
        };
        if span.is_empty() {
            return Ok(());
        }
        let range = rows.range::<[u8], _>(span.bounds());
        match direction {
            Direction::Forward => merge(&*self.base, space, span, direction, range, visit),
            Direction::Backward => merge(&*self.base, space, span, direction, range.rev(), visit),
        }
    }
}

/// Walks the base and the writes upon it together; a written row hides the base's row of that key.
fn merge<'a>(
    base: &dyn View,
    space: Space,
    span: &Span,
    direction: Direction,
    written: impl Iterator<Item = (&'a Arc<[u8]>, &'a Fate)>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    let mut written = written.peekable();
    let mut done = false;
    base.scan(space, span, direction, &mut |key, value| {
        let ahead = |candidate: &[u8]| match direction {
            Direction::Forward => candidate < key,
            Direction::Backward => candidate > key,
        };
        let flow = emit_while(&mut written, &ahead, visit).is_continue()
            && match written.next_if(|(candidate, _)| candidate[..] == *key) {
                Some((_, Fate::Written(value))) => visit(key, value).is_continue(),
                Some((_, Fate::Removed)) => true,
                None => visit(key, value).is_continue(),
            };
        done = !flow;
        if flow { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if !done {
        let _ = emit_while(&mut written, &|_| true, visit);
    }
    Ok(())
}

fn emit_while<'a, I>(
    written: &mut Peekable<I>,
    ahead: &dyn Fn(&[u8]) -> bool,
    visit: &mut Visit<'_>,
) -> ControlFlow<()>
where
    I: Iterator<Item = (&'a Arc<[u8]>, &'a Fate)>,
{
    while let Some((key, fate)) = written.next_if(|(key, _)| ahead(key)) {
        if let Fate::Written(value) = fate {
            visit(key, value)?;
        }
    }
    ControlFlow::Continue(())
}
