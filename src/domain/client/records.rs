//! Stored clients.

use minicbor::{Decode, Encode};

use super::{ClientId, ClientKind, Registration};
use crate::{
    crypto::digest::sha256,
    store::{Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{secret::Secret, time::Timestamp},
};

/// All clients.
pub const CLIENTS: Table<ClientRecord> = Table::new();

/// So many secrets of a client are good at a time, so that one can be replaced without a gap (security.md OAU-8).
pub const MOST_SECRETS: usize = 2;

impl Key for ClientId {
    fn write(&self, out: &mut KeyBuf) {
        out.text(self.as_str());
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        Self::parse(&from.text()?)
    }
}

/// A client as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClientRecord {
    /// What it is registered with.
    #[n(0)]
    pub registration: Registration,
    /// Its secrets, the newest last.
    #[n(1)]
    pub secrets: Vec<SecretRecord>,
    /// When it was registered.
    #[n(2)]
    pub created: Timestamp,
    /// Owned by `[[clients]]` of the configuration.
    #[n(3)]
    pub managed: bool,
}

/// A secret as stored. It is 256 random bits, so a plain digest gives nothing away.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SecretRecord {
    /// SHA-256 of its text.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// Since when it is good.
    #[n(1)]
    pub created: Timestamp,
}

impl Record for ClientRecord {
    type Key = ClientId;
    const SPACE: &'static str = "clients";
}

/// The stored form of a secret.
pub fn secret_digest(secret: &Secret<String>) -> [u8; 32] {
    sha256(secret.expose().as_bytes())
}

impl ClientRecord {
    /// Whether this is one of its secrets. All are looked at, in constant time.
    pub fn knows(&self, secret: &Secret<String>) -> bool {
        use subtle::{Choice, ConstantTimeEq as _};
        let given = secret_digest(secret);
        let known = self.secrets.iter().map(|known| known.digest.ct_eq(&given));
        known.fold(Choice::from(0), |found, known| found | known).into()
    }

    /// Adds a secret. Beyond [`MOST_SECRETS`] the oldest is good no more.
    pub fn add_secret(&mut self, secret: &Secret<String>, now: Timestamp) {
        self.secrets.push(SecretRecord { digest: secret_digest(secret), created: now });
        let surplus = self.secrets.len().saturating_sub(MOST_SECRETS);
        self.secrets.drain(..surplus);
    }

    /// Whether it is a client that keeps a secret.
    pub fn is_confidential(&self) -> bool {
        self.registration.kind == ClientKind::Confidential
    }
}

/// What making a declared client true did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is new.
    Created,
    /// It was brought into line.
    Changed,
    /// It was so already.
    None,
}

/// Up to `limit` clients behind `after`, by id.
pub fn all_after(
    tx: &impl Reading,
    after: Option<&ClientId>,
    limit: usize,
) -> Result<Vec<(ClientId, ClientRecord)>, StoreError> {
    CLIENTS.range(tx, after, limit)
}

/// Removes a client. What was granted to it is the caller's to end.
pub fn forget(tx: &mut WriteTx, id: &ClientId) -> Result<Option<ClientRecord>, StoreError> {
    CLIENTS.take(tx, id)
}
