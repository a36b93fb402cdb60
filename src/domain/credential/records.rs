//! Stored passwords.

use minicbor::{Decode, Encode};

use crate::{
    crypto::password::Hash,
    domain::fault::Fault,
    store::{Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

/// All passwords, by account.
pub const PASSWORDS: Table<PasswordRecord> = Table::new();

/// A password as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PasswordRecord {
    /// The hash in PHC (or bcrypt's own) form.
    #[n(0)]
    pub hash: String,
    /// When it was set.
    #[n(1)]
    pub set: Timestamp,
    /// It must be replaced at the next sign-in (set by somebody else, security.md PWD-8).
    #[n(2)]
    pub temporary: bool,
    /// Raised at every change.
    #[n(3)]
    pub revision: u64,
    /// The hash as it was set, when `hash` has been renewed since: an account declared in the configuration is
    /// compared with this one, so that renewing does not look like a change of the file.
    #[n(4)]
    pub origin: Option<String>,
}

/// Tells one password of an account from the next. Whoever verified against one version must not act on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Version {
    #[n(0)]
    revision: u64,
    /// Revisions begin anew when a password was removed in between.
    #[n(1)]
    set: Timestamp,
}

impl Version {
    /// For what is bound to a password by a seal.
    pub fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.revision.to_be_bytes());
        bytes[8..].copy_from_slice(&self.set.millis().to_be_bytes());
        bytes
    }
}

impl PasswordRecord {
    /// The hash, read. It was checked when it was stored, so a failure is damage.
    pub fn hash(&self) -> Result<Hash, Fault> {
        Hash::parse(&self.hash).map_err(Fault::broken)
    }

    /// Which password this is. Renewing the hash keeps it, setting a password (also the same one again) does not.
    pub const fn version(&self) -> Version {
        Version { revision: self.revision, set: self.set }
    }

    /// Whether this password was set from exactly this hash text.
    pub fn is_made_from(&self, hash: &str) -> bool {
        self.origin.as_deref().unwrap_or(&self.hash) == hash
    }
}

impl Record for PasswordRecord {
    type Key = AccountId;
    const SPACE: &'static str = "passwords";
}

/// The password of an account, if it has one.
pub fn password_of(tx: &impl Reading, account: AccountId) -> Result<Option<PasswordRecord>, StoreError> {
    PASSWORDS.get(tx, &account)
}

/// Sets a new password.
pub fn set_password(
    tx: &mut WriteTx,
    account: AccountId,
    hash: &Hash,
    now: Timestamp,
    temporary: bool,
) -> Result<(), StoreError> {
    let revision = PASSWORDS.get(tx, &account)?.map_or(1, |old| old.revision + 1);
    let record =
        PasswordRecord { hash: hash.as_str().to_owned(), set: now, temporary, revision, origin: None };
    PASSWORDS.set(tx, &account, &record)?;
    Ok(())
}

/// Replaces the hash of the same password, made with present parameters. Nothing happens when the password was
/// changed meanwhile.
pub fn renew_hash(
    tx: &mut WriteTx,
    account: AccountId,
    version: Version,
    hash: &Hash,
) -> Result<bool, StoreError> {
    match PASSWORDS.get(tx, &account)? {
        Some(mut record) if record.version() == version => {
            let old = std::mem::replace(&mut record.hash, hash.as_str().to_owned());
            record.origin.get_or_insert(old);
            PASSWORDS.set(tx, &account, &record)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Removes the password of an account.
pub fn forget(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    PASSWORDS.take(tx, &account)?;
    Ok(())
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{PasswordRecord, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn passwords() {
        let password = PasswordRecord {
            hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned(),
            set: Timestamp::from_millis(1_800_000_000_123),
            temporary: true,
            revision: 7,
            origin: None,
        };
        check("src/domain/credential/golden/set.v1.hex", &password);
        let origin = Some("$2b$12$imported".to_owned());
        let renewed = PasswordRecord { temporary: false, origin, ..password };
        check("src/domain/credential/golden/renewed.v1.hex", &renewed);
    }
}
