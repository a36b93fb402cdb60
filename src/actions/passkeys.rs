//! The passkeys of an account: looking, adding, naming, removing, by their owner.
//!
//! Adding and removing need a fresh proof (security.md WAN-4), and the owner is told by mail (THR-13).

use std::sync::Arc;

use super::{Actions, letters::Envelope};
use crate::{
    crypto::webauthn::{Allowed, Ceremony, LONGEST_RESPONSE, RelyingParty, UserEntity, Verification},
    domain::{
        account::AccountRecord,
        audit::{self, Entry, Event},
        call::Call,
        caller::{Caller, Strength},
        challenge::{self, NewLink, Purpose, Subject},
        credential::PASSWORDS,
        factor::passkey::{self, Added, LONGEST_PASSKEY_NAME, MOST_PASSKEYS, PasskeyKey, PasskeyRecord},
        fault::{Fault, Field, Reason},
        login::{circumstances, second},
        outbox::Template,
        rights::Authority,
        session::{self, SessionHash},
    },
    store::{Reading, WriteTx},
    values::{id::AccountId, secret::Secret, time::Timestamp},
};

/// Longest answer of a browser that is looked at, in bytes of its JSON text.
pub const LONGEST_ANSWER: usize = LONGEST_RESPONSE;

/// What the operator decided about passkeys.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Us, as authenticators know us; `None` where browsers have no passkeys: a portal without a domain, or without https.
    pub party: Option<Arc<RelyingParty>>,
    /// Whether anybody may add one, or sign in with nothing else. Those there are stay asked for as second factors.
    pub offered: bool,
    /// Whether the authenticator has to know its user where there is a password, when it makes a passkey and when it shows one.
    /// Without a password it always has to (security.md WAN-6).
    pub verification: Verification,
}

impl Default for Settings {
    fn default() -> Self {
        Self { party: None, offered: false, verification: Verification::Preferred }
    }
}

impl Settings {
    /// The relying party, while passkeys are offered.
    pub(super) fn offering(&self) -> Result<Arc<RelyingParty>, Fault> {
        self.party.clone().filter(|_| self.offered).ok_or_else(|| Fault::new(Reason::SwitchedOff))
    }
}

/// A ceremony for a page of ours.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the answer has to bring along; good once, for five minutes, for whoever asked.
    pub handle: Secret<String>,
    /// What the page hands to the browser, as JSON.
    pub options: String,
}

/// Who keeps passkeys: a session, and what it proved.
#[derive(Clone, Debug)]
pub struct Keeper {
    authority: Authority,
    strength: Strength,
    session: SessionHash,
}

impl Keeper {
    /// The owner of a live session.
    ///
    /// # Errors
    /// `Unauthenticated` for everybody else.
    pub fn new(caller: &Caller, session: SessionHash) -> Result<Self, Fault> {
        let Caller::Person { strength, .. } = caller else { return Err(Fault::new(Reason::Unauthenticated)) };
        Ok(Self { authority: Authority::of_session(caller)?, strength: strength.clone(), session })
    }
}

/// A passkey as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// What forms call it.
    pub key: PasskeyKey,
    /// What its owner calls it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was used last.
    pub used: Option<Timestamp>,
    /// Whether it is kept in more than one place.
    pub backed_up: bool,
    /// Whether it signs in by itself, where that is offered.
    pub alone: bool,
}

impl Actions {
    /// Whether passkeys can be added, and used without a password.
    pub fn offers_passkeys(&self) -> bool {
        self.settings().passkeys.offering().is_ok()
    }

    /// The passkeys of an account, oldest first.
    pub fn passkeys_of(&self, account: AccountId) -> Result<Vec<Passkey>, Fault> {
        let found = self.0.store.read(|tx| passkey::of_owner(tx, account))?;
        let shown = |(key, record): (PasskeyKey, PasskeyRecord)| Passkey {
            key,
            alone: record.signs_in_alone(),
            name: record.name,
            created: record.created,
            used: record.used,
            backed_up: record.backed_up,
        };
        Ok(found.into_iter().map(shown).collect())
    }

