//! Changing passwords.

use std::time::Duration;

use crate::{
    actions::{
        Actions,
        letters::Envelope,
        login::{LONGEST_PASSWORD, reservations::Place},
        no_account,
    },
    crypto::{password::Hash, strength},
    domain::{
        account::{ACCOUNTS, AccountRecord},
        audit::{self, Entry, Event},
        call::Call,
        caller::{Factor, ProvenFactor, Strength},
        challenge,
        credential::{self, PASSWORDS, PasswordRecord, Version},
        factor,
        fault::{Fault, Field, Reason},
        login::{
            circumstances,
            throttle::{self, Counters, Origin, Subject},
        },
        outbox::Template,
        rights::{Authority, Permit},
        session::{self, Liveness, NewSession, SESSIONS, SessionHash, SessionKey, SessionRecord},
        stipulation::{self, Stipulation},
    },
    store::{StoreError, WriteTx},
    values::{
        id::{AccountId, SessionId},
        name,
        net::SourceKey,
        secret::Secret,
        time::Timestamp,
    },
};

use super::hashing;

/// The rules a new password must pass (security.md PWD-1, PWD-7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// How long it must be.
    pub length: strength::Rules,
    /// Words of the organisation and the product that a password must not be built on.
    pub words: Vec<String>,
    /// After how long a password must be replaced; never when absent (DESIGN.md ruling 13).
    pub expire_after: Option<Duration>,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { length: strength::Rules::SOLE_FACTOR, words: Vec::new(), expire_after: None }
    }
}

/// A person's wish for a new password.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The present one.
    pub old: Secret<String>,
    /// The one that is to be.
    pub new: Secret<String>,
    /// The session that asks; it is replaced by a new one.
    pub session: SessionHash,
    /// How its owner was proven.
    pub strength: Strength,
    /// Whether the session was to be remembered.
    pub remembered: bool,
}

/// How long to wait is not known where failures under another name of the account are the reason.
const HIDDEN_WAIT: Duration = Duration::from_secs(1);

impl Actions {
    /// A person changes the own password. The present one must be right; it is guarded by the same counters as a sign-in. All
    /// other sessions end, and this one gets a new key.
    pub async fn change_password(
        &self,
        call: &Call,
        authority: Authority,
        change: PasswordChange,
    ) -> Result<(SessionKey, SessionRecord), Fault> {
        let (actions, call) = (self.clone(), call.clone());
        self.finished(async move { actions.replace_password(&call, authority, change).await }).await
    }

    async fn replace_password(
        &self,
        call: &Call,
        authority: Authority,
        change: PasswordChange,
    ) -> Result<(SessionKey, SessionRecord), Fault> {
        let id = authority.account();
        let (account, password) = self.0.store.read(|tx| {
            let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
            Ok::<_, Fault>((account, credential::password_of(tx, id)?))
        })?;
        if account.managed {
            return Err(managed());
        }
        let version = password.as_ref().map(PasswordRecord::version);
        match password {
            // Who came by a link moments ago has shown as much as the password would (simple-auth.md 1.4).
            _ if change.old.expose().is_empty() && !self.asks_old_password(&change.strength, call.now) => {}
            None => {
                return Err(Fault::new(Reason::NoPassword));
            }
            Some(password) => {
                let hash = password.hash()?;
                self.prove_present_password(call, &authority, &account.username, &change.old, hash).await?;
            }
        }
        self.check_new_password(&change.new, &account, Field::NewPassword).await?;
        if change.old.matches(change.new.expose()) {
            return Err(weak(Field::NewPassword, "Choose another one: this is the present password."));
        }
        let new = self.hashed(change.new).await?;
        let key = SessionKey::mint(call.now, self.0.world.random());
        let session = NewSession {
            hash: key.hash(),
            id: SessionId::mint(call.now, self.0.world.random()),
            account: id,
            strength: change.strength,
            remembered: change.remembered,
            replaces: Some(change.session),
            restricted: false,
        };
        let (call, limits, epoch) = (call.clone(), self.settings().limits.clone(), self.0.store.epoch());
        let (actions, envelope) = (self.clone(), self.envelope());
        let begun = self
            .0
            .store
            .write(move |tx| {
                actions.may_still_change(tx, &session, &change.session, version, &call)?;
                let restricted = actions.replaced(tx, id, &new, false, authority.actor(), &call)?;
                session::end_all(tx, id, Some(&change.session))?;
                audit::append(tx, &Entry::done(Event::PasswordChanged, authority.actor(), &call).about(id))?;
                actions.tell_of_password(tx, id, Template::PasswordChanged, envelope, &call)?;
                let session = NewSession { restricted, ..session.clone() };
                Ok::<_, Fault>(session::begin(tx, &session, &call, &limits, epoch)?)
            })
            .await?;
        Ok((key, begun.session))
    }

