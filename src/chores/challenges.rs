//! Removing links and codes that are over, and counters of letters that say nothing any more (security.md OPS-16).

use crate::{
    domain::challenge::{sweep_codes, sweep_links, sweep_paces},
    store::{Store, StoreError},
    values::time::Timestamp,
};

/// Walks the tables in small steps, from where the last round stopped.
#[derive(Debug, Default)]
pub struct ChallengeSweeper {
    links: Option<[u8; 32]>,
    codes: Option<Vec<u8>>,
    paces: Option<[u8; 32]>,
}

/// Rows looked at in one transaction; a few milliseconds of the writer's time.
const STEP: usize = 500;
/// Transactions of one round and table at most.
const STEPS: usize = 20;

impl ChallengeSweeper {
    /// One round. Returns how many rows were removed.
    ///
    /// # Errors
    /// When the store cannot write; the next round tries again.
    pub async fn round(&mut self, store: &Store, now: Timestamp) -> Result<usize, StoreError> {
        let epoch = store.epoch();
        let mut total = 0;
        for _ in 0..STEPS {
            let cursor = self.links;
            let (next, removed) = store.write(move |tx| sweep_links(tx, cursor, STEP, now, epoch)).await?;
            self.links = next;
            total += removed;
            if next.is_none() {
                break;
            }
        }
        for _ in 0..STEPS {
            let cursor = self.codes.take();
            let (next, removed) =
                store.write(move |tx| sweep_codes(tx, cursor.clone(), STEP, now, epoch)).await?;
            self.codes = next;
            total += removed;
            if self.codes.is_none() {
                break;
            }
        }
        for _ in 0..STEPS {
            let cursor = self.paces;
            let (next, removed) = store.write(move |tx| sweep_paces(tx, cursor, STEP, now)).await?;
            self.paces = next;
            total += removed;
            if next.is_none() {
                break;
            }
        }
        Ok(total)
    }
}
