//! What a person or an operator can ask the house to do; one function per thing, whoever asks.
//!
//! **Responsibility.** The order of an operation: slow work outside (hashing), then one transaction (rules, change, audit), then
//! the answer.
//!
//! **Invariants.** No rule is stated here that `domain` states. Nothing irreversible happens before the commit. An action
//! that needs permission takes it as a value (`Permit`, `Authority`).
//!
//! **Not here.** HTTP, wire shapes, cookies (`web`); who is at the door (`gate`).
//!
//! **Start reading at** [`Actions`], then [`login`].

pub mod accounts;
pub mod apikeys;
pub mod audit;
mod confirmation;
pub mod credentials;
pub mod declared;
pub mod factors;
pub mod groups;
pub mod hashing;
pub mod import;
pub mod invitations;
mod letters;
pub mod login;
pub mod messages;
pub mod own;
pub mod passkeys;
pub mod people;
pub mod profile;
pub mod programs;
pub mod recovery;
pub mod registration;
pub mod sessions;
pub mod setup;
pub mod stipulations;

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;
use tokio_util::task::TaskTracker;

use self::{hashing::HashingPool, login::reservations::Reservations};
use crate::{
    crypto::password::Hash,
    domain::{
        audit::{self as trail, Entry, Event},
        call::{Call, RequestId},
        directory::{self, Home},
        factor,
        fault::{Fault, Field, Reason},
        keyring::Keyring,
        letters::Letters,
        login::{Door, throttle},
        rights::Permit,
        session::Lifetimes,
    },
    store::{Health, Store, StoreError},
    values::{id::AccountId, secret::Secret, time::Timestamp, url::WebUrl},
    world::World,
};

/// What the operator decided about signing in. Replaced whole on reload.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The limits sessions live under.
    pub limits: Lifetimes,
    /// The limits guesses live under.
    pub throttle: throttle::Rules,
    /// The rules for new passwords.
    pub passwords: credentials::PasswordRules,
    /// The portal's public address, which links in messages begin with.
    pub portal: WebUrl,
    /// How people can be written to.
    pub outlets: Outlets,
    /// The words of messages.
    pub letters: Letters,
    /// Second factors.
    pub factors: factor::Rules,
    /// Passkeys.
    pub passkeys: passkeys::Settings,
    /// Joining, confirming and recovering.
    pub people: people::Rules,
}

/// Which ways to write to people the operator has set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlets {
    /// E-mail, by whatever means.
    pub mail: bool,
    /// SMS.
    pub sms: bool,
}

/// The house's capability to act: the store, the world, the hashing pool and the keys. Cheap to clone.
#[derive(Clone)]
pub struct Actions(Arc<Inner>);

struct Inner {
    store: Store,
    world: World,
    hashing: HashingPool,
    keyring: Arc<Keyring>,
    settings: ArcSwap<Settings>,
    reservations: Reservations,
    uses: apikeys::Uses,
    home: Home,
    under_way: TaskTracker,
}

impl Actions {
    /// Puts the pieces together. Founds the default tenant when the store is new.
    pub fn new(
        store: Store,
        world: World,
        hashing: HashingPool,
        keyring: Keyring,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let home = if let Some(home) = store.read(directory::home)? {
            home
        } else {
            let now = world.now();
            let chance = [world.random(), world.random(), world.random()];
            store.write_blocking(move |tx| directory::found(tx, now, chance))?
        };
        let reservations = Reservations::new(settings.throttle.attempts_per_minute);
        let settings = ArcSwap::from_pointee(settings);
        let keyring = Arc::new(keyring);
        let under_way = TaskTracker::new();
        let uses = apikeys::Uses::default();
        Ok(Self(Arc::new(Inner {
            store,
            world,
            hashing,
            keyring,
            settings,
            reservations,
            uses,
            home,
            under_way,
        })))
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.0.settings.load_full()
    }

    /// Puts other settings in force.
    pub fn configure(&self, settings: Settings) {
        self.0.settings.store(Arc::new(settings));
    }

    /// Whether mail can be sent. What needs mail is not offered otherwise.
    pub fn wants_mail(&self) -> bool {
        self.0.settings.load().outlets.mail
    }

    /// Whether SMS can be sent. What needs it is not offered otherwise.
    pub fn wants_sms(&self) -> bool {
        self.0.settings.load().outlets.sms
    }

