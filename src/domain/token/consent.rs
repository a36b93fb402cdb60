//! What people have agreed to, so that they are not asked again for the same (security.md OAU-15).

use minicbor::{Decode, Encode};

use crate::{
    domain::client::{CLIENTS, ClientId},
    store::{KeyBuf, Reading, Record, Span, StoreError, Table, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

/// All consents, by account and client.
pub const CONSENTS: Table<ConsentRecord> = Table::new();

/// A consent as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ConsentRecord {
    /// To which scopes.
    #[n(0)]
    pub scopes: Vec<String>,
    /// When first.
    #[n(1)]
    pub given: Timestamp,
    /// When last.
    #[n(2)]
    pub renewed: Timestamp,
}

impl Record for ConsentRecord {
    type Key = (AccountId, ClientId);
    const SPACE: &'static str = "consents";
}

/// Whether the person has agreed to all of these scopes for the client.
pub fn agreed(
    tx: &impl Reading,
    account: AccountId,
    client: &ClientId,
    scopes: &[String],
) -> Result<bool, StoreError> {
    let consent = standing(tx, account, client)?;
    Ok(consent.is_some_and(|consent| scopes.iter().all(|scope| consent.scopes.contains(scope))))
}

/// What the person agreed to and still holds. What was given to a client that was deleted since is nothing to another one of its name.
fn standing(
    tx: &impl Reading,
    account: AccountId,
    client: &ClientId,
) -> Result<Option<ConsentRecord>, StoreError> {
    let Some(consent) = CONSENTS.get(tx, &(account, client.clone()))? else { return Ok(None) };
    let since = CLIENTS.get(tx, client)?.map(|client| client.created);
    Ok(since.is_some_and(|since| consent.given >= since).then_some(consent))
}

/// Writes down that the person agrees to these scopes, beside those of before.
pub fn agree(
    tx: &mut WriteTx,
    account: AccountId,
    client: &ClientId,
    scopes: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = (account, client.clone());
    let fresh = ConsentRecord { scopes: Vec::new(), given: now, renewed: now };
    let mut consent = standing(tx, account, client)?.unwrap_or(fresh);
    for scope in scopes {
        if !consent.scopes.contains(scope) {
            consent.scopes.push(scope.clone());
        }
    }
    consent.renewed = now;
    CONSENTS.set(tx, &key, &consent)
}

/// Takes a consent back. Says whether there was one.
pub fn withdraw(tx: &mut WriteTx, account: AccountId, client: &ClientId) -> Result<bool, StoreError> {
    Ok(CONSENTS.take(tx, &(account, client.clone()))?.is_some())
}

/// The consents of an account, at most `limit`; also those to clients that are gone, which can be withdrawn like the others.
pub fn consents_of(
    tx: &impl Reading,
    account: AccountId,
    limit: usize,
) -> Result<Vec<(ClientId, ConsentRecord)>, StoreError> {
    let span = Span::prefix(&KeyBuf::of(&account));
    let found = CONSENTS.scan(tx, &span, crate::store::Direction::Forward, limit)?;
    Ok(found.into_iter().map(|((_, client), consent)| (client, consent)).collect())
}
