//! What an account has, as its owner and the operator see it.

use super::super::{Actions, no_account};
use crate::{
    domain::{
        account::AccountRecord,
        factor::{self, Channel, Dossier, FactorsRecord},
        fault::Fault,
    },
    values::{id::AccountId, time::Timestamp},
};

/// What an account has, for its page and for the operator.
#[derive(Clone, Debug)]
pub struct Factors {
    /// Passkeys.
    pub passkeys: u32,
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
    /// Whether a sign-in asks for any of them.
    pub required: bool,
    /// Whether there is a password to begin with.
    pub has_password: bool,
    /// Whether a channel could be added now: it is switched on, can be sent to, and there is an address.
    pub can_add: CanAdd,
}

/// What could be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanAdd {
    /// An authenticator app.
    pub totp: bool,
    /// Codes by e-mail.
    pub email: bool,
    /// Codes by SMS.
    pub sms: bool,
}

impl Actions {
    /// What an account has. The caller has shown to be its owner, or manages it.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub fn factors_of(&self, account: AccountId) -> Result<Factors, Fault> {
        let dossier = self.0.store.read(|tx| Dossier::of(tx, account))?.ok_or_else(no_account)?;
        Ok(self.factors_in(&dossier))
    }

    /// The same from what was read already, by the rules of today.
    pub fn factors_in(&self, dossier: &Dossier) -> Factors {
        let Dossier { account, factors, has_password } = dossier;
        let rules = &self.settings().factors;
        let since = |channel: Channel| {
            let factor = factors.address_factor(channel)?;
            (channel.address(account) == Some(factor.address.as_str())).then_some(factor.since)
        };
        let can_add = CanAdd {
            totp: rules.kinds.totp,
            email: self.can_add(Channel::Email, account, factors),
            sms: self.can_add(Channel::Sms, account, factors),
        };
        Factors {
            passkeys: factors.passkeys.unwrap_or_default(),
            totp: factors.totp.as_ref().map(|totp| totp.since),
            recovery: factors.recovery.as_ref().map(|codes| (codes.left(), codes.made)),
            email: since(Channel::Email),
            sms: since(Channel::Sms),
            review: factors.review,
            mail_only: factors.mail_only,
            required: !factor::options(factors, account, rules).is_empty(),
            has_password: *has_password,
            can_add,
        }
    }

    pub(super) fn can_add(&self, channel: Channel, account: &AccountRecord, factors: &FactorsRecord) -> bool {
        let kinds = self.settings().factors.kinds;
        let offered = match channel {
            Channel::Email => kinds.email && self.wants_mail(),
            // Only beside a stronger one (security.md OTP-6).
            Channel::Sms => kinds.sms && self.wants_sms() && factors.totp.is_some(),
        };
        offered && channel.address(account).is_some()
    }
}
