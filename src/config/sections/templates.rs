//! The folder of the operator's own words for messages.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{config::ledger::Ledger, domain::letters::OwnWords};

/// No letter is longer.
const LARGEST: u64 = 64 << 10;
/// A folder with more files than this is another folder.
const MOST: usize = 500;

/// Reads the files of the folder and of the folders in it; `None` after a complaint.
pub(super) fn read(key: &str, name: &str, ledger: &mut Ledger) -> Option<OwnWords> {
    let folder = ledger.path(key, name);
    let mut files = Vec::new();
    match list(&folder) {
        Ok(found) => files.extend(found),
        Err(error) => {
            ledger.refuse(key, format!("{} cannot be read: {error}", folder.display()));
            return None;
        }
    }
    let (mut words, mut flaws) = (Vec::new(), Vec::new());
    for path in files {
        let shown = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
        match text(&path) {
            Ok(text) => words.push((shown, text)),
            Err(what) => flaws.push(format!("{shown}: {what}")),
        }
    }
    if flaws.is_empty() {
        return Some(OwnWords::new(words));
    }
    ledger.refuse(key, flaws.join("; "));
    None
}

/// The files of a folder and of its folders, sorted; not those that editors and version control leave about.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if is_left_about(&path) {
                continue;
            }
            for entry in fs::read_dir(&path)? {
                found.push(entry?.path());
            }
        } else {
            found.push(path);
        }
        if found.len() > MOST {
            return Err(io::Error::other(format!("it holds more than {MOST} files")));
        }
    }
    found.retain(|path| !is_left_about(path));
    found.sort();
    Ok(found)
}

/// By editors and version control.
fn is_left_about(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || name.ends_with('~')
}

fn text(path: &Path) -> Result<String, String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("is not a file".to_owned());
    }
    if about.len() > LARGEST {
        return Err("is larger than 64KiB".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}
