//! The master key's file: beside the store, not in it (security.md OPS-8).

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{
    crypto::keys::{MasterKey, MasterKeyError},
    world::World,
};

/// The file's name in the data folder.
const NAME: &str = "master.key";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file is missing although a store exists.
    #[error(
        "the master key {path} is missing, but there is a store: bring the key back from where the store came from; \
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

/// Reads the key, or makes one for a house that has never had a store.
pub(super) fn master_key(data_dir: &Path, store: &Path, world: &World) -> Result<MasterKey, KeyFileError> {
    let path = data_dir.join(NAME);
    let failed = |source| KeyFileError::Io { path: path.clone(), source };
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if store.exists() {
                return Err(KeyFileError::Lost { path });
            }
            return make(&path, data_dir, world).map_err(failed);
        }
        Err(error) => return Err(failed(error)),
    };
    let mode = fs::metadata(&path).map_err(failed)?.mode();
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path, mode: mode & 0o777 });
    }
    MasterKey::parse(&content).map_err(|source| KeyFileError::Content { path, source })
}

fn make(path: &Path, data_dir: &Path, world: &World) -> io::Result<MasterKey> {
    let key = MasterKey::generate(world.random());
    // Written whole under another name first: a crash must not leave half a key.
    let draft = data_dir.join(".master.key.new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(key.to_text().expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(data_dir)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{KeyFileError, master_key};
    use crate::world::World;

    /// Proves: OPS-8, OPS-13
    #[test]
    fn a_key_is_made_once_kept_private_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (world, _) = World::fake();
        let store = folder.path().join("store.redb");
        let sign = |key: crate::crypto::keys::MasterKey| key.mac_key("test").sign(b"x");
        let first = sign(master_key(folder.path(), &store, &world).unwrap());
        assert_eq!(sign(master_key(folder.path(), &store, &world).unwrap()), first);
        let path = folder.path().join("master.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(master_key(folder.path(), &store, &world), Err(KeyFileError::Exposed { .. })));

        fs::remove_file(&path).unwrap();
        fs::write(&store, b"").unwrap();
        assert!(matches!(master_key(folder.path(), &store, &world), Err(KeyFileError::Lost { .. })));
    }
}
