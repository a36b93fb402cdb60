//! Accounts declared in the configuration: made true at start and at every reload.

use std::collections::HashSet;

use crate::{
    actions::{Actions, accounts::groups_by_name},
    crypto::password::Hash,
    domain::{
        account::{self, ACCOUNTS, AccountRecord, NewAccount, Status},
        audit::{self, Entry, Event},
        call::Call,
        challenge,
        credential::{self, PASSWORDS},
        directory, factor,
        fault::{Fault, Flaw},
        login, session, stipulation, token,
    },
    store::{Reading, StoreError, WriteTx},
    values::{
        email::EmailAddress,
        id::{AccountId, GroupId},
        name::{DisplayName, GroupName, Username},
        phone::Phone,
    },
};

/// One `[[accounts]]` entry.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The login name; entries are matched to accounts by it.
    pub username: Username,
    /// What people call the person.
    pub display_name: Option<DisplayName>,
    /// An e-mail address.
    pub email: Option<EmailAddress>,
    /// A mobile number.
    pub mobile: Option<Phone>,
    /// Groups by name.
    pub groups: Vec<GroupName>,
    /// The password's hash; without one the account cannot sign in.
    pub password: Option<Hash>,
    /// Declared, but closed.
    pub disabled: bool,
}

/// What reconciling did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Accounts created.
    pub created: usize,
    /// Accounts changed.
    pub changed: usize,
    /// Accounts disabled because their entry is gone.
    pub disabled: usize,
    /// Entries that could not be applied, or not with their addresses, with the reason.
    pub refused: Vec<String>,
}

/// The status reason of an account whose entry is gone.
const GONE: &str = "no longer declared in the configuration";
/// The status reason of an account whose entry says so.
const CLOSED: &str = "disabled in the configuration";

/// An entry with ids for what it may make: the account and its groups.
type Prepared = (Declared, AccountId, Vec<GroupId>);

/// Declared accounts, ready to be made true within a transaction of the caller's.
#[derive(Clone)]
pub struct Reconciliation {
    entries: Vec<Prepared>,
    home: directory::Home,
    call: Call,
}

impl Actions {
    /// Prepares what [`reconcile`](Self::reconcile) does.
    pub fn reconciliation(&self, call: &Call, declared: Vec<Declared>) -> Reconciliation {
        let entries = declared.into_iter().map(|entry| {
            let id = AccountId::mint(call.now, self.0.world.random());
            let fresh = self.fresh_group_ids(call, entry.groups.len());
            (entry, id, fresh)
        });
        Reconciliation { entries: entries.collect(), home: self.0.home, call: call.clone() }
    }

    /// Makes the declared accounts true: creates what is missing, brings the rest into line, disables what is
    /// declared no more. An existing account of the same name that was not declared before is taken over, without anything by which
    /// whoever made it could come in.
    pub async fn reconcile(&self, call: &Call, declared: Vec<Declared>) -> Result<Reconciled, Fault> {
        let prepared = self.reconciliation(call, declared);
        self.0.store.write(move |tx| prepared.apply(tx)).await
    }
}

impl Reconciliation {
    /// Makes it so, all but the entries that it says were refused. An error is for the whole: whoever gets one must not commit.
    pub fn apply(&self, tx: &mut WriteTx) -> Result<Reconciled, Fault> {
        self.apply_by(tx, Self::carry_out)
    }

    /// An entry is refused by what reading shows, before its first write; then the others go on. What goes wrong from the first write on would leave
    /// half an entry behind, so it is an error for all of them, whatever it is.
    fn apply_by(
        &self,
        tx: &mut WriteTx,
        carry_out: impl Fn(&Self, &mut WriteTx, &Prepared, Found) -> Result<(Effect, Vec<Flaw>), Fault>,
    ) -> Result<Reconciled, Fault> {
        let mut done = Reconciled::default();
        for prepared in &self.entries {
            let kept = match self.foresee(&*tx, prepared) {
                Ok(found) => {
                    let (effect, kept) = carry_out(self, tx, prepared, found)?;
                    done.created += usize::from(effect == Effect::Created);
                    done.changed += usize::from(effect == Effect::Changed);
                    kept
                }
                Err(fault) if fault.flaws.is_empty() => return Err(fault),
                Err(fault) => fault.flaws,
            };
            if !kept.is_empty() {
                let flaws: Vec<_> = kept.iter().map(|flaw| flaw.message.as_str()).collect();
                done.refused.push(format!("{}: {}", prepared.0.username.as_str(), flaws.join("; ")));
            }
        }
        done.disabled = self.disable_undeclared(tx)?;
        Ok(done)
    }

