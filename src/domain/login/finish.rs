//! The one transaction that ends a password attempt.

use super::{
    next::{Aim, Arrival, Finished, Scene, proceed},
    throttle::{self, Counters, Rules},
};
use crate::{
    crypto::password::{Hash, Proof},
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        credential::{self, PASSWORDS, Version},
        fault::Fault,
    },
    store::WriteTx,
    values::id::AccountId,
};

/// A verified password and who gave it.
#[derive(Clone, Debug)]
pub struct Finish {
    /// Who wants in.
    pub arrival: Arrival,
    /// That the password was right.
    pub proof: Proof,
    /// Which password that was.
    pub version: Version,
    /// The same password hashed with present parameters, when the stored hash is outdated.
    pub renewed: Option<Hash>,
    /// The counters of the password, cleared when all is proven.
    pub counters: Counters,
    /// The counters of a code that came along.
    pub second: Counters,
}

/// Ends an attempt whose password was right.
pub fn finish(tx: &mut WriteTx, finish: &Finish, aim: &Aim, scene: &Scene<'_>) -> Result<Finished, Fault> {
    let Scene { terms, call, .. } = *scene;
    let id = finish.arrival.account;
    if PASSWORDS.get(tx, &id)?.is_none_or(|password| password.version() != finish.version) {
        let why = "the password was changed or removed meanwhile";
        miss(tx, Some(id), &finish.counters, &terms.throttle, call, why)?;
        return Ok(Finished::Stale);
    }
    let cleared = finish.counters.cleared();
    let finished = proceed(tx, finish.arrival.clone(), aim, &cleared, &finish.second, scene)?;
    // A closed account is not touched, not even by its owner.
    if !matches!(finished, Finished::Hindered(_) | Finished::Stipulated | Finished::Stale)
        && let Some(hash) = &finish.renewed
        && credential::renew_hash(tx, id, finish.version, hash)?
    {
        audit::append(tx, &Entry::done(Event::PasswordRehashed, "vouchsafe", call).about(id))?;
    }
    Ok(finished)
}

/// Ends an attempt whose password (or name) was wrong: counted and written down.
pub fn miss(
    tx: &mut WriteTx,
    account: Option<AccountId>,
    counters: &Counters,
    rules: &Rules,
    call: &Call,
    why: &str,
) -> Result<(), Fault> {
    let ceiling = throttle::count_failure(tx, rules, counters, call.now)?;
    let mut entry = Entry::refused(Event::SignInFailed, "nobody", call).detail(why);
    if let Some(id) = account {
        entry = entry.about(id);
    }
    audit::append(tx, &entry)?;
    if ceiling && let Some(id) = account {
        audit::append(tx, &Entry::done(Event::CeilingReached, "vouchsafe", call).about(id))?;
    }
    Ok(())
}
