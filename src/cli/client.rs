//! `vouchsafe client …`

use super::{
    Failure,
    args::{Args, ClientVerb},
    ask, print, remote,
};
use crate::web::control::Command;

pub(super) fn run(args: &Args, verb: &ClientVerb) -> Result<(), Failure> {
    let command = match verb {
        ClientVerb::Add(new) => Command::ClientAdd(Box::new(new.wanted())),
        ClientVerb::List => Command::ClientList { after: None },
        ClientVerb::Show { id } => Command::ClientShow { id: id.clone() },
        ClientVerb::Secret { id, only } => Command::ClientSecret { id: id.clone(), only: *only },
        ClientVerb::Delete { id, yes } => {
            if !yes && !ask::consent(&format!("Delete the client {id} and end all it was granted?"))? {
                return Err("nothing was changed".into());
            }
            Command::ClientDelete { id: id.clone() }
        }
    };
    print::show(args, &remote::execute(args, command)?)
}
