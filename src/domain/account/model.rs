//! The states of an account and what they mean at the door.

use minicbor::{Decode, Encode};

use crate::values::{
    email::EmailAddress,
    id::GroupId,
    name::{DisplayName, Username},
    phone::Phone,
    time::Timestamp,
};

/// Whether an account may be used. There is no locked account without a reason.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Status {
    /// In use.
    #[n(0)]
    Active,
    /// Temporarily closed by the operator.
    #[n(1)]
    Locked {
        /// Why.
        #[n(0)]
        reason: String,
        /// Since when.
        #[n(1)]
        since: Timestamp,
    },
    /// Closed until enabled again.
    #[n(2)]
    Disabled {
        /// Why.
        #[n(0)]
        reason: String,
        /// Since when.
        #[n(1)]
        since: Timestamp,
    },
}

/// What stands between a proven person and a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The account is locked.
    Locked,
    /// The account is disabled.
    Disabled,
}

impl Status {
    /// Whether the account may be used, and if not, why.
    pub const fn hindrance(&self) -> Option<Hindrance> {
        match self {
            Self::Active => None,
            Self::Locked { .. } => Some(Hindrance::Locked),
            Self::Disabled { .. } => Some(Hindrance::Disabled),
        }
    }

    /// The word for lists and answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked { .. } => "locked",
            Self::Disabled { .. } => "disabled",
        }
    }
}

/// What is needed to make an account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The login name.
    pub username: Username,
    /// What people call the person; the login name when absent.
    pub display_name: Option<DisplayName>,
    /// An e-mail address.
    pub email: Option<EmailAddress>,
    /// A mobile number.
    pub mobile: Option<Phone>,
    /// The groups.
    pub groups: Vec<GroupId>,
    /// Whether the configuration file owns this account.
    pub managed: bool,
}
