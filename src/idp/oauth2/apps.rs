//! What a person granted, to look at and to take back.

use super::{Engine, MOST};
use crate::{
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        client::{CLIENTS, ClientId},
        fault::Fault,
        rights::Authority,
        token::{
            self, ACCESS, AUTHORIZATIONS, AccessHash, AuthorizationRecord, Kind, Live, Presented, State,
        },
    },
    store::{Reading, StoreError, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

/// One line of the list of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLine {
    /// Whose token it is.
    pub client: ClientId,
    /// What people call the client.
    pub name: String,
    /// The token's first characters.
    pub short: String,
    /// What kind it is.
    pub kind: TokenType,
    /// When it was made.
    pub created: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
}

/// The kinds of a list, in Simple Auth's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// `access_token`
    Access,
    /// `refresh_token`
    Refresh,
    /// `code`
    Code,
}

impl TokenType {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access_token",
            Self::Refresh => "refresh_token",
            Self::Code => "code",
        }
    }
}

/// A connected application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its client.
    pub client: ClientId,
    /// What people call it.
    pub name: String,
    /// Who made it.
    pub author: String,
    /// Where its author is found.
    pub author_url: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Since when.
    pub since: Timestamp,
    /// Whether it holds anything that is good now.
    pub holds_tokens: bool,
}

impl Engine {
    /// The live codes and tokens of an account, oldest first. A client that is gone has no name any more (simple-auth.md 9.D9).
    pub fn tokens_of(&self, call: &Call, account: AccountId) -> Result<Vec<TokenLine>, Fault> {
        let epoch = self.0.store.epoch();
        let lines = self.0.store.read(|tx| {
            let mut lines = Vec::new();
            for (id, family) in token::all_of_account(tx, account, None, MOST)? {
                if family.epoch != epoch || lines.len() >= MOST {
                    continue;
                }
                let name = name_of(tx, &family.client)?;
                lines.extend(own_line(&family, &name, call.now));
                let tokens = token::access_of(tx, id, MOST)?;
                let live = tokens.into_iter().filter(|(_, token)| token.is_live(call.now, epoch));
                lines.extend(live.map(|(_, token)| TokenLine {
                    client: token.client,
                    name: name.clone(),
                    short: token.short,
                    kind: TokenType::Access,
                    created: token.created,
                    expires: token.expires,
                }));
            }
            Ok::<_, StoreError>(lines)
        });
        Ok(lines?)
    }

    /// The applications an account is connected with: those it agreed to, and those that hold something of it.
    pub fn apps_of(&self, call: &Call, account: AccountId) -> Result<Vec<App>, Fault> {
        let epoch = self.0.store.epoch();
        let apps = self.0.store.read(|tx| {
            let mut apps: Vec<App> = Vec::new();
            for (client, consent) in token::consents_of(tx, account, MOST)? {
                apps.push(app(tx, client, consent.scopes, consent.given)?);
            }
            for (_, family) in token::all_of_account(tx, account, None, MOST)? {
                if !family.is_live(call.now, epoch) {
                    continue;
                }
                let at = if let Some(at) = apps.iter().position(|app| app.client == family.client) {
                    at
                } else {
                    apps.push(app(tx, family.client.clone(), Vec::new(), family.created)?);
                    apps.len() - 1
                };
                let Some(known) = apps.get_mut(at) else { continue };
                known.holds_tokens = true;
                for scope in family.scopes {
                    if !known.scopes.contains(&scope) {
                        known.scopes.push(scope);
                    }
                }
            }
            Ok::<_, StoreError>(apps)
        });
        Ok(apps?)
    }

    /// Takes back what was granted to a client: one token (with its family, when it is a refresh token), or everything, the
    /// consent included. What is unknown or somebody else's is left alone, and that is no error (RFC 7009).
    pub async fn revoke(
        &self,
        call: &Call,
        authority: &Authority,
        client: &str,
        token: Option<&str>,
    ) -> Result<(), Fault> {
        let Some(client) = ClientId::parse(client) else { return Ok(()) };
        let what = match token {
            None => Doomed::Everything,
            Some(text) => match self.doomed(text) {
                Some(doomed) => doomed,
                None => return Ok(()),
            },
        };
        let (call, account, actor) = (call.clone(), authority.account(), authority.actor().to_owned());
        let written = self.0.store.write(move |tx| {
            let ended = what.end(tx, account, &client)?;
            if ended > 0 {
                let entry = Entry::done(Event::TokensRevoked, &actor, &call).about(account);
                audit::append(tx, &entry.detail(client.as_str()))?;
            }
            Ok::<_, Fault>(())
        });
        written.await
    }

    fn doomed(&self, text: &str) -> Option<Doomed> {
        let key = self.0.keyring.tickets();
        let ticket = |kind| Presented::read(kind, text, key).map(Doomed::Ticket);
        let access = AccessHash::of_text(text).map(Doomed::Access);
        access.or_else(|| ticket(Kind::Refresh)).or_else(|| ticket(Kind::Code))
    }
}

/// What is to end.
#[derive(Clone, Copy)]
enum Doomed {
    Everything,
    Access(AccessHash),
    Ticket(Presented),
}

impl Doomed {
    /// Ends it if it is this account's and this client's. Returns how much that was.
    fn end(self, tx: &mut WriteTx, account: AccountId, client: &ClientId) -> Result<usize, StoreError> {
        match self {
            Self::Everything => {
                let withdrawn = token::withdraw(tx, account, client)?;
                Ok(token::end_of_app(tx, account, client)? + usize::from(withdrawn))
            }
            Self::Access(hash) => {
                let found = ACCESS.get(tx, &hash)?;
                let own =
                    found.is_some_and(|token| token.account == Some(account) && token.client == *client);
                if own {
                    ACCESS.take(tx, &hash)?;
                }
                Ok(usize::from(own))
            }
            Self::Ticket(presented) => {
                let found = AUTHORIZATIONS.get(tx, &presented.authorization)?;
                let own = found.is_some_and(|family| {
                    family.account == Some(account)
                        && family.client == *client
                        && family.holds(&presented.digest)
                });
                if own {
                    token::end(tx, presented.authorization)?;
                }
                Ok(usize::from(own))
            }
        }
    }
}

/// The family's own code or refresh token as a line.
fn own_line(family: &AuthorizationRecord, name: &str, now: Timestamp) -> Option<TokenLine> {
    let (kind, short, created, expires) = match &family.state {
        State::Granted(granted) => (TokenType::Code, &granted.short, family.created, family.ends),
        State::Live(Live { refresh, .. }) => {
            let leaf = refresh.as_ref()?;
            (TokenType::Refresh, &leaf.short, leaf.issued, leaf.ends)
        }
    };
    (now < expires).then(|| TokenLine {
        client: family.client.clone(),
        name: name.to_owned(),
        short: short.clone(),
        kind,
        created,
        expires,
    })
}

fn name_of(tx: &impl Reading, client: &ClientId) -> Result<String, StoreError> {
    Ok(CLIENTS.get(tx, client)?.map_or_else(|| client.to_string(), |client| client.registration.name))
}

fn app(
    tx: &impl Reading,
    client: ClientId,
    scopes: Vec<String>,
    since: Timestamp,
) -> Result<App, StoreError> {
    let known = CLIENTS.get(tx, &client)?.map(|client| client.registration);
    let (name, author, author_url) = match known {
        Some(known) => (known.name, known.author, known.author_url),
        None => (client.to_string(), String::new(), None),
    };
    Ok(App { client, name, author, author_url, scopes, since, holds_tokens: false })
}
