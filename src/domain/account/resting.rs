//! Names and addresses that rest: nobody may take over yet what somebody gave up (security.md ENR-6).

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::records::AccountRecord;
use crate::{
    store::{Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{
        id::{AccountId, TenantId, UserDomainId},
        time::Timestamp,
    },
};

const RESTING_NAMES: Table<RestingName> = Table::new();
const RESTING_ADDRESSES: Table<RestingAddress> = Table::new();

/// How long the user name, e-mail address and mobile number of a deleted account, or an address that an account
/// gave up, cannot be given to somebody else (security.md ENR-6).
pub const DELETED_NAMES_REST: Duration = Duration::from_hours(2160);

/// A deleted user name that nobody may take yet.
#[derive(Debug, PartialEq, Encode, Decode)]
struct RestingName {
    #[n(0)]
    until: Timestamp,
}

impl Record for RestingName {
    type Key = NameKey;
    const SPACE: &'static str = "resting-names";
}

struct NameKey {
    domain: UserDomainId,
    canonical: String,
}

impl NameKey {
    fn of(domain: UserDomainId, canonical: &str) -> Self {
        Self { domain, canonical: canonical.to_owned() }
    }
}

impl Key for NameKey {
    fn write(&self, out: &mut KeyBuf) {
        out.id(self.domain.bytes()).text(&self.canonical);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        Some(Self { domain: UserDomainId::take(from)?, canonical: from.text()? })
    }
}

/// An e-mail address or a mobile number that nobody else may take yet.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct RestingAddress {
    #[n(0)]
    until: Timestamp,
    /// Whose it was, who may have it back.
    #[n(1)]
    of: AccountId,
}

impl Record for RestingAddress {
    type Key = AddressKey;
    const SPACE: &'static str = "resting-addresses";
}

struct AddressKey {
    tenant: TenantId,
    /// A URL, so that mail and telephone share the table.
    address: String,
}

impl AddressKey {
    fn email(tenant: TenantId, canonical: &str) -> Self {
        Self { tenant, address: format!("mailto:{canonical}") }
    }

    fn mobile(tenant: TenantId, number: &str) -> Self {
        Self { tenant, address: format!("tel:{number}") }
    }
}

impl Key for AddressKey {
    fn write(&self, out: &mut KeyBuf) {
        out.id(self.tenant.bytes()).text(&self.address);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        Some(Self { tenant: TenantId::take(from)?, address: from.text()? })
    }
}

/// Whether the user name may be given to somebody. What is noted of a name whose time is over goes.
pub(super) fn wake_name(
    tx: &mut WriteTx,
    domain: UserDomainId,
    canonical: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let key = NameKey::of(domain, canonical);
    match RESTING_NAMES.get(tx, &key)? {
        Some(resting) if now < resting.until => Ok(false),
        Some(_) => RESTING_NAMES.take(tx, &key).map(|_| true),
        None => Ok(true),
    }
}

/// Whether somebody had this user name not long ago.
pub(super) fn name_rests(
    tx: &impl Reading,
    domain: UserDomainId,
    canonical: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let resting = RESTING_NAMES.get(tx, &NameKey::of(domain, canonical))?;
    Ok(resting.is_some_and(|resting| now < resting.until))
}

/// Lets the user name of an account rest.
pub(super) fn lay_name(tx: &mut WriteTx, record: &AccountRecord, now: Timestamp) -> Result<(), StoreError> {
    let resting = RestingName { until: now + DELETED_NAMES_REST };
    RESTING_NAMES.set(tx, &NameKey::of(record.domain, &record.canonical), &resting)
}

/// Whether somebody other than `id` had this e-mail address not long ago.
pub(super) fn email_rests(
    tx: &impl Reading,
    tenant: TenantId,
    canonical: &str,
    id: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    rests(tx, &AddressKey::email(tenant, canonical), id, now)
}

/// The same for a mobile number.
pub(super) fn mobile_rests(
    tx: &impl Reading,
    tenant: TenantId,
    number: &str,
    id: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    rests(tx, &AddressKey::mobile(tenant, number), id, now)
}

fn rests(tx: &impl Reading, key: &AddressKey, id: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let resting = RESTING_ADDRESSES.get(tx, key)?;
    Ok(resting.is_some_and(|resting| now < resting.until && resting.of != id))
}

/// Lets those addresses of `old` rest that are not those of `new`; all of them when there is no `new`.
pub(super) fn lay_addresses(
    tx: &mut WriteTx,
    id: AccountId,
    old: &AccountRecord,
    new: Option<&AccountRecord>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let email = |record: &AccountRecord| {
        record.email_canonical.as_ref().map(|email| AddressKey::email(record.tenant, email))
    };
    let mobile = |record: &AccountRecord| {
        record.mobile.as_ref().map(|mobile| AddressKey::mobile(record.tenant, mobile))
    };
    let given_up = [
        email(old).filter(|_| new.is_none_or(|new| new.email_canonical != old.email_canonical)),
        mobile(old).filter(|_| new.is_none_or(|new| new.mobile != old.mobile)),
    ];
    for key in given_up.iter().flatten() {
        RESTING_ADDRESSES.set(tx, key, &RestingAddress { until: now + DELETED_NAMES_REST, of: id })?;
    }
    Ok(())
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{AccountId, RestingAddress, RestingName, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn resting_names() {
        let resting = RestingName { until: Timestamp::from_millis(1_800_000_000_123) };
        check("src/domain/account/golden/resting-name.v1.hex", &resting);
    }

    /// Proves: OPS-15
    #[test]
    fn resting_addresses() {
        let until = Timestamp::from_millis(1_800_000_000_123);
        let resting = RestingAddress { until, of: AccountId::from_bytes([2; 16]) };
        check("src/domain/account/golden/resting-address.v1.hex", &resting);
    }
}
