//! What a person, or a program that acts for one, may read of the own account.

use super::{Actions, factors::Factors};
use crate::{
    domain::{
        account::{self, AccountRecord},
        audit::{self, AuditRecord},
        call::Call,
        fault::{Fault, Reason},
        rights::Authority,
    },
    values::{id::AccountId, name::Username},
};

/// An account as its owner sees it.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Its id.
    pub id: AccountId,
    /// The account.
    pub account: AccountRecord,
    /// How it signs in.
    pub factors: Factors,
}

impl Actions {
    /// The account somebody acts on.
    ///
    /// # Errors
    /// `NoSuchAccount` when it has gone meanwhile.
    pub fn portrait(&self, authority: &Authority) -> Result<Portrait, Fault> {
        let id = authority.account();
        let seen = self.account_and_factors(id)?;
        let (account, factors) = seen.ok_or_else(|| Fault::new(Reason::NoSuchAccount))?;
        Ok(Portrait { id, account, factors })
    }

    /// A page of the own trail, newest first: `limit` entries behind the newest `offset`.
    pub fn own_trail(
        &self,
        authority: &Authority,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, Fault> {
        Ok(self.0.store.read(|tx| audit::page_of(tx, authority.account(), offset, limit))?)
    }

    /// Whether somebody has this user name: the one place where the house tells that, and so counted like an attempt (DESIGN.md
    /// ruling 10). What can be no user name is nobody's.
    pub fn username_exists(&self, call: &Call, typed: &str) -> Result<bool, Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let Ok(username) = Username::parse(typed) else { return Ok(false) };
        Ok(self.0.store.read(|tx| account::named(tx, self.0.home, &username))?.is_some())
    }
}
