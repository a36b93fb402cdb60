//! The one transaction that ends a password attempt.

use super::throttle::{self, Counters, Rules};
use crate::{
    crypto::password::{Hash, Proof},
    domain::{
        account::{ACCOUNTS, Hindrance},
        audit::{self, Entry, Event},
        call::Call,
        credential::{self, PASSWORDS, Version},
        fault::Fault,
        session::{self, Lifetimes, NewSession, SessionRecord},
    },
    store::WriteTx,
    values::id::AccountId,
};

/// What a verified password becomes.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The session to begin.
    pub session: NewSession,
    /// That the password was right.
    pub proof: Proof,
    /// Which password that was.
    pub version: Version,
    /// The same password hashed with present parameters, when the stored hash is outdated.
    pub renewed: Option<Hash>,
}

/// How it ended. Each of these is committed, refusals too.
#[derive(Clone, Debug)]
pub enum Finished {
    /// A session began: this one.
    SignedIn(SessionRecord),
    /// The password was right, but the account may not be used.
    Hindered(Hindrance),
    /// The password was changed, or the account deleted, while it was being verified: as if it had been wrong.
    Stale,
}

/// Ends an attempt whose password was right.
pub fn finish(
    tx: &mut WriteTx,
    finish: &Finish,
    counters: &Counters,
    rules: &Rules,
    limits: &Lifetimes,
    call: &Call,
    epoch: u64,
) -> Result<Finished, Fault> {
    let id = finish.session.account;
    let (Some(account), Some(password)) = (ACCOUNTS.get(tx, &id)?, PASSWORDS.get(tx, &id)?) else {
        miss(tx, Some(id), counters, rules, call, "the account was deleted meanwhile")?;
        return Ok(Finished::Stale);
    };
    if password.version() != finish.version {
        miss(tx, Some(id), counters, rules, call, "the password was changed meanwhile")?;
        return Ok(Finished::Stale);
    }
    if let Some(hindrance) = account.status.hindrance() {
        let entry = Entry::refused(Event::SignInFailed, id.to_string(), call).about(id);
        audit::append(tx, &entry.detail(format!("the account is {}", account.status.as_str())))?;
        return Ok(Finished::Hindered(hindrance));
    }
    let failures = throttle::clear(tx, counters)?;
    if let Some(hash) = &finish.renewed
        && credential::renew_hash(tx, id, finish.version, hash)?
    {
        audit::append(tx, &Entry::done(Event::PasswordRehashed, "vouchsafe", call).about(id))?;
    }
    let new = NewSession { restricted: password.temporary, ..finish.session.clone() };
    let begun = session::begin(tx, &new, call, limits, epoch)?;
    if begun.evicted > 0 {
        let entry = Entry::done(Event::SessionEvicted, "vouchsafe", call).about(id);
        audit::append(tx, &entry.detail(format!("{} ended", begun.evicted)))?;
    }
    let mut entry = Entry::done(Event::SignedIn, id.to_string(), call).about(id);
    entry = entry.detail(match failures {
        0 => format!("password; session {}", begun.session.id),
        n => format!("password; session {}; after {n} failures", begun.session.id),
    });
    audit::append(tx, &entry)?;
    Ok(Finished::SignedIn(begun.session))
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