    /// While passwords were hashed, the session that asks may have ended or the account been closed; what was ended must not come back to
    /// life in a new session. A second factor, where there is one, was proven as lately as for a change of factors: with the password alone,
    /// or on a trusted device, nobody becomes the owner.
    fn may_still_change(
        &self,
        tx: &WriteTx,
        new: &NewSession,
        asking: &SessionHash,
        proven: Option<Version>,
        call: &Call,
    ) -> Result<(), Fault> {
        let ended = || Fault::new(Reason::Unauthenticated).because("the session ended meanwhile");
        let (settings, id) = (self.settings(), new.account);
        let session = SESSIONS.get(tx, asking)?.ok_or_else(ended)?;
        let live = settings.limits.liveness(call.now, session.last_seen, session.ends, session.remembered);
        if session.account != id
            || session.epoch != self.0.store.epoch()
            || !matches!(live, Liveness::Live { .. })
        {
            return Err(ended());
        }
        let open = |account: &AccountRecord| account.status.hindrance().is_none() && !account.managed;
        let account = ACCOUNTS.get(tx, &id)?.filter(open).ok_or_else(ended)?;
        still_proven(tx, id, proven)?;
        self.prove_owner_fresh(tx, (id, &account), &new.strength, call)
    }

    /// Whether a change of the own password needs the present one: not in a session that began with a one-time link, for as long as that
    /// is fresh (seed 003, `changePasswordRequest`).
    pub fn asks_old_password(&self, strength: &Strength, now: Timestamp) -> bool {
        let fresh = self.settings().limits.fresh;
        let by_link = |proof: &&ProvenFactor| proof.factor == Factor::Link;
        strength.proofs.iter().find(by_link).is_none_or(|proof| now.since(proof.at) > fresh)
    }

    /// The operator sets a password. A temporary one must be replaced at the next sign-in. All sessions end.
    pub async fn set_password(
        &self,
        call: &Call,
        permit: &Permit,
        id: AccountId,
        new: Secret<String>,
        temporary: bool,
    ) -> Result<(), Fault> {
        let pardon = |tx: &mut WriteTx, id| {
            factor::password_by_operator(tx, id)?;
            throttle::pardon(tx, id)
        };
        let who = (Event::PasswordSet, permit.actor());
        self.put_password(call, who, id, (new, temporary), None, pardon).await
    }

    /// A program sets the password of the account it acts for, without the old one; an old one that it sends along must be right all the
    /// same. All sessions end.
    pub async fn program_sets_password(
        &self,
        call: &Call,
        authority: Authority,
        old: Secret<String>,
        new: Secret<String>,
    ) -> Result<(), Fault> {
        let (actions, call) = (self.clone(), call.clone());
        self.finished(async move { actions.put_own_password(&call, authority, old, new).await }).await
    }

    async fn put_own_password(
        &self,
        call: &Call,
        authority: Authority,
        old: Secret<String>,
        new: Secret<String>,
    ) -> Result<(), Fault> {
        let id = authority.account();
        let mut proven = None;
        if !old.expose().is_empty() {
            let (account, password) = self.0.store.read(|tx| {
                let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
                Ok::<_, Fault>((account, credential::password_of(tx, id)?))
            })?;
            let password = password.ok_or_else(|| Fault::new(Reason::NoPassword))?;
            proven = Some(password.version());
            self.prove_present_password(call, &authority, &account.username, &old, password.hash()?).await?;
        }
        let who = (Event::PasswordChanged, authority.actor());
        self.put_password(call, who, id, (new, false), proven, throttle::pardon_password).await
    }

    async fn put_password(
        &self,
        call: &Call,
        (event, actor): (Event, &str),
        id: AccountId,
        (new, temporary): (Secret<String>, bool),
        proven: Option<Version>,
        pardon: fn(&mut WriteTx, AccountId) -> Result<(), StoreError>,
    ) -> Result<(), Fault> {
        let account = self.0.store.read(|tx| ACCOUNTS.get(tx, &id)?.ok_or_else(no_account))?;
        if account.managed {
            return Err(managed());
        }
        self.check_new_password(&new, &account, Field::NewPassword).await?;
        let hash = self.hashed(new).await?;
        let (call, actor) = (call.clone(), actor.to_owned());
        let (actions, envelope) = (self.clone(), self.envelope());
        self.0
            .store
            .write(move |tx| {
                if proven.is_some() {
                    still_proven(tx, id, proven)?;
                }
                actions.replaced(tx, id, &hash, temporary, &actor, &call)?;
                pardon(tx, id)?;
                session::end_all(tx, id, None)?;
                let entry = Entry::done(event, &actor, &call).about(id);
                audit::append(tx, &entry.detail(if temporary { "temporary" } else { "permanent" }))?;
                actions.tell_of_password(tx, id, Template::PasswordReset, envelope, &call)
            })
            .await
    }

