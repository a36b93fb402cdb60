//! What a reload can change, and what waits for a restart.

use toml::{Table, Value};

use super::{
    raw::Raw,
    settings::{CredentialsCheck, Settings},
    source::join,
};
use crate::{values::secret::Secret, world::mail::Delivery};

/// Keys and sections that take effect at a reload: apps and the places beside them, accounts, clients, what a check
/// tells the proxy, the rules for new passwords, joining and recovering, second factors, the level of the log, and the
/// certificates (whose files are read again even when their names stay).
const RELOADED: [&str; 18] = [
    "apps",
    "portal.allowed_continue_urls",
    "accounts",
    "clients",
    "vouch",
    "password.min_length",
    "password.words",
    "password.expire_after",
    "registration",
    "recovery",
    "terms",
    "second_factors",
    "log.level",
    "gateway.tls",
    "api.tls",
    // The words of messages.
    "mail.templates",
    "mail.product",
    "mail.language",
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
        for ((key, old), (_, new)) in secrets(old).into_iter().zip(secrets(new)) {
            let same =
                old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| old.matches(new.expose()));
            if !same {
                keys.push(key.to_owned());
            }
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

/// Every secret by its key, in an order that is always the same.
fn secrets(settings: &Settings) -> [(&'static str, Vec<&Secret<String>>); 5] {
    let (smtp, webhook) = match &settings.outlets.mail.delivery {
        Delivery::Smtp(smtp) => (smtp.credentials.as_ref().map(|(_, password)| password), None),
        Delivery::Webhook(webhook) => (None, webhook.secret.as_ref()),
        Delivery::Nowhere | Delivery::Folder(_) => (None, None),
    };
    let service = match &settings.simple.credentials_check {
        CredentialsCheck::Secret(secrets) => secrets.iter().collect(),
        CredentialsCheck::Off | CredentialsCheck::Open => Vec::new(),
    };
    let sms = settings.outlets.sms.as_ref().and_then(|gateway| gateway.secret.as_ref());
    [
        ("proxies.secret", settings.proxies.secret.iter().collect()),
        ("mail.smtp.password", smtp.into_iter().collect()),
        ("mail.webhook.secret", webhook.into_iter().collect()),
        ("sms.secret", sms.into_iter().collect()),
        ("simple.service_secret", service),
    ]
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
