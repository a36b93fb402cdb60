//! `[cache]`: how much of the store stays in memory.

use serde::{Deserialize, Serialize};

use super::within;
use crate::{
    config::{ledger::Ledger, units::Size},
    gate::CacheSizes,
};

/// `[cache]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CacheSection {
    pub(crate) sessions: u32,
    pub(crate) accounts: u32,
    pub(crate) store: Size,
}

impl Default for CacheSection {
    fn default() -> Self {
        Self { sessions: 100_000, accounts: 20_000, store: Size::mib(16) }
    }
}

impl CacheSection {
    /// The gate's sizes, and bytes for the store's pages.
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> (CacheSizes, usize) {
        within(ledger, "cache.sessions", &self.sessions, &100, &100_000_000);
        within(ledger, "cache.accounts", &self.accounts, &100, &100_000_000);
        within(ledger, "cache.store", &self.store, &Size::mib(1), &Size::mib(1 << 20));
        let pages = usize::try_from(self.store.0).unwrap_or(usize::MAX);
        (CacheSizes { sessions: self.sessions as usize, people: self.accounts as usize }, pages)
    }
}
