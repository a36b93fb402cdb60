//! Which refusals are told to the audit trail: a flood of refused attempts, under whatever made-up names, must not become a flood of
//! writes (security.md OPS-16).

use std::{collections::HashMap, time::Duration};

use super::counters::CounterKey;
use crate::values::time::Timestamp;

/// Who was told of lately: one refusal of each in a minute.
#[derive(Debug, Default)]
pub struct Reported(HashMap<CounterKey, Timestamp>);

impl Reported {
    const EVERY: Duration = Duration::from_mins(1);
    /// More are not remembered without tidying up first; beyond that nobody new is told of.
    const MOST: usize = 100_000;

    /// Whether this one should be told of. Then it has been.
    pub fn is_news(&mut self, key: CounterKey, now: Timestamp) -> bool {
        if self.0.len() > Self::MOST {
            self.tidy(now);
            if self.0.len() > Self::MOST {
                return false;
            }
        }
        match self.0.get(&key) {
            Some(at) if now.since(*at) < Self::EVERY => false,
            _ => {
                self.0.insert(key, now);
                true
            }
        }
    }

    /// Forgets those who may be told of again.
    pub fn tidy(&mut self, now: Timestamp) {
        self.0.retain(|_, at| now.since(*at) < Self::EVERY);
    }
}
