//! Codes by e-mail are a second factor only beside something that is not the mailbox itself.
//!
//! A link, and a password set by a link, show that somebody reads the owner's mail. A code sent there shows the same again; both together are
//! still one factor (security.md ENR-1). So it is not asked for then, and not taken.

use super::records::{FACTORS, FactorsRecord, Rules, of_account, options};
use crate::{
    domain::{
        account::AccountRecord,
        caller::{Factor, Strength},
    },
    store::{StoreError, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

/// Those of [`options`] that prove more than was proven already, the best first. Empty although the account has second factors when all of
/// them are the mailbox again: then the operator has to help.
pub fn provable(
    record: &FactorsRecord,
    account: &AccountRecord,
    rules: &Rules,
    strength: &Strength,
) -> Vec<Factor> {
    let mut provable = options(record, account, rules);
    if strength.is_by_mail() || record.mail_only.is_some() {
        provable.retain(|factor| *factor != Factor::EmailCode);
    }
    provable
}

/// The password is from now on that of whoever reads the mail: codes by e-mail are no factor beside it.
pub fn distrust_mail(tx: &mut WriteTx, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    let record = of_account(tx, account)?;
    if record.email.is_none() {
        return Ok(());
    }
    FACTORS.set(tx, &account, &FactorsRecord { mail_only: Some(now), ..record })
}

/// A factor was proven. If that was more than reading the mail, whoever reads it is the owner, and codes by e-mail count again.
pub fn trust_mail(tx: &mut WriteTx, account: AccountId, proven: Factor) -> Result<(), StoreError> {
    let record = of_account(tx, account)?;
    if record.mail_only.is_none() || proven == Factor::EmailCode {
        return Ok(());
    }
    FACTORS.set(tx, &account, &FactorsRecord { mail_only: None, ..record })
}
