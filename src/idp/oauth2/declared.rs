//! Clients declared in the configuration: made true at start and at every reload.

use std::collections::HashSet;

use super::{Engine, MOST};
use crate::{
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        client::{self, CLIENTS, ClientId, ClientRecord, Effect, Registration, SecretRecord, secret_digest},
        fault::Fault,
        token,
    },
    store::WriteTx,
    values::secret::Secret,
};

/// One `[[clients]]` entry.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its id; entries are matched to clients by it.
    pub id: ClientId,
    /// What it is registered with.
    pub registration: Registration,
    /// Its secrets, at most two.
    pub secrets: Vec<Secret<String>>,
}

/// What reconciling did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Clients created.
    pub created: usize,
    /// Clients changed.
    pub changed: usize,
    /// Clients switched off because their entry is gone.
    pub disabled: usize,
}

const ACTOR: &str = "configuration";

/// Declared clients whose keys are published, ready to be made true within a transaction of the caller's.
#[derive(Clone)]
pub struct Reconciliation {
    declared: Vec<Declared>,
    call: Call,
}

impl Engine {
    /// Prepares what [`reconcile`](Self::reconcile) does.
    pub async fn reconciliation(
        &self,
        call: &Call,
        declared: Vec<Declared>,
    ) -> Result<Reconciliation, Fault> {
        for entry in declared.iter().filter(|entry| entry.registration.enabled) {
            // Published before the client's people come (security.md JWT-7).
            self.ensure_key(entry.registration.algorithm, call.now).await?;
        }
        Ok(Reconciliation { declared, call: call.clone() })
    }

    /// Makes the declared clients true: creates what is missing, brings the rest into line, switches off what is declared no
    /// more. A client of the same id that was not declared before is taken over.
    pub async fn reconcile(&self, call: &Call, declared: Vec<Declared>) -> Result<Reconciled, Fault> {
        let prepared = self.reconciliation(call, declared).await?;
        self.0.store.write(move |tx| prepared.apply(tx)).await
    }
}

impl Reconciliation {
    /// Makes it so.
    pub fn apply(&self, tx: &mut WriteTx) -> Result<Reconciled, Fault> {
        let mut done = Reconciled::default();
        for entry in &self.declared {
            match bring_into_line(tx, entry, &self.call)? {
                Effect::Created => done.created += 1,
                Effect::Changed => done.changed += 1,
                Effect::None => {}
            }
        }
        let wanted: HashSet<&ClientId> = self.declared.iter().map(|entry| &entry.id).collect();
        done.disabled = disable_undeclared(tx, &wanted, &self.call)?;
        Ok(done)
    }
}

fn bring_into_line(tx: &mut WriteTx, entry: &Declared, call: &Call) -> Result<Effect, Fault> {
    let old = CLIENTS.get(tx, &entry.id)?;
    let known = |digest: [u8; 32]| {
        let secrets = old.iter().flat_map(|old| old.secrets.iter());
        secrets.filter(|secret| secret.digest == digest).map(|secret| secret.created).next()
    };
    let secrets = entry.secrets.iter().map(|secret| {
        let digest = secret_digest(secret);
        SecretRecord { digest, created: known(digest).unwrap_or(call.now) }
    });
    let new = ClientRecord {
        registration: entry.registration.clone(),
        secrets: secrets.collect(),
        created: old.as_ref().map_or(call.now, |old| old.created),
        managed: true,
    };
    if old.as_ref() == Some(&new) {
        return Ok(Effect::None);
    }
    CLIENTS.set(tx, &entry.id, &new)?;
    if !new.registration.enabled {
        token::end_of_client(tx, &entry.id)?;
    }
    let (event, effect) = match old {
        Some(_) => (Event::ClientChanged, Effect::Changed),
        None => (Event::ClientCreated, Effect::Created),
    };
    audit::append(tx, &Entry::done(event, ACTOR, call).detail(entry.id.as_str()))?;
    Ok(effect)
}

fn disable_undeclared(tx: &mut WriteTx, wanted: &HashSet<&ClientId>, call: &Call) -> Result<usize, Fault> {
    let (mut disabled, mut after) = (0, None);
    loop {
        let page = client::all_after(tx, after.as_ref(), MOST)?;
        let Some((last, _)) = page.last() else { return Ok(disabled) };
        after = Some(last.clone());
        for (id, client) in page {
            if !client.managed || !client.registration.enabled || wanted.contains(&id) {
                continue;
            }
            let registration = Registration { enabled: false, ..client.registration };
            CLIENTS.set(tx, &id, &ClientRecord { registration, ..client })?;
            token::end_of_client(tx, &id)?;
            let entry = Entry::done(Event::ClientChanged, ACTOR, call);
            audit::append(tx, &entry.detail(format!("{id}; no longer declared")))?;
            disabled += 1;
        }
    }
}
