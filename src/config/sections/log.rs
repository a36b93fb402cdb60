//! `[log]` and `[audit]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::within;
use crate::config::{
    ledger::Ledger,
    settings::{Log, LogFormat},
    units::Period,
};

/// `[log]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSection {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// `[audit]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditSection {
    pub(crate) keep: Period,
}

impl Default for AuditSection {
    fn default() -> Self {
        Self { keep: Period::days(400) }
    }
}

impl LogSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Log {
        // A bare word that is no level would be taken for the name of a module and silence everything else.
        let known = self.level.split(',').all(|part| {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim();
            LEVELS.contains(&level.to_ascii_lowercase().as_str())
        });
        if !known || EnvFilter::builder().parse(&self.level).is_err() {
            let message = format!("\"{}\" is not a log level", self.level);
            ledger.refuse_with(
                "log.level",
                message,
                "error, warn, info, debug or trace; or by module: \"info,vouchsafe::gate=debug\"",
            );
        }
        Log { format: self.format, level: self.level.clone() }
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl AuditSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Duration {
        within(ledger, "audit.keep", &self.keep, &Period::days(1), &Period::days(36_500));
        self.keep.0
    }
}
