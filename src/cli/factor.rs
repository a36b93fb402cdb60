//! `vouchsafe factor …`

use clap::Subcommand;

use super::{Failure, args::Args, ask, print, remote};
use crate::web::control::{Command, FactorCommand, FactorsView};

/// `vouchsafe factor …`. WHO is a user name, an e-mail address or an account id.
#[derive(Debug, Subcommand)]
pub(crate) enum FactorVerb {
    /// Take all second factors of an account away, for somebody who lost them; its sessions end and its owner is told by mail.
    Reset {
        /// Whose.
        who: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

pub(super) fn run(args: &Args, verb: &FactorVerb) -> Result<(), Failure> {
    let FactorVerb::Reset { who, yes } = verb;
    if !yes && !ask::consent(&format!("Take all second factors of {who} away?"))? {
        return Err("nothing was changed".into());
    }
    let verb = FactorCommand::Reset { who: who.clone() };
    print::show(args, &remote::execute(args, Command::Factor { verb })?)
}

/// What `vouchsafe account factors` prints.
pub(super) fn show(factors: &FactorsView) {
    let or_none = |since: &Option<String>| since.clone().unwrap_or_else(|| "-".to_owned());
    let mut recovery = factors.recovery_left.to_string();
    if factors.review {
        recovery.push_str(" (one was used lately)");
    }
    let email = or_none(&factors.email);
    let email = match &factors.mail_only {
        Some(since) => {
            format!("{email} (not beside the password, which was set by a link in a mail: {since})")
        }
        None => email,
    };
    for (name, value) in [
        ("required", if factors.required { "yes" } else { "no" }.to_owned()),
        ("passkeys", factors.passkeys.to_string()),
        ("totp", or_none(&factors.totp)),
        ("e-mail", email),
        ("sms", or_none(&factors.sms)),
        ("recovery", recovery),
    ] {
        say!("{name:<9} {value}");
    }
}
