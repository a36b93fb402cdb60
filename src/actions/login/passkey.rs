//! Showing a passkey: as second factor, to raise a session, or as the only factor of a sign-in.
//!
//! The beats are those of a password: reserve a place before anything is judged (security.md THR-2), judge outside any transaction, end it in one
//! write that uses the ceremony up.

use super::{SignInOutcome, reservations::Place};
use crate::{
    actions::{Actions, passkeys::Asked},
    crypto::{
        digest::sha256,
        mac::framed,
        webauthn::{Allowed, Claim, Refusal, RelyingParty, Verification},
    },
    domain::{
        call::Call,
        caller::{Factor, Strength},
        challenge::{self, Purpose, Subject},
        factor::passkey::{self as keys, PasskeyKey, PasskeyRecord},
        fault::{Fault, Reason},
        login::{
            Arrival, Scene,
            passkey::{self, Shown},
            pending::{self, PendingHash},
            second,
            throttle::{self, Counters, Held},
        },
        session::SessionHash,
    },
    values::{id::AccountId, secret::Secret},
};

/// Who shows a passkey beside something else.
#[derive(Clone, Copy, Debug)]
pub enum Prover {
    /// Somebody in a login transaction.
    Pending(PendingHash),
    /// Somebody who is signed in.
    Session(AccountId, SessionHash),
}

impl Prover {
    /// Whom the ceremony is about: nobody else's answer is good for it.
    fn subject(&self) -> Subject {
        match self {
            Self::Pending(hash) => hash.subject(),
            Self::Session(_, hash) => second::subject_of_session(hash),
        }
    }
}

/// What a browser answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The handle of the ceremony.
    pub handle: Secret<String>,
    /// The credential, as JSON text.
    pub response: String,
    /// The value of the known-device cookie, if one came.
    pub device: Option<String>,
}

/// A sign-in with nothing but a passkey.
#[derive(Clone, Debug)]
pub struct PasskeySignIn {
    /// What the browser answers.
    pub answer: Answer,
    /// Whether the session is to be remembered.
    pub remember: bool,
    /// The session this browser has now.
    pub replaces: Option<SessionHash>,
}

