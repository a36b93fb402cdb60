//! Stored sessions: beginning, touching, ending, sweeping.

use minicbor::{Decode, Encode};

use super::{
    key::SessionHash,
    lifetimes::{Lifetimes, Liveness},
};
use crate::{
    domain::{call::Call, caller::Strength, token},
    store::{Glimpse, Index, KeyBuf, Reading, Record, StoreError, Table, WriteTx},
    values::{
        id::{AccountId, SessionId},
        time::Timestamp,
    },
};

/// All sessions, by birth second and hash.
pub const SESSIONS: Table<SessionRecord> = Table::new();

const BY_ACCOUNT: Index<SessionRecord> = Index::ordered("account", |session, keys| {
    keys.add().id(session.account.bytes());
});

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SessionRecord {
    /// What logs and lists call it.
    #[n(0)]
    pub id: SessionId,
    /// Whose it is.
    #[n(1)]
    pub account: AccountId,
    /// When it began.
    #[n(2)]
    pub created: Timestamp,
    /// Its last written use.
    #[n(3)]
    pub last_seen: Timestamp,
    /// When it is over at the latest.
    #[n(4)]
    pub ends: Timestamp,
    /// Whether its owner asked to be remembered.
    #[n(5)]
    pub remembered: bool,
    /// How its owner was proven.
    #[n(6)]
    pub strength: Strength,
    /// The client's address at sign-in.
    #[n(7)]
    pub client: Option<String>,
    /// The `User-Agent` at sign-in.
    #[n(8)]
    pub agent: String,
    /// The store's restore epoch at sign-in; a session of an earlier epoch is dead (security.md OPS-14).
    #[n(9)]
    pub epoch: u64,
    /// It opens nothing but the page where the password is replaced, because somebody else set it (security.md PWD-8).
    #[n(10)]
    pub restricted: bool,
}

impl SessionRecord {
    /// Whether its time is over, it was not used for too long, or an older store was restored since.
    fn is_over(&self, limits: &Lifetimes, now: Timestamp, epoch: u64) -> bool {
        let live = limits.liveness(now, self.last_seen, self.ends, self.remembered);
        self.epoch < epoch || !matches!(live, Liveness::Live { .. })
    }
}

impl Record for SessionRecord {
    type Key = SessionHash;
    const SPACE: &'static str = "sessions";
    const INDEXES: &'static [Index<Self>] = &[BY_ACCOUNT];
}

/// What a check needs of a session: everything but the texts of its sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Decode)]
pub struct SessionFacts {
    /// See [`SessionRecord::id`].
    #[n(0)]
    pub id: SessionId,
    /// See [`SessionRecord::account`].
    #[n(1)]
    pub account: AccountId,
    /// See [`SessionRecord::created`].
    #[n(2)]
    pub created: Timestamp,
    /// See [`SessionRecord::last_seen`].
    #[n(3)]
    pub last_seen: Timestamp,
    /// See [`SessionRecord::ends`].
    #[n(4)]
    pub ends: Timestamp,
    /// See [`SessionRecord::remembered`].
    #[n(5)]
    pub remembered: bool,
    /// See [`SessionRecord::strength`].
    #[n(6)]
    pub strength: Strength,
    /// See [`SessionRecord::epoch`].
    #[n(9)]
    pub epoch: u64,
    /// See [`SessionRecord::restricted`].
    #[n(10)]
    pub restricted: bool,
}

impl From<SessionRecord> for SessionFacts {
    fn from(record: SessionRecord) -> Self {
        let SessionRecord {
            id,
            account,
            created,
            last_seen,
            ends,
            remembered,
            strength,
            epoch,
            restricted,
            ..
        } = record;
        Self { id, account, created, last_seen, ends, remembered, strength, epoch, restricted }
    }
}

impl Glimpse<SessionRecord> for SessionFacts {}

