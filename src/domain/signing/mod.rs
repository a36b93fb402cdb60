//! The keys that sign tokens: sealed, and in use in turn.
//!
//! **Responsibility.** What is stored of a signing key, and which of several is published, signs, or can go.
//!
//! **Invariants.** A private key is stored sealed, bound to its own name (security.md OPS-8, OPS-9). A key is published at least
//! [`LEAD`] before it signs, but for the very first of its algorithm, which nobody can have missed; and it stays published until
//! the last token it signed is over (JWT-7).
//!
//! **Not here.** Making and using keys (`crypto::jose`), keeping them at hand (`idp::oauth2`).
//!
//! **Start reading at** [`SigningKeyRecord`], then [`Ring`].

use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::{
    crypto::{
        jose::{Algorithm, KeyError, Signer},
        seal::{Place, SealKey},
    },
    store::{Reading, Record, StoreError, Table, WriteTx},
    values::{random::Random, secret::Secret, time::Timestamp},
};

/// All signing keys, by `kid`.
pub const SIGNING_KEYS: Table<SigningKeyRecord> = Table::new();

/// A key is published this long before it signs: as long as clients may keep a key set (federation.md section 4.6).
pub const LEAD: Duration = Duration::from_hours(1);

/// A key stays published this long after it last signed: longer than any ID token is good for, and clocks may differ.
pub const REST: Duration = Duration::from_hours(2);

/// A signing key as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SigningKeyRecord {
    /// Its one algorithm.
    #[n(0)]
    pub algorithm: Algorithm,
    /// When it was made and published.
    #[n(1)]
    pub created: Timestamp,
    /// From when on it signs.
    #[n(2)]
    pub signs_from: Timestamp,
    /// PKCS #8, sealed.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl Record for SigningKeyRecord {
    type Key = String;
    const SPACE: &'static str = "signing-keys";
}

/// Why a stored key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The master key is another one, or somebody changed the store.
    #[error("a signing key in the store does not open with this master key")]
    Sealed,
    /// It opens, but is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SigningKeyRecord {
    /// A new key as it is to be stored.
    pub fn seal(
        signer: &Signer,
        pkcs8: &Secret<Vec<u8>>,
        key: &SealKey,
        chance: Random<32>,
        now: Timestamp,
        first: bool,
    ) -> Self {
        Self {
            algorithm: signer.algorithm(),
            created: now,
            signs_from: if first { now } else { now + LEAD },
            sealed: key.seal(chance, &place(signer.kid()), pkcs8.expose()),
        }
    }

    /// The key, ready to sign.
    pub fn open(&self, kid: &str, key: &SealKey) -> Result<Signer, Unusable> {
        let pkcs8 = key.open(&place(kid), &self.sealed).map_err(|_| Unusable::Sealed)?;
        let signer = Signer::parse(self.algorithm, &pkcs8)?;
        if signer.kid() == kid { Ok(signer) } else { Err(Unusable::Sealed) }
    }
}

fn place(kid: &str) -> Place<'_> {
    Place { table: SigningKeyRecord::SPACE, column: "sealed", row: kid.as_bytes() }
}

/// The times of the keys of one algorithm, and what follows from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring(Vec<(String, Timestamp, Timestamp)>);

impl Ring {
    /// From the keys of one algorithm.
    pub fn of<'a>(keys: impl IntoIterator<Item = (&'a str, &'a SigningKeyRecord)>) -> Self {
        let mut times: Vec<_> =
            keys.into_iter().map(|(kid, key)| (kid.to_owned(), key.signs_from, key.created)).collect();
        times.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        Self(times)
    }

    /// The key that signs now: the newest whose time has come. When the clock went back, the oldest.
    pub fn signing(&self, now: Timestamp) -> Option<&str> {
        let due = self.0.iter().rev().find(|(_, from, _)| *from <= now);
        due.or(self.0.first()).map(|(kid, ..)| kid.as_str())
    }

    /// Whether a new key is to be made: there is none, or the newest is older than `period`.
    pub fn wants_another(&self, now: Timestamp, period: Duration) -> bool {
        self.0.last().is_none_or(|(_, _, created)| now.since(*created) >= period)
    }

    /// Keys that signed nothing that is still good, because another took over long enough ago.
    pub fn spent(&self, now: Timestamp) -> Vec<&str> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        pairs
            .filter(|(_, (_, next, _))| now.since(*next) >= REST)
            .map(|((kid, ..), _)| kid.as_str())
            .collect()
    }

    /// Whether there is no key at all.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All keys, in the order of their names. There are a handful.
pub fn all(tx: &impl Reading) -> Result<Vec<(String, SigningKeyRecord)>, StoreError> {
    SIGNING_KEYS.range(tx, None, MOST)
}

/// Stores a key unless another of its algorithm was stored since `seen` (somebody else made one meanwhile). Says whether it did.
pub fn add(tx: &mut WriteTx, kid: &str, record: &SigningKeyRecord, seen: &Ring) -> Result<bool, StoreError> {
    let all = all(tx)?;
    let same = all.iter().filter(|(_, key)| key.algorithm == record.algorithm);
    if Ring::of(same.map(|(kid, key)| (kid.as_str(), key))) != *seen {
        return Ok(false);
    }
    SIGNING_KEYS.set(tx, &kid.to_owned(), record)?;
    Ok(true)
}

