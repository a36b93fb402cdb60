//! The word to stop, as every connection hears it: cheap to look at on each turn, and waking those who sleep.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::SeqCst},
};

use tokio::sync::{Notify, futures::Notified};

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Serving.
    Open,
    /// Finish what you have begun, take nothing new.
    Draining,
    /// Drop everything.
    Over,
}

/// Shared by the accept loops and all connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Drain(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stage: AtomicU8,
    told: Notify,
}

impl Drain {
    pub(super) fn stage(&self) -> Stage {
        match self.0.stage.load(SeqCst) {
            0 => Stage::Open,
            1 => Stage::Draining,
            _ => Stage::Over,
        }
    }

    pub(super) fn advance(&self, to: Stage) {
        self.0.stage.fetch_max(to as u8, SeqCst);
        self.0.told.notify_waiters();
    }

    /// Resolves at the next [`advance`](Self::advance). Look at the stage after polling it once: it may have changed before.
    pub(super) fn told(&self) -> Notified<'_> {
        self.0.told.notified()
    }

    /// Resolves once the stage has been reached.
    pub(super) async fn reached(&self, stage: Stage) {
        loop {
            let told = self.told();
            tokio::pin!(told);
            // Registers before looking, so that a change in between is not missed.
            told.as_mut().enable();
            if self.stage() >= stage {
                return;
            }
            told.await;
        }
    }
}
