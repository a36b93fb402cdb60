//! `vouchsafe apikey …`

use clap::Subcommand;

use super::{Failure, args::Args, print, remote};
use crate::web::control::{Command, KeyCommand, KeyView};

/// `vouchsafe apikey …`. A key lets a program act for people: `Authorization: SharedKey <key>` and `X-Account-UUID: <id>`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyVerb {
    /// Make a key; it is shown once.
    Add {
        /// What it is called, here and in the audit trail.
        name: String,
        /// What it may be used for: public (endpoints for everybody, without limits by address), read, write, credentials (set
        /// passwords and second factors without the old ones), or grant (let OAuth clients act for people without asking them); may be
        /// repeated.
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// Only for this account; may be repeated. All accounts when left out.
        #[arg(long = "account", value_name = "WHO")]
        accounts: Vec<String>,
        /// How many days it lives, at most 1830.
        #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1830))]
        days: u32,
    },
    /// List the keys, without the keys themselves.
    List,
    /// End a key at once.
    Revoke {
        /// What it is called.
        name: String,
    },
}

pub(super) fn run(args: &Args, verb: &ApiKeyVerb) -> Result<(), Failure> {
    let verb = match verb {
        ApiKeyVerb::Add { name, scopes, accounts, days } => KeyCommand::Add {
            name: name.clone(),
            scopes: scopes.clone(),
            accounts: accounts.clone(),
            days: *days,
        },
        ApiKeyVerb::List => KeyCommand::List,
        ApiKeyVerb::Revoke { name } => KeyCommand::Revoke { name: name.clone() },
    };
    print::show(args, &remote::execute(args, Command::ApiKey { verb })?)
}

/// A table; of a key just made, the key alone, so that it can be piped.
pub(super) fn show(keys: &[KeyView]) {
    if let [KeyView { key: Some(key), .. }] = keys {
        say!("{key}");
        return;
    }
    let rows = keys.iter().map(|key| {
        let reach = if key.accounts.is_empty() { "all".to_owned() } else { key.accounts.join(",") };
        let used = key.last_used.clone().unwrap_or_else(|| "never".to_owned());
        vec![key.name.clone(), key.hint.clone(), key.scopes.join(","), reach, key.expires.clone(), used]
    });
    print::table(&["NAME", "KEY", "SCOPES", "ACCOUNTS", "EXPIRES", "LAST USE"], rows.collect());
}
