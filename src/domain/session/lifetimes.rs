//! How long a session lives.

use std::time::Duration;

use crate::values::time::Timestamp;

/// The limits every session lives under (security.md section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Without use for this long, a session is over. Sessions that are to be remembered are exempt.
    pub idle: Duration,
    /// A session is over this long after sign-in, used or not.
    pub absolute: Duration,
    /// The same for a session whose owner ticked "remember me"; zero when that is not offered.
    pub remember: Duration,
    /// How often a session's last use is written down at most.
    pub touch_every: Duration,
    /// How many sessions one person may have; the oldest makes room.
    pub per_person: usize,
    /// How recent the last proof must be for changing the password and the like.
    pub fresh: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            idle: Duration::from_hours(1),
            absolute: Duration::from_hours(24),
            remember: Duration::from_hours(720),
            touch_every: Duration::from_mins(1),
            per_person: 20,
            fresh: Duration::from_mins(5),
        }
    }
}

/// What the limits say of a session at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It opens doors. `touch` says that its last use should be written down.
    Live {
        /// Whether the last written use is old enough to be renewed.
        touch: bool,
    },
    /// It was not used for too long.
    Idle,
    /// Its time is over.
    Expired,
}

impl Lifetimes {
    /// Judges a session by server time alone (security.md SES-8). Sliding never reaches past `ends` (VCH-18).
    pub fn liveness(
        &self,
        now: Timestamp,
        last_seen: Timestamp,
        ends: Timestamp,
        remembered: bool,
    ) -> Liveness {
        let unused = now.since(last_seen);
        if now >= ends {
            Liveness::Expired
        } else if !remembered && unused >= self.idle {
            Liveness::Idle
        } else {
            Liveness::Live { touch: unused >= self.touch_every }
        }
    }

    /// When a session begun at `now` is over at the latest.
    pub fn end_of(&self, now: Timestamp, remembered: bool) -> Timestamp {
        now + if remembered { self.remember.max(self.absolute) } else { self.absolute }
    }

    /// Whether "remember me" is offered.
    pub fn offers_remembering(&self) -> bool {
        !self.remember.is_zero()
    }

    /// The longest any session can live.
    pub fn longest(&self) -> Duration {
        self.remember.max(self.absolute)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Lifetimes, Liveness, Timestamp};

    fn start() -> Timestamp {
        Timestamp::from_secs(1_000_000)
    }

    fn judge(after_secs: u64, last_seen_secs: u64, remembered: bool) -> Liveness {
        let limits = Lifetimes::default();
        let ends = limits.end_of(start(), remembered);
        limits.liveness(
            start() + Duration::from_secs(after_secs),
            start() + Duration::from_secs(last_seen_secs),
            ends,
            remembered,
        )
    }

    /// Proves: SES-8, VCH-18
    #[test]
    fn idle_and_absolute_limits_hold() {
        assert_eq!(judge(10, 0, false), Liveness::Live { touch: false });
        assert_eq!(judge(60, 0, false), Liveness::Live { touch: true });
        assert_eq!(judge(3600, 0, false), Liveness::Idle);
        assert_eq!(judge(3600, 3599, false), Liveness::Live { touch: false });
        assert_eq!(judge(24 * 3600, 24 * 3600 - 1, false), Liveness::Expired);
    }

    #[test]
    fn remembering_lifts_the_idle_limit_only() {
        assert_eq!(judge(7200, 0, true), Liveness::Live { touch: true });
        assert_eq!(judge(30 * 24 * 3600, 30 * 24 * 3600 - 1, true), Liveness::Expired);
    }
}
