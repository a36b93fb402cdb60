//! Creating, changing and removing accounts, by the operator.

use crate::{
    actions::{Actions, Which, credentials::managed, no_account, registration::forget_belongings},
    domain::{
        account::{self, ACCOUNTS, AccountRecord, NewAccount, Status},
        audit::{self, Entry, Event},
        call::Call,
        challenge, credential,
        directory::{self, GroupNames},
        fault::{Fault, Field, Reason},
        login::throttle,
        rights::Permit,
        session,
    },
    store::{Reading, StoreError, WriteTx},
    values::{
        email::EmailAddress,
        id::{AccountId, GroupId},
        name::{DisplayName, GroupName, Username},
        phone::Phone,
        secret::Secret,
    },
};

/// What an account is to be made of.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The login name.
    pub username: Username,
    /// What people call the person.
    pub display_name: Option<DisplayName>,
    /// An e-mail address.
    pub email: Option<EmailAddress>,
    /// A mobile number.
    pub mobile: Option<Phone>,
    /// Groups by name; those that do not exist are created.
    pub groups: Vec<GroupName>,
    /// The password; an account without one cannot sign in yet.
    pub password: Option<Secret<String>>,
    /// The password must be replaced at the first sign-in.
    pub temporary: bool,
}

impl Wanted {
    /// The account itself, as yet in no group.
    pub(super) fn account(&self) -> NewAccount {
        NewAccount {
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            email: self.email.clone(),
            mobile: self.mobile.clone(),
            groups: Vec::new(),
            managed: false,
        }
    }

    /// What a password must not be built on.
    pub(super) fn own_words(&self) -> impl Iterator<Item = String> + use<> {
        own_words(&self.username, self.display_name.as_ref(), self.email.as_ref())
    }
}

/// What a password of this person must not be built on.
pub(super) fn own_words(
    username: &Username,
    display_name: Option<&DisplayName>,
    email: Option<&EmailAddress>,
) -> impl Iterator<Item = String> + use<> {
    let words = [
        Some(username.as_str().to_owned()),
        display_name.map(|name| name.as_str().to_owned()),
        email.map(|email| email.as_str().to_owned()),
    ];
    words.into_iter().flatten()
}

/// An account with the names of its groups.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its id.
    pub id: AccountId,
    /// The account.
    pub account: AccountRecord,
    /// The names of its groups.
    pub groups: GroupNames,
    /// Whether it has a password.
    pub has_password: bool,
}

/// A change of status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// Close until enabled.
    Disable(String),
    /// Open a disabled account.
    Enable,
    /// Close for now.
    Lock(String),
    /// Open a locked account and forget its failed sign-ins.
    Unlock,
}

impl Actions {
    /// Creates an account.
    pub async fn create_account(
        &self,
        call: &Call,
        permit: &Permit,
        wanted: Wanted,
    ) -> Result<AccountId, Fault> {
        let hash = match wanted.password.clone() {
            Some(password) => {
                self.check_password_words(&password, wanted.own_words(), Field::Password).await?;
                Some(self.hashed(password).await?)
            }
            None => None,
        };
        let id = AccountId::mint(call.now, self.0.world.random());
        let group_ids = self.fresh_group_ids(call, wanted.groups.len());
        let new = wanted.account();
        let (home, call, actor) = (self.0.home, call.clone(), permit.actor().to_owned());
        let (groups, temporary) = (wanted.groups, wanted.temporary);
        self.0
            .store
            .write(move |tx| {
                let mut new = new.clone();
                new.groups = groups_by_name(tx, home, &groups, &group_ids, &actor, &call)?;
                account::create(tx, home, id, &new, call.now)?;
                if let Some(hash) = &hash {
                    credential::set_password(tx, id, hash, call.now, temporary)?;
                }
                let entry = Entry::done(Event::AccountCreated, &actor, &call).about(id);
                audit::append(tx, &entry.detail(new.username.as_str()))?;
                Ok::<_, Fault>(id)
            })
            .await
    }

    /// The account somebody means.
    pub fn find_account(&self, _: &Permit, which: &Which) -> Result<Described, Fault> {
        self.0.store.read(|tx| {
            let found = match which {
                Which::Id(id) => ACCOUNTS.get(tx, id)?.map(|account| (*id, account)),
                Which::Named(name) => account::by_login(tx, self.0.home, name)?,
            };
            let (id, account) = found.ok_or_else(no_account)?;
            describe(tx, id, account)
        })
    }

