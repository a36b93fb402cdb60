//! What an account has, as its owner and the operator see it.

use super::super::{Actions, no_account};
use crate::{
    domain::{
        factor::{Channel, Dossier, Held},
        fault::Fault,
    },
    values::id::AccountId,
};

/// What an account has, for its page and for the operator.
#[derive(Clone, Debug)]
pub struct Factors {
    /// Which, and since when.
    pub held: Held,
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
        let Dossier { held, has_password, .. } = dossier;
        let rules = &self.settings().factors;
        Factors {
            held: *held,
            required: !held.options(rules).is_empty(),
            has_password: *has_password,
            can_add: CanAdd {
                totp: rules.kinds.totp,
                email: dossier.email.is_some() && self.offers(Channel::Email, held),
                sms: dossier.has_mobile && self.offers(Channel::Sms, held),
            },
        }
    }

    /// Whether codes by a channel may be added to what there is, given an address.
    pub(super) fn offers(&self, channel: Channel, held: &Held) -> bool {
        let kinds = self.settings().factors.kinds;
        match channel {
            Channel::Email => kinds.email && self.wants_mail(),
            // Only beside a stronger one (security.md OTP-6).
            Channel::Sms => kinds.sms && self.wants_sms() && held.totp.is_some(),
        }
    }
}
