//! `[vouch]`: what a check tells the proxy about the person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{
    fields::Several,
    ledger::Ledger,
    settings::{HeaderText, PersonField, Preset, Vouch},
};

/// `[vouch]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VouchSection {
    pub(crate) session_only: bool,
    pub(crate) headers: Several<Preset>,
    pub(crate) header_text: HeaderText,
    pub(crate) user_header: String,
    pub(crate) custom_headers: BTreeMap<String, PersonField>,
}

impl Default for VouchSection {
    fn default() -> Self {
        Self {
            session_only: false,
            headers: Several(vec![Preset::Remote]),
            header_text: HeaderText::Utf8,
            user_header: String::new(),
            custom_headers: BTreeMap::new(),
        }
    }
}

impl VouchSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Option<Vouch> {
        for name in self.custom_headers.keys() {
            header(&format!("vouch.custom_headers.{name}"), name, ledger);
        }
        if !self.user_header.is_empty() {
            header("vouch.user_header", &self.user_header, ledger);
        }
        Some(Vouch {
            session_only: self.session_only,
            presets: self.headers.0.clone(),
            custom: self.custom_headers.iter().map(|(name, field)| (name.clone(), *field)).collect(),
            text: self.header_text,
            user_header: (!self.user_header.is_empty()).then(|| self.user_header.clone()),
        })
    }
}

/// A header that may carry who somebody is. One that steers the message or belongs to a forwarding
/// proxy would break the answer or lie to the next hop; underscores collide with hyphens in CGI (HDR-4).
fn header(key: &str, name: &str, ledger: &mut Ledger) {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        ledger.refuse_with(
            key,
            format!("\"{name}\" is not a header name for this"),
            "letters, digits and hyphens, like \"X-User\"",
        );
    } else if RESERVED.contains(&lower.as_str())
        || lower.starts_with("content-")
        || lower.starts_with("sec-")
        || lower.starts_with("access-control-")
    {
        ledger.refuse(key, format!("\"{name}\" has a meaning of its own in HTTP"));
    }
}

const RESERVED: [&str; 26] = [
    "age",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "etag",
    "expect",
    "host",
    "keep-alive",
    "location",
    "proxy-authenticate",
    "proxy-authorization",
    "retry-after",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];
