//! What an account is to its owner: itself and what it signs in with, without a secret.

use super::records::{self, Channel, FactorsRecord, Rules};
use crate::{
    domain::{
        account::{ACCOUNTS, AccountRecord},
        caller::Factor,
        credential::PASSWORDS,
    },
    store::{Reading, StoreError},
    values::{id::AccountId, time::Timestamp},
};

/// The second factors of an account: which, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// How many passkeys; `None` for none.
    pub passkeys: Option<u32>,
    /// An authenticator app, since when.
    pub totp: Option<Timestamp>,
    /// Recovery codes that are left, and since when the set is there.
    pub recovery: Option<(usize, Timestamp)>,
    /// Codes by e-mail, since when, while the account has that address.
    pub email: Option<Timestamp>,
    /// Codes by SMS, since when, while the account has that number.
    pub sms: Option<Timestamp>,
    /// A recovery code was used since the owner last looked.
    pub review: bool,
    /// Since when codes by e-mail do not count beside the password, because a link in a mail set it.
    pub mail_only: Option<Timestamp>,
}

impl FactorsRecord {
    /// What it says of this account, as the account is now.
    pub fn held(&self, account: &AccountRecord) -> Held {
        let since = |channel: Channel| {
            let factor = self.address_factor(channel)?;
            (channel.address(account) == Some(factor.address.as_str())).then_some(factor.since)
        };
        Held {
            passkeys: self.passkeys,
            totp: self.totp.as_ref().map(|totp| totp.since),
            recovery: self.recovery.as_ref().map(|codes| (codes.left(), codes.made)),
            email: since(Channel::Email),
            sms: since(Channel::Sms),
            review: self.review,
            mail_only: self.mail_only,
        }
    }
}

impl Held {
    /// Those that can be proven by today's rules, the best first; recovery codes stand last, and only beside another. Empty when there is
    /// none: then the first factor is enough.
    pub fn options(&self, rules: &Rules) -> Vec<Factor> {
        let mut options = Vec::new();
        if self.passkeys.is_some() {
            options.push(Factor::Passkey);
        }
        if self.totp.is_some() {
            options.push(Factor::Totp);
        }
        // SMS is never the strongest there is (security.md OTP-6).
        if rules.kinds.sms && !options.is_empty() && self.sms.is_some() {
            options.push(Factor::SmsCode);
        }
        if rules.kinds.email && self.email.is_some() {
            options.push(Factor::EmailCode);
        }
        if !options.is_empty() && self.recovery.is_some_and(|(left, _)| left > 0) {
            options.push(Factor::RecoveryCode);
        }
        options
    }
}

/// An account as its owner sees it, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    /// The account.
    pub id: AccountId,
    /// The user name as typed.
    pub username: String,
    /// What people call the person.
    pub display_name: String,
    /// The e-mail address as typed.
    pub email: Option<String>,
    /// Whether there is a mobile number.
    pub has_mobile: bool,
    /// When it was created.
    pub created: Timestamp,
    /// Owned by the configuration.
    pub managed: bool,
    /// Whether there is a password to begin with.
    pub has_password: bool,
    /// Its second factors.
    pub held: Held,
}

impl Dossier {
    /// Of this account; `None` when there is none.
    pub fn of(tx: &impl Reading, id: AccountId) -> Result<Option<Self>, StoreError> {
        let Some(account) = ACCOUNTS.get(tx, &id)? else { return Ok(None) };
        let held = records::of_account(tx, id)?.held(&account);
        Ok(Some(Self {
            id,
            username: account.username,
            display_name: account.display_name,
            email: account.email,
            has_mobile: account.mobile.is_some(),
            created: account.created,
            managed: account.managed,
            has_password: PASSWORDS.contains(tx, &id)?,
            held,
        }))
    }
}
