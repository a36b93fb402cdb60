//! Permission as a value: an action that needs it asks for it in its signature.
//!
//! The constructors are private to `domain`, and each is reached only through a check.

use std::time::Duration;

use super::{
    caller::{Caller, Factor, Strength},
    fault::{Fault, Reason},
};
use crate::values::{id::AccountId, time::Timestamp};

/// Leave to manage accounts, groups and sessions of the tenant.
#[derive(Clone, Debug)]
pub struct Permit {
    actor: String,
}

impl Permit {
    /// The operator at the control socket may manage; a person may not (administration by people
    /// arrives with its own surface and its own freshness rule).
    pub fn to_manage(caller: &Caller) -> Result<Self, Fault> {
        match caller {
            Caller::Operator | Caller::Chore => Ok(Self { actor: caller.audit_name() }),
            Caller::Person { .. } | Caller::Program { .. } => Err(Fault::new(Reason::Forbidden)),
            Caller::Nobody => Err(Fault::new(Reason::Unauthenticated)),
        }
    }

    /// Who holds it, for the audit trail.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

/// Leave to act on one account, with the actor it came from.
#[derive(Clone, Debug)]
pub struct Authority {
    account: AccountId,
    actor: String,
}

impl Authority {
    /// A live session over its own account.
    pub fn of_session(caller: &Caller) -> Result<Self, Fault> {
        match caller {
            Caller::Person { account, .. } => Ok(Self { account: *account, actor: caller.audit_name() }),
            _ => Err(Fault::new(Reason::Unauthenticated)),
        }
    }

    /// A live session whose last proof is at most `window` old (security.md section 2, fresh-authentication window).
    pub fn of_fresh_session(caller: &Caller, now: Timestamp, window: Duration) -> Result<Self, Fault> {
        let authority = Self::of_session(caller)?;
        let Caller::Person { strength, .. } = caller else { return Ok(authority) };
        match strength.last_proof() {
            Some(at) if now.since(at) <= window => Ok(authority),
            _ => Err(Fault::new(Reason::FreshSignInNeeded)),
        }
    }

    /// A live session over its own account, or a program over the account it acts for. What the program may do there was checked with
    /// its key's scopes, so there is no question of freshness.
    pub fn of_caller(caller: &Caller) -> Result<Self, Fault> {
        match caller {
            Caller::Program { account, .. } => Ok(Self { account: *account, actor: caller.audit_name() }),
            _ => Self::of_session(caller),
        }
    }

    /// The same where a session must be fresh.
    pub fn of_fresh_caller(caller: &Caller, now: Timestamp, window: Duration) -> Result<Self, Fault> {
        match caller {
            Caller::Program { .. } => Self::of_caller(caller),
            _ => Self::of_fresh_session(caller, now, window),
        }
    }

    /// The account it reaches.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Who acts, for the audit trail.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

/// What a change of factors, of the password or of an address asks of whoever makes it: a proof within `window`, and of a second factor too when the account has one. A
/// device that is only trusted proves nothing here (security.md WAN-4, section 2 "fresh authentication").
///
/// # Errors
/// `FreshSignInNeeded`; `SecondFactorNeeded`.
pub fn prove_fresh(
    strength: &Strength,
    has_second: bool,
    now: Timestamp,
    window: Duration,
) -> Result<(), Fault> {
    let fresh = |at: Option<Timestamp>| at.is_some_and(|at| now.since(at) <= window);
    if !fresh(strength.last_proof()) {
        return Err(Fault::new(Reason::FreshSignInNeeded));
    }
    let real = strength.clone().without(Factor::TrustedDevice);
    if has_second && !fresh(real.second_proof()) {
        return Err(Fault::new(Reason::SecondFactorNeeded));
    }
    Ok(())
}
