//! The store's files: the lock, the marker, and telling a new store from a lost or a damaged one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use redb::backends::FileBackend;

use super::{
    engine::{
        Engine, View,
        lease::Nudge,
        redb::{Opening, Redb},
    },
    error::{OpenError, StoreError},
    handle::Settings,
    meta,
    tx::WriteTx,
};

/// Files up to this size are verified whole at each start, which takes about a tenth of a second.
/// Larger ones only after an unclean end (redb's own repair does it) and before a backup is
/// restored; otherwise their starting time would grow with the number of sessions.
const VERIFY_UP_TO: u64 = 64 << 20;

/// At most this often a commit also saves the state that makes reopening after a crash instant.
const QUICK_EVERY: Duration = Duration::from_secs(5);

/// Opens the store, or creates it where there never was one.
pub(super) fn open(settings: &Settings, nudge: &Nudge) -> Result<Redb, OpenError> {
    let path = &settings.path;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(|error| refused(parent, &error))?;
    }
    let engine = if exists(path)? {
        open_existing(settings, nudge)?
    } else if exists(&marker(path))? {
        return Err(OpenError::Missing { path: path.clone(), marker: marker(path) });
    } else {
        create(settings, nudge)?
    };
    agree_on_epoch(path, engine)
}

/// A store is opened with the key that it was begun with. One from before there were imprints knows of none.
///
/// # Errors
/// [`OpenError::OtherKey`] when it knows another one.
pub(super) fn agree_on_key(view: &dyn View, settings: &Settings, path: &Path) -> Result<(), OpenError> {
    let found = meta::key_imprint(view).map_err(|error| damaged(path, &error))?;
    match (found, settings.key_imprint) {
        (Some(found), Some(ours)) if found != ours => Err(OpenError::OtherKey { path: path.to_path_buf() }),
        _ => Ok(()),
    }
}

/// The marker remembers the highest epoch. A file with a lower one is an older state that somebody
/// put in place by hand, which is a restore like any other (OPS-14).
fn agree_on_epoch(path: &Path, mut engine: Redb) -> Result<Redb, OpenError> {
    let damaged = |error| damaged(path, &error);
    let view = engine.view().map_err(damaged)?;
    let found = meta::epoch(&*view).map_err(damaged)?;
    let epoch = match marked_epoch(path) {
        Some(marked) if marked == found => return Ok(engine),
        Some(marked) if marked > found => marked + 1,
        _ => found,
    };
    if epoch > found {
        tracing::warn!(epoch, "the store is older than its marker says; whatever was issued since is void");
        let mut tx = WriteTx::new(view);
        meta::set_epoch(&mut tx, epoch);
        engine.commit(tx.writes()).map_err(|error| unavailable(path, &error))?;
    }
    mark(path, epoch)?;
    Ok(engine)
}

/// The file that remembers that there is a store: `store.redb` → `store.marker`.
pub(super) fn marker(path: &Path) -> PathBuf {
    path.with_extension("marker")
}

/// Whether there is a store at this place, or was one: either its file or its marker is there.
///
/// # Errors
/// When the place cannot be looked at.
pub fn ever_existed(settings: &Settings) -> Result<bool, OpenError> {
    Ok(exists(&settings.path)? || exists(&marker(&settings.path))?)
}

fn open_existing(settings: &Settings, nudge: &Nudge) -> Result<Redb, OpenError> {
    let path = &settings.path;
    let file = occupy(path)?;
    let about = file.metadata().map_err(|error| refused(path, &error))?;
    if about.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the store was readable by others; it is not any more");
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|error| refused(path, &error))?;
    }
    if about.len() == 0 {
        // redb would begin a new store in an empty file.
        return Err(OpenError::Damaged { path: path.clone(), detail: "it is empty".to_owned() });
    }
    let engine = engine(file, path, settings.cache_bytes, about.len() <= VERIFY_UP_TO, nudge)?;
    let view = engine.view().map_err(|error| damaged(path, &error))?;
    meta::verify(&*view).map_err(|error| damaged(path, &error))?;
    agree_on_key(&*view, settings, path)?;
    Ok(engine)
}

/// Opens and locks the store that has this name.
pub(super) fn occupy(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| refused(path, &error))?;
    lock(&file, path)?;
    // Between opening and locking, a restore may have put another file in its place.
    if !is_named(&file, path).map_err(|error| refused(path, &error))? {
        return Err(OpenError::InUse { path: path.to_path_buf() });
    }
    Ok(file)
}

