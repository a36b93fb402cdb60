//! Letters as files, laid out like a maildir: written under `tmp`, then moved to `new`, readable by their owner only.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{Letter, MailSender, letter::Heading};
use crate::world::outlet::{Doing, SendError};

pub(super) struct Folder {
    path: PathBuf,
    heading: Heading,
}

impl Folder {
    pub(super) const fn new(path: PathBuf, heading: Heading) -> Self {
        Self { path, heading }
    }

    async fn deliver(&self, letter: &Letter) -> Result<(), SendError> {
        let bytes = self.heading.compose(letter).map_err(SendError::Never)?.formatted();
        let parts = letter.parts();
        // The same name at each attempt, so that a letter tried twice is one file.
        let name = format!("{}.{}.eml", parts.at.secs(), parts.id);
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || write(&path, &name, &bytes)).await;
        written.map_err(SendError::later)?.map_err(SendError::later)
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let [tmp, new, cur] = ["tmp", "new", "cur"].map(|part| folder.join(part));
    for part in [&tmp, &new, &cur] {
        DirBuilder::new().recursive(true).mode(0o700).create(part)?;
    }
    let draft = tmp.join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, new.join(name))?;
    // "Handed over" is said once; the new name must be on the disk by then.
    File::open(&new)?.sync_all()
}

impl MailSender for Folder {
    fn send<'a>(&'a self, letter: &'a Letter) -> Doing<'a, Result<(), SendError>> {
        Box::pin(self.deliver(letter))
    }

    fn describe(&self) -> String {
        format!("the folder {}", self.path.display())
    }
}
