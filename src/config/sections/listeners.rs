//! What the listeners have in common, and the two small ones: `[control]` and `[metrics]`.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    config::{ledger::Ledger, secret_files, settings::Surface},
    serve::{Identity, Tls, TlsError},
    values::url::WebUrl,
};

/// `[gateway.tls]` and `[api.tls]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsSection {
    pub(crate) certificate_file: String,
    pub(crate) key_file: String,
}

impl TlsSection {
    pub(crate) fn settle(&self, section: &str, ledger: &mut Ledger) -> Option<Identity> {
        let (certificate_key, key_key) =
            (format!("{section}.tls.certificate_file"), format!("{section}.tls.key_file"));
        match (self.certificate_file.is_empty(), self.key_file.is_empty()) {
            (true, true) => return None,
            (true, false) => {
                ledger.refuse(&certificate_key, "is missing: a key needs its certificate");
                return None;
            }
            (false, true) => {
                ledger.refuse(&key_key, "is missing: a certificate needs its key");
                return None;
            }
            (false, false) => {}
        }
        let chain = secret_files::public(&certificate_key, &self.certificate_file, ledger);
        let key = secret_files::private(&key_key, &self.key_file, ledger);
        let identity = Identity { chain: chain?, key: key?.to_vec() };
        if let Err(error) = Tls::new(std::slice::from_ref(&identity)) {
            let (key, message) = match error {
                TlsError::Chain(_) => (&certificate_key, "holds no PEM certificate".to_owned()),
                TlsError::Key(_) => (&key_key, "holds no PEM private key".to_owned()),
                TlsError::Unusable(_, error) => (&key_key, format!("does not fit the certificate: {error}")),
                other => (&certificate_key, other.to_string()),
            };
            ledger.refuse(key, message);
        }
        Some(identity)
    }

    /// Whether TLS was asked for, even if it cannot be had.
    pub(crate) const fn is_wanted(&self) -> bool {
        !self.certificate_file.is_empty() || !self.key_file.is_empty()
    }
}

/// `[control]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ControlSection {
    pub(crate) socket: String,
}

impl ControlSection {
    pub(crate) fn settle(&self, data_dir: &Path, ledger: &mut Ledger) -> PathBuf {
        let socket = match self.socket.as_str() {
            "" => data_dir.join("control.sock"),
            name => ledger.path("control.socket", name),
        };
        // sockaddr_un holds 108 bytes with the closing zero on Linux, 104 on others.
        if socket.as_os_str().len() > 103 {
            ledger.refuse_with(
                "control.socket",
                format!("the path {} is longer than the 103 bytes a Unix socket can have", socket.display()),
                "name a shorter one, like /run/vouchsafe/control.sock",
            );
        }
        socket
    }
}

/// `[metrics]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsSection {
    pub(crate) listen: String,
}

impl MetricsSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Option<SocketAddr> {
        if self.listen.is_empty() { None } else { address("metrics.listen", &self.listen, ledger) }
    }
}

/// `127.0.0.1:8080` or `[::1]:8080`.
pub(crate) fn address(key: &str, text: &str, ledger: &mut Ledger) -> Option<SocketAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let hint = match text.strip_prefix(':') {
            Some(port) => format!("for every address of this machine write \"0.0.0.0:{port}\" or \"[::]:{port}\""),
            None => "write an IP address and a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"; names are not looked up".to_owned(),
        };
        ledger.refuse_with(key, format!("\"{text}\" is not an address to listen on"), hint);
    }
    parsed
}

/// Each surface once, and at least one.
pub(crate) fn surfaces(key: &str, list: &[Surface], ledger: &mut Ledger) -> Vec<Surface> {
    if list.is_empty() {
        ledger.refuse(key, "a listener with no surface answers nothing");
    }
    for (index, surface) in list.iter().enumerate() {
        if list.iter().take(index).any(|earlier| earlier == surface) {
            ledger.refuse(&format!("{key}[{index}]"), "is in the list twice");
        }
    }
    list.to_vec()
}

/// The public address of a listener: as written, or derived from a loopback address.
pub(crate) fn public_url(
    section: &str,
    text: &str,
    listen: Option<SocketAddr>,
    tls: bool,
    ledger: &mut Ledger,
) -> Option<WebUrl> {
    let key = format!("{section}.public_url");
    if text.is_empty() {
        let listen = listen?;
        if !listen.ip().is_loopback() {
            let name = if section == "api" { "id" } else { "login" };
            let hint = format!(
                "the address browsers use, like \"https://{name}.example.com\"; only a loopback listener can guess it"
            );
            ledger.refuse_with(&key, "is missing", hint);
            return None;
        }
        let scheme = if tls { "https" } else { "http" };
        return WebUrl::parse(&format!("{scheme}://{listen}/")).ok();
    }
    match WebUrl::parse(text) {
        Ok(url) if url.path() == "/" => Some(url),
        Ok(url) => {
            ledger.refuse_with(
                &key,
                "has more than a scheme, a host and a port",
                format!("write \"{}\"", url.origin()),
            );
            None
        }
        Err(error) => {
            ledger.refuse_with(
                &key,
                format!("{}: {error}", quoted(text)),
                "a scheme, a host and perhaps a port, like \"https://login.example.com\"",
            );
            None
        }
    }
}

/// Whether only this machine can be meant.
pub(crate) fn is_loopback(url: &WebUrl) -> bool {
    let host = url.host().as_str();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

/// An address in quotes, unless it may carry somebody's password.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains('@') { "an address with a name in it".to_owned() } else { format!("\"{text}\"") }
}
