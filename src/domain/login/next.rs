//! What comes after any first factor, for every pathway: password, link, passkey, with a browser or in one call.

use std::sync::Arc;

use super::{
    door::Door,
    notices,
    pending::{self, PENDING_LIFETIME, PendingHash, PendingRecord},
    second::{self, Guess, Judged},
    throttle::{self, CounterKey, Counters},
};
use crate::{
    domain::{
        account::{ACCOUNTS, AccountRecord, Hindrance},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Level, Strength},
        credential::{PASSWORDS, PasswordRecord, Version},
        factor,
        fault::Fault,
        keyring::Keyring,
        session::{self, Lifetimes, NewSession, SessionHash, SessionRecord},
        stipulation::{self, Stipulation},
    },
    store::{Reading, StoreError, WriteTx},
    values::{
        id::{AccountId, SessionId},
        random::Random,
        secret::Secret,
        time::Timestamp,
    },
};

/// What all sign-ins live under.
#[derive(Clone)]
pub struct Terms {
    /// The limits of sessions.
    pub limits: Lifetimes,
    /// The limits of guessing.
    pub throttle: throttle::Rules,
    /// Second factors.
    pub factors: factor::Rules,
    /// What every account has to do before it may go anywhere.
    pub door: Door,
    /// Whether the owners of accounts can be told something.
    pub mail: bool,
    /// Our keys.
    pub keyring: Arc<Keyring>,
    /// The store's restore epoch.
    pub epoch: u64,
}

/// Names for what may begin, drawn before the transaction.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Of a session.
    pub session: SessionHash,
    /// What lists call it.
    pub id: SessionId,
    /// Of a login transaction.
    pub pending: PendingHash,
    /// Chance for a letter to the account's owner.
    pub letter: Random<32>,
    /// The same for one about a recovery code, which may go out beside it.
    pub recovery_letter: Random<32>,
}

/// The circumstances of one transaction.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Names for what may begin.
    pub fresh: &'a Fresh,
    /// What sign-ins live under.
    pub terms: &'a Terms,
    /// The request.
    pub call: &'a Call,
}

/// Somebody who proved something and wants in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Who.
    pub account: AccountId,
    /// What was proven so far.
    pub strength: Strength,
    /// Whether the session is to be remembered.
    pub remembered: bool,
    /// The session this browser has now.
    pub replaces: Option<SessionHash>,
    /// The value of the trusted-device cookie, if one came.
    pub trust: Option<String>,
}

/// What the one who signs in can do when more is asked.
#[derive(Clone, Debug)]
pub enum Aim {
    /// A session, step by step: whoever has to prove more gets a login transaction.
    Steps,
    /// A session in one call, with the code that came along, if one did.
    OneCall(Option<Secret<String>>),
    /// The same without a session: only whether all is proven.
    ProofOnly(Option<Secret<String>>),
}

impl Aim {
    const fn code(&self) -> Option<&Secret<String>> {
        match self {
            Self::OneCall(Some(code)) | Self::ProofOnly(Some(code)) => Some(code),
            _ => None,
        }
    }
}

/// How it ended. Each of these is committed, refusals too.
#[derive(Clone, Debug)]
pub enum Finished {
    /// A session began.
    SignedIn(Begun),
    /// All is proven; no session was asked for.
    Proven {
        /// Who.
        account: AccountId,
        /// How.
        strength: Strength,
        /// The password the account has, for what must not outlive it.
        version: Option<Version>,
    },
    /// A login transaction began under [`Fresh::pending`]: more has to be proven.
    Waits {
        /// What can be proven next, the best first.
        options: Vec<Factor>,
        /// When it is over.
        until: Timestamp,
    },
    /// In one call there is no second step, and the code is missing.
    CodeNeeded,
    /// The code is wrong.
    CodeWrong {
        /// The login transaction is over: begin with the first factor.
        ended: bool,
    },
    /// Too many wrong codes lately; the login transaction, if there was one, is over.
    Blocked(std::time::Duration),
    /// All is proven, but the password has to be replaced before anything else.
    Restricted,
    /// What was proven is right, but the account may not be used.
    Hindered(Hindrance),
    /// What was proven is right, but something is still asked of the account.
    Stipulated,
    /// The credential was changed, or the account deleted, in the meantime: as if it had been wrong.
    Stale,
}

