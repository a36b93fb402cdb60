//! `[portal]`: the pages people see.

use serde::{Deserialize, Serialize};

use super::listeners::{is_loopback, quoted};
use crate::{
    config::{fields::Texts, ledger::Ledger, settings::Portal},
    domain::policy::{ContinueUrl, RuleSet},
    values::{host::Scheme, url::WebUrl},
};

/// `[portal]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PortalSection {
    pub(crate) title: String,
    pub(crate) home: String,
    pub(crate) allowed_continue_urls: Texts,
}

impl Default for PortalSection {
    fn default() -> Self {
        Self { title: "vouchsafe".to_owned(), home: String::new(), allowed_continue_urls: Texts::default() }
    }
}

impl PortalSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Portal {
        let title = self.title.trim();
        if title.is_empty() || title.chars().count() > 80 || title.chars().any(char::is_control) {
            ledger.refuse("portal.title", "must be one line of 1 to 80 characters");
        }
        Portal { title: title.to_owned(), home: (!self.home.is_empty()).then(|| self.home.clone()) }
    }

    /// Places beside the apps that a browser may return to. A wildcard would be an open redirect (OPS-21).
    pub(crate) fn places(&self, ledger: &mut Ledger) -> Vec<ContinueUrl> {
        let mut places = Vec::new();
        for (index, text) in self.allowed_continue_urls.iter().enumerate() {
            let key = format!("portal.allowed_continue_urls[{index}]");
            if text.contains('*') {
                ledger.refuse_with(
                    &key,
                    format!("{} has a wildcard: anybody under it could be where people land", quoted(text)),
                    "list each address, or declare the app under [[apps]]",
                );
                continue;
            }
            match WebUrl::parse(text) {
                Err(error) => {
                    let message = format!("{}: {error}", quoted(text));
                    ledger.refuse_with(&key, message, "write it in full, like \"https://app.example.com/\"");
                    continue;
                }
                Ok(url) if url.scheme() == Scheme::Http && !is_loopback(&url) => {
                    ledger.warn(&key, format!("{} is not encrypted", url.as_str()), "use https");
                }
                Ok(_) => {}
            }
            places.push(ContinueUrl::Prefix(text.clone()));
        }
        places
    }

    /// Whether people would arrive at `portal.home`.
    pub(crate) fn check_home(&self, rules: &RuleSet, ledger: &mut Ledger) {
        if let Err(error) = rules.return_to(&self.home)
            && !self.home.is_empty()
        {
            ledger.refuse_with(
                "portal.home",
                format!("{}: {error}", quoted(&self.home)),
                "a path of the portal, an address of an app, or one of portal.allowed_continue_urls",
            );
        }
    }
}
