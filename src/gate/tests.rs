//! The door over a store, without anything around it.

use std::{sync::Arc, time::Duration};

use super::{CacheSizes, Gate, Presence, Touch};
use crate::{
    domain::{
        account::{self, AccountRecord, NewAccount},
        call::{Call, RequestId},
        caller::{Factor, Strength},
        credential, directory,
        factor::{self, Channel},
        policy::{Access, App, Declared, Outcome, PathRule, Rule, RuleSet},
        session::{self, Lifetimes, NewSession, SessionKey},
    },
    store::Store,
    values::{
        id::{AccountId, SessionId},
        name::Username,
        pattern::HostPattern,
        random::Random,
        target::Target,
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
        self.begin_with(number, epoch, Strength::of(Factor::Password, at(0)))
    }

    fn begin_with(&self, number: u8, epoch: u64, strength: Strength) -> SessionKey {
        let key = SessionKey::mint(at(0), Random::new([number; 32]));
        let new = NewSession {
            hash: key.hash(),
            id: SessionId::mint(at(0), Random::new([number; 10])),
            account: alice(),
            strength,
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

    /// What becomes of a request for a path at some moment.
    fn judged(&self, key: &SessionKey, path: &str, now: Timestamp) -> Outcome {
        let text = key.text();
        let presence = self.gate.recognise([text.as_bytes()], now).unwrap();
        let target = Target::parse_url("GET", &format!("https://app.example.com{path}")).unwrap();
        self.gate.judge(&self.gate.rules(), &presence, &target, None, now).outcome
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

/// `/admin` of an app asks for a second factor of the last fifteen minutes, the rest for any.
fn limited() -> RuleSet {
    let admin = Rule {
        paths: vec![PathRule::Prefix("/admin".to_owned())],
        within: Some(Duration::from_mins(15)),
        ..Rule::new(Access::SecondFactor)
    };
    let app = App {
        hosts: vec![HostPattern::parse("app.example.com").unwrap()],
        rules: vec![admin, Rule::new(Access::SecondFactor)],
        ..App::new("app")
    };
    RuleSet::compile(Declared { apps: vec![app], ..Declared::default() }).unwrap()
}

/// What is remembered of a session is when its factor was given, never that it was fresh once; and its use makes it no fresher.
///
/// Proves: SES-11, VCH-14
#[test]
fn a_second_factor_grows_too_old_for_a_rule_between_two_checks() {
    let porch = porch(&CacheSizes::default());
    porch.gate.enforce(limited());
    let strength = Strength::of(Factor::Password, at(0)).and(Factor::Totp, at(100));
    let key = porch.begin_with(1, porch.store.epoch(), strength);
    let pass = Outcome::Pass { anonymous: false };
    // Asked every minute, so that it is in memory and in use all the time.
    for second in (100..=1000).step_by(60) {
        assert_eq!(porch.judged(&key, "/admin", at(second)), pass, "{second}");
    }
    assert_eq!(porch.gate.cached(), (1, 1));
    for second in [1001, 1002, 1060, 3000] {
        assert_eq!(porch.judged(&key, "/admin", at(second)), Outcome::SecondFactor, "{second}");
        assert_eq!(porch.judged(&key, "/", at(second)), pass, "{second}");
    }
}

/// The age is that of the last second factor, not of the last proof, and a trusted device is no younger than what it stands for.
///
/// Proves: SES-11
#[test]
fn a_password_or_a_trusted_device_makes_no_second_factor_fresh() {
    let porch = porch(&CacheSizes::default());
    porch.gate.enforce(limited());
    let epoch = porch.store.epoch();
    let given =
        |factor, since| Strength::of(factor, at(0)).and(Factor::Password, at(2000)).and(factor, since);
    let pass = Outcome::Pass { anonymous: false };
    for (number, factor) in (0..).zip([Factor::Totp, Factor::TrustedDevice]) {
        let stale = porch.begin_with(2 * number, epoch, given(factor, at(1000)));
        assert_eq!(porch.judged(&stale, "/admin", at(2000)), Outcome::SecondFactor, "{factor:?}");
        assert_eq!(porch.judged(&stale, "/", at(2000)), pass, "{factor:?}");
        let fresh = porch.begin_with(2 * number + 1, epoch, given(factor, at(1200)));
        assert_eq!(porch.judged(&fresh, "/admin", at(2000)), pass, "{factor:?}");
    }
    let alone = porch.begin_with(9, epoch, Strength::of(Factor::Password, at(2000)));
    assert_eq!(porch.judged(&alone, "/admin", at(2000)), Outcome::SecondFactor);
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

/// Whatever of it changes, what was remembered is gone before the change is answered as done. Who the person is, which every check looks
/// at, stays remembered when only what they sign in with changes.
///
/// Proves: VCH-14
#[test]
fn an_account_is_remembered_for_its_owner_until_any_of_it_changes() {
    let porch = porch(&CacheSizes::default());
    let seen = || porch.gate.dossier(alice()).unwrap().unwrap();
    let person = || porch.gate.person(alice()).unwrap().unwrap();
    assert!(!seen().has_password);
    assert!(Arc::ptr_eq(&seen(), &seen()), "remembered");
    let before = person();
    let hash = crate::crypto::password::Hash::parse(
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    )
    .unwrap();
    porch.store.write_blocking(move |tx| credential::set_password(tx, alice(), &hash, at(1), false)).unwrap();
    assert!(seen().has_password);
    let change = |edit: fn(&mut AccountRecord)| {
        let changed = move |tx: &mut _| {
            let old = account::ACCOUNTS.get(tx, &alice())?.unwrap();
            let mut new = old.clone();
            edit(&mut new);
            account::readdress(tx, alice(), &old, &new, at(2))
        };
        porch.store.write_blocking(changed).unwrap();
    };
    let address = "alice@example.org";
    let proven = Some(factor::AddressFactor { address: address.to_owned(), since: at(2) });
    let set = move |tx: &mut _| factor::set_address(tx, alice(), Channel::Email, proven.clone()).map(|_| ());
    porch.store.write_blocking(set).unwrap();
    assert_eq!(seen().held.email, None, "an address that the account has not");
    assert!(Arc::ptr_eq(&before, &person()), "nothing of this is in a person's facts");
    change(|account| {
        account.email = Some("alice@example.org".to_owned());
        account.email_canonical.clone_from(&account.email);
    });
    assert_eq!((seen().email.as_deref(), seen().held.email), (Some(address), Some(at(2))));
    change(|account| account.display_name = "Alice A.".to_owned());
    assert_eq!((&*seen().display_name, &person().display_name[..]), ("Alice A.", &b"Alice A."[..]));
    porch.store.write_blocking(|tx| factor::forget(tx, alice()).map(|_| ())).unwrap();
    assert_eq!(seen().held.email, None);
    porch.store.write_blocking(|tx| credential::forget(tx, alice())).unwrap();
    assert!(!seen().has_password);
    porch.store.write_blocking(|tx| account::remove(tx, alice(), at(3)).map(|_| ())).unwrap();
    assert!(porch.gate.dossier(alice()).unwrap().is_none());
}
