//! The passkeys of all accounts: plain facts of each, found by what the credential calls itself.
//!
//! How many an account has stands in its [`FactorsRecord`](super::FactorsRecord), too, so that a sign-in knows without looking further whether one can be
//! asked for. Only this file changes either.

use minicbor::{Decode, Encode};

use super::records::{self, FACTORS};
use crate::{
    crypto::{
        digest::sha256,
        text,
        webauthn::{Allowed, Asserted, Known, Registered},
    },
    domain::caller::Factor,
    store::{Index, Inserted, Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

/// All passkeys, by the digest of the credential's id: of two with one id there is one (security.md WAN-3).
pub const PASSKEYS: Table<PasskeyRecord> = Table::new();

const BY_ACCOUNT: Index<PasskeyRecord> = Index::ordered("account", |passkey, keys| {
    keys.add().id(passkey.account.bytes());
});

/// More passkeys than this has no account.
pub const MOST_PASSKEYS: usize = 20;

/// Longest name of a passkey, in characters.
pub const LONGEST_PASSKEY_NAME: usize = 64;

/// What a passkey is stored under. It also names it in forms; it opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyKey([u8; 32]);

impl PasskeyKey {
    /// Of a credential's id.
    pub fn of(credential: &[u8]) -> Self {
        Self(sha256(credential))
    }

    /// As forms write it.
    pub fn text(&self) -> String {
        text::encode(&self.0)
    }

    /// As forms wrote it.
    pub fn of_text(given: &str) -> Option<Self> {
        text::decode(given).map(Self)
    }
}

impl Key for PasskeyKey {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(&self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.bytes().map(Self)
    }
}

/// A passkey as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PasskeyRecord {
    /// Whose it is.
    #[n(0)]
    pub account: AccountId,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
    /// The credential's id.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub credential: Vec<u8>,
    /// Its public key, a COSE key (RFC 9052, section 7).
    #[cbor(n(3), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    /// The signature counter at its last use.
    #[n(4)]
    pub counter: u32,
    /// Whether its user was verified when it was made.
    #[n(5)]
    pub verified: bool,
    /// Whether it may be synchronised.
    #[n(6)]
    pub backup_eligible: bool,
    /// Whether it was synchronised at its last use.
    #[n(7)]
    pub backed_up: bool,
    /// The model of its authenticator, all zero when that does not tell.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub aaguid: [u8; 16],
    /// How it can be reached.
    #[n(9)]
    pub transports: Vec<String>,
    /// Whether it can be found without being named, as far as the browser knew.
    #[n(10)]
    pub discoverable: Option<bool>,
    /// When it was made.
    #[n(11)]
    pub created: Timestamp,
    /// When it was used last.
    #[n(12)]
    pub used: Option<Timestamp>,
}

impl Record for PasskeyRecord {
    type Key = PasskeyKey;
    const SPACE: &'static str = "passkeys";
    const INDEXES: &'static [Index<Self>] = &[BY_ACCOUNT];
}

impl PasskeyRecord {
    /// A new one.
    pub fn new(account: AccountId, name: String, made: Registered, now: Timestamp) -> Self {
        Self {
            account,
            name,
            credential: made.id,
            key: made.key,
            counter: made.counter,
            verified: made.verified,
            backup_eligible: made.backup_eligible,
            backed_up: made.backed_up,
            aaguid: made.aaguid,
            transports: made.transports,
            discoverable: made.discoverable,
            created: now,
            used: None,
        }
    }

    /// Whether it is a way in by itself: it knew its user from the beginning (security.md WAN-6), and is found without a name. The second is
    /// the browser's word, good for advice and for keeping what may be the only way in, not for access.
    pub fn signs_in_alone(&self) -> bool {
        self.verified && self.discoverable != Some(false)
    }

    /// As one that may answer.
    pub fn allowed(&self) -> Allowed<'_> {
        Allowed { id: &self.credential, transports: &self.transports }
    }

    /// As an answer is judged by it.
    pub fn known(&self) -> Known<'_> {
        Known {
            id: &self.credential,
            key: &self.key,
            counter: self.counter,
            verified: self.verified,
            backup_eligible: self.backup_eligible,
        }
    }
}

/// The passkey of a credential.
pub fn find(tx: &impl Reading, credential: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
    let found = PASSKEYS.get(tx, &PasskeyKey::of(credential))?;
    Ok(found.filter(|passkey| passkey.credential == credential))
}