impl Actions {
    /// Asks for one of the passkeys of whoever is asked for a second factor.
    ///
    /// # Errors
    /// `Expired` when the login transaction is over, `SwitchedOff` when there is no passkey to show, `Throttled`.
    pub async fn ask_for_passkey(&self, call: &Call, prover: Prover) -> Result<Asked, Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let settings = self.settings();
        let off = || Fault::new(Reason::SwitchedOff);
        let party = settings.passkeys.party.clone().ok_or_else(off)?;
        let account = self.prover_account(call, &prover)?;
        let there = self.0.store.read(|tx| keys::of_owner(tx, account))?;
        if there.is_empty() {
            return Err(off());
        }
        let allowed: Vec<Allowed<'_>> = there.iter().map(|(_, passkey)| passkey.allowed()).collect();
        let chance = self.0.world.random();
        // Those that did it once have to go on, so a browser shall not be left to choose.
        let all = there.iter().all(|(_, passkey)| passkey.verified);
        let verification = if all { Verification::Required } else { settings.passkeys.verification };
        let ceremony = party.begin_assertion(&allowed, verification, chance);
        self.keep(call, Purpose::PasskeyProof, prover.subject(), ceremony).await
    }

    /// Takes a passkey for the second factor. `trust` says that this device is to be trusted from now on.
    ///
    /// # Errors
    /// `Expired` and `InvalidToken` when the ceremony or the login transaction is over, `SecondFactorWrong`, `Throttled` (which ends
    /// the transaction, security.md THR-7), `Unauthenticated` when the session is over, `Locked`, `Disabled`.
    pub async fn prove_with_passkey(
        &self,
        call: &Call,
        prover: Prover,
        answer: Answer,
        trust: bool,
    ) -> Result<SignInOutcome, Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let party = self.settings().passkeys.party.clone().ok_or_else(|| Fault::new(Reason::SwitchedOff))?;
        let account = self.prover_account(call, &prover)?;
        let counters = self.second_counters(call, account, answer.device.as_deref())?;
        let (actions, call) = (self.clone(), call.clone());
        self.finished(async move {
            let reservation = match actions.reserve_passkey(&call, counters) {
                Ok(reservation) => reservation,
                Err(fault) => return Err(actions.end_blocked(prover, fault).await),
            };
            let state = actions.open_ceremony(&call, Purpose::PasskeyProof, &answer.handle)?;
            let verdict = RelyingParty::read_claim(&answer.response).and_then(|claim| {
                let found = actions.passkey_of(&claim).filter(|passkey| passkey.account == account);
                let passkey = found.ok_or(Refusal::Wrong("not a passkey of the account"))?;
                party.finish_assertion(&state, owned_by(&claim, account)?, &passkey.known())
            });
            let shown = Shown { handle: answer.handle, verdict };
            let (keys, terms, now) = (actions.fresh_keys(&call), actions.terms(), call.clone());
            let fresh = keys.names();
            let finished = actions
                .0
                .store
                .write(move |tx| {
                    let scene = Scene { fresh: &fresh, terms: &terms, call: &now };
                    match prover {
                        Prover::Pending(hash) => passkey::answer(tx, &hash, &shown, &counters, &scene),
                        Prover::Session(_, hash) => passkey::step_up(tx, &hash, &shown, &counters, &scene),
                    }
                })
                .await?;
            drop(reservation);
            let over = match prover {
                Prover::Pending(_) => Reason::Expired,
                Prover::Session(..) => Reason::Unauthenticated,
            };
            actions.outcome(&call, keys, finished.ok_or_else(|| Fault::new(over))?, trust)
        })
        .await
    }

    /// Asks a browser for any passkey it has for us. Nobody is named, so nothing is told of who has one (security.md THR-9).
    ///
    /// # Errors
    /// `SwitchedOff`, `Throttled`.
    pub async fn ask_for_any_passkey(&self, call: &Call, flow: &str) -> Result<Asked, Fault> {
        let party = self.settings().passkeys.offering()?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let ceremony = party.begin_assertion(&[], Verification::Required, self.0.world.random());
        self.keep(call, Purpose::PasskeySignIn, flow_subject(flow), ceremony).await
    }

    /// Signs in with nothing but a passkey that verified its user.
    ///
    /// # Errors
    /// `Expired` and `InvalidToken` when the ceremony is over or another browser's, `BadCredentials`, `Throttled`, `SwitchedOff`, and only for
    /// the right passkey `Locked`, `Disabled`.
    pub async fn sign_in_with_passkey(
        &self,
        call: &Call,
        flow: &str,
        attempt: PasskeySignIn,
    ) -> Result<SignInOutcome, Fault> {
        let party = self.settings().passkeys.offering()?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, subject) = (self.clone(), call.clone(), flow_subject(flow));
        self.finished(async move {
            let PasskeySignIn { answer, remember, replaces } = attempt;
            let state = actions.open_ceremony(&call, Purpose::PasskeySignIn, &answer.handle)?;
            let claim = RelyingParty::read_claim(&answer.response);
            let found = claim.as_ref().ok().and_then(|claim| actions.passkey_of(claim));
            let counters = match &found {
                Some(passkey) => actions.second_counters(&call, passkey.account, answer.device.as_deref())?,
                None => actions.stranger_counters(&call, claim.as_ref().ok()),
            };
            let reservation = actions.reserve_passkey(&call, counters)?;
            let verdict = claim.and_then(|claim| {
                let passkey = found.as_ref().ok_or(Refusal::Wrong("unknown"))?;
                // Without a name the handle alone says whose it is.
                let handle = claim.user_handle().ok_or(Refusal::Malformed("no user handle"))?;
                if handle != passkey.account.bytes() {
                    return Err(Refusal::Wrong("not the owner of the passkey"));
                }
                party.finish_assertion(&state, &claim, &passkey.known())
            });
            let arrival = found.map(|passkey| Arrival {
                account: passkey.account,
                strength: Strength::of(Factor::VerifiedPasskey, call.now),
                remembered: remember,
                replaces,
                trust: None,
            });
            let shown = Shown { handle: answer.handle, verdict };
            let (keys, terms, now) = (actions.fresh_keys(&call), actions.terms(), call.clone());
            let fresh = keys.names();
            let finished = actions
                .0
                .store
                .write(move |tx| {
                    let scene = Scene { fresh: &fresh, terms: &terms, call: &now };
                    passkey::sign_in(tx, arrival.clone(), subject, &shown, &counters, &scene)
                })
                .await?;
            drop(reservation);
            actions.outcome(&call, keys, finished, false)
        })
        .await
    }

    fn prover_account(&self, call: &Call, prover: &Prover) -> Result<AccountId, Fault> {
        match prover {
            Prover::Pending(hash) => Ok(self.pending_question(call, hash)?.account),
            Prover::Session(account, _) => Ok(*account),
        }
    }

    fn reserve_passkey(&self, call: &Call, counters: Counters) -> Result<Held, Fault> {
        let rules = self.settings().throttle.clone();
        match self.0.reservations.reserve(&self.0.store, &rules, counters, call.now)? {
            Place::Taken(reservation) => Ok(reservation),
            Place::Wait(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait)),
            Place::Hidden(_) => Err(Fault::new(Reason::Throttled)),
        }
    }

    /// Guessing goes on only behind the first factor (security.md THR-7).
    async fn end_blocked(&self, prover: Prover, fault: Fault) -> Fault {
        let (Prover::Pending(hash), Reason::Throttled) = (prover, fault.reason) else { return fault };
        let ended = self.0.store.write(move |tx| pending::end(tx, &hash).map_err(Fault::from)).await;
        ended.err().unwrap_or(fault)
    }

    fn open_ceremony(
        &self,
        call: &Call,
        purpose: Purpose,
        handle: &Secret<String>,
    ) -> Result<Vec<u8>, Fault> {
        let epoch = self.0.store.epoch();
        Ok(self.0.store.read(|tx| challenge::peek(tx, purpose, handle, call.now, epoch))?.data)
    }

    fn passkey_of(&self, claim: &Claim) -> Option<PasskeyRecord> {
        self.0.store.read(|tx| keys::find(tx, claim.credential())).ok().flatten()
    }

    /// Nobody has this passkey: throttled like a name that nobody has.
    fn stranger_counters(&self, call: &Call, claim: Option<&Claim>) -> Counters {
        let named = claim.map(|claim| PasskeyKey::of(claim.credential()).text());
        let subject = throttle::Subject::unknown(&format!("passkey {}", named.unwrap_or_default()));
        Counters::of_second(&subject, &self.origin(call, None, None), call.client)
    }
}

/// A claim that names its owner names the right one (security.md WAN-1).
fn owned_by(claim: &Claim, account: AccountId) -> Result<&Claim, Refusal> {
    match claim.user_handle() {
        Some(handle) if handle != account.bytes() => Err(Refusal::Wrong("not the owner of the passkey")),
        _ => Ok(claim),
    }
}

/// The browser that asked, before anybody signed in.
fn flow_subject(flow: &str) -> Subject {
    Subject::Other(sha256(&framed(&[b"passkey sign-in", flow.as_bytes()])))
}

#[cfg(test)]
mod tests;
