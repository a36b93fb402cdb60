//! Stored keys: adding, finding, revoking.

use minicbor::{Decode, Encode};

use super::key::{ApiKey, KeyDigest, KeyName, Scope};
use crate::{
    domain::fault::{Fault, Field, Reason},
    store::{Index, Inserted, KeyBuf, Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

const KEYS: Table<ApiKeyRecord> = Table::new();

const BY_NAME: Index<ApiKeyRecord> = Index::unique("name", |key, keys| {
    keys.add().text(&key.name);
});

/// There are no more keys than this.
pub const MOST_KEYS: usize = 1000;

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ApiKeyRecord {
    /// What the operator and the audit trail call it.
    #[n(0)]
    pub name: String,
    /// The first characters of its text.
    #[n(1)]
    pub hint: String,
    /// What it may be used for.
    #[n(2)]
    pub scopes: Vec<Scope>,
    /// The accounts it may act for; empty for all.
    #[n(3)]
    pub accounts: Vec<AccountId>,
    /// When it was made.
    #[n(4)]
    pub created: Timestamp,
    /// When it ends.
    #[n(5)]
    pub expires: Timestamp,
    /// Its last written use, to the hour.
    #[n(6)]
    pub last_used: Option<Timestamp>,
}

impl Record for ApiKeyRecord {
    type Key = KeyDigest;
    const SPACE: &'static str = "api-keys";
    const INDEXES: &'static [Index<Self>] = &[BY_NAME];
}

impl ApiKeyRecord {
    /// Whether it may be used for this.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether it may act for this account.
    pub fn reaches(&self, account: AccountId) -> bool {
        self.accounts.is_empty() || self.accounts.contains(&account)
    }

    /// Whether it is over.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        now >= self.expires
    }
}

/// Keeps a new key.
///
/// # Errors
/// [`Reason::Taken`] when there is a key of this name; also when there are too many.
pub fn add(tx: &mut WriteTx, key: &ApiKey, record: &ApiKeyRecord) -> Result<(), Fault> {
    if KEYS.range(tx, None, MOST_KEYS)?.len() >= MOST_KEYS {
        return Err(Fault::malformed(
            Field::Named("name"),
            format!("there are {MOST_KEYS} keys already; revoke some"),
        ));
    }
    match KEYS.insert(tx, &key.digest(), record)? {
        Inserted::Done => Ok(()),
        Inserted::Taken(_) => Err(Fault::new(Reason::Taken)
            .with_flaw(Field::Named("name"), "there is a key of this name; revoke it first")),
        Inserted::Exists => Err(Fault::broken("a fresh key was already in use")),
    }
}

/// The key that somebody sent, whether it is over or not.
pub fn find(tx: &impl Reading, key: &ApiKey) -> Result<Option<ApiKeyRecord>, StoreError> {
    KEYS.get(tx, &key.digest())
}

/// The key of a name.
pub fn named(tx: &impl Reading, name: &KeyName) -> Result<Option<ApiKeyRecord>, StoreError> {
    Ok(KEYS.find(tx, &BY_NAME, &name_key(name.as_str()))?.map(|(_, record)| record))
}

/// All keys, by name.
pub fn all(tx: &impl Reading) -> Result<Vec<ApiKeyRecord>, StoreError> {
    let page = KEYS.list(tx, &BY_NAME, &KeyBuf::new(), None, MOST_KEYS)?;
    Ok(page.items.into_iter().map(|(_, record)| record).collect())
}

/// Removes a key by its name: from the next request on it opens nothing.
pub fn revoke(tx: &mut WriteTx, name: &KeyName) -> Result<Option<ApiKeyRecord>, StoreError> {
    match KEYS.find(tx, &BY_NAME, &name_key(name.as_str()))? {
        Some((digest, _)) => KEYS.take(tx, &digest),
        None => Ok(None),
    }
}

/// Writes down that a key was used, if it is still there.
pub fn note_use(tx: &mut WriteTx, name: &str, at: Timestamp) -> Result<(), StoreError> {
    if let Some((digest, mut record)) = KEYS.find(tx, &BY_NAME, &name_key(name))? {
        record.last_used = record.last_used.max(Some(at));
        KEYS.set(tx, &digest, &record)?;
    }
    Ok(())
}

fn name_key(name: &str) -> KeyBuf {
    let mut key = KeyBuf::new();
    key.text(name);
    key
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{AccountId, ApiKeyRecord, Scope, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn api_keys() {
        let key = ApiKeyRecord {
            name: "billing".to_owned(),
            hint: "vsk_AbCd".to_owned(),
            scopes: vec![Scope::Read, Scope::Credentials],
            accounts: vec![AccountId::from_bytes([2; 16])],
            created: Timestamp::from_millis(1_800_000_000_123),
            expires: Timestamp::from_millis(1_831_536_000_123),
            last_used: Some(Timestamp::from_millis(1_800_003_600_000)),
        };
        check("src/domain/apikey/golden/bound.v1.hex", &key);
        let fresh = ApiKeyRecord { accounts: Vec::new(), last_used: None, ..key };
        check("src/domain/apikey/golden/fresh.v1.hex", &fresh);
    }
}
