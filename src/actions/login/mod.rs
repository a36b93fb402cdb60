//! Signing in with a password, and the login transaction that may follow.
//!
//! The beats: find out who is meant and whether a guess may be spent on them now; hash on the pool; end the attempt in one
//! write. An unknown name takes the same way with a dummy hash (security.md PWD-6, THR-8).

mod outcome;
pub mod passkey;
pub mod reservations;
pub mod second;

use std::{sync::Arc, time::Duration};

pub(super) use self::outcome::Keys;
use self::reservations::Place;
use super::{Actions, Settings, hashing};
use crate::{
    crypto::password::{Hash, Proof},
    domain::{
        account,
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        credential::{self, PasswordRecord, Version},
        fault::{Fault, Field, Reason},
        login::{
            self, Aim, Arrival, Finish, Finished, Scene,
            pending::PendingKey,
            throttle::{Counters, Origin, Relay, Subject},
        },
        session::{SessionHash, SessionKey, SessionRecord},
    },
    values::{id::AccountId, name, net::SourceKey, secret::Secret, time::Timestamp},
};

/// Longest login name that is looked at, in bytes; longer ones are nobody's.
pub const LONGEST_NAME: usize = 320;
/// Longest password that is hashed, in bytes (security.md section 2).
pub const LONGEST_PASSWORD: usize = 1024;

/// What was typed into a login form or sent to `POST /auth/session`.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The user name or e-mail address.
    pub name: String,
    /// The password.
    pub password: Secret<String>,
    /// A code that came along with it: the one-call form. Pages ask for it afterwards.
    pub totp: Option<Secret<String>>,
    /// Whether the box was ticked.
    pub remember: bool,
    /// The value of the known-device cookie, if one came.
    pub device: Option<String>,
    /// The value of the trusted-device cookie, if one came.
    pub trust: Option<String>,
    /// The session this browser has now.
    pub replaces: Option<SessionHash>,
    /// Whose form it was typed into, when that is not ours: such an attempt counts against that, not against the address it comes from,
    /// which stands for many people (security.md THR-4).
    pub relay: Option<Relay>,
}

/// What a sign-in led to.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session.
    SignedIn(SignedIn),
    /// A login transaction: more has to be proven.
    Next(NextStep),
}

/// A session that began.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What goes into the cookie; shown in this one answer only.
    pub key: SessionKey,
    /// The session.
    pub session: SessionRecord,
    /// Whose it is.
    pub account: AccountId,
    /// The new value of the known-device cookie ([`DEVICE_LIFETIME`]).
    pub device: Option<String>,
    /// The new value of the trusted-device cookie and how long it is good for, when that was asked for and is offered.
    pub trust: Option<(String, Duration)>,
    /// A recovery code was used since the owner last looked at the factors: show them first.
    pub review: bool,
}

/// A login transaction that began.
#[derive(Clone, Debug)]
pub struct NextStep {
    /// What goes into the login cookie; shown in this one answer only.
    pub key: PendingKey,
    /// What can be proven next, the best first.
    pub options: Vec<Factor>,
    /// When it is over.
    pub until: Timestamp,
}

/// Somebody who proved all that is asked, without a session.
#[derive(Clone, Debug)]
pub struct Proved {
    /// Who.
    pub account: AccountId,
    /// How.
    pub strength: Strength,
    /// Which password the account had then: whoever goes on with this looks whether it still has it.
    pub version: Option<Version>,
}

/// How long a device stays known after a sign-in.
pub const DEVICE_LIFETIME: Duration = Duration::from_hours(4320);

/// What is known before the password is looked at.
struct Known {
    account: Option<AccountId>,
    password: Option<(Hash, Version)>,
    counters: Counters,
    second: Counters,
}

/// What a right password amounts to.
struct Proven {
    account: AccountId,
    proof: Proof,
    version: Version,
    renewed: Option<Hash>,
}

impl Actions {
    /// Signs in step by step. A second factor that is needed makes a login transaction out of it. Refusals: `Malformed`, `Throttled`, `Busy`,
    /// `BadCredentials`, and only after the right password `Locked` or `Disabled`.
    pub async fn sign_in(&self, call: &Call, attempt: Attempt) -> Result<SignInOutcome, Fault> {
        let (keys, finished) = self.prove_password(call, attempt, Aim::Steps).await?;
        self.outcome(call, keys, finished, false)
    }

