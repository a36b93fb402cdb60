//! What the protocol calls a refusal, and the one conversion from ours.

use std::{borrow::Cow, time::Duration};

use crate::domain::fault::OAuthCode as Code;
use crate::{
    domain::fault::{Fault, Field, Reason},
    store::StoreError,
};

/// A refusal in the protocol's words. Descriptions are ours alone: printable ASCII without quotes and backslashes, and nothing
/// of what came in (security.md OAU-14).
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The word.
    pub code: Code,
    /// For the developer who reads it.
    pub description: Cow<'static, str>,
    /// The client tried `Authorization: Basic`, so the answer names that scheme.
    pub basic: bool,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// For the log only.
    pub because: Option<Fault>,
}

impl Refusal {
    /// A refusal with a description.
    pub const fn new(code: Code, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description), basic: false, retry_after: None, because: None }
    }

    /// What stands between a person's password and a token. Whatever it is, the grant is not good.
    pub fn of_password(fault: Fault) -> Self {
        if fault.reason == Reason::PasswordChangeNeeded {
            let refusal = Self::new(Code::InvalidGrant, "password-change-required");
            return Self { because: Some(fault), ..refusal };
        }
        fault.into()
    }

    /// `invalid_request`, saying which parameter.
    pub fn about(parameter: &'static str, what: &'static str) -> Self {
        Self { description: Cow::Owned(format!("{parameter} {what}")), ..Self::new(Code::InvalidRequest, "") }
    }
}

impl Refusal {
    /// The protocol's word for a reason of ours.
    pub const fn code_of(reason: Reason) -> Code {
        match reason {
            Reason::OAuth(code) => code,
            Reason::WrongClient | Reason::WrongClientBasic => Code::InvalidClient,
            Reason::Throttled | Reason::Busy | Reason::Unavailable => Code::TemporarilyUnavailable,
            Reason::Broken => Code::ServerError,
            Reason::Unauthenticated => Code::LoginRequired,
            Reason::PasswordChangeNeeded | Reason::FreshSignInNeeded => Code::InteractionRequired,
            Reason::Forbidden | Reason::CrossSite => Code::AccessDenied,
            // What stands between a person's password and a token.
            Reason::BadCredentials
            | Reason::InvalidToken
            | Reason::Expired
            | Reason::SecondFactorNeeded
            | Reason::SecondFactorWrong
            | Reason::Stipulated
            | Reason::Locked
            | Reason::Disabled => Code::InvalidGrant,
            _ => Code::InvalidRequest,
        }
    }

    const fn words(reason: Reason) -> &'static str {
        match reason {
            Reason::Throttled => "too many attempts",
            Reason::Busy => "too much is going on",
            Reason::Unavailable => "nothing can be saved at the moment",
            Reason::Broken => "something went wrong on our side",
            Reason::Unauthenticated => "nobody is signed in",
            Reason::PasswordChangeNeeded | Reason::FreshSignInNeeded => {
                "something else is asked of the person first"
            }
            Reason::Forbidden | Reason::CrossSite => "this request may not do that",
            Reason::NotFound => "there is no such client",
            Reason::NoSuchAccount => "there is no such account",
            Reason::UnsupportedMediaType => "send application/x-www-form-urlencoded or application/json",
            Reason::TooLarge => "the request is too large",
            // By the words that Simple Auth has for it.
            Reason::BadCredentials | Reason::InvalidToken | Reason::Expired => "invalid-credentials",
            Reason::SecondFactorNeeded => "totp-missing",
            Reason::SecondFactorWrong => "totp-failed",
            Reason::Stipulated => "unsatisfied-stipulations",
            Reason::Locked => "locked-account",
            Reason::Disabled => "inactive-account",
            _ => "the request is malformed",
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let code = Self::code_of(fault.reason);
        let description = match fault.reason {
            Reason::OAuth(_) | Reason::WrongClient | Reason::WrongClientBasic | Reason::Malformed => {
                told(&fault)
            }
            _ => None,
        };
        Self {
            description: description.map_or(Cow::Borrowed(Self::words(fault.reason)), Cow::Owned),
            basic: fault.reason == Reason::WrongClientBasic,
            retry_after: fault.retry_after,
            because: Some(fault),
            ..Self::new(code, "")
        }
    }
}

/// On its way to the edge. What is no word of the protocol alone stays what it was, so that it has the status it has everywhere.
impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let reason = match refusal.code {
            Code::InvalidClient if refusal.basic => Reason::WrongClientBasic,
            Code::InvalidClient => Reason::WrongClient,
            Code::TemporarilyUnavailable
            | Code::ServerError
            | Code::LoginRequired
            | Code::InteractionRequired
            | Code::AccessDenied
            | Code::InvalidRequest => match refusal.because {
                Some(fault) => return fault,
                None if refusal.code == Code::InvalidRequest => Reason::Malformed,
                None => Reason::OAuth(refusal.code),
            },
            code => Reason::OAuth(code),
        };
        let fault = Self::new(reason).with_flaw(Field::Body, refusal.description);
        match refusal.because {
            Some(because) => fault.because(because),
            None => fault,
        }
    }
}

/// What is wrong with which field, in the characters that a description may have. Flaws repeat nothing that was sent.
fn told(fault: &Fault) -> Option<String> {
    let flaws = fault.flaws.iter().map(|flaw| match flaw.field {
        Field::Named(name) => format!("{name} {}", flaw.message),
        Field::Body => flaw.message.clone(),
        _ => format!("the request {}", flaw.message),
    });
    let told = flaws.collect::<Vec<_>>().join("; ");
    let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    (!told.is_empty()).then(|| told.chars().filter(allowed).take(300).collect())
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}
