//! Stored tenants, user domains and groups.

use minicbor::{Decode, Encode};

use crate::{
    domain::fault::{Fault, Field, Reason},
    store::{Index, Inserted, Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{
        id::{GroupId, TenantId, UserDomainId},
        name::GroupName,
        random::Random,
        time::Timestamp,
    },
};

/// The group whose members administer; the first account joins it.
pub const ADMINS: &str = "admins";

/// All tenants.
pub const TENANTS: Table<TenantRecord> = Table::new();
/// All user domains.
pub const USER_DOMAINS: Table<UserDomainRecord> = Table::new();
/// All groups.
pub const GROUPS: Table<GroupRecord> = Table::new();

const DEFAULTS: Table<HomeRecord> = Table::new();
const GROUP_NAME: Index<GroupRecord> = Index::unique("name", |group, keys| {
    keys.add().id(group.tenant.bytes()).text(&group.canonical);
});

/// A tenant as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TenantRecord {
    /// What people call it.
    #[n(0)]
    pub name: String,
    /// When it was founded.
    #[n(1)]
    pub created: Timestamp,
}

impl Record for TenantRecord {
    type Key = TenantId;
    const SPACE: &'static str = "tenants";
}

/// A user domain as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UserDomainRecord {
    /// Whose it is.
    #[n(0)]
    pub tenant: TenantId,
    /// What people call it.
    #[n(1)]
    pub name: String,
}

impl Record for UserDomainRecord {
    type Key = UserDomainId;
    const SPACE: &'static str = "user-domains";
}

/// A group as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GroupRecord {
    /// Whose it is.
    #[n(0)]
    pub tenant: TenantId,
    /// The name as it was typed.
    #[n(1)]
    pub name: String,
    /// The name as it is compared.
    #[n(2)]
    pub canonical: String,
}

impl Record for GroupRecord {
    type Key = GroupId;
    const SPACE: &'static str = "groups";
    const INDEXES: &'static [Index<Self>] = &[GROUP_NAME];
}

/// Which tenant and user domain are meant where none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// The default tenant.
    pub tenant: TenantId,
    /// Its default user domain.
    pub domain: UserDomainId,
}

#[derive(Debug, PartialEq, Encode, Decode)]
struct HomeRecord {
    #[n(0)]
    tenant: TenantId,
    #[n(1)]
    domain: UserDomainId,
}

impl Record for HomeRecord {
    type Key = Only;
    const SPACE: &'static str = "home";
}

/// The key of a table with one row.
struct Only;

impl Key for Only {
    fn write(&self, out: &mut KeyBuf) {
        out.u8(0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        (from.u8()? == 0).then_some(Self)
    }
}

/// The default tenant and user domain; `None` before [`found`].
pub fn home(tx: &impl Reading) -> Result<Option<Home>, StoreError> {
    let record = DEFAULTS.get(tx, &Only)?;
    Ok(record.map(|HomeRecord { tenant, domain }| Home { tenant, domain }))
}

/// Founds the default tenant, its user domain and the administrators' group, once.
pub fn found(tx: &mut WriteTx, now: Timestamp, chance: [Random<10>; 3]) -> Result<Home, StoreError> {
    if let Some(home) = home(tx)? {
        return Ok(home);
    }
    let [for_tenant, for_domain, for_group] = chance;
    let tenant = TenantId::mint(now, for_tenant);
    let domain = UserDomainId::mint(now, for_domain);
    TENANTS.set(tx, &tenant, &TenantRecord { name: "default".to_owned(), created: now })?;
    USER_DOMAINS.set(tx, &domain, &UserDomainRecord { tenant, name: "default".to_owned() })?;
    let admins = GroupRecord { tenant, name: ADMINS.to_owned(), canonical: ADMINS.to_owned() };
    GROUPS.set(tx, &GroupId::mint(now, for_group), &admins)?;
    DEFAULTS.set(tx, &Only, &HomeRecord { tenant, domain })?;
    Ok(Home { tenant, domain })
}

/// The group of that name, compared by canonical form.
pub fn group_named(
    tx: &impl Reading,
    tenant: TenantId,
    name: &GroupName,
) -> Result<Option<(GroupId, GroupRecord)>, StoreError> {
    GROUPS.find(tx, &GROUP_NAME, &group_key(tenant, name.canonical()))
}

/// The group of that name, created when there is none. The second value tells whether it was created.
pub fn ensure_group(
    tx: &mut WriteTx,
    tenant: TenantId,
    name: &GroupName,
    new_id: GroupId,
) -> Result<(GroupId, bool), StoreError> {
    if let Some((id, _)) = group_named(tx, tenant, name)? {
        return Ok((id, false));
    }
    let record =
        GroupRecord { tenant, name: name.as_str().to_owned(), canonical: name.canonical().to_owned() };
    GROUPS.set(tx, &new_id, &record)?;
    Ok((new_id, true))
}

/// Gives a group another name; its id and members stay.
pub fn rename_group(tx: &mut WriteTx, id: GroupId, name: &GroupName) -> Result<(), Fault> {
    let Some(mut record) = GROUPS.get(tx, &id)? else { return Err(Fault::new(Reason::NotFound)) };
    name.as_str().clone_into(&mut record.name);
    name.canonical().clone_into(&mut record.canonical);
    match GROUPS.put(tx, &id, &record)? {
        Inserted::Taken(_) => {
            Err(Fault::new(Reason::Taken).with_flaw(Field::Group, "there is already a group of this name"))
        }
        _ => Ok(()),
    }
}

/// The names of some groups, each sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GroupNames {
    /// As people typed them: for headers and answers.
    pub typed: Vec<String>,
    /// As rules compare them.
    pub canonical: Vec<String>,
}

/// The names of these groups. Ids without a group are left out.
pub fn names_of(tx: &impl Reading, ids: &[GroupId]) -> Result<GroupNames, StoreError> {
    let mut names = GroupNames::default();
    for id in ids {
        if let Some(group) = GROUPS.get(tx, id)? {
            names.typed.push(group.name);
            names.canonical.push(group.canonical);
        }
    }
    names.typed.sort();
    names.canonical.sort();
    Ok(names)
}

fn group_key(tenant: TenantId, canonical: &str) -> KeyBuf {
    let mut key = KeyBuf::new();
    key.id(tenant.bytes()).text(canonical);
    key
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{GroupRecord, HomeRecord, TenantId, TenantRecord, Timestamp, UserDomainId, UserDomainRecord};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn directory() {
        let (tenant, domain) = (TenantId::from_bytes([1; 16]), UserDomainId::from_bytes([2; 16]));
        let name = || "default".to_owned();
        let created = Timestamp::from_millis(1_800_000_000_123);
        check("src/domain/directory/golden/tenant.v1.hex", &TenantRecord { name: name(), created });
        check("src/domain/directory/golden/user-domain.v1.hex", &UserDomainRecord { tenant, name: name() });
        let group = GroupRecord { tenant, name: "Staff".to_owned(), canonical: "staff".to_owned() };
        check("src/domain/directory/golden/group.v1.hex", &group);
        check("src/domain/directory/golden/home.v1.hex", &HomeRecord { tenant, domain });
    }
}
