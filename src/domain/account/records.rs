//! Stored accounts and the questions asked of them.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::{
    model::{NewAccount, Status},
    resting,
};
use crate::{
    domain::{
        directory::Home,
        fault::{Fault, Field, Reason},
    },
    store::{Index, Inserted, KeyBuf, Reading, Record, StoreError, Table, WriteTx},
    values::{
        email::EmailAddress,
        id::{AccountId, GroupId, TenantId, UserDomainId},
        name::Username,
        time::Timestamp,
    },
};

/// All accounts.
pub const ACCOUNTS: Table<AccountRecord> = Table::new();

const BY_USERNAME: Index<AccountRecord> = Index::unique("username", |account, keys| {
    keys.add().id(account.domain.bytes()).text(&account.canonical);
});
const BY_EMAIL: Index<AccountRecord> = Index::unique("email", |account, keys| {
    if let Some(email) = &account.email_canonical {
        keys.add().id(account.tenant.bytes()).text(email);
    }
});
/// Read at each start: whoever is declared in the configuration, and may enter.
const BY_MANAGED: Index<AccountRecord> = Index::ordered("managed", |account, keys| {
    if account.managed && !matches!(account.status, Status::Disabled { .. }) {
        keys.add().id(account.domain.bytes()).text(&account.canonical);
    }
});
const BY_MOBILE: Index<AccountRecord> = Index::unique("mobile", |account, keys| {
    if let Some(mobile) = &account.mobile {
        keys.add().id(account.tenant.bytes()).text(mobile);
    }
});
const BY_GROUP: Index<AccountRecord> = Index::ordered("group", |account, keys| {
    for group in &account.groups {
        keys.add().id(group.bytes());
    }
});

/// An account as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AccountRecord {
    /// The tenant it belongs to.
    #[n(0)]
    pub tenant: TenantId,
    /// The directory it lives in.
    #[n(1)]
    pub domain: UserDomainId,
    /// The user name as typed.
    #[n(2)]
    pub username: String,
    /// The user name as compared.
    #[n(3)]
    pub canonical: String,
    /// What people call the person.
    #[n(4)]
    pub display_name: String,
    /// The e-mail address as typed.
    #[n(5)]
    pub email: Option<String>,
    /// The e-mail address as compared.
    #[n(6)]
    pub email_canonical: Option<String>,
    /// The mobile number, E.164.
    #[n(7)]
    pub mobile: Option<String>,
    /// The groups, by id.
    #[n(8)]
    pub groups: Vec<GroupId>,
    /// Free attributes.
    #[n(9)]
    pub attributes: BTreeMap<String, String>,
    /// Whether it may be used.
    #[n(10)]
    pub status: Status,
    /// When it was created.
    #[n(11)]
    pub created: Timestamp,
    /// Owned by `[[accounts]]` of the configuration.
    #[n(12)]
    pub managed: bool,
    /// When its owner showed that the e-mail address is theirs. Goes with the address; nothing but a redeemed link sets it
    /// (security.md ENR-3).
    #[n(13)]
    pub email_confirmed: Option<Timestamp>,
    /// The same for the mobile number, by a code.
    #[n(14)]
    pub mobile_confirmed: Option<Timestamp>,
}

impl Record for AccountRecord {
    type Key = AccountId;
    const SPACE: &'static str = "accounts";
    const INDEXES: &'static [Index<Self>] = &[BY_USERNAME, BY_EMAIL, BY_MOBILE, BY_GROUP, BY_MANAGED];
}

/// Whether a new account could have its names and addresses: they must be free and rested.
///
/// # Errors
/// [`Reason::Taken`] with a flaw on the first that is not.
pub fn is_free(
    tx: &impl Reading,
    home: Home,
    id: AccountId,
    new: &NewAccount,
    now: Timestamp,
) -> Result<(), Fault> {
    name_is_free(tx, home, &new.username, now)?;
    if let Some(email) = &new.email {
        email_is_free(tx, home.tenant, id, email.canonical(), now)?;
    }
    match &new.mobile {
        Some(mobile) => mobile_is_free(tx, home.tenant, id, mobile.as_str(), now),
        None => Ok(()),
    }
}

