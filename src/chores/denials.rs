//! People turned away, on their way to the audit trail.

use tokio::sync::mpsc::Receiver;

use crate::{
    domain::audit::{self, Denial, Entry},
    store::{Store, StoreError},
};

/// Writes down what has gathered, in one transaction.
///
/// # Errors
/// When the store cannot write; the entries taken are lost.
pub async fn round(store: &Store, denials: &mut Receiver<Denial>) -> Result<usize, StoreError> {
    let mut gathered = Vec::new();
    while let Ok(denial) = denials.try_recv() {
        gathered.push(denial);
    }
    let count = gathered.len();
    if count > 0 {
        store
            .write(move |tx| {
                for denial in &gathered {
                    audit::append(tx, &Entry::from(denial))?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
    }
    Ok(count)
}
