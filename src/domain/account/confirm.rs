//! Addresses that their owner has shown to be reached at.

use super::records::{ACCOUNTS, AccountRecord, email_is_free, mobile_is_free, readdress, save};
use crate::{
    domain::fault::{Fault, Reason},
    store::WriteTx,
    values::{email::EmailAddress, id::AccountId, phone::Phone, time::Timestamp},
};

/// The owner of the account has shown to read the mail of this address: it is the account's from now on, if it is free. An older
/// address rests.
///
/// # Errors
/// [`Reason::NotFound`] without such an account, [`Reason::Taken`] when the address is somebody else's by now.
pub fn confirm_email(
    tx: &mut WriteTx,
    id: AccountId,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<AccountRecord, Fault> {
    let old = ACCOUNTS.get(tx, &id)?.ok_or(Fault::new(Reason::NotFound))?;
    email_is_free(tx, old.tenant, id, email.canonical(), now)?;
    let new = AccountRecord {
        email: Some(email.as_str().to_owned()),
        email_canonical: Some(email.canonical().to_owned()),
        ..old.clone()
    };
    readdress(tx, id, &old, &new, now)?;
    let confirmed = AccountRecord { email_confirmed: Some(now), ..new };
    save(tx, id, &confirmed)?;
    Ok(confirmed)
}

/// The same for a mobile number.
///
/// # Errors
/// As [`confirm_email`].
pub fn confirm_mobile(
    tx: &mut WriteTx,
    id: AccountId,
    mobile: &Phone,
    now: Timestamp,
) -> Result<AccountRecord, Fault> {
    let old = ACCOUNTS.get(tx, &id)?.ok_or(Fault::new(Reason::NotFound))?;
    mobile_is_free(tx, old.tenant, id, mobile.as_str(), now)?;
    let new = AccountRecord { mobile: Some(mobile.as_str().to_owned()), ..old.clone() };
    readdress(tx, id, &old, &new, now)?;
    let confirmed = AccountRecord { mobile_confirmed: Some(now), ..new };
    save(tx, id, &confirmed)?;
    Ok(confirmed)
}
