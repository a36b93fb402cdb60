//! Stored stipulations.

use minicbor::{Decode, Encode};

use super::{
    model::{Open, Stipulation},
    terms::has_accepted,
};
use crate::{
    domain::{
        audit::{self, Entry, Event},
        call::Call,
    },
    store::{Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

/// Open stipulations by account. An account without any has no row.
pub const STIPULATIONS: Table<StipulationRecord> = Table::new();

/// What is open for one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct StipulationRecord {
    /// In the order they were added; at most one of a kind.
    #[n(0)]
    pub open: Vec<Open>,
}

impl Record for StipulationRecord {
    type Key = AccountId;
    const SPACE: &'static str = "stipulations";
}

/// Everything that is open for an account.
pub fn open(tx: &impl Reading, account: AccountId) -> Result<Vec<Open>, StoreError> {
    Ok(STIPULATIONS.get(tx, &account)?.unwrap_or_default().open)
}

/// The open stipulations that refuse a session, whatever else was proven.
pub fn blocking(tx: &impl Reading, account: AccountId) -> Result<Vec<Stipulation>, StoreError> {
    Ok(open(tx, account)?.into_iter().map(|open| open.what).filter(Stipulation::blocks).collect())
}

/// What a restricted session is there to satisfy. Terms in force that the account has not accepted are among it without being
/// stored.
pub fn interactive(
    tx: &impl Reading,
    account: AccountId,
    terms_in_force: Option<&str>,
) -> Result<Vec<Stipulation>, StoreError> {
    let mut asked: Vec<_> =
        open(tx, account)?.into_iter().map(|open| open.what).filter(|what| !what.blocks()).collect();
    if let Some(version) = terms_in_force
        && !has_accepted(tx, account, version)?
    {
        asked.retain(|what| !matches!(what, Stipulation::AcceptTerms(_)));
        asked.push(Stipulation::AcceptTerms(version.to_owned()));
    }
    Ok(asked)
}

/// Asks something of an account. Asking again for the same changes nothing; other terms take the place of older ones.
/// Says whether anything changed.
pub fn add(
    tx: &mut WriteTx,
    account: AccountId,
    asked: &Open,
    actor: &str,
    call: &Call,
) -> Result<bool, StoreError> {
    let mut record = STIPULATIONS.get(tx, &account)?.unwrap_or_default();
    if record.open.iter().any(|open| open.what == asked.what) {
        return Ok(false);
    }
    record.open.retain(|open| !open.what.is_like(&asked.what));
    record.open.push(asked.clone());
    STIPULATIONS.set(tx, &account, &record)?;
    let entry = Entry::done(Event::StipulationAdded, actor, call).about(account);
    audit::append(tx, &entry.detail(asked.what.to_string()))?;
    Ok(true)
}

/// What was asked has been done. Says whether it was open.
pub fn satisfy(
    tx: &mut WriteTx,
    account: AccountId,
    what: &Stipulation,
    actor: &str,
    call: &Call,
) -> Result<bool, StoreError> {
    close(tx, account, what, Event::StipulationSatisfied, actor, call)
}

/// The operator asks no more. Says whether it was open.
pub fn remove(
    tx: &mut WriteTx,
    account: AccountId,
    what: &Stipulation,
    actor: &str,
    call: &Call,
) -> Result<bool, StoreError> {
    close(tx, account, what, Event::StipulationRemoved, actor, call)
}

fn close(
    tx: &mut WriteTx,
    account: AccountId,
    what: &Stipulation,
    event: Event,
    actor: &str,
    call: &Call,
) -> Result<bool, StoreError> {
    let mut record = STIPULATIONS.get(tx, &account)?.unwrap_or_default();
    let before = record.open.len();
    record.open.retain(|open| !open.what.is_like(what));
    if record.open.len() == before {
        return Ok(false);
    }
    if record.open.is_empty() {
        STIPULATIONS.take(tx, &account)?;
    } else {
        STIPULATIONS.set(tx, &account, &record)?;
    }
    audit::append(tx, &Entry::done(event, actor, call).about(account).detail(what.to_string()))?;
    Ok(true)
}

/// The operator asks nothing of this account any more. Gives what was open.
pub fn remove_all(
    tx: &mut WriteTx,
    account: AccountId,
    actor: &str,
    call: &Call,
) -> Result<Vec<Stipulation>, StoreError> {
    let all: Vec<_> = open(tx, account)?.into_iter().map(|open| open.what).collect();
    for what in &all {
        remove(tx, account, what, actor, call)?;
    }
    Ok(all)
}

/// Forgets what was asked of an account that is deleted.
pub fn forget(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    STIPULATIONS.take(tx, &account)?;
    super::terms::forget(tx, account)
}

/// What a step of [`lapse`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapsed {
    /// The accounts whose time is over.
    pub accounts: Vec<AccountId>,
    /// Where the next step begins; `None` at the end.
    pub next: Option<AccountId>,
}

/// Looks at up to `limit` accounts behind `cursor` for those that had to satisfy something by now and did not.
pub fn lapse(
    tx: &impl Reading,
    cursor: Option<AccountId>,
    limit: usize,
    now: Timestamp,
) -> Result<Lapsed, StoreError> {
    let rows = STIPULATIONS.range(tx, cursor.as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(account, _)| *account) };
    let over = |record: &StipulationRecord| {
        record.open.iter().any(|open| open.lapses.is_some_and(|lapses| now >= lapses))
    };
    let accounts = rows.iter().filter(|(_, record)| over(record)).map(|(account, _)| *account).collect();
    Ok(Lapsed { accounts, next })
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{Open, Stipulation, StipulationRecord, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn stipulations() {
        let since = Timestamp::from_millis(1_800_000_000_123);
        let lapses = Some(Timestamp::from_millis(1_800_600_000_123));
        let address = Some("Alice@example.com".to_owned());
        let open = |what, lapses| Open { what, since, lapses, address: None };
        let record = StipulationRecord {
            open: vec![
                Open { address, ..open(Stipulation::ConfirmEmail, lapses) },
                open(Stipulation::ManualApproval, None),
                open(Stipulation::AcceptTerms("2027-01".to_owned()), None),
                open(Stipulation::ChangePassword, None),
            ],
        };
        check("src/domain/stipulation/golden/open.v1.hex", &record);
    }
}
