//! `[gateway]` and `[api]`: the two listeners with a public address.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::listeners::{TlsSection, address, is_loopback, public_url, surfaces};
use crate::{
    config::{
        ledger::Ledger,
        settings::{Site, Surface},
    },
    values::{host::Scheme, url::WebUrl},
};

/// `[gateway]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GatewaySection {
    pub(crate) listen: String,
    pub(crate) public_url: String,
    pub(crate) surfaces: Vec<Surface>,
    pub(crate) allow_insecure_http: bool,
    pub(crate) tls: TlsSection,
}

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: String::new(),
            surfaces: vec![Surface::Portal, Surface::Simple, Surface::Vouch, Surface::Apps, Surface::Health],
            allow_insecure_http: false,
            tls: TlsSection::default(),
        }
    }
}

/// `[api]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiSection {
    pub(crate) listen: String,
    pub(crate) public_url: String,
    pub(crate) surfaces: Vec<Surface>,
    pub(crate) tls: TlsSection,
}

impl Default for ApiSection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8081".to_owned(),
            public_url: String::new(),
            surfaces: vec![Surface::Health, Surface::OpenApi],
            tls: TlsSection::default(),
        }
    }
}

impl GatewaySection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Option<Site> {
        let site = site("gateway", &self.listen, &self.public_url, &self.surfaces, &self.tls, ledger);
        if let Some(site) = &site {
            insecure("gateway", &site.public_url, self.allow_insecure_http, ledger);
        }
        site
    }
}

impl ApiSection {
    pub(crate) fn settle(&self, gateway: &GatewaySection, ledger: &mut Ledger) -> Option<Site> {
        let site = site("api", &self.listen, &self.public_url, &self.surfaces, &self.tls, ledger);
        if let Some(site) = &site {
            insecure("api", &site.public_url, gateway.allow_insecure_http, ledger);
        }
        site
    }
}

fn site(
    section: &str,
    listen: &str,
    url: &str,
    list: &[Surface],
    tls: &TlsSection,
    ledger: &mut Ledger,
) -> Option<Site> {
    let listen: Option<SocketAddr> = address(&format!("{section}.listen"), listen, ledger);
    let wanted = tls.is_wanted();
    let tls = tls.settle(section, ledger);
    let public_url = public_url(section, url, listen, wanted, ledger);
    let surfaces = surfaces(&format!("{section}.surfaces"), list, ledger);
    Some(Site { listen: listen?, tls, public_url: public_url?, surfaces })
}

/// A password typed into a page that came over plain http is public (OPS-21).
fn insecure(section: &str, url: &WebUrl, allowed: bool, ledger: &mut Ledger) {
    if url.scheme() == Scheme::Https || is_loopback(url) {
        return;
    }
    let key = format!("{section}.public_url");
    let message =
        format!("\"{}\" is not encrypted: passwords and sessions can be read on the way", url.origin());
    if allowed {
        ledger.warn(&key, message, "gateway.allow_insecure_http permits it; use it for tests only");
    } else {
        ledger.refuse_with(
            &key,
            message,
            "use https (here or in the proxy before it); for tests set gateway.allow_insecure_http = true",
        );
    }
}
