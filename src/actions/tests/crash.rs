//! What survives of signing in and out: real attempts, several at once, on a disk that fails, with a ledger kept outside of it.
//!
//! `VOUCHSAFE_FAULT_SEEDS=10000 cargo test --lib actions::tests::crash` runs that many seeds instead of a few;
//! `VOUCHSAFE_FAULT_FIRST` sets the first one, to have a failure again.

mod ledger;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::{Arc, LazyLock},
    time::Duration,
};

use tokio::{runtime::Runtime, task::JoinSet};

use self::ledger::{Fate, Ledger, verify};
use crate::{
    actions::{
        hashing,
        login::{Attempt, SignInOutcome},
        testing::{Desk, PASSWORD, Plan, WRONG, attempt},
    },
    crypto::password::Params,
    domain::{
        call::Call,
        caller::{Caller, Factor, Strength},
        fault::{Fault, Reason},
        login::throttle::Rules,
        rights::Authority,
        session::{Lifetimes, SessionHash},
    },
    store::{
        StoreError,
        testing::{Chance, Disk, mishaps, open, try_seeds},
    },
    values::id::AccountId,
    world::{Levers, World},
};

/// People who sign in and out at once, each in a task with an account of its own.
const TASKS: usize = 4;
/// An account that all of them use.
const SHARED: &str = "everybody";
/// An account that all of them guess at.
const TARGET: &str = "target";
const SEEDS: u64 = 60;

fn plan() -> Plan {
    let never = 1_000_000;
    Plan {
        throttle: Rules {
            free_failures: never,
            block_after: never,
            source_failures: never,
            ceiling: never,
            attempts_per_minute: never,
            ..Rules::default()
        },
        limits: Lifetimes { per_person: 10_000, ..Lifetimes::default() },
        hashing: hashing::Settings {
            params: Params::NEXT_TO_NOTHING,
            threads: NonZeroUsize::new(1),
            ..Plan::default().hashing
        },
        ..Plan::default()
    }
}

fn own(task: usize) -> String {
    format!("person-{task}")
}

/// Each task comes from its own address.
fn address(task: usize) -> String {
    format!("192.0.2.{task}")
}

/// The bytes of a store with everybody's account, and the accounts' ids.
static FURNISHED: LazyLock<(Vec<u8>, BTreeMap<String, AccountId>)> = LazyLock::new(|| {
    let disk = Disk::new(0);
    let store = open(&disk, &mut Chance(0)).unwrap();
    let desk = Desk::over(store, World::fake(), plan());
    let runtime = Runtime::new().unwrap();
    let names = (0..TASKS).map(own).chain([SHARED.to_owned(), TARGET.to_owned()]);
    let ids = names.map(|name| (name.clone(), runtime.block_on(desk.add(&name)))).collect();
    desk.store.close();
    drop(desk);
    (disk.bytes(), ids)
});

fn id_of(name: &str) -> AccountId {
    FURNISHED.1[name]
}

/// Whether the answer leaves open what happened. Nothing but a store that cannot write may.
fn unclear(fault: &Fault) -> bool {
    match fault.reason {
        Reason::Unavailable | Reason::Busy => true,
        Reason::BadCredentials => false,
        _ => panic!("an attempt ended with {fault}"),
    }
}

async fn sign_in(desk: &Desk, call: &Call, ledger: &mut Ledger, name: &str, replaces: Option<SessionHash>) {
    let sent = Attempt { replaces, ..attempt(name, PASSWORD) };
    ledger.swept.extend(replaces);
    match desk.actions.sign_in(call, sent).await {
        Ok(SignInOutcome::Next(_)) => panic!("nobody here has a second factor"),
        Ok(SignInOutcome::SignedIn(signed_in)) => {
            ledger.sign_ins.sure += 1;
            let known = (signed_in.session.id, signed_in.account, Fate::Alive);
            ledger.sessions.insert(signed_in.key.hash(), known);
            ledger.set(&replaces, Fate::Ended);
        }
        Err(fault) => {
            assert!(unclear(&fault), "the right password was refused");
            ledger.sign_ins.unsure += 1;
            ledger.set(&replaces, Fate::Unsure);
        }
    }
}

async fn guess(desk: &Desk, call: &Call, ledger: &mut Ledger, name: &str) {
    let fault = desk.actions.sign_in(call, attempt(name, WRONG)).await.expect_err("a wrong password");
    if unclear(&fault) {
        ledger.misses.unsure += 1;
    } else {
        ledger.misses.sure += 1;
    }
}

async fn sign_out(desk: &Desk, call: &Call, ledger: &mut Ledger, hashes: BTreeSet<SessionHash>) {
    let certain = hashes.iter().filter(|hash| ledger.fate(hash) == Fate::Alive).count();
    let told = desk.actions.sign_out(call, hashes.iter().copied().collect()).await;
    match told {
        Ok(count) => {
            assert!((certain..=hashes.len()).contains(&count), "{count} of {certain} ended");
            ledger.sign_outs.sure += count as u64;
            ledger.set(&hashes, Fate::Ended);
        }
        Err(fault) => {
            assert!(unclear(&fault));
            ledger.sign_outs.unsure += hashes.len() as u64;
            ledger.set(&hashes, Fate::Unsure);
        }
    }
}

