//! The command line.
//!
//! **Responsibility.** Arguments, prompts and printing. What a subcommand does to the house is a `Command`, carried out by a running
//! server through the control socket or, without one, on the opened store.
//!
//! **Invariants.** Secrets are read from a terminal or from standard input, never from arguments (other users can read those).
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 refused or failed, 2 wrong arguments.
//!
//! **Not here.** Rules.
//!
//! **Start reading at** [`main`], then `args` for what there is to type.

#![expect(clippy::print_stderr, reason = "printing is this room's work")]

/// A line on standard output. Whoever reads may have gone (`| head`), and that is no reason to panic.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod account;
mod apikey;
mod args;
mod ask;
mod client;
mod factor;
mod import;
mod people;
mod print;
mod remote;
mod serve;

use std::{path::Path, process::ExitCode, sync::Arc};

use clap::Parser;

use self::args::{Args, Verb};
use crate::{
    boot::{self, LoadSettings},
    config::{self, Overrides, Settings},
    web::control::{Command, Reply},
    world::World,
};

/// Runs the program on the process's own arguments and environment.
pub fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Something did not work; the message is for a person.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl<T: std::fmt::Display> From<T> for Failure {
    fn from(message: T) -> Self {
        Self(message.to_string())
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    // Several crates make TLS settings without naming a provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match &args.verb {
        Verb::Serve => serve::serve(&loader(args)),
        Verb::Check => check(args),
        Verb::HashPassword => hash_password(args),
        Verb::Restore { backup } => restore(args, backup),
        Verb::Account(verb) => account::run(args, verb),
        Verb::Import(verb) => import::run(args, verb),
        Verb::Client(verb) => client::run(args, verb),
        Verb::Apikey(verb) => apikey::run(args, verb),
        Verb::Factor(verb) => factor::run(args, verb),
        Verb::Group(verb) => print::show(args, &remote::execute(args, verb.command())?),
        Verb::Mail(verb) => print::show(args, &remote::execute(args, verb.command())?),
        Verb::Audit(audit) => print::show(args, &remote::execute(args, audit.command())?),
        Verb::Explain(explain) => print::show(args, &remote::execute(args, explain.command())?),
        Verb::Stipulation(verb) => print::show(args, &remote::execute(args, verb.command())?),
        Verb::Onetime(onetime) => print::show(args, &remote::execute(args, onetime.command())?),
        Verb::Invite(invite) => print::show(args, &remote::execute(args, invite.command())?),
        Verb::Reload => print::show(args, &remote::execute(args, Command::Reload)?),
        Verb::Backup { to } => {
            let path = std::path::absolute(to)?;
            let path = path.to_str().ok_or("the path is not UTF-8")?.to_owned();
            print::show(args, &remote::execute(args, Command::Backup { path })?)
        }
    }
}

/// Reads the configuration; the same function serves reloads.
pub(crate) fn loader(args: &Args) -> LoadSettings {
    let (path, data_dir) = (args.config.clone(), args.data_dir.clone());
    Arc::new(move || {
        let overrides = Overrides { data_dir: data_dir.clone() };
        config::load(path.as_deref(), std::env::vars_os(), overrides)
            .map_err(|complaints| complaints.to_string())
    })
}

pub(crate) fn settings(args: &Args) -> Result<Settings, Failure> {
    loader(args)().map_err(Failure)
}

/// `vouchsafe check`
fn check(args: &Args) -> Result<(), Failure> {
    let settings = settings(args)?;
    for warning in &settings.warnings {
        eprintln!("warning: {warning}");
    }
    let what = args.config.as_ref().map_or_else(
        || "defaults and environment; no --config was given".to_owned(),
        |path| path.display().to_string(),
    );
    say!("The configuration is good ({what}).");
    Ok(())
}

/// `vouchsafe hash-password`: for `[[accounts]]`.
fn hash_password(args: &Args) -> Result<(), Failure> {
    let settings = settings(args)?;
    let password = ask::new_password()?;
    let weak = boot::weaknesses(&settings, &password);
    if !weak.is_empty() {
        return Err(Failure(weak.join("\n")));
    }
    say!("{}", boot::hash_password(&settings, &password, &World::real())?);
    Ok(())
}

/// `vouchsafe restore`
fn restore(args: &Args, backup: &Path) -> Result<(), Failure> {
    let settings = settings(args)?;
    let restored = boot::restore(&settings, backup, &World::real())?;
    say!(
        "The store is restored (epoch {}). Sessions, one-time links and codes from before are void; people sign in again.",
        restored.epoch
    );
    if let Some(kept) = restored.kept {
        say!("The store that was there is {} now; it holds password hashes.", kept.display());
    }
    Ok(())
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The one reply a command can have, or a message that the versions differ.
pub(crate) fn unexpected(reply: &Reply) -> Failure {
    Failure(format!("the server answered something else than expected (another version?): {reply:?}"))
}
