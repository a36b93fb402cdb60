//! What people are told about sign-ins to their account: from a device nobody knows, or after several failures (security.md
//! THR-13).
//!
//! A device is known by its cookie; where none came, by address and program together, so that a script without cookies is told of
//! once. The first sign-in of all is news to nobody.

use minicbor::{Decode, Encode};

use super::next::Scene;
use crate::{
    crypto::{digest::sha256, mac::framed},
    domain::{
        account::{ACCOUNTS, AccountRecord},
        call::Call,
        credential::Version,
        fault::Fault,
        outbox::{self, Message, Template},
    },
    store::{Record, StoreError, Table, WriteTx},
    values::{id::AccountId, net::SourceKey, time::Timestamp},
};

const PLACES: Table<PlacesRecord> = Table::new();

/// Failures in a row that the owner is told of when a sign-in follows them.
pub const SEVERAL: u32 = 3;

/// So many places are remembered for an account; the longest unseen one goes.
const MOST_PLACES: usize = 32;

/// Where an account was signed in to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct PlacesRecord {
    #[n(0)]
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct Place {
    /// Of address and program; an address alone is nothing to keep.
    #[cbor(n(0), with = "minicbor::bytes")]
    digest: [u8; 16],
    #[n(1)]
    seen: Timestamp,
}

impl Record for PlacesRecord {
    type Key = AccountId;
    const SPACE: &'static str = "sign-in-places";
}

/// Tells the owner of a sign-in that just succeeded what there is to tell. `failures` in a row came before it.
pub(super) fn after_sign_in(
    tx: &mut WriteTx,
    id: AccountId,
    account: &AccountRecord,
    version: Option<Version>,
    failures: u32,
    scene: &Scene<'_>,
) -> Result<(), Fault> {
    let Scene { fresh, terms, call } = *scene;
    let mark = call.device.as_deref().zip(version);
    let known = mark.and_then(|(mark, version)| terms.keyring.known_device(id, version, mark, call.now));
    let is_new = remember_place(tx, id, call)? && known.is_none();
    let template = match failures {
        SEVERAL.. => Template::AfterFailures,
        _ if is_new => Template::NewDevice,
        _ => return Ok(()),
    };
    let Some(to) = account.email.as_ref().filter(|_| terms.mail) else { return Ok(()) };
    let mut values = circumstances(call);
    values.push(("name", account.display_name.clone()));
    values.push(("username", account.username.clone()));
    if template == Template::AfterFailures {
        values.push(("count", failures.to_string()));
    }
    let message =
        Message { template, to: to.clone(), language: None, account: Some(id), values, not_after: None };
    outbox::enqueue(tx, &terms.keyring, &message, call.now, fresh.letter)?;
    Ok(())
}

/// Tells the owner that a recovery code was used (security.md OTP-9).
pub(super) fn recovery_used(
    tx: &mut WriteTx,
    id: AccountId,
    left: usize,
    scene: &Scene<'_>,
) -> Result<(), Fault> {
    let Scene { fresh, terms, call } = *scene;
    let Some(account) = ACCOUNTS.get(tx, &id)? else { return Ok(()) };
    let Some(to) = account.email.filter(|_| terms.mail) else { return Ok(()) };
    let mut values = circumstances(call);
    values.push(("left", left.to_string()));
    values.push(("name", account.display_name));
    values.push(("username", account.username));
    let template = Template::RecoveryUsed;
    let message = Message { template, to, language: None, account: Some(id), values, not_after: None };
    outbox::enqueue(tx, &terms.keyring, &message, call.now, fresh.recovery_letter)?;
    Ok(())
}

/// When, from where and with what something was done, for a notice.
pub fn circumstances(call: &Call) -> Vec<(&'static str, String)> {
    let address = call.client.map(|client| client.to_string()).unwrap_or_default();
    vec![("time", call.now.rfc3339()), ("address", address), ("device", call.agent.to_string())]
}

/// Notes where a sign-in came from. Says whether that place is new, which the first of all is not.
pub fn remember_place(tx: &mut WriteTx, id: AccountId, call: &Call) -> Result<bool, StoreError> {
    let source = SourceKey::of(call.client).to_string();
    let mut digest = [0; 16];
    digest.copy_from_slice(&sha256(&framed(&[id.bytes(), source.as_bytes(), call.agent.as_bytes()]))[..16]);
    let mut record = PLACES.get(tx, &id)?.unwrap_or_default();
    let is_first = record.places.is_empty();
    if let Some(place) = record.places.iter_mut().find(|place| place.digest == digest) {
        // Its day is enough to know which has not been seen for longest.
        if call.now.since(place.seen) >= std::time::Duration::from_hours(24) {
            place.seen = call.now;
            PLACES.set(tx, &id, &record)?;
        }
        return Ok(false);
    }
    if record.places.len() >= MOST_PLACES {
        record.places.sort_by_key(|place| std::cmp::Reverse(place.seen));
        record.places.truncate(MOST_PLACES - 1);
    }
    record.places.push(Place { digest, seen: call.now });
    PLACES.set(tx, &id, &record)?;
    Ok(!is_first)
}

/// Forgets where a deleted account was signed in to.
pub fn forget_places(tx: &mut WriteTx, id: AccountId) -> Result<(), StoreError> {
    PLACES.take(tx, &id)?;
    Ok(())
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{Place, PlacesRecord, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn places() {
        let place = Place { digest: [7; 16], seen: Timestamp::from_millis(1_800_000_000_123) };
        check("src/domain/login/golden/places.v1.hex", &PlacesRecord { places: vec![place, place] });
    }
}
