//! What the gate keeps in memory of a session and of its owner.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use super::shelf::Keyed;
use crate::{
    domain::{
        account::AccountRecord,
        caller::{Caller, Level, ProvenFactor, Strength},
        directory::GroupNames,
        factor::Dossier,
        session::{SessionFacts, SessionHash},
    },
    values::{
        id::{AccountId, SessionId},
        time::Timestamp,
    },
};

/// A session as the check needs it. Kept small: a hundred thousand of these are in memory.
#[derive(Debug)]
pub struct Session {
    /// What it is stored under.
    pub hash: SessionHash,
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
    /// The stripe of [`account`](Self::account), which is looked at in every check.
    pub(super) stripe: u8,
    proofs: Proofs,
    /// When a second factor was given most recently; means something at [`Level::SecondFactor`] only.
    second_given: Timestamp,
    last_seen: AtomicU64,
    owner: Mutex<Option<Link>>,
}

/// The owner as last looked up, and the version of the owner's stripe before that. It holds nobody in memory whom the cache has let go.
type Link = (u64, Weak<Person>);

/// How the owner was proven; nearly always by one thing, which needs no allocation.
#[derive(Debug)]
enum Proofs {
    One(ProvenFactor),
    Other(Box<[ProvenFactor]>),
}

impl Session {
    pub(super) fn new(hash: SessionHash, facts: &SessionFacts, stripe: u8) -> Self {
        let proofs = match facts.strength.proofs.as_slice() {
            [one] => Proofs::One(*one),
            other => Proofs::Other(other.into()),
        };
        Self {
            hash,
            id: facts.id,
            account: facts.account,
            created: facts.created,
            ends: facts.ends,
            remembered: facts.remembered,
            restricted: facts.restricted,
            level: facts.strength.level(),
            stripe,
            proofs,
            second_given: facts.strength.second_proof().unwrap_or_default(),
            last_seen: AtomicU64::new(facts.last_seen.millis()),
            owner: Mutex::new(None),
        }
    }

    /// Its last known use.
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    pub(super) fn seen(&self, at: Timestamp) {
        self.last_seen.fetch_max(at.millis(), Ordering::Relaxed);
    }

    /// How long ago a second factor was given; `None` when the session has none. Reckoned anew in every check: what is remembered is the
    /// moment, never the age.
    pub fn second_factor_age(&self, now: Timestamp) -> Option<Duration> {
        (self.level == Level::SecondFactor).then(|| now.since(self.second_given))
    }

    /// How its owner was proven.
    pub fn strength(&self) -> Strength {
        let proofs = match &self.proofs {
            Proofs::One(one) => vec![*one],
            Proofs::Other(other) => other.to_vec(),
        };
        Strength { proofs }
    }

    /// Its owner as an actor.
    pub fn caller(&self) -> Caller {
        Caller::Person { account: self.account, session: self.id, strength: self.strength() }
    }

    /// The owner, when remembered at this version.
    pub(super) fn owner(&self, version: u64) -> Option<Arc<Person>> {
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        owner.as_ref().filter(|(then, _)| *then == version).and_then(|(_, owner)| owner.upgrade())
    }

    pub(super) fn remember_owner(&self, version: u64, owner: &Arc<Person>) {
        let link = Some((version, Arc::downgrade(owner)));
        let old = std::mem::replace(&mut *self.owner.lock().unwrap_or_else(PoisonError::into_inner), link);
        drop(old);
    }
}

impl Keyed for Session {
    type Key = SessionHash;

    fn key(&self) -> &SessionHash {
        &self.hash
    }
}

/// A person as rules and identity headers need them, ready to be copied into an answer. The texts are slices of one piece of memory,
/// because most people's facts are not in the processor's cache when they are needed.
#[derive(Debug)]
pub struct Person {
    /// The account.
    pub id: AccountId,
    /// The user name as typed.
    pub username: Bytes,
    /// What people call the person.
    pub display_name: Bytes,
    /// The e-mail address, empty when there is none.
    pub email: Bytes,
    /// Group names joined by commas; a group name cannot hold one.
    pub groups_joined: Bytes,
    /// The account's id as text.
    pub id_text: Bytes,
    /// The user name as rules compare it.
    pub canonical: Box<str>,
    /// The names of the person's groups.
    pub groups: Arc<GroupNames>,
    /// Whether the account's status lets its sessions live.
    pub may_enter: bool,
}

impl Person {
    pub(super) fn new(id: AccountId, record: &AccountRecord, groups: Arc<GroupNames>) -> Self {
        let id_text = id.to_string();
        let joined = groups.typed.join(",");
        let email = record.email.as_deref().unwrap_or_default();
        let parts = [&record.username, &record.display_name, email, &joined, &id_text];
        let mut whole = Bytes::from(parts.concat().into_boxed_str().into_boxed_bytes());
        let [username, display_name, email, groups_joined, id_text] =
            parts.map(|part| if part.is_empty() { Bytes::new() } else { whole.split_to(part.len()) });
        Self {
            id,
            username,
            display_name,
            email,
            groups_joined,
            id_text,
            canonical: record.canonical.as_str().into(),
            groups,
            may_enter: record.status.hindrance().is_none(),
        }
    }
}

impl Keyed for Person {
    type Key = AccountId;

    fn key(&self) -> &AccountId {
        &self.id
    }
}

impl Keyed for Dossier {
    type Key = AccountId;

    fn key(&self) -> &AccountId {
        &self.id
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
