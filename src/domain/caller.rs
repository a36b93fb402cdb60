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
    /// A code of an authenticator app (`otp`).
    #[n(1)]
    Totp,
    /// A recovery code: stands for the second factor only (security.md OTP-9).
    #[n(2)]
    RecoveryCode,
    /// A code sent by e-mail: weaker than the others (security.md OTP-6).
    #[n(3)]
    EmailCode,
    /// A code sent by SMS (`sms`).
    #[n(4)]
    SmsCode,
    /// A passkey that did not verify its user, now or when it was made: something one has (`hwk`, `swk`).
    #[n(5)]
    Passkey,
    /// A passkey that verified its user, now and when it was made: two factors in one (`mfa`; security.md WAN-6).
    #[n(6)]
    VerifiedPasskey,
    /// A device on which a second factor was given before and that its owner chose to trust.
    #[n(7)]
    TrustedDevice,
    /// A one-time link: the person reads the mail of the account. Stands where a password stands.
    #[n(8)]
    Link,
}

impl Factor {
    /// Whether one can sign in with it alone, or begin to.
    const fn is_first(self) -> bool {
        matches!(self, Self::Password | Self::Link | Self::VerifiedPasskey)
    }

    /// Whether it can only ever stand beside a first factor, or is two by itself.
    const fn is_second(self) -> bool {
        !matches!(self, Self::Password | Self::Link)
    }

    /// The word for lists, trails and requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery",
            Self::EmailCode => "email",
            Self::SmsCode => "sms",
            Self::Passkey | Self::VerifiedPasskey => "passkey",
            Self::TrustedDevice => "trusted-device",
            Self::Link => "link",
        }
    }

    /// The word of RFC 8176 where there is one (`amr`), else our own.
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Totp | Self::EmailCode => "otp",
            Self::RecoveryCode => "recovery",
            Self::SmsCode => "sms",
            Self::Passkey => "hwk",
            Self::VerifiedPasskey => "mfa",
            Self::TrustedDevice => "device",
            Self::Link => "link",
        }
    }
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

    /// The level these proofs amount to: two factors of different kinds, or a passkey that verified its user.
    pub fn level(&self) -> Level {
        if self.second_proof().is_some() { Level::SecondFactor } else { Level::SignedIn }
    }

    /// When the most recent proof beyond the first factor was given; `None` below [`Level::SecondFactor`]. Rules with a freshness
    /// limit and `auth_time` of a step-up read it.
    pub fn second_proof(&self) -> Option<Timestamp> {
        let has = |wanted: fn(Factor) -> bool| self.proofs.iter().any(|proof| wanted(proof.factor));
        let two = has(|factor| factor == Factor::VerifiedPasskey)
            || has(Factor::is_second) && has(|factor| !factor.is_second());
        let second = self.proofs.iter().filter(|proof| proof.factor.is_second());
        if two { second.map(|proof| proof.at).max() } else { None }
    }

    /// Whether the first factor was nothing but reading the owner's mail.
    pub fn is_by_mail(&self) -> bool {
        let mut first = self.proofs.iter().filter(|proof| !proof.factor.is_second()).peekable();
        first.peek().is_some() && first.all(|proof| proof.factor == Factor::Link)
    }

    /// The same with one more proof, for a step-up or the next step of a sign-in.
    #[must_use]
    pub fn and(self, factor: Factor, at: Timestamp) -> Self {
        let mut later = self.without(factor);
        later.proofs.push(ProvenFactor { factor, at });
        later
    }

    /// Whether this was proven.
    pub fn has(&self, factor: Factor) -> bool {
        self.proofs.iter().any(|proof| proof.factor == factor)
    }

    /// The same as if this had not been proven.
    #[must_use]
    pub fn without(mut self, factor: Factor) -> Self {
        self.proofs.retain(|proof| proof.factor != factor);
        self
    }

    /// When the person last signed in: gave a proof that a sign-in begins with. A step-up alone is none.
    pub fn signed_in(&self) -> Option<Timestamp> {
        self.proofs.iter().filter(|proof| proof.factor.is_first()).map(|proof| proof.at).max()
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
    /// A program with an API key, acting for an account.
    Program {
        /// The key's name.
        key: String,
        /// The account it acts for.
        account: AccountId,
    },
    /// Whoever can open the control socket or the store's file: the machine's owner.
    Operator,
    /// The house itself.
    Chore,
}

impl Caller {
    /// How audit records name a program by its key, whether or not it acts for somebody.
    pub fn program(key: &str) -> String {
        format!("api key {key}")
    }

    /// How audit records name the actor.
    pub fn audit_name(&self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Person { account, .. } => account.to_string(),
            Self::Program { key, .. } => Self::program(key),
            Self::Operator => "operator".to_owned(),
            Self::Chore => "vouchsafe".to_owned(),
        }
    }
}
