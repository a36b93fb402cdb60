//! What the store knows about itself: its schema version and how often it was restored.

use super::{
    engine::{Engine, Space, View},
    error::StoreError,
    tx::{Reading, WriteTx},
};

const META: Space = Space::table("meta");
const SCHEMA: &[u8] = b"schema";
const EPOCH: &[u8] = b"epoch";

/// Writes the first entries of a new store.
pub(super) fn begin(engine: &mut impl Engine) -> Result<(), StoreError> {
    let mut tx = WriteTx::new(engine.view()?);
    set_schema(&mut tx, 0);
    set_epoch(&mut tx, 0);
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
