//! `vouchsafe client …`

use clap::Subcommand;

use super::{Failure, args::Args, ask, print, remote};
use crate::web::control::{ClientCommand, ClientSecretView, ClientView, ClientWanted, Command};

/// `vouchsafe client …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientVerb {
    /// Register a client and print its secret, which is not shown again.
    Add(Box<ClientArgs>),
    /// List clients.
    List,
    /// Show one client.
    Show {
        /// Its id.
        id: String,
    },
    /// Make another secret and print it. The one before it stays good until the next one is made.
    Secret {
        /// The client's id.
        id: String,
        /// Only the new one is good from now on.
        #[arg(long)]
        only: bool,
    },
    /// Delete a client; everything it was granted ends.
    Delete {
        /// Its id.
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What a client is registered with.
#[derive(Debug, clap::Args)]
pub(crate) struct ClientArgs {
    /// What people read when they are asked to let it in.
    name: String,
    /// Its id; one is made when left out.
    #[arg(long)]
    id: Option<String>,
    /// Who made it.
    #[arg(long)]
    author: Option<String>,
    /// Where its author is found (https).
    #[arg(long, value_name = "URL")]
    author_url: Option<String>,
    /// It runs in a browser or on a device and cannot keep a secret.
    #[arg(long)]
    public: bool,
    /// Where codes may be sent to, letter by letter; may be repeated.
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// A way to tokens: `authorization_code`, `refresh_token`, `client_credentials`, password; may be repeated.
    /// Without any: the first two.
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// What it may ask for; may be repeated. Without any: openid, profile, email, username.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Whether people are asked: remember, always, or skip (your own clients only).
    #[arg(long)]
    consent: Option<String>,
    /// Let it do without PKCE. A public client cannot.
    #[arg(long)]
    no_pkce: bool,
    /// What signs its ID tokens: RS256, ES256 or `EdDSA`.
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// Give it an ID token also when it does not ask for the scope openid, as Simple Auth does.
    #[arg(long)]
    id_token_always: bool,
}

impl ClientArgs {
    fn wanted(&self) -> ClientWanted {
        ClientWanted {
            id: self.id.clone(),
            name: self.name.clone(),
            author: self.author.clone(),
            author_url: self.author_url.clone(),
            public: self.public,
            redirect_uris: self.redirect_uris.clone(),
            grants: self.grants.clone(),
            scopes: self.scopes.clone(),
            consent: self.consent.clone(),
            no_pkce: self.no_pkce,
            id_token_alg: self.id_token_alg.clone(),
            id_token_always: self.id_token_always,
        }
    }
}

pub(super) fn run(args: &Args, verb: &ClientVerb) -> Result<(), Failure> {
    let verb = match verb {
        ClientVerb::Add(new) => ClientCommand::Add { wanted: new.wanted() },
        ClientVerb::List => ClientCommand::List { after: None },
        ClientVerb::Show { id } => ClientCommand::Show { id: id.clone() },
        ClientVerb::Secret { id, only } => ClientCommand::Secret { id: id.clone(), only: *only },
        ClientVerb::Delete { id, yes } => {
            if !yes && !ask::consent(&format!("Delete the client {id} and end all it was granted?"))? {
                return Err("nothing was changed".into());
            }
            ClientCommand::Delete { id: id.clone() }
        }
    };
    print::show(args, &remote::execute(args, Command::Client { verb: Box::new(verb) })?)
}

/// A table.
pub(super) fn table(clients: &[ClientView]) {
    let rows = clients.iter().map(|client| {
        let state = if client.enabled { "enabled" } else { "disabled" };
        vec![client.id.clone(), client.kind.clone(), state.to_owned(), client.name.clone()]
    });
    print::table(&["ID", "KIND", "STATUS", "NAME"], rows.collect());
}

pub(super) fn show(client: &ClientView) {
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let lines = [
        ("id", client.id.clone()),
        ("name", client.name.clone()),
        ("author", client.author.clone()),
        ("kind", client.kind.clone()),
        ("redirect", client.redirect_uris.join(" ")),
        ("grants", client.grants.join(" ")),
        ("scopes", client.scopes.join(" ")),
        ("consent", client.consent.clone()),
        ("PKCE", yes(client.pkce)),
        ("ID token", client.id_token_alg.clone()),
        ("secrets", client.secrets.join(" ")),
        ("created", client.created.clone()),
        ("enabled", yes(client.enabled)),
        ("declared", if client.declared { "in the configuration" } else { "no" }.to_owned()),
    ];
    for (name, value) in lines {
        say!("{name:<9} {}", print::safe(&value));
    }
}

pub(super) fn show_secret(made: &ClientSecretView) {
    say!("client_id     {}", print::safe(&made.id));
    if let Some(secret) = &made.secret {
        say!("client_secret {}", print::safe(secret));
        say!("It is not shown again.");
    }
}
