//! API keys: made, listed and revoked by the operator, tried by programs.

use std::{collections::HashMap, sync::Mutex, sync::PoisonError, time::Duration};

use crate::{
    actions::{Actions, Which},
    domain::{
        account::{ACCOUNTS, Hindrance},
        apikey::{self, ApiKey, ApiKeyRecord, KeyName, Scope},
        audit::{self, Entry, Event},
        call::Call,
        caller::Caller,
        fault::{Fault, Field, Reason},
        rights::Permit,
    },
    values::{id::AccountId, secret::Secret, time::Timestamp},
};

/// How long a key lives when nobody says otherwise.
pub const KEY_LIFETIME: Duration = Duration::from_hours(365 * 24);
/// No key lives longer.
pub const LONGEST_KEY_LIFETIME: Duration = Duration::from_hours(5 * 366 * 24);

/// What a key is to be made of.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What it is called.
    pub name: KeyName,
    /// What it may be used for; at least one.
    pub scopes: Vec<Scope>,
    /// The accounts it may act for; empty for all.
    pub accounts: Vec<Which>,
    /// How long it lives.
    pub lifetime: Duration,
}

/// Uses that were written down lately, so that a program's every request is not a line of the trail.
#[derive(Default)]
pub(super) struct Uses(Mutex<HashMap<(String, Option<AccountId>), Timestamp>>);

impl Uses {
    /// The same use is written down so often at most.
    const INTERVAL: Duration = Duration::from_hours(1);
    /// More of them are not remembered; beyond that each is written down.
    const MOST: usize = 10_000;

    fn is_news(&self, key: &str, account: Option<AccountId>, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let use_of = (key.to_owned(), account);
        if known.get(&use_of).is_some_and(|at| now.since(*at) < Self::INTERVAL) {
            return false;
        }
        if known.len() >= Self::MOST {
            known.retain(|_, at| now.since(*at) < Self::INTERVAL);
        }
        if known.len() < Self::MOST {
            known.insert(use_of, now);
        }
        true
    }

    /// It was not written down after all.
    fn forget(&self, key: &str, account: Option<AccountId>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(key.to_owned(), account));
    }
}

impl Actions {
    /// Makes a key. Its text is in this one answer and nowhere else.
    pub async fn add_api_key(
        &self,
        call: &Call,
        permit: &Permit,
        new: NewApiKey,
    ) -> Result<(Secret<String>, ApiKeyRecord), Fault> {
        if new.scopes.is_empty() {
            return Err(Fault::malformed(Field::Named("scope"), "say at least one thing it may be used for"));
        }
        if new.lifetime.is_zero() || new.lifetime > LONGEST_KEY_LIFETIME {
            return Err(Fault::malformed(
                Field::Named("expires"),
                "a key lives between a second and five years",
            ));
        }
        let accounts = new
            .accounts
            .iter()
            .map(|which| Ok(self.find_account(permit, which)?.id))
            .collect::<Result<_, Fault>>()?;
        let mut scopes = new.scopes;
        scopes.sort();
        scopes.dedup();
        let key = ApiKey::mint(self.0.world.random());
        let record = ApiKeyRecord {
            name: new.name.as_str().to_owned(),
            hint: key.hint(),
            scopes,
            accounts,
            created: call.now,
            expires: call.now + new.lifetime,
            last_used: None,
        };
        let (call, actor) = (call.clone(), permit.actor().to_owned());
        let (kept, text) = (record.clone(), key.text());
        self.0
            .store
            .write(move |tx| {
                apikey::add(tx, &key, &kept)?;
                let entry = Entry::done(Event::ApiKeyAdded, &actor, &call);
                audit::append(tx, &entry.detail(describe(&kept)))?;
                Ok::<_, Fault>(())
            })
            .await?;
        Ok((text, record))
    }

    /// All keys, by name.
    pub fn list_api_keys(&self, _: &Permit) -> Result<Vec<ApiKeyRecord>, Fault> {
        Ok(self.0.store.read(apikey::all)?)
    }

