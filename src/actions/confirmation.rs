//! Showing that an e-mail address is one's own, at registration and later (security.md ENR-4, OTP-2).

use super::{
    Actions,
    letters::{Envelope, Letter},
    people::switched_off,
};
use crate::{
    domain::{
        account::{self, ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        challenge::{self, Kind, Link, NewLink, Pace, Purpose, Receiver, Subject},
        fault::{Fault, Reason},
        outbox::Template,
        stipulation::{self, Stipulation},
    },
    store::WriteTx,
    values::{email::EmailAddress, id::AccountId, random::Random, secret::Secret},
};

/// Chance for one link and its letter, drawn before the transaction.
#[derive(Clone, Copy)]
pub(super) struct Confirmation {
    link: Random<32>,
    envelope: Envelope,
}

impl Actions {
    pub(super) fn confirmation(&self) -> Confirmation {
        Confirmation { link: self.0.world.random(), envelope: self.envelope() }
    }

    /// Sends the link that makes an address an account's. When the address is somebody else's, that somebody is told instead, and whoever
    /// asked learns nothing.
    pub(super) fn send_confirmation(
        &self,
        tx: &mut WriteTx,
        owner: (AccountId, &AccountRecord),
        email: &EmailAddress,
        chance: &Confirmation,
        call: &Call,
    ) -> Result<(), Fault> {
        match account::email_is_free(tx, owner.1.tenant, owner.0, email.canonical(), call.now) {
            Ok(()) => {}
            Err(fault) if fault.reason == Reason::Taken => {
                return self.warn_owner(tx, email, chance.envelope, call);
            }
            Err(fault) => return Err(fault),
        }
        let token = self.offer_link(tx, Purpose::ConfirmEmail, owner.0, email, chance.link, call)?;
        let lifetime = Purpose::ConfirmEmail.lifetime();
        let letter = Letter {
            template: Template::ConfirmEmail,
            to: email.as_str(),
            account: Some(owner),
            values: vec![("link", self.token_link("/confirm", &token)), minutes(lifetime)],
            not_after: Some(call.now + lifetime),
        };
        self.post(tx, &letter, chance.envelope, call.now)
    }

    /// A link about an account that is good for one address only.
    pub(super) fn offer_link(
        &self,
        tx: &mut WriteTx,
        purpose: Purpose,
        account: AccountId,
        email: &EmailAddress,
        chance: Random<32>,
        call: &Call,
    ) -> Result<Secret<String>, Fault> {
        let link = NewLink {
            purpose,
            subject: Subject::Account(account),
            address: Some(email.as_str().to_owned()),
            data: Vec::new(),
            lifetime: purpose.lifetime(),
        };
        Ok(challenge::offer(tx, &link, chance, call.now, self.0.store.epoch())?)
    }

    /// Somebody wanted an address that has an account: its owner, and nobody else, is told.
    pub(super) fn warn_owner(
        &self,
        tx: &mut WriteTx,
        email: &EmailAddress,
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let Some((id, account)) = account::by_email(tx, self.0.home, email.canonical())? else {
            return Ok(());
        };
        audit::append(tx, &Entry::refused(Event::RegisteredAgain, "nobody", call).about(id))?;
        let values = vec![("link", self.link("/forgot"))];
        self.tell(tx, (id, &account), Template::AccountExists, values, envelope, call.now)
    }

    /// Sends the link again that confirms the address of the account with this login name. What comes of it is told to nobody who asks
    /// (THR-8).
    ///
    /// # Errors
    /// `SwitchedOff`, `Throttled`.
    pub async fn resend_confirmation(&self, call: &Call, login: &str) -> Result<(), Fault> {
        if !self.wants_mail() {
            return Err(switched_off());
        }
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, login) = (self.clone(), call.clone(), login.to_owned());
        let (chance, rules) = (self.confirmation(), self.settings().people.pace.clone());
        self.0
            .store
            .write(move |tx| {
                let found = account::by_login(tx, actions.0.home, &login)?;
                let wanted = match &found {
                    Some((id, account)) => Self::to_be_confirmed(tx, *id, account)?,
                    None => None,
                };
                let typed = crate::values::name::canonical(&login);
                let address = wanted.as_ref().map_or(typed.as_str(), EmailAddress::canonical);
                match challenge::pace(tx, &rules, Kind::Confirm, Receiver::Address(address), &call)? {
                    Pace::Go => {}
                    Pace::Enough(_) => return Ok(()),
                    Pace::Wait(wait) => return Err(Fault::new(Reason::Throttled).retry_after(wait)),
                }
                match (&found, &wanted) {
                    (Some((id, account)), Some(email)) => {
                        challenge::posted(tx, Kind::Confirm, call.now)?;
                        actions.send_confirmation(tx, (*id, account), email, &chance, &call)
                    }
                    _ => Ok(()),
                }
            })
            .await
    }

    /// The address whose confirmation an account waits for.
    fn to_be_confirmed(
        tx: &WriteTx,
        id: AccountId,
        account: &AccountRecord,
    ) -> Result<Option<EmailAddress>, Fault> {
        if account.status.hindrance().is_some() {
            return Ok(None);
        }
        let open = stipulation::open(tx, id)?;
        let asked = open.into_iter().find(|open| open.what == Stipulation::ConfirmEmail);
        let address = asked.and_then(|asked| asked.address.or_else(|| account.email.clone()));
        Ok(address.map(|address| EmailAddress::from_stored(&address)))
    }

    /// Whether a link would confirm an address. Consumes nothing.
    ///
    /// # Errors
    /// `InvalidToken`, `Expired`, `Throttled`.
    pub fn check_confirmation(&self, call: &Call, token: &Secret<String>) -> Result<(), Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let epoch = self.0.store.epoch();
        let peek = |purpose| self.0.store.read(|tx| challenge::peek(tx, purpose, token, call.now, epoch));
        match peek(Purpose::ConfirmEmail) {
            Err(fault) if fault.reason == Reason::InvalidToken => peek(Purpose::ChangeEmail).map(|_| ()),
            other => other.map(|_| ()),
        }
    }

    /// Redeems the link that confirms an address given at registration: `POST /stipulation`. `claimed` is the account that the
    /// caller says it is about.
    ///
    /// # Errors
    /// `NothingToDo` whatever is wrong: unknown, used, over, for another account, for an address that is not free any more.
    pub async fn satisfy_by_token(
        &self,
        call: &Call,
        claimed: Option<AccountId>,
        token: Secret<String>,
    ) -> Result<AccountId, Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (wanted, epoch) = (call.clone(), self.0.store.epoch());
        let satisfied = self
            .0
            .store
            .write(move |tx| {
                let link = challenge::redeem(tx, Purpose::ConfirmEmail, &token, wanted.now, epoch)?;
                confirm(tx, claimed, link, &wanted)
            })
            .await;
        self.no_hint(call, satisfied).await
    }

    /// Redeems the link in a letter, whether it confirms an address given at registration or a change of address.
    ///
    /// # Errors
    /// As [`satisfy_by_token`](Self::satisfy_by_token).
    pub async fn confirm_address(&self, call: &Call, token: Secret<String>) -> Result<AccountId, Fault> {
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, wanted, epoch) = (self.clone(), call.clone(), self.0.store.epoch());
        let envelope = self.envelope();
        let satisfied = self
            .0
            .store
            .write(move |tx| match challenge::redeem(tx, Purpose::ConfirmEmail, &token, wanted.now, epoch) {
                Ok(link) => confirm(tx, None, link, &wanted),
                Err(fault) if fault.reason == Reason::InvalidToken => {
                    let link = challenge::redeem(tx, Purpose::ChangeEmail, &token, wanted.now, epoch)?;
                    actions.readdress(tx, link, envelope, &wanted)
                }
                Err(fault) => Err(fault),
            })
            .await;
        self.no_hint(call, satisfied).await
    }

    /// One refusal for everything that can be wrong with a link, on record.
    async fn no_hint<T>(&self, call: &Call, outcome: Result<T, Fault>) -> Result<T, Fault> {
        match outcome {
            Err(fault)
                if matches!(
                    fault.reason,
                    Reason::InvalidToken | Reason::Expired | Reason::Taken | Reason::NotFound
                ) =>
            {
                self.record_refused(call, Event::StipulationRefused).await?;
                Err(Fault::new(Reason::NothingToDo).because(fault))
            }
            other => other,
        }
    }
}

