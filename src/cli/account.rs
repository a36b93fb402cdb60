//! `vouchsafe account …`

use super::{
    Failure,
    args::{AccountVerb, Args, PasswordArgs},
    ask, print, remote, unexpected,
};
use crate::web::control::{Command, FactorCommand, PeopleCommand, Reply};

pub(super) fn run(args: &Args, verb: &AccountVerb) -> Result<(), Failure> {
    let command = match verb {
        AccountVerb::Add { username, name, email, mobile, groups, no_password, password } => {
            Command::AccountAdd {
                username: username.clone(),
                name: name.clone(),
                email: email.clone(),
                mobile: mobile.clone(),
                groups: groups.clone(),
                password: if *no_password { None } else { Some(given(password)?) },
                temporary: password.temporary,
            }
        }
        AccountVerb::List => return list(args),
        AccountVerb::Show { who } => Command::AccountShow { who: who.clone() },
        AccountVerb::Passwd { who, password } => Command::AccountPasswd {
            who: who.clone(),
            password: given(password)?,
            temporary: password.temporary,
        },
        AccountVerb::Disable { who, reason } => {
            Command::AccountDisable { who: who.clone(), reason: reason.clone() }
        }
        AccountVerb::Enable { who } => Command::AccountEnable { who: who.clone() },
        AccountVerb::Lock { who, reason } => {
            Command::AccountLock { who: who.clone(), reason: reason.clone() }
        }
        AccountVerb::Unlock { who } => Command::AccountUnlock { who: who.clone() },
        AccountVerb::Approve { who } => Command::People { verb: PeopleCommand::Approve { who: who.clone() } },
        AccountVerb::Delete { who, yes } => {
            if !yes && !ask::consent(&format!("Delete the account {who} for good?"))? {
                return Err("nothing was changed".into());
            }
            Command::AccountDelete { who: who.clone() }
        }
        AccountVerb::Factors { who } => Command::Factor { verb: FactorCommand::Show { who: who.clone() } },
        AccountVerb::Sessions { who, end: None, end_all: false } => Command::SessionList { who: who.clone() },
        AccountVerb::Sessions { who, end, .. } => {
            Command::SessionEnd { who: who.clone(), session: end.clone() }
        }
    };
    print::show(args, &remote::execute(args, command)?)
}

/// All pages of the list.
fn list(args: &Args) -> Result<(), Failure> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let reply = remote::execute(args, Command::AccountList { after: after.clone() })?;
        let Reply::Accounts(page) = reply else { return Err(unexpected(&reply)) };
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        all.extend(page);
    }
    print::show(args, &Reply::Accounts(all))
}

fn given(password: &PasswordArgs) -> Result<String, Failure> {
    let secret = if password.password_stdin { ask::password_from_stdin()? } else { ask::new_password()? };
    Ok(secret.expose().clone())
}