    /// Begins to make a passkey.
    ///
    /// # Errors
    /// `SwitchedOff`, `FreshSignInNeeded`, `SecondFactorNeeded`, `Unauthenticated`, `Malformed` when there are too many.
    pub async fn begin_passkey(&self, call: &Call, keeper: Keeper) -> Result<Asked, Fault> {
        let settings = self.settings();
        let party = settings.passkeys.offering()?;
        let chance = self.0.world.random();
        let ceremony = self.0.store.read(|tx| {
            let (id, account) = self.keeper(tx, &keeper, call)?;
            self.prove_owner_fresh(tx, (id, &account), &keeper.strength, call)?;
            let there = passkey::of_owner(tx, id)?;
            if there.len() >= MOST_PASSKEYS {
                return Err(too_many());
            }
            let exclude: Vec<Allowed<'_>> = there.iter().map(|(_, passkey)| passkey.allowed()).collect();
            let named =
                |name: &'_ str| if name.is_empty() { account.username.clone() } else { name.to_owned() };
            let user = UserEntity {
                handle: id.bytes(),
                name: &account.username,
                display_name: &named(&account.display_name),
            };
            // Whoever has no password makes a way in, which it is only if it knows its user from the beginning.
            let beside = PASSWORDS.contains(tx, &id)?;
            let verification = if beside { settings.passkeys.verification } else { Verification::Required };
            Ok(party.begin_registration(&user, &exclude, verification, chance))
        })?;
        self.keep(call, Purpose::PasskeyAdd, second::subject_of_session(&keeper.session), ceremony).await
    }

    /// Keeps what is needed to judge an answer, under a new handle. An open ceremony of the same kind for the same subject is void.
    pub(super) async fn keep(
        &self,
        call: &Call,
        purpose: Purpose,
        subject: Subject,
        ceremony: Ceremony,
    ) -> Result<Asked, Fault> {
        let (chance, epoch, now) = (self.0.world.random(), self.0.store.epoch(), call.now);
        let new =
            NewLink { purpose, subject, address: None, data: ceremony.state, lifetime: purpose.lifetime() };
        let write =
            move |tx: &mut WriteTx| challenge::offer(tx, &new, chance, now, epoch).map_err(Fault::from);
        Ok(Asked { handle: self.0.store.write(write).await?, options: ceremony.options })
    }

    /// Adds the passkey that was made.
    ///
    /// # Errors
    /// `Expired` and `InvalidToken` when the ceremony is over or was answered; `SecondFactorWrong` when the answer is refused;
    /// `Taken` when somebody has this credential; `Malformed` on its name; `SwitchedOff`, `Unauthenticated`.
    pub async fn finish_passkey(
        &self,
        call: &Call,
        keeper: Keeper,
        handle: Secret<String>,
        (response, name): (&str, &str),
    ) -> Result<(), Fault> {
        let party = self.settings().passkeys.offering()?;
        let name = passkey_name(name)?;
        let epoch = self.0.store.epoch();
        let open =
            self.0.store.read(|tx| challenge::peek(tx, Purpose::PasskeyAdd, &handle, call.now, epoch))?;
        let made = party.finish_registration(&open.data, response);
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        let refused = self
            .0
            .store
            .write(move |tx| {
                let (id, account) = actions.keeper(tx, &keeper, &call)?;
                let used = challenge::redeem(tx, Purpose::PasskeyAdd, &handle, call.now, epoch)?;
                if used.subject != second::subject_of_session(&keeper.session) {
                    return Err(Fault::new(Reason::InvalidToken));
                }
                let actor = keeper.authority.actor();
                let made = match &made {
                    Ok(made) => made.clone(),
                    Err(refusal) => {
                        let entry = Entry::refused(Event::PasskeyRefused, actor, &call).about(id);
                        audit::append(tx, &entry.detail(refusal.to_string()))?;
                        return Ok(Some(Fault::new(Reason::SecondFactorWrong).because(refusal.clone())));
                    }
                };
                let record = PasskeyRecord::new(id, name.clone(), made, call.now);
                match passkey::add(tx, &record)? {
                    Added::Done => {}
                    Added::Taken => return Err(Fault::new(Reason::Taken)),
                    Added::TooMany => return Err(too_many()),
                }
                audit::append(tx, &Entry::done(Event::PasskeyAdded, actor, &call).about(id).detail(&name))?;
                actions.tell_of_passkey(tx, (id, &account), Template::FactorAdded, &name, envelope, &call)?;
                Ok::<_, Fault>(None)
            })
            .await?;
        refused.map_or(Ok(()), Err)
    }

