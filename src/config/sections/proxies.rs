//! `[proxies]`: whose forwarding headers are believed.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    config::{
        fields::{Hidden, Texts},
        ledger::Ledger,
        secret_files,
        settings::Proxies,
    },
    values::{
        net::{TrustEveryone, TrustedPeers, TrustsEveryone},
        secret::Secret,
    },
};

/// `[proxies]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProxiesSection {
    pub(crate) trusted: Texts,
    pub(crate) allow_any_network: bool,
    pub(crate) secret: Hidden,
    pub(crate) secret_file: String,
}

impl Default for ProxiesSection {
    fn default() -> Self {
        Self {
            trusted: Texts::of(["127.0.0.0/8", "::1/128", "unix"]),
            allow_any_network: false,
            secret: Hidden::default(),
            secret_file: String::new(),
        }
    }
}

impl ProxiesSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Option<Proxies> {
        let (mut networks, mut unix) = (Vec::new(), false);
        for (index, text) in self.trusted.iter().enumerate() {
            let key = format!("proxies.trusted[{index}]");
            if text == "unix" {
                unix = true;
            } else if let Some(network) = network(&key, text, ledger) {
                if network.prefix_len() == 0 {
                    self.anybody(&key, text, ledger);
                }
                networks.push(network);
            }
        }
        let secret = secret_files::secret("proxies", "secret", &self.secret, &self.secret_file, ledger);
        if let Some(secret) = &secret {
            let by_file = ledger.layer("proxies.secret_file") > ledger.layer("proxies.secret");
            strong(if by_file { "proxies.secret_file" } else { "proxies.secret" }, secret, ledger);
        }
        // Halves that make up the whole are found here; with the override, or after a complaint, they pass.
        let everyone = if self.allow_any_network { TrustEveryone::Insist } else { TrustEveryone::Refuse };
        match TrustedPeers::new(networks, unix, everyone) {
            Ok(peers) => Some(Proxies { peers, secret }),
            Err(TrustsEveryone(network)) => {
                self.anybody("proxies.trusted", &network.to_string(), ledger);
                None
            }
        }
    }

    fn anybody(&self, key: &str, text: &str, ledger: &mut Ledger) {
        let message = format!("{text} means everybody: any client could say who it is and what it asked for");
        if self.allow_any_network {
            ledger.warn(
                key,
                message,
                "proxies.allow_any_network permits it; only a firewall protects you now",
            );
        } else {
            ledger.refuse_with(key, message, "name the proxy's own address; if nothing but the proxy can connect, set proxies.allow_any_network = true");
        }
    }
}

/// `10.0.0.0/8`, or an address for itself alone.
pub(crate) fn network(key: &str, text: &str, ledger: &mut Ledger) -> Option<IpNet> {
    let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    match parsed {
        None => ledger.refuse_with(
            key,
            format!("\"{text}\" is not a network"),
            "write it like \"10.0.0.0/8\" or \"fd00::/8\"; one address needs no length",
        ),
        Some(network) if network.trunc() != network => {
            ledger.refuse_with(
                key,
                format!("\"{text}\" has bits set beyond its length"),
                format!("did you mean \"{}\" or \"{}\"?", network.trunc(), network.addr()),
            );
            return None;
        }
        Some(_) => {}
    }
    parsed
}

/// A secret that guards something must not be guessable (OPS-21).
pub(crate) fn strong(key: &str, secret: &Secret<String>, ledger: &mut Ledger) {
    let text = secret.expose();
    let lower = text.to_ascii_lowercase();
    let distinct = text.chars().collect::<BTreeSet<_>>().len();
    let hint = "make one with: openssl rand -base64 32";
    if text.len() < SHORTEST {
        ledger.refuse_with(key, format!("the secret is shorter than {SHORTEST} characters"), hint);
    } else if distinct < 10 || EXAMPLES.iter().any(|word| lower.contains(word)) {
        ledger.refuse_with(key, "the secret is an example or easily guessed", hint);
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        ledger.refuse_with(
            key,
            "the secret cannot travel in a header: visible ASCII characters only, no spaces",
            hint,
        );
    }
}

const SHORTEST: usize = 32;

const EXAMPLES: [&str; 9] = [
    "changeme",
    "change-me",
    "change_me",
    "example",
    "password",
    "insecure",
    "yoursecret",
    "your-secret",
    "0123456789",
];
