//! Registering clients, by the operator.

use super::{Engine, MOST, no_client};
use crate::{
    crypto::{jose::Algorithm, text},
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        client::{self, CLIENTS, ClientId, ClientKind, ClientRecord, Consent, Grant, Registration},
        fault::{Fault, Field, Flaw, Reason},
        rights::Permit,
        token,
    },
    store::Inserted,
    values::secret::Secret,
};

/// A client as the operator sees it.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its id.
    pub id: ClientId,
    /// The client; of its secrets only digests.
    pub client: ClientRecord,
}

/// A client to be registered, in the words of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
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
    /// Its ways to tokens; codes and refresh tokens when empty.
    pub grants: Vec<String>,
    /// What it may ask for; the usual when empty.
    pub scopes: Vec<String>,
    /// Whether people are asked.
    pub consent: Option<String>,
    /// Whether it must use PKCE.
    pub pkce: bool,
    /// What signs its ID tokens.
    pub algorithm: Option<String>,
    /// It gets an ID token without asking for `openid`.
    pub id_token_always: bool,
}

impl Wanted {
    fn registration(&self) -> Result<Registration, Fault> {
        let fresh = Registration::default();
        let unknown = |what: &str, word: &str| {
            Fault::malformed(Field::Client, format!("there is no {what} \"{}\"", word.escape_debug()))
        };
        let grants = self.grants.iter().map(|word| Grant::parse(word).ok_or_else(|| unknown("grant", word)));
        let grants = grants.collect::<Result<Vec<_>, _>>()?;
        let consent =
            self.consent.as_deref().map(|word| Consent::parse(word).ok_or_else(|| unknown("consent", word)));
        let algorithm = self
            .algorithm
            .as_deref()
            .map(|word| Algorithm::parse(word).ok_or_else(|| unknown("algorithm", word)));
        Ok(Registration {
            name: self.name.clone(),
            author: self.author.clone().unwrap_or_default(),
            author_url: self.author_url.clone(),
            kind: if self.public { ClientKind::Public } else { ClientKind::Confidential },
            redirect_uris: self.redirect_uris.clone(),
            grants: if grants.is_empty() { fresh.grants } else { grants },
            scopes: if self.scopes.is_empty() { fresh.scopes } else { self.scopes.clone() },
            consent: consent.transpose()?.unwrap_or(fresh.consent),
            pkce: self.pkce,
            algorithm: algorithm.transpose()?.unwrap_or(fresh.algorithm),
            id_token_always: self.id_token_always,
            ..Registration::default()
        })
    }
}

/// A secret that was just made, to be shown in this one answer.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Whose.
    pub id: ClientId,
    /// The secret; `None` for a client that has none.
    pub secret: Option<Secret<String>>,
}

impl Engine {
    /// Registers a client. Without an id it gets one.
    pub async fn add_client(&self, call: &Call, permit: &Permit, wanted: Wanted) -> Result<NewSecret, Fault> {
        let id = if let Some(id) = &wanted.id {
            ClientId::parse(id).ok_or_else(bad_id)?
        } else {
            let chance = self.0.world.random::<12>();
            ClientId::parse(&format!("c-{}", text::encode(chance.bytes()))).ok_or_else(bad_id)?
        };
        let registration = wanted.registration()?;
        well_formed(&registration)?;
        let mut client =
            ClientRecord { registration, secrets: Vec::new(), created: call.now, managed: false };
        let secret = client.is_confidential().then(|| self.fresh_secret());
        if let Some(secret) = &secret {
            client.add_secret(secret, call.now);
        }
        // Published before the client's people come (security.md JWT-7).
        self.ensure_key(client.registration.algorithm, call.now).await?;
        let (call, actor, named) = (call.clone(), permit.actor().to_owned(), id.clone());
        let written = self.0.store.write(move |tx| {
            match CLIENTS.insert(tx, &named, &client)? {
                Inserted::Done => {}
                Inserted::Exists | Inserted::Taken(_) => {
                    return Err(
                        Fault::new(Reason::Taken).with_flaw(Field::Client, "there is a client with this id")
                    );
                }
            }
            audit::append(tx, &Entry::done(Event::ClientCreated, &actor, &call).detail(named.as_str()))?;
            Ok::<_, Fault>(())
        });
        written.await?;
        Ok(NewSecret { id, secret })
    }

