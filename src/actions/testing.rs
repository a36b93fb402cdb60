//! A house without surfaces, for tests: its actions over a store in memory or in a file, with a clock that a test moves.

mod racing;

use std::{path::Path, sync::Arc, time::Duration};

pub(crate) use self::racing::{RACERS, at_most_five, counting, race, tally, the_winner, unhindered};
use super::{
    Actions, Outlets, Settings, Which,
    accounts::{StatusChange, Wanted},
    credentials::{PasswordChange, PasswordRules},
    hashing::{self, HashingPool},
    login::{Attempt, SignedIn},
    passkeys, people,
};
use crate::{
    crypto::{
        keys::MasterKey,
        password::Params,
        webauthn::{RelyingParty, Verification},
    },
    domain::{
        account::AccountRecord,
        audit::{AuditRecord, Event},
        call::{Call, RequestId},
        caller::Caller,
        factor::{
            self,
            totp::{TotpSecret, code_at},
        },
        fault::{Fault, Reason},
        keyring::Keyring,
        letters::{Brand, Letters},
        login::throttle,
        outbox,
        rights::{Authority, Permit},
        session::{Lifetimes, SessionKey, SessionRecord},
    },
    store::{self, Store, StoreError},
    values::{
        email::EmailAddress,
        id::AccountId,
        name::{GroupName, Username},
        random::Random,
        secret::Secret,
        url::WebUrl,
    },
    world::{Levers, World},
};

pub(crate) const PASSWORD: &str = "seven green lanterns over water";
pub(crate) const OTHER: &str = "eleven quiet rivers under glass";
/// What links in messages begin with.
pub(crate) const PORTAL: &str = "https://auth.example.com";
pub(crate) const WRONG: &str = "no lantern was ever this wrong";

/// What a test may want otherwise.
pub(crate) struct Plan {
    pub(crate) limits: Lifetimes,
    pub(crate) throttle: throttle::Rules,
    pub(crate) hashing: hashing::Settings,
    pub(crate) factors: factor::Rules,
    pub(crate) verification: Verification,
    pub(crate) people: people::Rules,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            limits: Lifetimes::default(),
            throttle: throttle::Rules::default(),
            factors: factor::Rules::default(),
            verification: Verification::Preferred,
            hashing: hashing::Settings {
                params: Params::FLOOR,
                // A test machine may be busy; no test here is about this wait.
                wait: Duration::from_mins(1),
                queue: 512,
                ..hashing::Settings::default()
            },
            people: people::Rules::default(),
        }
    }
}

/// The house.
pub(crate) struct Desk {
    pub(crate) actions: Actions,
    pub(crate) store: Store,
    pub(crate) levers: Levers,
}

impl Desk {
    pub(crate) fn open() -> Self {
        Self::with(Plan::default())
    }

    pub(crate) fn with(plan: Plan) -> Self {
        Self::over(Store::in_memory(), World::fake(), plan)
    }

    /// Over a file, in a world that may have been there before: what a restart is.
    pub(crate) fn at(path: &Path, world: (World, Levers)) -> Self {
        Self::over(Store::open(&store::Settings::at(path)).unwrap(), world, Plan::default())
    }

    pub(crate) fn over(store: Store, world: (World, Levers), plan: Plan) -> Self {
        Self::try_over(store, world, plan).unwrap()
    }

