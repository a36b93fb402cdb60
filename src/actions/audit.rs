//! Reading the audit trail.

use crate::{
    actions::Actions,
    domain::{
        audit::{self, AuditRecord},
        fault::Fault,
        rights::{Authority, Permit},
    },
    values::id::AccountId,
};

impl Actions {
    /// Entries newest first, about everybody or about one account; `before` continues a page.
    pub fn audit(
        &self,
        _: &Permit,
        subject: Option<AccountId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, Fault> {
        Ok(self.0.store.read(|tx| audit::recent(tx, subject, before, limit))?)
    }

    /// What a person may read of the own trail.
    pub fn own_audit(
        &self,
        authority: &Authority,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, Fault> {
        Ok(self.0.store.read(|tx| audit::recent(tx, Some(authority.account()), before, limit))?)
    }

    /// Checks the hash chain: the number of entries that hold, or the first that does not.
    pub fn verify_audit(&self, _: &Permit) -> Result<Result<u64, u64>, Fault> {
        Ok(self.0.store.read(audit::verify_chain)?)
    }
}
