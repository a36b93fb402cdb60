//! What people change about their own account: name, e-mail address, mobile number. The user name stays.
//!
//! A new address or number becomes the account's when its owner has shown to receive what is sent there (security.md ENR-4, OTP-6). Until
//! then the old one stays, and whoever asks is not told whether somebody else has the new one.

use super::{
    Actions,
    confirmation::{about, minutes},
    credentials::managed,
    letters::{Envelope, Letter},
    no_account,
    people::switched_off,
};
use crate::{
    domain::{
        account::{self, ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        challenge::{self, CodeFor, Link, NewCode, Pace, Purpose, Receiver, Subject, Tried},
        factor,
        fault::{Fault, Field, Reason},
        login::circumstances,
        outbox::Template,
        rights::Authority,
        stipulation::{self, Stipulation},
    },
    store::{Reading, WriteTx},
    values::{email::EmailAddress, id::AccountId, name::DisplayName, phone::Phone, secret::Secret},
};

/// Digits of a code sent to a mobile number (security.md section 2).
const CODE_DIGITS: u8 = 8;

impl Actions {
    /// The own account, for the page that changes it.
    ///
    /// # Errors
    /// `NotFound` when it is gone.
    pub fn profile(&self, authority: &Authority) -> Result<AccountRecord, Fault> {
        let id = authority.account();
        self.0.store.read(|tx| ACCOUNTS.get(tx, &id)?.ok_or_else(no_account))
    }

    /// Gives the own account another display name.
    ///
    /// # Errors
    /// `Managed`, `NotFound`.
    pub async fn rename_self(
        &self,
        call: &Call,
        authority: Authority,
        name: DisplayName,
    ) -> Result<(), Fault> {
        let call = call.clone();
        self.0
            .store
            .write(move |tx| {
                let (id, old) = own(tx, &authority)?;
                let new = AccountRecord { display_name: name.as_str().to_owned(), ..old };
                account::save(tx, id, &new)?;
                let entry = Entry::done(Event::AccountChanged, authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail("display name"))?;
                Ok(())
            })
            .await
    }

    /// Asks for another e-mail address, or for a confirmation of the present one: a link goes there, and a notice to the old one. `authority` is to come
    /// from a fresh session.
    ///
    /// # Errors
    /// `SwitchedOff` without mail, `Managed`, `Throttled`; `Malformed` when there is nothing to change or to confirm.
    pub async fn want_email(
        &self,
        call: &Call,
        authority: Authority,
        email: EmailAddress,
    ) -> Result<(), Fault> {
        if !self.wants_mail() {
            return Err(switched_off());
        }
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, rules) = (self.clone(), call.clone(), self.settings().people.pace.clone());
        let (chance, envelopes) = (self.0.world.random(), [self.envelope(), self.envelope()]);
        self.0
            .store
            .write(move |tx| {
                let (id, account) = own(tx, &authority)?;
                let is_present = account.email_canonical.as_deref() == Some(email.canonical());
                if is_present && account.email_confirmed.is_some() {
                    return Err(Fault::malformed(Field::Email, "is the present one, and is confirmed"));
                }
                wait_for(challenge::pace(tx, &rules, "address", Receiver::Account(id), &call)?)?;
                let entry = Entry::done(Event::AddressWanted, authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail("e-mail"))?;
                let free = account::email_is_free(tx, account.tenant, id, email.canonical(), call.now);
                match free {
                    Ok(()) => {}
                    Err(fault) if fault.reason == Reason::Taken => {
                        return actions.warn_owner(tx, &email, envelopes[0], &call);
                    }
                    Err(fault) => return Err(fault),
                }
                let token = actions.offer_link(tx, Purpose::ChangeEmail, id, &email, chance, &call)?;
                let lifetime = Purpose::ChangeEmail.lifetime();
                let letter = Letter {
                    template: Template::ChangeEmailConfirm,
                    to: email.as_str(),
                    account: Some((id, &account)),
                    values: vec![("link", actions.token_link("/confirm", &token)), minutes(lifetime)],
                    not_after: Some(call.now + lifetime),
                };
                actions.post(tx, &letter, envelopes[0], call.now)?;
                if is_present {
                    Ok(())
                } else {
                    actions.notice(tx, (id, &account), &email, envelopes[1], &call)
                }
            })
            .await
    }

    /// To the old address: another one is to take its place.
    fn notice(
        &self,
        tx: &mut WriteTx,
        owner: (AccountId, &AccountRecord),
        new: &EmailAddress,
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let mut values = circumstances(call);
        values.push(("email", new.as_str().to_owned()));
        values.push(("link", self.link("/me/profile")));
        self.tell(tx, owner, Template::ChangeEmailNotice, values, envelope, call.now)
    }

    /// A redeemed link gives the account its new address. Open links and codes are void from now on (security.md ENR-2).
    pub(super) fn readdress(
        &self,
        tx: &mut WriteTx,
        link: Link,
        envelope: Envelope,
        call: &Call,
    ) -> Result<AccountId, Fault> {
        let (id, email) = about(&link)?;
        let old = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
        if old.managed || old.status.hindrance().is_some() {
            return Err(Fault::new(Reason::InvalidToken).because("the account cannot be changed now"));
        }
        account::confirm_email(tx, id, &email, call.now)?;
        factor::follow_address(tx, id, factor::Channel::Email, email.canonical())?;
        challenge::void_account(tx, id)?;
        stipulation::satisfy(tx, id, &Stipulation::ConfirmEmail, &id.to_string(), call)?;
        let entry = Entry::done(Event::AddressChanged, id.to_string(), call).about(id);
        audit::append(tx, &entry.detail("e-mail"))?;
        if old.email_canonical.as_deref() != Some(email.canonical()) {
            self.notice(tx, (id, &old), &email, envelope, call)?;
        }
        Ok(id)
    }

    /// Sends a code to a number that is to become the account's. `authority` is to come from a fresh session.
    ///
    /// # Errors
    /// `SwitchedOff` without SMS, `Managed`, `Throttled`.
    pub async fn want_mobile(&self, call: &Call, authority: Authority, mobile: Phone) -> Result<(), Fault> {
        if !self.wants_sms() {
            return Err(switched_off());
        }
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, rules) = (self.clone(), call.clone(), self.settings().people.pace.clone());
        let (chance, envelope) = (self.0.world.random(), self.envelope());
        self.0
            .store
            .write(move |tx| {
                let (id, account) = own(tx, &authority)?;
                wait_for(challenge::pace(tx, &rules, "mobile", Receiver::Account(id), &call)?)?;
                let entry = Entry::done(Event::AddressWanted, authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail("mobile"))?;
                let lifetime = Purpose::ChangeMobile.lifetime();
                let new = NewCode { good_for: code_for(id, &mobile), digits: CODE_DIGITS, lifetime };
                let key = actions.0.keyring.codes();
                let code = challenge::offer_code(tx, key, &new, chance, call.now, actions.0.store.epoch())?;
                match account::mobile_is_free(tx, account.tenant, id, mobile.as_str(), call.now) {
                    Ok(()) => {}
                    // Somebody else's: nothing is sent, and the form waits for a code all the same.
                    Err(fault) if fault.reason == Reason::Taken => return Ok(()),
                    Err(fault) => return Err(fault),
                }
                let letter = Letter {
                    template: Template::SmsCode,
                    to: mobile.as_str(),
                    account: Some((id, &account)),
                    values: vec![("code", code.expose().clone()), minutes(lifetime)],
                    not_after: Some(call.now + lifetime),
                };
                actions.post(tx, &letter, envelope, call.now)
            })
            .await
    }

    /// The code that was sent to a number: with the right one the number is the account's.
    ///
    /// # Errors
    /// `SecondFactorWrong` for a wrong code (counted), `Expired` when there is no code to be right about, `Managed`.
    pub async fn confirm_own_mobile(
        &self,
        call: &Call,
        authority: Authority,
        mobile: Phone,
        code: Secret<String>,
    ) -> Result<(), Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call) = (self.clone(), call.clone());
        let tried = self
            .0
            .store
            .write(move |tx| {
                let (id, account) = own(tx, &authority)?;
                let key = actions.0.keyring.codes();
                let (good_for, epoch) = (code_for(id, &mobile), actions.0.store.epoch());
                let number = mobile.as_str();
                let tried = challenge::try_code(tx, key, &good_for, &code, call.now, epoch)?;
                if tried != Tried::Right
                    || account::mobile_is_free(tx, account.tenant, id, number, call.now).is_err()
                {
                    return Ok(tried);
                }
                account::confirm_mobile(tx, id, &mobile, call.now)?;
                factor::follow_address(tx, id, factor::Channel::Sms, mobile.as_str())?;
                // What was sent to the old number is good for nothing now.
                challenge::void_account(tx, id)?;
                let entry = Entry::done(Event::AddressChanged, authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail("mobile"))?;
                Ok::<_, Fault>(tried)
            })
            .await?;
        match tried {
            Tried::Right => Ok(()),
            Tried::Wrong { .. } => Err(Fault::new(Reason::SecondFactorWrong)),
            Tried::Dead => Err(Fault::new(Reason::Expired)),
        }
    }
}

/// A code is good for one number of one account.
fn code_for(id: AccountId, mobile: &Phone) -> CodeFor {
    let address = mobile.as_str().to_owned();
    CodeFor { purpose: Purpose::ChangeMobile, subject: Subject::Account(id), address }
}

/// The own account, if its owner may change it.
fn own(tx: &impl Reading, authority: &Authority) -> Result<(AccountId, AccountRecord), Fault> {
    let id = authority.account();
    let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
    if account.managed {
        return Err(managed());
    }
    if account.status.hindrance().is_some() {
        return Err(Fault::new(Reason::Unauthenticated).because("the account was closed meanwhile"));
    }
    Ok((id, account))
}

/// Whoever asks about the own account may know that it was often.
fn wait_for(pace: Pace) -> Result<(), Fault> {
    match pace {
        Pace::Go => Ok(()),
        Pace::Enough(wait) | Pace::Wait(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait)),
    }
}