/// Whether an open file is still the one of this name.
pub(super) fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let about = file.metadata()?;
    match fs::metadata(path) {
        Ok(now) => Ok((about.dev(), about.ino()) == (now.dev(), now.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates the store beside its place and moves it there complete, so that a crash on the way leaves
/// nothing that could be taken for a store.
fn create(settings: &Settings, nudge: &Nudge) -> Result<Redb, OpenError> {
    let path = &settings.path;
    let (draft, file) = claim(path)?;
    if exists(&marker(path))? {
        // A restore that failed had come in between, and no new store may follow it unasked.
        let _ = fs::remove_file(&draft);
        return Err(OpenError::Missing { path: path.clone(), marker: marker(path) });
    }
    file.set_len(0).map_err(|error| refused(&draft, &error))?;
    let mut engine = engine(file, path, settings.cache_bytes, false, nudge)?;
    meta::begin(&mut engine, settings.key_imprint.as_ref()).map_err(|error| unavailable(path, &error))?;
    fs::rename(&draft, path).map_err(|error| refused(path, &error))?;
    sync_directory(path)?;
    Ok(engine)
}

/// The right to put a store where none is: the locked file `store.redb.new`. Whoever begins a store and whoever restores one
/// must have it, so that there is one of them at a time. Only who has it takes the file away.
pub(super) fn claim(path: &Path) -> Result<(PathBuf, File), OpenError> {
    let draft = beside(path, "new");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&draft)
        .map_err(|error| refused(&draft, &error))?;
    lock(&file, path)?;
    let claimed = is_named(&file, &draft).map_err(|error| refused(&draft, &error))?;
    if !claimed || exists(path)? {
        // Somebody else was quicker.
        if claimed {
            let _ = fs::remove_file(&draft);
        }
        return Err(OpenError::InUse { path: path.to_path_buf() });
    }
    Ok((draft, file))
}

/// `store.redb` → `store.redb.new` and the like.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Opens the engine on a file that this process has locked. The lock lives as long as the file is open.
pub(super) fn engine(
    file: File,
    path: &Path,
    cache_bytes: usize,
    verify: bool,
    nudge: &Nudge,
) -> Result<Redb, OpenError> {
    let device = FileBackend::new(file).map_err(|error| refused(path, &io::Error::other(error)))?;
    let opening = Opening { cache_bytes, verify, quick_every: QUICK_EVERY };
    Redb::open(Arc::new(device), opening, Arc::clone(nudge)).map_err(|error| damaged(path, &error))
}

/// Takes the exclusive lock that ends with the process, or refuses (OPS-15).
pub(super) fn lock(file: &File, path: &Path) -> Result<(), OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_path_buf() }),
        Err(TryLockError::Error(error)) => Err(refused(path, &error)),
    }
}

/// Writes the marker, with the highest restore epoch so far: a restore must exceed it even when the
/// store it replaces cannot be read any more (OPS-14).
pub(super) fn mark(path: &Path, epoch: u64) -> Result<(), OpenError> {
    let marker = marker(path);
    let draft = beside(&marker, "new");
    let text = format!("A vouchsafe store belongs here.\nepoch {epoch}\n");
    let write = || {
        fs::write(&draft, text)?;
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, &marker)
    };
    write().map_err(|error| refused(&marker, &error))?;
    sync_directory(path)
}

/// The epoch that the marker remembers.
pub(super) fn marked_epoch(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(marker(path)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("epoch ")?.trim().parse().ok())
}

/// Makes a rename durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), OpenError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(|error| refused(parent, &error))
}

/// `Path::exists` would take "cannot look" for "is not there", and start anew.
pub(super) fn exists(path: &Path) -> Result<bool, OpenError> {
    path.try_exists().map_err(|error| refused(path, &error))
}

pub(super) fn refused(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Io { path: path.to_path_buf(), detail: error.to_string() }
}

fn unavailable(path: &Path, error: &StoreError) -> OpenError {
    OpenError::Io { path: path.to_path_buf(), detail: error.to_string() }
}

pub(super) fn damaged(path: &Path, error: &StoreError) -> OpenError {
    OpenError::Damaged { path: path.to_path_buf(), detail: error.to_string() }
}

#[cfg(test)]
mod tests;
