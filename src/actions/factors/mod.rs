//! The second factors of an account: looking, adding, removing; by their owner, or taken away by the operator.
//!
//! Every change needs a fresh proof, the owner is told of it by mail, and what was trusted because of a factor that goes is trusted no more
//! (security.md sections 2 and 6, THR-13).

pub mod codes;
mod view;

pub use self::view::{CanAdd, Factors};

use super::{Actions, letters::Envelope, login::second::check_code, no_account, people::switched_off};
use crate::{
    domain::{
        account::{ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        factor::{self, Channel, Confirmation, Enrolment, totp::TotpSecret},
        fault::{Fault, Field, Reason},
        login::{
            Scene, circumstances,
            second::{self, Guess, Judged},
            throttle,
        },
        outbox::Template,
        rights::{self, Authority, Permit},
        session::{self, SessionHash},
    },
    store::{Reading, WriteTx},
    values::{
        id::{AccountId, SessionId},
        random::Random,
        secret::Secret,
    },
};

/// Who changes factors, and on what grounds.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Over whom.
    pub authority: Authority,
    /// What the session proved; a service that acts for the person has none, and needs none.
    pub strength: Option<Strength>,
    /// The session, which alone stays when others end.
    pub session: Option<(SessionHash, SessionId)>,
}

impl Owner {
    fn account(&self) -> AccountId {
        self.authority.account()
    }

    fn session_id(&self) -> Option<SessionId> {
        self.session.map(|(_, id)| id)
    }

    fn session_hash(&self) -> Option<SessionHash> {
        self.session.map(|(hash, _)| hash)
    }
}

impl Actions {
    /// Begins to add an authenticator app, or to replace the one there is: its secret is made and kept here, and counts for nothing until
    /// confirmed.
    ///
    /// # Errors
    /// `SwitchedOff`, `FreshSignInNeeded`, `SecondFactorNeeded`, `Unauthenticated`.
    pub async fn begin_totp(&self, call: &Call, owner: Owner) -> Result<TotpSecret, Fault> {
        if !self.settings().factors.kinds.totp {
            return Err(switched_off());
        }
        let chance = (self.0.world.random(), self.0.world.random());
        let (actions, call) = (self.clone(), call.clone());
        self.0
            .store
            .write(move |tx| {
                let (id, _) = actions.own(tx, &owner, &call)?;
                actions.prove_fresh(tx, &owner, &call)?;
                let (key, epoch) = (actions.0.keyring.factors(), actions.0.store.epoch());
                Ok(factor::offer(tx, key, id, owner.session_id(), chance, call.now, epoch)?)
            })
            .await
    }

    /// The secret that this session is enrolling, with the address for a QR code; `None` when there is none.
    pub fn enrolling(
        &self,
        call: &Call,
        owner: &Owner,
    ) -> Result<Option<(TotpSecret, Secret<String>)>, Fault> {
        let epoch = self.0.store.epoch();
        self.0.store.read(|tx| {
            let (id, account) = self.own(tx, owner, call)?;
            let key = self.0.keyring.factors();
            let found = factor::enrolling(tx, key, id, owner.session_id(), call.now, epoch)?;
            let Some(secret) = found else { return Ok(None) };
            let url = secret.url(&self.settings().factors.issuer, &account.username);
            let url = url.ok_or_else(|| Fault::broken("no address could be made of a secret"))?;
            Ok(Some((secret, url)))
        })
    }

    /// Makes the app a factor when its code is right. `secret` is what the client believes to be enrolling, if it says so. With `codes`
    /// a set of recovery codes is made when there is none; they are shown once. Replacing an app ends all other sessions.
    ///
    /// # Errors
    /// `Malformed` (on [`Field::Secret`]) when there is nothing to confirm or another secret is meant, `SecondFactorWrong`,
    /// `Unauthenticated`.
    pub async fn confirm_totp(
        &self,
        call: &Call,
        owner: Owner,
        (secret, code): (Option<TotpSecret>, Secret<String>),
        codes: bool,
    ) -> Result<Vec<Secret<String>>, Fault> {
        check_code(&code)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let given = Confirmation { account: owner.account(), session: owner.session_id(), secret, code };
        let (seal, chance) = (self.0.world.random(), std::array::from_fn(|_| self.0.world.random()));
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        let confirmed = self
            .0
            .store
            .write(move |tx| {
                let (id, account) = actions.own(tx, &owner, &call)?;
                let before = factor::of_account(tx, id)?;
                let rules = &actions.settings().factors;
                let (key, epoch) = (actions.0.keyring.factors(), actions.0.store.epoch());
                let ended = factor::confirm(tx, key, rules, &given, seal, call.now, epoch)?;
                if ended != Enrolment::Confirmed {
                    return Ok((ended, Vec::new()));
                }
                let entry = Entry::done(Event::FactorAdded, owner.authority.actor(), &call).about(id);
                let replaced = before.totp.is_some();
                audit::append(tx, &entry.detail(if replaced { "totp, replaced" } else { "totp" }))?;
                if replaced {
                    session::end_all(tx, id, owner.session_hash().as_ref())?;
                }
                actions.tell_of_factor(
                    tx,
                    (id, &account),
                    Template::FactorAdded,
                    Factor::Totp,
                    envelope,
                    &call,
                )?;
                let wanted = codes && before.recovery_left() == 0;
                let made = if wanted { Self::new_codes(tx, id, &chance, &owner, &call)? } else { Vec::new() };
                Ok::<_, Fault>((ended, made))
            })
            .await?;
        match confirmed {
            (Enrolment::Confirmed, codes) => Ok(codes),
            (Enrolment::Wrong, _) => Err(Fault::new(Reason::SecondFactorWrong)),
            (Enrolment::Nothing, _) => {
                Err(Fault::malformed(Field::Secret, "is not the one being set up here; ask for a new one"))
            }
        }
    }

