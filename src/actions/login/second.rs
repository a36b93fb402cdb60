//! The second step of a sign-in, and raising a session that is there already.

use super::{SignInOutcome, SignedIn};
use crate::{
    actions::Actions,
    domain::{
        account::ACCOUNTS,
        call::Call,
        caller::{Factor, Strength},
        credential::{self, PasswordRecord},
        factor,
        fault::{Fault, Field, Reason},
        login::{
            Scene,
            pending::{self, PendingHash},
            second::{self, Answer},
            throttle::{self, Counters, Subject, Verdict},
        },
        session::SessionHash,
    },
    store::Reading,
    values::{id::AccountId, secret::Secret, time::Timestamp},
};

/// Longest code of a second factor that is looked at, in bytes.
pub const LONGEST_CODE: usize = 64;

/// What somebody answers to the second question.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// What it is to be.
    pub factor: Factor,
    /// The code as typed.
    pub code: Secret<String>,
    /// Whether this device is to be trusted from now on.
    pub trust: bool,
    /// The value of the known-device cookie, if one came.
    pub device: Option<String>,
}

/// What may be asked next, and of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose second factor it is.
    pub account: AccountId,
    /// What can be proven, the best first; empty when the person has no second factor.
    pub options: Vec<Factor>,
    /// Where a code by e-mail would go, masked.
    pub email: Option<String>,
    /// Where a code by SMS would go, masked.
    pub mobile: Option<String>,
    /// When the login transaction is over; `None` for a session.
    pub until: Option<Timestamp>,
}

impl Actions {
    /// What a login transaction asks. Refusal: `Expired` when it is over or never was.
    pub fn pending_question(&self, call: &Call, hash: &PendingHash) -> Result<Question, Fault> {
        let terms = self.terms();
        self.0.store.read(|tx| {
            let pending = pending::alive(tx, hash, call.now, terms.epoch)?;
            let Some(pending) = pending else { return Err(Fault::new(Reason::Expired)) };
            let mut question = self.question_of(tx, pending.account, &pending.strength)?;
            question.until = Some(pending.created + pending::PENDING_LIFETIME);
            Ok(question)
        })
    }

    /// What a person who is signed in can prove beyond the session.
    pub fn question(&self, account: AccountId, strength: &Strength) -> Result<Question, Fault> {
        self.0.store.read(|tx| self.question_of(tx, account, strength))
    }

    fn question_of(
        &self,
        tx: &impl Reading,
        account: AccountId,
        strength: &Strength,
    ) -> Result<Question, Fault> {
        let Some(record) = ACCOUNTS.get(tx, &account)? else { return Err(Fault::new(Reason::Expired)) };
        let factors = factor::of_account(tx, account)?;
        Ok(Question {
            account,
            options: factor::provable(&factors, &record, &self.settings().factors, strength),
            email: record.email.as_deref().map(masked_email),
            mobile: record.mobile.as_deref().map(masked_number),
            until: None,
        })
    }

    /// Answers a login transaction. Refusals: `Expired` when it is over (also by this very answer: begin with the first factor),
    /// `SecondFactorWrong`, `Throttled` (which ends it, security.md THR-7), `Locked`, `Disabled`.
    pub async fn second_factor(
        &self,
        call: &Call,
        hash: PendingHash,
        answer: SecondFactor,
    ) -> Result<SignInOutcome, Fault> {
        check_code(&answer.code)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let account = self.pending_question(call, &hash)?.account;
        let counters = self.second_counters(call, account, answer.device.as_deref())?;
        let (keys, terms) = (self.fresh_keys(call), self.terms());
        let given = Answer { factor: answer.factor, code: answer.code };
        let (actions, call, trust) = (self.clone(), call.clone(), answer.trust);
        self.finished(async move {
            let (fresh, now) = (keys.names(), call.clone());
            let finished = actions
                .0
                .store
                .write(move |tx| {
                    let scene = Scene { fresh: &fresh, terms: &terms, call: &now };
                    second::answer(tx, &hash, &given, &counters, &scene)
                })
                .await?;
            actions.outcome(&call, keys, finished.ok_or_else(|| Fault::new(Reason::Expired))?, trust)
        })
        .await
    }

    /// Raises a session by a second factor: it gets a new key. Refusals: `Unauthenticated` when it is over, `SecondFactorWrong`, `Throttled`.
    pub async fn step_up(
        &self,
        call: &Call,
        (account, hash): (AccountId, SessionHash),
        answer: SecondFactor,
    ) -> Result<SignedIn, Fault> {
        check_code(&answer.code)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let counters = self.second_counters(call, account, answer.device.as_deref())?;
        self.admit_second(call, &counters)?;
        let (keys, terms) = (self.fresh_keys(call), self.terms());
        let given = Answer { factor: answer.factor, code: answer.code };
        let (actions, call, trust) = (self.clone(), call.clone(), answer.trust);
        self.finished(async move {
            let (fresh, now) = (keys.names(), call.clone());
            let finished = actions
                .0
                .store
                .write(move |tx| {
                    let scene = Scene { fresh: &fresh, terms: &terms, call: &now };
                    second::step_up(tx, &hash, &given, &counters, &scene)
                })
                .await?;
            let finished = finished.ok_or_else(|| Fault::new(Reason::Unauthenticated))?;
            match actions.outcome(&call, keys, finished, trust)? {
                SignInOutcome::SignedIn(signed_in) => Ok(signed_in),
                SignInOutcome::Next(_) => Err(Fault::broken("a raised session asked for more")),
            }
        })
        .await
    }

    /// The counters that guesses at this account's second factor stand under.
    pub(in crate::actions) fn second_counters(
        &self,
        call: &Call,
        account: AccountId,
        device: Option<&str>,
    ) -> Result<Counters, Fault> {
        let password = self.0.store.read(|tx| credential::password_of(tx, account))?;
        let version = password.as_ref().map(PasswordRecord::version);
        let origin = self.origin(call, Some((account, version)), device);
        Ok(Counters::of_second(&Subject::account(account), &origin, call.client))
    }

    /// Refuses without a write what the transaction would refuse (security.md THR-12).
    pub(in crate::actions) fn admit_second(&self, call: &Call, counters: &Counters) -> Result<(), Fault> {
        let rules = self.settings().throttle.clone();
        match self.0.store.read(|tx| throttle::admit(tx, &rules, counters, |_| 0, call.now))? {
            Verdict::Admitted => Ok(()),
            Verdict::Wait(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait)),
            Verdict::Hidden => Err(Fault::new(Reason::Throttled)),
        }
    }
}

/// What no code ever is.
pub(in crate::actions) fn check_code(code: &Secret<String>) -> Result<(), Fault> {
    if code.expose().trim().is_empty() {
        Err(Fault::malformed(Field::Totp, "is required"))
    } else if code.expose().len() > LONGEST_CODE {
        Err(Fault::malformed(Field::Totp, "is too long"))
    } else {
        Ok(())
    }
}

/// Enough of an address to know it by, not enough to learn it (security.md OTP-6): `a•••@example.com`.
fn masked_email(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}•••@{domain}")
}

/// The last two digits.
fn masked_number(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let tail: String = digits.iter().skip(digits.len().saturating_sub(2)).collect();
    format!("•••{tail}")
}

#[cfg(test)]
mod tests;
