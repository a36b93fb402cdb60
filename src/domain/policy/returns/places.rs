//! Places outside the apps: our portal and the allowed continue URLs.

use regex::Regex;

use super::{
    super::{
        compile::Complaint,
        matching::{anchored, is_at_or_below},
        model::ContinueUrl,
    },
    Page,
};
use crate::values::{
    host::{Host, Scheme},
    path::{Path, literal},
    url::WebUrl,
};

/// Compiled places.
#[derive(Debug, Default)]
pub(in super::super) struct Places {
    portal: Option<WebUrl>,
    /// Written into every refusal that leads nowhere back.
    login: Option<String>,
    prefixes: Vec<Prefix>,
    regexes: Vec<Regex>,
}

#[derive(Debug)]
struct Prefix {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// Without slash at the end.
    path: String,
}

impl Places {
    pub(in super::super) fn new(
        portal: Option<WebUrl>,
        urls: &[ContinueUrl],
        complaints: &mut Vec<Complaint>,
    ) -> Self {
        let mut places = Self::default();
        places.move_portal(portal);
        for url in urls {
            let read = match url {
                ContinueUrl::Prefix(text) => Prefix::new(text).map(|prefix| places.prefixes.push(prefix)),
                ContinueUrl::Regex(text) => anchored(text).map(|regex| places.regexes.push(regex)),
            };
            if let Err(message) = read {
                let (ContinueUrl::Prefix(text) | ContinueUrl::Regex(text)) = url;
                let message = format!("`{text}`: {message}");
                complaints.push(Complaint { app: None, rule: None, field: "allowed_continue_urls", message });
            }
        }
        places
    }

    pub(in super::super) fn move_portal(&mut self, portal: Option<WebUrl>) {
        self.login = portal.as_ref().map(|portal| portal.join_path(Page::Login.path()));
        self.portal = portal;
    }

    pub(super) fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    pub(in super::super) const fn portal(&self) -> Option<&WebUrl> {
        self.portal.as_ref()
    }

    /// Whether this is our portal or an allowed continue URL. `whole` is the URL as browsers write it.
    pub(super) fn covers(&self, scheme: Scheme, host: &Host, port: u16, path: &Path, whole: &str) -> bool {
        let portal = |own: &WebUrl| own.scheme() == scheme && own.host() == host && own.port() == port;
        let prefix = |own: &Prefix| {
            own.scheme == scheme
                && own.host == *host
                && own.port == port
                && path.readings().all(|reading| is_at_or_below(reading, &own.path))
        };
        self.portal.as_ref().is_some_and(portal)
            || self.prefixes.iter().any(prefix)
            || self.regexes.iter().any(|regex| regex.is_match(whole))
    }
}

impl Prefix {
    fn new(text: &str) -> Result<Self, String> {
        let url = WebUrl::parse(text).map_err(|error| error.to_string())?;
        let path = literal(url.path()).map_err(|error| error.to_string())?;
        Ok(Self {
            scheme: url.scheme(),
            host: url.host().clone(),
            port: url.port(),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}
