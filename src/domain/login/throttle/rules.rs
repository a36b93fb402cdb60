//! The limits, and what they make of one counter at one moment.

use std::time::Duration;

use super::counters::CounterRecord;
use crate::values::time::Timestamp;

/// The configured limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Failures of a pair before delays begin.
    pub free_failures: u32,
    /// Failures older than this are forgotten.
    pub window: Duration,
    /// Failures of a pair before blocks begin.
    pub block_after: u32,
    /// The first block; each further one is twice as long.
    pub block: Duration,
    /// No block is longer.
    pub block_most: Duration,
    /// Failures of a source within `source_window` before it is refused.
    pub source_failures: u32,
    /// See `source_failures`.
    pub source_window: Duration,
    /// Consecutive failures of an account before unknown devices are refused.
    pub ceiling: u32,
    /// Raw attempts per source and minute, right or wrong.
    pub attempts_per_minute: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            free_failures: 5,
            window: Duration::from_mins(15),
            block_after: 10,
            block: Duration::from_mins(5),
            block_most: Duration::from_hours(1),
            source_failures: 30,
            source_window: Duration::from_mins(5),
            ceiling: 100,
            attempts_per_minute: 120,
        }
    }
}

/// Whether an attempt may reach the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// It may not before this much time has passed.
    Wait(Duration),
}

impl Admission {
    /// The stricter of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Wait(a), Self::Wait(b)) => Self::Wait(a.max(b)),
            (Self::Wait(a), Self::Admitted) | (Self::Admitted, Self::Wait(a)) => Self::Wait(a),
            (Self::Admitted, Self::Admitted) => Self::Admitted,
        }
    }
}

impl Rules {
    /// The verdict for a pair.
    pub fn pair(&self, counter: &CounterRecord, pending: u32, now: Timestamp) -> Admission {
        // No device, known or not, guesses beyond the ceiling without a success in between (security.md section 2).
        if counter.consecutive >= self.ceiling {
            return Admission::Wait(self.block_most);
        }
        let failures = Self::recent(counter, now, self.longest_memory(counter));
        let wait = if failures >= self.block_after {
            doubled(self.block, counter.blocks.saturating_sub(1)).min(self.block_most)
        } else if failures >= self.free_failures {
            doubled(Duration::from_secs(1), failures - self.free_failures)
        } else if failures + pending >= self.free_failures {
            // The free tries are all under way; whoever comes now waits for them to end.
            return Admission::Wait(Duration::from_secs(1));
        } else {
            return Admission::Admitted;
        };
        after(counter.latest, wait, now, pending)
    }

    /// The verdict for an account over all origins. A known device passes: its own pair counter stands for it.
    pub fn subject(
        &self,
        counter: &CounterRecord,
        pending: u32,
        now: Timestamp,
        known_device: bool,
    ) -> Admission {
        if known_device {
            return Admission::Admitted;
        }
        if counter.consecutive >= self.ceiling {
            return Admission::Wait(self.block_most);
        }
        let failures = Self::recent(counter, now, self.window);
        let slow_from = self.block_after.saturating_mul(2);
        if failures < slow_from {
            // Parallel guessers share what is left before the delays begin.
            return if failures + pending < slow_from {
                Admission::Admitted
            } else {
                Admission::Wait(Duration::from_secs(1))
            };
        }
        let wait = doubled(Duration::from_secs(1), failures - slow_from).min(Duration::from_mins(1));
        after(counter.latest, wait, now, pending)
    }

    /// The verdict for a source over all accounts.
    pub fn source(&self, counter: &CounterRecord, pending: u32, now: Timestamp) -> Admission {
        let failures = Self::recent(counter, now, self.source_window);
        if failures + pending < self.source_failures {
            return Admission::Admitted;
        }
        Admission::Wait(
            self.source_window.saturating_sub(now.since(counter.latest)).max(Duration::from_secs(1)),
        )
    }

    /// Failures that still count.
    fn recent(counter: &CounterRecord, now: Timestamp, memory: Duration) -> u32 {
        if now.since(counter.latest) >= memory { 0 } else { counter.failures }
    }

    /// A pair is remembered until its block is over, and at least for the window.
    pub(super) fn longest_memory(&self, counter: &CounterRecord) -> Duration {
        match counter.blocks.checked_sub(1) {
            None => self.window,
            Some(earlier) => doubled(self.block, earlier).min(self.block_most) + self.window,
        }
    }

    /// The counter after one more failure.
    pub(super) fn counted(&self, counter: &CounterRecord, now: Timestamp, memory: Duration) -> CounterRecord {
        let failures = Self::recent(counter, now, memory).saturating_add(1);
        let blocks = if failures > 1 { counter.blocks } else { 0 };
        CounterRecord {
            failures,
            latest: counter.latest.max(now),
            blocks: blocks + u32::from(failures >= self.block_after),
            consecutive: counter.consecutive.saturating_add(1),
        }
    }
}

fn after(latest: Timestamp, wait: Duration, now: Timestamp, pending: u32) -> Admission {
    let left = wait.saturating_sub(now.since(latest));
    if !left.is_zero() {
        Admission::Wait(left)
    } else if pending > 0 {
        // After a delay exactly one attempt goes; the others wait for its end.
        Admission::Wait(Duration::from_secs(1))
    } else {
        Admission::Admitted
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(times.min(31)).unwrap_or(u32::MAX))
}
