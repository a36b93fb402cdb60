//! `vouchsafe stipulation …`, `vouchsafe onetime`, `vouchsafe invite`: joining and coming back.

use clap::Subcommand;

use crate::web::control::{Command, PeopleCommand};

/// `vouchsafe stipulation …`. WHO is a user name, an e-mail address or an account id.
#[derive(Debug, Subcommand)]
pub(crate) enum StipulationVerb {
    /// Show what is asked of an account.
    List {
        /// Which.
        who: String,
    },
    /// Ask something of an account; its sessions end.
    Add {
        /// Which.
        who: String,
        /// confirm-email, manual-approval, accept-terms=VERSION or change-password.
        what: String,
    },
    /// Ask something no more.
    Remove {
        /// Which.
        who: String,
        /// confirm-email, manual-approval, accept-terms or change-password.
        what: String,
    },
    /// Ask nothing of an account any more.
    Removeall {
        /// Which.
        who: String,
    },
}

impl StipulationVerb {
    pub(crate) fn command(&self) -> Command {
        let verb = match self {
            Self::List { who } => PeopleCommand::Stipulations { who: who.clone() },
            Self::Add { who, what } => PeopleCommand::Stipulate { who: who.clone(), what: what.clone() },
            Self::Remove { who, what } => {
                PeopleCommand::Unstipulate { who: who.clone(), what: Some(what.clone()) }
            }
            Self::Removeall { who } => PeopleCommand::Unstipulate { who: who.clone(), what: None },
        };
        Command::People { verb }
    }
}

/// `vouchsafe onetime`
#[derive(Debug, clap::Args)]
pub(crate) struct OneTimeArgs {
    /// Whom it signs in: a user name, an e-mail address or an account id.
    who: String,
    /// How long it is good, as in 30m or 24h; at most 24h.
    #[arg(short, long, default_value = "30m", value_parser = seconds)]
    duration: u64,
}

impl OneTimeArgs {
    pub(crate) fn command(&self) -> Command {
        Command::People { verb: PeopleCommand::OneTime { who: self.who.clone(), seconds: self.duration } }
    }
}

/// `vouchsafe invite`
#[derive(Debug, clap::Args)]
pub(crate) struct InviteArgs {
    /// The address. The account is for it alone.
    email: String,
    /// A group the account will be in; may be repeated. Groups that do not exist are created.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// How long it is good, as in 24h; at most 72h.
    #[arg(short, long, value_parser = seconds)]
    duration: Option<u64>,
}

impl InviteArgs {
    pub(crate) fn command(&self) -> Command {
        let (email, groups, seconds) = (self.email.clone(), self.groups.clone(), self.duration);
        Command::People { verb: PeopleCommand::Invite { email, groups, seconds } }
    }
}

/// `90s`, `30m`, `24h`.
fn seconds(text: &str) -> Result<u64, String> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err("write it with a unit, as in 90s, 30m or 24h".to_owned()),
    };
    let count = text.get(..text.len() - 1).and_then(|count| count.parse::<u64>().ok());
    count.and_then(|count| count.checked_mul(unit)).ok_or_else(|| "is no whole number with a unit".to_owned())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans_have_a_unit() {
        assert_eq!((seconds("90s"), seconds("30m"), seconds("24h")), (Ok(90), Ok(1800), Ok(86_400)));
        for text in ["", "5", "h", "-1h", "1.5h", "1d", "99999999999999999999h", "\u{e9}"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