    /// Signs in with one call, as clients without pages do. Refusals are those of [`Self::sign_in`] and `SecondFactorNeeded` and
    /// `SecondFactorWrong`, both only after the right password.
    pub async fn sign_in_at_once(&self, call: &Call, attempt: Attempt) -> Result<SignedIn, Fault> {
        let aim = Aim::OneCall(attempt.totp.clone());
        let (keys, finished) = self.prove_password(call, attempt, aim).await?;
        match self.outcome(call, keys, finished, false)? {
            SignInOutcome::SignedIn(signed_in) => Ok(signed_in),
            SignInOutcome::Next(_) => Err(Fault::new(Reason::SecondFactorNeeded)),
        }
    }

    /// Whether this would be a sign-in, without one: for services that ask about a person. Refusals as with [`Self::sign_in_at_once`], and
    /// `PasswordChangeNeeded` for a password that opens nothing else.
    pub async fn check_sign_in(&self, call: &Call, attempt: Attempt) -> Result<Proved, Fault> {
        let aim = Aim::ProofOnly(attempt.totp.clone());
        let (keys, finished) = self.prove_password(call, attempt, aim).await?;
        match finished {
            Finished::Proven { account, strength, version } => Ok(Proved { account, strength, version }),
            other => match self.outcome(call, keys, other, false) {
                Err(fault) => Err(fault),
                Ok(_) => Err(Fault::broken("a session began that nobody asked for")),
            },
        }
    }

    async fn prove_password(
        &self,
        call: &Call,
        attempt: Attempt,
        aim: Aim,
    ) -> Result<(Keys, Finished), Fault> {
        check_shape(&attempt)?;
        if attempt.relay.is_none() {
            self.0.reservations.spend_attempt(call.client, call.now)?;
        }
        let (actions, call) = (self.clone(), call.clone());
        // Beyond this point the attempt runs to its end whoever still waits for it: hanging up must not keep a guess from being
        // counted (security.md THR-2).
        self.finished(async move { actions.attempt(&call, &attempt, aim).await }).await
    }

    async fn attempt(&self, call: &Call, attempt: &Attempt, aim: Aim) -> Result<(Keys, Finished), Fault> {
        let settings = self.settings();
        let known = self.look_up(call, attempt)?;
        let place =
            self.0.reservations.reserve(&self.0.store, &settings.throttle, known.counters, call.now)?;
        let (reservation, known) = match place {
            Place::Taken(reservation) => (reservation, known),
            Place::Wait(wait) => {
                return Err(self.turn_away(call, known.account, &known.counters, wait).await);
            }
            // As an unknown name: the same work, the same answer.
            Place::Hidden(reservation) => (
                reservation,
                Known { account: None, password: None, counters: known.counters.open(), ..known },
            ),
        };
        let hash = known.password.as_ref().map(|(hash, _)| hash.clone());
        let outcome = self.0.hashing.verify(hash, attempt.password.clone()).await?;
        let whose = known.account.zip(known.password.as_ref().map(|(_, version)| *version));
        let ended = match (outcome, whose) {
            (hashing::Outcome::Match { proof, outdated }, Some((account, version))) => {
                let renewed = if outdated { self.hashed(attempt.password.clone()).await.ok() } else { None };
                self.welcome(call, attempt, aim, &known, Proven { account, proof, version, renewed }).await
            }
            _ => Err(self.miss(call, settings, known.account, &known).await),
        };
        // The failure is on record (or cleared) before the reservation stops standing for it.
        drop(reservation);
        ended
    }

    /// Records that an attempt was refused without a look at its secret, now and then.
    async fn turn_away(
        &self,
        call: &Call,
        account: Option<AccountId>,
        counters: &Counters,
        wait: Duration,
    ) -> Fault {
        let refused = Fault::new(Reason::Throttled).retry_after(wait);
        if !self.0.reservations.worth_recording(counters, call.now) {
            return refused;
        }
        let mut entry = Entry::refused(Event::SignInThrottled, "nobody", call);
        if let Some(account) = account {
            entry = entry.about(account);
        }
        match self.0.store.write(move |tx| audit::append(tx, &entry).map_err(Fault::from)).await {
            Ok(()) => refused,
            Err(fault) => fault,
        }
    }