/// What a new session is made of.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of its key.
    pub hash: SessionHash,
    /// Its public name.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// How its owner was proven.
    pub strength: Strength,
    /// Whether its owner asked to be remembered.
    pub remembered: bool,
    /// The session this browser had until now. It ends in the same transaction, whoever it belonged to
    /// (security.md SES-2, SES-14).
    pub replaces: Option<SessionHash>,
    /// See [`SessionRecord::restricted`].
    pub restricted: bool,
}

/// What beginning a session did.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The new session.
    pub session: SessionRecord,
    /// How many of the person's oldest sessions made room.
    pub evicted: usize,
}

/// Begins a session, ending the one it replaces and the person's oldest ones beyond the cap.
pub fn begin(
    tx: &mut WriteTx,
    new: &NewSession,
    call: &Call,
    limits: &Lifetimes,
    epoch: u64,
) -> Result<Begun, StoreError> {
    if let Some(old) = &new.replaces
        && let Some(old) = SESSIONS.take(tx, old)?
    {
        // What OAuth clients were granted goes on with the same person and ends with another (SES-14).
        if old.account == new.account {
            token::move_session(tx, old.id, new.id)?;
        } else {
            token::end_of_session(tx, old.id)?;
        }
    }
    let evicted = make_room(tx, new.account, limits.per_person.saturating_sub(1))?;
    let remembered = new.remembered && limits.offers_remembering();
    let session = SessionRecord {
        id: new.id,
        account: new.account,
        created: call.now,
        last_seen: call.now,
        ends: limits.end_of(call.now, remembered),
        remembered,
        strength: new.strength.clone(),
        client: call.client.map(|client| client.to_string()),
        agent: call.agent.to_string(),
        epoch,
        restricted: new.restricted,
    };
    SESSIONS.set(tx, &new.hash, &session)?;
    Ok(Begun { session, evicted })
}

/// Gives a live session another key and a greater strength; the old key is dead in the same transaction (security.md SES-2). Its
/// limits stay: who proves more is not to stay longer.
pub fn raise(
    tx: &mut WriteTx,
    old: &SessionHash,
    session: SessionRecord,
    (hash, id): (SessionHash, SessionId),
    strength: Strength,
    now: Timestamp,
) -> Result<SessionRecord, StoreError> {
    SESSIONS.take(tx, old)?;
    token::move_session(tx, session.id, id)?;
    let raised = SessionRecord { id, strength, last_seen: session.last_seen.max(now), ..session };
    SESSIONS.set(tx, &hash, &raised)?;
    Ok(raised)
}

/// Gives a live session another key because what it was restricted for is done. As with [`raise`], it does not live longer for that.
pub fn widen(
    tx: &mut WriteTx,
    old: &SessionHash,
    session: SessionRecord,
    name: (SessionHash, SessionId),
    restricted: bool,
    now: Timestamp,
) -> Result<SessionRecord, StoreError> {
    let strength = session.strength.clone();
    raise(tx, old, SessionRecord { restricted, ..session }, name, strength, now)
}

/// Ends one session, and with it what OAuth clients were granted in it. Returns it when it was there.
pub fn end(tx: &mut WriteTx, hash: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
    let ended = SESSIONS.take(tx, hash)?;
    if let Some(session) = &ended {
        token::end_of_session(tx, session.id)?;
    }
    Ok(ended)
}

