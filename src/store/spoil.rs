//! Damage on purpose: what tests of "our own mistake" need.

use std::ops::ControlFlow;

use super::{Direction, Reading as _, Span, Store, StoreError, engine::Space};

impl Store {
    /// Makes every record of a table unreadable.
    pub(crate) fn spoil(&self, table: &'static str) {
        self.write_blocking(move |tx| {
            let mut keys = Vec::new();
            tx.scan(Space::table(table), &Span::all(), Direction::Forward, &mut |key, _| {
                keys.push(key.to_vec());
                ControlFlow::Continue(())
            })?;
            for key in keys {
                tx.put(Space::table(table), &key, b"\xff");
            }
            Ok::<_, StoreError>(())
        })
        .expect("a store in memory takes anything");
    }
}
