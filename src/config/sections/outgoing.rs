//! `[outgoing]`: which places the program may call, and whom it believes there.

use std::net::IpAddr;

use ipnet::IpNet;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::listeners::quoted;
use crate::{
    config::{fields::Texts, ledger::Ledger, secret_files},
    world::outgoing::{Reach, Settings},
};

/// `[outgoing]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OutgoingSection {
    pub(crate) allow: Texts,
    pub(crate) ca_file: String,
}

impl OutgoingSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Settings {
        let mut allowed = Vec::new();
        for (index, text) in self.allow.iter().enumerate() {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            match network {
                Ok(network) => allowed.push(network),
                Err(_) => ledger.refuse_with(
                    &format!("outgoing.allow[{index}]"),
                    format!("\"{text}\" is neither a network nor an address"),
                    "like \"10.20.0.0/16\" or \"127.0.0.1\"",
                ),
            }
        }
        // Also when put together from halves.
        if IpNet::aggregate(&allowed).iter().any(|net| net.prefix_len() == 0) {
            let message = "every address is allowed: whoever names a place could have us ask our own network";
            ledger.refuse_with("outgoing.allow", message, "name the networks that are meant");
        }
        let roots = if self.ca_file.is_empty() { Vec::new() } else { self.roots(ledger) };
        Settings { reach: Reach::new(allowed), roots }
    }

    fn roots(&self, ledger: &mut Ledger) -> Vec<Vec<u8>> {
        let key = "outgoing.ca_file";
        let Some(pem) = secret_files::public(key, &self.ca_file, ledger) else { return Vec::new() };
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(list) if !list.is_empty() => list.iter().map(|der| der.to_vec()).collect(),
            _ => {
                ledger.refuse(key, "holds no PEM certificate");
                Vec::new()
            }
        }
    }
}

/// The address of a place to call, which [`Reach`] will permit as far as that can be told from here (OUT-1).
pub(super) fn address(key: &str, text: &str, reach: &Reach, ledger: &mut Ledger) -> Option<Url> {
    let example = "write it in full, like \"https://gateway.example.com/send\"";
    if text.is_empty() {
        ledger.refuse_with(key, "is missing", example);
        return None;
    }
    let url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.host().is_some() => url,
        _ => {
            ledger.refuse_with(key, format!("{} is no web address", quoted(text)), example);
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        ledger.refuse_with(key, "has a name or a password in it", "put the secret into a header or a field");
        return None;
    }
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain("localhost")) => Some(IpAddr::from([127, 0, 0, 1])),
        _ => None,
    };
    if let Some(address) = literal.filter(|address| !reach.permits(*address)) {
        ledger.refuse_with(
            key,
            format!("{address} is not a public address"),
            format!("outgoing.allow = [\"{address}\"] permits it"),
        );
        return None;
    }
    let allowed = literal.map_or(*reach != Reach::default(), |address| reach.is_allowed(address));
    if url.scheme() == "http" && !allowed {
        ledger.refuse_with(
            key,
            format!("{} is not encrypted", quoted(text)),
            "use https, or permit the address of your own network by outgoing.allow",
        );
        return None;
    }
    Some(url)
}
