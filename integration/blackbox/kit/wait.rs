//! Waiting for something to become true: polling with a deadline, never a fixed sleep.

use std::{future::Future, time::Duration};
use tokio::time::{Instant, sleep};

/// How long anything may take to start, stop or answer. Generous: a loaded two-core machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until the answer is `Some`, and returns it. `None` when patience ends first.
pub async fn until<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(found) = ask().await {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
