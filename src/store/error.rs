//! What can be wrong with the store. "Absent" and "taken" are answers, not errors.

/// Something is broken or overloaded; nothing of the transaction was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The engine cannot write or read now (full disk, I/O error); it recovers by itself when the cause is gone.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store has been shut down.
    #[error("the store is closed")]
    Closed,
    /// The queue of waiting transactions is full.
    #[error("too many transactions are waiting")]
    Busy,
    /// A stored record does not read back.
    #[error("a stored record is damaged: {0}")]
    Corrupt(String),
    /// A transaction closure panicked; its writes were dropped.
    #[error("a transaction panicked")]
    Panicked,
}