/// Makes an account. Its names and addresses must be free and rested.
pub fn create(
    tx: &mut WriteTx,
    home: Home,
    id: AccountId,
    new: &NewAccount,
    now: Timestamp,
) -> Result<AccountRecord, Fault> {
    let canonical = new.username.canonical().to_owned();
    is_free(tx, home, id, new, now)?;
    resting::wake_name(tx, home.domain, &canonical, now)?;
    let display_name =
        new.display_name.as_ref().map_or(new.username.as_str(), |name| name.as_str()).to_owned();
    let record = AccountRecord {
        tenant: home.tenant,
        domain: home.domain,
        username: new.username.as_str().to_owned(),
        canonical,
        display_name,
        email: new.email.as_ref().map(|email| email.as_str().to_owned()),
        email_canonical: new.email.as_ref().map(|email| email.canonical().to_owned()),
        mobile: new.mobile.as_ref().map(|mobile| mobile.as_str().to_owned()),
        groups: new.groups.clone(),
        attributes: BTreeMap::new(),
        status: Status::Active,
        created: now,
        managed: new.managed,
        email_confirmed: None,
        mobile_confirmed: None,
    };
    match ACCOUNTS.insert(tx, &id, &record)? {
        Inserted::Done => Ok(record),
        Inserted::Taken(index) => Err(collision(index)),
        Inserted::Exists => Err(Fault::broken("a fresh account id was already in use")),
    }
}

/// Whether a new account may have this user name: nobody has it, or had it not long ago.
///
/// # Errors
/// [`Reason::Taken`] with a flaw on [`Field::Username`].
pub fn name_is_free(tx: &impl Reading, home: Home, username: &Username, now: Timestamp) -> Result<(), Fault> {
    if named(tx, home, username)?.is_some() {
        return Err(collision("username"));
    }
    if resting::name_rests(tx, home.domain, username.canonical(), now)? {
        return Err(taken(Field::Username, "this user name belonged to somebody who left not long ago"));
    }
    Ok(())
}

/// Whether the account may have this e-mail address: nobody else has it, or had it not long ago.
///
/// # Errors
/// [`Reason::Taken`] with a flaw on [`Field::Email`].
pub fn email_is_free(
    tx: &impl Reading,
    tenant: TenantId,
    id: AccountId,
    canonical: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    if ACCOUNTS.find(tx, &BY_EMAIL, &tenant_key(tenant, canonical))?.is_some_and(|(other, _)| other != id) {
        return Err(collision("email"));
    }
    if resting::email_rests(tx, tenant, canonical, id, now)? {
        return Err(taken(Field::Email, "this e-mail address belonged to somebody else not long ago"));
    }
    Ok(())
}

/// The same for a mobile number.
///
/// # Errors
/// [`Reason::Taken`] with a flaw on [`Field::Mobile`].
pub fn mobile_is_free(
    tx: &impl Reading,
    tenant: TenantId,
    id: AccountId,
    number: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    if ACCOUNTS.find(tx, &BY_MOBILE, &tenant_key(tenant, number))?.is_some_and(|(other, _)| other != id) {
        return Err(collision("mobile"));
    }
    if resting::mobile_rests(tx, tenant, number, id, now)? {
        return Err(taken(Field::Mobile, "this mobile number belonged to somebody else not long ago"));
    }
    Ok(())
}

/// Writes an account with other addresses back. The old ones rest; that the new ones are free, [`email_is_free`] and
/// [`mobile_is_free`] have said in this transaction. A new address is not confirmed; see [`confirm_email`](super::confirm_email) and [`confirm_mobile`](super::confirm_mobile).
pub fn readdress(
    tx: &mut WriteTx,
    id: AccountId,
    old: &AccountRecord,
    new: &AccountRecord,
    now: Timestamp,
) -> Result<(), Fault> {
    resting::lay_addresses(tx, id, old, Some(new), now)?;
    let mut new = new.clone();
    if new.email_canonical != old.email_canonical {
        new.email_confirmed = None;
    }
    if new.mobile != old.mobile {
        new.mobile_confirmed = None;
    }
    save(tx, id, &new)
}

/// Writes a changed account back. Its names must still be free.
pub fn save(tx: &mut WriteTx, id: AccountId, record: &AccountRecord) -> Result<(), Fault> {
    match ACCOUNTS.put(tx, &id, record)? {
        Inserted::Taken(index) => Err(collision(index)),
        _ => Ok(()),
    }
}