/// A session that began.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The session.
    pub session: SessionRecord,
    /// Failures in a row that came before it.
    pub failures: u32,
    /// Its owner used a recovery code and has not looked at the factors since.
    pub review: bool,
    /// The generation of trusted devices, for a new mark.
    pub trust: u64,
    /// The password the account has, for marks that are bound to it.
    pub version: Option<Version>,
}

/// What stands between what was proven and a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The account may not be used.
    Hindered(Hindrance),
    /// Something is still asked of the account, and no session can satisfy it.
    Stipulated,
    /// One of these has to be proven first. None of them when what there is would prove nothing more.
    SecondFactor(Vec<Factor>),
    /// Nothing.
    Session {
        /// It opens nothing but the page where the password is replaced.
        restricted: bool,
    },
}

/// Decides what comes next. The one place where that is decided, whatever was proven first and wherever.
pub fn next(
    tx: &impl Reading,
    id: AccountId,
    account: &AccountRecord,
    strength: &Strength,
    terms: &Terms,
    now: Timestamp,
) -> Result<Next, Fault> {
    if let Some(hindrance) = account.status.hindrance() {
        return Ok(Next::Hindered(hindrance));
    }
    if !stipulation::blocking(tx, id)?.is_empty() {
        return Ok(Next::Stipulated);
    }
    let factors = factor::of_account(tx, id)?;
    let has_second = !factor::options(&factors, account, &terms.factors).is_empty();
    if strength.level() < Level::SecondFactor && has_second {
        return Ok(Next::SecondFactor(factor::provable(&factors, account, &terms.factors, strength)));
    }
    Ok(Next::Session { restricted: !terms.door.tasks(tx, id, account, now)?.is_empty() })
}

/// Goes on after something was proven: to a session, to a login transaction, or to a refusal. `counters` are those of the
/// first factor; `second` those of a code that came along.
pub fn proceed(
    tx: &mut WriteTx,
    mut arrival: Arrival,
    aim: &Aim,
    counters: &[CounterKey],
    second: &Counters,
    scene: &Scene<'_>,
) -> Result<Finished, Fault> {
    let Scene { terms, call, .. } = *scene;
    let id = arrival.account;
    let Some(account) = ACCOUNTS.get(tx, &id)? else { return Ok(Finished::Stale) };
    let version = PASSWORDS.get(tx, &id)?.as_ref().map(PasswordRecord::version);
    recognise_device(tx, &mut arrival, version, terms, call)?;
    let mut clears = counters.to_vec();
    loop {
        match next(tx, id, &account, &arrival.strength, terms, call.now)? {
            Next::Hindered(hindrance) => {
                let entry = Entry::refused(Event::SignInFailed, id.to_string(), call).about(id);
                audit::append(tx, &entry.detail(format!("the account is {}", account.status.as_str())))?;
                return Ok(Finished::Hindered(hindrance));
            }
            Next::Stipulated => {
                let entry = Entry::refused(Event::SignInFailed, id.to_string(), call).about(id);
                audit::append(tx, &entry.detail("something is still asked of the account"))?;
                return Ok(Finished::Stipulated);
            }
            Next::SecondFactor(options) => match (aim, aim.code()) {
                (Aim::Steps, _) => {
                    wait_for_second(tx, arrival, version, counters, scene)?;
                    return Ok(Finished::Waits { options, until: call.now + PENDING_LIFETIME });
                }
                (_, None) => return Ok(Finished::CodeNeeded),
                (_, Some(code)) => {
                    let factor = second::factor_of(code, &options);
                    let guess = Guess { account: id, subject: None, factor, code, counters: second };
                    match second::judge(tx, &guess, scene)? {
                        Judged::Right => arrival.strength = arrival.strength.and(factor, call.now),
                        Judged::Wrong => return Ok(Finished::CodeWrong { ended: false }),
                        Judged::Blocked(wait) => return Ok(Finished::Blocked(wait)),
                    }
                    clears.extend(second.cleared());
                }
            },
            // What such a session is for asks for more than a known device, and it cannot be raised later.
            Next::Session { restricted: true } if arrival.strength.has(Factor::TrustedDevice) => {
                arrival.strength = arrival.strength.without(Factor::TrustedDevice);
            }
            Next::Session { restricted } => {
                return enter(tx, arrival, &account, aim, restricted, &clears, scene);
            }
        }
    }
}

