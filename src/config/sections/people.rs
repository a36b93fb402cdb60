//! `[registration]`, `[recovery]` and `[terms]`: joining, coming back, and what everybody must have accepted.

use serde::{Deserialize, Serialize};

use super::{listeners::quoted, within};
use crate::{
    actions::{
        Outlets,
        people::{Recovery, Registration, Rules, Terms},
    },
    config::{fields::Texts, ledger::Ledger, units::Period},
    domain::challenge::PaceRules,
    values::{email::EmailAddress, url::WebUrl},
};

/// `[registration]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RegistrationSection {
    pub(crate) enabled: bool,
    pub(crate) confirm_email: bool,
    pub(crate) approval: bool,
    pub(crate) email_domains: Texts,
    pub(crate) lapses_after: Period,
}

impl Default for RegistrationSection {
    fn default() -> Self {
        let rules = Registration::default();
        Self {
            enabled: rules.open,
            confirm_email: rules.confirm_email,
            approval: rules.approval,
            email_domains: Texts::default(),
            lapses_after: Period(rules.lapses_after),
        }
    }
}

impl RegistrationSection {
    fn settle(&self, outlets: Outlets, ledger: &mut Ledger) -> Registration {
        within(ledger, "registration.lapses_after", &self.lapses_after, &Period::days(1), &Period::days(90));
        if self.enabled && self.confirm_email && !outlets.mail {
            ledger.refuse_with(
                "registration.enabled",
                "addresses are confirmed by mail, but no way to send mail is configured",
                "configure [mail], or set registration.confirm_email = false",
            );
        }
        if self.enabled && !self.confirm_email {
            ledger.warn(
                "registration.confirm_email",
                "anybody can register with anybody's address, and can find out which addresses have accounts",
                "confirm_email = true needs [mail]",
            );
        }
        let email_domains = self.email_domains.iter().enumerate().filter_map(|(index, domain)| {
            // The one reader of addresses decides what a domain is, and how it is spelled.
            let address = EmailAddress::parse(&format!("somebody@{domain}"));
            let key = format!("registration.email_domains[{index}]");
            let refused = |ledger: &mut Ledger| {
                let message = format!("{} is not the part of an address behind the @", quoted(domain));
                ledger.refuse_with(&key, message, "write it like \"example.com\"");
            };
            address.map_err(|_| refused(ledger)).ok().map(|address| address.domain().to_owned())
        });
        let email_domains = email_domains.collect();
        Registration {
            open: self.enabled,
            confirm_email: self.confirm_email,
            approval: self.approval,
            email_domains,
            lapses_after: self.lapses_after.0,
        }
    }
}

/// `[recovery]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RecoverySection {
    pub(crate) forgot_password: bool,
    pub(crate) one_time_links: bool,
}

impl Default for RecoverySection {
    fn default() -> Self {
        let rules = Recovery::default();
        Self { forgot_password: rules.forgot_password, one_time_links: rules.sign_in_links }
    }
}

/// `[terms]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TermsSection {
    pub(crate) version: String,
    pub(crate) url: String,
}

impl TermsSection {
    fn settle(&self, ledger: &mut Ledger) -> Option<Terms> {
        match (self.version.is_empty(), self.url.is_empty()) {
            (true, true) => return None,
            (false, false) => {}
            (true, false) => ledger.refuse("terms.version", "is needed beside terms.url"),
            (false, true) => ledger.refuse("terms.url", "is needed beside terms.version"),
        }
        if self.version.len() > 64 || !self.version.bytes().all(|byte| byte.is_ascii_graphic()) {
            ledger.refuse("terms.version", "must be at most 64 visible characters, like \"2027-01\"");
        }
        // A page of the operator's own, shown as a link and never fetched.
        if !self.url.is_empty()
            && let Err(error) = WebUrl::parse(self.url.split(['?', '#']).next().unwrap_or_default())
        {
            let message = format!("{}: {error}", quoted(&self.url));
            ledger.refuse_with("terms.url", message, "write it in full, like \"https://example.com/terms\"");
        }
        Some(Terms { version: self.version.clone(), url: self.url.clone() })
    }
}

/// All three, with what is configured for sending.
pub(crate) fn settle(
    registration: &RegistrationSection,
    recovery: &RecoverySection,
    terms: &TermsSection,
    outlets: Outlets,
    ledger: &mut Ledger,
) -> Rules {
    Rules {
        registration: registration.settle(outlets, ledger),
        recovery: Recovery {
            forgot_password: recovery.forgot_password,
            sign_in_links: recovery.one_time_links,
        },
        terms: terms.settle(ledger),
        pace: PaceRules::default(),
    }
}