/// Removes keys that are spent. Returns how many.
pub fn remove_spent(tx: &mut WriteTx, now: Timestamp) -> Result<usize, StoreError> {
    let all = all(tx)?;
    let mut removed = 0;
    for algorithm in Algorithm::ALL {
        let same = all.iter().filter(|(_, key)| key.algorithm == algorithm);
        for kid in Ring::of(same.map(|(kid, key)| (kid.as_str(), key))).spent(now) {
            SIGNING_KEYS.take(tx, &kid.to_owned())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// More keys than this there never are.
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Algorithm, LEAD, REST, Ring, SigningKeyRecord, Unusable, add, all, remove_spent};
    use crate::{
        crypto::{
            jose::{RsaSize, Signer, generate},
            seal::SealKey,
        },
        store::{Store, golden},
        values::{random::Random, time::Timestamp},
    };

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
    const PERIOD: Duration = Duration::from_hours(24 * 90);

    fn key() -> SealKey {
        SealKey::new(&[3; 32])
    }

    fn made(at: Timestamp, first: bool) -> (String, SigningKeyRecord) {
        let pkcs8 = generate(Algorithm::Es256, RsaSize::default()).unwrap();
        let signer = Signer::parse(Algorithm::Es256, &pkcs8).unwrap();
        let record = SigningKeyRecord::seal(&signer, &pkcs8, &key(), Random::new([9; 32]), at, first);
        (signer.kid().to_owned(), record)
    }

    fn ring(store: &Store) -> Ring {
        let all = store.read(all).unwrap();
        Ring::of(all.iter().map(|(kid, key)| (kid.as_str(), key)))
    }

    fn keep(store: &Store, kid: &str, record: &SigningKeyRecord, seen: Ring) -> bool {
        let (kid, record) = (kid.to_owned(), record.clone());
        store.write_blocking(move |tx| add(tx, &kid, &record, &seen)).unwrap()
    }

    /// Proves: OPS-8, OPS-9
    #[test]
    fn a_private_key_is_stored_sealed_and_opens_only_under_its_own_name() {
        let (kid, record) = made(NOW, true);
        assert_eq!(record.open(&kid, &key()).unwrap().kid(), kid);
        assert_eq!(record.open("other", &key()).err(), Some(Unusable::Sealed));
        assert_eq!(record.open(&kid, &SealKey::new(&[4; 32])).err(), Some(Unusable::Sealed));
        let (_, other) = made(NOW, true);
        let swapped = SigningKeyRecord { sealed: other.sealed, ..record };
        assert_eq!(swapped.open(&kid, &key()).err(), Some(Unusable::Sealed));
    }

    /// Proves: JWT-7
    #[test]
    fn a_key_is_published_an_hour_before_it_signs_and_stays_until_its_tokens_are_over() {
        let store = Store::in_memory();
        assert!(ring(&store).wants_another(NOW, PERIOD));
        let (one, first) = made(NOW, true);
        assert!(keep(&store, &one, &first, Ring::default()));
        // The first of all signs at once; another one made at the same time is refused.
        assert_eq!(ring(&store).signing(NOW), Some(one.as_str()));
        let (late, second) = made(NOW, true);
        assert!(!keep(&store, &late, &second, Ring::default()));
        assert!(!ring(&store).wants_another(NOW + PERIOD - Duration::from_secs(1), PERIOD));

        let turn = NOW + PERIOD;
        assert!(ring(&store).wants_another(turn, PERIOD));
        let (two, second) = made(turn, false);
        assert!(keep(&store, &two, &second, ring(&store)));
        assert!(!ring(&store).wants_another(turn, PERIOD));
        let takes_over = turn + LEAD;
        assert_eq!(ring(&store).signing(takes_over - Duration::from_millis(1)), Some(one.as_str()));
        assert_eq!(ring(&store).signing(takes_over), Some(two.as_str()));
        // A clock that went back far finds the oldest, never none.
        assert_eq!(ring(&store).signing(NOW - PERIOD), Some(one.as_str()));

        let sweep = |at: Timestamp| store.write_blocking(move |tx| remove_spent(tx, at)).unwrap();
        assert_eq!(sweep(takes_over + REST - Duration::from_millis(1)), 0);
        assert_eq!(sweep(takes_over + REST), 1);
        assert_eq!(ring(&store).signing(NOW), Some(two.as_str()));
        assert_eq!(sweep(takes_over + PERIOD * 10), 0, "the last one stays");
        assert!(REST > Duration::from_hours(1), "no ID token lives longer than an hour");
    }

    /// Proves: OPS-15
    #[test]
    fn keys_as_stored() {
        let record = SigningKeyRecord {
            algorithm: Algorithm::EdDsa,
            created: NOW,
            signs_from: NOW + LEAD,
            sealed: vec![1, 2, 3],
        };
        golden::check("src/domain/signing/golden/key.v1.hex", &record);
    }
}