    fn look_up(&self, call: &Call, attempt: &Attempt) -> Result<Known, Fault> {
        let home = self.0.home;
        let found = self.0.store.read(|tx| {
            let Some((id, _)) = account::by_login(tx, home, &attempt.name)? else {
                return Ok::<_, Fault>(None);
            };
            Ok(Some((id, credential::password_of(tx, id)?)))
        })?;
        let typed = Subject::unknown(&name::canonical(&attempt.name));
        let subject = found.as_ref().map_or(typed, |(id, _)| Subject::account(*id));
        let whose =
            found.as_ref().map(|(id, password)| (*id, password.as_ref().map(PasswordRecord::version)));
        let origin = match attempt.relay {
            Some(relay) => Origin::Relay(relay),
            None => self.origin(call, whose, attempt.device.as_deref()),
        };
        let counters = Counters::of(&subject, Some(&typed), &origin, call.client);
        let second = Counters::of_second(&subject, &origin, call.client);
        let account = found.as_ref().map(|(id, _)| *id);
        let password = found.and_then(|(_, password)| password);
        let password =
            password.map(|stored| stored.hash().map(|hash| (hash, stored.version()))).transpose()?;
        Ok(Known { account, password, counters, second })
    }

    /// Where an attempt comes from: a device that signed in to this account before, or just an address.
    fn origin(
        &self,
        call: &Call,
        whose: Option<(AccountId, Option<Version>)>,
        device: Option<&str>,
    ) -> Origin {
        let device = whose
            .and_then(|(account, version)| self.0.keyring.known_device(account, version?, device?, call.now));
        device.map_or_else(|| Origin::Source(SourceKey::of(call.client)), Origin::KnownDevice)
    }

    async fn welcome(
        &self,
        call: &Call,
        attempt: &Attempt,
        aim: Aim,
        known: &Known,
        proven: Proven,
    ) -> Result<(Keys, Finished), Fault> {
        let keys = self.fresh_keys(call);
        let finish = Finish {
            arrival: Arrival {
                account: proven.account,
                strength: Strength::of(Factor::Password, call.now),
                remembered: attempt.remember,
                replaces: attempt.replaces,
                trust: attempt.trust.clone(),
            },
            proof: proven.proof,
            version: proven.version,
            renewed: proven.renewed,
            counters: known.counters,
            second: known.second,
        };
        let (call, terms, fresh) = (call.clone(), self.terms(), keys.names());
        let finished = self
            .0
            .store
            .write(move |tx| {
                login::finish(tx, &finish, &aim, &Scene { fresh: &fresh, terms: &terms, call: &call })
            })
            .await?;
        Ok((keys, finished))
    }

    async fn miss(
        &self,
        call: &Call,
        settings: Arc<Settings>,
        account: Option<AccountId>,
        known: &Known,
    ) -> Fault {
        let (call, counters) = (call.clone(), known.counters);
        // What the audit may tell the operator is never told outside.
        let why = if account.is_some() { "wrong password" } else { "unknown name" };
        let counted = self
            .0
            .store
            .write(move |tx| login::miss(tx, account, &counters, &settings.throttle, &call, why))
            .await;
        match counted {
            Ok(()) => Fault::new(Reason::BadCredentials).because(why),
            Err(fault) => fault,
        }
    }
}

fn check_shape(attempt: &Attempt) -> Result<(), Fault> {
    let mut fault = Fault::new(Reason::Malformed);
    if attempt.name.is_empty() {
        fault = fault.with_flaw(Field::Username, "is required");
    } else if attempt.name.len() > LONGEST_NAME {
        fault = fault.with_flaw(Field::Username, "is too long");
    }
    let password = attempt.password.expose();
    if password.is_empty() {
        fault = fault.with_flaw(Field::Password, "is required");
    } else if password.len() > LONGEST_PASSWORD {
        fault = fault.with_flaw(Field::Password, "is longer than 1024 bytes");
    } else if password.contains('\0') {
        fault = fault.with_flaw(Field::Password, "contains a NUL character");
    }
    if fault.flaws.is_empty() { Ok(()) } else { Err(fault) }
}

#[cfg(test)]
mod tests;
