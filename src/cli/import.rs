//! `vouchsafe import …`: the accounts of another program.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};

use super::{Failure, args::Args, print, remote, unexpected};
use crate::web::control::{Command, ForeignAccount, ForeignEntry, ImportView, Reply};

/// `vouchsafe import …`
#[derive(Debug, Subcommand)]
pub(crate) enum ImportVerb {
    /// Take over the accounts of Simple Auth from its `SQLite` database: names, addresses, password hashes, second factors, open
    /// stipulations and audit trails. Accounts keep their ids. Running it again takes over what is not here yet.
    SimpleAuth {
        /// The database (`db.url` of its configuration). It is only read.
        file: PathBuf,
        /// Say what would happen, and keep nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(args: &Args, verb: &ImportVerb) -> Result<(), Failure> {
    let ImportVerb::SimpleAuth { file, dry_run } = verb;
    let accounts = simple_auth(file)?;
    let commands =
        accounts.into_iter().map(|account| Command::Import { account: Box::new(account), dry_run: *dry_run });
    let mut done = Vec::new();
    remote::execute_each(args, commands.collect(), |reply| match reply {
        Reply::Imported(view) => {
            done.push(view);
            Ok(())
        }
        other => Err(unexpected(&other)),
    })?;
    tell(args, &done, *dry_run)
}

fn tell(args: &Args, done: &[ImportView], dry_run: bool) -> Result<(), Failure> {
    if args.json {
        say!("{}", serde_json::to_string_pretty(done)?);
    } else {
        let noted = done.iter().filter(|view| view.outcome == "refused" || !view.notes.is_empty());
        let rows: Vec<_> = noted
            .map(|view| vec![view.username.clone(), view.outcome.clone(), view.notes.join("; ")])
            .collect();
        if !rows.is_empty() {
            print::table(&["USER", "OUTCOME", "NOTES"], rows);
        }
        let count = |outcome: &str| done.iter().filter(|view| view.outcome == outcome).count();
        let would = if dry_run { " (nothing was kept)" } else { "" };
        say!(
            "{} accounts taken over, {} there already, {} refused{would}.",
            count("created"),
            count("there already"),
            count("refused")
        );
    }
    match done.iter().filter(|view| view.outcome == "refused").count() {
        0 => Ok(()),
        refused => Err(Failure::from(format!("{refused} accounts were not taken over; see above"))),
    }
}

/// So many entries of one account's trail are taken over, the newest.
const MOST_ENTRIES: usize = 1000;

/// Reads the accounts of a Simple Auth database (simple-auth.md section 11), without those it has deleted.
fn simple_auth(file: &Path) -> Result<Vec<ForeignAccount>, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let told = |error: rusqlite::Error| Failure::from(format!("{}: {error}", file.display()));
    let database = Connection::open_with_flags(file, flags).map_err(told)?;
    if !has_table(&database, "accounts").map_err(told)?
        || !has_table(&database, "account_auth_locals").map_err(told)?
    {
        return Err(Failure::from(format!("{} is no database of Simple Auth", file.display())));
    }
    accounts(&database).map_err(told)
}

fn has_table(database: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
    Ok(database.query_row(sql, [name], |_| Ok(())).optional()?.is_some())
}

fn accounts(database: &Connection) -> rusqlite::Result<Vec<ForeignAccount>> {
    let sql = "SELECT id, uuid, name, email, active, CAST(created_at AS TEXT) FROM accounts WHERE deleted_at IS NULL ORDER BY id";
    let mut found = database.prepare(sql)?;
    let rows = found.query_map([], |row| Ok((row.get::<_, i64>(0)?, account(row)?)))?;
    let mut accounts = Vec::new();
    for row in rows {
        let (id, mut account) = row?;
        add_login(database, id, &mut account)?;
        if has_table(database, "account_stipulations")? {
            add_stipulations(database, id, &mut account)?;
        }
        if has_table(database, "account_audit_records")? {
            account.trail = trail(database, id)?;
        }
        accounts.push(account);
    }
    Ok(accounts)
}

fn account(row: &Row<'_>) -> rusqlite::Result<ForeignAccount> {
    let text = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(at)?.unwrap_or_default());
    Ok(ForeignAccount {
        id: text(1)?,
        name: text(2)?,
        email: text(3)?,
        active: row.get::<_, Option<bool>>(4)?.unwrap_or(true),
        created: row.get::<_, Option<String>>(5)?.map(|text| rfc3339(&text)),
        ..ForeignAccount::default()
    })
}

/// The first of its local logins; an account without one (it signs in elsewhere) is called by the first part of its address.
fn add_login(database: &Connection, id: i64, account: &mut ForeignAccount) -> rusqlite::Result<()> {
    let sql = "SELECT username, password_bcrypt, totp_spec FROM account_auth_locals \
               WHERE account_id = ?1 AND deleted_at IS NULL ORDER BY id LIMIT 1";
    let login = database.query_row(sql, [id], |row| {
        Ok((row.get::<_, Option<String>>(0)?, text_of(row, 1)?, row.get::<_, Option<String>>(2)?))
    });
    match login.optional()? {
        Some((username, password, totp)) => {
            account.username = username.unwrap_or_default();
            account.password = password.filter(|hash| !hash.is_empty());
            account.totp = totp.filter(|spec| !spec.is_empty()).map(|spec| secret_of(&spec));
        }
        None => account.username = account.email.split('@').next().unwrap_or_default().to_owned(),
    }
    Ok(())
}

