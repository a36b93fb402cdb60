//! Stored access tokens. A record says everything that introspection needs, so that one read answers it.

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::text::AccessHash;
use crate::{
    domain::client::ClientId,
    store::{Index, KeyBuf, Reading, Record, StoreError, Table, WriteTx},
    values::{
        id::{AccountId, AuthorizationId},
        time::Timestamp,
    },
};

/// All access tokens, by birth second and digest.
pub const ACCESS: Table<AccessRecord> = Table::new();

pub(super) const BY_AUTHORIZATION: Index<AccessRecord> = Index::ordered("authorization", |token, keys| {
    keys.add().id(token.authorization.bytes());
});

/// An access token as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AccessRecord {
    /// The family it belongs to.
    #[n(0)]
    pub authorization: AuthorizationId,
    /// Whose token it is.
    #[n(1)]
    pub client: ClientId,
    /// For whom it acts; `None` for the client itself.
    #[n(2)]
    pub account: Option<AccountId>,
    /// What for.
    #[n(3)]
    pub scopes: Vec<String>,
    /// When it was made.
    #[n(4)]
    pub created: Timestamp,
    /// When it is over.
    #[n(5)]
    pub expires: Timestamp,
    /// The store's restore epoch (security.md OPS-14).
    #[n(6)]
    pub epoch: u64,
    /// Its first characters.
    #[n(7)]
    pub short: String,
}

impl Record for AccessRecord {
    type Key = AccessHash;
    const SPACE: &'static str = "access-tokens";
    const INDEXES: &'static [Index<Self>] = &[BY_AUTHORIZATION];
}

impl AccessRecord {
    /// Whether it opens anything.
    pub fn is_live(&self, now: Timestamp, epoch: u64) -> bool {
        now < self.expires && self.epoch == epoch
    }
}

/// An access token to be stored.
#[derive(Clone, Debug)]
pub struct NewAccess {
    /// The hash of the token.
    pub hash: AccessHash,
    /// Its first characters.
    pub short: String,
    /// How long it is good for.
    pub lifetime: Duration,
}

/// Writes a token of a family down.
pub fn issue(
    tx: &mut WriteTx,
    authorization: AuthorizationId,
    of: &super::AuthorizationRecord,
    scopes: &[String],
    new: &NewAccess,
    now: Timestamp,
) -> Result<(), StoreError> {
    let record = AccessRecord {
        authorization,
        client: of.client.clone(),
        account: of.account,
        scopes: scopes.to_vec(),
        created: now,
        expires: now + new.lifetime,
        epoch: of.epoch,
        short: new.short.clone(),
    };
    ACCESS.set(tx, &new.hash, &record)
}

/// The access tokens of a family, at most `limit`.
pub fn access_of(
    tx: &impl Reading,
    authorization: AuthorizationId,
    limit: usize,
) -> Result<Vec<(AccessHash, AccessRecord)>, StoreError> {
    Ok(ACCESS.list(tx, &BY_AUTHORIZATION, &KeyBuf::of(&authorization), None, limit)?.items)
}
