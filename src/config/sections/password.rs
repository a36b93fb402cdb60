//! `[password]`: what a password must be, and what hashing it may cost.

use serde::{Deserialize, Serialize};

use super::within;
use crate::{
    actions::{credentials::PasswordRules, hashing},
    config::{
        ledger::Ledger,
        units::{Period, Size},
    },
    crypto::{password::Params, strength},
};

/// `[password]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PasswordSection {
    pub(crate) min_length: u32,
    pub(crate) memory: Size,
    pub(crate) iterations: u32,
    pub(crate) parallelism: u32,
    pub(crate) memory_budget: Size,
    pub(crate) queue: u32,
    pub(crate) wait: Period,
    pub(crate) words: Vec<String>,
    pub(crate) expire_after: Period,
}

impl Default for PasswordSection {
    fn default() -> Self {
        Self {
            min_length: 15,
            memory: Size::mib(64),
            iterations: 3,
            parallelism: 1,
            memory_budget: Size::mib(256),
            queue: 64,
            wait: Period::seconds(3),
            words: Vec::new(),
            expire_after: Period::seconds(0),
        }
    }
}

impl PasswordSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Option<(PasswordRules, hashing::Settings)> {
        within(ledger, "password.min_length", &self.min_length, &8, &64);
        within(ledger, "password.iterations", &self.iterations, &1, &100);
        within(ledger, "password.parallelism", &self.parallelism, &1, &16);
        within(ledger, "password.memory", &self.memory, &Size::mib(12), &Size::mib(1024));
        within(ledger, "password.queue", &self.queue, &1, &10_000);
        within(ledger, "password.wait", &self.wait, &Period::seconds(0), &Period::seconds(30));
        if self.expire_after != Period::seconds(0) {
            within(
                ledger,
                "password.expire_after",
                &self.expire_after,
                &Period::days(1),
                &Period::days(3650),
            );
        }
        let params = self.params(ledger);
        if self.memory_budget < self.memory {
            ledger.refuse(
                "password.memory_budget",
                format!("{} does not hold one hash of password.memory ({})", self.memory_budget, self.memory),
            );
        }
        for (index, word) in self.words.iter().enumerate() {
            if word.trim().chars().count() < 3 {
                ledger.refuse(
                    &format!("password.words[{index}]"),
                    "shorter than three letters: it would be found in half of all passwords",
                );
            }
        }
        let length = strength::Rules::new(self.min_length as usize).ok()?;
        let hashing = hashing::Settings {
            params: params?,
            memory_budget: self.memory_budget.0,
            queue: self.queue as usize,
            wait: self.wait.0,
            ..hashing::Settings::default()
        };
        let expire_after = Some(self.expire_after.0).filter(|after| !after.is_zero());
        Some((PasswordRules { length, words: self.words.clone(), expire_after }, hashing))
    }

    /// Within the floors and ceilings of security.md section 2.
    fn params(&self, ledger: &mut Ledger) -> Option<Params> {
        let memory_kib = u32::try_from(self.memory.0 / 1024).unwrap_or(u32::MAX);
        let params = Params::new(memory_kib, self.iterations, self.parallelism);
        if let Err(error) = params {
            let message = format!("{} with iterations = {} is {error}", self.memory, self.iterations);
            ledger.refuse_with(
                "password.memory",
                message,
                "the default of 64MiB and 3 iterations is a good choice",
            );
        }
        params.ok()
    }
}
