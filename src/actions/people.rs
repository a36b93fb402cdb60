//! What the operator decided about joining, confirming and recovering.

use std::time::Duration;

use crate::{
    domain::{
        challenge::{Pace, PaceRules},
        fault::{Fault, Field, Reason},
    },
    values::email::EmailAddress,
};

/// The decisions. Replaced whole on reload, as part of [`Settings`](super::Settings).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who may make an account.
    pub registration: Registration,
    /// What can be done without a password.
    pub recovery: Recovery,
    /// What everybody must have accepted.
    pub terms: Option<Terms>,
    /// How often mail is sent to one receiver and for one source.
    pub pace: PaceRules,
}

/// `POST /account` and the page `/register`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Whether anybody may.
    pub open: bool,
    /// Whether the e-mail address must be confirmed before the first sign-in. Only then does an address in use answer like a
    /// free one (security.md THR-8).
    pub confirm_email: bool,
    /// Whether the operator must approve each account.
    pub approval: bool,
    /// Domains (ASCII, lower case) an e-mail address must be in; empty for all.
    pub email_domains: Vec<String>,
    /// An account that is not confirmed after this long is removed.
    pub lapses_after: Duration,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            open: false,
            confirm_email: true,
            approval: false,
            email_domains: Vec::new(),
            lapses_after: Duration::from_hours(7 * 24),
        }
    }
}

impl Registration {
    /// Whether an address may register.
    ///
    /// # Errors
    /// [`Reason::Malformed`] with a flaw on [`Field::Email`].
    pub(super) fn admits(&self, email: &EmailAddress) -> Result<(), Fault> {
        if self.email_domains.is_empty() || self.email_domains.iter().any(|domain| domain == email.domain()) {
            return Ok(());
        }
        Err(Fault::malformed(Field::Email, "is not of a domain that may register here"))
    }
}

/// Forgotten passwords and one-time links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether a forgotten password can be replaced by mail.
    pub forgot_password: bool,
    /// Whether `/auth/onetime` signs in by a link: those mailed on `POST` and those the operator prints.
    pub sign_in_links: bool,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { forgot_password: true, sign_in_links: true }
    }
}

/// The terms in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whoever accepted another version is asked again.
    pub version: String,
    /// Where they can be read.
    pub url: String,
}

/// Whoever asks about the own account, or has shown who they are, may know that it was often. Said after the transaction: what is refused
/// within is undone, and that the source asked must stay counted.
pub(super) fn wait_for(pace: Pace) -> Result<(), Fault> {
    match pace {
        Pace::Go => Ok(()),
        Pace::Enough(wait) | Pace::Wait(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait)),
    }
}

/// The refusal for a part that is switched off, or that needs mail where none can be sent.
pub(super) const fn switched_off() -> Fault {
    Fault::new(Reason::SwitchedOff)
}
