//! The second factor: judging an answer, and what it completes.

use std::time::Duration;

use super::{
    next::{Aim, Arrival, Begun, Finished, Scene, Terms, proceed, proofs},
    notices,
    pending::{self, PendingHash, PendingRecord},
    throttle::{self, Counters, Verdict},
};
use crate::{
    crypto::digest::sha256,
    domain::{
        account::{ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        challenge::{self, CodeFor, Subject, Tried},
        credential::{PASSWORDS, PasswordRecord},
        factor::{self, Channel, recovery},
        fault::Fault,
        session::{self, Liveness, SESSIONS, SessionHash, SessionRecord},
    },
    store::{KeyBuf, Reading, StoreError, WriteTx},
    values::{id::AccountId, secret::Secret},
};

/// What became of an answer. All of them are to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It was right, and is used up.
    Right,
    /// It was wrong, and is counted.
    Wrong,
    /// It was not looked at: too many were wrong lately.
    Blocked(Duration),
}

/// What somebody gives as a second factor.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it is to be.
    pub factor: Factor,
    /// The code as typed.
    pub code: Secret<String>,
}

/// An answer to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Guess<'a> {
    /// Whose factor it is about.
    pub account: AccountId,
    /// Whom codes were sent about, if any could have been.
    pub subject: Option<Subject>,
    /// Which factor.
    pub factor: Factor,
    /// The code as typed.
    pub code: &'a Secret<String>,
    /// The counters it stands under.
    pub counters: &'a Counters,
}

/// Which factor a code of the one-call form is meant for: its shape tells recovery codes from the others.
pub fn factor_of(code: &Secret<String>, options: &[Factor]) -> Factor {
    let has = |factor: Factor| options.contains(&factor);
    if has(Factor::RecoveryCode) && recovery::looks_like_one(code.expose()) {
        return Factor::RecoveryCode;
    }
    // In one call nobody can have been sent a code.
    Factor::Totp
}

/// Whom codes sent to a session's owner are about (security.md OTP-2).
pub fn subject_of_session(session: &SessionHash) -> Subject {
    Subject::Other(sha256(KeyBuf::of(session).as_bytes()))
}

/// Judges an answer. Whether it may be looked at, the look itself and the counting happen in this one transaction, so that many at once
/// are counted one by one (security.md THR-2, OTP-1).
pub fn judge(tx: &mut WriteTx, guess: &Guess<'_>, scene: &Scene<'_>) -> Result<Judged, Fault> {
    let Scene { terms, call, .. } = *scene;
    let Guess { account: id, factor, code, counters, .. } = *guess;
    match throttle::admit(tx, &terms.throttle, counters, |_| 0, call.now)? {
        Verdict::Admitted => {}
        Verdict::Wait(wait) => return Ok(Judged::Blocked(wait)),
        // These counters have no other spelling; said all the same.
        Verdict::Hidden => return Ok(Judged::Blocked(Duration::from_secs(1))),
    }
    let right = match factor {
        Factor::Totp => {
            let key = terms.keyring.factors();
            factor::use_totp(tx, key, id, code, &terms.factors, call.now)?
        }
        Factor::RecoveryCode => factor::use_recovery(tx, id, code)?,
        Factor::EmailCode => try_sent(tx, guess, Channel::Email, terms, call)?,
        Factor::SmsCode => try_sent(tx, guess, Channel::Sms, terms, call)?,
        // Nothing that is typed proves these.
        Factor::Password
        | Factor::Passkey
        | Factor::VerifiedPasskey
        | Factor::TrustedDevice
        | Factor::Link => false,
    };
    if right {
        if factor == Factor::RecoveryCode {
            let left = factor::of_account(tx, id)?.recovery_left();
            let entry = Entry::done(Event::RecoveryCodeUsed, id.to_string(), call).about(id);
            audit::append(tx, &entry.detail(format!("{left} left")))?;
            notices::recovery_used(tx, id, left, scene)?;
        }
        return Ok(Judged::Right);
    }
    wrong(tx, guess, terms, call)?;
    Ok(Judged::Wrong)
}

fn wrong(tx: &mut WriteTx, guess: &Guess<'_>, terms: &Terms, call: &Call) -> Result<(), StoreError> {
    let Guess { account: id, factor, counters, .. } = *guess;
    let ceiling = throttle::count_failure(tx, &terms.throttle, counters, call.now)?;
    let entry = Entry::refused(Event::SecondFactorFailed, id.to_string(), call).about(id);
    audit::append(tx, &entry.detail(factor.as_str()))?;
    if ceiling {
        let entry = Entry::done(Event::CeilingReached, "vouchsafe", call).about(id);
        audit::append(tx, &entry.detail("second factor"))?;
    }
    Ok(())
}

/// A code that was sent: good for the address the account has now, and for this transaction or session alone.
fn try_sent(
    tx: &mut WriteTx,
    guess: &Guess<'_>,
    channel: Channel,
    terms: &Terms,
    call: &Call,
) -> Result<bool, Fault> {
    let Some(account) = ACCOUNTS.get(tx, &guess.account)? else { return Ok(false) };
    let (Some(subject), Some(address)) = (guess.subject, channel.address(&account)) else { return Ok(false) };
    let good_for = CodeFor { purpose: channel.purpose(), subject, address: address.to_owned() };
    let key = terms.keyring.codes();
    let tried = challenge::try_code(tx, key, &good_for, guess.code, call.now, terms.epoch)?;
    Ok(tried == Tried::Right)
}

