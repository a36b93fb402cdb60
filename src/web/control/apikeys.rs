//! `apikey …`: what the operator can ask about API keys.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{command::Reply, execute::Operator};
use crate::{
    actions::{Which, apikeys::NewApiKey},
    domain::{
        apikey::{ApiKeyRecord, KeyName},
        call::Call,
        fault::{Fault, Field},
        rights::Permit,
    },
};

/// One thing to do about keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum KeyCommand {
    /// Make one.
    Add {
        /// What it is called.
        name: String,
        /// What it may be used for.
        scopes: Vec<String>,
        /// The accounts it may act for; empty for all.
        accounts: Vec<String>,
        /// How many days it lives.
        days: u32,
    },
    /// List them.
    List,
    /// End one.
    Revoke {
        /// What it is called.
        name: String,
    },
}

/// A key as the operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct KeyView {
    /// What it is called.
    pub name: String,
    /// The first characters of its text.
    pub hint: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// The ids of the accounts it may act for; empty for all.
    pub accounts: Vec<String>,
    /// When it was made.
    pub created: String,
    /// When it ends.
    pub expires: String,
    /// Its last use, to the hour.
    pub last_used: Option<String>,
    /// The key itself: in the answer to its making, and never again.
    pub key: Option<String>,
}

impl Operator {
    pub(super) async fn api_key(
        &self,
        call: &Call,
        permit: &Permit,
        command: KeyCommand,
    ) -> Result<Reply, Fault> {
        match command {
            KeyCommand::Add { name, scopes, accounts, days } => {
                let scope = |text: &String| {
                    text.parse()
                        .map_err(|error| Fault::malformed(Field::Named("scope"), format!("{text:?} {error}")))
                };
                let new = NewApiKey {
                    name: named(&name)?,
                    scopes: scopes.iter().map(scope).collect::<Result<_, _>>()?,
                    accounts: accounts.iter().map(|who| Which::from(who.as_str())).collect(),
                    lifetime: Duration::from_hours(u64::from(days) * 24),
                };
                let (text, record) = self.actions().add_api_key(call, permit, new).await?;
                let key = Some(text.expose().clone());
                Ok(Reply::ApiKeys(vec![KeyView { key, ..KeyView::from(record) }]))
            }
            KeyCommand::List => {
                let keys = self.actions().list_api_keys(permit)?;
                Ok(Reply::ApiKeys(keys.into_iter().map(KeyView::from).collect()))
            }
            KeyCommand::Revoke { name } => {
                self.actions().revoke_api_key(call, permit, named(&name)?).await?;
                Ok(Reply::Done("The key is revoked; it opens nothing any more.".to_owned()))
            }
        }
    }
}

fn named(name: &str) -> Result<KeyName, Fault> {
    KeyName::parse(name).map_err(|error| Fault::malformed(Field::Named("name"), error.to_string()))
}

impl From<ApiKeyRecord> for KeyView {
    fn from(record: ApiKeyRecord) -> Self {
        Self {
            name: record.name,
            hint: record.hint,
            scopes: record.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            accounts: record.accounts.iter().map(ToString::to_string).collect(),
            created: record.created.rfc3339(),
            expires: record.expires.rfc3339(),
            last_used: record.last_used.map(crate::values::time::Timestamp::rfc3339),
            key: None,
        }
    }
}
