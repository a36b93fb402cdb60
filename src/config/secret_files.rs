//! Secrets from files: `…_file` beside each secret, and who else could read them (OPS-21).

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use zeroize::Zeroizing;

use super::{
    fields::Hidden,
    ledger::{Layer, Ledger},
    raw::Raw,
};
use crate::values::secret::Secret;

/// A secret given directly or by file; `None` when neither is. When both are, the later layer wins;
/// both in the same layer is a complaint.
pub(crate) fn secret(
    section: &str,
    name: &str,
    direct: &Hidden,
    file: &str,
    ledger: &mut Ledger,
) -> Option<Secret<String>> {
    let (key, file_key) = (format!("{section}.{name}"), format!("{section}.{name}_file"));
    let (by_value, by_file) = (ledger.layer(&key), ledger.layer(&file_key));
    match (direct.is_empty(), file.is_empty()) {
        (true, true) => None,
        (false, true) => Some(direct.secret().clone()),
        (true, false) => read(&file_key, file, ledger),
        (false, false) if by_value > by_file => Some(direct.secret().clone()),
        (false, false) if by_file > by_value => read(&file_key, file, ledger),
        (false, false) => {
            ledger.refuse_with(&file_key, format!("{name} is given as well"), "keep one of the two");
            None
        }
    }
}

/// No secret of ours, and no chain of certificates, is longer.
const LARGEST: u64 = 64 << 10;

/// The text of a secret file without its last line break.
fn read(key: &str, name: &str, ledger: &mut Ledger) -> Option<Secret<String>> {
    let bytes = private(key, name, ledger)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        ledger.refuse(key, format!("{name} is not UTF-8 text"));
        return None;
    };
    let secret = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if secret.is_empty() {
        ledger.refuse(key, format!("{name} is empty"));
        return None;
    }
    Some(Secret::from(secret))
}

/// The bytes of a file that only its owner and group may read.
pub(crate) fn private(key: &str, name: &str, ledger: &mut Ledger) -> Option<Zeroizing<Vec<u8>>> {
    let path = ledger.path(key, name);
    check(key, &path, ledger)?;
    bytes(key, &path, ledger)
}

/// The bytes of a file that anybody may read.
pub(crate) fn public(key: &str, name: &str, ledger: &mut Ledger) -> Option<Vec<u8>> {
    let path = ledger.path(key, name);
    // A pipe or a device would block or never end.
    if fs::metadata(&path).is_ok_and(|about| !about.is_file()) {
        ledger.refuse(key, format!("{} is not a file", path.display()));
        return None;
    }
    bytes(key, &path, ledger).map(|bytes| bytes.to_vec())
}

fn bytes(key: &str, path: &Path, ledger: &mut Ledger) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    match File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        Err(error) => ledger.refuse(key, format!("{} cannot be read: {error}", path.display())),
        Ok(_) if bytes.len() as u64 > LARGEST => {
            ledger.refuse(key, format!("{} is larger than 64KiB", path.display()));
        }
        Ok(_) => return Some(bytes),
    }
    None
}

/// The file exists, is a file, and only its owner and group can read it.
fn check(key: &str, path: &Path, ledger: &mut Ledger) -> Option<()> {
    match fs::metadata(path) {
        Err(error) => ledger.refuse(key, format!("{} cannot be read: {error}", path.display())),
        Ok(about) if !about.is_file() => ledger.refuse(key, format!("{} is not a file", path.display())),
        Ok(about) if is_open(&about) => ledger.refuse_with(
            key,
            format!("{} can be read by everyone on this machine", path.display()),
            format!("chmod 600 {}", path.display()),
        ),
        Ok(_) => return Some(()),
    }
    None
}

/// A configuration file with a secret in it is a secret file.
pub(crate) fn check_file_with_secrets(path: &Path, raw: &Raw, ledger: &mut Ledger) {
    let is_open = fs::metadata(path).is_ok_and(|about| is_open(&about));
    if !is_open {
        return;
    }
    for (key, name, secret) in [
        ("proxies.secret", "secret_file", &raw.proxies.secret),
        ("mail.smtp.password", "password_file", &raw.mail.smtp.password),
        ("mail.webhook.secret", "secret_file", &raw.mail.webhook.secret),
        ("sms.secret", "secret_file", &raw.sms.secret),
    ] {
        if !secret.is_empty() && ledger.layer(key) == Layer::File {
            let hint =
                format!("chmod 600 {}, or put the secret into a file of its own: {name}", path.display());
            ledger.refuse_with(key, "everyone on this machine can read this file", hint);
        }
    }
    for (index, client) in raw.clients.iter().enumerate() {
        for (name, secret) in [("secret", &client.secret), ("old_secret", &client.old_secret)] {
            if !secret.is_empty() {
                let hint =
                    format!("chmod 600 {}, or put it into a file of its own: {name}_file", path.display());
                let key = format!("clients[{index}].{name}");
                ledger.refuse_with(&key, "everyone on this machine can read this file", hint);
            }
        }
    }
    for key in raw.simple.secrets_in_the_file(ledger) {
        let hint =
            format!("chmod 600 {}, or put the secret into a file of its own: {key}_file", path.display());
        ledger.refuse_with(key, "everyone on this machine can read this file", hint);
    }
    for (index, account) in raw.accounts.iter().enumerate() {
        if !account.password_hash.is_empty() {
            let key = format!("accounts[{index}].password_hash");
            let hint = format!(
                "chmod 640 {}, or use password_hash_file: hashes can be guessed at offline",
                path.display()
            );
            return ledger.warn(&key, "everyone on this machine can read this file", hint);
        }
    }
}

#[cfg(unix)]
fn is_open(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    about.mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}