/// Answers the question of a login transaction. `None` when there is no such transaction (any more).
pub fn answer(
    tx: &mut WriteTx,
    hash: &PendingHash,
    answer: &Answer,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Option<Finished>, Fault> {
    let Scene { terms, call, .. } = *scene;
    let Some(pending) = pending::alive(tx, hash, call.now, terms.epoch)? else { return Ok(None) };
    let id = pending.account;
    let Some(account) = ACCOUNTS.get(tx, &id)? else { return Ok(None) };
    let judged = if may_prove(tx, (id, &account), &pending.strength, answer.factor, terms)? {
        let subject = Some(hash.subject());
        let guess = Guess { account: id, subject, factor: answer.factor, code: &answer.code, counters };
        judge(tx, &guess, scene)?
    } else {
        Judged::Wrong
    };
    match judged {
        Judged::Right => completed(tx, hash, pending, answer.factor, counters, scene).map(Some),
        Judged::Wrong => Ok(Some(Finished::CodeWrong { ended: pending::wrong(tx, hash, pending)? })),
        Judged::Blocked(wait) => {
            // Guessing goes on only behind the first factor (security.md THR-7).
            pending::end(tx, hash)?;
            Ok(Some(Finished::Blocked(wait)))
        }
    }
}

/// A login transaction whose question was answered rightly with `factor`: it ends, and what comes next begins.
pub fn completed(
    tx: &mut WriteTx,
    hash: &PendingHash,
    pending: PendingRecord,
    factor: Factor,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Finished, Fault> {
    let now = scene.call.now;
    pending::end(tx, hash)?;
    let arrival = Arrival {
        account: pending.account,
        strength: pending.strength.and(factor, now),
        remembered: pending.remembered,
        replaces: pending.replaces,
        trust: None,
    };
    let mut clears = pending.counters;
    clears.extend(counters.cleared());
    proceed(tx, arrival, &Aim::Steps, &clears, counters, scene)
}

/// Raises a live session by a second factor (step-up). `None` when there is no such session (any more).
pub fn step_up(
    tx: &mut WriteTx,
    hash: &SessionHash,
    answer: &Answer,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Option<Finished>, Fault> {
    let Scene { terms, call, .. } = *scene;
    let Some((session, account)) = live(tx, hash, terms, call)? else { return Ok(None) };
    let id = session.account;
    if !may_prove(tx, (id, &account), &session.strength, answer.factor, terms)? {
        return Ok(Some(Finished::CodeWrong { ended: false }));
    }
    let subject = Some(subject_of_session(hash));
    let guess = Guess { account: id, subject, factor: answer.factor, code: &answer.code, counters };
    match judge(tx, &guess, scene)? {
        Judged::Right => raise(tx, hash, session, answer.factor, counters, scene).map(Some),
        Judged::Wrong => Ok(Some(Finished::CodeWrong { ended: false })),
        Judged::Blocked(wait) => Ok(Some(Finished::Blocked(wait))),
    }
}

/// A live session whose owner proved `factor` just now: it gets another key and a greater strength (security.md SES-2). It does
/// not live longer for that.
pub fn raise(
    tx: &mut WriteTx,
    hash: &SessionHash,
    session: SessionRecord,
    factor: Factor,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Finished, Fault> {
    let Scene { fresh, call, .. } = *scene;
    let id = session.account;
    let failures = throttle::clear(tx, &counters.cleared())?;
    let strength = session.strength.clone().and(factor, call.now);
    factor::trust_mail(tx, id, &strength)?;
    let raised = session::raise(tx, hash, session, (fresh.session, fresh.id), strength, call.now)?;
    let entry = Entry::done(Event::SteppedUp, id.to_string(), call).about(id);
    audit::append(tx, &entry.detail(format!("{}; session {}", proofs(&raised.strength), raised.id)))?;
    let factors = factor::of_account(tx, id)?;
    let version = PASSWORDS.get(tx, &id)?.as_ref().map(PasswordRecord::version);
    let (review, trust) = (factors.review, factors.trust);
    Ok(Finished::SignedIn(Begun { session: raised, failures, review, trust, version }))
}

/// The session under a key and its owner, while both may be used.
pub fn live(
    tx: &impl Reading,
    hash: &SessionHash,
    terms: &Terms,
    call: &Call,
) -> Result<Option<(SessionRecord, AccountRecord)>, StoreError> {
    let Some(session) = SESSIONS.get(tx, hash)? else { return Ok(None) };
    let live = terms.limits.liveness(call.now, session.last_seen, session.ends, session.remembered);
    if session.epoch != terms.epoch || session.restricted || !matches!(live, Liveness::Live { .. }) {
        return Ok(None);
    }
    let account = ACCOUNTS.get(tx, &session.account)?;
    Ok(account.filter(|account| account.status.hindrance().is_none()).map(|account| (session, account)))
}

fn may_prove(
    tx: &impl Reading,
    (id, account): (AccountId, &AccountRecord),
    strength: &Strength,
    factor: Factor,
    terms: &Terms,
) -> Result<bool, StoreError> {
    let factors = factor::of_account(tx, id)?;
    Ok(factor::provable(&factors, account, &terms.factors, strength).contains(&factor))
}