/// Removes an account; its user name and addresses rest for [`DELETED_NAMES_REST`](super::DELETED_NAMES_REST).
pub fn remove(tx: &mut WriteTx, id: AccountId, now: Timestamp) -> Result<Option<AccountRecord>, StoreError> {
    let removed = ACCOUNTS.take(tx, &id)?;
    if let Some(record) = &removed {
        resting::lay_name(tx, record, now)?;
        resting::lay_addresses(tx, id, record, None, now)?;
    }
    Ok(removed)
}

/// Removes an account that nobody ever used, so that its names can be taken again at once.
pub fn remove_unused(tx: &mut WriteTx, id: AccountId) -> Result<Option<AccountRecord>, StoreError> {
    ACCOUNTS.take(tx, &id)
}

/// The account with this e-mail address, given in its canonical form.
pub fn by_email(
    tx: &impl Reading,
    home: Home,
    canonical: &str,
) -> Result<Option<(AccountId, AccountRecord)>, StoreError> {
    ACCOUNTS.find(tx, &BY_EMAIL, &tenant_key(home.tenant, canonical))
}

/// The account with this user name.
pub fn named(
    tx: &impl Reading,
    home: Home,
    username: &Username,
) -> Result<Option<(AccountId, AccountRecord)>, StoreError> {
    ACCOUNTS.find(tx, &BY_USERNAME, &username_key(home.domain, username.canonical()))
}

/// The account that a person means by what was typed into the login form: an e-mail address when it reads
/// as one, else a user name. All spellings of one account lead to the same id (security.md THR-3).
pub fn by_login(
    tx: &impl Reading,
    home: Home,
    typed: &str,
) -> Result<Option<(AccountId, AccountRecord)>, StoreError> {
    if let Ok(email) = EmailAddress::parse(typed) {
        return ACCOUNTS.find(tx, &BY_EMAIL, &tenant_key(home.tenant, email.canonical()));
    }
    match Username::parse(typed) {
        Ok(username) => named(tx, home, &username),
        Err(_) => Ok(None),
    }
}

/// The declared accounts that are not disabled, with the user names as compared.
pub fn managed(tx: &impl Reading) -> Result<Vec<(AccountId, String)>, StoreError> {
    let found = ACCOUNTS.list(tx, &BY_MANAGED, &KeyBuf::new(), None, usize::MAX)?.items;
    Ok(found.into_iter().map(|(id, account)| (id, account.canonical)).collect())
}

/// Enters the accounts of before there was an index of the declared ones into it.
pub fn index_managed(tx: &mut WriteTx) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = ACCOUNTS.range(tx, after.as_ref(), PAGE)?;
        for (id, account) in page.iter().filter(|(_, account)| account.managed) {
            // A record is only entered where the old one was not.
            ACCOUNTS.take(tx, id)?;
            ACCOUNTS.set(tx, id, account)?;
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => after = Some(*last),
            _ => return Ok(()),
        }
    }
}

/// Accounts that a migration reads at once.
const PAGE: usize = 1000;

/// A page of accounts in order of creation.
pub fn all_after(
    tx: &impl Reading,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<(AccountId, AccountRecord)>, StoreError> {
    ACCOUNTS.range(tx, after.as_ref(), limit)
}

/// Whether there is any account at all.
pub fn any_account(tx: &impl Reading) -> Result<bool, StoreError> {
    Ok(!ACCOUNTS.range(tx, None, 1)?.is_empty())
}

/// The members of a group, at most `limit`.
pub fn members_of(
    tx: &impl Reading,
    group: GroupId,
    limit: usize,
) -> Result<Vec<(AccountId, AccountRecord)>, StoreError> {
    Ok(ACCOUNTS.list(tx, &BY_GROUP, &KeyBuf::of(&group), None, limit)?.items)
}

fn username_key(domain: UserDomainId, canonical: &str) -> KeyBuf {
    let mut key = KeyBuf::new();
    key.id(domain.bytes()).text(canonical);
    key
}

fn tenant_key(tenant: TenantId, text: &str) -> KeyBuf {
    let mut key = KeyBuf::new();
    key.id(tenant.bytes()).text(text);
    key
}

fn collision(index: &str) -> Fault {
    match index {
        "email" => taken(Field::Email, "this e-mail address is already in use"),
        "mobile" => taken(Field::Mobile, "this mobile number is already in use"),
        _ => taken(Field::Username, "this user name is already in use"),
    }
}

fn taken(field: Field, message: &str) -> Fault {
    Fault::new(Reason::Taken).with_flaw(field, message)
}

#[cfg(test)]
mod tests;
