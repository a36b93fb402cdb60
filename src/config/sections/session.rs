//! `[session]` and `[session.cookie]`.

use serde::{Deserialize, Serialize};

use super::within;
use crate::{
    config::{ledger::Ledger, settings::Cookie, units::Period},
    domain::session::Lifetimes,
    values::{host::Host, url::WebUrl},
};

/// `[session]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionSection {
    pub(crate) idle: Period,
    pub(crate) lifetime: Period,
    pub(crate) remember: Period,
    pub(crate) touch_every: Period,
    pub(crate) per_person: u32,
    pub(crate) fresh: Period,
    pub(crate) cookie: CookieSection,
}

impl Default for SessionSection {
    fn default() -> Self {
        Self {
            idle: Period::hours(1),
            lifetime: Period::hours(24),
            remember: Period::days(30),
            touch_every: Period::minutes(1),
            per_person: 20,
            fresh: Period::minutes(5),
            cookie: CookieSection::default(),
        }
    }
}

/// `[session.cookie]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CookieSection {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) prefix: bool,
}

impl Default for CookieSection {
    fn default() -> Self {
        Self { name: "auth".to_owned(), domain: String::new(), prefix: true }
    }
}

impl SessionSection {
    /// Bounds of security.md section 2.
    pub(crate) fn settle(&self, portal: Option<&WebUrl>, ledger: &mut Ledger) -> (Lifetimes, Cookie) {
        within(ledger, "session.idle", &self.idle, &Period::minutes(1), &Period::hours(24));
        within(ledger, "session.lifetime", &self.lifetime, &Period::minutes(1), &Period::days(30));
        within(ledger, "session.remember", &self.remember, &Period::default(), &Period::days(30));
        within(ledger, "session.fresh", &self.fresh, &Period::seconds(10), &Period::minutes(15));
        within(ledger, "session.touch_every", &self.touch_every, &Period::seconds(1), &Period::hours(1));
        within(ledger, "session.per_person", &self.per_person, &1, &1000);
        if self.idle > self.lifetime {
            ledger.refuse(
                "session.idle",
                format!("{} is longer than session.lifetime ({})", self.idle, self.lifetime),
            );
        }
        if self.remember != Period::default() && self.remember < self.lifetime {
            ledger.refuse_with(
                "session.remember",
                format!("{} is shorter than session.lifetime ({})", self.remember, self.lifetime),
                "\"0s\" takes the box away",
            );
        }
        let lifetimes = Lifetimes {
            idle: self.idle.0,
            absolute: self.lifetime.0,
            remember: self.remember.0,
            // An entry touched every ten minutes cannot be known idle after five.
            touch_every: self.touch_every.0.min(self.idle.0 / 4),
            per_person: self.per_person as usize,
            fresh: self.fresh.0,
        };
        (lifetimes, self.cookie.settle(portal, ledger))
    }
}

impl CookieSection {
    fn settle(&self, portal: Option<&WebUrl>, ledger: &mut Ledger) -> Cookie {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(is_token) {
            let message = format!("\"{}\" cannot be the name of a cookie", self.name);
            ledger.refuse_with("session.cookie.name", message, "letters, digits, - and _, at most 64");
        } else if self.name.starts_with("__") {
            ledger.refuse_with(
                "session.cookie.name",
                "has a prefix already",
                "session.cookie.prefix puts __Host- or __Secure- before the name",
            );
        }
        let domain = if self.domain.is_empty() { None } else { self.parent(portal, ledger) };
        Cookie { name: self.name.clone(), domain, prefix: self.prefix }
    }

    /// The parent domain that shares the cookie.
    fn parent(&self, portal: Option<&WebUrl>, ledger: &mut Ledger) -> Option<String> {
        let key = "session.cookie.domain";
        let name = self.domain.strip_prefix('.').unwrap_or(&self.domain);
        let domain = match Host::parse(name) {
            Ok(host) if host.is_address() => {
                ledger.refuse_with(
                    key,
                    "an IP address has no subdomains to share a cookie with",
                    "leave it empty",
                );
                return None;
            }
            Ok(host) => host.as_str().to_owned(),
            Err(error) => {
                ledger.refuse_with(
                    key,
                    format!("\"{}\" is not a domain: {error}", self.domain),
                    "write it like \"example.com\"",
                );
                return None;
            }
        };
        if is_public_suffix(&domain) {
            ledger.refuse_with(
                key,
                format!("\"{domain}\" belongs to everybody: browsers refuse a cookie for it, or show it to strangers"),
                "name the domain that is yours, like \"example.com\"",
            );
            return None;
        }
        let host = portal?.host().as_str();
        if host != domain && !host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')) {
            ledger
                .refuse(key, format!("the portal's host {host} (gateway.public_url) is not inside {domain}"));
        }
        Some(domain)
    }
}

/// Whether anybody can register names directly under this domain. Not the whole public list, which
/// changes weekly: a single label, the two-letter country domains with the usual second labels, and
/// the well-known hosters. What it misses, browsers still refuse; what it finds is found at start.
pub(crate) fn is_public_suffix(domain: &str) -> bool {
    let Some((first, rest)) = domain.split_once('.') else { return true };
    let is_country = rest.len() == 2 && rest.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_country && SECOND_LABELS.contains(&first)) || SHARED_HOSTS.contains(&domain)
}

const SECOND_LABELS: [&str; 26] = [
    "ac", "asn", "biz", "co", "com", "ed", "edu", "gen", "go", "gob", "gouv", "gov", "gv", "id", "info",
    "ltd", "me", "mil", "ne", "net", "nhs", "nom", "or", "org", "plc", "sch",
];

const SHARED_HOSTS: [&str; 32] = [
    "amplifyapp.com",
    "azurewebsites.net",
    "azurestaticapps.net",
    "blogspot.com",
    "cloudapp.net",
    "cloudfront.net",
    "duckdns.org",
    "dyndns.org",
    "eu.org",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "githubpreview.dev",
    "gitlab.io",
    "glitch.me",
    "herokuapp.com",
    "hopto.org",
    "in-addr.arpa",
    "ip6.arpa",
    "netlify.app",
    "ngrok.io",
    "ngrok-free.app",
    "no-ip.org",
    "onrender.com",
    "pages.dev",
    "run.app",
    "sslip.io",
    "trycloudflare.com",
    "vercel.app",
    "web.app",
    "workers.dev",
    "zapto.org",
];

#[cfg(test)]
mod tests {
    use super::is_public_suffix;

    #[test]
    fn what_belongs_to_everybody_is_known() {
        for public in ["com", "localhost", "co.uk", "com.au", "or.at", "github.io", "duckdns.org"] {
            assert!(is_public_suffix(public), "{public}");
        }
        for private in ["example.com", "example.co.uk", "me.github.io", "bbc.uk", "home.arpa"] {
            assert!(!is_public_suffix(private), "{private}");
        }
    }
}
