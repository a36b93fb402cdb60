//! Coming back without the password: a forgotten one is replaced through a link, and one-time links sign in (simple-auth.md 1.3, 9.A2,
//! 9.A3; security.md ENR-1, ENR-2).
//!
//! A link stands where the password stands, never for more: a second factor is asked for afterwards, and stipulations hold. A link for a new
//! password is good for that alone. Asking for a link tells nothing: the answer is the same for every address.

use std::time::Duration;

use super::{
    Actions, Which,
    confirmation::{about, minutes},
    letters::Letter,
    login::SignInOutcome,
    no_account,
    people::switched_off,
};
use crate::{
    domain::{
        account::{self, ACCOUNTS, AccountRecord, Hindrance, Status},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, Strength},
        challenge::{self, Kind, NewLink, Pace, Purpose, Receiver, Subject},
        factor,
        fault::{Fault, Field, Reason},
        login::{
            self, Aim, Arrival, Finished, Scene,
            throttle::{self, Counters, Origin},
        },
        outbox::Template,
        rights::Permit,
        session::{self, SessionHash},
        stipulation::{self, Stipulation},
    },
    store::{Reading, WriteTx},
    values::{email::EmailAddress, id::AccountId, net::SourceKey, secret::Secret},
};

/// What somebody wants a link for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFor {
    /// To choose a new password: the portal's own form.
    NewPassword,
    /// To sign in: `POST /auth/onetime`.
    SignIn,
}

impl LinkFor {
    const fn purpose(self) -> Purpose {
        match self {
            Self::NewPassword => Purpose::ResetPassword,
            Self::SignIn => Purpose::SignIn,
        }
    }

    /// Where its letter leads: a page with a button, so that nothing is used up by looking (security.md OTP-7).
    const fn page(self) -> &'static str {
        match self {
            Self::NewPassword => "/recover",
            Self::SignIn => "/onetime",
        }
    }

    const fn template(self) -> Template {
        match self {
            Self::NewPassword => Template::ResetPassword,
            Self::SignIn => Template::SignInLink,
        }
    }
}

/// What a browser brings along.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The session it has now; a new one takes its place.
    pub replaces: Option<SessionHash>,
    /// The value of the trusted-device cookie.
    pub trust: Option<String>,
}

/// No link that the operator makes is good for longer (security.md section 2).
pub const LONGEST_LINK: Duration = Duration::from_hours(24);

impl Actions {
    /// Whether a forgotten password can be replaced here.
    pub fn offers_recovery(&self) -> bool {
        self.wants_mail() && self.settings().people.recovery.forgot_password
    }

    /// Sends a link to an address, if there is an account that it can be for. What came of it is told to nobody.
    ///
    /// # Errors
    /// `SwitchedOff`, `Throttled` by source; nothing else depends on anything.
    pub async fn request_link(
        &self,
        call: &Call,
        email: &EmailAddress,
        wanted: LinkFor,
    ) -> Result<(), Fault> {
        let recovery = self.settings().people.recovery.clone();
        let offered = match wanted {
            LinkFor::NewPassword => recovery.forgot_password,
            LinkFor::SignIn => recovery.sign_in_links,
        };
        if !offered || !self.wants_mail() {
            return Err(switched_off());
        }
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (actions, call, email) = (self.clone(), call.clone(), email.clone());
        let (chance, envelope) = (self.0.world.random(), self.envelope());
        let rules = self.settings().people.pace.clone();
        self.0
            .store
            .write(move |tx| {
                let receiver = Receiver::Address(email.canonical());
                match challenge::pace(tx, &rules, Kind::Recover, receiver, &call)? {
                    Pace::Go => {}
                    Pace::Enough(_) => return Ok(()),
                    Pace::Wait(wait) => return Err(Fault::new(Reason::Throttled).retry_after(wait)),
                }
                let found = account::by_email(tx, actions.0.home, email.canonical())?;
                let Some((id, account)) = found.filter(|(_, account)| is_for(account, wanted)) else {
                    return Ok(());
                };
                let token = actions.offer_link(tx, wanted.purpose(), id, &email, chance, &call)?;
                let entry = Entry::done(Event::LinkOffered, "nobody", &call).about(id);
                audit::append(tx, &entry.detail(wanted.template().as_str()))?;
                let lifetime = wanted.purpose().lifetime();
                let letter = Letter {
                    template: wanted.template(),
                    // As stored: what was typed may be spelled otherwise.
                    to: account.email.as_deref().unwrap_or(email.as_str()),
                    account: Some((id, &account)),
                    values: vec![("link", actions.token_link(wanted.page(), &token)), minutes(lifetime)],
                    not_after: Some(call.now + lifetime),
                };
                challenge::posted(tx, Kind::Recover, call.now)?;
                actions.post(tx, &letter, envelope, call.now)
            })
            .await
    }

