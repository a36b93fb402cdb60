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
    store::{StoreError, WriteTx},
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

/// Redeems a code. Each condition is looked at by itself, and any of them refuses. A refusal leaves the code as it was; the right
/// client may still use it.
pub fn redeem(
    tx: &mut WriteTx,
    redemption: &Redemption,
    now: Timestamp,
    epoch: u64,
) -> Result<Redeemed, StoreError> {
    let id = redemption.presented.authorization;
    let Some(mut record) = AUTHORIZATIONS.get(tx, &id)? else {
        return Ok(Redeemed::Refused("the code is unknown"));
    };
    let granted = match &record.state {
        State::Granted(granted) => granted.clone(),
        // Whoever brings it: a code that was spent and comes again is in wrong hands.
        State::Live(_) => {
            ending::end(tx, id)?;
            return Ok(Redeemed::Replayed(record));
        }
    };
    if !bool::from(granted.code.ct_eq(&redemption.presented.digest)) {
        return Ok(Redeemed::Refused("the code is not the one that was sent"));
    }
    if !record.is_live(now, epoch) {
        return Ok(Redeemed::Refused("the code is too old"));
    }
    if record.client != redemption.client {
        return Ok(Redeemed::Refused("the code is another client's"));
    }
    match &redemption.redirect_uri {
        Some(uri) if *uri != granted.redirect_uri => {
            return Ok(Redeemed::Refused("the redirect_uri is another one"));
        }
        None if granted.redirect_named => return Ok(Redeemed::Refused("the redirect_uri is missing")),
        _ => {}
    }
    if !granted.is_proven_by(redemption.verifier.as_deref()) {
        return Ok(Redeemed::Refused("the code_verifier does not fit"));
    }
    let code = Some(granted.code);
    open_family(tx, id, &mut record, code, &redemption.access, redemption.refresh.as_ref(), now)?;
    Ok(Redeemed::Issued(record))
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
