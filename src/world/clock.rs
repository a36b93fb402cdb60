//! The clock.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::values::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock, made steady: when the wall clock is set back, our time goes on at
/// the old pace, so that no session, code or block lives longer for it (security.md SES-8). When it is set
/// forward we follow at once. A wrong jump forward is therefore kept until restart; that
/// expires things early, which is the safe side.
pub struct SystemClock {
    started: Instant,
    /// Milliseconds since 1970 at `started`, the largest ever observed.
    epoch_at_start: AtomicU64,
}

impl SystemClock {
    /// Starts the clock.
    pub fn new() -> Self {
        Self { started: Instant::now(), epoch_at_start: AtomicU64::new(0) }
    }

    fn at(&self, wall_millis: u64, elapsed_millis: u64) -> Timestamp {
        let seen = wall_millis.saturating_sub(elapsed_millis);
        let mut offset = self.epoch_at_start.load(Ordering::Relaxed);
        // Written only when it grows: two cores that both wrote it each time would wait for one another.
        if offset < seen {
            offset = self.epoch_at_start.fetch_max(seen, Ordering::Relaxed).max(seen);
        }
        Timestamp::from_millis(offset.saturating_add(elapsed_millis))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system's clock")]
    fn now(&self) -> Timestamp {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let elapsed = self.started.elapsed();
        self.at(millis(wall), millis(elapsed))
    }
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::SystemClock;

    /// Proves: SES-8
    #[test]
    fn a_wall_clock_set_back_does_not_stop_or_reverse_our_time() {
        let clock = SystemClock::new();
        let first = clock.at(10_000_000, 0);
        let after_step_back = clock.at(4_000_000, 5_000);
        assert_eq!(after_step_back.millis(), first.millis() + 5_000);
    }

    #[test]
    fn a_wall_clock_set_forward_is_followed() {
        let clock = SystemClock::new();
        clock.at(10_000, 0);
        assert_eq!(clock.at(90_000, 1_000).millis(), 90_000);
    }
}
