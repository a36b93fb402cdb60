//! The change feed: who wants to know which records a commit changed.

use std::sync::{Arc, Mutex, PoisonError};

/// One record was written or removed. Index entries are not reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The record's space.
    pub space: &'static str,
    /// Its key, as [`Key`](super::Key) wrote it.
    pub key: Arc<[u8]>,
}

type Listener = Arc<dyn Fn(&[Change]) + Send + Sync>;

/// The listeners, in the order they came.
#[derive(Default)]
pub(super) struct Feed(Mutex<Vec<Listener>>);

impl Feed {
    pub(super) fn add(&self, listener: Listener) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Calls every listener. One that panics is logged and does not keep the others, or the writer,
    /// from going on.
    pub(super) fn tell(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for listener in listeners {
            let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| listener(changes)));
            if told.is_err() {
                tracing::error!(changes = changes.len(), "a listener to store changes panicked");
            }
        }
    }
}
