//! Forward-only changes of what is stored, all that are due in one transaction.

use super::{error::StoreError, handle::Store, meta, tx::WriteTx};

/// One step. Steps are a list that only grows: a store remembers how many it has seen.
///
/// A step reads the old shape through a [`Record`](super::Record) of its own with the same space, so
/// that later changes to the program's record cannot change what the step does.
pub struct Migration {
    /// What it does, for the log and for errors.
    pub name: &'static str,
    /// Does it.
    pub apply: fn(&mut WriteTx) -> Result<(), StoreError>,
}

/// Why the store was left as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// A newer program has changed the store; this one would misread it (OPS-15).
    #[error(
        "the store was changed by a newer version (schema {found}, this program knows {known}); \
         run that version, or restore a backup made before it"
    )]
    Newer {
        /// The schema of the store.
        found: u64,
        /// The newest schema this program knows.
        known: u64,
    },
    /// A step failed.
    #[error("the store could not be brought up to date in step `{step}`: {error}")]
    Failed {
        /// The step's name.
        step: &'static str,
        /// What went wrong.
        error: StoreError,
    },
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Applies the steps that this store has not seen, all or none, and says how many those were.
    /// To be called once after opening, before anything else reads. All changes are held in memory
    /// until they are committed.
    pub fn migrate(&self, steps: &'static [Migration]) -> Result<usize, MigrateError> {
        self.write_blocking(move |tx| {
            let found = meta::schema(tx)?;
            let known = steps.len() as u64;
            let due = usize::try_from(found).ok().and_then(|seen| steps.get(seen..));
            let due = due.ok_or(MigrateError::Newer { found, known })?;
            for step in due {
                tracing::info!(step = step.name, "bringing the store up to date");
                (step.apply)(tx).map_err(|error| MigrateError::Failed { step: step.name, error })?;
            }
            if !due.is_empty() {
                meta::set_schema(tx, known);
            }
            Ok(due.len())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MigrateError, Migration, Store, StoreError};
    use crate::store::{
        Direction, Inserted, Record, Settings, Span, Table,
        codec::{DecodeError, decode, decode_body, encode},
    };

    #[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
    #[cbor(map)]
    struct Old {
        #[n(0)]
        name: String,
    }

    impl Record for Old {
        type Key = u32;
        const SPACE: &'static str = "things";
    }

    #[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
    #[cbor(map)]
    struct New {
        #[n(0)]
        name: String,
        #[n(1)]
        length: Option<u32>,
    }

    impl Record for New {
        type Key = u32;
        const SPACE: &'static str = "things";
        const VERSION: u8 = 2;

        fn upgrade(version: u8, body: &[u8]) -> Result<Self, DecodeError> {
            match version {
                1 => decode_body::<Old>(body).map(|old| Self { name: old.name, length: None }),
                found => Err(DecodeError::Unknown { found, known: Self::VERSION }),
            }
        }
    }

    fn seed(tx: &mut super::WriteTx) -> Result<(), StoreError> {
        for (key, name) in [(1, "one"), (2, "three")] {
            let inserted = Table::<Old>::new().insert(tx, &key, &Old { name: name.to_owned() })?;
            assert_eq!(inserted, Inserted::Done);
        }
        Ok(())
    }

    fn measure(tx: &mut super::WriteTx) -> Result<(), StoreError> {
        for (key, old) in Table::<Old>::new().scan(tx, &Span::all(), Direction::Forward, usize::MAX)? {
            let length = u32::try_from(old.name.len()).ok();
            let put = Table::<New>::new().put(tx, &key, &New { name: old.name, length })?;
            assert_eq!(put, Inserted::Done);
        }
        Ok(())
    }

    fn fail(tx: &mut super::WriteTx) -> Result<(), StoreError> {
        Table::<New>::new().take(tx, &1)?;
        Err(StoreError::Corrupt("on purpose".to_owned()))
    }

    const SEED: Migration = Migration { name: "seed", apply: seed };
    const MEASURE: Migration = Migration { name: "measure", apply: measure };
    const FAIL: Migration = Migration { name: "fail", apply: fail };

    /// simple-auth.md 9.G4
    ///
    /// Proves: OPS-15
    #[test]
    fn steps_run_once_in_order_and_a_newer_store_is_refused() {
        let room = tempfile::tempdir().unwrap();
        let settings = Settings::at(room.path().join("store.redb"));
        let store = Store::open(&settings).unwrap();
        assert_eq!(store.migrate(&[SEED]), Ok(1));
        assert_eq!(store.migrate(&[SEED]), Ok(0));
        drop(store);
        let store = Store::open(&settings).unwrap();
        assert_eq!(store.migrate(&[SEED, MEASURE]), Ok(1));
        let third = store.read(|tx| Table::<New>::new().get(tx, &2)).unwrap();
        assert_eq!(third, Some(New { name: "three".to_owned(), length: Some(5) }));
        let refused = store.migrate(&[SEED]).unwrap_err();
        assert_eq!(refused, MigrateError::Newer { found: 2, known: 1 });
        assert_eq!(store.migrate(&[SEED, MEASURE]), Ok(0), "a refusal changes nothing");
    }

    /// Proves: OPS-15
    #[test]
    fn a_failing_step_leaves_everything_as_it_was() {
        let store = Store::in_memory();
        let error = store.migrate(&[SEED, MEASURE, FAIL]).unwrap_err();
        assert!(matches!(error, MigrateError::Failed { step: "fail", .. }), "{error}");
        assert_eq!(store.read(|tx| Table::<Old>::new().count(tx)), Ok::<_, StoreError>(0));
        assert_eq!(store.migrate(&[SEED]), Ok(1));
    }

    #[test]
    fn records_read_older_versions_and_refuse_newer_and_damaged_ones() {
        let old = encode(&Old { name: "x".to_owned() }).unwrap();
        assert_eq!(decode::<New>(&old), Ok(New { name: "x".to_owned(), length: None }));
        let new = encode(&New { name: "x".to_owned(), length: Some(1) }).unwrap();
        assert_eq!(decode::<Old>(&new), Err(DecodeError::Newer { found: 2, known: 1 }));
        let text = decode::<Old>(&new).unwrap_err().to_string();
        assert_eq!(text, "a newer program wrote it (record version 2, this program knows 1)");
        assert_eq!(decode::<Old>(&[]), Err(DecodeError::Empty));
        assert_eq!(decode::<New>(&[0, 1]), Err(DecodeError::Unknown { found: 0, known: 2 }));
        let behind = [&old[..], &[0]].concat();
        assert!(matches!(decode::<Old>(&behind), Err(DecodeError::Malformed(_))));
        for cut in 1..old.len() {
            assert!(decode::<Old>(&old[..cut]).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn decoding_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = decode::<New>(&bytes);
        }
    }
}
