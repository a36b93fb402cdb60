//! The master key's file: beside the store, not in it (security.md OPS-8).

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    crypto::keys::{MasterKey, MasterKeyError},
    world::World,
};

/// The file's name in the data folder.
const NAME: &str = "master.key";

/// Nothing longer is a key.
const LARGEST: usize = 4096;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file is missing although a store exists.
    #[error(
        "the master key {path} is missing: bring it back from where the store came from; \
         without it sealed values are lost",
        path = .path.display()
    )]
    Lost {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("the master key {path} can be read by others (mode {mode:o}); run: chmod 600 {path}", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody else, who can exchange it.
    #[error("the master key {path} belongs to another user (uid {owner}); it must be ours or root's", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It holds something else.
    #[error("the master key {path}: {source}", path = .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: MasterKeyError,
    },
    /// It cannot be read or made.
    #[error("the master key {path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Reads the key, or makes one for a house that has never had a store (`had_store`).
pub(super) fn master_key(data_dir: &Path, had_store: bool, world: &World) -> Result<MasterKey, KeyFileError> {
    let path = data_dir.join(NAME);
    let failed = |source| KeyFileError::Io { path: path.clone(), source };
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if had_store {
                return Err(KeyFileError::Lost { path });
            }
            return make(&path, data_dir, world).map_err(failed);
        }
        Err(error) => return Err(failed(error)),
    };
    read(file, path, rustix::process::geteuid().as_raw())
}

/// The key in an open file, if nobody but us (by uid) and root can read or exchange it.
fn read(file: fs::File, path: PathBuf, us: u32) -> Result<MasterKey, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.clone(), source };
    // Of the open file, not of the name: nobody can exchange it between looking and reading.
    let about = file.metadata().map_err(failed)?;
    if about.mode() & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path, mode: about.mode() & 0o777 });
    }
    if !is_trusted(about.uid(), us) {
        return Err(KeyFileError::Foreign { path, owner: about.uid() });
    }
    let mut content = Zeroizing::new(Vec::with_capacity(LARGEST));
    file.take(LARGEST as u64).read_to_end(&mut content).map_err(failed)?;
    MasterKey::parse(&content).map_err(|source| KeyFileError::Content { path, source })
}

/// Whether a file of this owner holds what we, or the system's administrator, put there.
const fn is_trusted(owner: u32, us: u32) -> bool {
    owner == us || owner == 0
}

fn make(path: &Path, data_dir: &Path, world: &World) -> io::Result<MasterKey> {
    let key = MasterKey::generate(world.random());
    // Written whole under another name first: a crash must not leave half a key.
    let draft = data_dir.join(".master.key.new");
    // Never into a file that was there: it, or what it links to, may be somebody else's to read.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(key.to_text().expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(data_dir)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    };

    use super::{KeyFileError, is_trusted, master_key, read};
    use crate::{
        store::{self, Store},
        world::World,
    };

    /// Proves: OPS-8, OPS-13
    #[test]
    fn a_key_is_made_once_kept_private_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (world, _) = World::fake();
        let sign = |key: crate::crypto::keys::MasterKey| key.mac_key("test").sign(b"x");
        let first = sign(master_key(folder.path(), false, &world).unwrap());
        assert_eq!(sign(master_key(folder.path(), false, &world).unwrap()), first);
        let path = folder.path().join("master.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(master_key(folder.path(), false, &world), Err(KeyFileError::Exposed { .. })));

        fs::remove_file(&path).unwrap();
        assert!(matches!(master_key(folder.path(), true, &world), Err(KeyFileError::Lost { .. })));
        assert!(!path.exists());
    }

    /// Proves: OPS-8
    #[test]
    fn a_draft_that_somebody_laid_out_is_not_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let (world, _) = World::fake();
        let theirs = folder.path().join("theirs");
        fs::write(&theirs, b"").unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o666)).unwrap();
        let draft = folder.path().join(".master.key.new");
        symlink(&theirs, &draft).unwrap();
        master_key(folder.path(), false, &world).unwrap();
        assert_eq!(fs::read(&theirs).unwrap(), b"");

        let path = folder.path().join("master.key");
        fs::remove_file(&path).unwrap();
        fs::rename(&theirs, &draft).unwrap();
        master_key(folder.path(), false, &world).unwrap();
        let about = fs::symlink_metadata(&path).unwrap();
        assert!(about.is_file() && about.permissions().mode() & 0o777 == 0o600);
    }

    /// Proves: OPS-8
    #[test]
    fn a_key_of_another_user_is_not_trusted() {
        assert!(is_trusted(1000, 1000) && is_trusted(0, 1000));
        assert!(!is_trusted(1001, 1000) && !is_trusted(1001, 0));

        let folder = tempfile::tempdir().unwrap();
        let (world, _) = World::fake();
        master_key(folder.path(), false, &world).unwrap();
        let path = folder.path().join("master.key");
        let us = fs::metadata(&path).unwrap().uid();
        let refused = if us == 0 {
            chown(&path, Some(12345), None).unwrap();
            master_key(folder.path(), false, &world)
        } else {
            // Only root can give files away, so here the file stays and the reader is another.
            read(fs::File::open(&path).unwrap(), path, us + 1)
        };
        assert!(matches!(refused, Err(KeyFileError::Foreign { .. })));
    }

    /// Proves: OPS-13
    #[test]
    fn a_store_that_only_left_its_marker_did_exist() {
        let folder = tempfile::tempdir().unwrap();
        let settings = store::Settings::at(folder.path().join("store.redb"));
        assert!(!store::ever_existed(&settings).unwrap());
        Store::open(&settings).unwrap().close();
        assert!(store::ever_existed(&settings).unwrap());
        fs::remove_file(&settings.path).unwrap();
        assert!(store::ever_existed(&settings).unwrap());
    }
}
