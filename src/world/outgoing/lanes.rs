//! How many requests to one place may be under way: a slow place holds up nobody else (security.md OUT-3).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests to one place at once.
const ABREAST: usize = 8;
/// Requests that wait for one place.
const WAITING: usize = 64;
/// Places remembered before those are forgotten that nobody uses.
const PLACES: usize = 1024;

/// One lane for each place.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<String, Arc<Lane>>>);

struct Lane {
    going: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// The right to ask. Given back when dropped.
pub(super) struct Turn {
    _going: OwnedSemaphorePermit,
}

impl Lanes {
    /// Waits for a turn at a place; `None` when too many wait already.
    pub(super) async fn turn(&self, place: &str) -> Option<Turn> {
        let lane = self.lane(place);
        let waiting = lane.waiting.clone().try_acquire_owned().ok()?;
        let going = lane.going.clone().acquire_owned().await.ok()?;
        drop(waiting);
        Some(Turn { _going: going })
    }

    fn lane(&self, place: &str) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(place) {
            return lane.clone();
        }
        if lanes.len() >= PLACES {
            // A lane in use is held by those who use it: dropping it here would begin a second one beside it.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || lane.going.available_permits() < ABREAST);
        }
        let lane = Arc::new(Lane {
            going: Arc::new(Semaphore::new(ABREAST)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        });
        lanes.insert(place.to_owned(), lane.clone());
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::{ABREAST, Lanes, PLACES, WAITING};

    /// Proves: OUT-3
    #[tokio::test]
    async fn a_place_has_so_many_turns_and_so_many_who_wait() {
        let lanes = std::sync::Arc::new(Lanes::default());
        let mut turns = Vec::new();
        for _ in 0..ABREAST {
            turns.push(lanes.turn("slow").await.unwrap());
        }
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let lanes = lanes.clone();
                Box::pin(async move { lanes.turn("slow").await.is_some() })
            })
            .collect();
        let mut waiting = futures_util::future::join_all(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert!(lanes.turn("slow").await.is_none(), "one more is refused at once");
        assert!(lanes.turn("quick").await.is_some(), "another place is not held up");
        drop(turns);
        assert!(waiting.await.into_iter().all(|got| got), "whoever waited gets a turn");
    }

    #[tokio::test]
    async fn places_that_nobody_uses_are_forgotten() {
        let lanes = Lanes::default();
        let held = lanes.turn("held").await;
        for place in 0..PLACES + 10 {
            drop(lanes.turn(&place.to_string()).await);
        }
        let kept = lanes.0.lock().unwrap();
        assert!(kept.len() <= PLACES && kept.contains_key("held"));
        drop(held);
    }
}
