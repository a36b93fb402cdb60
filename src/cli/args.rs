//! The arguments.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{
    apikey::ApiKeyVerb,
    client::ClientVerb,
    factor::FactorVerb,
    import::ImportVerb,
    people::{InviteArgs, OneTimeArgs, StipulationVerb},
};
use crate::web::control::Command;

/// Guards web applications: answers nginx, Traefik, Caddy and HAProxy "may this request pass?",
/// with a login page, sessions and accounts in one file.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Args {
    /// The configuration file (TOML). Without one the defaults hold; `config.example.toml` lists every key.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder with the store, the master key and the control socket. Wins over `data_dir`.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the server.
    Serve,
    /// Check a configuration and print every complaint with its key and line.
    Check,
    /// Manage accounts and their sessions.
    #[command(subcommand)]
    Account(AccountVerb),
    /// Manage groups.
    #[command(subcommand)]
    Group(GroupVerb),
    /// Show or change what is asked of an account before it may be used.
    #[command(subcommand)]
    Stipulation(StipulationVerb),
    /// Print a link that signs somebody in, once. A second factor is asked for all the same.
    Onetime(OneTimeArgs),
    /// Invite somebody by e-mail, and print the link.
    Invite(InviteArgs),
    /// Manage OAuth clients: programs that let this one sign their people in.
    #[command(subcommand)]
    Client(ClientVerb),
    /// Manage the keys with which programs act for people.
    #[command(subcommand)]
    Apikey(ApiKeyVerb),
    /// Take the second factors of an account away.
    #[command(subcommand)]
    Factor(FactorVerb),
    /// Take over the accounts of another program.
    #[command(subcommand)]
    Import(ImportVerb),
    /// Read the audit trail, newest entry first.
    Audit(AuditArgs),
    /// Say how a request would be judged, by which rule, and from which facts.
    Explain(ExplainArgs),
    /// Try out mail, and look after messages that are not delivered.
    #[command(subcommand)]
    Mail(MailVerb),
    /// Hash a password for `[[accounts]]` of the configuration.
    HashPassword,
    /// Let the running server read its configuration again (as SIGHUP does).
    Reload,
    /// Write a consistent copy of the store, also while the server runs.
    Backup {
        /// The file to write; it must not exist.
        to: PathBuf,
    },
    /// Put a backup in the store's place. The server must not be running.
    Restore {
        /// The backup.
        backup: PathBuf,
    },
}

