//! Which version of the terms an account has accepted.

use minicbor::{Decode, Encode};

use super::{model::Stipulation, records::satisfy};
use crate::{
    domain::{
        audit::{self, Entry, Event},
        call::Call,
    },
    store::{Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

const ACCEPTED: Table<AcceptedRecord> = Table::new();

/// The latest terms that an account accepted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct AcceptedRecord {
    #[n(0)]
    version: String,
    #[n(1)]
    at: Timestamp,
}

impl Record for AcceptedRecord {
    type Key = AccountId;
    const SPACE: &'static str = "accepted-terms";
}

/// Whether an account has accepted the terms of this version. Asked where a sign-in ends, so that new terms reach
/// everybody without a walk over all accounts.
pub fn has_accepted(tx: &impl Reading, account: AccountId, version: &str) -> Result<bool, StoreError> {
    Ok(ACCEPTED.get(tx, &account)?.is_some_and(|accepted| accepted.version == version))
}

/// The person accepts these terms.
pub fn accept_terms(
    tx: &mut WriteTx,
    account: AccountId,
    version: &str,
    actor: &str,
    call: &Call,
) -> Result<(), StoreError> {
    ACCEPTED.set(tx, &account, &AcceptedRecord { version: version.to_owned(), at: call.now })?;
    let terms = Stipulation::AcceptTerms(version.to_owned());
    if !satisfy(tx, account, &terms, actor, call)? {
        // Asked of everybody and written down for nobody: the trail says all the same who agreed to what.
        let entry = Entry::done(Event::StipulationSatisfied, actor, call).about(account);
        audit::append(tx, &entry.detail(terms.to_string()))?;
    }
    Ok(())
}

/// Forgets what a deleted account accepted.
pub(super) fn forget(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    ACCEPTED.take(tx, &account)?;
    Ok(())
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{AcceptedRecord, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn accepted_terms() {
        let accepted =
            AcceptedRecord { version: "2027-01".to_owned(), at: Timestamp::from_millis(1_800_000_000_123) };
        check("src/domain/stipulation/golden/accepted.v1.hex", &accepted);
    }
}
