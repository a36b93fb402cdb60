//! The room as a whole: the example file, every complaint, the environment, hostile files, reloads.

use std::{
    ffi::OsString,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use toml::Table;

use super::{Complaints, Overrides, Settings, load, raw};

mod clients;
mod complaints;
mod example;
mod hostile;
mod merging;
mod messages;
mod passkeys;
mod people;
mod reload;
mod secrets;

/// A certificate and the key that belongs to it.
const CERTIFICATE: &[u8] = include_bytes!("../serve/tests/fixtures/a.crt");
const KEY: &[u8] = include_bytes!("../serve/tests/fixtures/a.key");

/// A folder with a configuration in it.
struct Desk(TempDir);

impl Desk {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let desk = Self(tempfile::tempdir().expect("a folder for the test"));
        desk.put("config.toml", text, 0o600);
        desk
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("config.toml")
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("the test can write");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the test can chmod");
    }

    fn load(&self) -> Result<Settings, Complaints> {
        self.load_with(&[])
    }

    fn load_with(&self, variables: &[(&str, &str)]) -> Result<Settings, Complaints> {
        load(Some(&self.path()), environment(variables), Overrides::default())
    }

    /// What is wrong, with the folder's changing name taken out.
    fn complaints(&self, variables: &[(&str, &str)]) -> String {
        let folder = format!("{}/", self.0.path().display());
        match self.load_with(variables) {
            Ok(settings) => {
                let warnings =
                    settings.warnings.iter().fold(String::new(), |text, one| text + &format!("{one}\n"));
                format!("(accepted)\n{warnings}").replace(&folder, "")
            }
            Err(complaints) => format!("{complaints}\n").replace(&folder, ""),
        }
    }
}

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

/// Several small files and what is said about each, as one text.
fn said_about(cases: &[&str]) -> String {
    cases.iter().fold(String::new(), |mut text, case| {
        let _ = write!(text, "{case}\n→ {}\n", Desk::new(case).complaints(&[]));
        text
    })
}
