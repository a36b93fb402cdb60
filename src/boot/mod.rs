//! The composition root: settings and world become a running house.
//!
//! **Responsibility.** Open the store, load or make the master key, put rooms together, start listeners and chores,
//! reload on a signal, stop in the right order.
//!
//! **Invariants.** Nothing listens before the store is open, the declared accounts hold and the rules are in force. A reload
//! with complaints changes nothing. At the end: listeners drain, touches are written, the pool and the store close.
//!
//! **Not here.** Decisions of any kind.
//!
//! **Start reading at** [`House::open`], then [`House::serve`].

mod declared;
mod keys;
mod listeners;
mod reload;
mod tasks;
mod wiring;

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{keys::KeyFileError, reload::LoadSettings};
use crate::{
    actions::{
        Actions,
        declared::Reconciled,
        hashing::{HashingPool, StartError},
    },
    chores::delivery::Postman,
    config::Settings,
    crypto::{
        keys::MasterKey,
        password::{self, PasswordError},
        strength,
    },
    domain::{
        self,
        audit::{self, Entry, Event},
        call::{Call, RequestId},
        fault::Fault,
        keyring::Keyring,
    },
    gate::{Gate, Learned},
    idp::oauth2,
    serve::{self, BindError, Stopped, TlsError, logging::Dial},
    store::{self, BackupError, MigrateError, OpenError, Restored, Store, StoreError},
    values::secret::Secret,
    web::{Shared, Site, control::Operator, metrics::Metrics, vouch::Vouch},
    world::World,
};

