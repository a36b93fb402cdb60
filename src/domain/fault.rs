//! One refusal for the whole house: what happened, never how to say it.
//!
//! A [`Fault`] knows no status code and no JSON. The mount it leaves through renders it with its
//! family's envelope (`web::edge::rescue`), in one exhaustive match on [`Reason`].

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::store::StoreError;

/// Everything a caller may need to tell apart. Closed on purpose: a new reason does not compile
/// until every envelope has decided its word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Unknown name or wrong secret; the two are never told apart outside.
    BadCredentials,
    /// No live session (or other proof of who is calling).
    Unauthenticated,
    /// The session is good but a second factor is needed and has not been given.
    SecondFactorNeeded,
    /// A second factor was given and is wrong.
    SecondFactorWrong,
    /// The password is right, but something is still asked of the person (confirm the address, wait for approval).
    Stipulated,
    /// The act needs a sign-in more recent than this session's.
    FreshSignInNeeded,
    /// The session opens nothing until its owner has replaced a password that somebody else set.
    PasswordChangeNeeded,
    /// The account is locked; shown only after the right password.
    Locked,
    /// The account is disabled; shown only after the right password.
    Disabled,
    /// Known caller, not allowed.
    Forbidden,
    /// The request did not prove that our own page or client sent it.
    CrossSite,
    /// Nothing of that name or id that this caller may see.
    NotFound,
    /// The account that a program acts for, or that a session was for, is not there.
    NoSuchAccount,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// A user name or other unique thing is taken.
    Taken,
    /// An e-mail address is taken.
    EmailTaken,
    /// The account has no password, and what is asked for is about it.
    NoPassword,
    /// What is asked to be ended or checked is not there to begin with (no second factor, no open stipulation).
    NothingToDo,
    /// A service's own secret is wrong (`Authorization` of `POST /auth/simple`).
    WrongServiceSecret,
    /// A client of the OAuth engine did not prove to be one.
    WrongClient,
    /// The same, after it tried `Authorization: Basic`.
    WrongClientBasic,
    /// What an OAuth client asks cannot be had, in the protocol's own word.
    OAuth(OAuthCode),
    /// This part of the program is switched off in the configuration.
    SwitchedOff,
    /// The new password does not pass the rules; the flaws say which.
    WeakPassword,
    /// The request or one of its fields is not what it should be; the flaws say which.
    Malformed,
    /// The body is not of a type this endpoint reads.
    UnsupportedMediaType,
    /// The request is larger than the limit for its kind.
    TooLarge,
    /// A one-time secret was right once but its time is over.
    Expired,
    /// A one-time secret is unknown or was used before.
    InvalidToken,
    /// The account is managed in the configuration file and cannot be changed here.
    Managed,
    /// The last one cannot go (the last administrator, for example).
    LastOne,
    /// The request came for a host we do not serve.
    Misdirected,
    /// Too many attempts; `retry_after` says when to come back.
    Throttled,
    /// We have more work than we accept at once; `retry_after` says when to come back.
    Busy,
    /// The store cannot write (full disk, I/O error); nothing was changed.
    Unavailable,
    /// Our own mistake. The cause is in the log under the request id.
    Broken,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// The `error` words of RFC 6749 and its relatives.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OAuthCode {$($(#[$doc])* $name,)*}

        impl OAuthCode {
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
    /// How the person would have to be proven cannot be promised (`OpenID` Connect Core, its error code of this name).
    UnmetAuthenticationRequirements = "unmet_authentication_requirements";
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

/// What a flaw is about. Each family has its own spelling of these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The whole body.
    Body,
    /// The user name.
    Username,
    /// A password given to sign in or to confirm.
    Password,
    /// The present password when it is being replaced.
    OldPassword,
    /// The password that is to be.
    NewPassword,
    /// An e-mail address.
    Email,
    /// A mobile number.
    Mobile,
    /// A display name.
    DisplayName,
    /// A group name.
    Group,
    /// A one-time code of a second factor.
    Totp,
    /// The secret of an authenticator app.
    Secret,
    /// A client of the OAuth engine.
    Client,
    /// An account named in a body.
    Account,
    /// Something else of a request, by its name on the wire.
    Named(&'static str),
    /// A one-time token.
    Token,
    /// A session id.
    Session,
    /// Where to go afterwards.
    Continue,
    /// A paging parameter.
    Page,
}

/// What is wrong with one field. `message` is shown to the caller: it says what to fix and
/// repeats nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The field.
    pub field: Field,
    /// What is wrong with it, in one English sentence without the field's name.
    pub message: String,
}

/// A refusal on its way to the edge.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What happened.
    pub reason: Reason,
    /// Which fields are to blame, all of them.
    pub flaws: Vec<Flaw>,
    /// When trying again makes sense.
    pub retry_after: Option<Duration>,
    /// For the log only, never for the caller.
    pub because: Option<Arc<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A refusal without detail.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, flaws: Vec::new(), retry_after: None, because: None }
    }

    /// One field is malformed.
    pub fn malformed(field: Field, message: impl Into<String>) -> Self {
        Self::new(Reason::Malformed).with_flaw(field, message)
    }

    /// Our own mistake, with the cause for the log.
    pub fn broken(because: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Reason::Broken).because(because)
    }

    /// Adds a flaw.
    #[must_use]
    pub fn with_flaw(mut self, field: Field, message: impl Into<String>) -> Self {
        self.flaws.push(Flaw { field, message: message.into() });
        self
    }

    /// Says when to come back.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Records the cause for the log.
    #[must_use]
    pub fn because(mut self, because: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.because = Some(Arc::from(because.into()));
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.reason)?;
        for flaw in &self.flaws {
            write!(f, "; {:?}: {}", flaw.field, flaw.message)?;
        }
        if let Some(because) = &self.because {
            write!(f, " ({because})")?;
        }
        Ok(())
    }
}

impl Error for Fault {}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Closed => {
                Self::new(Reason::Unavailable).retry_after(Duration::from_secs(5)).because(error)
            }
            StoreError::Busy => Self::new(Reason::Busy).retry_after(Duration::from_secs(1)).because(error),
            StoreError::Corrupt(_) | StoreError::Panicked => Self::broken(error),
        }
    }
}
