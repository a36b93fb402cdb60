//! The signing keys at hand: opened and parsed once, and again when the store's change.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;

use super::Engine;
use crate::{
    crypto::jose::{Algorithm, Jwk, Signer, generate},
    domain::{
        audit::{self, Entry, Event},
        call::{Call, RequestId},
        fault::Fault,
        keyring::Keyring,
        signing::{self, Ring, SigningKeyRecord},
    },
    store::{Record, Store, StoreError},
    values::time::Timestamp,
};

/// Opened keys. Cheap to read.
pub(super) struct KeyChain {
    store: Store,
    keyring: Arc<Keyring>,
    opened: ArcSwap<Opened>,
    /// How often the store's keys have changed, as far as we were told; one at first, so that nothing opened is never fresh.
    changes: Arc<AtomicU64>,
    /// One at a time reads, and nobody is given the older keys meanwhile.
    reading: Mutex<()>,
    /// One key at a time is made, however many ask for it.
    making: tokio::sync::Mutex<()>,
}

/// The keys as they were after so many changes at least.
#[derive(Default)]
struct Opened {
    changes: u64,
    keys: Arc<Vec<Key>>,
}

#[derive(Clone)]
struct Key {
    record: SigningKeyRecord,
    signer: Arc<Signer>,
}

impl KeyChain {
    /// Opens what is in the store, and listens for changes of it.
    pub(super) fn open(store: &Store, keyring: Arc<Keyring>) -> Result<Self, StoreError> {
        let changes = Arc::new(AtomicU64::new(1));
        let told = changes.clone();
        store.on_change(move |changed| {
            if changed.iter().any(|change| change.space == SigningKeyRecord::SPACE) {
                told.fetch_add(1, Ordering::AcqRel);
            }
        });
        let (store, opened) = (store.clone(), ArcSwap::default());
        let (reading, making) = (Mutex::default(), tokio::sync::Mutex::default());
        let chain = Self { store, keyring, opened, changes, reading, making };
        chain.fresh()?;
        Ok(chain)
    }

    /// The keys no older than any change that was announced when this was asked.
    fn fresh(&self) -> Result<Arc<Vec<Key>>, StoreError> {
        let announced = self.changes.load(Ordering::Acquire);
        let opened = self.opened.load();
        if opened.changes >= announced {
            return Ok(opened.keys.clone());
        }
        // Whoever comes second waits for the first, and finds it done.
        let _alone = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = self.opened.load();
        if opened.changes >= announced {
            return Ok(opened.keys.clone());
        }
        // What changes from here on is counted above this, and read again.
        let changes = self.changes.load(Ordering::Acquire);
        let stored = self.store.read(signing::all)?;
        let open = |(kid, record): (String, SigningKeyRecord)| match record.open(&kid, self.keyring.signing())
        {
            Ok(signer) => Some(Key { record, signer: Arc::new(signer) }),
            Err(error) => {
                tracing::error!(kid, %error, "a signing key cannot be used");
                None
            }
        };
        let keys = Arc::new(stored.into_iter().filter_map(open).collect::<Vec<_>>());
        self.opened.store(Arc::new(Opened { changes, keys: keys.clone() }));
        Ok(keys)
    }

    /// All public keys.
    pub(super) fn published(&self) -> Vec<Jwk> {
        let keys = self.fresh().unwrap_or_else(|_| self.opened.load().keys.clone());
        keys.iter().map(|key| key.signer.jwk().clone()).collect()
    }
}

fn ring(keys: &[Key], algorithm: Algorithm) -> Ring {
    let same = keys.iter().filter(|key| key.record.algorithm == algorithm);
    Ring::of(same.map(|key| (key.signer.kid(), &key.record)))
}

impl Engine {
    /// The key that signs now.
    pub(super) async fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Result<Arc<Signer>, Fault> {
        if let Some(signer) = self.present_signer(algorithm, now)? {
            return Ok(signer);
        }
        self.ensure_key(algorithm, now).await?;
        self.present_signer(algorithm, now)?.ok_or_else(|| Fault::broken("there is no signing key"))
    }

