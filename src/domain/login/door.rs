//! What an account that may enter still has to do before it may go anywhere: replace its password, accept the terms.

use std::time::Duration;

use crate::{
    domain::{
        account::AccountRecord,
        credential,
        fault::Fault,
        stipulation::{self, Stipulation},
    },
    store::Reading,
    values::{id::AccountId, time::Timestamp},
};

/// What the operator asks of everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Door {
    /// The version of the terms in force.
    pub terms: Option<String>,
    /// How old a password may become; without limit when absent (DESIGN.md ruling 13).
    pub expire_after: Option<Duration>,
}

impl Door {
    /// What a restricted session has to satisfy, in the order its pages ask: the password first. A session is restricted exactly when
    /// there is something.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tasks(
        &self,
        tx: &impl Reading,
        id: AccountId,
        account: &AccountRecord,
        now: Timestamp,
    ) -> Result<Vec<Stipulation>, Fault> {
        let mut asked = stipulation::interactive(tx, id, self.terms.as_deref())?;
        let change = Stipulation::ChangePassword;
        if !asked.contains(&change) && self.password_is_over(tx, id, account, now)? {
            asked.push(change);
        }
        asked.sort_by_key(|what| *what != Stipulation::ChangePassword);
        Ok(asked)
    }

    /// Somebody else set the password, or it has become too old. One that only the configuration file can change does neither.
    fn password_is_over(
        &self,
        tx: &impl Reading,
        id: AccountId,
        account: &AccountRecord,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let Some(password) = credential::password_of(tx, id)?.filter(|_| !account.managed) else {
            return Ok(false);
        };
        let expired = self.expire_after.is_some_and(|most| now.since(password.set) >= most);
        Ok(password.temporary || expired)
    }
}
