//! Transactions over ordered keys.
//!
//! **Responsibility.** Typed records with indexes, read on a consistent state and written in durable
//! transactions, on top of an engine that knows nothing but ordered bytes.
//!
//! **Invariants.** A write is answered only after it is durable, by two-phase commit (security.md
//! OPS-10). A closure's writes are kept whole or not at all. Whoever has been answered sees their
//! write, and every cache has been told of it. A store that is damaged, missing or open elsewhere is
//! refused, never replaced by an empty one (OPS-13, OPS-15).
//!
//! **Not here.** What the records mean, and any clock: expiry is the domain's, time is an argument.
//!
//! **Start reading at** [`Store`], then [`Table`]; behind them `writer` (group commit) and `engine`
//! (the waist).

mod backup;
mod changes;
mod codec;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
mod engine;
mod error;
mod files;
#[cfg(test)]
pub(crate) mod golden;
mod handle;
mod index;
mod key;
#[cfg(test)]
mod kill;
mod meta;
mod migrate;
#[cfg(test)]
mod spoil;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod trouble;
mod tx;
mod writer;

pub use backup::{BackupError, Restored};
pub use changes::Change;
pub use codec::{DecodeError, Glimpse, Record, decode, decode_body, encode};
pub use engine::{Space, Visit};
pub use error::{OpenError, StoreError};
pub use files::ever_existed;
pub use handle::{Figures, Health, Settings, Store};
pub use index::{Index, IndexKeys};
pub use key::{Direction, Key, KeyBuf, KeyReader, Span};
pub use migrate::{MigrateError, Migration};
pub use table::{Inserted, Page, Table};
pub use tx::{ReadTx, Reading, WriteTx};
