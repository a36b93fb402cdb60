//! How families end: one, all of an account, a session, an application or a client, and by age.

use std::time::Duration;

use super::{
    access::{ACCESS, BY_AUTHORIZATION},
    authorization::{AUTHORIZATIONS, AuthorizationRecord, BY_ACCOUNT, BY_CLIENT, BY_SESSION},
    consent::{CONSENTS, consents_of},
};
use crate::{
    domain::client::{ClientId, LONGEST_ACCESS},
    store::{Index, KeyBuf, StoreError, WriteTx},
    values::{
        id::{AccountId, AuthorizationId, SessionId},
        time::Timestamp,
    },
};

/// So many at a time; the loops go on until nothing is left.
const BATCH: usize = 500;

/// Ends a family: its code, its refresh token and its access tokens.
pub fn end(tx: &mut WriteTx, id: AuthorizationId) -> Result<Option<AuthorizationRecord>, StoreError> {
    loop {
        let tokens = ACCESS.list(tx, &BY_AUTHORIZATION, &KeyBuf::of(&id), None, BATCH)?.items;
        for (hash, _) in &tokens {
            ACCESS.take(tx, hash)?;
        }
        if tokens.len() < BATCH {
            return AUTHORIZATIONS.take(tx, &id);
        }
    }
}

/// Ends everything that was granted by an account (security.md SES-9). Returns how many families that were.
pub fn end_of_account(tx: &mut WriteTx, account: AccountId) -> Result<usize, StoreError> {
    end_listed(tx, &BY_ACCOUNT, &KeyBuf::of(&account), |_| true)
}

/// Ends what an account granted to one client.
pub fn end_of_app(tx: &mut WriteTx, account: AccountId, client: &ClientId) -> Result<usize, StoreError> {
    let mut prefix = KeyBuf::of(&account);
    prefix.text(client.as_str());
    end_listed(tx, &BY_ACCOUNT, &prefix, |_| true)
}

/// Ends everything that was granted to a client.
pub fn end_of_client(tx: &mut WriteTx, client: &ClientId) -> Result<usize, StoreError> {
    let mut prefix = KeyBuf::new();
    prefix.text(client.as_str());
    end_listed(tx, &BY_CLIENT, &prefix, |_| true)
}

/// Ends what was granted in a session, when its person signs out, but for what was granted to outlive it (`offline_access`).
pub fn end_of_session(tx: &mut WriteTx, session: SessionId) -> Result<usize, StoreError> {
    end_listed(tx, &BY_SESSION, &KeyBuf::of(&session), |authorization| !authorization.offline)
}

fn end_listed(
    tx: &mut WriteTx,
    index: &Index<AuthorizationRecord>,
    prefix: &KeyBuf,
    doomed: impl Fn(&AuthorizationRecord) -> bool,
) -> Result<usize, StoreError> {
    let (mut ended, mut after) = (0, None);
    loop {
        let page = AUTHORIZATIONS.list(tx, index, prefix, after.as_deref(), BATCH)?;
        for (id, _) in page.items.iter().filter(|(_, authorization)| doomed(authorization)) {
            end(tx, *id)?;
            ended += 1;
        }
        after = page.next;
        if after.is_none() {
            return Ok(ended);
        }
    }
}

/// The session's browser has a new session now, of the same person: what was granted goes with it.
pub fn move_session(tx: &mut WriteTx, from: SessionId, to: SessionId) -> Result<(), StoreError> {
    loop {
        let moving = AUTHORIZATIONS.list(tx, &BY_SESSION, &KeyBuf::of(&from), None, BATCH)?.items;
        for (id, authorization) in &moving {
            let moved = AuthorizationRecord { session: Some(to), ..authorization.clone() };
            AUTHORIZATIONS.set(tx, id, &moved)?;
        }
        if moving.len() < BATCH {
            return Ok(());
        }
    }
}

/// Removes all that is kept of an account here, consents too: it is being deleted.
pub fn forget_account(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    end_of_account(tx, account)?;
    loop {
        let consents = consents_of(tx, account, BATCH)?;
        for (client, _) in &consents {
            CONSENTS.take(tx, &(account, client.clone()))?;
        }
        if consents.len() < BATCH {
            return Ok(());
        }
    }
}

/// Removes up to `limit` access tokens that are over for certain, oldest first. Returns how many.
pub fn sweep_access(tx: &mut WriteTx, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
    // No token lives longer, so the birth second alone tells.
    let born = now - LONGEST_ACCESS - Duration::from_secs(1);
    let mut bound = KeyBuf::new();
    bound.u32(u32::try_from(born.secs()).unwrap_or(u32::MAX));
    ACCESS.remove_before(tx, &bound, limit)
}

/// Looks at up to `limit` authorizations behind `cursor` and ends those that are over. Returns the next cursor, `None` at the
/// end, and how many ended.
pub fn sweep_authorizations(
    tx: &mut WriteTx,
    cursor: Option<AuthorizationId>,
    limit: usize,
    now: Timestamp,
    epoch: u64,
) -> Result<(Option<AuthorizationId>, usize), StoreError> {
    let rows = AUTHORIZATIONS.range(tx, cursor.as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(id, _)| *id) };
    let mut ended = 0;
    for (id, authorization) in &rows {
        if !authorization.is_live(now, epoch) {
            end(tx, *id)?;
            ended += 1;
        }
    }
    Ok((next, ended))
}