    /// Whom an entry is about, or why it cannot be had. It cannot write.
    fn foresee(&self, tx: &impl Reading, (entry, id, _): &Prepared) -> Result<Found, Fault> {
        let found = account::named(tx, self.home, &entry.username)?;
        if found.is_none() {
            must_be_free(tx, self.home, *id, entry, &self.call)?;
        }
        Ok(found)
    }

    /// What came of an entry, and which of its addresses the account that was there cannot have.
    fn carry_out(
        &self,
        tx: &mut WriteTx,
        (entry, id, fresh): &Prepared,
        found: Found,
    ) -> Result<(Effect, Vec<Flaw>), Fault> {
        let (home, call) = (self.home, &self.call);
        let groups = groups_by_name(tx, home, &entry.groups, fresh, ACTOR, call)?;
        if let Some((id, account)) = found {
            bring_into_line(tx, id, account, entry, groups, call)
        } else {
            create(tx, home, *id, entry, groups, call)?;
            Ok((Effect::Created, Vec::new()))
        }
    }

    fn disable_undeclared(&self, tx: &mut WriteTx) -> Result<usize, Fault> {
        let call = &self.call;
        let wanted: HashSet<&str> =
            self.entries.iter().map(|(entry, ..)| entry.username.canonical()).collect();
        // A locked one, too: unlocking must not open what is declared no more.
        let mut gone = account::managed(tx)?;
        gone.retain(|(_, canonical)| !wanted.contains(canonical.as_str()));
        for (id, _) in &gone {
            let id = *id;
            let Some(mut account) = ACCOUNTS.get(tx, &id)? else { continue };
            account.status = Status::Disabled { reason: GONE.to_owned(), since: call.now };
            account::save(tx, id, &account)?;
            close(tx, id)?;
            audit::append(tx, &Entry::done(Event::AccountDisabled, ACTOR, call).about(id).detail(GONE))?;
        }
        Ok(gone.len())
    }
}

/// The account that has an entry's name already.
type Found = Option<(AccountId, AccountRecord)>;

const ACTOR: &str = "configuration";

/// Whether a new account of this entry can be made, asked before anything is written for it.
fn must_be_free(
    tx: &impl Reading,
    home: directory::Home,
    id: AccountId,
    entry: &Declared,
    call: &Call,
) -> Result<(), Fault> {
    account::name_is_free(tx, home, &entry.username, call.now)?;
    if let Some(email) = &entry.email {
        account::email_is_free(tx, home.tenant, id, email.canonical(), call.now)?;
    }
    match &entry.mobile {
        Some(mobile) => account::mobile_is_free(tx, home.tenant, id, mobile.as_str(), call.now),
        None => Ok(()),
    }
}

fn create(
    tx: &mut WriteTx,
    home: directory::Home,
    id: AccountId,
    entry: &Declared,
    groups: Vec<GroupId>,
    call: &Call,
) -> Result<(), Fault> {
    let new = NewAccount {
        username: entry.username.clone(),
        display_name: entry.display_name.clone(),
        email: entry.email.clone(),
        mobile: entry.mobile.clone(),
        groups,
        managed: true,
    };
    let mut account = account::create(tx, home, id, &new, call.now)?;
    if let Some(hash) = &entry.password {
        credential::set_password(tx, id, hash, call.now, false)?;
    }
    if entry.disabled {
        account.status = Status::Disabled { reason: CLOSED.to_owned(), since: call.now };
        account::save(tx, id, &account)?;
    }
    let done = Entry::done(Event::AccountCreated, ACTOR, call).about(id);
    audit::append(tx, &done.detail(entry.username.as_str()))?;
    Ok(())
}

/// What came of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Created,
    Changed,
    /// It was so already.
    None,
}

