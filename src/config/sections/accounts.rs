//! `[[accounts]]`: people declared in the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    actions::{declared::Declared, hashing},
    config::{fields::Hidden, ledger::Ledger, secret_files, units::Size},
    crypto::password::{Hash, HashError},
    values::{
        email::EmailAddress,
        name::{DisplayName, GroupName, Username},
        phone::Phone,
    },
};

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

/// All of them, in order. Names, addresses and numbers are unique, as they will be in the store.
pub(crate) fn settle(sections: &[AccountSection], ledger: &mut Ledger) -> Option<Vec<Declared>> {
    let mut taken = BTreeMap::new();
    let mut accounts = Vec::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        let path = format!("accounts[{index}]");
        let account = section.settle(&path, ledger);
        let (email, mobile) = account
            .as_ref()
            .map_or((None, None), |account| (account.email.as_ref(), account.mobile.as_ref()));
        let unique = [
            ("username", account.as_ref().map(|account| account.username.canonical())),
            ("email", email.map(EmailAddress::canonical)),
            ("mobile", mobile.map(Phone::as_str)),
        ];
        for (field, value) in unique {
            let Some(value) = value else { continue };
            if let Some(earlier) = taken.insert((field, value.to_owned()), index) {
                ledger.refuse(
                    &format!("{path}.{field}"),
                    format!("is the same as that of accounts[{earlier}]"),
                );
            }
        }
        accounts.push(account);
    }
    accounts.into_iter().collect()
}

/// A hash that does not fit into the memory for hashing can never be checked. `declared` is what `sections` settled to.
pub(crate) fn check_costs(
    sections: &[AccountSection],
    declared: &[Declared],
    hashing: &hashing::Settings,
    ledger: &mut Ledger,
) {
    // A budget that holds no hash at all has its own complaint.
    let Ok(largest) = hashing.largest_hash() else { return };
    for (index, (section, account)) in sections.iter().zip(declared).enumerate() {
        let needed = account.password.as_ref().map_or(0, Hash::memory_bytes);
        if needed > largest {
            let message = format!(
                "needs {} of memory to check; password.memory_budget leaves {} for one hash",
                Size(needed),
                Size(largest)
            );
            ledger.refuse_with(
                &format!("accounts[{index}].{}", section.hash_key()),
                message,
                "raise password.memory_budget, or make another hash with: vouchsafe hash-password",
            );
        }
    }
}

impl AccountSection {
    /// The key that the hash came from.
    fn hash_key(&self) -> &'static str {
        if self.password_hash.is_empty() { "password_hash_file" } else { "password_hash" }
    }

    fn settle(&self, path: &str, ledger: &mut Ledger) -> Option<Declared> {
        let username = if self.username.is_empty() {
            let hint = "the name the person signs in with".to_owned();
            ledger.refuse_key(&format!("{path}.username"), "is missing", Some(hint));
            None
        } else {
            read(&format!("{path}.username"), &self.username, Username::parse, ledger)
        };
        let mut groups = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            groups.extend(read(&format!("{path}.groups[{index}]"), group, GroupName::parse, ledger));
        }
        let display_name = read(&format!("{path}.name"), &self.name, DisplayName::parse, ledger);
        let email = read(&format!("{path}.email"), &self.email, EmailAddress::parse, ledger);
        let mobile = read(&format!("{path}.mobile"), &self.mobile, Phone::parse, ledger);
        let password = self.hash(path, ledger);
        Some(Declared {
            username: username?,
            display_name,
            email,
            mobile,
            groups,
            password,
            disabled: self.disabled,
        })
    }

    fn hash(&self, path: &str, ledger: &mut Ledger) -> Option<Hash> {
        let (direct, file) = (&self.password_hash, &self.password_hash_file);
        let text = secret_files::secret(path, "password_hash", direct, file, ledger)?;
        match Hash::parse(text.expose()) {
            Ok(hash) => Some(hash),
            Err(error) => {
                let key = self.hash_key();
                let hint = match error {
                    // A password in the place of its hash is the usual mistake.
                    HashError::Malformed => {
                        "this must not be the password itself; make a hash with: vouchsafe hash-password"
                    }
                    _ => "make one with: vouchsafe hash-password",
                };
                ledger.refuse_with(&format!("{path}.{key}"), error.to_string(), hint);
                None
            }
        }
    }
}

/// A value that may be left empty.
fn read<T, E: std::fmt::Display>(
    key: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    ledger: &mut Ledger,
) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    parse(text).map_err(|error| ledger.refuse(key, error.to_string())).ok()
}