/// Ends all sessions of an account, except one if asked, and all tokens of OAuth clients that act for it (security.md SES-9).
/// Returns how many sessions ended.
pub fn end_all(
    tx: &mut WriteTx,
    account: AccountId,
    except: Option<&SessionHash>,
) -> Result<usize, StoreError> {
    token::end_of_account(tx, account)?;
    let mut ended = 0;
    for (hash, _) in of_account(tx, account)? {
        if Some(&hash) != except {
            SESSIONS.take(tx, &hash)?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// The sessions of an account, oldest first. Dead ones that are not swept yet are among them.
pub fn of_account(
    tx: &impl Reading,
    account: AccountId,
) -> Result<Vec<(SessionHash, SessionRecord)>, StoreError> {
    let prefix = KeyBuf::of(&account);
    Ok(SESSIONS.list(tx, &BY_ACCOUNT, &prefix, None, MOST_PER_PERSON)?.items)
}

/// Whether an account's session of this name is there and not over, at this very moment: what stands on it must not live until the sweep
/// comes by (security.md SES-8). Asking is no use of the session and makes it last no longer.
pub fn is_alive(
    tx: &impl Reading,
    account: AccountId,
    id: SessionId,
    limits: &Lifetimes,
    now: Timestamp,
    epoch: u64,
) -> Result<bool, StoreError> {
    let sessions = of_account(tx, account)?;
    Ok(sessions.iter().any(|(_, session)| session.id == id && !session.is_over(limits, now, epoch)))
}

/// Writes down a later use of a session that is still there.
pub fn touch(tx: &mut WriteTx, hash: &SessionHash, at: Timestamp) -> Result<(), StoreError> {
    SESSIONS.update(tx, hash, |session| {
        let later = session.last_seen < at;
        session.last_seen = session.last_seen.max(at);
        later
    })
}

/// Looks at up to `limit` sessions after `cursor` and ends the dead: nobody can sign out of them any more, so what OAuth clients were
/// granted in them ends here (security.md OAU-10). Returns the next cursor, `None` at the end, and how many there were.
pub fn sweep(
    tx: &mut WriteTx,
    cursor: Option<SessionHash>,
    limit: usize,
    now: Timestamp,
    limits: &Lifetimes,
    epoch: u64,
) -> Result<(Option<SessionHash>, usize), StoreError> {
    let rows = SESSIONS.range(tx, cursor.as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(hash, _)| *hash) };
    let mut removed = 0;
    for (hash, session) in &rows {
        if session.is_over(limits, now, epoch) {
            end(tx, hash)?;
            removed += 1;
        }
    }
    Ok((next, removed))
}

/// More sessions of one person than this are not listed; the configured cap lies far below.
const MOST_PER_PERSON: usize = 10_000;

/// Ends the oldest sessions beyond those to keep, with all that was granted in them. Returns how many.
fn make_room(tx: &mut WriteTx, account: AccountId, keep: usize) -> Result<usize, StoreError> {
    let sessions = of_account(tx, account)?;
    let surplus = sessions.len().saturating_sub(keep);
    for (hash, _) in sessions.iter().take(surplus) {
        end(tx, hash)?;
    }
    Ok(surplus)
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{AccountId, SessionFacts, SessionId, SessionRecord, Strength, Timestamp};
    use crate::{
        domain::caller::Factor,
        store::{decode_body, encode, golden::check},
    };

    /// Proves: OPS-15, SES-11
    #[test]
    fn sessions() {
        let created = Timestamp::from_millis(1_800_000_000_123);
        let session = SessionRecord {
            id: SessionId::from_bytes([1; 16]),
            account: AccountId::from_bytes([2; 16]),
            created,
            last_seen: Timestamp::from_millis(1_800_000_060_000),
            ends: Timestamp::from_millis(1_800_086_400_123),
            remembered: true,
            strength: Strength::of(Factor::Password, created),
            client: Some("192.0.2.7".to_owned()),
            agent: "Firefox".to_owned(),
            epoch: 3,
            restricted: false,
        };
        check("src/domain/session/golden/session.v1.hex", &session);
        let bare = SessionRecord { client: None, agent: String::new(), restricted: true, ..session.clone() };
        check("src/domain/session/golden/restricted.v1.hex", &bare);
        for record in [session, bare] {
            let body = encode(&record).unwrap();
            assert_eq!(decode_body(&body[1..]), Ok(SessionFacts::from(record)));
        }
    }
}