    /// Over a store that may fail.
    pub(crate) fn try_over(
        store: Store,
        (world, levers): (World, Levers),
        plan: Plan,
    ) -> Result<Self, StoreError> {
        let hashing = HashingPool::start(plan.hashing, world.random()).unwrap();
        // The master key lies beside the store, so it is the same after a restart.
        let keyring = Keyring::new(&MasterKey::generate(Random::new([9; 32])));
        let settings = Settings {
            limits: plan.limits,
            throttle: plan.throttle,
            passwords: PasswordRules::default(),
            portal: WebUrl::parse(PORTAL).unwrap(),
            outlets: Outlets { mail: true, sms: true },
            letters: Letters::new(Brand {
                service: "Example".to_owned(),
                portal: WebUrl::parse(PORTAL).unwrap(),
                language: outbox::Language::English,
            }),
            factors: plan.factors,
            passkeys: passkeys::Settings {
                party: Some(Arc::new(RelyingParty::new(
                    "vouchsafe",
                    "auth.example.com",
                    &[WebUrl::parse(PORTAL).unwrap()],
                ))),
                offered: true,
                verification: plan.verification,
            },
            people: plan.people,
        };
        let actions = Actions::new(store.clone(), world, hashing, keyring, settings)?;
        Ok(Self { actions, store, levers })
    }

    pub(crate) fn call(&self) -> Call {
        self.from("192.0.2.7")
    }