    /// A page of the portal as a link in a message: its public address and this path (with query, already encoded).
    pub fn link(&self, path: &str) -> String {
        self.0.settings.load().portal.join_path(path)
    }

    /// The keys for form tokens, return addresses and the like.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.0.keyring.clone()
    }

    /// The world, for a fresh moment and chance.
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// The store, for what only reads figures of it.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The default tenant and user domain.
    pub fn home(&self) -> Home {
        self.0.home
    }

    /// The hashing pool, for metrics and shutdown.
    pub fn hashing(&self) -> &HashingPool {
        &self.0.hashing
    }

    /// Whether the store can write, as far as its last attempt tells.
    pub fn is_ready(&self) -> bool {
        self.0.store.health() == Health::Fine
    }

    /// Figures for the metrics.
    pub fn figures(&self) -> Figures {
        let store = self.0.store.figures();
        let hashing = self.0.hashing.figures();
        Figures {
            hashes_waiting: (hashing.queued + hashing.running) as u64,
            commits: store.commits,
            transactions: store.transactions,
            store_bytes: store.file_bytes,
        }
    }

    /// Writes a consistent copy of the store to a new file. Returns its size in bytes.
    pub async fn backup(&self, _: &Permit, to: &Path) -> Result<u64, Fault> {
        let (store, to) = (self.0.store.clone(), to.to_owned());
        // Copying takes as long as the store is large, so it must not hold up a thread that answers checks.
        let copied = tokio::task::spawn_blocking(move || store.backup(&to)).await.map_err(Fault::broken)?;
        copied.map_err(|error| Fault::malformed(Field::Body, error.to_string()))
    }

    /// Records something that happened to the house as a whole.
    pub async fn record(&self, call: &Call, event: Event, detail: &str) -> Result<(), Fault> {
        let entry = Entry::done(event, "vouchsafe", call).detail(detail);
        self.0.store.write(move |tx| trail::append(tx, &entry).map_err(Fault::from)).await
    }

    /// Records that something was refused. Callers are bounded by the attempts a source has.
    async fn record_refused(&self, call: &Call, event: Event) -> Result<(), Fault> {
        let entry = Entry::refused(event, "nobody", call);
        self.0.store.write(move |tx| trail::append(tx, &entry).map_err(Fault::from)).await
    }

    /// What every account has to do before it may go anywhere.
    fn door(&self) -> Door {
        let settings = self.settings();
        let terms = settings.people.terms.as_ref().map(|terms| terms.version.clone());
        Door { terms, expire_after: settings.passwords.expire_after }
    }

    /// Forgets what the throttles need no more.
    pub fn tidy(&self, now: Timestamp) {
        self.0.reservations.tidy(now);
    }

    /// A call that the house makes itself.
    pub fn inside(&self) -> Call {
        let number = u64::from_be_bytes(*self.0.world.random().bytes());
        Call::inside(self.0.world.now(), RequestId::new(format!("inside-{number:016x}")))
    }

    /// Runs an operation to its end, also when whoever asked for it has gone.
    async fn finished<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        self.0.under_way.spawn(operation).await.map_err(Fault::broken)?
    }

    /// Waits for what is under way, then ends the hashing. For shutdown.
    pub async fn close(&self) {
        self.0.under_way.close();
        self.0.under_way.wait().await;
        self.0.hashing.close().await;
    }

    /// Hashes a new password on the pool.
    async fn hashed(&self, password: Secret<String>) -> Result<Hash, Fault> {
        self.0.hashing.hash(password, self.0.world.random()).await
    }
}

/// Figures for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Password hashes waiting or under way.
    pub hashes_waiting: u64,
    /// Durable commits since the start.
    pub commits: u64,
    /// Transactions in those commits.
    pub transactions: u64,
    /// Size of the store's file.
    pub store_bytes: u64,
}

/// The refusal for an account that is not there.
pub(crate) fn no_account() -> Fault {
    Fault::new(Reason::NotFound).with_flaw(Field::Username, "there is no such account")
}

/// Names an account the way a person types it, or by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// By id.
    Id(AccountId),
    /// By user name or e-mail address.
    Named(String),
}

impl From<&str> for Which {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Named(text.to_owned()), Self::Id)
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
