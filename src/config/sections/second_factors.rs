//! `[second_factors]`: what people may prove beside their first factor.

use serde::{Deserialize, Serialize};

use super::within;
use crate::{
    config::{fields::Several, ledger::Ledger, units::Period},
    domain::factor::{Kinds, Rules},
};

/// `[second_factors]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecondFactorsSection {
    pub(crate) issuer: String,
    pub(crate) kinds: Several<KindWord>,
    pub(crate) drift: u64,
    pub(crate) trusted_device: Period,
    pub(crate) code_digits: u8,
    pub(crate) code_lifetime: Period,
}

/// `kinds`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindWord {
    Totp,
    Email,
    Sms,
}

impl Default for SecondFactorsSection {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            kinds: Several(vec![KindWord::Totp]),
            drift: 1,
            trusted_device: Period::seconds(0),
            code_digits: 8,
            code_lifetime: Period::minutes(5),
        }
    }
}

impl SecondFactorsSection {
    pub(crate) fn settle(&self, title: &str, ledger: &mut Ledger) -> Rules {
        // Three codes are right at any moment with a drift of one; each step more makes guessing easier.
        within(ledger, "second_factors.drift", &self.drift, &0, &2);
        let days = Period::days(90);
        within(ledger, "second_factors.trusted_device", &self.trusted_device, &Period::seconds(0), &days);
        within(ledger, "second_factors.code_digits", &self.code_digits, &6, &10);
        let (least, most) = (Period::minutes(1), Period::minutes(10));
        within(ledger, "second_factors.code_lifetime", &self.code_lifetime, &least, &most);
        if self.issuer.chars().count() > LONGEST_ISSUER || self.issuer.chars().any(char::is_control) {
            let message = format!("must have at most {LONGEST_ISSUER} characters in one line");
            ledger.refuse("second_factors.issuer", message);
        }
        let has = |word: KindWord| self.kinds.0.contains(&word);
        let kinds = Kinds { totp: has(KindWord::Totp), email: has(KindWord::Email), sms: has(KindWord::Sms) };
        if kinds.sms && !kinds.totp {
            let hint = "kinds = [\"totp\", \"sms\"]";
            ledger.warn(
                "second_factors.kinds",
                "sms is only offered beside an app, and there is none".to_owned(),
                hint.to_owned(),
            );
        }
        Rules {
            issuer: if self.issuer.is_empty() { title.to_owned() } else { self.issuer.clone() },
            kinds,
            drift: self.drift,
            trusted: self.trusted_device.0,
            digits: self.code_digits,
            lifetime: self.code_lifetime.0,
        }
    }
}

/// More does not fit into a QR code that cameras like.
const LONGEST_ISSUER: usize = 64;
