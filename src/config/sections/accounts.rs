//! `[[accounts]]`: people declared in the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{fields::Hidden, ledger::Ledger, secret_files, settings::Account};

/// One `[[accounts]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AccountSection {
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) mobile: String,
    pub(crate) groups: Vec<String>,
    pub(crate) password_hash: Hidden,
    pub(crate) password_hash_file: String,
    pub(crate) disabled: bool,
}

/// All of them, in order.
pub(crate) fn settle(accounts: &[AccountSection], ledger: &mut Ledger) -> Option<Vec<Account>> {
    let mut names = BTreeMap::new();
    let settled: Vec<_> = accounts
        .iter()
        .enumerate()
        .map(|(index, account)| {
            let path = format!("accounts[{index}]");
            let canonical = account.username.to_lowercase();
            if let Some(earlier) = names.insert(canonical, index).filter(|_| !account.username.is_empty()) {
                ledger.refuse(
                    &format!("{path}.username"),
                    format!("is the same name as that of accounts[{earlier}]"),
                );
            }
            account.settle(&path, ledger)
        })
        .collect();
    settled.into_iter().collect()
}

impl AccountSection {
    fn settle(&self, path: &str, ledger: &mut Ledger) -> Option<Account> {
        if self.username.is_empty() {
            ledger.refuse_key(
                &format!("{path}.username"),
                "is missing",
                Some("the name the person signs in with".to_owned()),
            );
        }
        let hash = secret_files::secret(
            path,
            "password_hash",
            &self.password_hash,
            &self.password_hash_file,
            ledger,
        );
        if let Some(hash) = &hash {
            let is_phc = ["$argon2id$", "$argon2i$", "$argon2d$", "$2a$", "$2b$", "$2y$"]
                .iter()
                .any(|kind| hash.expose().starts_with(kind));
            if !is_phc {
                let key = if self.password_hash.is_empty() { "password_hash_file" } else { "password_hash" };
                ledger.refuse_with(
                    &format!("{path}.{key}"),
                    "not an argon2 or bcrypt hash",
                    "make one with: vouchsafe hash-password",
                );
            }
        }
        Some(Account {
            username: self.username.clone(),
            name: self.name.clone(),
            email: (!self.email.is_empty()).then(|| self.email.clone()),
            mobile: (!self.mobile.is_empty()).then(|| self.mobile.clone()),
            groups: self.groups.clone(),
            password_hash: hash,
            disabled: self.disabled,
        })
    }
}
