//! No sequence of operations makes a dead session alive (security.md section 21).

use std::{collections::HashSet, path::PathBuf, time::Duration};

use proptest::prelude::*;

use crate::{
    actions::{
        accounts::StatusChange,
        testing::{Desk, PASSWORD, operator, wanted},
    },
    chores::{Sweeper, touches},
    domain::{
        caller::{Factor, Strength},
        login::throttle::Rules,
        policy::RuleSet,
        session::{self, Lifetimes, NewSession, SessionKey},
    },
    gate::{CacheSizes, Gate, Presence, Touch},
    store::{Settings, Store},
    values::{
        id::{AccountId, SessionId},
        secret::Secret,
    },
    world::{Levers, World},
};

#[derive(Clone, Debug)]
enum Step {
    SignIn { account: usize, remember: bool, replaces: Option<usize> },
    Use(usize),
    Pass(u64),
    WriteTouches,
    Sweep,
    SignOut(usize),
    EndAll(usize),
    Close(usize, bool),
    Open(usize),
    SetPassword(usize),
    Restart,
    Backup,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, any::<bool>(), proptest::option::of(0..12_usize))
            .prop_map(|(account, remember, replaces)| Step::SignIn { account, remember, replaces }),
        4 => (0..12_usize).prop_map(Step::Use),
        3 => (1..5400_u64).prop_map(Step::Pass),
        1 => (80_000..100_000_u64).prop_map(Step::Pass),
        2 => Just(Step::WriteTouches),
        2 => Just(Step::Sweep),
        2 => (0..12_usize).prop_map(Step::SignOut),
        1 => (0..3_usize).prop_map(Step::EndAll),
        2 => (0..3_usize, any::<bool>()).prop_map(|(account, lock)| Step::Close(account, lock)),
        3 => (0..3_usize).prop_map(Step::Open),
        1 => (0..3_usize).prop_map(Step::SetPassword),
        1 => Just(Step::Restart),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
    ]
}

struct Machine {
    folder: tempfile::TempDir,
    world: (World, Levers),
    desk: Desk,
    gate: Gate,
    touches: tokio::sync::mpsc::Receiver<Touch>,
    sweeper: Sweeper,
    accounts: Vec<AccountId>,
    /// Every key ever made, with its owner.
    keys: Vec<(SessionKey, usize)>,
    /// What was dead once.
    dead: HashSet<usize>,
    backups: Vec<PathBuf>,
}

fn limits() -> Lifetimes {
    Lifetimes { per_person: 3, ..Lifetimes::default() }
}

fn open(file: PathBuf, world: &(World, Levers)) -> (Desk, Gate, tokio::sync::mpsc::Receiver<Touch>) {
    let desk = Desk::at(&file, world.clone());
    let sizes = CacheSizes { sessions: 4, people: 2 };
    let (gate, learned) = Gate::new(desk.store.clone(), limits(), RuleSet::default(), &sizes);
    (desk, gate, learned.touches)
}

