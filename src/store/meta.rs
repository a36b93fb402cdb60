//! What the store knows about itself: its schema version, how often it was restored, and which key belongs to it.

use super::{
    engine::{Engine, Space, View},
    error::StoreError,
    tx::{Reading, WriteTx},
};

const META: Space = Space::table("meta");
const SCHEMA: &[u8] = b"schema";
const EPOCH: &[u8] = b"epoch";
const KEY_IMPRINT: &[u8] = b"key imprint";

/// Writes the first entries of a new store, which belongs to the key of this imprint.
pub(super) fn begin(engine: &mut impl Engine, key_imprint: Option<&[u8; 16]>) -> Result<(), StoreError> {
    let mut tx = WriteTx::new(engine.view()?);
    set_schema(&mut tx, 0);
    set_epoch(&mut tx, 0);
    if let Some(imprint) = key_imprint {
        tx.put(META, KEY_IMPRINT, imprint);
    }
    engine.commit(tx.writes())
}

/// Fails unless this is a store of ours: one without these entries has lost its data, or never had any.
pub(super) fn verify(view: &dyn View) -> Result<(), StoreError> {
    number(&|show| view.get(META, SCHEMA, show), "schema version")?;
    epoch(view).map(drop)
}

/// How often a backup was put in place. Whatever was issued under a lower epoch is void (OPS-14).
pub(super) fn epoch(view: &dyn View) -> Result<u64, StoreError> {
    number(&|show| view.get(META, EPOCH, show), "restore epoch")
}

pub(super) fn set_epoch(tx: &mut WriteTx, epoch: u64) {
    tx.put(META, EPOCH, &epoch.to_be_bytes());
}

/// The imprint of the key that the store was begun with; `None` when that was before there were imprints.
pub(super) fn key_imprint(view: &dyn View) -> Result<Option<[u8; 16]>, StoreError> {
    let mut found = None;
    view.get(META, KEY_IMPRINT, &mut |value| found = Some(<[u8; 16]>::try_from(value)))?;
    found.transpose().map_err(|_| StoreError::Corrupt("the imprint of its key is none".to_owned()))
}

/// How many migrations have been applied.
pub(super) fn schema(tx: &impl Reading) -> Result<u64, StoreError> {
    number(&|show| tx.get(META, SCHEMA, show), "schema version")
}

pub(super) fn set_schema(tx: &mut WriteTx, version: u64) {
    tx.put(META, SCHEMA, &version.to_be_bytes());
}

type Get<'a> = dyn Fn(&mut dyn FnMut(&[u8])) -> Result<bool, StoreError> + 'a;

fn number(get: &Get<'_>, what: &str) -> Result<u64, StoreError> {
    let mut bytes = None;
    get(&mut |value| bytes = <[u8; 8]>::try_from(value).ok())?;
    bytes.map(u64::from_be_bytes).ok_or_else(|| StoreError::Corrupt(format!("its {what} is missing")))
}