    /// What every new password of an account brings with it: open links and codes are void (security.md ENR-2), and the change that was asked
    /// for is made. Says whether anything is left that a session of the account is restricted for.
    pub(super) fn replaced(
        &self,
        tx: &mut WriteTx,
        id: AccountId,
        hash: &Hash,
        temporary: bool,
        actor: &str,
        call: &Call,
    ) -> Result<bool, Fault> {
        let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
        // Whatever was checked before: it may have been declared since, while the password was hashed.
        if account.managed {
            return Err(managed());
        }
        credential::set_password(tx, id, hash, call.now, temporary)?;
        challenge::void_account(tx, id)?;
        stipulation::satisfy(tx, id, &Stipulation::ChangePassword, actor, call)?;
        Ok(!self.door().tasks(tx, id, &account, call.now)?.is_empty())
    }

    /// The owner of an account learns that its password is another one.
    pub(super) fn tell_of_password(
        &self,
        tx: &mut WriteTx,
        id: AccountId,
        template: Template,
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
        self.tell(tx, (id, &account), template, circumstances(call), envelope, call.now)
    }

    /// Whether a new password passes the rules for this person.
    pub(super) async fn check_new_password(
        &self,
        new: &Secret<String>,
        account: &AccountRecord,
        field: Field,
    ) -> Result<(), Fault> {
        let own = [Some(&account.username), Some(&account.display_name), account.email.as_ref()];
        self.check_password_words(new, own.into_iter().flatten().cloned(), field).await
    }

    /// The same for somebody who has no account yet: `own` are the person's names and addresses.
    pub(super) async fn check_password_words(
        &self,
        new: &Secret<String>,
        own: impl Iterator<Item = String>,
        field: Field,
    ) -> Result<(), Fault> {
        let rules = self.settings().passwords.clone();
        let words = own.chain(rules.words).chain(["vouchsafe".to_owned()]).collect();
        let mut fault = Fault::new(Reason::WeakPassword);
        for weakness in self.0.hashing.weaknesses(new.clone(), words, rules.length).await? {
            fault = fault.with_flaw(field, weakness.to_string());
        }
        if fault.flaws.is_empty() { Ok(()) } else { Err(fault) }
    }

    async fn prove_present_password(
        &self,
        call: &Call,
        authority: &Authority,
        username: &str,
        old: &Secret<String>,
        hash: Hash,
    ) -> Result<(), Fault> {
        if old.expose().is_empty() {
            return Err(Fault::malformed(Field::OldPassword, "is required"));
        }
        if old.expose().len() > LONGEST_PASSWORD {
            return Err(Fault::malformed(Field::OldPassword, "is longer than 1024 bytes"));
        }
        let id = authority.account();
        let rules = self.settings().throttle.clone();
        self.0.reservations.spend_attempt(call.client, call.now)?;
        let origin = Origin::Source(SourceKey::of(call.client));
        // Under the user name, too, so that the sign-in form tells of these failures.
        let typed = Subject::unknown(&name::canonical(username));
        let counters = Counters::of(&Subject::account(id), Some(&typed), &origin, call.client);
        let reservation = match self.0.reservations.reserve(&self.0.store, &rules, counters, call.now)? {
            Place::Taken(reservation) => reservation,
            // Who asks knows the account, so nothing is told by saying it. The right password is not looked at either (security.md THR-6).
            Place::Hidden(_) => return Err(Fault::new(Reason::Throttled).retry_after(HIDDEN_WAIT)),
            Place::Wait(wait) => return Err(Fault::new(Reason::Throttled).retry_after(wait)),
        };
        let outcome = self.0.hashing.verify(Some(hash), old.clone()).await?;
        if let hashing::Outcome::Match { .. } = outcome {
            return Ok(());
        }
        let (call, actor) = (call.clone(), authority.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                throttle::count_failure(tx, &rules, &counters, call.now)?;
                audit::append(tx, &Entry::refused(Event::PasswordChangeFailed, &actor, &call).about(id))?;
                Ok::<_, StoreError>(())
            })
            .await?;
        drop(reservation);
        Err(Fault::new(Reason::BadCredentials).with_flaw(Field::OldPassword, "is not the present password"))
    }
}

/// Only the password that was proven may be replaced: while hashes were computed somebody else may have changed it.
fn still_proven(tx: &WriteTx, id: AccountId, proven: Option<Version>) -> Result<(), Fault> {
    if PASSWORDS.get(tx, &id)?.map(|current| current.version()) == proven {
        Ok(())
    } else {
        Err(Fault::new(Reason::BadCredentials).because("the password was changed meanwhile"))
    }
}

pub(super) fn managed() -> Fault {
    Fault::new(Reason::Managed)
        .with_flaw(Field::Username, "this account is declared in the configuration file; change it there")
}

fn weak(field: Field, message: &str) -> Fault {
    Fault::new(Reason::WeakPassword).with_flaw(field, message)
}