impl Machine {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::fake();
        let (desk, gate, touches) = open(folder.path().join("store"), &world);
        let mut accounts = Vec::new();
        for name in ["ann", "ben", "cat"] {
            let wanted = crate::actions::accounts::Wanted { password: None, ..wanted(name) };
            accounts.push(desk.create(wanted).await.unwrap());
        }
        let (keys, dead, backups) = (Vec::new(), HashSet::new(), Vec::new());
        Self {
            folder,
            world,
            desk,
            gate,
            touches,
            sweeper: Sweeper::default(),
            accounts,
            keys,
            dead,
            backups,
        }
    }

    fn alive(&self, at: usize) -> bool {
        let text = self.keys[at].0.text();
        let presence = self.gate.recognise([text.as_bytes()], self.desk.call().now).unwrap();
        matches!(presence, Presence::Person { .. })
    }

    fn kill(&mut self, whose: impl Fn(usize) -> bool) {
        let dead = self.keys.iter().enumerate().filter(|(_, (_, owner))| whose(*owner)).map(|(at, _)| at);
        self.dead.extend(dead);
    }

    fn reopen(&mut self) {
        let (desk, gate, touches) = open(self.folder.path().join("store"), &self.world);
        (self.desk, self.gate, self.touches) = (desk, gate, touches);
    }

    async fn sign_in(&mut self, owner: usize, remembered: bool, replaces: Option<usize>) {
        let call = self.desk.call();
        let key = SessionKey::mint(call.now, self.world.0.random());
        let replaces = replaces.filter(|at| *at < self.keys.len());
        let new = NewSession {
            hash: key.hash(),
            id: SessionId::mint(call.now, self.world.0.random()),
            account: self.accounts[owner],
            strength: Strength::of(Factor::Password, call.now),
            remembered,
            replaces: replaces.map(|at| self.keys[at].0.hash()),
            restricted: false,
        };
        let open = self.desk.account(["ann", "ben", "cat"][owner]).status.hindrance().is_none();
        if !open {
            return;
        }
        let epoch = self.desk.store.epoch();
        self.desk.store.write(move |tx| session::begin(tx, &new, &call, &limits(), epoch)).await.unwrap();
        self.dead.extend(replaces);
        self.keys.push((key, owner));
        assert!(self.alive(self.keys.len() - 1), "a new session lives");
    }

    async fn run(&mut self, step: Step) {
        let call = self.desk.call();
        let permit = operator();
        match step {
            Step::SignIn { account, remember, replaces } => self.sign_in(account, remember, replaces).await,
            Step::Use(at) => drop((at < self.keys.len()).then(|| self.alive(at))),
            Step::Pass(seconds) => self.world.1.clock.advance(Duration::from_secs(seconds)),
            Step::WriteTouches => drop(touches::round(&self.desk.store, &mut self.touches).await.unwrap()),
            Step::Sweep => {
                let keep = Duration::from_secs(1_000_000_000);
                self.sweeper
                    .round(&self.desk.store, call.now, &limits(), &Rules::default(), keep)
                    .await
                    .unwrap();
            }
            Step::SignOut(at) if at < self.keys.len() => {
                self.desk.actions.sign_out(&call, vec![self.keys[at].0.hash()]).await.unwrap();
                self.dead.insert(at);
            }
            Step::SignOut(_) => {}
            Step::EndAll(account) => {
                let id = self.accounts[account];
                self.desk.actions.operator_ends_sessions(&call, &permit, id, None).await.unwrap();
                self.kill(|owner| owner == account);
            }
            Step::Close(account, lock) => {
                let why = "model".to_owned();
                let change = if lock { StatusChange::Lock(why) } else { StatusChange::Disable(why) };
                if self.desk.status(self.accounts[account], change).await.is_ok() {
                    self.kill(|owner| owner == account);
                }
            }
            Step::Open(account) => {
                let id = self.accounts[account];
                let _ = self.desk.status(id, StatusChange::Enable).await;
                let _ = self.desk.status(id, StatusChange::Unlock).await;
            }
            Step::SetPassword(account) => {
                let (id, new) = (self.accounts[account], Secret::from(PASSWORD));
                self.desk.actions.set_password(&call, &permit, id, new, false).await.unwrap();
                self.kill(|owner| owner == account);
            }
            Step::Restart => {
                self.desk.store.close();
                self.reopen();
            }
            Step::Backup => {
                let to = self.folder.path().join(format!("backup-{}", self.backups.len()));
                self.desk.store.backup(&to).unwrap();
                self.backups.push(to);
            }
            Step::Restore => {
                let Some(backup) = self.backups.last() else { return };
                self.desk.store.close();
                Store::restore(backup, &Settings::at(self.folder.path().join("store"))).unwrap();
                self.reopen();
                self.kill(|_| true);
            }
        }
    }

    fn check(&mut self, after: &str) {
        for at in 0..self.keys.len() {
            let alive = self.alive(at);
            assert!(!(alive && self.dead.contains(&at)), "session {at} is alive again after {after}");
            if !alive {
                self.dead.insert(at);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Proves: SES-2, SES-8, SES-9, VCH-14, VCH-18, OPS-14
    #[test]
    fn nothing_dead_ever_lives_again(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut machine = Machine::new().await;
            for step in steps {
                let text = format!("{step:?}");
                machine.run(step).await;
                machine.check(&text);
            }
        });
    }
}
