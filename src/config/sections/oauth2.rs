//! `[oauth2]`: other programs let us sign their people in.

use serde::{Deserialize, Serialize};

use super::within;
use crate::{
    config::{ledger::Ledger, units::Period},
    crypto::jose::RsaSize,
    domain::{login::throttle, session},
    idp::oauth2::{Lifetimes, Settings},
    values::url::WebUrl,
};

/// `[oauth2]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OAuth2Section {
    pub(crate) code: Period,
    pub(crate) access_token: Period,
    pub(crate) refresh_idle: Period,
    pub(crate) refresh_token: Period,
    pub(crate) id_token: Period,
    pub(crate) rsa_bits: u32,
    pub(crate) key_lifetime: Period,
    pub(crate) open_introspection: bool,
}

impl Default for OAuth2Section {
    fn default() -> Self {
        Self {
            code: Period::seconds(60),
            access_token: Period::minutes(15),
            refresh_idle: Period::days(14),
            refresh_token: Period::days(30),
            id_token: Period::minutes(10),
            rsa_bits: 3072,
            key_lifetime: Period::days(90),
            open_introspection: false,
        }
    }
}

impl OAuth2Section {
    /// Bounds of security.md section 2.
    pub(crate) fn settle(
        &self,
        portal: Option<&WebUrl>,
        (throttle, sessions): (&throttle::Rules, &session::Lifetimes),
        ledger: &mut Ledger,
    ) -> Option<Settings> {
        let (second, day, year) = (Period::seconds(1), Period::hours(24), Period::days(365));
        within(ledger, "oauth2.code", &self.code, &second, &Period::minutes(10));
        within(ledger, "oauth2.access_token", &self.access_token, &second, &day);
        within(ledger, "oauth2.refresh_idle", &self.refresh_idle, &second, &year);
        within(ledger, "oauth2.refresh_token", &self.refresh_token, &second, &year);
        within(ledger, "oauth2.id_token", &self.id_token, &second, &Period::hours(1));
        within(ledger, "oauth2.key_lifetime", &self.key_lifetime, &day, &year);
        let rsa = match self.rsa_bits {
            2048 => RsaSize::Bits2048,
            3072 => RsaSize::Bits3072,
            other => {
                ledger.refuse("oauth2.rsa_bits", format!("must be 2048 or 3072, not {other}"));
                RsaSize::default()
            }
        };
        if self.open_introspection {
            ledger.warn(
                "oauth2.open_introspection",
                "whoever gets hold of a token learns whose it is and what it opens",
                "let resource servers prove themselves as clients instead",
            );
        }
        Some(Settings {
            issuer: portal?.origin(),
            lifetimes: Lifetimes {
                code: self.code.0,
                access: self.access_token.0,
                refresh_idle: self.refresh_idle.0,
                refresh: self.refresh_token.0,
                id_token: self.id_token.0,
            },
            rsa,
            key_period: self.key_lifetime.0,
            open_introspection: self.open_introspection,
            throttle: throttle.clone(),
            sessions: sessions.clone(),
        })
    }
}