    /// A call from an address.
    pub(crate) fn from(&self, client: &str) -> Call {
        Call {
            now: self.actions.world().now(),
            client: Some(client.parse().unwrap()),
            request: RequestId::new("req-1"),
            agent: "test".into(),
            device: None,
        }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.levers.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn add(&self, name: &str) -> AccountId {
        self.create(wanted(name)).await.unwrap()
    }

    pub(crate) async fn create(&self, wanted: Wanted) -> Result<AccountId, Fault> {
        self.actions.create_account(&self.call(), &operator(), wanted).await
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, Fault> {
        self.actions.sign_in_at_once(&self.call(), attempt(name, password)).await
    }

    pub(crate) async fn sign_in_from(
        &self,
        client: &str,
        name: &str,
        password: &str,
    ) -> Result<SignedIn, Fault> {
        self.actions.sign_in_at_once(&self.from(client), attempt(name, password)).await
    }

    /// The reason why signing in fails.
    pub(crate) async fn refusal(&self, name: &str, password: &str) -> Reason {
        self.sign_in(name, password).await.unwrap_err().reason
    }

    pub(crate) async fn change_password(
        &self,
        by: &SignedIn,
        old: &str,
        new: &str,
    ) -> Result<(SessionKey, SessionRecord), Fault> {
        let caller = Caller::Person {
            account: by.account,
            session: by.session.id,
            strength: by.session.strength.clone(),
        };
        let change = PasswordChange {
            old: Secret::from(old),
            new: Secret::from(new),
            session: by.key.hash(),
            strength: by.session.strength.clone(),
            remembered: false,
        };
        self.actions.change_password(&self.call(), Authority::of_session(&caller).unwrap(), change).await
    }

    pub(crate) async fn status(&self, id: AccountId, change: StatusChange) -> Result<(), Fault> {
        self.actions.change_status(&self.call(), &operator(), id, change).await
    }

    pub(crate) fn account(&self, name: &str) -> AccountRecord {
        self.actions.find_account(&operator(), &Which::Named(name.to_owned())).unwrap().account
    }

    /// Polls `asking` once and gives it up, as when a client hangs up, and waits for what it has set going.
    pub(crate) async fn hang_up<T>(&self, asking: impl Future<Output = T>) {
        tokio::select! {
            biased;
            _ = asking => panic!("there was nothing to hang up on"),
            () = std::future::ready(()) => {}
        }
        let under_way = &self.actions.0.under_way;
        under_way.close();
        under_way.wait().await;
        under_way.reopen();
    }

    pub(crate) fn account_id(&self, name: &str) -> AccountId {
        self.actions.find_account(&operator(), &Which::Named(name.to_owned())).unwrap().id
    }

    /// Gives an account an authenticator app, as if it had been confirmed long ago.
    pub(crate) async fn with_totp(&self, account: AccountId) -> TotpSecret {
        let secret = TotpSecret::mint(self.actions.world().random());
        let (keyring, kept) = (self.actions.keyring(), secret.clone());
        let (chance, now) = (self.actions.world().random(), self.call().now);
        let write = move |tx: &mut store::WriteTx| {
            factor::import_totp(tx, keyring.factors(), account, &kept, chance, now)
        };
        self.store.write(write).await.unwrap();
        secret
    }

    /// What the app shows now.
    pub(crate) fn code(&self, secret: &TotpSecret) -> String {
        code_at(secret, self.call().now)
    }

    /// Passwords (right, wrong or dummy) that went through the pool so far.
    pub(crate) fn hashed(&self) -> u64 {
        self.actions.hashing().figures().done
    }

    pub(crate) fn audit(&self) -> Vec<AuditRecord> {
        self.actions.audit(&operator(), None, None, 10_000).unwrap()
    }

    pub(crate) fn count(&self, event: Event) -> usize {
        self.audit().iter().filter(|record| record.event == event).count()
    }

    /// The messages in the outbox, oldest first, with what is filled in.
    pub(crate) fn messages(&self) -> Vec<(outbox::OutboxRecord, outbox::Values)> {
        let keyring = self.actions.keyring();
        let rows = self.store.read(|tx| outbox::list(tx, true, None, 10_000)).unwrap();
        rows.into_iter()
            .map(|(id, record)| {
                let values = outbox::open(&keyring, id, &record).unwrap_or_default();
                (record, values)
            })
            .collect()
    }

    /// A value of the newest message of a kind: the link or code that its reader would use.
    pub(crate) fn sent_value(&self, template: outbox::Template, name: &str) -> Option<String> {
        let messages = self.messages();
        let (_, values) = messages.iter().rev().find(|(record, _)| record.template == template)?;
        values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// The ids of the sessions of an account that are stored and live.
    pub(crate) fn live(&self, account: AccountId) -> usize {
        self.actions.sessions_of(&self.call(), account).unwrap().len()
    }
}

/// Which letter, to whom, and what is filled in.
type Letter = (outbox::Template, String, Vec<(String, String)>);

/// Letters to people.
impl Desk {
    /// What waits in the outbox, oldest first.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        let keyring = self.actions.keyring();
        let rows = self.store.read(|tx| outbox::list(tx, true, None, 10_000)).unwrap();
        let opened = rows.into_iter().map(|(id, record)| {
            let values = outbox::open(&keyring, id, &record).unwrap();
            (record.template, record.to, values)
        });
        opened.collect()
    }

    /// How many letters of a kind there are.
    pub(crate) fn letters_of(&self, template: outbox::Template) -> usize {
        self.letters().iter().filter(|(found, ..)| *found == template).count()
    }

    /// The token in the link of the latest letter of a kind.
    pub(crate) fn token(&self, template: outbox::Template) -> Secret<String> {
        let letters = self.letters();
        let (_, _, values) = letters.iter().rfind(|(found, ..)| *found == template).expect("such a letter");
        let (_, link) = values.iter().find(|(name, _)| name == "link").expect("a link");
        assert!(link.starts_with(PORTAL), "{link}");
        Secret::new(link.split_once("?token=").expect("a token").1.to_owned())
    }
}

/// Runs all of these in parallel.
pub(crate) async fn at_once<T, F>(work: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    work.into_iter().collect::<tokio::task::JoinSet<T>>().join_all().await
}

pub(crate) fn operator() -> Permit {
    Permit::to_manage(&Caller::Operator).unwrap()
}

/// Somebody with [`PASSWORD`], an e-mail address and the group `staff`.
pub(crate) fn wanted(name: &str) -> Wanted {
    Wanted {
        username: Username::parse(name).unwrap(),
        display_name: None,
        email: EmailAddress::parse(&format!("{name}@example.com")).ok(),
        mobile: None,
        groups: vec![GroupName::parse("staff").unwrap()],
        password: Some(Secret::from(PASSWORD)),
        temporary: false,
    }
}

pub(crate) fn attempt(name: &str, password: &str) -> Attempt {
    Attempt {
        name: name.to_owned(),
        password: Secret::from(password),
        totp: None,
        remember: false,
        device: None,
        trust: None,
        replaces: None,
        relay: None,
    }
}
