//! What the protocol calls a refusal, and the one conversion from ours.

use std::{borrow::Cow, time::Duration};

use crate::{
    domain::fault::{Fault, Field, Reason},
    store::StoreError,
};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// The `error` words of RFC 6749 and its relatives.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {$($(#[$doc])* $name,)*}

        impl Code {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$name => $word,)*}
            }
        }
    };
}

codes! {
    /// Something is missing, repeated or malformed.
    InvalidRequest = "invalid_request";
    /// The client is unknown or did not prove itself.
    InvalidClient = "invalid_client";
    /// The code, refresh token or password is not good.
    InvalidGrant = "invalid_grant";
    /// Nothing of what was asked for may be had.
    InvalidScope = "invalid_scope";
    /// The client may not do this.
    UnauthorizedClient = "unauthorized_client";
    /// There is no such grant here.
    UnsupportedGrantType = "unsupported_grant_type";
    /// There is no such response type here.
    UnsupportedResponseType = "unsupported_response_type";
    /// The person said no.
    AccessDenied = "access_denied";
    /// Nobody is signed in (OpenID Connect Core 3.1.2.6).
    LoginRequired = "login_required";
    /// The person would have to be asked (the same).
    ConsentRequired = "consent_required";
    /// Something else is asked of the person first (the same).
    InteractionRequired = "interaction_required";
    /// Our own mistake.
    ServerError = "server_error";
    /// Too much, or too often, or not now.
    TemporarilyUnavailable = "temporarily_unavailable";
    /// Request objects are not taken (OpenID Connect Core 6).
    RequestNotSupported = "request_not_supported";
    /// The same, by reference.
    RequestUriNotSupported = "request_uri_not_supported";
    /// The same, for registration in the request.
    RegistrationNotSupported = "registration_not_supported";
}

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
        Self {
            description: Cow::Owned(format!("{parameter} {what}")),
            ..Self::new(Code::InvalidRequest, "")
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let (code, description) = match fault.reason {
            Reason::Throttled => (Code::TemporarilyUnavailable, "too many attempts"),
            Reason::Busy => (Code::TemporarilyUnavailable, "too much is going on"),
            Reason::Unavailable => (Code::TemporarilyUnavailable, "nothing can be saved at the moment"),
            Reason::Broken => (Code::ServerError, "something went wrong on our side"),
            Reason::Unauthenticated => (Code::LoginRequired, "nobody is signed in"),
            Reason::PasswordChangeNeeded | Reason::FreshSignInNeeded => {
                (Code::InteractionRequired, "something else is asked of the person first")
            }
            Reason::Forbidden | Reason::CrossSite => (Code::AccessDenied, "this request may not do that"),
            Reason::UnsupportedMediaType => {
                (Code::InvalidRequest, "send application/x-www-form-urlencoded or application/json")
            }
            Reason::TooLarge => (Code::InvalidRequest, "the request is too large"),
            // What stands between a person's password and a token, by the words that Simple Auth has for it.
            Reason::BadCredentials | Reason::InvalidToken | Reason::Expired => {
                (Code::InvalidGrant, "invalid-credentials")
            }
            Reason::SecondFactorNeeded => (Code::InvalidGrant, "totp-missing"),
            Reason::SecondFactorWrong => (Code::InvalidGrant, "totp-failed"),
            Reason::Stipulated => (Code::InvalidGrant, "unsatisfied-stipulations"),
            Reason::Locked => (Code::InvalidGrant, "locked-account"),
            Reason::Disabled => (Code::InvalidGrant, "inactive-account"),
            _ => (Code::InvalidRequest, "the request is malformed"),
        };
        let retry_after = fault.retry_after;
        let description = if fault.reason == Reason::Malformed { told(&fault) } else { None }
            .map_or(Cow::Borrowed(description), Cow::Owned);
        Self { description, retry_after, because: Some(fault), ..Self::new(code, "") }
    }
}

/// What is wrong with which field, in the characters that a description may have. Flaws repeat nothing that was sent.
fn told(fault: &Fault) -> Option<String> {
    let flaws = fault.flaws.iter().map(|flaw| match flaw.field {
        Field::Named(name) => format!("{name} {}", flaw.message),
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
