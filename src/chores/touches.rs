//! Session touches on their way to the store: gathered, then written in one transaction.

use std::collections::HashMap;

use tokio::sync::mpsc::Receiver;

use crate::{
    domain::session::{self, SessionHash},
    store::{Store, StoreError},
    values::time::Timestamp,
};

/// So many touches are written in one transaction.
const BATCH: usize = 256;

/// Takes what has gathered so far (the newest moment per session counts) and writes it down.
///
/// # Errors
/// When the store cannot write; the touches taken are lost, which shortens idle times by a little.
pub async fn round(
    store: &Store,
    touches: &mut Receiver<(SessionHash, Timestamp)>,
) -> Result<usize, StoreError> {
    let mut newest: HashMap<SessionHash, Timestamp> = HashMap::new();
    while let Ok((hash, at)) = touches.try_recv() {
        newest.entry(hash).and_modify(|known| *known = at.max(*known)).or_insert(at);
    }
    let mut touches: Vec<_> = newest.into_iter().collect();
    // In the order of the store: neighbours share a page, which is then written once and not twice.
    touches.sort_unstable();
    for batch in touches.chunks(BATCH) {
        let batch = batch.to_vec();
        store
            .write(move |tx| {
                for (hash, at) in &batch {
                    session::touch(tx, hash, *at)?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
    }
    Ok(touches.len())
}
