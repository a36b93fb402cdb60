//! Transactions over ordered keys.

mod error;

pub use error::StoreError;
