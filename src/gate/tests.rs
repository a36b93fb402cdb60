//! The door over a store, without anything around it.

use std::time::Duration;

use super::{CacheSizes, Gate, Presence, Touch};
use crate::{
    domain::{
        account::{self, NewAccount},
        call::{Call, RequestId},
        caller::{Factor, Strength},
        directory,
        policy::RuleSet,
        session::{self, Lifetimes, NewSession, SessionKey},
    },
    store::Store,
    values::{
        id::{AccountId, SessionId},
        name::Username,
        random::Random,
        time::Timestamp,
    },
};

struct Porch {
    store: Store,
    gate: Gate,
    touches: tokio::sync::mpsc::Receiver<Touch>,
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

fn porch(sizes: &CacheSizes) -> Porch {
    let store = Store::in_memory();
    let chance = [1, 2, 3].map(|byte| Random::new([byte; 10]));
    let home = store.write_blocking(move |tx| directory::found(tx, at(0), chance)).unwrap();
    store
        .write_blocking(move |tx| {
            let new = NewAccount {
                username: Username::parse("alice").unwrap(),
                display_name: None,
                email: None,
                mobile: None,
                groups: Vec::new(),
                managed: false,
            };
            account::create(tx, home, alice(), &new, at(0)).map(|_| ())
        })
        .unwrap();
    let (gate, learned) = Gate::new(store.clone(), Lifetimes::default(), RuleSet::default(), sizes);
    Porch { store, gate, touches: learned.touches }
}

fn alice() -> AccountId {
    AccountId::mint(at(0), Random::new([7; 10]))
}

impl Porch {
    fn begin(&self, number: u8, epoch: u64) -> SessionKey {
        let key = SessionKey::mint(at(0), Random::new([number; 32]));
        let new = NewSession {
            hash: key.hash(),
            id: SessionId::mint(at(0), Random::new([number; 10])),
            account: alice(),
            strength: Strength::of(Factor::Password, at(0)),
            remembered: false,
            replaces: None,
            restricted: false,
        };
        let limits = Lifetimes { per_person: 1000, ..Lifetimes::default() };
        let call = Call::inside(at(0), RequestId::new("test"));
        self.store
            .write_blocking(move |tx| session::begin(tx, &new, &call, &limits, epoch).map(|_| ()))
            .unwrap();
        key
    }

    fn knows(&self, key: &SessionKey, now: Timestamp) -> bool {
        let text = key.text();
        matches!(self.gate.recognise([text.as_bytes()], now).unwrap(), Presence::Person { .. })
    }
}

/// Memory follows the configured bound, not the number of sessions.
#[test]
fn the_cache_stays_within_its_bound_and_all_are_still_known() {
    let porch = porch(&CacheSizes { sessions: 16, people: 4 });
    let keys: Vec<SessionKey> = (0..200).map(|number| porch.begin(number, porch.store.epoch())).collect();
    for _ in 0..2 {
        assert!(keys.iter().all(|key| porch.knows(key, at(1))));
        let (sessions, people) = porch.gate.cached();
        assert!(sessions <= 16 && people <= 4, "{sessions} sessions, {people} people");
    }
}

/// Proves: VCH-18, SES-8
#[test]
fn uses_are_noted_once_a_minute_and_only_of_live_sessions() {
    let mut porch = porch(&CacheSizes::default());
    let key = porch.begin(1, porch.store.epoch());
    for second in 0..=180 {
        assert!(porch.knows(&key, at(second)));
    }
    let mut noted =
        || std::iter::from_fn(|| porch.touches.try_recv().ok()).map(|(_, at)| at).collect::<Vec<_>>();
    assert_eq!(noted(), [at(60), at(120), at(180)]);
    assert!(!porch.knows(&key, at(180 + 3600)));
    assert!(porch.touches.try_recv().is_err(), "a dead session is not touched");
    // A clock that steps back makes no session younger than its last use.
    assert!(porch.knows(&key, at(100)));
    assert!(porch.knows(&key, at(180 + 3599)));
    assert!(!porch.knows(&key, at(180 + 3599 + 3600) + Duration::from_millis(1)));
}

/// Proves: OPS-14
#[test]
fn a_session_of_another_epoch_is_dead() {
    let porch = porch(&CacheSizes::default());
    let epoch = porch.store.epoch();
    assert!(porch.knows(&porch.begin(1, epoch), at(1)));
    assert!(!porch.knows(&porch.begin(2, epoch + 1), at(1)));
    assert!(!porch.knows(&porch.begin(3, epoch.wrapping_sub(1)), at(1)));
}

/// Proves: VCH-1
#[test]
fn a_session_without_its_person_is_nobodys() {
    let porch = porch(&CacheSizes::default());
    let key = porch.begin(1, porch.store.epoch());
    assert!(porch.knows(&key, at(1)));
    porch.store.write_blocking(|tx| account::remove(tx, alice(), at(1)).map(|_| ())).unwrap();
    assert!(!porch.knows(&key, at(2)), "cached a moment ago");
}