    /// Takes the authenticator app away on its own word: whoever has a code of it (or a recovery code) has proven enough. All other
    /// sessions end.
    ///
    /// # Errors
    /// `NothingToDo` when there is none, `SecondFactorWrong`, `Throttled`, `Unauthenticated`.
    pub async fn remove_totp_by_code(
        &self,
        call: &Call,
        owner: Owner,
        code: Secret<String>,
        device: Option<&str>,
    ) -> Result<(), Fault> {
        check_code(&code)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let id = owner.account();
        if self.0.store.read(|tx| factor::of_account(tx, id))?.totp.is_none() {
            return Err(Fault::new(Reason::NothingToDo));
        }
        let counters = self.second_counters(call, id, device)?;
        self.admit_second(call, &counters)?;
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        let (fresh, terms) = (self.fresh_keys(&call).names(), self.terms());
        let judged = self
            .0
            .store
            .write(move |tx| {
                let (id, account) = actions.own(tx, &owner, &call)?;
                let options = factor::options(&factor::of_account(tx, id)?, &account, &terms.factors);
                let factor = second::factor_of(&code, &options);
                let guess = Guess { account: id, subject: None, factor, code: &code, counters: &counters };
                let scene = Scene { fresh: &fresh, terms: &terms, call: &call };
                let judged = second::judge(tx, &guess, &scene)?;
                if judged == Judged::Right {
                    throttle::clear(tx, &counters.cleared())?;
                    actions.remove(tx, &owner, &account, Factor::Totp, envelope, &call)?;
                }
                Ok::<_, Fault>(judged)
            })
            .await?;
        match judged {
            Judged::Right => Ok(()),
            Judged::Wrong => Err(Fault::new(Reason::SecondFactorWrong)),
            Judged::Blocked(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait)),
        }
    }

    /// Takes a factor away. All other sessions end.
    ///
    /// # Errors
    /// `FreshSignInNeeded`, `SecondFactorNeeded`, `NothingToDo`, `Unauthenticated`.
    pub async fn remove_factor(&self, call: &Call, owner: Owner, which: Factor) -> Result<(), Fault> {
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        self.0
            .store
            .write(move |tx| {
                let (_, account) = actions.own(tx, &owner, &call)?;
                actions.prove_fresh(tx, &owner, &call)?;
                actions.remove(tx, &owner, &account, which, envelope, &call)
            })
            .await
    }

    fn remove(
        &self,
        tx: &mut WriteTx,
        owner: &Owner,
        account: &AccountRecord,
        which: Factor,
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let id = owner.account();
        let removed = match which {
            Factor::Totp => factor::remove_totp(tx, id)?,
            Factor::EmailCode => factor::set_address(tx, id, Channel::Email, None)?,
            Factor::SmsCode => factor::set_address(tx, id, Channel::Sms, None)?,
            _ => false,
        };
        if !removed {
            return Err(Fault::new(Reason::NothingToDo));
        }
        session::end_all(tx, id, owner.session_hash().as_ref())?;
        let entry = Entry::done(Event::FactorRemoved, owner.authority.actor(), call).about(id);
        audit::append(tx, &entry.detail(which.as_str()))?;
        self.tell_of_factor(tx, (id, account), Template::FactorRemoved, which, envelope, call)
    }

    /// Makes a new set of recovery codes and voids the one before. They are shown once.
    ///
    /// # Errors
    /// `FreshSignInNeeded`, `SecondFactorNeeded`; `NothingToDo` when there is no factor they could stand for.
    pub async fn make_recovery_codes(&self, call: &Call, owner: Owner) -> Result<Vec<Secret<String>>, Fault> {
        let chance = std::array::from_fn(|_| self.0.world.random());
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        self.0
            .store
            .write(move |tx| {
                let (id, account) = actions.own(tx, &owner, &call)?;
                actions.prove_fresh(tx, &owner, &call)?;
                if factor::options(&factor::of_account(tx, id)?, &account, &actions.settings().factors)
                    .is_empty()
                {
                    return Err(Fault::new(Reason::NothingToDo));
                }
                let (added, codes) = (Template::FactorAdded, Factor::RecoveryCode);
                actions.tell_of_factor(tx, (id, &account), added, codes, envelope, &call)?;
                Self::new_codes(tx, id, &chance, &owner, &call)
            })
            .await
    }

    fn new_codes(
        tx: &mut WriteTx,
        id: AccountId,
        chance: &[Random<10>; factor::recovery::COUNT],
        owner: &Owner,
        call: &Call,
    ) -> Result<Vec<Secret<String>>, Fault> {
        let codes = factor::set_recovery(tx, id, chance, call.now)?;
        audit::append(tx, &Entry::done(Event::RecoveryCodesMade, owner.authority.actor(), call).about(id))?;
        Ok(codes)
    }

    /// All devices that were trusted are asked again.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn forget_devices(&self, call: &Call, owner: Owner) -> Result<(), Fault> {
        let (actions, call) = (self.clone(), call.clone());
        self.0
            .store
            .write(move |tx| {
                let (id, _) = actions.own(tx, &owner, &call)?;
                factor::forget_devices(tx, id)?;
                let entry = Entry::done(Event::DevicesForgotten, owner.authority.actor(), &call).about(id);
                audit::append(tx, &entry).map_err(Fault::from)
            })
            .await
    }

    /// The owner has looked at the factors after using a recovery code.
    pub async fn factors_reviewed(&self, call: &Call, owner: Owner) -> Result<(), Fault> {
        let (actions, call) = (self.clone(), call.clone());
        self.0
            .store
            .write(move |tx| {
                let (id, _) = actions.own(tx, &owner, &call)?;
                Ok(factor::reviewed(tx, id)?)
            })
            .await
    }

    /// The operator takes all second factors of an account away, for somebody who lost them. All sessions end, and the owner is told.
    ///
    /// # Errors
    /// `NotFound`; `NothingToDo` when there is none.
    pub async fn reset_factors(&self, call: &Call, permit: &Permit, id: AccountId) -> Result<(), Fault> {
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        let actor = permit.actor().to_owned();
        self.0
            .store
            .write(move |tx| {
                let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
                if !factor::forget(tx, id)? {
                    return Err(Fault::new(Reason::NothingToDo));
                }
                session::end_all(tx, id, None)?;
                throttle::pardon(tx, id)?;
                audit::append(tx, &Entry::done(Event::FactorsReset, &actor, &call).about(id))?;
                let mut values = circumstances(&call);
                values.push(("factor", "all".to_owned()));
                actions.tell(tx, (id, &account), Template::FactorRemoved, values, envelope, call.now)
            })
            .await
    }

    /// The owner's account, while the session that asks is still there.
    fn own(
        &self,
        tx: &impl Reading,
        owner: &Owner,
        call: &Call,
    ) -> Result<(AccountId, AccountRecord), Fault> {
        let id = owner.account();
        let gone =
            || Fault::new(Reason::Unauthenticated).because("the session ended or the account was closed");
        if let Some((hash, _)) = owner.session {
            let (session, account) = second::live(tx, &hash, &self.terms(), call)?.ok_or_else(gone)?;
            return if session.account == id { Ok((id, account)) } else { Err(gone()) };
        }
        let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
        if account.status.hindrance().is_some() { Err(gone()) } else { Ok((id, account)) }
    }

    /// Whether the owner has proven enough to change what opens the account, for a page to ask for it before it shows a form. The
    /// change asks again.
    ///
    /// # Errors
    /// `FreshSignInNeeded`, `SecondFactorNeeded`.
    pub fn may_change(&self, call: &Call, owner: &Owner) -> Result<(), Fault> {
        self.0.store.read(|tx| self.prove_fresh(tx, owner, call))
    }

    /// See [`rights::prove_fresh`]. A program's key was made for this, so it needs no proof.
    pub(super) fn prove_fresh(&self, tx: &impl Reading, owner: &Owner, call: &Call) -> Result<(), Fault> {
        let Some(strength) = &owner.strength else { return Ok(()) };
        let account = ACCOUNTS.get(tx, &owner.account())?.ok_or_else(no_account)?;
        self.prove_owner_fresh(tx, (owner.account(), &account), strength, call)
    }

    /// The same for an account that was read already.
    pub(super) fn prove_owner_fresh(
        &self,
        tx: &impl Reading,
        (id, account): (AccountId, &AccountRecord),
        strength: &Strength,
        call: &Call,
    ) -> Result<(), Fault> {
        let settings = self.settings();
        let factors = factor::of_account(tx, id)?;
        let has_second = !factor::options(&factors, account, &settings.factors).is_empty();
        rights::prove_fresh(strength, has_second, call.now, settings.limits.fresh)
    }

    /// Tells the owner that a factor came or went (security.md THR-13).
    fn tell_of_factor(
        &self,
        tx: &mut WriteTx,
        owner: (AccountId, &AccountRecord),
        template: Template,
        which: Factor,
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let mut values = circumstances(call);
        values.push(("factor", which.as_str().to_owned()));
        self.tell(tx, owner, template, values, envelope, call.now)
    }
}

#[cfg(test)]
mod tests;