/// A hash may be stored as text or as bytes.
fn text_of(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(at)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    })
}

fn add_stipulations(database: &Connection, id: i64, account: &mut ForeignAccount) -> rusqlite::Result<()> {
    let sql = "SELECT type FROM account_stipulations WHERE account_id = ?1 AND deleted_at IS NULL";
    let mut found = database.prepare(sql)?;
    for kind in found.query_map([id], |row| row.get::<_, Option<String>>(0))? {
        match kind?.as_deref() {
            Some("token") => account.unconfirmed = true,
            _ => account.unapproved = true,
        }
    }
    Ok(())
}

fn trail(database: &Connection, id: i64) -> rusqlite::Result<Vec<ForeignEntry>> {
    let sql = "SELECT CAST(created_at AS TEXT), module, level, message FROM account_audit_records \
               WHERE account_id = ?1 AND deleted_at IS NULL ORDER BY id DESC LIMIT ?2";
    let mut found = database.prepare(sql)?;
    let most = i64::try_from(MOST_ENTRIES).unwrap_or(i64::MAX);
    let rows = found.query_map([id, most], |row| {
        let text =
            |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(at)?.unwrap_or_default());
        Ok(ForeignEntry { at: rfc3339(&text(0)?), module: text(1)?, level: text(2)?, message: text(3)? })
    })?;
    let mut entries = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    entries.reverse();
    Ok(entries)
}

/// `otpauth://totp/…?secret=…`; what has no secret is handed on to be refused.
fn secret_of(spec: &str) -> String {
    let query = spec.split_once('?').map_or("", |(_, query)| query);
    let secret = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "secret");
    secret.map_or_else(|| spec.to_owned(), |(_, secret)| secret.into_owned())
}

/// Its database driver writes `2021-12-19 10:11:12.345678+01:00`, sometimes without the offset, which then is UTC.
fn rfc3339(text: &str) -> String {
    let mut at = text.trim().replacen(' ', "T", 1);
    if let Some(clock) = at.split_once('T').map(|(_, clock)| clock.to_owned())
        && !clock.contains(['+', '-', 'Z', 'z'])
    {
        at.push('Z');
    }
    at
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{Failure, rfc3339, secret_of, simple_auth};

    /// A database as the original makes it, with one of each kind of account.
    fn database(folder: &std::path::Path) -> std::path::PathBuf {
        let path = folder.join("simpleauth.db");
        let database = Connection::open(&path).unwrap();
        database.execute_batch(include_str!("import/simpleauth.sql")).unwrap();
        path
    }

    #[test]
    fn everything_but_the_deleted_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = simple_auth(&database(folder.path()));
        let accounts = accounts.unwrap_or_else(|Failure(message)| panic!("{message}"));
        let names: Vec<_> = accounts.iter().map(|account| account.username.as_str()).collect();
        assert_eq!(names, ["alice", "bob", "carol", "elsewhere"]);
        let alice = &accounts[0];
        assert_eq!(alice.id, "0b8f0c52-7a68-4f3a-9d0e-111111111111");
        assert_eq!(
            (alice.name.as_str(), alice.email.as_str(), alice.active),
            ("Alice", "alice@example.com", true)
        );
        assert_eq!(alice.created.as_deref(), Some("2021-12-19T10:11:12.345678+01:00"));
        assert!(alice.password.as_ref().unwrap().starts_with("$2a$10$"));
        assert_eq!(alice.totp.as_deref(), Some("JBSWY3DPEHPK3PXPJBSW===="));
        let trail: Vec<_> =
            alice.trail.iter().map(|entry| (entry.level.as_str(), entry.message.as_str())).collect();
        assert_eq!(trail, [("info", "Account created"), ("warn", "Login failed")]);
        assert!(accounts[1].unconfirmed && !accounts[1].active && accounts[1].password.is_some());
        assert!(accounts[2].password.is_none() && !accounts[2].unconfirmed);
        assert!(accounts[3].password.is_none());
    }

    #[test]
    fn what_is_no_such_database_is_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE accounts (id INTEGER)").unwrap();
        let text = folder.path().join("text");
        std::fs::write(&text, "not a database, but long enough to be looked at as one").unwrap();
        for path in [other, text, folder.path().join("missing")] {
            assert!(simple_auth(&path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn times_and_secrets_are_found_in_what_is_stored() {
        assert_eq!(rfc3339("2021-12-19 10:11:12"), "2021-12-19T10:11:12Z");
        assert_eq!(rfc3339("2021-12-19T10:11:12Z"), "2021-12-19T10:11:12Z");
        assert_eq!(rfc3339("2021-12-19 10:11:12.5-05:00"), "2021-12-19T10:11:12.5-05:00");
        assert_eq!(secret_of("otpauth://totp/x:y?algorithm=SHA1&secret=ABC%3D&period=30"), "ABC=");
        assert_eq!(secret_of("garbage"), "garbage");
    }
}
