//! What a reload can change, and what waits for a restart.

use toml::{Table, Value};

use super::{
    raw::Raw,
    settings::{CredentialsCheck, Settings},
    source::join,
};
use crate::values::secret::Secret;

/// Keys and sections that take effect at a reload: apps and the places beside them, accounts, what a check
/// tells the proxy, the rules for new passwords, joining and recovering, and the certificates (whose files are
/// read again even when their names stay).
const RELOADED: [&str; 12] = [
    "apps",
    "portal.allowed_continue_urls",
    "accounts",
    "vouch",
    "password.min_length",
    "password.words",
    "password.expire_after",
    "registration",
    "recovery",
    "terms",
    "gateway.tls",
    "api.tls",
];

impl Settings {
    /// The keys that differ but take effect at a restart only, in the order of their names.
    pub fn restart_needed(old: &Self, new: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        let tables = [&old.raw, &new.raw].map(|raw| Table::try_from(Raw::clone(raw)).unwrap_or_default());
        differences("", &tables[0], &tables[1], &mut keys);
        if old.data_dir != new.data_dir {
            keys.push("data_dir".to_owned());
        }
        // A secret serializes to nothing that could be compared, and one from a file may change with the file.
        let secrets = [&old.proxies.secret, &new.proxies.secret].map(|secret| secret.iter().collect::<Vec<_>>());
        if !same(&secrets) {
            keys.push("proxies.secret".to_owned());
        }
        let secrets = [old, new].map(|settings| match &settings.simple.credentials_check {
            CredentialsCheck::Secret(secrets) => secrets.iter().collect(),
            CredentialsCheck::Off | CredentialsCheck::Open => Vec::new(),
        });
        if !same(&secrets) {
            keys.push("simple.service_secret".to_owned());
        }
        keys.retain(|key| {
            !RELOADED
                .iter()
                .any(|free| key == free || key.strip_prefix(free).is_some_and(|rest| rest.starts_with('.')))
        });
        // New files for the same listener are read in; speaking TLS or not is decided when it opens.
        for (key, old, new) in [("gateway.tls", &old.gateway, &new.gateway), ("api.tls", &old.api, &new.api)]
        {
            if old.tls.is_some() != new.tls.is_some() {
                keys.push(key.to_owned());
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }
}

fn same([old, new]: &[Vec<&Secret<String>>; 2]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.matches(new.expose()))
}

fn differences(path: &str, old: &Table, new: &Table, found: &mut Vec<String>) {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        let here = join(path, key);
        match (old.get(key), new.get(key)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => differences(&here, old, new, found),
            (old, new) if old != new => found.push(here),
            _ => {}
        }
    }
}
