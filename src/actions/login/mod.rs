//! Signing in with a password.
//!
//! The beats: find out who is meant and whether a guess may be spent on them now; hash on the pool; end the attempt in one
//! write. An unknown name takes the same way with a dummy hash (security.md PWD-6, THR-8).

pub mod reservations;

use std::{sync::Arc, time::Duration};

use self::reservations::Place;
use super::{Actions, Settings, hashing};
use crate::{
    crypto::password::{Hash, Proof},
    domain::{
        account::{self, Hindrance},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        credential::{self, Version},
        fault::{Fault, Field, Reason},
        login::{
            self, Finish, Finished,
            throttle::{Counters, Origin, Subject},
        },
        session::{NewSession, SessionHash, SessionKey, SessionRecord},
    },
    values::{
        id::{AccountId, SessionId},
        name,
        net::SourceKey,
        secret::Secret,
    },
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
    /// Whether the box was ticked.
    pub remember: bool,
    /// The value of the known-device cookie, if one came.
    pub device: Option<String>,
    /// The session this browser has now.
    pub replaces: Option<SessionHash>,
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
    /// The new value of the known-device cookie, and how long it is good for.
    pub device: String,
}

/// How long a device stays known after a sign-in.
pub const DEVICE_LIFETIME: Duration = Duration::from_hours(4320);

/// What is known before the password is looked at.
struct Known {
    account: Option<AccountId>,
    password: Option<(Hash, Version)>,
    counters: Counters,
}

/// What a right password amounts to.
struct Proven {
    account: AccountId,
    proof: Proof,
    version: Version,
    renewed: Option<Hash>,
}

impl Actions {
    /// Signs in. Refusals: `Malformed`, `Throttled`, `Busy`, `BadCredentials`, and only after the right password
    /// `Locked` or `Disabled`.
    pub async fn sign_in(&self, call: &Call, attempt: Attempt) -> Result<SignedIn, Fault> {
        check_shape(&attempt)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call) = (self.clone(), call.clone());
        // Beyond this point the attempt runs to its end whoever still waits for it: hanging up must not keep a guess from being
        // counted (security.md THR-2).
        self.finished(async move { actions.attempt(&call, &attempt).await }).await
    }

    async fn attempt(&self, call: &Call, attempt: &Attempt) -> Result<SignedIn, Fault> {
        let settings = self.settings();
        let known = self.look_up(call, attempt)?;
        let place =
            self.0.reservations.reserve(&self.0.store, &settings.throttle, known.counters, call.now)?;
        let (reservation, known) = match place {
            Place::Taken(reservation) => (reservation, known),
            Place::Wait(wait) => return Err(self.turn_away(call, &known, wait).await),
            // As an unknown name: the same work, the same answer.
            Place::Hidden(reservation) => {
                (reservation, Known { account: None, password: None, counters: known.counters.open() })
            }
        };
        let hash = known.password.as_ref().map(|(hash, _)| hash.clone());
        let outcome = self.0.hashing.verify(hash, attempt.password.clone()).await?;
        let whose = known.account.zip(known.password.as_ref().map(|(_, version)| *version));
        let ended = match (outcome, whose) {
            (hashing::Outcome::Match { proof, outdated }, Some((account, version))) => {
                let renewed = if outdated { self.hashed(attempt.password.clone()).await.ok() } else { None };
                self.welcome(call, settings, attempt, &known, Proven { account, proof, version, renewed })
                    .await
            }
            _ => Err(self.miss(call, settings, known.account, &known).await),
        };
        // The failure is on record (or cleared) before the reservation stops standing for it.
        drop(reservation);
        ended
    }

    /// Records that an attempt was refused without a look at its secret, now and then.
    async fn turn_away(&self, call: &Call, known: &Known, wait: Duration) -> Fault {
        let refused = Fault::new(Reason::Throttled).retry_after(wait);
        if !self.0.reservations.worth_recording(&known.counters, call.now) {
            return refused;
        }
        let mut entry = Entry::refused(Event::SignInThrottled, "nobody", call);
        if let Some(account) = known.account {
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
        let device = found.as_ref().and_then(|(id, password)| {
            let (mark, password) = (attempt.device.as_deref()?, password.as_ref()?);
            self.0.keyring.known_device(*id, password.version(), mark, call.now)
        });
        let origin = match device {
            Some(device) => Origin::KnownDevice(device),
            None => Origin::Source(SourceKey::of(call.client)),
        };
        let counters = Counters::of(&subject, Some(&typed), &origin, call.client);
        let account = found.as_ref().map(|(id, _)| *id);
        let password = found.and_then(|(_, password)| password);
        let password =
            password.map(|stored| stored.hash().map(|hash| (hash, stored.version()))).transpose()?;
        Ok(Known { account, password, counters })
    }

    async fn welcome(
        &self,
        call: &Call,
        settings: Arc<Settings>,
        attempt: &Attempt,
        known: &Known,
        proven: Proven,
    ) -> Result<SignedIn, Fault> {
        let (account, version) = (proven.account, proven.version);
        let key = SessionKey::mint(call.now, self.0.world.random());
        let device = *self.0.world.random::<16>().bytes();
        let until = call.now + DEVICE_LIFETIME;
        let finish = Finish {
            session: NewSession {
                hash: key.hash(),
                id: SessionId::mint(call.now, self.0.world.random()),
                account,
                strength: Strength::of(Factor::Password, call.now),
                remembered: attempt.remember,
                replaces: attempt.replaces,
                restricted: false,
            },
            proof: proven.proof,
            version: proven.version,
            renewed: proven.renewed,
        };
        let (call, counters, epoch) = (call.clone(), known.counters, self.0.store.epoch());
        let finished = self
            .0
            .store
            .write(move |tx| {
                login::finish(tx, &finish, &counters, &settings.throttle, &settings.limits, &call, epoch)
            })
            .await?;
        match finished {
            Finished::SignedIn(session) => {
                let device = self.0.keyring.device_mark(account, version, &device, until);
                Ok(SignedIn { key, session, account, device })
            }
            Finished::Hindered(Hindrance::Locked) => Err(Fault::new(Reason::Locked)),
            Finished::Hindered(Hindrance::Disabled) => Err(Fault::new(Reason::Disabled)),
            Finished::Stale => Err(Fault::new(Reason::BadCredentials)),
        }
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
