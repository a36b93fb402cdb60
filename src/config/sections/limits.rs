//! `[limits]`: what one connection and one request may cost (security.md section 2, OPS-2).

use serde::{Deserialize, Serialize};

use super::within;
use crate::{
    config::{
        ledger::Ledger,
        units::{Period, Size},
    },
    serve::Limits,
};

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    pub(crate) request_line: Size,
    pub(crate) headers: Size,
    pub(crate) header_count: u32,
    pub(crate) body: Size,
    pub(crate) header_read: Period,
    pub(crate) body_read: Period,
    pub(crate) tls_handshake: Period,
    pub(crate) keep_alive: Period,
    pub(crate) connections: u32,
    pub(crate) connections_per_source: u32,
    pub(crate) drain: Period,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            request_line: Size::kib(8),
            headers: Size::kib(32),
            header_count: 100,
            body: Size::kib(64),
            header_read: Period::seconds(10),
            body_read: Period::seconds(30),
            tls_handshake: Period::seconds(10),
            keep_alive: Period::seconds(95),
            connections: 10_000,
            connections_per_source: 512,
            drain: Period::seconds(30),
        }
    }
}

impl LimitsSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Limits {
        let (second, hour) = (Period::seconds(1), Period::hours(1));
        within(ledger, "limits.request_line", &self.request_line, &Size::kib(1), &Size::kib(64));
        within(ledger, "limits.headers", &self.headers, &Size::kib(8), &Size::mib(1));
        within(ledger, "limits.header_count", &self.header_count, &20, &1000);
        within(ledger, "limits.body", &self.body, &Size::kib(1), &Size::mib(16));
        within(ledger, "limits.header_read", &self.header_read, &second, &hour);
        within(ledger, "limits.body_read", &self.body_read, &second, &hour);
        within(ledger, "limits.tls_handshake", &self.tls_handshake, &second, &hour);
        within(ledger, "limits.keep_alive", &self.keep_alive, &second, &Period::days(1));
        within(ledger, "limits.connections", &self.connections, &1, &1_000_000);
        within(ledger, "limits.connections_per_source", &self.connections_per_source, &1, &1_000_000);
        within(ledger, "limits.drain", &self.drain, &Period::seconds(0), &hour);
        if self.headers < self.request_line {
            ledger.refuse(
                "limits.headers",
                format!("{} is less than limits.request_line ({})", self.headers, self.request_line),
            );
        }
        let bytes = |size: Size| usize::try_from(size.0).unwrap_or(usize::MAX);
        Limits {
            request_line: bytes(self.request_line),
            header_bytes: bytes(self.headers),
            header_count: self.header_count as usize,
            header_read: self.header_read.0,
            body_read: self.body_read.0,
            tls_handshake: self.tls_handshake.0,
            keep_alive_idle: self.keep_alive.0,
            connections: self.connections as usize,
            per_source: self.connections_per_source as usize,
            drain: self.drain.0,
            ..Limits::default()
        }
    }
}
