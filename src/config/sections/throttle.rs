//! `[throttle]`: how many wrong passwords are too many.

use serde::{Deserialize, Serialize};

use super::within;
use crate::{
    config::{ledger::Ledger, units::Period},
    domain::login::throttle::Rules,
};

/// `[throttle]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ThrottleSection {
    pub(crate) account_failures: u32,
    pub(crate) account_window: Period,
    pub(crate) block_after: u32,
    pub(crate) block: Period,
    pub(crate) block_max: Period,
    pub(crate) source_failures: u32,
    pub(crate) source_window: Period,
    pub(crate) relay_failures: u32,
    pub(crate) relay_window: Period,
    pub(crate) ceiling: u32,
    pub(crate) attempts_per_minute: u32,
}

impl Default for ThrottleSection {
    fn default() -> Self {
        Self {
            account_failures: 5,
            account_window: Period::minutes(15),
            block_after: 10,
            block: Period::minutes(5),
            block_max: Period::hours(1),
            source_failures: 30,
            source_window: Period::minutes(5),
            relay_failures: 300,
            relay_window: Period::minutes(15),
            ceiling: 100,
            attempts_per_minute: 120,
        }
    }
}

impl ThrottleSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Rules {
        within(ledger, "throttle.account_failures", &self.account_failures, &1, &100);
        within(
            ledger,
            "throttle.account_window",
            &self.account_window,
            &Period::minutes(1),
            &Period::days(1),
        );
        within(ledger, "throttle.block_after", &self.block_after, &1, &100);
        within(ledger, "throttle.block", &self.block, &Period::seconds(1), &Period::days(1));
        within(ledger, "throttle.block_max", &self.block_max, &Period::seconds(1), &Period::days(1));
        within(ledger, "throttle.source_failures", &self.source_failures, &1, &100_000);
        within(ledger, "throttle.source_window", &self.source_window, &Period::seconds(1), &Period::days(1));
        within(ledger, "throttle.relay_failures", &self.relay_failures, &1, &100_000);
        within(ledger, "throttle.relay_window", &self.relay_window, &Period::seconds(1), &Period::days(1));
        // NIST SP 800-63B allows no more than a hundred failures in a row.
        within(ledger, "throttle.ceiling", &self.ceiling, &1, &100);
        within(ledger, "throttle.attempts_per_minute", &self.attempts_per_minute, &1, &1_000_000);
        if self.block_after < self.account_failures {
            let message = format!(
                "{} comes before throttle.account_failures ({})",
                self.block_after, self.account_failures
            );
            ledger.refuse_with("throttle.block_after", message, "delays come first, blocks after");
        }
        if self.ceiling < self.block_after {
            ledger.refuse(
                "throttle.ceiling",
                format!("{} comes before throttle.block_after ({})", self.ceiling, self.block_after),
            );
        }
        if self.block_max < self.block {
            ledger.refuse(
                "throttle.block_max",
                format!("{} is shorter than throttle.block ({})", self.block_max, self.block),
            );
        }
        Rules {
            free_failures: self.account_failures,
            window: self.account_window.0,
            block_after: self.block_after,
            block: self.block.0,
            block_most: self.block_max.0,
            source_failures: self.source_failures,
            source_window: self.source_window.0,
            relay_failures: self.relay_failures,
            relay_window: self.relay_window.0,
            ceiling: self.ceiling,
            attempts_per_minute: self.attempts_per_minute,
        }
    }
}
