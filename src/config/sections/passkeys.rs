//! `[passkeys]`: signing in without typing anything, and as a second factor.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::session::is_public_suffix;
use crate::{
    actions::passkeys::Settings,
    config::{fields::Several, ledger::Ledger},
    crypto::webauthn::{RelyingParty, Verification},
    values::{
        host::{Host, Scheme},
        url::WebUrl,
    },
};

/// `[passkeys]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PasskeysSection {
    pub(crate) enabled: bool,
    pub(crate) rp_id: String,
    pub(crate) origins: Several<String>,
    pub(crate) user_verification: VerificationWord,
}

/// `user_verification`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VerificationWord {
    Required,
    Preferred,
}

impl Default for PasskeysSection {
    fn default() -> Self {
        Self {
            enabled: true,
            rp_id: String::new(),
            origins: Several(Vec::new()),
            user_verification: VerificationWord::Preferred,
        }
    }
}

impl PasskeysSection {
    /// Names and origins of security.md WAN-5. A portal that browsers give no passkeys to has none, which is only wrong when the file
    /// says otherwise.
    pub(crate) fn settle(&self, portal: Option<&WebUrl>, title: &str, ledger: &mut Ledger) -> Settings {
        let verification = match self.user_verification {
            VerificationWord::Required => Verification::Required,
            VerificationWord::Preferred => Verification::Preferred,
        };
        let party = portal.and_then(|portal| self.party(portal, title, ledger));
        Settings { party: party.map(Arc::new), offered: self.enabled, verification }
    }

    fn party(&self, portal: &WebUrl, title: &str, ledger: &mut Ledger) -> Option<RelyingParty> {
        let id = if self.rp_id.is_empty() {
            let host = portal.host();
            if host.is_address() { None } else { Some(host.as_str().to_owned()) }
        } else {
            self.named(portal, ledger)
        }?;
        if !is_secure(portal) {
            if !self.rp_id.is_empty() {
                let message = format!("browsers have no passkeys for {portal}, which is not https");
                ledger.refuse_with("passkeys.rp_id", message, "use https, or http://localhost to try it out");
            }
            return None;
        }
        let mut origins = vec![portal.clone()];
        for (index, text) in self.origins.0.iter().enumerate() {
            let key = format!("passkeys.origins[{index}]");
            match WebUrl::parse(text) {
                Ok(url) if url.path() != "/" => {
                    ledger.refuse(&key, format!("\"{text}\" has a path; an origin has none"));
                }
                Ok(url) if !is_secure(&url) => ledger.refuse(&key, format!("\"{text}\" is not https")),
                Ok(url) if !is_within(url.host().as_str(), &id) => {
                    ledger.refuse(&key, format!("\"{text}\" is not inside {id} (passkeys.rp_id)"));
                }
                Ok(url) => origins.push(url),
                Err(error) => ledger.refuse(&key, format!("\"{text}\" is not an origin: {error}")),
            }
        }
        Some(RelyingParty::new(title, &id, &origins))
    }

    /// The domain as the file names it.
    fn named(&self, portal: &WebUrl, ledger: &mut Ledger) -> Option<String> {
        let key = "passkeys.rp_id";
        let id = match Host::parse(&self.rp_id) {
            Ok(host) if host.is_address() => {
                ledger.refuse_with(key, "an IP address has no passkeys", "name a domain");
                return None;
            }
            Ok(host) => host.as_str().to_owned(),
            Err(error) => {
                ledger.refuse(key, format!("\"{}\" is not a domain: {error}", self.rp_id));
                return None;
            }
        };
        if is_public_suffix(&id) && id != "localhost" {
            ledger.refuse(key, format!("\"{id}\" belongs to everybody: browsers refuse it"));
            return None;
        }
        let host = portal.host().as_str();
        if !is_within(host, &id) {
            ledger.refuse(key, format!("the portal's host {host} (gateway.public_url) is not inside {id}"));
            return None;
        }
        Some(id)
    }
}

/// Whether browsers call it a secure context.
fn is_secure(url: &WebUrl) -> bool {
    let host = url.host().as_str();
    url.scheme() == Scheme::Https || host == "localhost" || host.ends_with(".localhost")
}

fn is_within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}
