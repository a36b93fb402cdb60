//! Commands about OAuth clients.

use serde::{Deserialize, Serialize};

use super::command::Reply;
use crate::{
    domain::{call::Call, fault::Fault, rights::Permit},
    idp::oauth2::{Described, Engine, NewSecret, Wanted},
};

/// One thing to do about OAuth clients.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClientCommand {
    /// Register one.
    Add {
        /// What it is to be.
        wanted: ClientWanted,
    },
    /// List them by id, at most 1000.
    List {
        /// The id after which to go on.
        after: Option<String>,
    },
    /// Show one.
    Show {
        /// Which.
        id: String,
    },
    /// Make another secret for one.
    Secret {
        /// Which.
        id: String,
        /// Only the new one is good from now on.
        only: bool,
    },
    /// Remove one and end all it was granted.
    Delete {
        /// Which.
        id: String,
    },
}

/// A client to be registered, in the words of the configuration. What is left out is as careful as can be.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientWanted {
    /// Its id; one is made when absent.
    pub id: Option<String>,
    /// What people read on the consent page.
    pub name: String,
    /// Who made it.
    pub author: Option<String>,
    /// Where its author is found.
    pub author_url: Option<String>,
    /// It cannot keep a secret.
    pub public: bool,
    /// Where codes may be sent to.
    pub redirect_uris: Vec<String>,
    /// Its ways to tokens.
    pub grants: Vec<String>,
    /// What it may ask for.
    pub scopes: Vec<String>,
    /// `remember`, `always` or `skip`.
    pub consent: Option<String>,
    /// It does without PKCE.
    pub no_pkce: bool,
    /// What signs its ID tokens.
    pub id_token_alg: Option<String>,
    /// It gets an ID token without asking for `openid`.
    pub id_token_always: bool,
}

/// A client as the operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ClientView {
    /// Its id.
    pub id: String,
    /// What people read on the consent page.
    pub name: String,
    /// Who made it.
    pub author: String,
    /// `confidential` or `public`.
    pub kind: String,
    /// Where codes may be sent to.
    pub redirect_uris: Vec<String>,
    /// Its ways to tokens.
    pub grants: Vec<String>,
    /// What it may ask for.
    pub scopes: Vec<String>,
    /// Whether people are asked.
    pub consent: String,
    /// Whether it must use PKCE.
    pub pkce: bool,
    /// What signs its ID tokens.
    pub id_token_alg: String,
    /// When its secrets were made.
    pub secrets: Vec<String>,
    /// When it was registered.
    pub created: String,
    /// Declared in the configuration.
    pub declared: bool,
    /// It may be used.
    pub enabled: bool,
}

/// A secret, shown once.
#[derive(Clone, Deserialize, Serialize)]
pub struct ClientSecretView {
    /// The client.
    pub id: String,
    /// Its new secret; none for a public client.
    pub secret: Option<String>,
}

/// The secret does not print.
impl std::fmt::Debug for ClientSecretView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientSecretView({})", self.id)
    }
}

/// Carries a command about clients out.
pub(super) async fn execute(
    engine: &Engine,
    call: &Call,
    permit: &Permit,
    command: ClientCommand,
) -> Result<Reply, Fault> {
    match command {
        ClientCommand::Add { wanted } => {
            let made = engine.add_client(call, permit, wanted.into()).await?;
            Ok(Reply::ClientSecret(made.into()))
        }
        ClientCommand::List { after } => {
            let clients = engine.list_clients(permit, after.as_deref())?;
            Ok(Reply::Clients(clients.into_iter().map(ClientView::from).collect()))
        }
        ClientCommand::Show { id } => Ok(Reply::Client(engine.find_client(permit, &id)?.into())),
        ClientCommand::Secret { id, only } => {
            Ok(Reply::ClientSecret(engine.new_client_secret(call, permit, &id, only).await?.into()))
        }
        ClientCommand::Delete { id } => {
            engine.delete_client(call, permit, &id).await?;
            Ok(Reply::Done("The client is deleted; all it was granted has ended.".to_owned()))
        }
    }
}

impl From<ClientWanted> for Wanted {
    fn from(wanted: ClientWanted) -> Self {
        Self {
            id: wanted.id,
            name: wanted.name,
            author: wanted.author,
            author_url: wanted.author_url,
            public: wanted.public,
            redirect_uris: wanted.redirect_uris,
            grants: wanted.grants,
            scopes: wanted.scopes,
            consent: wanted.consent,
            pkce: !wanted.no_pkce,
            algorithm: wanted.id_token_alg,
            id_token_always: wanted.id_token_always,
        }
    }
}

impl From<Described> for ClientView {
    fn from(Described { id, client }: Described) -> Self {
        let settled = client.registration;
        Self {
            id: id.to_string(),
            name: settled.name,
            author: settled.author,
            kind: settled.kind.as_str().to_owned(),
            redirect_uris: settled.redirect_uris,
            grants: settled.grants.iter().map(|grant| grant.as_str().to_owned()).collect(),
            scopes: settled.scopes,
            consent: settled.consent.as_str().to_owned(),
            pkce: settled.pkce,
            id_token_alg: settled.algorithm.as_str().to_owned(),
            secrets: client.secrets.iter().map(|secret| secret.created.rfc3339()).collect(),
            created: client.created.rfc3339(),
            declared: client.managed,
            enabled: settled.enabled,
        }
    }
}

impl From<NewSecret> for ClientSecretView {
    fn from(made: NewSecret) -> Self {
        Self { id: made.id.to_string(), secret: made.secret.map(|secret| secret.expose().clone()) }
    }
}