/// Gives an account its declared addresses. One that is not free is not taken, and the old one stays: everything else
/// of the entry, above all that it is closed, must not depend on an address. Returns what is wrong with them.
fn readdress(
    tx: &WriteTx,
    id: AccountId,
    account: &mut AccountRecord,
    entry: &Declared,
    call: &Call,
) -> Result<Vec<Flaw>, Fault> {
    let mut refused = Vec::new();
    let tenant = account.tenant;
    let email = entry
        .email
        .as_ref()
        .map_or(Ok(()), |email| account::email_is_free(tx, tenant, id, email.canonical(), call.now));
    if is_free(email, &mut refused)? {
        account.email = entry.email.as_ref().map(|email| email.as_str().to_owned());
        account.email_canonical = entry.email.as_ref().map(|email| email.canonical().to_owned());
    }
    let mobile = entry
        .mobile
        .as_ref()
        .map_or(Ok(()), |mobile| account::mobile_is_free(tx, tenant, id, mobile.as_str(), call.now));
    if is_free(mobile, &mut refused)? {
        account.mobile = entry.mobile.as_ref().map(|mobile| mobile.as_str().to_owned());
    }
    Ok(refused)
}

fn is_free(answer: Result<(), Fault>, refused: &mut Vec<Flaw>) -> Result<bool, Fault> {
    match answer {
        Ok(()) => Ok(true),
        Err(fault) if fault.flaws.is_empty() => Err(fault),
        Err(fault) => {
            refused.extend(fault.flaws);
            Ok(false)
        }
    }
}

/// Sessions, tokens, open links and codes of an account end.
fn close(tx: &mut WriteTx, id: AccountId) -> Result<(), StoreError> {
    session::end_all(tx, id, None)?;
    challenge::void_account(tx, id)
}

/// Anybody may have made an account of this name before it was declared, and left a passkey, an app or a client with consent behind. None
/// of that is the declared person's (security.md ENR-7).
fn take_over(tx: &mut WriteTx, id: AccountId) -> Result<(), StoreError> {
    close(tx, id)?;
    factor::forget(tx, id)?;
    login::forget_places(tx, id)?;
    token::forget_account(tx, id)?;
    stipulation::forget(tx, id)
}

/// Gives the account its declared password, or none. Returns whether that is another one than before.
fn repassword(tx: &mut WriteTx, id: AccountId, entry: &Declared, call: &Call) -> Result<bool, StoreError> {
    let password = PASSWORDS.get(tx, &id)?;
    match (&entry.password, &password) {
        // After an upgrade of the hash the stored text differs from the file's; the declared text is kept beside it.
        (Some(hash), Some(stored)) if stored.is_made_from(hash.as_str()) => return Ok(false),
        (Some(hash), _) => credential::set_password(tx, id, hash, call.now, false)?,
        (None, Some(_)) => credential::forget(tx, id)?,
        (None, None) => return Ok(false),
    }
    Ok(true)
}

/// Sessions and what is open end when the password, an address or the status changes.
fn bring_into_line(
    tx: &mut WriteTx,
    id: AccountId,
    old: AccountRecord,
    entry: &Declared,
    groups: Vec<GroupId>,
    call: &Call,
) -> Result<(Effect, Vec<Flaw>), Fault> {
    let mut new = AccountRecord { managed: true, groups, ..old.clone() };
    entry.username.as_str().clone_into(&mut new.username);
    let display_name = entry.display_name.as_ref().map_or(entry.username.as_str(), DisplayName::as_str);
    display_name.clone_into(&mut new.display_name);
    if !old.managed {
        // An address that the entry cannot have must not leave the one there was: links that sign in go there.
        (new.email, new.email_canonical, new.mobile) = (None, None, None);
    }
    let refused = readdress(tx, id, &mut new, entry, call)?;
    new.status = match (&old.status, entry.disabled) {
        (Status::Disabled { reason, .. }, true) if reason == CLOSED => old.status.clone(),
        (_, true) => Status::Disabled { reason: CLOSED.to_owned(), since: call.now },
        // A lock is the operator's, set at run time; the file does not lift it.
        (Status::Locked { .. }, false) => old.status.clone(),
        (_, false) => Status::Active,
    };
    let new_password = repassword(tx, id, entry, call)?;
    if new == old && !new_password {
        return Ok((Effect::None, refused));
    }
    if !old.managed {
        take_over(tx, id)?;
    } else if new_password || new.status.hindrance().is_some() {
        close(tx, id)?;
    } else if (&new.email, &new.mobile) != (&old.email, &old.mobile) {
        challenge::void_account(tx, id)?;
    }
    account::readdress(tx, id, &old, &new, call.now)?;
    audit::append(tx, &Entry::done(Event::AccountChanged, ACTOR, call).about(id).detail("reconciled"))?;
    Ok((Effect::Changed, refused))
}

#[cfg(test)]
mod tests;
