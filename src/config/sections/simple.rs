//! `[simple]`: what is switched on in the Simple Auth family.

use serde::{Deserialize, Serialize};

use super::proxies::strong;
use crate::config::{
    fields::Hidden,
    ledger::{Layer, Ledger},
    secret_files,
    settings::{CredentialsCheck, Simple},
};

/// `[simple]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SimpleSection {
    pub(crate) api_keys: bool,
    pub(crate) name_check: bool,
    pub(crate) credentials_check: CheckWord,
    pub(crate) service_secret: Hidden,
    pub(crate) service_secret_file: String,
    pub(crate) next_service_secret: Hidden,
    pub(crate) next_service_secret_file: String,
}

/// Who may ask whether credentials are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckWord {
    Off,
    Secret,
    Open,
}

impl Default for SimpleSection {
    fn default() -> Self {
        Self {
            api_keys: true,
            name_check: true,
            credentials_check: CheckWord::Off,
            service_secret: Hidden::default(),
            service_secret_file: String::new(),
            next_service_secret: Hidden::default(),
            next_service_secret_file: String::new(),
        }
    }
}

impl SimpleSection {
    pub(crate) fn settle(&self, ledger: &mut Ledger) -> Simple {
        let given = [
            ("service_secret", &self.service_secret, &self.service_secret_file),
            ("next_service_secret", &self.next_service_secret, &self.next_service_secret_file),
        ];
        let mut secrets = Vec::new();
        for (name, direct, file) in given {
            let Some(secret) = secret_files::secret("simple", name, direct, file, ledger) else { continue };
            let (key, file_key) = (format!("simple.{name}"), format!("simple.{name}_file"));
            let by_file = ledger.layer(&file_key) > ledger.layer(&key);
            strong(if by_file { &file_key } else { &key }, &secret, ledger);
            secrets.push(secret);
        }
        let key = "simple.credentials_check";
        let check = match self.credentials_check {
            CheckWord::Off => CredentialsCheck::Off,
            CheckWord::Secret => {
                if secrets.is_empty() {
                    let hint = "set simple.service_secret_file; make one with: openssl rand -base64 32";
                    ledger.refuse_with(key, "\"secret\" needs a secret", hint);
                }
                CredentialsCheck::Secret(secrets)
            }
            CheckWord::Open => {
                let message = "anybody who reaches POST /auth/simple may try passwords there, as many as the limits on guessing allow";
                ledger.warn(key, message, "prefer \"secret\"");
                CredentialsCheck::Open
            }
        };
        Simple { api_keys: self.api_keys, name_check: self.name_check, credentials_check: check }
    }

    /// The keys of those secrets that stand in the file itself.
    pub(crate) fn secrets_in_the_file(&self, ledger: &Ledger) -> Vec<&'static str> {
        let given = [
            ("simple.service_secret", &self.service_secret),
            ("simple.next_service_secret", &self.next_service_secret),
        ];
        let written =
            given.into_iter().filter(|(key, secret)| !secret.is_empty() && ledger.layer(key) == Layer::File);
        written.map(|(key, _)| key).collect()
    }
}