    fn present_signer(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Option<Arc<Signer>>, StoreError> {
        let keys = self.0.keys.fresh()?;
        let ring = ring(&keys, algorithm);
        let kid = ring.signing(now);
        Ok(keys.iter().find(|key| Some(key.signer.kid()) == kid).map(|key| key.signer.clone()))
    }

    /// Makes the first key of an algorithm when there is none.
    pub(super) async fn ensure_key(&self, algorithm: Algorithm, now: Timestamp) -> Result<(), Fault> {
        self.make_key(algorithm, now, Duration::MAX).await
    }

    /// Makes the next key of each algorithm in use when its time has come, and lets go of those that are spent.
    pub(super) async fn rotate_keys(&self, now: Timestamp) -> Result<(), Fault> {
        let period = self.settings().key_period;
        for algorithm in Algorithm::ALL {
            if !ring(&self.0.keys.fresh()?, algorithm).is_empty() {
                self.make_key(algorithm, now, period).await?;
            }
        }
        let spent = self.0.store.read(|tx| {
            let all = signing::all(tx)?;
            Ok::<_, StoreError>(Algorithm::ALL.iter().any(|algorithm| {
                let same = all.iter().filter(|(_, key)| key.algorithm == *algorithm);
                !Ring::of(same.map(|(kid, key)| (kid.as_str(), key))).spent(now).is_empty()
            }))
        })?;
        if spent {
            let call = self.inside(now);
            let removed = self.0.store.write(move |tx| {
                let removed = signing::remove_spent(tx, now)?;
                let entry = Entry::done(Event::SigningKeyRemoved, "vouchsafe", &call);
                audit::append(tx, &entry.detail(format!("{removed} removed")))?;
                Ok::<_, Fault>(())
            });
            removed.await?;
        }
        Ok(())
    }

    /// Makes a key when the newest of its algorithm is older than `period`, or there is none.
    async fn make_key(&self, algorithm: Algorithm, now: Timestamp, period: Duration) -> Result<(), Fault> {
        let wanted = |keys: &[Key]| ring(keys, algorithm).wants_another(now, period);
        if !wanted(&self.0.keys.fresh()?) {
            return Ok(());
        }
        let _alone = self.0.keys.making.lock().await;
        let keys = self.0.keys.fresh()?;
        if !wanted(&keys) {
            return Ok(());
        }
        let rsa = self.settings().rsa;
        let made = tokio::task::spawn_blocking(move || {
            let pkcs8 = generate(algorithm, rsa)?;
            let signer = Signer::parse(algorithm, &pkcs8)?;
            Ok::<_, crate::crypto::jose::KeyError>((signer, pkcs8))
        });
        let (signer, pkcs8) = made.await.map_err(Fault::broken)?.map_err(Fault::broken)?;
        // By what is stored, so that one that cannot be opened does not stand in the way for ever.
        let seen = self.0.store.read(|tx| {
            let all = signing::all(tx)?;
            let same = all.iter().filter(|(_, key)| key.algorithm == algorithm);
            Ok::<_, StoreError>(Ring::of(same.map(|(kid, key)| (kid.as_str(), key))))
        })?;
        let first = seen.is_empty();
        let chance = self.0.world.random();
        let record = SigningKeyRecord::seal(&signer, &pkcs8, self.0.keyring.signing(), chance, now, first);
        let (kid, call) = (signer.kid().to_owned(), self.inside(now));
        let written = self.0.store.write(move |tx| {
            if signing::add(tx, &kid, &record, &seen)? {
                let entry = Entry::done(Event::SigningKeyMade, "vouchsafe", &call);
                audit::append(tx, &entry.detail(format!("{} {kid}", algorithm.as_str())))?;
            }
            Ok::<_, Fault>(())
        });
        written.await
    }

    /// A call that the engine makes itself.
    pub(super) fn inside(&self, now: Timestamp) -> Call {
        let number = u64::from_be_bytes(*self.0.world.random().bytes());
        Call::inside(now, RequestId::new(format!("inside-{number:016x}")))
    }
}