    /// The operator makes a link that signs somebody in. It goes to nobody but the operator.
    ///
    /// # Errors
    /// `NotFound`, `SwitchedOff`; `Malformed` for a lifetime of nothing or of more than [`LONGEST_LINK`].
    pub async fn make_link(
        &self,
        call: &Call,
        permit: &Permit,
        which: &Which,
        lifetime: Duration,
    ) -> Result<Secret<String>, Fault> {
        if !self.settings().people.recovery.sign_in_links {
            return Err(switched_off());
        }
        if lifetime.is_zero() || lifetime > LONGEST_LINK {
            return Err(Fault::malformed(Field::Named("duration"), "is between a second and 24 hours"));
        }
        let id = self.find_account(permit, which)?.id;
        let (call, actor) = (call.clone(), permit.actor().to_owned());
        let (chance, epoch) = (self.0.world.random(), self.0.store.epoch());
        let token = self
            .0
            .store
            .write(move |tx| {
                if !ACCOUNTS.contains(tx, &id)? {
                    return Err(no_account());
                }
                let subject = Subject::Account(id);
                let link =
                    NewLink { purpose: Purpose::SignIn, subject, address: None, data: Vec::new(), lifetime };
                let token = challenge::offer(tx, &link, chance, call.now, epoch)?;
                let entry = Entry::done(Event::LinkOffered, &actor, &call).about(id);
                audit::append(tx, &entry.detail(format!("for {} minutes", lifetime.as_secs() / 60)))?;
                Ok(token)
            })
            .await?;
        Ok(Secret::new(self.token_link(LinkFor::SignIn.page(), &token)))
    }

    /// Whether a link would be accepted now. Consumes nothing.
    ///
    /// # Errors
    /// `InvalidToken`, `Expired`, `Throttled`, `SwitchedOff`.
    pub fn check_link(&self, call: &Call, wanted: LinkFor, token: &Secret<String>) -> Result<(), Fault> {
        self.refuse_if_off(wanted)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let epoch = self.0.store.epoch();
        self.0.store.read(|tx| {
            let link = challenge::peek(tx, wanted.purpose(), token, call.now, epoch)?;
            usable(tx, &link).map(|_| ())
        })
    }

    fn refuse_if_off(&self, wanted: LinkFor) -> Result<(), Fault> {
        let recovery = &self.settings().people.recovery;
        match wanted {
            LinkFor::NewPassword if recovery.forgot_password => Ok(()),
            LinkFor::SignIn if recovery.sign_in_links => Ok(()),
            _ => Err(switched_off()),
        }
    }

    /// Redeems a link that signs in. It stands where the password stands: what comes next, a second factor or a stipulation above all, is decided
    /// as for every other sign-in.
    ///
    /// # Errors
    /// `InvalidToken`, `Expired`, `Throttled`; `Locked`, `Disabled` and `Stipulated` leave the link as it was.
    pub async fn sign_in_by_link(
        &self,
        call: &Call,
        token: Secret<String>,
        visitor: Visitor,
    ) -> Result<SignInOutcome, Fault> {
        self.refuse_if_off(LinkFor::SignIn)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (keys, terms, wanted) = (self.fresh_keys(call), self.terms(), call.clone());
        let fresh = keys.names();
        let finished = self
            .0
            .store
            .write(move |tx| {
                let link = challenge::redeem(tx, Purpose::SignIn, &token, wanted.now, terms.epoch)?;
                let id = usable(tx, &link)?;
                confirm_by_use(tx, id, &link, &wanted)?;
                audit::append(tx, &Entry::done(Event::LinkRedeemed, id.to_string(), &wanted).about(id))?;
                let scene = Scene { fresh: &fresh, terms: &terms, call: &wanted };
                match enter(tx, id, &visitor, &scene)? {
                    // Whoever may not enter now may come back with the same link.
                    Finished::Hindered(Hindrance::Locked) => Err(Fault::new(Reason::Locked)),
                    Finished::Hindered(Hindrance::Disabled) => Err(Fault::new(Reason::Disabled)),
                    Finished::Stipulated => Err(Fault::new(Reason::Stipulated)),
                    finished => Ok(finished),
                }
            })
            .await;
        self.outcome(call, keys, self.note_refusal(call, finished).await?, false)
    }