/// `vouchsafe account …`. WHO is a user name, an e-mail address or an account id.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountVerb {
    /// Create an account; asks for its password.
    Add {
        /// The name to sign in with.
        username: String,
        /// What people call the person.
        #[arg(long)]
        name: Option<String>,
        /// An e-mail address.
        #[arg(long)]
        email: Option<String>,
        /// A mobile number: + and digits.
        #[arg(long)]
        mobile: Option<String>,
        /// A group to join; may be repeated. Groups that do not exist are created.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// Create it without a password: nobody can sign in to it yet.
        #[arg(long, conflicts_with_all = ["password_stdin", "temporary"])]
        no_password: bool,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// List accounts.
    List,
    /// Show one account.
    Show {
        /// Which.
        who: String,
    },
    /// Set a password; all sessions of the account end.
    Passwd {
        /// Whose.
        who: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Close an account until it is enabled; its sessions end.
    Disable {
        /// Which.
        who: String,
        /// Why; shown in lists and the audit trail.
        #[arg(long, default_value = "by the operator")]
        reason: String,
    },
    /// Open a disabled account.
    Enable {
        /// Which.
        who: String,
    },
    /// Close an account for now; its sessions end.
    Lock {
        /// Which.
        who: String,
        /// Why; shown in lists and the audit trail.
        #[arg(long, default_value = "by the operator")]
        reason: String,
    },
    /// Open a locked account and forget its failed sign-ins.
    Unlock {
        /// Which.
        who: String,
    },
    /// Open an account that waits for approval.
    Approve {
        /// Which.
        who: String,
    },
    /// Delete an account. Its user name rests for 90 days.
    Delete {
        /// Which.
        who: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show the second factors of an account.
    Factors {
        /// Whose.
        who: String,
    },
    /// List the live sessions of an account, or end them.
    Sessions {
        /// Whose.
        who: String,
        /// End this session.
        #[arg(long, value_name = "ID", conflicts_with = "end_all")]
        end: Option<String>,
        /// End all sessions.
        #[arg(long)]
        end_all: bool,
    },
}

/// How a password is given.
#[derive(Debug, clap::Args)]
pub(crate) struct PasswordArgs {
    /// Read the password from standard input (one line) instead of asking.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The password must be replaced at the next sign-in.
    #[arg(long)]
    pub(crate) temporary: bool,
}

/// `vouchsafe group …`.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupVerb {
    /// List groups and their members.
    List,
    /// Create a group.
    Add {
        /// Its name.
        group: String,
    },
    /// Give a group another name.
    Rename {
        /// Its name.
        group: String,
        /// Its new name.
        to: String,
    },
    /// Delete a group.
    Delete {
        /// Its name.
        group: String,
    },
    /// Put a person into a group; a missing group is created.
    Join {
        /// The group.
        group: String,
        /// The person.
        who: String,
    },
    /// Take a person out of a group.
    Leave {
        /// The group.
        group: String,
        /// The person.
        who: String,
    },
}

impl GroupVerb {
    pub(crate) fn command(&self) -> Command {
        match self {
            Self::List => Command::GroupList,
            Self::Add { group } => Command::GroupAdd { group: group.clone() },
            Self::Rename { group, to } => Command::GroupRename { group: group.clone(), to: to.clone() },
            Self::Delete { group } => Command::GroupDelete { group: group.clone() },
            Self::Join { group, who } => Command::GroupJoin { group: group.clone(), who: who.clone() },
            Self::Leave { group, who } => Command::GroupLeave { group: group.clone(), who: who.clone() },
        }
    }
}

/// `vouchsafe mail …`.
#[derive(Debug, Subcommand)]
pub(crate) enum MailVerb {
    /// Send a test message now, and say what the mail server or SMS gateway said.
    Test {
        /// Where to: an e-mail address, or a mobile number that begins with +.
        address: String,
        /// The language of the message: en or zh.
        #[arg(long)]
        language: Option<String>,
    },
    /// List the messages (mail and SMS) that wait or were given up, oldest first.
    Queue {
        /// List those that were delivered, too; they are kept for a day.
        #[arg(long)]
        all: bool,
        /// Go on after the message with this id.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Have messages tried again now.
    Retry {
        /// The id of a message, or "all" that wait or were given up.
        #[arg(value_name = "ID|all", default_value = "all")]
        message: String,
    },
}

impl MailVerb {
    pub(crate) fn command(&self) -> Command {
        match self {
            Self::Test { address, language } => {
                Command::MailTest { to: address.clone(), language: language.clone() }
            }
            Self::Queue { all, after } => Command::MailQueue { all: *all, after: after.clone() },
            Self::Retry { message } => {
                Command::MailRetry { message: (message != "all").then(|| message.clone()) }
            }
        }
    }
}

/// `vouchsafe audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Only about this account (user name, e-mail address or id).
    #[arg(long, value_name = "WHO")]
    user: Option<String>,
    /// Only entries before this number, to read on.
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// How many, at most 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Check the trail's hash chain instead.
    #[arg(long, conflicts_with_all = ["user", "before"])]
    verify: bool,
}

impl AuditArgs {
    pub(crate) fn command(&self) -> Command {
        if self.verify {
            return Command::AuditVerify;
        }
        Command::Audit { who: self.user.clone(), before: self.before, limit: usize::from(self.limit) }
    }
}

/// `vouchsafe explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The signed-in person; nobody when left out.
    #[arg(long, value_name = "WHO")]
    user: Option<String>,
    /// The URL asked for.
    #[arg(long)]
    url: String,
    /// The method.
    #[arg(long, default_value = "GET")]
    method: String,
    /// The client's address.
    #[arg(long, value_name = "IP")]
    client: Option<String>,
    /// Judge as if a second factor had been given.
    #[arg(long)]
    second_factor: bool,
    /// Judge as if a second factor had been given so many seconds ago, for rules with `within`.
    #[arg(long, value_name = "SECONDS")]
    second_factor_age: Option<u64>,
}

impl ExplainArgs {
    pub(crate) fn command(&self) -> Command {
        Command::Explain {
            user: self.user.clone(),
            url: self.url.clone(),
            method: self.method.clone(),
            client: self.client.clone(),
            second_factor: self.second_factor,
            second_factor_age: self.second_factor_age,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Args::command().debug_assert();
    }
}