/// A redeemed link gives its account the address it was sent to.
fn confirm(
    tx: &mut WriteTx,
    claimed: Option<AccountId>,
    link: Link,
    call: &Call,
) -> Result<AccountId, Fault> {
    let (id, email) = about(&link)?;
    let is_asked = stipulation::open(tx, id)?.iter().any(|open| {
        let address = |text: &String| EmailAddress::from_stored(text) == email;
        open.what == Stipulation::ConfirmEmail && open.address.as_ref().is_some_and(address)
    });
    let account = ACCOUNTS.get(tx, &id)?.ok_or(Fault::new(Reason::NotFound))?;
    let is_own = account.email_canonical.as_deref() == Some(email.canonical());
    // Good for the address it was sent to: either the account has it, or it is the one being asked about.
    if claimed.is_some_and(|claimed| claimed != id) || !(is_own || is_asked) {
        return Err(Fault::new(Reason::InvalidToken));
    }
    account::confirm_email(tx, id, &email, call.now)?;
    stipulation::satisfy(tx, id, &Stipulation::ConfirmEmail, &id.to_string(), call)?;
    Ok(id)
}

/// The account and the address that a link is about.
pub(super) fn about(link: &Link) -> Result<(AccountId, EmailAddress), Fault> {
    match (link.subject, &link.address) {
        (Subject::Account(id), Some(address)) => Ok((id, EmailAddress::from_stored(address))),
        _ => Err(Fault::new(Reason::InvalidToken)),
    }
}

/// The lifetime of a link, as its letter tells it.
pub(super) fn minutes(lifetime: std::time::Duration) -> (&'static str, String) {
    ("minutes", (lifetime.as_secs() / 60).to_string())
}