/// "Sign out everywhere else", of the task's own account.
async fn end_all(desk: &Desk, call: &Call, ledger: &mut Ledger, account: AccountId) {
    let mine: Vec<_> = ledger
        .sessions
        .iter()
        .filter(|(_, (_, whose, fate))| *whose == account && *fate != Fate::Ended)
        .map(|(hash, _)| *hash)
        .collect();
    let Some((here, others)) = mine.split_first() else { return };
    let (session, _, _) = ledger.sessions[here];
    let caller = Caller::Person { account, session, strength: Strength::of(Factor::Password, call.now) };
    let authority = Authority::of_session(&caller).unwrap();
    ledger.swept.extend(others);
    let fate = match desk.actions.end_all_sessions(call, authority, Some(*here)).await {
        Ok(_) => Fate::Ended,
        Err(fault) => {
            assert!(unclear(&fault));
            Fate::Unsure
        }
    };
    ledger.set(others, fate);
}

/// The life of one task until the power fails, or it has done enough.
async fn work(desk: Arc<Desk>, disk: Disk, task: usize, mut chance: Chance, mut ledger: Ledger) -> Ledger {
    let own = own(task);
    for _ in 0..chance.below(30) {
        if disk.dark() {
            break;
        }
        let call = desk.from(&address(task));
        match chance.below(100) {
            0..50 => {
                let name = if chance.percent(60) { &own } else { SHARED };
                let replaces = if chance.percent(30) { ledger.any_session(&mut chance) } else { None };
                sign_in(&desk, &call, &mut ledger, name, replaces).await;
            }
            50..75 => {
                let some = (0..=chance.below(2)).filter_map(|_| ledger.any_session(&mut chance)).collect();
                sign_out(&desk, &call, &mut ledger, some).await;
            }
            75..92 => {
                let name = if chance.percent(60) { TARGET } else { &own };
                guess(&desk, &call, &mut ledger, name).await;
            }
            _ => end_all(&desk, &call, &mut ledger, id_of(&own)).await,
        }
    }
    ledger
}

fn open_house(disk: &Disk, chance: &mut Chance, world: (World, Levers)) -> Result<Desk, StoreError> {
    Desk::try_over(open(disk, chance)?, world, plan())
}

fn run(seed: u64, runtime: &Runtime) {
    let mut chance = Chance(seed);
    let disk = Disk::with(chance.next(), FURNISHED.0.clone());
    let world = World::fake_of(chance.next());
    let mut ledgers: Vec<_> = (0..TASKS).map(|_| Ledger::default()).collect();
    // Crashes in a row: the second and third hit young stores, and often the repair itself.
    for span in [300, 120, 30] {
        world.1.clock.advance(Duration::from_millis(chance.below(2500)));
        let early = chance.percent(50);
        if early {
            disk.plan(mishaps(&mut chance, &disk, span));
        }
        match open_house(&disk, &mut chance, world.clone()) {
            Ok(desk) => {
                if !early {
                    disk.plan(mishaps(&mut chance, &disk, span));
                }
                if verify(&desk, &mut ledgers).is_ok() {
                    let desk = Arc::new(desk);
                    let mut tasks = JoinSet::new();
                    for (task, ledger) in std::mem::take(&mut ledgers).into_iter().enumerate() {
                        let work = work(desk.clone(), disk.clone(), task, Chance(chance.next()), ledger);
                        tasks.spawn_on(async move { (task, work.await) }, runtime.handle());
                    }
                    let mut done = runtime.block_on(tasks.join_all());
                    done.sort_by_key(|(task, _)| *task);
                    ledgers = done.into_iter().map(|(_, ledger)| ledger).collect();
                }
            }
            // Only a failing disk may keep it from opening.
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("the store did not open: {error}"),
        }
        disk.reboot();
    }
    for _ in 0..2 {
        let desk = open_house(&disk, &mut chance, world.clone()).expect("a whole disk");
        verify(&desk, &mut ledgers).unwrap();
        // And life goes on.
        runtime.block_on(async {
            let (call, ledger) = (desk.from(&address(0)), &mut ledgers[0]);
            sign_in(&desk, &call, ledger, SHARED, None).await;
            let latest: BTreeSet<_> = ledger.any_session(&mut chance).into_iter().collect();
            sign_out(&desk, &call, ledger, latest).await;
            guess(&desk, &call, ledger, TARGET).await;
            assert_eq!((ledger.sign_ins.unsure, ledger.sign_outs.unsure, ledger.misses.unsure), (0, 0, 0));
        });
    }
}

/// Power failures with unsynced writes dropped, torn and reordered, I/O errors and a full disk, three in a row, under four people
/// who sign in, sign out, sign out everywhere and mistype: no session that was given is lost, none that was ended is back, every
/// failure that was answered is counted, and the trail tells of exactly what is there.
///
/// Proves: OPS-10, OPS-11, OPS-19, SES-7, THR-11
#[test]
fn whatever_was_answered_survives_any_crash() {
    LazyLock::force(&FURNISHED);
    let runtime = Runtime::new().unwrap();
    let runtime = std::panic::AssertUnwindSafe(&runtime);
    try_seeds(SEEDS, |seed| run(seed, &runtime));
}