    /// A page of accounts in order of creation.
    pub fn list_accounts(
        &self,
        _: &Permit,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Described>, Fault> {
        self.0.store.read(|tx| {
            let accounts = account::all_after(tx, after, limit)?;
            accounts.into_iter().map(|(id, account)| describe(tx, id, account)).collect()
        })
    }

    /// Whether any account exists.
    pub fn any_account(&self) -> Result<bool, StoreError> {
        self.0.store.read(account::any_account)
    }

    /// Opens or closes an account. Closing ends its sessions.
    pub async fn change_status(
        &self,
        call: &Call,
        permit: &Permit,
        id: AccountId,
        change: StatusChange,
    ) -> Result<(), Fault> {
        let (home, call, actor) = (self.0.home, call.clone(), permit.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                let mut account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
                let (event, detail) = match &change {
                    StatusChange::Disable(reason) => {
                        refuse_managed(&account)?;
                        keep_an_administrator(tx, home, id)?;
                        account.status = Status::Disabled { reason: reason.clone(), since: call.now };
                        (Event::AccountDisabled, reason.as_str())
                    }
                    StatusChange::Enable => {
                        refuse_managed(&account)?;
                        if !matches!(account.status, Status::Disabled { .. }) {
                            return Err(not_so("is not disabled"));
                        }
                        account.status = Status::Active;
                        (Event::AccountEnabled, "")
                    }
                    StatusChange::Lock(reason) => {
                        if matches!(account.status, Status::Disabled { .. }) {
                            return Err(not_so("is disabled, which is more than locked"));
                        }
                        // Nobody administers with a locked account either.
                        keep_an_administrator(tx, home, id)?;
                        account.status = Status::Locked { reason: reason.clone(), since: call.now };
                        (Event::AccountLocked, reason.as_str())
                    }
                    StatusChange::Unlock => {
                        throttle::pardon(tx, id)?;
                        if matches!(account.status, Status::Disabled { .. }) {
                            return Err(not_so("is disabled; enable it instead"));
                        }
                        account.status = Status::Active;
                        (Event::AccountUnlocked, "")
                    }
                };
                if account.status.hindrance().is_some() {
                    session::end_all(tx, id, None)?;
                    challenge::void_account(tx, id)?;
                }
                account::save(tx, id, &account)?;
                audit::append(tx, &Entry::done(event, &actor, &call).about(id).detail(detail))?;
                Ok::<_, Fault>(())
            })
            .await
    }

    /// Removes an account with everything that is its own. Its user name rests for a while.
    pub async fn delete_account(&self, call: &Call, permit: &Permit, id: AccountId) -> Result<(), Fault> {
        let (home, call, actor) = (self.0.home, call.clone(), permit.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                let account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
                refuse_managed(&account)?;
                keep_an_administrator(tx, home, id)?;
                forget_belongings(tx, id)?;
                account::remove(tx, id, call.now)?;
                let entry = Entry::done(Event::AccountDeleted, &actor, &call).about(id);
                audit::append(tx, &entry.detail(&account.username))?;
                Ok::<_, Fault>(())
            })
            .await
    }

    /// Ids for groups that may have to be created, drawn before the transaction.
    pub(super) fn fresh_group_ids(&self, call: &Call, count: usize) -> Vec<GroupId> {
        (0..count).map(|_| GroupId::mint(call.now, self.0.world.random())).collect()
    }
}

/// The ids of these groups; missing ones are created.
pub(super) fn groups_by_name(
    tx: &mut WriteTx,
    home: directory::Home,
    names: &[GroupName],
    fresh: &[GroupId],
    actor: &str,
    call: &Call,
) -> Result<Vec<GroupId>, StoreError> {
    let mut ids = Vec::with_capacity(names.len());
    for (name, fresh) in names.iter().zip(fresh) {
        let (id, created) = directory::ensure_group(tx, home.tenant, name, *fresh)?;
        if created {
            audit::append(tx, &Entry::done(Event::GroupCreated, actor, call).detail(name.as_str()))?;
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn describe(tx: &impl Reading, id: AccountId, account: AccountRecord) -> Result<Described, Fault> {
    let groups = directory::names_of(tx, &account.groups)?;
    let has_password = credential::password_of(tx, id)?.is_some();
    Ok(Described { id, account, groups, has_password })
}

fn refuse_managed(account: &AccountRecord) -> Result<(), Fault> {
    if account.managed { Err(managed()) } else { Ok(()) }
}

/// The last usable administrator cannot be disabled, locked, removed or taken out of the group (security.md API-4).
pub(super) fn keep_an_administrator(
    tx: &impl Reading,
    home: directory::Home,
    leaving: AccountId,
) -> Result<(), Fault> {
    let Ok(name) = GroupName::parse(directory::ADMINS) else { return Ok(()) };
    let Some((admins, _)) = directory::group_named(tx, home.tenant, &name)? else { return Ok(()) };
    let members = account::members_of(tx, admins, MOST_ADMINISTRATORS)?;
    let leaving_is_one = members.iter().any(|(id, _)| *id == leaving);
    let another = members.iter().any(|(id, account)| *id != leaving && account.status == Status::Active);
    if leaving_is_one && !another {
        return Err(Fault::new(Reason::LastOne)
            .with_flaw(Field::Group, "this is the last administrator; make another one first"));
    }
    Ok(())
}

/// So many members of the administrators' group are looked at.
const MOST_ADMINISTRATORS: usize = 1000;

fn not_so(what: &str) -> Fault {
    Fault::malformed(Field::Username, what)
}
