//! The record of an authorization, from the code to the last token of its family.

use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq as _;

use crate::{
    crypto::{digest::sha256, text},
    domain::{caller::Strength, client::ClientId},
    store::{Direction, Index, KeyBuf, Reading, Record, StoreError, Table, WriteTx},
    values::{
        id::{AccountId, AuthorizationId, SessionId},
        time::Timestamp,
    },
};

/// So many at a time.
const PAGE: usize = 500;

/// All authorizations, in the order they were made.
pub const AUTHORIZATIONS: Table<AuthorizationRecord> = Table::new();

pub(super) const BY_ACCOUNT: Index<AuthorizationRecord> = Index::ordered("account", |authorization, keys| {
    if let Some(account) = &authorization.account {
        keys.add().id(account.bytes()).text(authorization.client.as_str());
    }
});
pub(super) const BY_SESSION: Index<AuthorizationRecord> = Index::ordered("session", |authorization, keys| {
    if let Some(session) = &authorization.session {
        keys.add().id(session.bytes());
    }
});
pub(super) const BY_CLIENT: Index<AuthorizationRecord> = Index::ordered("client", |authorization, keys| {
    keys.add().text(authorization.client.as_str());
});

/// An authorization as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AuthorizationRecord {
    /// To whom.
    #[n(0)]
    pub client: ClientId,
    /// By whom; `None` when the client acts for itself.
    #[n(1)]
    pub account: Option<AccountId>,
    /// The session it was granted in. Ending that session ends it, unless it was granted to outlive it.
    #[n(2)]
    pub session: Option<SessionId>,
    /// It outlives its session (`offline_access`).
    #[n(3)]
    pub offline: bool,
    /// What for.
    #[n(4)]
    pub scopes: Vec<String>,
    /// How its person had been proven.
    #[n(5)]
    pub strength: Strength,
    /// The client's `nonce`, for the ID token.
    #[n(6)]
    pub nonce: Option<String>,
    /// When it was granted.
    #[n(7)]
    pub created: Timestamp,
    /// When it is over at the latest: then it can be forgotten.
    #[n(8)]
    pub ends: Timestamp,
    /// The store's restore epoch (security.md OPS-14).
    #[n(9)]
    pub epoch: u64,
    /// How far it got.
    #[n(10)]
    pub state: State,
}

/// How far an authorization got.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum State {
    /// Its code is on the way to the client.
    #[n(0)]
    Granted(#[n(0)] Granted),
    /// Tokens were made of it.
    #[n(1)]
    Live(#[n(0)] Live),
}

/// What a code is bound to (security.md OAU-4).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Granted {
    /// Digest of the code.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub code: [u8; 32],
    /// The code's first characters.
    #[n(1)]
    pub short: String,
    /// Where it was sent to.
    #[n(2)]
    pub redirect_uri: String,
    /// Whether the request named that address; then the redemption must name it, too.
    #[n(3)]
    pub redirect_named: bool,
    /// SHA-256 of the verifier (PKCE, RFC 7636).
    #[cbor(n(4), with = "minicbor::bytes")]
    pub challenge: Option<[u8; 32]>,
}

/// What is live of a family.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Live {
    /// Digest of the code it came from.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub code: Option<[u8; 32]>,
    /// The present refresh token, when there is one.
    #[n(1)]
    pub refresh: Option<Leaf>,
}

/// The present refresh token of a family.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Leaf {
    /// Digest of the token.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// Its first characters.
    #[n(1)]
    pub short: String,
    /// When it was made.
    #[n(2)]
    pub issued: Timestamp,
    /// When it is too old to be used.
    #[n(3)]
    pub ends: Timestamp,
}

/// A refresh token to be stored.
#[derive(Clone, Debug)]
pub struct NewLeaf {
    /// Digest of the token.
    pub digest: [u8; 32],
    /// Its first characters.
    pub short: String,
    /// How long it may lie unused.
    pub idle: std::time::Duration,
    /// How long its family lives from the first token on.
    pub absolute: std::time::Duration,
}

impl NewLeaf {
    /// As stored: it never reaches past the end of its family.
    pub(super) fn leaf(&self, now: Timestamp, family_ends: Timestamp) -> Leaf {
        let ends = (now + self.idle).min(family_ends);
        Leaf { digest: self.digest, short: self.short.clone(), issued: now, ends }
    }
}

impl Record for AuthorizationRecord {
    type Key = AuthorizationId;
    const SPACE: &'static str = "authorizations";
    const INDEXES: &'static [Index<Self>] = &[BY_ACCOUNT, BY_SESSION, BY_CLIENT];
}

impl AuthorizationRecord {
    /// Whether it can still be used at all.
    pub fn is_live(&self, now: Timestamp, epoch: u64) -> bool {
        now < self.ends && self.epoch == epoch
    }

    /// Whether this is its present code or refresh token, good or not.
    pub fn holds(&self, digest: &[u8; 32]) -> bool {
        let present = match &self.state {
            State::Granted(granted) => Some(&granted.code),
            State::Live(Live { refresh, .. }) => refresh.as_ref().map(|leaf| &leaf.digest),
        };
        present.is_some_and(|present| present.ct_eq(digest).into())
    }

    /// Whether this is its present refresh token, and that one is good.
    pub fn has_leaf(&self, digest: &[u8; 32], now: Timestamp) -> Option<&Leaf> {
        let State::Live(Live { refresh: Some(leaf), .. }) = &self.state else { return None };
        (bool::from(leaf.digest.ct_eq(digest)) && now < leaf.ends).then_some(leaf)
    }
}

impl Granted {
    /// Whether a redemption proves what the request promised (security.md OAU-6): a verifier exactly when there was a challenge,
    /// of the right grammar, and the right one.
    pub fn is_proven_by(&self, verifier: Option<&str>) -> bool {
        match (&self.challenge, verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                let shape = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
                shape && bool::from(sha256(verifier.as_bytes()).ct_eq(challenge))
            }
            _ => false,
        }
    }
}

/// Reads a `code_challenge` of method `S256`: base64url of a SHA-256, 43 characters.
pub fn challenge_of(text_of_challenge: &str) -> Option<[u8; 32]> {
    text::decode(text_of_challenge)
}

/// Writes a new authorization down.
pub fn grant(tx: &mut WriteTx, id: AuthorizationId, record: &AuthorizationRecord) -> Result<(), StoreError> {
    AUTHORIZATIONS.set(tx, &id, record)
}

/// Whether a session granted anything to a client since then. Looks at the latest first: those before then are not walked.
pub fn was_granted_since(
    tx: &impl Reading,
    session: SessionId,
    client: &ClientId,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let (key, mut after) = (KeyBuf::of(&session), None);
    loop {
        let page =
            AUTHORIZATIONS.list_toward(tx, &BY_SESSION, &key, Direction::Backward, after.as_deref(), PAGE)?;
        for (_, granted) in &page.items {
            // Their ids are made in order of time.
            if granted.created < since {
                return Ok(false);
            }
            if granted.client == *client {
                return Ok(true);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(false);
        }
    }
}

/// The authorizations of an account, those of one client if asked, at most `limit`.
pub fn all_of_account(
    tx: &impl Reading,
    account: AccountId,
    client: Option<&ClientId>,
    limit: usize,
) -> Result<Vec<(AuthorizationId, AuthorizationRecord)>, StoreError> {
    let mut prefix = KeyBuf::of(&account);
    if let Some(client) = client {
        prefix.text(client.as_str());
    }
    Ok(AUTHORIZATIONS.list(tx, &BY_ACCOUNT, &prefix, None, limit)?.items)
}