/// Why the house does not open. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The data folder cannot be made or entered.
    #[error("the data folder {path} cannot be used: {source}")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may put files into the data folder, and so exchange the store or the key.
    #[error("the data folder {path} can be written by others (mode {mode:o}); run: chmod go-w {path}", path = .path.display())]
    DataDirExposed {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The master key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store, after it was opened.
    #[error("the store cannot be used: {0}")]
    Use(#[from] StoreError),
    /// A migration of the store.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The hashing pool.
    #[error(transparent)]
    Hashing(#[from] StartError),
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The declared accounts and clients could not be made true.
    #[error("the declared accounts and clients cannot be applied: {0}")]
    Declared(Fault),
    /// Something else refused.
    #[error("{0}")]
    Refused(Fault),
}

/// An opened house: everything but the sockets.
pub struct House {
    settings: Settings,
    world: World,
    store: Store,
    actions: Actions,
    oauth2: oauth2::Engine,
    gate: Arc<Gate>,
    vouch: Arc<Vouch>,
    shared: Shared,
    learned: Learned,
    postman: Postman,
}

/// What there is to tell about a house that has just opened.
#[derive(Debug)]
pub struct Opened {
    /// What the declared accounts led to.
    pub reconciled: Reconciled,
    /// The first-run link, when there is no account yet.
    pub setup_link: Option<Secret<String>>,
}

impl House {
    /// Opens the store and puts the rooms together.
    ///
    /// # Errors
    /// See [`BootError`].
    pub fn open(mut settings: Settings, world: World) -> Result<Self, BootError> {
        data_dir(&settings.data_dir)?;
        let had_store = store::ever_existed(&settings.store)?;
        let key = keys::master_key(&settings.data_dir, had_store, &world)?;
        let store = Store::open(&with_key(&settings, &key))?;
        let migrated = store.migrate(domain::MIGRATIONS)?;
        // A new store begins in no shape at all, which is not news.
        if migrated > 0 && had_store {
            tracing::info!(migrated, "the store was brought to this version's shape");
        }
        let pool = HashingPool::start(settings.hashing.clone(), world.random())?;
        let keyring = Keyring::new(&key);
        let actions = Actions::new(store.clone(), world.clone(), pool, keyring, settings.actions.clone())?;
        let oauth2 =
            oauth2::Engine::new(store.clone(), world.clone(), actions.keyring(), settings.oauth2.clone())?;
        let rules = std::mem::take(&mut settings.rules);
        let (gate, learned) =
            Gate::new(store.clone(), settings.actions.limits.clone(), rules, &settings.cache);
        let gate = Arc::new(gate);
        let metrics = Arc::new(Metrics::new());
        let postman = wiring::postman(&store, &world, &actions, &metrics);
        let shared =
            Shared::new(actions.clone(), oauth2.clone(), gate.clone(), wiring::web(&settings), metrics);
        let vouch = Arc::new(shared.vouch(wiring::vouch(&settings)));
        Ok(Self { settings, world, store, actions, oauth2, gate, vouch, shared, learned, postman })
    }

    /// Makes the declared accounts true and, when there is no account at all, offers the setup link.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn prepare(&self) -> Result<Opened, BootError> {
        let call = self.actions.inside();
        let reconciled = declared::reconcile(&self.actions, &self.oauth2, &call, &self.settings).await;
        let reconciled = reconciled.map_err(BootError::Declared)?;
        for refused in &reconciled.refused {
            tracing::error!(refused, "a declared account could not be applied");
        }
        let token = self.actions.offer_setup(&call).await.map_err(BootError::Refused)?;
        let setup_link = token.map(|token| {
            let page = self.settings.gateway.public_url.join_path("/setup");
            Secret::new(format!("{page}?token={}", token.expose()))
        });
        Ok(Opened { reconciled, setup_link })
    }

    /// The operator of a house that does not serve: the command line without a server.
    pub fn operator(&self) -> Operator {
        Operator::new(self.actions.clone(), self.oauth2.clone(), self.gate.clone(), None)
    }

    /// Closes what [`open`](Self::open) opened, without having served.
    pub async fn close(self) {
        self.actions.close().await;
        self.store.close();
    }

    /// What can be done.
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// Serves until `stop`. A reload reads the settings by `load` and turns `log`. `started` is called once everything listens, with the real addresses by listener name.
    ///
    /// # Errors
    /// When a listener cannot be opened.
    pub async fn serve(
        self,
        load: LoadSettings,
        log: Option<Dial>,
        stop: CancellationToken,
        started: impl FnOnce(&[(&'static str, String)]),
    ) -> Result<Stopped, BootError> {
        let Self { settings, world, store, actions, oauth2, gate, vouch, shared, learned, postman } = self;
        let opened = listeners::open(&settings)?;
        let addresses: Vec<_> =
            opened.bound.iter().map(|bound| (bound.name(), bound.address().to_string())).collect();
        let serving = listeners::serving(&settings, &world);
        let audit_keep = settings.audit_keep;
        let reloader = Arc::new(reload::Reloader {
            started_with: Mutex::new(settings),
            load,
            log,
            actions: actions.clone(),
            oauth2: oauth2.clone(),
            gate: gate.clone(),
            vouch: vouch.clone(),
            tls: opened.tls,
        });
        let operator =
            Operator::new(actions.clone(), oauth2.clone(), gate, Some(reload::command(reloader.clone())));
        let site = Site::new(shared, vouch, opened.surfaces, operator);
        let tracker = TaskTracker::new();
        let chores_stop = CancellationToken::new();
        tasks::start(&tracker, &chores_stop, actions.clone(), learned, audit_keep);
        tasks::oauth2(&tracker, &chores_stop, actions.clone(), oauth2);
        tasks::reload_on_signal(&tracker, &chores_stop, reloader);
        tasks::deliver(&tracker, &chores_stop, &postman);
        started(&addresses);
        let listeners = opened.bound.into_iter().map(|bound| (bound, site.clone())).collect();
        let stopped = serve::run(listeners, serving, stop).await;
        // Only now: the last answers may still have touched sessions.
        chores_stop.cancel();
        tracker.close();
        tracker.wait().await;
        actions.close().await;
        store.close();
        Ok(stopped)
    }
}

/// Makes the data folder, or looks whether it is ours alone to change (security.md OPS-8).
fn data_dir(path: &Path) -> Result<(), BootError> {
    let failed = |source| BootError::DataDir { path: path.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.mode();
    if mode & 0o022 != 0 {
        return Err(BootError::DataDirExposed { path: path.to_owned(), mode: mode & 0o7777 });
    }
    Ok(())
}

/// Where the store is, and whose key it must know.
fn with_key(settings: &Settings, key: &MasterKey) -> store::Settings {
    store::Settings { key_imprint: Some(key.imprint()), ..settings.store.clone() }
}

/// What is wrong with a password that is to be hashed for the configuration.
pub fn weaknesses(settings: &Settings, password: &Secret<String>) -> Vec<String> {
    let rules = &settings.actions.passwords;
    let words: Vec<&str> = rules.words.iter().map(String::as_str).chain(["vouchsafe"]).collect();
    strength::check(password, &words, &rules.length).iter().map(ToString::to_string).collect()
}

/// Hashes a password with the configured cost.
///
/// # Errors
/// When it cannot be hashed: too long, or no memory.
pub fn hash_password(
    settings: &Settings,
    password: &Secret<String>,
    world: &World,
) -> Result<String, PasswordError> {
    let hash = password::hash(password, &settings.hashing.params, world.random())?;
    Ok(hash.as_str().to_owned())
}

/// Puts a backup in the store's place. No server may be running.
///
/// # Errors
/// When there is no master key or the backup belongs to another, when the backup cannot be read whole, or when the place is in use.
pub fn restore(settings: &Settings, backup: &Path, world: &World) -> Result<Restored, BootError> {
    // What is sealed in a store is lost without its key. That there is none is said before anything is touched.
    let key = keys::master_key(&settings.data_dir, true, world)?;
    data_dir(&settings.data_dir)?;
    let place = with_key(settings, &key);
    let restored = Store::restore(backup, &place)?;
    // The restored trail shall tell of it before anything else happens.
    let store = Store::open(&place)?;
    let number = u64::from_be_bytes(*world.random().bytes());
    let call = Call::inside(world.now(), RequestId::new(format!("inside-{number:016x}")));
    let entry = Entry::done(Event::Restored, "operator", &call).detail(format!("epoch {}", restored.epoch));
    store.write_blocking(move |tx| audit::append(tx, &entry))?;
    store.close();
    Ok(restored)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{BootError, data_dir};

    /// Proves: OPS-8
    #[test]
    fn a_data_folder_that_others_can_write_is_refused() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("a/b");
        data_dir(&folder).unwrap();
        let set = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        for open in [0o770, 0o1777, 0o702] {
            set(open);
            let refused = data_dir(&folder).unwrap_err();
            assert!(matches!(refused, BootError::DataDirExposed { mode, .. } if mode == open), "{refused}");
        }
        set(0o755);
        data_dir(&folder).unwrap();
    }
}