    /// Gives a passkey another name.
    ///
    /// # Errors
    /// `NotFound`; `Malformed` on its name; `Unauthenticated`.
    pub async fn rename_passkey(
        &self,
        call: &Call,
        keeper: Keeper,
        key: PasskeyKey,
        name: &str,
    ) -> Result<(), Fault> {
        let name = passkey_name(name)?;
        let (actions, call) = (self.clone(), call.clone());
        self.0
            .store
            .write(move |tx| {
                let (id, _) = actions.keeper(tx, &keeper, &call)?;
                if !passkey::rename(tx, id, &key, name.clone())? {
                    return Err(Fault::new(Reason::NotFound));
                }
                let entry = Entry::done(Event::PasskeyRenamed, keeper.authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail(&name))?;
                Ok(())
            })
            .await
    }

    /// Takes a passkey away. All other sessions of the account end, as whoever has it may be somebody else.
    ///
    /// # Errors
    /// `NotFound`, `FreshSignInNeeded`, `SecondFactorNeeded`, `Unauthenticated`; `LastOne` when there is no password and this is the
    /// only way in.
    pub async fn remove_passkey(&self, call: &Call, keeper: Keeper, key: PasskeyKey) -> Result<(), Fault> {
        let (actions, call, envelope) = (self.clone(), call.clone(), self.envelope());
        self.0
            .store
            .write(move |tx| {
                let (id, account) = actions.keeper(tx, &keeper, &call)?;
                actions.prove_owner_fresh(tx, (id, &account), &keeper.strength, &call)?;
                let Some(gone) = passkey::remove(tx, id, &key)? else {
                    return Err(Fault::new(Reason::NotFound));
                };
                // One that is good beside a password only is no way in.
                let other_way = passkey::of_owner(tx, id)?.iter().any(|(_, left)| left.signs_in_alone());
                if gone.verified && !other_way && !PASSWORDS.contains(tx, &id)? {
                    return Err(Fault::new(Reason::LastOne));
                }
                session::end_all(tx, id, Some(&keeper.session))?;
                let entry = Entry::done(Event::PasskeyRemoved, keeper.authority.actor(), &call).about(id);
                audit::append(tx, &entry.detail(&gone.name))?;
                actions.tell_of_passkey(
                    tx,
                    (id, &account),
                    Template::FactorRemoved,
                    &gone.name,
                    envelope,
                    &call,
                )
            })
            .await
    }

    /// The keeper's account, while the session that asks is still there.
    fn keeper(
        &self,
        tx: &impl Reading,
        keeper: &Keeper,
        call: &Call,
    ) -> Result<(AccountId, AccountRecord), Fault> {
        let id = keeper.authority.account();
        let live = second::live(tx, &keeper.session, &self.terms(), call)?;
        let (_, account) = live.filter(|(session, _)| session.account == id).ok_or_else(|| {
            Fault::new(Reason::Unauthenticated).because("the session ended or the account was closed")
        })?;
        Ok((id, account))
    }

    fn tell_of_passkey(
        &self,
        tx: &mut WriteTx,
        owner: (AccountId, &AccountRecord),
        template: Template,
        name: &str,
        envelope: Envelope,
        call: &Call,
    ) -> Result<(), Fault> {
        let mut values = circumstances(call);
        values.push(("factor", name.to_owned()));
        self.tell(tx, owner, template, values, envelope, call.now)
    }
}

/// The name a passkey gets when its owner gives none.
const UNNAMED: &str = "Passkey";

fn passkey_name(given: &str) -> Result<String, Fault> {
    let name = given.trim();
    if name.chars().count() > LONGEST_PASSKEY_NAME {
        Err(Fault::malformed(
            Field::Named("name"),
            format!("is longer than {LONGEST_PASSKEY_NAME} characters"),
        ))
    } else if name.chars().any(char::is_control) {
        Err(Fault::malformed(Field::Named("name"), "holds a control character"))
    } else {
        Ok(if name.is_empty() { UNNAMED.to_owned() } else { name.to_owned() })
    }
}

fn too_many() -> Fault {
    Fault::malformed(Field::Body, format!("no account has more than {MOST_PASSKEYS} passkeys"))
}
