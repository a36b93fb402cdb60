//! `[vouch]`: what a check tells the proxy about the person.

use std::collections::BTreeMap;

use http::HeaderName;
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
        let custom = self.custom_headers.iter().map(|(name, field)| {
            header(&format!("vouch.custom_headers.{name}"), name, ledger).map(|name| (name, *field))
        });
        let custom = custom.collect::<Vec<_>>().into_iter().collect::<Option<_>>();
        let user_header = match self.user_header.as_str() {
            "" => None,
            name => Some(header("vouch.user_header", name, ledger)?),
        };
        Some(Vouch {
            session_only: self.session_only,
            presets: self.headers.0.clone(),
            custom: custom?,
            text: self.header_text,
            user_header,
        })
    }
}

/// A header that may carry who somebody is. One that steers the message or belongs to a forwarding
/// proxy would break the answer or lie to the next hop; underscores collide with hyphens in CGI (HDR-4).
fn header(key: &str, name: &str, ledger: &mut Ledger) -> Option<HeaderName> {
    let lower = name.to_ascii_lowercase();
    let is_plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let Some(header) = HeaderName::from_bytes(lower.as_bytes()).ok().filter(|_| is_plain) else {
        let message = format!("\"{name}\" is not a header name for this");
        ledger.refuse_with(key, message, "letters, digits and hyphens, like \"X-User\"");
        return None;
    };
    let families = ["content-", "sec-", "access-control-", "proxy-"];
    if RESERVED.contains(&lower.as_str()) || families.iter().any(|family| lower.starts_with(family)) {
        ledger.refuse(key, format!("\"{name}\" has a meaning of its own in HTTP"));
        return None;
    }
    Some(header)
}

const RESERVED: [&str; 24] = [
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
