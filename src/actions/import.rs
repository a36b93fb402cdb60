//! Taking over an account from another program: whole or not at all, and twice is as good as once.

use crate::{
    actions::Actions,
    crypto::password::Hash,
    domain::{
        account::{self, ACCOUNTS, AccountRecord, NewAccount, Status},
        audit::{self, Entry, Event, Original},
        call::Call,
        credential, directory,
        factor::{self, totp::TotpSecret},
        fault::{Fault, Field, Reason},
        keyring::Keyring,
        rights::Permit,
        stipulation::{self, Stipulation},
    },
    store::{StoreError, WriteTx},
    values::{
        email::EmailAddress,
        id::AccountId,
        name::{DisplayName, Username},
        random::Random,
        time::Timestamp,
    },
};

/// An account as it was elsewhere.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Where it comes from, for the trail.
    pub source: &'static str,
    /// Its id, which it keeps: other programs know it by that.
    pub id: AccountId,
    /// The login name.
    pub username: Username,
    /// What people call the person.
    pub display_name: Option<DisplayName>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// Whether it was in use.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// The hash of the password, in the form that says itself what it is.
    pub password: Option<String>,
    /// The secret of the authenticator app.
    pub totp: Option<TotpSecret>,
    /// What is still asked of its owner.
    pub asked: Vec<Stipulation>,
    /// What its trail told, oldest first.
    pub trail: Vec<Original>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// It is here now.
    Created,
    /// There is an account of this id; it was left as it is.
    AlreadyThere,
}

/// Why a transaction ended without a commit.
enum Undone {
    Fault(Fault),
    /// It would have worked.
    OnlyTried,
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Fault> for Undone {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Actions {
    /// Takes an account over. With `dry_run` everything is tried and nothing kept.
    ///
    /// # Errors
    /// `Taken` and `EmailTaken` when its name or address belongs to another account.
    pub async fn import_account(
        &self,
        call: &Call,
        permit: &Permit,
        account: Imported,
        dry_run: bool,
    ) -> Result<Import, Fault> {
        let hash = match &account.password {
            Some(text) => Some(Hash::parse(text).map_err(|error| {
                Fault::malformed(Field::Password, format!("its hash cannot be used: {error}"))
            })?),
            None => None,
        };
        let (home, keyring, chance) = (self.home(), self.keyring(), self.world().random());
        let (call, actor) = (call.clone(), permit.actor().to_owned());
        let ended = self
            .0
            .store
            .write(move |tx| {
                if ACCOUNTS.contains(tx, &account.id)? {
                    return Ok::<_, Undone>(Import::AlreadyThere);
                }
                create(
                    tx,
                    home,
                    &account,
                    hash.as_ref(),
                    &keyring,
                    chance,
                    &Entries { actor: &actor, call: &call },
                )?;
                if dry_run { Err(Undone::OnlyTried) } else { Ok(Import::Created) }
            })
            .await;
        match ended {
            Ok(import) => Ok(import),
            Err(Undone::OnlyTried) => Ok(Import::Created),
            Err(Undone::Fault(fault)) => Err(fault),
        }
    }
}

/// Who does it, in which call.
struct Entries<'e> {
    actor: &'e str,
    call: &'e Call,
}

fn create(
    tx: &mut WriteTx,
    home: directory::Home,
    from: &Imported,
    hash: Option<&Hash>,
    keyring: &Keyring,
    chance: Random<32>,
    by: &Entries<'_>,
) -> Result<(), Fault> {
    let (id, call, actor) = (from.id, by.call, by.actor);
    let new = NewAccount {
        username: from.username.clone(),
        display_name: from.display_name.clone(),
        email: from.email.clone(),
        mobile: None,
        groups: Vec::new(),
        managed: false,
    };
    let made = account::create(tx, home, id, &new, call.now)?;
    let created = from.created.filter(|at| *at <= call.now).unwrap_or(call.now);
    let status = if from.active {
        Status::Active
    } else {
        Status::Disabled { reason: format!("inactive in {}", from.source), since: call.now }
    };
    account::save(tx, id, &AccountRecord { status, created, ..made })?;
    if let Some(hash) = hash {
        credential::set_password(tx, id, hash, call.now, false)?;
    }
    if let Some(secret) = &from.totp {
        factor::import_totp(tx, keyring.factors(), id, secret, chance, call.now)?;
    }
    // The old trail first, so that it reads in order.
    for original in &from.trail {
        let entry = Entry::done(Event::TrailImported, actor, call).about(id);
        audit::append(tx, &entry.original(original.clone()))?;
    }
    let entry = Entry::done(Event::AccountImported, actor, call).about(id);
    audit::append(tx, &entry.detail(format!("{} from {}", from.username.as_str(), from.source)))?;
    for what in &from.asked {
        let asked = stipulation::Open { what: what.clone(), since: call.now, lapses: None, address: None };
        stipulation::add(tx, id, &asked, actor, call)?;
    }
    Ok(())
}

/// Whether a refusal is about this one account, so that others may still be taken over.
pub fn is_conflict(fault: &Fault) -> bool {
    matches!(fault.reason, Reason::Taken | Reason::EmailTaken | Reason::Malformed)
}
