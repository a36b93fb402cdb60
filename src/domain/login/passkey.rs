//! A passkey as second factor, as step-up, and as the only factor: counting the answer and what follows from it.
//!
//! An answer is judged before the transaction, because checking a signature is slow; here its ceremony is used up, so that of any number of answers
//! one counts, and its counter is compared with what is stored now.

use super::{
    finish::miss,
    next::{Aim, Arrival, Finished, Scene, proceed},
    pending::{self, PendingHash},
    second::{completed, live, raise, subject_of_session},
    throttle::{self, Counters, Verdict},
};
use crate::{
    crypto::webauthn::{Asserted, Refusal},
    domain::{
        audit::{self, Entry, Event},
        caller::Factor,
        challenge::{self, Purpose, Subject},
        factor::passkey::{self, Spent},
        fault::{Fault, Reason},
        session::SessionHash,
    },
    store::WriteTx,
    values::{id::AccountId, secret::Secret},
};

/// An answer, and what was found when it was judged.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The handle of the ceremony it answers.
    pub handle: Secret<String>,
    /// Whether it is right in itself.
    pub verdict: Result<Asserted, Refusal>,
}

/// What an answer amounts to. All of them are to be committed.
enum Judged {
    Right(Factor),
    Wrong,
    Blocked(std::time::Duration),
}

/// Answers the question of a login transaction. `None` when there is no such transaction (any more).
///
/// # Errors
/// `Expired` and `InvalidToken` when the ceremony is over, was answered before, or is another's; nothing is counted then.
pub fn answer(
    tx: &mut WriteTx,
    hash: &PendingHash,
    shown: &Shown,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Option<Finished>, Fault> {
    let Some(pending) = pending::alive(tx, hash, scene.call.now, scene.terms.epoch)? else { return Ok(None) };
    redeem(tx, Purpose::PasskeyProof, hash.subject(), shown, scene)?;
    match judge(tx, pending.account, shown, counters, scene)? {
        Judged::Right(factor) => completed(tx, hash, pending, factor, counters, scene).map(Some),
        Judged::Wrong => Ok(Some(Finished::CodeWrong { ended: pending::wrong(tx, hash, pending)? })),
        Judged::Blocked(wait) => {
            // Guessing goes on only behind the first factor (security.md THR-7).
            pending::end(tx, hash)?;
            Ok(Some(Finished::Blocked(wait)))
        }
    }
}

/// Raises a live session. `None` when there is no such session (any more).
///
/// # Errors
/// As with [`answer`].
pub fn step_up(
    tx: &mut WriteTx,
    hash: &SessionHash,
    shown: &Shown,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Option<Finished>, Fault> {
    let Some((session, _)) = live(tx, hash, scene.terms, scene.call)? else { return Ok(None) };
    redeem(tx, Purpose::PasskeyProof, subject_of_session(hash), shown, scene)?;
    match judge(tx, session.account, shown, counters, scene)? {
        Judged::Right(factor) => raise(tx, hash, session, factor, counters, scene).map(Some),
        Judged::Wrong => Ok(Some(Finished::CodeWrong { ended: false })),
        Judged::Blocked(wait) => Ok(Some(Finished::Blocked(wait))),
    }
}

/// Signs somebody in who proved nothing but the passkey. `arrival` is `None` when nobody has it.
///
/// # Errors
/// As with [`answer`].
pub fn sign_in(
    tx: &mut WriteTx,
    arrival: Option<Arrival>,
    subject: Subject,
    shown: &Shown,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Finished, Fault> {
    redeem(tx, Purpose::PasskeySignIn, subject, shown, scene)?;
    let Some(arrival) = arrival else {
        miss(tx, None, counters, &scene.terms.throttle, scene.call, "unknown passkey")?;
        return Ok(Finished::Stale);
    };
    match judge(tx, arrival.account, shown, counters, scene)? {
        // Alone it is two factors, or it is nothing (security.md WAN-6).
        Judged::Right(Factor::VerifiedPasskey) => {
            proceed(tx, arrival, &Aim::Steps, &counters.cleared(), counters, scene)
        }
        Judged::Right(_) => {
            let entry = Entry::refused(Event::PasskeyRefused, arrival.account.to_string(), scene.call);
            let why = "it did not know its user when it was made";
            audit::append(tx, &entry.about(arrival.account).detail(why))?;
            Ok(Finished::Stale)
        }
        Judged::Wrong => Ok(Finished::Stale),
        Judged::Blocked(wait) => Ok(Finished::Blocked(wait)),
    }
}

/// Uses the ceremony up; it must be about this very login transaction, session or flow.
fn redeem(
    tx: &mut WriteTx,
    purpose: Purpose,
    subject: Subject,
    shown: &Shown,
    scene: &Scene<'_>,
) -> Result<(), Fault> {
    let link = challenge::redeem(tx, purpose, &shown.handle, scene.call.now, scene.terms.epoch)?;
    if link.subject == subject { Ok(()) } else { Err(Fault::new(Reason::InvalidToken)) }
}

fn judge(
    tx: &mut WriteTx,
    account: AccountId,
    shown: &Shown,
    counters: &Counters,
    scene: &Scene<'_>,
) -> Result<Judged, Fault> {
    let Scene { terms, call, .. } = *scene;
    match throttle::admit(tx, &terms.throttle, counters, |_| 0, call.now)? {
        Verdict::Admitted => {}
        Verdict::Wait(wait) => return Ok(Judged::Blocked(wait)),
        // These counters have no other spelling; said all the same.
        Verdict::Hidden => return Ok(Judged::Blocked(std::time::Duration::from_secs(1))),
    }
    let why = match &shown.verdict {
        Ok(asserted) => match passkey::spend(tx, account, asserted, call.now)? {
            Spent::Right(factor) => return Ok(Judged::Right(factor)),
            Spent::Gone => "it is not a passkey of the account".to_owned(),
            Spent::Doubted => {
                doubt(tx, account, scene)?;
                Refusal::Counter.to_string()
            }
        },
        Err(refusal) => {
            if *refusal == Refusal::Counter {
                doubt(tx, account, scene)?;
            }
            refusal.to_string()
        }
    };
    let ceiling = throttle::count_failure(tx, &terms.throttle, counters, call.now)?;
    let entry = Entry::refused(Event::PasskeyRefused, account.to_string(), call).about(account);
    audit::append(tx, &entry.detail(why))?;
    if ceiling {
        let entry = Entry::done(Event::CeilingReached, "vouchsafe", call).about(account);
        audit::append(tx, &entry.detail("passkey"))?;
    }
    Ok(Judged::Wrong)
}

fn doubt(tx: &mut WriteTx, account: AccountId, scene: &Scene<'_>) -> Result<(), Fault> {
    let entry = Entry::refused(Event::PasskeyDoubted, account.to_string(), scene.call).about(account);
    audit::append(tx, &entry)?;
    Ok(())
}
