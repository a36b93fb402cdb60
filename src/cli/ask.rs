//! Asking for secrets and for consent.

use std::io::{IsTerminal, Read, Write};

use super::Failure;
use crate::values::secret::Secret;

/// A new password: asked twice on a terminal, else one line of standard input.
pub(super) fn new_password() -> Result<Secret<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return password_from_stdin();
    }
    let first = Secret::new(rpassword::prompt_password("Password: ")?);
    let second = Secret::new(rpassword::prompt_password("Password again: ")?);
    if first.matches(second.expose()) { Ok(first) } else { Err("the two are not the same".into()) }
}

/// One line of standard input, without its end.
pub(super) fn password_from_stdin() -> Result<Secret<String>, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("no password on standard input".into());
    }
    if line.contains('\n') {
        return Err("more than one line on standard input".into());
    }
    Ok(Secret::new(line.to_owned()))
}

/// Whether the person at the terminal says yes.
pub(super) fn consent(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err("not a terminal: say --yes if you mean it".into());
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Longer input is no password.
const LONGEST: u64 = 4096;
