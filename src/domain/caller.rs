//! Who acts, and how strongly that was proven.

use minicbor::{Decode, Encode};

use crate::values::{
    id::{AccountId, SessionId},
    time::Timestamp,
};

/// A way of proving who one is. The names follow the `amr` values of RFC 8176 where one exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Factor {
    /// A password (`pwd`).
    #[n(0)]
    Password,
}

/// Which factors were proven, and when. Policy, `acr` and step-up all read this one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Strength {
    /// The proofs in the order they were given.
    #[n(0)]
    pub proofs: Vec<ProvenFactor>,
}

/// One proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ProvenFactor {
    /// What was proven.
    #[n(0)]
    pub factor: Factor,
    /// When.
    #[n(1)]
    pub at: Timestamp,
}

/// How far a session reaches, as rules and `GET /auth/session` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One factor.
    SignedIn,
    /// Two different factors.
    SecondFactor,
}

impl Level {
    /// The word used on the wire and in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::SecondFactor => "second-factor",
        }
    }
}

impl Strength {
    /// One factor, proven now.
    pub fn of(factor: Factor, at: Timestamp) -> Self {
        Self { proofs: vec![ProvenFactor { factor, at }] }
    }

    /// The level these proofs amount to. No factor of this release stands for a second one.
    pub const fn level(&self) -> Level {
        Level::SignedIn
    }

    /// When the most recent proof was given.
    pub fn last_proof(&self) -> Option<Timestamp> {
        self.proofs.iter().map(|proof| proof.at).max()
    }
}

/// Who acts. What runs by itself acts as `Chore`; there is no unnamed actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody has proven anything.
    Nobody,
    /// A person with a live session.
    Person {
        /// Whose session it is.
        account: AccountId,
        /// Which session.
        session: SessionId,
        /// How it was proven.
        strength: Strength,
    },
    /// Whoever can open the control socket or the store's file: the machine's owner.
    Operator,
    /// The house itself.
    Chore,
}

impl Caller {
    /// How audit records name the actor.
    pub fn audit_name(&self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Person { account, .. } => account.to_string(),
            Self::Operator => "operator".to_owned(),
            Self::Chore => "vouchsafe".to_owned(),
        }
    }
}
