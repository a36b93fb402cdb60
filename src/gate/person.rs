//! What the gate keeps in memory of a session and of its owner.

use std::{
    any::Any,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use crate::{
    domain::{
        account::AccountRecord,
        caller::{Caller, Level, Strength},
        directory::GroupNames,
        session::{SessionHash, SessionRecord},
    },
    values::{
        id::{AccountId, SessionId},
        time::Timestamp,
    },
};

/// A session as the check needs it. Kept small: a hundred thousand of these are in memory.
#[derive(Debug)]
pub struct Session {
    /// Its public name.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// When it began.
    pub created: Timestamp,
    /// When it is over at the latest.
    pub ends: Timestamp,
    /// Whether the idle limit is lifted.
    pub remembered: bool,
    /// It opens nothing but the change-password page.
    pub restricted: bool,
    /// How far it reaches.
    pub level: Level,
    /// How its owner was proven.
    pub strength: Strength,
    pub(super) epoch: u64,
    last_seen: AtomicU64,
}

impl Session {
    pub(super) fn new(record: &SessionRecord) -> Self {
        Self {
            id: record.id,
            account: record.account,
            created: record.created,
            ends: record.ends,
            remembered: record.remembered,
            restricted: record.restricted,
            level: record.strength.level(),
            strength: record.strength.clone(),
            epoch: record.epoch,
            last_seen: AtomicU64::new(record.last_seen.millis()),
        }
    }

    /// Its last known use.
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    pub(super) fn seen(&self, at: Timestamp) {
        self.last_seen.fetch_max(at.millis(), Ordering::Relaxed);
    }

    /// Its owner as an actor.
    pub fn caller(&self) -> Caller {
        Caller::Person { account: self.account, session: self.id, strength: self.strength.clone() }
    }
}

/// A person as rules and identity headers need them, ready to be copied into an answer.
#[derive(Debug)]
pub struct Person {
    /// The account.
    pub id: AccountId,
    /// The user name as typed.
    pub username: Bytes,
    /// The user name as rules compare it.
    pub canonical: String,
    /// What people call the person.
    pub display_name: Bytes,
    /// The e-mail address, empty when there is none.
    pub email: Bytes,
    /// Group names as typed, sorted.
    pub groups: Vec<String>,
    /// Group names as rules compare them, sorted.
    pub group_keys: Vec<String>,
    /// Group names joined by commas; a group name cannot hold one.
    pub groups_joined: Bytes,
    /// The account's id as text.
    pub id_text: Bytes,
    /// Whether the account's status lets its sessions live.
    pub may_enter: bool,
    /// Room for whoever answers checks to keep what it made of these facts; it goes when they change.
    pub prepared: OnceLock<Prepared>,
}

/// Something made from a person's facts, known only to its maker.
pub type Prepared = Box<dyn Any + Send + Sync>;

impl Person {
    pub(super) fn new(id: AccountId, record: &AccountRecord, groups: GroupNames) -> Self {
        Self {
            id,
            username: Bytes::from(record.username.clone()),
            canonical: record.canonical.clone(),
            display_name: Bytes::from(record.display_name.clone()),
            email: Bytes::from(record.email.clone().unwrap_or_default()),
            groups_joined: Bytes::from(groups.typed.join(",")),
            groups: groups.typed,
            group_keys: groups.canonical,
            id_text: Bytes::from(id.to_string()),
            may_enter: record.status.hindrance().is_none(),
            prepared: OnceLock::new(),
        }
    }
}

/// Who presents a set of cookies.
#[derive(Clone, Debug)]
pub enum Presence {
    /// No live session.
    Nobody,
    /// Two different live sessions, or far too many cookies at once: nobody, and the cookies should go.
    Conflicting,
    /// A person with a live session.
    Person {
        /// The key the session is stored under.
        hash: SessionHash,
        /// The session.
        session: Arc<Session>,
        /// Its owner.
        person: Arc<Person>,
    },
}

impl Presence {
    /// The actor this presence stands for.
    pub fn caller(&self) -> Caller {
        match self {
            Self::Person { session, .. } => session.caller(),
            Self::Nobody | Self::Conflicting => Caller::Nobody,
        }
    }
}
