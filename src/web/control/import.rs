//! `import …`: accounts of another program, one at a time.

use serde::{Deserialize, Serialize};

use super::{command::Reply, execute::Operator};
use crate::{
    actions::import::{Import, Imported, is_conflict},
    domain::{
        audit::{Level, Original},
        call::Call,
        factor::totp::TotpSecret,
        fault::{Fault, Field},
        rights::Permit,
        stipulation::Stipulation,
    },
    values::{
        email::EmailAddress,
        name::{DisplayName, Username},
        time::Timestamp,
    },
};

/// An account as another program had it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignAccount {
    /// Its id, a UUID.
    pub id: String,
    /// The login name.
    pub username: String,
    /// What people call the person.
    pub name: String,
    /// The e-mail address; empty when there is none.
    pub email: String,
    /// Whether it was in use.
    pub active: bool,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// The bcrypt hash of the password.
    pub password: Option<String>,
    /// The secret of the authenticator app, base32.
    pub totp: Option<String>,
    /// Its address was still to be confirmed.
    pub unconfirmed: bool,
    /// Somebody was still to have a look.
    pub unapproved: bool,
    /// Its trail, oldest first.
    pub trail: Vec<ForeignEntry>,
}

/// An entry of another program's trail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignEntry {
    /// When, RFC 3339.
    pub at: String,
    /// The part of that program.
    pub module: String,
    /// `debug`, `info`, `warn` or `alert`.
    pub level: String,
    /// What happened.
    pub message: String,
}

/// What became of an account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ImportView {
    /// Its login name.
    pub username: String,
    /// `created`, `there already` or `refused`.
    pub outcome: String,
    /// Why it was refused, or what of it could not be taken over.
    pub notes: Vec<String>,
}

impl Operator {
    pub(super) async fn import(
        &self,
        call: &Call,
        permit: &Permit,
        account: ForeignAccount,
        dry_run: bool,
    ) -> Result<Reply, Fault> {
        let username = account.username.clone();
        let mut notes = Vec::new();
        let (outcome, refused) = match imported(account, &mut notes) {
            Ok(imported) => match self.actions().import_account(call, permit, imported, dry_run).await {
                Ok(Import::Created) => ("created", None),
                Ok(Import::AlreadyThere) => ("there already", None),
                Err(fault) if is_conflict(&fault) => ("refused", Some(fault)),
                Err(fault) => return Err(fault),
            },
            Err(fault) => ("refused", Some(fault)),
        };
        if outcome == "there already" {
            notes.clear();
        }
        notes.extend(refused.into_iter().flat_map(|fault| fault.flaws).map(|flaw| flaw.message));
        Ok(Reply::Imported(ImportView { username, outcome: outcome.to_owned(), notes }))
    }
}

/// What cannot be without refuses the account; what can is left out and noted.
fn imported(account: ForeignAccount, notes: &mut Vec<String>) -> Result<Imported, Fault> {
    let id = account.id.parse().map_err(|_| Fault::malformed(Field::Account, "its id is not a UUID"))?;
    let username =
        Username::parse(&account.username).map_err(|error| Fault::malformed(Field::Username, error.to_string()))?;
    let email = match EmailAddress::parse(&account.email) {
        Ok(email) => Some(email),
        Err(_) if account.email.is_empty() => None,
        Err(error) => {
            notes.push(format!("without its e-mail address: {error}"));
            None
        }
    };
    let display_name = DisplayName::parse(&account.name).ok();
    if display_name.is_none() && !account.name.is_empty() {
        notes.push("without its name, which has characters that no name may have".to_owned());
    }
    let totp = match &account.totp {
        Some(text) => Some(TotpSecret::parse(text).ok_or_else(|| {
            // Without it the account would be easier to enter than it was.
            Fault::malformed(Field::Secret, "the secret of its authenticator app cannot be read")
        })?),
        None => None,
    };
    let mut asked = Vec::new();
    if account.unconfirmed && email.is_some() {
        asked.push(Stipulation::ConfirmEmail);
    }
    if account.unapproved || (account.unconfirmed && email.is_none()) {
        asked.push(Stipulation::ManualApproval);
    }
    let trail: Vec<_> = account.trail.iter().filter_map(original).collect();
    if trail.len() < account.trail.len() {
        notes.push(format!("without {} entries of its trail that cannot be read", account.trail.len() - trail.len()));
    }
    Ok(Imported {
        source: "Simple Auth",
        id,
        username,
        display_name,
        email,
        active: account.active,
        created: account.created.as_deref().and_then(Timestamp::parse_rfc3339),
        password: account.password,
        totp,
        asked,
        trail,
    })
}

fn original(entry: &ForeignEntry) -> Option<Original> {
    let level = match entry.level.as_str() {
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warn,
        "alert" => Level::Alert,
        _ => return None,
    };
    let at = Timestamp::parse_rfc3339(&entry.at)?;
    Some(Original { at, module: entry.module.clone(), level, message: entry.message.clone() })
}
