//! What people change about their own account: name, e-mail address, mobile number. The user name stays.
//!
//! A new address or number becomes the account's when its owner has shown to receive what is sent there (security.md ENR-4, OTP-6). Until
//! then the old one stays, and whoever asks is not told whether somebody else has the new one.

use super::{
    Actions,
    confirmation::{about, minutes},
    credentials::managed,
    factors::Owner,
    letters::{Envelope, Letter},
    no_account,
    people::{switched_off, wait_for},
};
use crate::{
    domain::{
        account::{self, ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        challenge::{self, CodeFor, Kind, Link, NewCode, Pace, Purpose, Receiver, Subject, Tried},
        factor,
        fault::{Fault, Field, Reason},
        login::circumstances,
        outbox::Template,
        rights::Authority,
        stipulation::{self, Stipulation},
    },
    store::{Reading, WriteTx},
    values::{
        email::EmailAddress, id::AccountId, name::DisplayName, phone::Phone, random::Random, secret::Secret,
    },
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

    /// Asks for another e-mail address, or for a confirmation of the present one: a link goes there, and a notice to the old one.
    ///
    /// # Errors
    /// `SwitchedOff` without mail, `FreshSignInNeeded`, `SecondFactorNeeded`, `Managed`, `Throttled`; `Malformed` when there is nothing to change
    /// or to confirm.
    pub async fn want_email(&self, call: &Call, owner: Owner, email: EmailAddress) -> Result<(), Fault> {
        if !self.wants_mail() {
            return Err(switched_off());
        }
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call) = (self.clone(), call.clone());
        let chance = (self.0.world.random(), [self.envelope(), self.envelope()]);
        let begin = move |tx: &mut WriteTx| actions.begin_readdress(tx, &owner, &email, chance, &call);
        self.0.store.write(begin).await.and_then(wait_for)
    }

    fn begin_readdress(
        &self,
        tx: &mut WriteTx,
        owner: &Owner,
        email: &EmailAddress,
        (chance, envelopes): (Random<32>, [Envelope; 2]),
        call: &Call,
    ) -> Result<Pace, Fault> {
        let (id, account) = self.own_fresh(tx, owner, call)?;
        let is_present = account.email_canonical.as_deref() == Some(email.canonical());
        if is_present && account.email_confirmed.is_some() {
            return Err(Fault::malformed(Field::Email, "is the present one, and is confirmed"));
        }
        let rules = &self.settings().people.pace;
        let pace = challenge::pace(tx, rules, Kind::Address, Receiver::Account(id), call)?;
        if pace != Pace::Go {
            return Ok(pace);
        }
        let entry = Entry::done(Event::AddressWanted, owner.authority.actor(), call).about(id);
        audit::append(tx, &entry.detail("e-mail"))?;
        let free = match account::email_is_free(tx, account.tenant, id, email.canonical(), call.now) {
            Ok(()) => true,
            Err(fault) if fault.reason == Reason::Taken => false,
            Err(fault) => return Err(fault),
        };
        // Whether the address is free is told to its own mailbox alone: what the asking person sees is the same, also where no letter
        // goes there because many accounts would fill it. A link that nobody is sent opens nothing.
        let token = self.offer_link(tx, Purpose::ChangeEmail, id, email, chance, call)?;
        let receiver = Receiver::Address(email.canonical());
        if challenge::pace_of(tx, rules, Kind::Address, receiver, call.now)? == Pace::Go {
            challenge::posted(tx, Kind::Address, call.now)?;
            if free {
                self.post_link(tx, (id, &account), (email, &token), envelopes[0], call)?;
            } else {
                self.warn_owner(tx, email, envelopes[0], call)?;
            }
        }
        if !is_present {
            self.notice(tx, (id, &account), email, envelopes[1], call)?;
        }
        Ok(pace)
    }

    fn post_link(
        &self,
        tx: &mut WriteTx,
        (id, account): (AccountId, &AccountRecord),
        (email, token): (&EmailAddress, &Secret<String>),
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let lifetime = Purpose::ChangeEmail.lifetime();
        let letter = Letter {
            template: Template::ChangeEmailConfirm,
            to: email.as_str(),
            account: Some((id, account)),
            values: vec![("link", self.token_link("/confirm", token)), minutes(lifetime)],
            not_after: Some(call.now + lifetime),
        };
        self.post(tx, &letter, envelope, call.now)
    }

    /// The address that is to become the own account's as soon as it is confirmed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn awaited_email(&self, call: &Call, authority: &Authority) -> Result<Option<String>, Fault> {
        let (subject, epoch) = (Subject::Account(authority.account()), self.0.store.epoch());
        let open =
            self.0.store.read(|tx| challenge::open(tx, Purpose::ChangeEmail, subject, call.now, epoch))?;
        Ok(open.and_then(|link| link.address))
    }

    /// Stops a change of the e-mail address that waits for its confirmation: the link is good for nothing any more. Asks for no proof: whoever
    /// can read the notice must be able to.
    ///
    /// # Errors
    /// `Managed`, `NotFound`, `Unauthenticated`.
    pub async fn stop_readdress(&self, call: &Call, authority: Authority) -> Result<(), Fault> {
        let call = call.clone();
        self.0
            .store
            .write(move |tx| {
                let (id, _) = own(tx, &authority)?;
                challenge::void(tx, Purpose::ChangeEmail, Subject::Account(id))?;
                let entry = Entry::refused(Event::AddressWanted, authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail("e-mail, stopped by its owner")).map_err(Fault::from)
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

    /// Sends a code to a number that is to become the account's.
    ///
    /// # Errors
    /// `SwitchedOff` without SMS, `FreshSignInNeeded`, `SecondFactorNeeded`, `Managed`, `Throttled`.
    pub async fn want_mobile(&self, call: &Call, owner: Owner, mobile: Phone) -> Result<(), Fault> {
        if !self.wants_sms() {
            return Err(switched_off());
        }
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, rules) = (self.clone(), call.clone(), self.settings().people.pace.clone());
        let (chance, envelope) = (self.0.world.random(), self.envelope());
        let pace = self
            .0
            .store
            .write(move |tx| {
                let (id, account) = actions.own_fresh(tx, &owner, &call)?;
                let pace = challenge::pace(tx, &rules, Kind::Mobile, Receiver::Account(id), &call)?;
                if pace != Pace::Go {
                    return Ok(pace);
                }
                let entry = Entry::done(Event::AddressWanted, owner.authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail("mobile"))?;
                let lifetime = Purpose::ChangeMobile.lifetime();
                let new = NewCode { good_for: code_for(id, &mobile), digits: CODE_DIGITS, lifetime };
                let key = actions.0.keyring.codes();
                let code = challenge::offer_code(tx, key, &new, chance, call.now, actions.0.store.epoch())?;
                match account::mobile_is_free(tx, account.tenant, id, mobile.as_str(), call.now) {
                    Ok(()) => {}
                    // Somebody else's: nothing is sent, and the form waits for a code all the same.
                    Err(fault) if fault.reason == Reason::Taken => return Ok(pace),
                    Err(fault) => return Err(fault),
                }
                let letter = Letter {
                    template: Template::SmsCode,
                    to: mobile.as_str(),
                    account: Some((id, &account)),
                    values: vec![("code", code.expose().clone()), minutes(lifetime)],
                    not_after: Some(call.now + lifetime),
                };
                challenge::posted(tx, Kind::Mobile, call.now)?;
                actions.post(tx, &letter, envelope, call.now)?;
                Ok::<_, Fault>(pace)
            })
            .await?;
        wait_for(pace)
    }

    /// The code that was sent to a number: with the right one the number is the account's, and its owner is told.
    ///
    /// # Errors
    /// `SecondFactorWrong` for a wrong code (counted), `Expired` when there is no code to be right about, `NothingToDo` when the number became
    /// somebody else's since the code was sent, `FreshSignInNeeded`, `SecondFactorNeeded`, `Managed`.
    pub async fn confirm_own_mobile(
        &self,
        call: &Call,
        owner: Owner,
        mobile: Phone,
        code: Secret<String>,
    ) -> Result<(), Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        let tried = self
            .0
            .store
            .write(move |tx| {
                let (id, account) = actions.own_fresh(tx, &owner, &call)?;
                let key = actions.0.keyring.codes();
                let (good_for, epoch) = (code_for(id, &mobile), actions.0.store.epoch());
                let number = mobile.as_str();
                let tried = challenge::try_code(tx, key, &good_for, &code, call.now, epoch)?;
                if tried != Tried::Right {
                    return Ok((tried, true));
                }
                match account::mobile_is_free(tx, account.tenant, id, number, call.now) {
                    Ok(()) => {}
                    // The code is used up, and that it was is on record.
                    Err(fault) if fault.reason == Reason::Taken => {
                        let actor = owner.authority.actor();
                        let entry = Entry::refused(Event::AddressChanged, actor, &call).about(id);
                        audit::append(tx, &entry.detail("mobile, somebody else's by now"))?;
                        return Ok((tried, false));
                    }
                    Err(fault) => return Err(fault),
                }
                account::confirm_mobile(tx, id, &mobile, call.now)?;
                factor::follow_address(tx, id, factor::Channel::Sms, mobile.as_str())?;
                // What was sent to the old number is good for nothing now.
                challenge::void_account(tx, id)?;
                let entry = Entry::done(Event::AddressChanged, owner.authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail("mobile"))?;
                let (told, values) = (Template::MobileChanged, circumstances(&call));
                actions.tell(tx, (id, &account), told, values, envelope, call.now)?;
                Ok::<_, Fault>((tried, true))
            })
            .await?;
        match tried {
            (Tried::Right, true) => Ok(()),
            // Told to whoever reads what is sent to the number, and to nobody else, as with an e-mail address.
            (Tried::Right, false) => Err(Fault::new(Reason::NothingToDo)),
            (Tried::Wrong { .. }, _) => Err(Fault::new(Reason::SecondFactorWrong)),
            (Tried::Dead, _) => Err(Fault::new(Reason::Expired)),
        }
    }

    /// The own account, for a change after which codes and links go elsewhere: it asks for what a change of factors asks for (security.md OTP-6).
    fn own_fresh(
        &self,
        tx: &impl Reading,
        owner: &Owner,
        call: &Call,
    ) -> Result<(AccountId, AccountRecord), Fault> {
        let own = own(tx, &owner.authority)?;
        self.prove_fresh(tx, owner, call)?;
        Ok(own)
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