    /// Ends a key: from the next request on it opens nothing.
    pub async fn revoke_api_key(&self, call: &Call, permit: &Permit, name: KeyName) -> Result<(), Fault> {
        let (call, actor) = (call.clone(), permit.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                let gone = apikey::revoke(tx, &name)?.ok_or_else(|| {
                    Fault::new(Reason::NotFound)
                        .with_flaw(Field::Named("name"), "there is no key of this name")
                })?;
                let entry = Entry::done(Event::ApiKeyRevoked, &actor, &call);
                audit::append(tx, &entry.detail(describe(&gone)))?;
                Ok::<_, Fault>(())
            })
            .await
    }

    /// The key that a program sent.
    ///
    /// # Errors
    /// `Unauthenticated` when it is unknown or over, which counts against the source; `Throttled` after too many of those.
    pub async fn api_key(&self, call: &Call, given: Option<&str>) -> Result<ApiKeyRecord, Fault> {
        self.prove_program(call, Event::ApiKeyRefused, || {
            let key = given.and_then(ApiKey::parse);
            let wrong = |why: &'static str| Fault::new(Reason::Unauthenticated).because(why);
            let key = key.ok_or_else(|| wrong("no API key by its shape"))?;
            let found = self.0.store.read(|tx| apikey::find(tx, &key))?;
            let found = found.ok_or_else(|| wrong("an unknown API key"))?;
            if found.has_ended(call.now) {
                return Err(wrong("an API key that is over"));
            }
            Ok(found)
        })
        .await
    }

    /// Lets a program act for an account, if its key may and the account is open (simple-auth.md 9.A10).
    ///
    /// # Errors
    /// `Forbidden` when the key lacks the scope; `NoSuchAccount` when there is no such account or none that this key reaches, which is
    /// not told apart (security.md API-2); `Locked` and `Disabled`.
    pub async fn act_for(
        &self,
        call: &Call,
        key: &ApiKeyRecord,
        scope: Scope,
        id: AccountId,
    ) -> Result<Caller, Fault> {
        // Nobody's trail tells of a key that does not reach them.
        let reached = key.reaches(id);
        self.use_key(call, key, scope, Some(id).filter(|_| reached)).await?;
        if !reached {
            return Err(Fault::new(Reason::NoSuchAccount).because("the key does not reach this account"));
        }
        let account = self.0.store.read(|tx| ACCOUNTS.get(tx, &id))?;
        match account.map(|account| account.status.hindrance()) {
            None => Err(Fault::new(Reason::NoSuchAccount)),
            Some(Some(Hindrance::Locked)) => Err(Fault::new(Reason::Locked)),
            Some(Some(Hindrance::Disabled)) => Err(Fault::new(Reason::Disabled)),
            Some(None) => Ok(Caller::Program { key: key.name.clone(), account: id }),
        }
    }

    /// Lets a program use its key for something, and writes that down now and then.
    pub async fn use_key(
        &self,
        call: &Call,
        key: &ApiKeyRecord,
        scope: Scope,
        account: Option<AccountId>,
    ) -> Result<(), Fault> {
        let allowed = key.allows(scope);
        if self.0.uses.is_news(&key.name, account, call.now) {
            let actor = Caller::program(&key.name);
            let (event, detail) =
                (if allowed { Event::ApiKeyUsed } else { Event::ApiKeyRefused }, scope.as_str());
            let mut entry =
                if allowed { Entry::done(event, actor, call) } else { Entry::refused(event, actor, call) };
            if let Some(account) = account {
                entry = entry.about(account);
            }
            let (entry, name, now) = (entry.detail(detail), key.name.clone(), call.now);
            let noted = self.0.store.write(move |tx| {
                apikey::note_use(tx, &name, now)?;
                audit::append(tx, &entry).map_err(Fault::from)
            });
            // Otherwise the next hour of this use would be on no record.
            noted.await.inspect_err(|_| self.0.uses.forget(&key.name, account))?;
        }
        if allowed {
            Ok(())
        } else {
            Err(Fault::new(Reason::Forbidden).because("the API key lacks the scope"))
        }
    }
}

fn describe(key: &ApiKeyRecord) -> String {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let reach = match key.accounts.len() {
        0 => "all accounts".to_owned(),
        1 => "one account".to_owned(),
        n => format!("{n} accounts"),
    };
    format!("{} ({}): {} for {reach}, until {}", key.name, key.hint, scopes.join(", "), key.expires.rfc3339())
}

#[cfg(test)]
mod tests {
    use super::{Event, KEY_LIFETIME, KeyName, NewApiKey, Scope};
    use crate::{
        actions::testing::{Desk, Plan, operator},
        store::testing::{self, Chance, Disk, open},
        world::World,
    };

    #[tokio::test]
    async fn a_use_that_could_not_be_written_down_is_written_down_the_next_time() {
        let disk = Disk::new(7);
        let store = open(&disk, &mut Chance(7)).unwrap();
        let desk = Desk::over(store, World::fake(), Plan::default());
        let new = NewApiKey {
            name: KeyName::parse("mail").unwrap(),
            scopes: vec![Scope::Read],
            accounts: Vec::new(),
            lifetime: KEY_LIFETIME,
        };
        let (_, key) = desk.actions.add_api_key(&desk.call(), &operator(), new).await.unwrap();
        let used = async || desk.actions.use_key(&desk.call(), &key, Scope::Read, None).await;
        disk.plan(testing::Plan { error_at: Some((0, u64::MAX / 2)), ..testing::Plan::default() });
        assert!(used().await.is_err());
        disk.plan(testing::Plan::default());
        used().await.unwrap();
        used().await.unwrap();
        assert_eq!(desk.count(Event::ApiKeyUsed), 1, "and then once an hour");
    }
}
