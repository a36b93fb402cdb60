//! The control socket's file: made unreachable for others from its first moment, never stolen, removed at the end.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream as BlockingStream,
    },
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

/// A listening socket file.
#[derive(Debug)]
pub(super) struct UnixBound {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file we made, so that we do not remove somebody else's.
    identity: (u64, u64),
}

impl UnixBound {
    /// Makes the socket file with mode 0600.
    ///
    /// It is bound inside a fresh directory only we can enter, given its mode, and moved into place: at no moment does a
    /// socket with a wider mode stand at a reachable path, and a stale file is replaced in one step.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        refuse_if_taken(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let nursery = nursery(parent)?;
        let bound = Self::bind_within(&nursery, path);
        let removed = fs::remove_dir(&nursery);
        let bound = bound?;
        removed?;
        Ok(bound)
    }

    fn bind_within(nursery: &Path, path: &Path) -> io::Result<Self> {
        let newborn = nursery.join("s");
        let listener = UnixListener::bind(&newborn)?;
        let placed = fs::set_permissions(&newborn, Permissions::from_mode(0o600))
            .and_then(|()| fs::symlink_metadata(&newborn))
            .and_then(|metadata| fs::rename(&newborn, path).map(|()| (metadata.dev(), metadata.ino())));
        let identity = placed.inspect_err(|_| {
            // The error is what matters; a leftover in our own directory is not worth another.
            let _ = fs::remove_file(&newborn);
        })?;
        Ok(Self { listener, path: path.to_owned(), identity })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for UnixBound {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket file could not be removed");
        }
    }
}

/// A directory that only we can enter. A process that was killed may have left one under our number, so further names
/// are tried; an empty one is removed first.
fn nursery(parent: &Path) -> io::Result<PathBuf> {
    let mut attempt = 0_u32;
    loop {
        let ours = std::process::id();
        let path = parent.join(if attempt == 0 { format!(".{ours}") } else { format!(".{ours}.{attempt}") });
        match DirBuilder::new().mode(0o700).create(&path) {
            // The path of a socket is bounded (sockaddr_un), so the names stay short.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < NAMES => {
                // A link or a file is not removed by this, nor a directory with something in it.
                if fs::remove_dir(&path).is_err() {
                    attempt += 1;
                }
            }
            made => return made.map(|()| path),
        }
    }
}

/// Names tried for the private directory.
const NAMES: u32 = 99;

/// A socket somebody answers on is not ours to take, and neither is a file of another kind.
fn refuse_if_taken(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a file that is not a socket is in the way",
        ));
    }
    match BlockingStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers on this socket")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_is_ours_alone_and_goes_when_we_go() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("control.sock");
        let bound = UnixBound::bind(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        let (served, called) = tokio::join!(bound.accept(), UnixStream::connect(&path));
        served.unwrap();
        called.unwrap();
        drop(bound);
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[tokio::test]
    async fn a_live_socket_is_not_stolen() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("control.sock");
        let _first = UnixBound::bind(&path).unwrap();
        assert_eq!(UnixBound::bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("control.sock");
        // As a killed process leaves it: std's listener does not remove its file.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let bound = UnixBound::bind(&path).unwrap();
        let (served, called) = tokio::join!(bound.accept(), UnixStream::connect(&path));
        served.unwrap();
        called.unwrap();
    }

    #[tokio::test]
    async fn what_a_killed_process_of_our_number_left_is_no_hindrance() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("control.sock");
        let leftover = room.path().join(format!(".{}", std::process::id()));
        fs::create_dir(&leftover).unwrap();
        drop(UnixBound::bind(&path).unwrap());
        assert!(!leftover.exists());

        fs::create_dir(&leftover).unwrap();
        fs::write(leftover.join("s"), "").unwrap();
        let _bound = UnixBound::bind(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 2, "the socket and the leftover");
    }

    #[tokio::test]
    async fn a_file_in_the_way_stays() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("control.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(UnixBound::bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_successor_is_not_removed_by_its_predecessor() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("control.sock");
        let first = UnixBound::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _second = UnixBound::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
    }
}
