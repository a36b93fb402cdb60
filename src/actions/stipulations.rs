//! What is asked of accounts: by the operator, and satisfied by their owners in a restricted session.

use super::{Actions, credentials::managed, letters::Envelope, no_account};
use crate::{
    domain::{
        account::{self, ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        fault::{Fault, Field, Reason},
        outbox::Template,
        rights::{Authority, Permit},
        session::{self, Liveness, SESSIONS, SessionHash, SessionKey, SessionRecord},
        stipulation::{self, Open, Stipulation},
    },
    store::WriteTx,
    values::{
        email::EmailAddress,
        id::{AccountId, SessionId},
    },
};

impl Actions {
    /// What is asked of an account and not satisfied yet.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn stipulations_of(&self, _: &Permit, id: AccountId) -> Result<Vec<Open>, Fault> {
        self.0.store.read(|tx| {
            if !ACCOUNTS.contains(tx, &id)? {
                return Err(no_account());
            }
            Ok(stipulation::open(tx, id)?)
        })
    }

    /// Asks something of an account. Its sessions end, so that the next sign-in meets it.
    ///
    /// # Errors
    /// `NotFound`; `NothingToDo` when it is asked already; `Managed` for a password that only the configuration can change.
    pub async fn stipulate(
        &self,
        call: &Call,
        permit: &Permit,
        id: AccountId,
        what: Stipulation,
    ) -> Result<(), Fault> {
        let (actions, call, actor) = (self.clone(), call.clone(), permit.actor().to_owned());
        let chance = self.confirmation();
        self.0
            .store
            .write(move |tx| {
                let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
                if account.managed && what == Stipulation::ChangePassword {
                    return Err(managed());
                }
                if what == Stipulation::ConfirmEmail && account.email.is_none() {
                    return Err(Fault::malformed(Field::Email, "there is none to confirm"));
                }
                if !stipulation::add(tx, id, &Open::new(what.clone(), call.now), &actor, &call)? {
                    return Err(nothing("this is asked already"));
                }
                session::end_all(tx, id, None)?;
                match (&what, &account.email) {
                    (Stipulation::ConfirmEmail, Some(email)) if actions.wants_mail() => {
                        let email = EmailAddress::from_stored(email);
                        actions.send_confirmation(tx, (id, &account), &email, &chance, &call)
                    }
                    _ => Ok(()),
                }
            })
            .await
    }

    /// Asks something of an account no more; everything when `what` is absent. Gives what was open. An address that waited for its confirmation
    /// becomes the account's on the operator's word, unconfirmed.
    ///
    /// # Errors
    /// `NotFound`; `NothingToDo` when nothing of the kind is asked.
    pub async fn unstipulate(
        &self,
        call: &Call,
        permit: &Permit,
        id: AccountId,
        what: Option<Stipulation>,
    ) -> Result<Vec<Stipulation>, Fault> {
        let (actions, call, actor) = (self.clone(), call.clone(), permit.actor().to_owned());
        let envelope = self.envelope();
        self.0
            .store
            .write(move |tx| {
                let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
                let gone: Vec<Open> = stipulation::open(tx, id)?
                    .into_iter()
                    .filter(|open| what.as_ref().is_none_or(|what| open.what.is_like(what)))
                    .collect();
                if gone.is_empty() {
                    return Err(nothing("nothing of the kind is asked of this account"));
                }
                for open in &gone {
                    stipulation::remove(tx, id, &open.what, &actor, &call)?;
                    if let Some(address) = &open.address {
                        take_address(tx, id, &account, address, &call)?;
                    }
                }
                actions.tell_when_approved(tx, id, &gone, envelope, &call)?;
                Ok(gone.into_iter().map(|open| open.what).collect())
            })
            .await
    }

    /// The operator has had a look: the account may be used.
    ///
    /// # Errors
    /// As [`unstipulate`](Self::unstipulate).
    pub async fn approve(&self, call: &Call, permit: &Permit, id: AccountId) -> Result<(), Fault> {
        self.unstipulate(call, permit, id, Some(Stipulation::ManualApproval)).await.map(|_| ())
    }

    /// Once nothing stands in the way any more, whoever waited for approval is told.
    fn tell_when_approved(
        &self,
        tx: &mut WriteTx,
        id: AccountId,
        gone: &[Open],
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let approved = gone.iter().any(|open| open.what == Stipulation::ManualApproval);
        if !approved || !stipulation::blocking(tx, id)?.is_empty() {
            return Ok(());
        }
        let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
        let values = vec![("link", self.link("/login"))];
        self.tell(tx, (id, &account), Template::AccountApproved, values, envelope, call.now)
    }

    /// What a restricted session has to satisfy before it opens anything else, in the order its pages ask. Empty when nothing is left.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tasks_of(&self, call: &Call, id: AccountId) -> Result<Vec<Stipulation>, Fault> {
        let door = self.door();
        self.0.store.read(|tx| {
            let Some(account) = ACCOUNTS.get(tx, &id)? else { return Ok(Vec::new()) };
            door.tasks(tx, id, &account, call.now)
        })
    }

    /// A person accepts the terms. The session gets a new key, and reaches as far as what is left allows (security.md SES-2).
    ///
    /// # Errors
    /// `NothingToDo` when these terms are not asked for, `Unauthenticated` when the session ended meanwhile.
    pub async fn accept_terms(
        &self,
        call: &Call,
        authority: Authority,
        version: &str,
        session: SessionHash,
    ) -> Result<(SessionKey, SessionRecord), Fault> {
        let (call, version, door) = (call.clone(), version.to_owned(), self.door());
        let key = SessionKey::mint(call.now, self.0.world.random());
        let (hash, name) = (key.hash(), SessionId::mint(call.now, self.0.world.random()));
        let (limits, epoch) = (self.settings().limits.clone(), self.0.store.epoch());
        let widened = self
            .0
            .store
            .write(move |tx| {
                let id = authority.account();
                let is_live = |old: &SessionRecord| {
                    let live = limits.liveness(call.now, old.last_seen, old.ends, old.remembered);
                    old.account == id && old.epoch == epoch && matches!(live, Liveness::Live { .. })
                };
                let old = SESSIONS.get(tx, &session)?.filter(is_live);
                let (Some(old), Some(account)) = (old, ACCOUNTS.get(tx, &id)?) else {
                    return Err(Fault::new(Reason::Unauthenticated));
                };
                let wanted = Stipulation::AcceptTerms(version.clone());
                if !door.tasks(tx, id, &account, call.now)?.contains(&wanted) {
                    return Err(nothing("these terms are not asked for"));
                }
                stipulation::accept_terms(tx, id, &version, authority.actor(), &call)?;
                let restricted = !door.tasks(tx, id, &account, call.now)?.is_empty();
                Ok(session::widen(tx, &session, old, (hash, name), restricted, call.now)?)
            })
            .await?;
        Ok((key, widened))
    }
}

/// An address that waited becomes the account's, if it is still free. It is not confirmed by that.
fn take_address(
    tx: &mut WriteTx,
    id: AccountId,
    account: &AccountRecord,
    address: &str,
    call: &Call,
) -> Result<(), Fault> {
    let email = EmailAddress::from_stored(address);
    account::email_is_free(tx, account.tenant, id, email.canonical(), call.now)?;
    let new = AccountRecord {
        email: Some(email.as_str().to_owned()),
        email_canonical: Some(email.canonical().to_owned()),
        ..account.clone()
    };
    account::readdress(tx, id, account, &new, call.now)?;
    audit::append(tx, &Entry::done(Event::AddressChanged, "operator", call).about(id).detail("e-mail"))?;
    Ok(())
}

fn nothing(message: &str) -> Fault {
    Fault::new(Reason::NothingToDo).with_flaw(Field::Account, message)
}
