//! Removing codes and tokens of OAuth clients that are over (security.md OPS-16).

use crate::{
    domain::token,
    store::{Store, StoreError},
    values::{id::AuthorizationId, time::Timestamp},
};

/// Walks the tables in small steps, from where the last round stopped.
#[derive(Debug, Default)]
pub struct TokenSweeper {
    authorizations: Option<AuthorizationId>,
}

/// Rows looked at in one transaction.
const STEP: usize = 500;
/// Transactions of one round and table at most.
const STEPS: usize = 20;

impl TokenSweeper {
    /// One round. Returns how much was removed.
    ///
    /// # Errors
    /// When the store cannot write; the next round tries again.
    pub async fn round(&mut self, store: &Store, now: Timestamp) -> Result<usize, StoreError> {
        let epoch = store.epoch();
        let mut removed = 0;
        for _ in 0..STEPS {
            let cursor = self.authorizations;
            let (next, ended) =
                store.write(move |tx| token::sweep_authorizations(tx, cursor, STEP, now, epoch)).await?;
            self.authorizations = next;
            removed += ended;
            if next.is_none() {
                break;
            }
        }
        for _ in 0..STEPS {
            let gone = store.write(move |tx| token::sweep_access(tx, now, STEP)).await?;
            removed += gone;
            if gone < STEP {
                break;
            }
        }
        Ok(removed)
    }
}
