//! Who is at the door, and may they pass.
//!
//! **Responsibility.** Cookie values → the person behind them; person and target → a decision; and what owners see of their accounts. The
//! hot path: it reads memory, writes nothing, and does not allocate on the way to a yes.
//!
//! **Invariants.** What is cached is dropped, before a writer is told "done", by the store's change feed; a load that
//! raced with a change is not kept. Memory is bounded by configuration. Nothing here turns an error into a pass.
//!
//! **Not here.** HTTP (`web::vouch`), the rules themselves (`domain::policy`).
//!
//! **Start reading at** [`Gate::recognise`].

mod cache;
mod person;
mod shelf;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::mpsc;

pub use self::{
    cache::CacheSizes,
    person::{Person, Presence, Session},
};
use crate::{
    domain::{
        account::ACCOUNTS,
        audit::Denial,
        directory,
        factor::{self, Dossier},
        policy::{Decision, RuleSet, Subject},
        session::{Lifetimes, Liveness, SESSIONS, SessionFacts, SessionHash},
    },
    store::{Record, Store, StoreError},
    values::{id::AccountId, target::Target, time::Timestamp},
};

/// A use of a session that should be written down by and by.
pub type Touch = (SessionHash, Timestamp);

/// What the gate learns and others write down.
pub struct Learned {
    /// Uses of sessions.
    pub touches: mpsc::Receiver<Touch>,
    /// People turned away.
    pub denials: mpsc::Receiver<Denial>,
}

/// The door itself. One per process.
pub struct Gate {
    store: Store,
    limits: Lifetimes,
    rules: ArcSwap<RuleSet>,
    caches: Arc<cache::Caches>,
    touches: mpsc::Sender<Touch>,
    denials: mpsc::Sender<Denial>,
    told: Mutex<HashMap<(AccountId, String), Timestamp>>,
    epoch: u64,
}

impl Gate {
    /// How many touches may wait; beyond that they are dropped, which costs at most a little idle time.
    pub const TOUCH_QUEUE: usize = 16_384;
    /// How many denials may wait; a flood of them says nothing new.
    const DENIAL_QUEUE: usize = 1024;

    /// Opens the door over a store. What it learns is to be written down by others.
    pub fn new(store: Store, limits: Lifetimes, rules: RuleSet, sizes: &CacheSizes) -> (Self, Learned) {
        let caches = Arc::new(cache::Caches::new(sizes));
        let for_feed = caches.clone();
        store.on_change(move |changes| for_feed.forget(changes));
        let epoch = store.epoch();
        let (touches, touched) = mpsc::channel(Self::TOUCH_QUEUE);
        let (denials, denied) = mpsc::channel(Self::DENIAL_QUEUE);
        let rules = ArcSwap::from_pointee(rules);
        let told = Mutex::default();
        let gate = Self { store, limits, rules, caches, touches, denials, told, epoch };
        (gate, Learned { touches: touched, denials: denied })
    }

