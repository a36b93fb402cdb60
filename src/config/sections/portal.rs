//! `[portal]`: the pages people see.

use serde::{Deserialize, Serialize};
use url::Url;

use super::listeners::{self, is_loopback};
use crate::config::{fields::Texts, ledger::Ledger, settings::Portal};

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
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Option<Portal> {
        let title = self.title.trim();
        if title.is_empty() || title.chars().count() > 80 || title.chars().any(char::is_control) {
            ledger.refuse("portal.title", "must be one line of 1 to 80 characters");
        }
        let home = if self.home.is_empty() { None } else { target("portal.home", &self.home, ledger) };
        let urls = self.allowed_continue_urls.iter().enumerate();
        let allowed: Vec<Url> = urls
            .filter_map(|(index, text)| {
                target(&format!("portal.allowed_continue_urls[{index}]"), text, ledger)
            })
            .collect();
        Some(Portal { title: title.to_owned(), home, allowed_continue_urls: allowed })
    }
}

/// An exact address that a browser may be sent to. A pattern would be an open redirect (OPS-21).
fn target(key: &str, text: &str, ledger: &mut Ledger) -> Option<Url> {
    if text.contains('*') {
        ledger.refuse_with(
            key,
            format!("\"{text}\" has a wildcard: anybody under it could be where people land"),
            "list each address, or declare the app under [[apps]]",
        );
        return None;
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url.filter(|url| url.username().is_empty() && url.password().is_none()) else {
        ledger.refuse_with(
            key,
            format!("{} is not a web address", listeners::quoted(text)),
            "write it in full, like \"https://app.example.com/\"",
        );
        return None;
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        ledger.warn(key, format!("{url} is not encrypted"), "use https");
    }
    Some(url)
}
