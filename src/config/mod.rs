//! The TOML file, the environment and the command line → checked [`Settings`].
//!
//! **Responsibility.** Read what the house should be: merge defaults, file, `VOUCHSAFE_…` variables
//! and options (later wins), and either return settings in the types the rooms declare, or every
//! complaint at once, each with its key, its place and what to write instead.
//!
//! **Invariants.** A [`Settings`] in hand is complete and consistent: addresses parsed, secrets read,
//! limits inside the hard bounds of security.md section 2, nothing OPS-21 forbids. No secret appears in a
//! complaint, a warning or a `Debug` print. The environment is an argument, never asked for here.
//!
//! **Not here.** What the settings do. Nobody but `boot` and `cli` imports this room; each room
//! declares the settings type it wants.
//!
//! **Start reading at** [`load`], then `raw` (the file's shape) and `sections` (one file per table:
//! its keys, their defaults, and what is accepted).

mod complaint;
mod environment;
mod fields;
mod ledger;
mod nearest;
mod raw;
mod reading;
mod restart;
mod secret_files;
mod sections;
mod settings;
mod settle;
mod source;
#[cfg(test)]
mod tests;
mod units;

use std::{
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
};

pub use complaint::{Complaint, Complaints, Excerpt, Place};
pub use settings::*;

use ledger::{Layer, Ledger};
use source::Source;

/// What the command line decides; it wins over everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--data-dir`, relative to the working directory.
    pub data_dir: Option<PathBuf>,
}

/// Reads, merges and checks the configuration.
///
/// `path` is the TOML file, if any: without one the defaults hold. `environment` is what
/// `std::env::vars_os` yields; variables that do not begin with `VOUCHSAFE_` are skipped.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(
    path: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: Overrides,
) -> Result<Settings, Complaints> {
    let (source, mut values, base) = match path {
        Some(path) => read(path).map_err(Complaints::new)?,
        None => (Source::default(), toml::Table::new(), PathBuf::new()),
    };
    let mut ledger = Ledger::new(source, base, raw::paths(&values));
    environment::lay_over(&mut values, environment, &mut ledger);
    if let Some(folder) = overrides.data_dir {
        match folder.into_os_string().into_string() {
            Ok(folder) => {
                values.insert("data_dir".to_owned(), folder.into());
                ledger.overridden("data_dir", Layer::Flag, Place::Flag("--data-dir"));
            }
            Err(_) => ledger.add(at(Place::Flag("--data-dir"), "the name of the folder is not UTF-8")),
        }
    }
    let raw = reading::read(values, &mut ledger);
    if let Some(path) = path {
        secret_files::check_file_with_secrets(path, &raw, &mut ledger);
    }
    settle::settle(raw, ledger)
}

/// A configuration of more than a mebibyte is another file given by mistake.
const LARGEST: u64 = 1 << 20;

fn read(path: &Path) -> Result<(Source, toml::Table, PathBuf), Vec<Complaint>> {
    let name = path.display().to_string();
    let wrong = |message: String| vec![at(Place::File(name.clone()), message)];
    // A pipe or a device would block or never end.
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(wrong("not a file".to_owned())),
        Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong("larger than 1MiB, so not a configuration".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to())
            .filter(|b| **b == b'\n')
            .count();
        vec![at(Place::Line { file: name.clone(), line }, "not UTF-8 text")]
    })?;
    let (source, values) = Source::parse(&name, text)?;
    Ok((source, values, path.parent().unwrap_or(Path::new("")).to_owned()))
}

fn at(place: Place, message: impl Into<String>) -> Complaint {
    Complaint { place, key: String::new(), message: message.into(), hint: None, excerpt: None }
}
