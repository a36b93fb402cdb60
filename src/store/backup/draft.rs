//! A file under way to its name: locked against a second one to the same place, and gone when it does not get there.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::store::{
    error::OpenError,
    files::{self, refused},
};

/// A new file that only its owner can read. Dropped, it is removed: what did not get its name is as secret as a store, and of no use.
pub(super) struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    /// Never a file that was there: somebody else could have put it, or a link to a place of theirs, where ours is
    /// going to be, and would read along. What a killed copy left is removed.
    pub(super) fn open(path: PathBuf) -> Result<Self, OpenError> {
        match fs::symlink_metadata(&path) {
            Ok(about) => {
                // Locked, it belongs to a copy that is under way. One that we cannot open is none of ours.
                let left = if about.is_file() { File::open(&path).ok() } else { None };
                if let Some(file) = &left {
                    files::lock(file, &path)?;
                    let same = files::is_named(file, &path).map_err(|error| refused(&path, &error))?;
                    if !same {
                        return Err(OpenError::InUse { path });
                    }
                }
                fs::remove_file(&path).map_err(|error| refused(&path, &error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refused(&path, &error)),
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| refused(&path, &error))?;
        files::lock(&file, &path)?;
        Ok(Self { path, file })
    }

    /// To write it through. Whoever does may let go of the lock: redb does when it closes.
    pub(super) fn file(&self) -> Result<File, OpenError> {
        self.file.try_clone().map_err(|error| refused(&self.path, &error))
    }

    /// Makes the complete draft durable and gives it its name.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when meanwhile it was taken for one that a killed copy had left: another copy has its place.
    pub(super) fn settle(self, path: &Path) -> Result<(), OpenError> {
        if !self.is_ours()? {
            return Err(OpenError::InUse { path: self.path.clone() });
        }
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, path))
            .map_err(|error| refused(path, &error))?;
        files::sync_directory(path)
    }

    /// Takes the lock again, and says whether there still is this file under its name.
    fn is_ours(&self) -> Result<bool, OpenError> {
        files::lock(&self.file, &self.path)?;
        files::is_named(&self.file, &self.path).map_err(|error| refused(&self.path, &error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if matches!(self.is_ours(), Ok(true)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// redb lets go of the lock before the copy has its name.
    #[test]
    fn a_draft_that_another_copy_replaced_is_not_taken_for_it() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("backup.redb.partial");
        let name = room.path().join("backup.redb");
        let first = Draft::open(path.clone()).unwrap();
        assert!(matches!(Draft::open(path.clone()), Err(OpenError::InUse { .. })));
        first.file().unwrap().unlock().unwrap();
        let second = Draft::open(path.clone()).unwrap();
        let refused = first.settle(&name).unwrap_err();
        assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
        assert!(path.exists() && !name.exists(), "the other one's is left alone");
        second.settle(&name).unwrap();
        assert!(name.exists() && !path.exists());
        drop(Draft::open(path.clone()).unwrap());
        assert!(!path.exists());
    }
}