    /// Lets the audit trail know that a signed-in person was turned away: once a minute for each person and app.
    pub fn turned_away(&self, denial: Denial) {
        let key = (denial.account, denial.app.clone());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&key).is_some_and(|at| denial.at.since(*at) < DENIAL_INTERVAL) {
            return;
        }
        if told.len() >= MOST_TOLD {
            told.retain(|_, at| denial.at.since(*at) < DENIAL_INTERVAL);
        }
        if told.len() < MOST_TOLD {
            told.insert(key, denial.at);
            // A full queue loses a line of the trail, never a request.
            let _ = self.denials.try_send(denial);
        }
    }

    /// The rules in force.
    pub fn rules(&self) -> Guard<Arc<RuleSet>> {
        self.rules.load()
    }

    /// Puts other rules in force, whole. They hold from the next check on.
    pub fn enforce(&self, rules: RuleSet) {
        self.rules.store(Arc::new(rules));
        // What was prepared from people's facts may have been made under other settings.
        self.caches.forget_people();
    }

    /// Finds out who presents these cookie values (all values of our cookie's name, in any order).
    ///
    /// What is no live session counts as absent (security.md VCH-3). Two different live sessions prove nothing:
    /// one of them may have been planted (VCH-4, DESIGN.md ruling 4).
    pub fn recognise<'v>(
        &self,
        values: impl IntoIterator<Item = &'v [u8]>,
        now: Timestamp,
    ) -> Result<Presence, StoreError> {
        let mut found: Option<(SessionHash, Arc<Session>, Arc<Person>)> = None;
        for (at, value) in values.into_iter().enumerate() {
            if at == MOST_COOKIES {
                // Looking at the first few only would let their order decide.
                return Ok(Presence::Conflicting);
            }
            let Some(hash) = SessionHash::of_cookie(value) else { continue };
            let Some((session, person)) = self.live(&hash, now)? else { continue };
            match &found {
                Some((other, ..)) if *other != hash => return Ok(Presence::Conflicting),
                _ => found = Some((hash, session, person)),
            }
        }
        Ok(match found {
            Some((hash, session, person)) => Presence::Person { hash, session, person },
            None => Presence::Nobody,
        })
    }

    /// Judges a target for whoever is present. `None` when the presence proves nothing because it conflicts or
    /// may open nothing yet; then only rules for everybody can pass, so it is judged as nobody.
    pub fn judge<'r>(
        &self,
        rules: &'r RuleSet,
        presence: &Presence,
        target: &Target,
        client: Option<IpAddr>,
        now: Timestamp,
    ) -> Decision<'r> {
        match presence {
            Presence::Person { session, person, .. } if !session.restricted => {
                let subject = Subject {
                    username: &person.canonical,
                    groups: &person.groups.canonical,
                    second_factor: session.second_factor_age(now),
                };
                rules.decide(Some(&subject), target, client)
            }
            _ => rules.decide(None, target, client),
        }
    }

    /// The facts about a person as the gate sees them; `None` when there is no such account.
    pub fn person(&self, id: AccountId) -> Result<Option<Arc<Person>>, StoreError> {
        self.caches.person(id, || self.load_person(id))
    }

    /// An account as its owner sees it; `None` when there is no such account.
    pub fn dossier(&self, id: AccountId) -> Result<Option<Arc<Dossier>>, StoreError> {
        self.caches.dossier(id, || self.store.read(|tx| Dossier::of(tx, id)))
    }

    fn load_person(&self, id: AccountId) -> Result<Option<Person>, StoreError> {
        self.store.read(|tx| {
            let Some(account) = ACCOUNTS.get(tx, &id)? else { return Ok(None) };
            let groups = self.caches.groups(directory::names_of(tx, &account.groups)?);
            Ok(Some(Person::new(id, &account, groups)))
        })
    }

    /// A session of another epoch is dead (security.md OPS-14), and what is dead is not remembered.
    fn load_session(&self, hash: &SessionHash) -> Result<Option<Session>, StoreError> {
        let found: Option<SessionFacts> = self.store.read(|tx| SESSIONS.glimpse(tx, hash))?;
        let facts = found.filter(|facts| facts.epoch == self.epoch);
        Ok(facts.map(|facts| Session::new(*hash, &facts, self.caches.stripe_of(facts.account))))
    }

    /// How many sessions and people are in memory, for metrics.
    pub fn cached(&self) -> (usize, usize) {
        self.caches.sizes()
    }

    fn live(&self, hash: &SessionHash, now: Timestamp) -> Result<Option<Live>, StoreError> {
        let Some(session) = self.caches.session(hash, || self.load_session(hash))? else { return Ok(None) };
        match self.limits.liveness(now, session.last_seen(), session.ends, session.remembered) {
            Liveness::Live { touch } => {
                if touch {
                    session.seen(now);
                    // A full queue loses a touch, never a request.
                    let _ = self.touches.try_send((*hash, now));
                }
            }
            Liveness::Idle | Liveness::Expired => return Ok(None),
        }
        let Some(person) = self.caches.owner(&session, || self.load_person(session.account))? else {
            return Ok(None);
        };
        Ok(person.may_enter.then_some((session, person)))
    }
}

/// The same person at the same app is reported so often at most.
const DENIAL_INTERVAL: Duration = Duration::from_mins(1);
/// So many people and apps are remembered for that.
const MOST_TOLD: usize = 10_000;

/// A live session and its owner.
type Live = (Arc<Session>, Arc<Person>);

/// More cookies of our name than this prove nothing; browsers never send so many by themselves.
const MOST_COOKIES: usize = 8;

/// The spaces whose changes reach the caches.
const SESSION_SPACE: &str = <crate::domain::session::SessionRecord as Record>::SPACE;
const ACCOUNT_SPACE: &str = <crate::domain::account::AccountRecord as Record>::SPACE;
const FACTORS_SPACE: &str = <factor::FactorsRecord as Record>::SPACE;
const PASSWORD_SPACE: &str = <crate::domain::credential::PasswordRecord as Record>::SPACE;
const GROUP_SPACE: &str = <directory::GroupRecord as Record>::SPACE;

#[cfg(test)]
mod tests;
