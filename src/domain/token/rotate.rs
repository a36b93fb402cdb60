//! A refresh token becomes the next one (security.md OAU-10).

use super::{
    access::{NewAccess, issue},
    authorization::{AUTHORIZATIONS, AuthorizationRecord, Live, NewLeaf, State},
    ending,
    text::Presented,
};
use crate::{
    domain::client::ClientId,
    store::{Reading, StoreError, WriteTx},
    values::time::Timestamp,
};

/// What a client says when it renews its tokens, and those it is to get.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The refresh token.
    pub presented: Presented,
    /// Who asks; proven already.
    pub client: ClientId,
    /// Fewer scopes for the access token, if asked.
    pub scopes: Option<Vec<String>>,
    /// What the client may have by now: the operator may have taken something away since.
    pub allowed: Vec<String>,
    /// The access token to be.
    pub access: NewAccess,
    /// The refresh token to be.
    pub refresh: NewLeaf,
}

/// How it ended. Each of these is to be committed.
#[derive(Clone, Debug)]
pub enum Rotated {
    /// The tokens are stored; the access token is good for these scopes.
    Issued(AuthorizationRecord, Vec<String>),
    /// Nothing happened; for the trail, why.
    Refused(&'static str),
    /// More scopes were asked for than were granted.
    Wider,
    /// The token had been used before: its family has ended.
    Reused(AuthorizationRecord),
}

/// What a rotation amounts to.
enum Judged {
    /// What is told when nothing happens.
    Nothing(Rotated),
    Reused(AuthorizationRecord),
    /// The family, its code, and the scopes of the access token.
    Good(AuthorizationRecord, Option<[u8; 32]>, Vec<String>),
}

/// Renews the tokens of a family.
///
/// There is no time of grace for a token that was just replaced: a client that asks twice at once loses its family and sends its
/// person through the browser again, which is what the rule against stolen tokens costs.
pub fn rotate(
    tx: &mut WriteTx,
    rotation: &Rotation,
    now: Timestamp,
    epoch: u64,
) -> Result<Rotated, StoreError> {
    let id = rotation.presented.authorization;
    match judge(tx, rotation, now, epoch)? {
        Judged::Nothing(refused) => Ok(refused),
        Judged::Reused(record) => {
            ending::end(tx, id)?;
            Ok(Rotated::Reused(record))
        }
        Judged::Good(mut record, code, scopes) => {
            let next = rotation.refresh.leaf(now, record.ends);
            record.state = State::Live(Live { code, refresh: Some(next) });
            AUTHORIZATIONS.set(tx, &id, &record)?;
            issue(tx, id, &record, &scopes, &rotation.access, now)?;
            Ok(Rotated::Issued(record, scopes))
        }
    }
}

/// How a rotation would end that changes nothing: anybody can ask for any number of those, so no transaction is begun for them.
pub fn foresee_rotation(
    tx: &impl Reading,
    rotation: &Rotation,
    now: Timestamp,
    epoch: u64,
) -> Result<Option<Rotated>, StoreError> {
    Ok(match judge(tx, rotation, now, epoch)? {
        Judged::Nothing(refused) => Some(refused),
        Judged::Reused(_) | Judged::Good(..) => None,
    })
}

fn judge(tx: &impl Reading, rotation: &Rotation, now: Timestamp, epoch: u64) -> Result<Judged, StoreError> {
    let refused = |why| Ok(Judged::Nothing(Rotated::Refused(why)));
    let Some(record) = AUTHORIZATIONS.get(tx, &rotation.presented.authorization)? else {
        return refused("the refresh token is revoked or too old");
    };
    // Another client's token is none for this one, and its misuse must not end what is not its own.
    if record.client != rotation.client {
        return refused("the refresh token is another client's");
    }
    if !record.is_live(now, epoch) {
        return refused("the refresh token's family is over");
    }
    let State::Live(Live { code, refresh: Some(leaf) }) = &record.state else {
        return refused("there is no refresh token in this family");
    };
    if leaf.digest != rotation.presented.digest {
        // It bears our MAC, so it was this family's once.
        return Ok(Judged::Reused(record));
    }
    if now >= leaf.ends {
        return refused("the refresh token was not used for too long");
    }
    let mut scopes = match &rotation.scopes {
        None => record.scopes.clone(),
        Some(asked) if asked.iter().all(|scope| record.scopes.contains(scope)) => asked.clone(),
        Some(_) => return Ok(Judged::Nothing(Rotated::Wider)),
    };
    scopes.retain(|scope| rotation.allowed.contains(scope));
    let code = *code;
    Ok(Judged::Good(record, code, scopes))
}
