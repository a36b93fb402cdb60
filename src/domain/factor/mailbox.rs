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
    // Without any factor there is nothing that a mailbox could be instead of. With one, codes by e-mail may be added later.
    let FactorsRecord { totp, email, sms, passkeys, .. } = &record;
    if totp.is_none() && email.is_none() && sms.is_none() && passkeys.is_none() {
        return Ok(());
    }
    FACTORS.set(tx, &account, &FactorsRecord { mail_only: Some(now), ..record })
}

/// The operator has set another password, so it is not that of whoever reads the mail any more: codes by e-mail count beside it, as long as
/// the operator did not send it to that very mailbox. A password that a program or a signed-in person sets changes nothing here: who reads the
/// mail may be behind both.
pub fn password_by_operator(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    let record = of_account(tx, account)?;
    if record.mail_only.is_none() {
        return Ok(());
    }
    FACTORS.set(tx, &account, &FactorsRecord { mail_only: None, ..record })
}

/// All this was proven together. If the password was among it, and something more than reading the mail, whoever knows the password is
/// the owner, and codes by e-mail count again beside it. What its owner proves without the password says nothing of who set it.
pub fn trust_mail(tx: &mut WriteTx, account: AccountId, strength: &Strength) -> Result<(), StoreError> {
    let record = of_account(tx, account)?;
    let has = |wanted: fn(Factor) -> bool| strength.proofs.iter().any(|proof| wanted(proof.factor));
    let owners = has(|factor| factor == Factor::Password)
        && has(|factor| match factor {
            Factor::Totp
            | Factor::RecoveryCode
            | Factor::SmsCode
            | Factor::Passkey
            | Factor::VerifiedPasskey => true,
            Factor::Password | Factor::EmailCode | Factor::TrustedDevice | Factor::Link => false,
        });
    if record.mail_only.is_none() || !owners {
        return Ok(());
    }
    FACTORS.set(tx, &account, &FactorsRecord { mail_only: None, ..record })
}
