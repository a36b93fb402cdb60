//! The kinds of stipulations.

use std::{fmt, str::FromStr};

use minicbor::{Decode, Encode};

use crate::values::time::Timestamp;

/// One thing that is asked of a person.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Stipulation {
    /// The address given at registration must be shown to be the person's own. Blocks.
    #[n(0)]
    ConfirmEmail,
    /// The operator must have a look first. Blocks.
    #[n(1)]
    ManualApproval,
    /// The terms of this version must be accepted.
    #[n(2)]
    AcceptTerms(#[n(0)] String),
    /// The password must be replaced.
    #[n(3)]
    ChangePassword,
}

impl Stipulation {
    /// Whether nobody gets a session before it is satisfied. The others lead to a restricted session, whose pages satisfy them.
    pub const fn blocks(&self) -> bool {
        matches!(self, Self::ConfirmEmail | Self::ManualApproval)
    }

    /// The word for commands, lists and the audit trail.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm-email",
            Self::ManualApproval => "manual-approval",
            Self::AcceptTerms(_) => "accept-terms",
            Self::ChangePassword => "change-password",
        }
    }

    /// Whether the two are of one kind, whatever version of the terms.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Stipulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        if let Self::AcceptTerms(version) = self { write!(f, " {version}") } else { Ok(()) }
    }
}

/// The text names no stipulation that can be added or removed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A stipulation is one of confirm-email, manual-approval, accept-terms=VERSION and change-password.")]
pub struct StipulationError;

impl FromStr for Stipulation {
    type Err = StipulationError;

    /// `accept-terms` carries its version behind a `=`; without one it stands for all versions, which only removing can use.
    fn from_str(text: &str) -> Result<Self, StipulationError> {
        match text.split_once('=').unwrap_or((text, "")) {
            ("confirm-email", "") => Ok(Self::ConfirmEmail),
            ("manual-approval", "") => Ok(Self::ManualApproval),
            ("change-password", "") => Ok(Self::ChangePassword),
            ("accept-terms", version) if version.len() <= 64 => Ok(Self::AcceptTerms(version.to_owned())),
            _ => Err(StipulationError),
        }
    }
}

/// A stipulation that is not satisfied yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Open {
    /// What is asked.
    #[n(0)]
    pub what: Stipulation,
    /// Since when.
    #[n(1)]
    pub since: Timestamp,
    /// When the account itself goes unless this is satisfied: one that registered and never confirmed does not hold its names for
    /// ever.
    #[n(2)]
    pub lapses: Option<Timestamp>,
    /// The address that is to be confirmed, as typed, when the account does not have it yet: an address becomes an account's when its
    /// owner has confirmed it, so nobody can keep somebody else's from them.
    #[n(3)]
    pub address: Option<String>,
}

impl Open {
    /// Asked from now on, for as long as it takes.
    pub const fn new(what: Stipulation, now: Timestamp) -> Self {
        Self { what, since: now, lapses: None, address: None }
    }
}
