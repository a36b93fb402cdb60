//! Codes by e-mail and SMS: sending them, for a sign-in, for a step-up, or to make an address a factor.

use super::{Owner, check_code};
use crate::{
    actions::{
        Actions,
        confirmation::minutes,
        letters::{Envelope, Letter},
        people::{switched_off, wait_for},
    },
    domain::{
        account::{ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        challenge::{self, CodeFor, Kind, NewCode, Pace, Receiver, Subject, Tried},
        factor::{self, AddressFactor, Channel},
        fault::{Fault, Reason},
        login::{
            pending::{self, PendingHash},
            second,
        },
        outbox::Template,
        session::SessionHash,
    },
    store::WriteTx,
    values::{id::AccountId, random::Random, secret::Secret},
};

/// Who waits for a code.
#[derive(Clone, Copy, Debug)]
pub enum Waiting {
    /// Somebody in a login transaction.
    Pending(PendingHash),
    /// Somebody who is signed in.
    Session(SessionHash),
}

impl Actions {
    /// Sends a code to whoever is asked for a second factor. An earlier one of the same kind is void (security.md OTP-3).
    ///
    /// # Errors
    /// `Expired` or `Unauthenticated` when nobody is asked any more, `SwitchedOff` when this is no factor of the account,
    /// `Throttled` when too many were sent lately.
    pub async fn send_code(&self, call: &Call, to: Waiting, channel: Channel) -> Result<(), Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call) = (self.clone(), call.clone());
        let chance = (self.0.world.random(), self.envelope());
        self.0
            .store
            .write(move |tx| {
                let (id, account, subject, strength) = actions.whom(tx, to, &call)?;
                let (factors, rules) = (factor::of_account(tx, id)?, &actions.settings().factors);
                let options = factor::provable(&factors, &account, rules, &strength);
                if !options.contains(&channel.factor()) || !actions.can_send(channel) {
                    return Err(switched_off());
                }
                actions.dispatch(tx, (id, &account), subject, channel, chance, &call)
            })
            .await
            .and_then(wait_for)
    }

    fn whom(
        &self,
        tx: &mut WriteTx,
        to: Waiting,
        call: &Call,
    ) -> Result<(AccountId, AccountRecord, Subject, Strength), Fault> {
        match to {
            Waiting::Pending(hash) => {
                let over = || Fault::new(Reason::Expired);
                let pending = pending::alive(tx, &hash, call.now, self.0.store.epoch())?.ok_or_else(over)?;
                let account = ACCOUNTS.get(tx, &pending.account)?.ok_or_else(over)?;
                Ok((pending.account, account, hash.subject(), pending.strength))
            }
            Waiting::Session(hash) => {
                let live = second::live(tx, &hash, &self.terms(), call)?;
                let (session, account) = live.ok_or_else(|| Fault::new(Reason::Unauthenticated))?;
                Ok((session.account, account, second::subject_of_session(&hash), session.strength))
            }
        }
    }

    fn can_send(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.wants_mail(),
            Channel::Sms => self.wants_sms(),
        }
    }

    /// Writes a code down and puts it into the outbox, when it is not one too many. Whoever asks has proven the first factor, so that may be
    /// said, with [`wait_for`].
    fn dispatch(
        &self,
        tx: &mut WriteTx,
        (id, account): (AccountId, &AccountRecord),
        subject: Subject,
        channel: Channel,
        (chance, envelope): (Random<32>, Envelope),
        call: &Call,
    ) -> Result<Pace, Fault> {
        let settings = self.settings();
        let typed = match channel {
            Channel::Email => account.email.as_deref(),
            Channel::Sms => account.mobile.as_deref(),
        };
        let (Some(to), Some(address)) = (typed, channel.address(account)) else { return Err(switched_off()) };
        let kind = match channel {
            Channel::Email => Kind::EmailCode,
            Channel::Sms => Kind::SmsCode,
        };
        let pace = challenge::pace(tx, &settings.people.pace, kind, Receiver::Account(id), call)?;
        if pace != Pace::Go {
            return Ok(pace);
        }
        let good_for = CodeFor { purpose: channel.purpose(), subject, address: address.to_owned() };
        let lifetime = settings.factors.lifetime;
        let new = NewCode { good_for, digits: settings.factors.digits, lifetime };
        let key = self.0.keyring.codes();
        let code = challenge::offer_code(tx, key, &new, chance, call.now, self.0.store.epoch())?;
        let letter = Letter {
            template: match channel {
                Channel::Email => Template::EmailCode,
                Channel::Sms => Template::SmsCode,
            },
            to,
            account: Some((id, account)),
            values: vec![("code", code.expose().clone()), minutes(lifetime)],
            not_after: Some(call.now + lifetime),
        };
        challenge::posted(tx, kind, call.now)?;
        self.post(tx, &letter, envelope, call.now)?;
        let entry = Entry::done(Event::CodeSent, id.to_string(), call).about(id);
        audit::append(tx, &entry.detail(channel.factor().as_str()))?;
        Ok(pace)
    }

    /// Sends a code to an address that is to become a factor.
    ///
    /// # Errors
    /// `SwitchedOff` when the channel cannot be added, `FreshSignInNeeded`, `SecondFactorNeeded`, `Throttled`, `Unauthenticated`.
    pub async fn begin_address_factor(
        &self,
        call: &Call,
        owner: Owner,
        channel: Channel,
    ) -> Result<(), Fault> {
        let (actions, call) = (self.clone(), call.clone());
        let chance = (self.0.world.random(), self.envelope());
        self.0
            .store
            .write(move |tx| {
                let (id, account) = actions.own(tx, &owner, &call)?;
                actions.prove_fresh(tx, &owner, &call)?;
                let held = factor::of_account(tx, id)?.held(&account);
                if channel.address(&account).is_none() || !actions.offers(channel, &held) {
                    return Err(switched_off());
                }
                let subject = owner.subject()?;
                actions.dispatch(tx, (id, &account), subject, channel, chance, &call)
            })
            .await
            .and_then(wait_for)
    }

    /// Makes the address a factor when the code that was sent there is right. Recovery codes are made when there are none.
    ///
    /// # Errors
    /// `SecondFactorWrong`; `Expired` when there is no code to be right about; `SwitchedOff`, `Unauthenticated`.
    pub async fn confirm_address_factor(
        &self,
        call: &Call,
        owner: Owner,
        channel: Channel,
        code: Secret<String>,
    ) -> Result<Vec<Secret<String>>, Fault> {
        check_code(&code)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        let chance = std::array::from_fn(|_| self.0.world.random());
        let (tried, codes) = self
            .0
            .store
            .write(move |tx| {
                let (id, account) = actions.own(tx, &owner, &call)?;
                let before = factor::of_account(tx, id)?;
                let Some(address) = channel.address(&account).map(str::to_owned) else {
                    return Err(switched_off());
                };
                if !actions.offers(channel, &before.held(&account)) {
                    return Err(switched_off());
                }
                let (purpose, subject) = (channel.purpose(), owner.subject()?);
                let good_for = CodeFor { purpose, subject, address: address.clone() };
                let (key, epoch) = (actions.0.keyring.codes(), actions.0.store.epoch());
                let tried = challenge::try_code(tx, key, &good_for, &code, call.now, epoch)?;
                if tried != Tried::Right {
                    return Ok((tried, Vec::new()));
                }
                factor::set_address(tx, id, channel, Some(AddressFactor { address, since: call.now }))?;
                let which = channel.factor();
                let entry = Entry::done(Event::FactorAdded, owner.authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail(which.as_str()))?;
                actions.tell_of_factor(tx, (id, &account), Template::FactorAdded, which, envelope, &call)?;
                let wanted = before.recovery_left() == 0;
                let codes =
                    if wanted { Actions::new_codes(tx, id, &chance, &owner, &call)? } else { Vec::new() };
                Ok::<_, Fault>((tried, codes))
            })
            .await?;
        match tried {
            Tried::Right => Ok(codes),
            Tried::Wrong { .. } => Err(Fault::new(Reason::SecondFactorWrong)),
            Tried::Dead => Err(Fault::new(Reason::Expired)),
        }
    }
}

impl Owner {
    /// Whom codes sent to this owner are about: the session that asked, and nobody else.
    fn subject(&self) -> Result<Subject, Fault> {
        let hash = self.session_hash().ok_or_else(|| Fault::new(Reason::Unauthenticated))?;
        Ok(second::subject_of_session(&hash))
    }
}

/// Which channel a factor's codes travel by.
pub const fn channel_of(factor: Factor) -> Option<Channel> {
    match factor {
        Factor::EmailCode => Some(Channel::Email),
        Factor::SmsCode => Some(Channel::Sms),
        _ => None,
    }
}