/// Begins the login transaction of somebody who has to prove more.
fn wait_for_second(
    tx: &mut WriteTx,
    arrival: Arrival,
    version: Option<Version>,
    counters: &[CounterKey],
    scene: &Scene<'_>,
) -> Result<(), StoreError> {
    let Scene { fresh, terms, call } = *scene;
    let id = arrival.account;
    let record = PendingRecord {
        account: id,
        strength: arrival.strength,
        version,
        remembered: arrival.remembered,
        replaces: arrival.replaces,
        created: call.now,
        epoch: terms.epoch,
        wrong: 0,
        counters: counters.to_vec(),
    };
    pending::begin(tx, &fresh.pending, &record)?;
    audit::append(tx, &Entry::done(Event::SecondFactorAsked, id.to_string(), call).about(id))
}

/// A device on which a second factor was given before counts as one, as old as that proof was.
fn recognise_device(
    tx: &impl Reading,
    arrival: &mut Arrival,
    version: Option<Version>,
    terms: &Terms,
    call: &Call,
) -> Result<(), StoreError> {
    let Some(mark) = arrival.trust.take() else { return Ok(()) };
    if terms.factors.trusted.is_zero() || arrival.strength.level() == Level::SecondFactor {
        return Ok(());
    }
    let generation = factor::of_account(tx, arrival.account)?.trust;
    let known = terms.keyring.trusted_since(arrival.account, version, generation, &mark, call.now);
    // What was trusted for longer than is allowed now is not trusted any more.
    if let Some(since) = known.filter(|since| call.now.since(*since) < terms.factors.trusted) {
        arrival.strength = arrival.strength.clone().and(Factor::TrustedDevice, since);
    }
    Ok(())
}

/// All is proven.
fn enter(
    tx: &mut WriteTx,
    arrival: Arrival,
    account: &AccountRecord,
    aim: &Aim,
    restricted: bool,
    clears: &[CounterKey],
    scene: &Scene<'_>,
) -> Result<Finished, Fault> {
    let Scene { fresh, terms, call } = *scene;
    let id = arrival.account;
    if restricted && matches!(aim, Aim::ProofOnly(_)) {
        // What is asked is done on our pages, and opens nothing else before.
        let tasks = terms.door.tasks(tx, id, account, call.now)?;
        let change = tasks.contains(&Stipulation::ChangePassword);
        return Ok(if change { Finished::Restricted } else { Finished::Stipulated });
    }
    let failures = throttle::clear(tx, clears)?;
    let how = proofs(&arrival.strength);
    let after = if failures == 0 { String::new() } else { format!("; after {failures} failures") };
    let done = Entry::done(Event::SignedIn, id.to_string(), call).about(id);
    if let Aim::ProofOnly(_) = aim {
        audit::append(tx, &done.detail(format!("{how}; no session{after}")))?;
        let version = PASSWORDS.get(tx, &id)?.as_ref().map(PasswordRecord::version);
        return Ok(Finished::Proven { account: id, strength: arrival.strength, version });
    }
    let new = NewSession {
        hash: fresh.session,
        id: fresh.id,
        account: id,
        strength: arrival.strength,
        remembered: arrival.remembered,
        replaces: arrival.replaces,
        restricted,
    };
    factor::trust_mail(tx, id, &new.strength)?;
    let begun = session::begin(tx, &new, call, &terms.limits, terms.epoch)?;
    if begun.evicted > 0 {
        let entry = Entry::done(Event::SessionEvicted, "vouchsafe", call).about(id);
        audit::append(tx, &entry.detail(format!("{} ended", begun.evicted)))?;
    }
    audit::append(tx, &done.detail(format!("{how}; session {}{after}", begun.session.id)))?;
    let factors = factor::of_account(tx, id)?;
    let version = PASSWORDS.get(tx, &id)?.as_ref().map(PasswordRecord::version);
    notices::after_sign_in(tx, id, account, version, failures, scene)?;
    let (review, trust) = (factors.review, factors.trust);
    Ok(Finished::SignedIn(Begun { session: begun.session, failures, review, trust, version }))
}

/// The factors by name, for the trail.
pub(super) fn proofs(strength: &Strength) -> String {
    let names: Vec<_> = strength.proofs.iter().map(|proof| proof.factor.as_str()).collect();
    names.join(" and ")
}
