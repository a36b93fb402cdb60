//! `[password]`: what a password must be, and what hashing it may cost.

use serde::{Deserialize, Serialize};

use super::within;
use crate::config::{
    ledger::Ledger,
    settings::Passwords,
    units::{Period, Size},
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
        }
    }
}

impl PasswordSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Option<Passwords> {
        within(ledger, "password.min_length", &self.min_length, &8, &128);
        within(ledger, "password.iterations", &self.iterations, &1, &100);
        within(ledger, "password.parallelism", &self.parallelism, &1, &16);
        within(ledger, "password.memory", &self.memory, &Size::mib(12), &Size::mib(4096));
        within(ledger, "password.queue", &self.queue, &1, &10_000);
        within(ledger, "password.wait", &self.wait, &Period::seconds(0), &Period::seconds(30));
        let memory = self.floor(ledger);
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
        Some(Passwords {
            min_length: self.min_length,
            memory_kib: memory,
            iterations: self.iterations,
            parallelism: self.parallelism,
            memory_budget: self.memory_budget.0,
            queue: self.queue,
            wait: self.wait.0,
            words: self.words.clone(),
        })
    }

    /// The floors of security.md section 2: 19 MiB with two passes, or 46 MiB with one, or 12 MiB with three.
    fn floor(&self, ledger: &mut Ledger) -> u32 {
        let least = match self.iterations {
            0 | 1 => Size::mib(46),
            2 => Size::mib(19),
            _ => Size::mib(12),
        };
        if self.memory < least {
            ledger.refuse_with(
                "password.memory",
                format!(
                    "{} is too little with iterations = {}: at least {least}",
                    self.memory, self.iterations
                ),
                "the default of 64MiB and 3 iterations is a good choice",
            );
        }
        u32::try_from(self.memory.0 / 1024).unwrap_or(u32::MAX)
    }
}