    /// All clients, by id, at most a thousand behind `after`.
    pub fn list_clients(&self, _: &Permit, after: Option<&str>) -> Result<Vec<Described>, Fault> {
        let after = after.map(|id| ClientId::parse(id).ok_or_else(bad_id)).transpose()?;
        let clients = self.0.store.read(|tx| client::all_after(tx, after.as_ref(), MOST))?;
        Ok(clients.into_iter().map(|(id, client)| Described { id, client }).collect())
    }

    /// One client.
    pub fn find_client(&self, _: &Permit, id: &str) -> Result<Described, Fault> {
        let id = ClientId::parse(id).ok_or_else(no_client)?;
        let client = self.0.store.read(|tx| CLIENTS.get(tx, &id))?.ok_or_else(no_client)?;
        Ok(Described { id, client })
    }

    /// Makes another secret. The one before it stays good, so that it can be replaced without a gap, unless `only` this one is to
    /// be good from now on.
    pub async fn new_client_secret(
        &self,
        call: &Call,
        permit: &Permit,
        id: &str,
        only: bool,
    ) -> Result<NewSecret, Fault> {
        let id = ClientId::parse(id).ok_or_else(no_client)?;
        let secret = self.fresh_secret();
        let (call, actor, named, new) = (call.clone(), permit.actor().to_owned(), id.clone(), secret.clone());
        let written = self.0.store.write(move |tx| {
            let mut client = CLIENTS.get(tx, &named)?.ok_or_else(no_client)?;
            refuse_managed(&client)?;
            if !client.is_confidential() {
                return Err(
                    Fault::new(Reason::NothingToDo).with_flaw(Field::Client, "a public client has no secret")
                );
            }
            if only {
                client.secrets.clear();
            }
            client.add_secret(&new, call.now);
            CLIENTS.set(tx, &named, &client)?;
            let entry = Entry::done(Event::ClientSecretMade, &actor, &call);
            audit::append(tx, &entry.detail(format!("{named}{}", if only { "; the only one" } else { "" })))?;
            Ok::<_, Fault>(())
        });
        written.await?;
        Ok(NewSecret { id, secret: Some(secret) })
    }

    /// Removes a client and ends everything that was granted to it.
    pub async fn delete_client(&self, call: &Call, permit: &Permit, id: &str) -> Result<(), Fault> {
        let id = ClientId::parse(id).ok_or_else(no_client)?;
        let (call, actor) = (call.clone(), permit.actor().to_owned());
        let written = self.0.store.write(move |tx| {
            let client = CLIENTS.get(tx, &id)?.ok_or_else(no_client)?;
            refuse_managed(&client)?;
            client::forget(tx, &id)?;
            let ended = token::end_of_client(tx, &id)?;
            let entry = Entry::done(Event::ClientDeleted, &actor, &call);
            audit::append(tx, &entry.detail(format!("{id}; {ended} grants ended")))?;
            Ok::<_, Fault>(())
        });
        written.await
    }

    /// 256 bits in an alphabet that needs no encoding anywhere.
    fn fresh_secret(&self) -> Secret<String> {
        Secret::new(text::encode(self.0.world.random::<32>().bytes()))
    }
}

fn well_formed(registration: &Registration) -> Result<(), Fault> {
    let flaws: Vec<Flaw> = registration
        .flaws()
        .into_iter()
        .map(|flaw| match flaw.field {
            Field::Named(name) => Flaw { message: format!("{name}: {}", flaw.message), ..flaw },
            _ => flaw,
        })
        .collect();
    if flaws.is_empty() { Ok(()) } else { Err(Fault { flaws, ..Fault::new(Reason::Malformed) }) }
}

fn bad_id() -> Fault {
    Fault::malformed(Field::Client, "a client id is 1 to 64 letters, digits, -, _, . or ~, and no UUID")
}

fn refuse_managed(client: &ClientRecord) -> Result<(), Fault> {
    if client.managed {
        return Err(Fault::new(Reason::Managed)
            .with_flaw(Field::Client, "this client is declared in the configuration file; change it there"));
    }
    Ok(())
}