    /// Redeems a link for a new password: sets it, ends every session, tells the owner, and signs in as far as a link does.
    ///
    /// # Errors
    /// As [`sign_in_by_link`](Self::sign_in_by_link), and `WeakPassword`, `Malformed`, `Busy`; none of these use the link up.
    pub async fn reset_password(
        &self,
        call: &Call,
        token: Secret<String>,
        new: Secret<String>,
        visitor: Visitor,
    ) -> Result<SignInOutcome, Fault> {
        self.refuse_if_off(LinkFor::NewPassword)?;
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let (terms, epoch) = (self.terms(), self.0.store.epoch());
        // Before any work: without a good link there is nothing to hash for.
        let checked = self.0.store.read(|tx| {
            let link = challenge::peek(tx, Purpose::ResetPassword, &token, call.now, epoch)?;
            let id = usable(tx, &link)?;
            ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)
        });
        let account = self.note_refusal(call, checked).await?;
        self.check_new_password(&new, &account, Field::NewPassword).await?;
        let hash = self.hashed(new).await?;
        let (actions, wanted, envelope) = (self.clone(), call.clone(), self.envelope());
        let keys = self.fresh_keys(call);
        let fresh = keys.names();
        let finished = self
            .0
            .store
            .write(move |tx| {
                let link = challenge::redeem(tx, Purpose::ResetPassword, &token, wanted.now, epoch)?;
                let id = usable(tx, &link)?;
                confirm_by_use(tx, id, &link, &wanted)?;
                actions.replaced(tx, id, &hash, false, &id.to_string(), &wanted)?;
                throttle::pardon_password(tx, id)?;
                factor::distrust_mail(tx, id, wanted.now)?;
                session::end_all(tx, id, None)?;
                audit::append(tx, &Entry::done(Event::PasswordReset, id.to_string(), &wanted).about(id))?;
                actions.tell_of_password(tx, id, Template::PasswordReset, envelope, &wanted)?;
                enter(tx, id, &visitor, &Scene { fresh: &fresh, terms: &terms, call: &wanted })
            })
            .await;
        self.outcome(call, keys, self.note_refusal(call, finished).await?, false)
    }

    /// A refused link stands in the trail.
    async fn note_refusal<T>(&self, call: &Call, outcome: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &outcome
            && matches!(fault.reason, Reason::InvalidToken | Reason::Expired)
        {
            self.record_refused(call, Event::LinkRefused).await?;
        }
        outcome
    }
}

/// Goes on from a redeemed link as from any other first factor.
fn enter(tx: &mut WriteTx, id: AccountId, visitor: &Visitor, scene: &Scene<'_>) -> Result<Finished, Fault> {
    let call = scene.call;
    let arrival = Arrival {
        account: id,
        strength: Strength::of(Factor::Link, call.now),
        remembered: false,
        replaces: visitor.replaces,
        trust: visitor.trust.clone(),
    };
    let origin = Origin::Source(SourceKey::of(call.client));
    let second = Counters::of_second(&throttle::Subject::account(id), &origin, call.client);
    login::proceed(tx, arrival, &Aim::Steps, &[], &second, scene)
}

/// A link proves that its redeemer reads the mail of an address. If that is the account's, it is confirmed by that.
fn confirm_by_use(tx: &mut WriteTx, id: AccountId, link: &challenge::Link, call: &Call) -> Result<(), Fault> {
    let Ok((_, email)) = about(link) else { return Ok(()) };
    account::confirm_email(tx, id, &email, call.now)?;
    stipulation::satisfy(tx, id, &Stipulation::ConfirmEmail, &id.to_string(), call)?;
    Ok(())
}

/// The account that a link is for, while it is still that account's address the link was sent to (security.md OTP-2).
fn usable(tx: &impl Reading, link: &challenge::Link) -> Result<AccountId, Fault> {
    let invalid = || Fault::new(Reason::InvalidToken);
    let Subject::Account(id) = link.subject else { return Err(invalid()) };
    let account = ACCOUNTS.get(tx, &id)?.ok_or_else(invalid)?;
    let same = link.address.as_ref().is_none_or(|address| {
        account.email_canonical.as_deref() == Some(EmailAddress::from_stored(address).canonical())
    });
    if same { Ok(id) } else { Err(invalid()) }
}

/// Whether a link of this kind helps the account's owner.
fn is_for(account: &AccountRecord, wanted: LinkFor) -> bool {
    let open = account.status == Status::Active;
    // Its password is the configuration file's.
    open && !(account.managed && wanted == LinkFor::NewPassword)
}
