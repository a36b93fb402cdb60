//! An account together with what it signs in with.

use super::records::{self, FactorsRecord};
use crate::{
    domain::{
        account::{ACCOUNTS, AccountRecord},
        credential::PASSWORDS,
    },
    store::{Reading, StoreError},
    values::id::AccountId,
};

/// What an owner's view of an account is made of, all of one moment. Secrets in it are sealed as they are in the store.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// The account.
    pub account: AccountRecord,
    /// Its second factors.
    pub factors: FactorsRecord,
    /// Whether there is a password to begin with.
    pub has_password: bool,
}

impl Dossier {
    /// Of this account; `None` when there is none.
    pub fn of(tx: &impl Reading, id: AccountId) -> Result<Option<Self>, StoreError> {
        let Some(account) = ACCOUNTS.get(tx, &id)? else { return Ok(None) };
        let factors = records::of_account(tx, id)?;
        Ok(Some(Self { account, factors, has_password: PASSWORDS.contains(tx, &id)? }))
    }
}
