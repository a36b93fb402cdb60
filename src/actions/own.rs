//! What a person, or a program that acts for one, may read of the own account.

use super::Actions;
use crate::{
    domain::{
        account,
        audit::{self, AuditRecord},
        call::Call,
        fault::Fault,
        rights::Authority,
    },
    values::name::Username,
};

impl Actions {
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
