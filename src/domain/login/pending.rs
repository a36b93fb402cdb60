//! The login transaction: somebody has proven a first factor and has to prove more (security.md SES-3).
//!
//! It has a cookie and a table of its own and opens nothing but its next step. It ends with the session it becomes, with too many wrong
//! answers (THR-7), with its time, or with a change of the password.

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::throttle::CounterKey;
use crate::{
    crypto::digest::sha256,
    domain::{
        caller::Strength,
        challenge::{self, MOST_TRIES},
        credential::{PASSWORDS, Version},
        session::{SessionHash, SessionKey},
    },
    store::{Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, random::Random, time::Timestamp},
};

const PENDING: Table<PendingRecord> = Table::new();

/// How long somebody may take from the first factor to the last.
pub const PENDING_LIFETIME: Duration = Duration::from_mins(10);

/// What the login cookie carries: as long and as random as a session's key, but another thing.
#[derive(Clone, Debug)]
pub struct PendingKey(SessionKey);

/// What the store knows of a [`PendingKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PendingHash(SessionHash);

impl PendingKey {
    /// A new key (256 bits of chance).
    pub fn mint(now: Timestamp, chance: Random<32>) -> Self {
        Self(SessionKey::mint(now, chance))
    }

    /// The cookie value.
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// The stored form.
    pub fn hash(&self) -> PendingHash {
        PendingHash(self.0.hash())
    }
}

impl PendingHash {
    /// Reads a cookie value; `None` for anything that we never issued by its shape.
    pub fn of_cookie(value: &str) -> Option<Self> {
        SessionHash::of_cookie(value.as_bytes()).map(Self)
    }

    /// Whom codes sent during this transaction are about: nobody else's codes are good for it (security.md OTP-2).
    pub fn subject(&self) -> challenge::Subject {
        challenge::Subject::Other(sha256(KeyBuf::of(self).as_bytes()))
    }
}

impl Key for PendingHash {
    fn write(&self, out: &mut KeyBuf) {
        self.0.write(out);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        SessionHash::take(from).map(Self)
    }
}

/// A login transaction as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PendingRecord {
    /// Whose it is.
    #[n(0)]
    pub account: AccountId,
    /// What was proven so far.
    #[n(1)]
    pub strength: Strength,
    /// The password the account had then, if it had one: with another the transaction is over.
    #[n(2)]
    pub version: Option<Version>,
    /// Whether the session is to be remembered.
    #[n(3)]
    pub remembered: bool,
    /// The session this browser had, which the new one replaces.
    #[n(4)]
    pub replaces: Option<SessionHash>,
    /// When the first factor was proven.
    #[n(5)]
    pub created: Timestamp,
    /// The store's restore epoch (security.md OPS-14).
    #[n(6)]
    pub epoch: u64,
    /// Wrong answers so far.
    #[n(7)]
    pub wrong: u8,
    /// The counters of the first factor, cleared when all factors succeeded (security.md THR-5).
    #[n(8)]
    pub counters: Vec<CounterKey>,
}

impl Record for PendingRecord {
    type Key = PendingHash;
    const SPACE: &'static str = "login-transactions";
}

/// Begins a transaction.
pub fn begin(tx: &mut WriteTx, hash: &PendingHash, record: &PendingRecord) -> Result<(), StoreError> {
    PENDING.set(tx, hash, record)
}

/// The transaction, while it is alive.
pub fn alive(
    tx: &impl Reading,
    hash: &PendingHash,
    now: Timestamp,
    epoch: u64,
) -> Result<Option<PendingRecord>, StoreError> {
    let Some(record) = PENDING.get(tx, hash)? else { return Ok(None) };
    // A clock that steps back does not bring it back to life for longer than its time.
    if now.since(record.created) >= PENDING_LIFETIME || record.epoch != epoch || record.wrong >= MOST_TRIES {
        return Ok(None);
    }
    let version = PASSWORDS.get(tx, &record.account)?.map(|password| password.version());
    Ok((version == record.version).then_some(record))
}

/// Ends a transaction.
pub fn end(tx: &mut WriteTx, hash: &PendingHash) -> Result<(), StoreError> {
    PENDING.take(tx, hash)?;
    Ok(())
}

/// Counts a wrong answer. Returns whether that was the last one.
pub fn wrong(tx: &mut WriteTx, hash: &PendingHash, mut record: PendingRecord) -> Result<bool, StoreError> {
    record.wrong = record.wrong.saturating_add(1);
    if record.wrong >= MOST_TRIES {
        end(tx, hash)?;
        return Ok(true);
    }
    PENDING.set(tx, hash, &record)?;
    Ok(false)
}

/// Removes up to `limit` transactions whose time is over. Returns how many.
pub fn sweep(tx: &mut WriteTx, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
    // The key begins with the second of birth.
    let second = u32::try_from((now - PENDING_LIFETIME).secs()).unwrap_or(u32::MAX);
    let mut bound = KeyBuf::new();
    bound.u32(second);
    PENDING.remove_before(tx, &bound, limit)
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{AccountId, CounterKey, PendingRecord, Random, SessionKey, Strength, Timestamp};
    use crate::{
        domain::{caller::Factor, credential::PasswordRecord, login::throttle::Subject},
        store::golden::check,
    };

    /// Proves: OPS-15
    #[test]
    fn login_transactions() {
        let created = Timestamp::from_millis(1_800_000_000_123);
        let hash = String::new();
        let password = PasswordRecord { hash, set: created, temporary: false, revision: 7, origin: None };
        let account = AccountId::from_bytes([2; 16]);
        let pending = PendingRecord {
            account,
            strength: Strength::of(Factor::Password, created),
            version: Some(password.version()),
            remembered: true,
            replaces: Some(SessionKey::mint(created, Random::new([7; 32])).hash()),
            created,
            epoch: 3,
            wrong: 1,
            counters: vec![CounterKey::subject(&Subject::account(account))],
        };
        check("src/domain/login/golden/pending.v1.hex", &pending);
        let bare = PendingRecord { version: None, replaces: None, counters: Vec::new(), ..pending };
        check("src/domain/login/golden/bare.v1.hex", &bare);
    }
}
