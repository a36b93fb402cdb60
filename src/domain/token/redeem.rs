//! A code becomes tokens, once (security.md OAU-4, OAU-5).

use subtle::ConstantTimeEq as _;

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

/// What a client says when it redeems a code, and the tokens it is to get.
#[derive(Clone, Debug)]
pub struct Redemption {
    /// The code.
    pub presented: Presented,
    /// Who redeems; proven already.
    pub client: ClientId,
    /// The address the code was sent to, as the client says.
    pub redirect_uri: Option<String>,
    /// The verifier.
    pub verifier: Option<String>,
    /// The access token to be.
    pub access: NewAccess,
    /// The refresh token to be.
    pub refresh: Option<NewLeaf>,
}

/// How it ended. Each of these is to be committed.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// The tokens are stored.
    Issued(AuthorizationRecord),
    /// Nothing happened; for the trail, why.
    Refused(&'static str),
    /// The code had been redeemed before: everything that came of it has ended.
    Replayed(AuthorizationRecord),
}

/// What a redemption amounts to.
enum Judged {
    Refused(&'static str),
    Replayed(AuthorizationRecord),
    Good(AuthorizationRecord, [u8; 32]),
}

/// Redeems a code. A refusal leaves the code as it was; the right client may still use it.
pub fn redeem(
    tx: &mut WriteTx,
    redemption: &Redemption,
    now: Timestamp,
    epoch: u64,
) -> Result<Redeemed, StoreError> {
    let id = redemption.presented.authorization;
    match judge(tx, redemption, now, epoch)? {
        Judged::Refused(why) => Ok(Redeemed::Refused(why)),
        Judged::Replayed(record) => {
            ending::end(tx, id)?;
            Ok(Redeemed::Replayed(record))
        }
        Judged::Good(mut record, code) => {
            let refresh = redemption.refresh.as_ref();
            open_family(tx, id, &mut record, Some(code), &redemption.access, refresh, now)?;
            Ok(Redeemed::Issued(record))
        }
    }
}

/// How a redemption would end that changes nothing: anybody can ask for any number of those, so no transaction is begun for them.
pub fn foresee_redemption(
    tx: &impl Reading,
    redemption: &Redemption,
    now: Timestamp,
    epoch: u64,
) -> Result<Option<Redeemed>, StoreError> {
    Ok(match judge(tx, redemption, now, epoch)? {
        Judged::Refused(why) => Some(Redeemed::Refused(why)),
        Judged::Replayed(_) | Judged::Good(..) => None,
    })
}

/// Each condition is looked at by itself, and any of them refuses.
fn judge(
    tx: &impl Reading,
    redemption: &Redemption,
    now: Timestamp,
    epoch: u64,
) -> Result<Judged, StoreError> {
    let Some(record) = AUTHORIZATIONS.get(tx, &redemption.presented.authorization)? else {
        return Ok(Judged::Refused("the code is unknown"));
    };
    // Whoever brings it: a code that was spent and comes again is in wrong hands.
    let State::Granted(granted) = &record.state else { return Ok(Judged::Replayed(record)) };
    if !bool::from(granted.code.ct_eq(&redemption.presented.digest)) {
        return Ok(Judged::Refused("the code is not the one that was sent"));
    }
    if !record.is_live(now, epoch) {
        return Ok(Judged::Refused("the code is too old"));
    }
    if record.client != redemption.client {
        return Ok(Judged::Refused("the code is another client's"));
    }
    match &redemption.redirect_uri {
        Some(uri) if *uri != granted.redirect_uri => {
            return Ok(Judged::Refused("the redirect_uri is another one"));
        }
        None if granted.redirect_named => return Ok(Judged::Refused("the redirect_uri is missing")),
        _ => {}
    }
    if !granted.is_proven_by(redemption.verifier.as_deref()) {
        return Ok(Judged::Refused("the code_verifier does not fit"));
    }
    let code = granted.code;
    Ok(Judged::Good(record, code))
}

/// The first tokens of a family. `record` is written down as it is from now on.
pub(crate) fn open_family(
    tx: &mut WriteTx,
    id: crate::values::id::AuthorizationId,
    record: &mut AuthorizationRecord,
    code: Option<[u8; 32]>,
    access: &NewAccess,
    refresh: Option<&NewLeaf>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Kept as long as anything of it is good, so that the code is known when it comes again.
    let access_ends = now + access.lifetime;
    record.ends = refresh.map_or(access_ends, |refresh| access_ends.max(now + refresh.absolute));
    let refresh = refresh.map(|refresh| refresh.leaf(now, now + refresh.absolute));
    record.state = State::Live(Live { code, refresh });
    AUTHORIZATIONS.set(tx, &id, record)?;
    issue(tx, id, record, &record.scopes, access, now)
}
