//! What can be wrong with the store. "Absent" and "taken" are answers, not errors.

use std::path::PathBuf;

/// Something is broken or overloaded; nothing of the transaction was acknowledged.
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

/// Why a store was not opened. The messages are for the person at the console.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another [`Store`](super::Store) of this one) has it open (OPS-15).
    #[error(
        "{path} is in use by another process; stop it first, or let the command talk to the running server"
    )]
    InUse {
        /// The store's file.
        path: PathBuf,
    },
    /// The marker says that there was a store, but its file is gone (OPS-13).
    #[error(
        "{path} is missing, but {marker} says that a store was here: put the file back or restore a \
         backup. To really start anew with no accounts, remove {marker}"
    )]
    Missing {
        /// The store's file.
        path: PathBuf,
        /// The file that remembers it.
        marker: PathBuf,
    },
    /// Its values were sealed with another master key than the one at hand (OPS-8).
    #[error(
        "{path} belongs to another master key: put the master.key that it was written with into the data folder; with \
         any other its second factors, signing keys and messages cannot be read"
    )]
    OtherKey {
        /// The store's or the backup's file.
        path: PathBuf,
    },
    /// The file is torn, truncated or altered (OPS-13).
    #[error(
        "{path} is damaged and was not opened ({detail}); restore a backup, and keep the file for examination"
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The operating system refused.
    #[error("cannot open the store at {path}: {detail}")]
    Io {
        /// The file or directory that it is about.
        path: PathBuf,
        /// What the operating system said.
        detail: String,
    },
}
