//! Backups: a consistent copy while the store works, and putting one back.
//!
//! A backup is a store file of its own, as secret as the store itself. It is written with mode 0600
//! and appears under its name only when it is complete.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::draft::Draft;
use super::{
    engine::{Engine, redb},
    error::{OpenError, StoreError},
    files::{self, beside, damaged, refused},
    handle::{Settings, Store},
    meta,
    tx::WriteTx,
};

/// Memory for pages while copying, in bytes.
const COPY_CACHE: usize = 32 << 20;

/// Why there is no backup, or why it was not put in place.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A backup never overwrites anything.
    #[error("{0} already exists; choose another name")]
    Exists(PathBuf),
    /// A file cannot be opened, is damaged or in use.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The store, or the copy of it that is put in place, could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Copies the state after the last commit into a new file, and says how many bytes that file has.
    /// Blocks for as long as the copying takes; reads and writes go on meanwhile (OPS-14).
    pub fn backup(&self, to: &Path) -> Result<u64, BackupError> {
        let draft = Draft::open(beside(to, "partial"))?;
        // Behind the draft, which one copy at a time has: not even one that ended a moment ago is overwritten.
        if files::exists(to)? {
            return Err(BackupError::Exists(to.to_path_buf()));
        }
        let view = self.view();
        redb::copy(&*view, draft.file()?, COPY_CACHE)?;
        draft.settle(to)?;
        Ok(fs::metadata(to).map_err(|error| refused(to, &error))?.len())
    }

    /// Puts a backup in the place of the store that `settings` name, which must not be open anywhere,
    /// and says under which epoch it goes on. The store that was there stays beside it with the
    /// ending `.before-restore`; where there is one from before, with a number behind that. Where it
    /// cannot stay, or where the backup belongs to another key, nothing is replaced.
    ///
    /// The epoch is higher than any before. What was issued under a lower one counts for nothing:
    /// between backup and restore sessions were ended and codes were redeemed, of which the backup
    /// knows nothing (OPS-14).
    pub fn restore(backup: &Path, settings: &Settings) -> Result<Restored, BackupError> {
        let path = &settings.path;
        // Held until the new file has its name, so that no server starts meanwhile: not on the old store, and on no new one.
        let (claimed, held) = if files::exists(path)? {
            (None, files::occupy(path)?)
        } else {
            let (name, file) = files::claim(path)?;
            (Some(name), file)
        };
        let put = || {
            let draft = Draft::open(beside(path, "restoring"))?;
            let epoch = prepare(draft.file()?, backup, settings)?;
            let replaces = claimed.is_none();
            let kept = replaces.then(|| keep(path)).transpose().map_err(|error| refused(path, &error))?;
            draft.settle(path)?;
            Ok(Restored { epoch, kept })
        };
        let restored = put();
        if let Some(name) = claimed {
            let _ = fs::remove_file(name);
        }
        drop(held);
        restored
    }
}

/// Makes `draft` the backup's content under a new epoch, and marks that epoch. Fails when the backup is damaged or
/// belongs to another key.
fn prepare(mut draft: File, backup: &Path, settings: &Settings) -> Result<u64, BackupError> {
    let size = File::open(backup)
        .and_then(|mut from| io::copy(&mut from, &mut draft))
        .map_err(|error| refused(backup, &error))?;
    if size == 0 {
        return Err(OpenError::Damaged { path: backup.to_path_buf(), detail: "it is empty".into() }.into());
    }
    let mut engine = files::engine(draft, backup, settings.cache_bytes, true, &(Arc::new(|| {}) as _))?;
    let view = engine.view()?;
    meta::verify(&*view).map_err(|error| damaged(backup, &error))?;
    files::agree_on_key(&*view, settings, backup)?;
    let epoch = files::marked_epoch(&settings.path).unwrap_or(0).max(meta::epoch(&*view)?) + 1;
    let mut tx = WriteTx::new(view);
    meta::set_epoch(&mut tx, epoch);
    engine.commit(tx.writes())?;
    // The marker first: an epoch that was skipped is harmless, one used twice is not.
    files::mark(&settings.path, epoch)?;
    Ok(epoch)
}

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// The epoch the store goes on under.
    pub epoch: u64,
    /// Where the store is now that was replaced, if there was one.
    pub kept: Option<PathBuf>,
}

/// Keeps a store under a second name that no store has yet: what an earlier restore replaced is not lost to a later one.
fn keep(path: &Path) -> io::Result<PathBuf> {
    let mut number = 1_u32;
    loop {
        let ending =
            if number == 1 { "before-restore".to_owned() } else { format!("before-restore-{number}") };
        let name = beside(path, &ending);
        match fs::hard_link(path, &name).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            // Not every file system has second names.
            _ => copied(path, &name),
        }) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A copy under a name that must be free, readable by its owner only.
fn copied(path: &Path, name: &Path) -> io::Result<()> {
    let mut from = File::open(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(name)?;
    let whole = io::copy(&mut from, &mut file).and_then(|_| file.sync_all());
    // Half a copy, on a full disk say, is none, and shall not look like one.
    whole.inspect_err(|_| drop(fs::remove_file(name)))
}

mod draft;
#[cfg(test)]
mod tests;