/// The passkeys of an account, oldest first.
pub fn of_owner(
    tx: &impl Reading,
    account: AccountId,
) -> Result<Vec<(PasskeyKey, PasskeyRecord)>, StoreError> {
    // The bound holds whatever was written by hand.
    let mut found = PASSKEYS.list(tx, &BY_ACCOUNT, &KeyBuf::of(&account), None, 10 * MOST_PASSKEYS)?.items;
    found.sort_by_key(|(_, passkey)| passkey.created);
    Ok(found)
}

/// What became of a new passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Added {
    /// It is stored.
    Done,
    /// Somebody has a credential with this id; nothing was written.
    Taken,
    /// The account has as many as it may have; nothing was written.
    TooMany,
}

/// Adds a passkey. Devices that were trusted on the word of the factors of before are strangers again.
pub fn add(tx: &mut WriteTx, passkey: &PasskeyRecord) -> Result<Added, StoreError> {
    let count = of_owner(tx, passkey.account)?.len();
    if count >= MOST_PASSKEYS {
        return Ok(Added::TooMany);
    }
    match PASSKEYS.insert(tx, &PasskeyKey::of(&passkey.credential), passkey)? {
        Inserted::Done => {}
        Inserted::Exists | Inserted::Taken(_) => return Ok(Added::Taken),
    }
    recount(tx, passkey.account, count + 1)?;
    Ok(Added::Done)
}

/// What became of an answer that was right in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Spent {
    /// It counts, and proves this (security.md WAN-6): two factors only where the passkey knew its user from the beginning. A PIN that
    /// came later may have been set by whoever found the authenticator.
    Right(Factor),
    /// The passkey is gone, or somebody else's.
    Gone,
    /// Its counter did not rise since: there may be a copy of it. Nothing was written.
    Doubted,
}

/// Counts an answer: the counter must have risen since the last use, whatever it was when the answer was judged (security.md WAN-2).
pub fn spend(
    tx: &mut WriteTx,
    account: AccountId,
    asserted: &Asserted,
    now: Timestamp,
) -> Result<Spent, StoreError> {
    let Some(mut passkey) = find(tx, asserted.credential())?.filter(|passkey| passkey.account == account)
    else {
        return Ok(Spent::Gone);
    };
    let counts = asserted.counter() != 0 || passkey.counter != 0;
    if counts && asserted.counter() <= passkey.counter {
        return Ok(Spent::Doubted);
    }
    passkey.counter = asserted.counter();
    passkey.backed_up = asserted.backed_up();
    passkey.used = Some(now);
    PASSKEYS.set(tx, &PasskeyKey::of(asserted.credential()), &passkey)?;
    let known = passkey.verified && asserted.verified();
    Ok(Spent::Right(if known { Factor::VerifiedPasskey } else { Factor::Passkey }))
}

/// Gives a passkey of the account another name. Returns whether there is such a passkey.
pub fn rename(
    tx: &mut WriteTx,
    account: AccountId,
    key: &PasskeyKey,
    name: String,
) -> Result<bool, StoreError> {
    match PASSKEYS.get(tx, key)? {
        Some(passkey) if passkey.account == account => {
            PASSKEYS.set(tx, key, &PasskeyRecord { name, ..passkey })?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Takes a passkey of the account away. Returns it when there was one.
pub fn remove(
    tx: &mut WriteTx,
    account: AccountId,
    key: &PasskeyKey,
) -> Result<Option<PasskeyRecord>, StoreError> {
    let found = PASSKEYS.get(tx, key)?.filter(|passkey| passkey.account == account);
    if found.is_some() {
        PASSKEYS.take(tx, key)?;
        let left = of_owner(tx, account)?.len();
        recount(tx, account, left)?;
    }
    Ok(found)
}

/// Takes all passkeys of the account away; its record of factors is its caller's to write.
pub(super) fn clear(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    for (key, _) in of_owner(tx, account)? {
        PASSKEYS.take(tx, &key)?;
    }
    Ok(())
}

fn recount(tx: &mut WriteTx, account: AccountId, count: usize) -> Result<(), StoreError> {
    let mut record = records::of_account(tx, account)?;
    record.passkeys = u32::try_from(count).ok().filter(|count| *count > 0);
    record.trust += 1;
    record.review = false;
    if record.passkeys.is_none() && record.totp.is_none() && record.email.is_none() {
        // Recovery codes stand beside another factor only.
        record.recovery = None;
    }
    FACTORS.set(tx, &account, &record)
}
