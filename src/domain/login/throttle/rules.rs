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
    /// Failures that one relay may bring at once.
    pub relay_failures: u32,
    /// Within which so many are forgotten again, evenly.
    pub relay_window: Duration,
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
            relay_failures: 300,
            relay_window: Duration::from_mins(15),
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

    /// The verdict for a relay over all accounts: a store of failures that empties with each and fills evenly.
    ///
    /// By default 300 at once and then 20 a minute. A thousand people who sign in within a quarter of an hour and get it wrong every third
    /// time do not reach it; who tries one password with each of ten thousand names needs eight hours. An address has 30 in five minutes and is
    /// then shut out for as long; a relay is not, because that would shut out all its people: when the store is empty the next try waits
    /// for one place, three seconds. Whoever keeps it empty on purpose, and is quicker with each new place than others, can hold that one
    /// form up for as long, and nothing else: the client's own proof, other clients and the portal have counters of their own. Such a form has
    /// to slow its own visitors down; we see none of their addresses.
    ///
    /// A counter that lies further ahead than its rule and the slowest request can explain was made by a longer window, or by a clock that has
    /// been put right: it says nothing any more. Up to there it counts as full, for an hour and five minutes at most.
    pub fn relay(&self, counter: &CounterRecord, pending: u32, now: Timestamp) -> Admission {
        let (every, most) = self.relay_pace();
        let taken = self.taken(counter, now) + every * pending.saturating_add(1).min(self.relay_failures + 1);
        let wait = taken.saturating_sub(most);
        if wait.is_zero() { Admission::Admitted } else { Admission::Wait(wait) }
    }

    /// The counter of a relay after one more failure.
    pub(super) fn relayed(&self, counter: &CounterRecord, now: Timestamp) -> CounterRecord {
        let (every, _) = self.relay_pace();
        CounterRecord {
            failures: counter.failures.saturating_add(1),
            // Who comes late with an early moment gives nothing back.
            latest: if self.is_void(counter, now) {
                now + every
            } else {
                counter.latest.max(now + self.taken(counter, now) + every)
            },
            blocks: 0,
            consecutive: counter.consecutive.saturating_add(1),
        }
    }

    /// How much of what a relay may bring at once is taken, as the time until it is forgotten.
    fn taken(&self, counter: &CounterRecord, now: Timestamp) -> Duration {
        let (_, most) = self.relay_pace();
        if self.is_void(counter, now) { Duration::ZERO } else { counter.latest.since(now).min(most) }
    }

    /// Whether a relay's counter lies too far ahead to say anything.
    fn is_void(&self, counter: &CounterRecord, now: Timestamp) -> bool {
        let (every, most) = self.relay_pace();
        counter.latest.since(now) > most + every + OUT_OF_ORDER
    }

    /// How long until one failure of a relay is forgotten, and until all that it may bring at once are.
    fn relay_pace(&self) -> (Duration, Duration) {
        let failures = self.relay_failures.max(1);
        // Moments are whole milliseconds: less than one would be no limit.
        let every = (self.relay_window / failures).max(Duration::from_millis(1));
        (every, every * failures)
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

/// A request's moment is that of its head. Its body may take an hour, as the limits are set, and its password waits to be hashed: by so much
/// it may be counted after others that came later.
const OUT_OF_ORDER: Duration = Duration::from_mins(65);
