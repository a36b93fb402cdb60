//! What an audit entry says, before it has a place in the sequence.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{
    domain::call::Call,
    values::{id::AccountId, time::Timestamp},
};

/// How much an entry should worry its reader. The words are those of the Simple Auth audit API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Level {
    /// For finding faults.
    #[n(0)]
    Debug,
    /// Ordinary.
    #[n(1)]
    Info,
    /// Refused or unusual.
    #[n(2)]
    Warn,
    /// Somebody should look.
    #[n(3)]
    Alert,
}

impl Level {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Alert => "alert",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// It was done.
    #[n(0)]
    Done,
    /// It was refused.
    #[n(1)]
    Refused,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $module:literal, $level:ident, $message:literal;)*) => {
        /// Everything the trail can tell of. Numbers are stored and never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Event {$($(#[$doc])* #[n($number)] $name,)*}

        impl Event {
            /// Every event, for lists and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The part of the house it happened in.
            pub const fn module(self) -> &'static str {
                match self {$(Self::$name => $module,)*}
            }

            /// How much it should worry.
            pub const fn level(self) -> Level {
                match self {$(Self::$name => Level::$level,)*}
            }

            /// What a person reads.
            pub const fn message(self) -> &'static str {
                match self {$(Self::$name => $message,)*}
            }
        }
    };
}

events! {
    /// A sign-in succeeded.
    SignedIn = 0, "login", Info, "Login Successful";
    /// A sign-in failed: unknown name, wrong password, locked or disabled.
    SignInFailed = 1, "login", Warn, "Login failed";
    /// A sign-in was not even tried because of earlier failures.
    SignInThrottled = 2, "login", Warn, "Login refused after too many failures";
    /// An account reached the ceiling of consecutive failures and is blocked for unknown devices.
    CeilingReached = 3, "login", Alert, "Too many consecutive failures";
    /// A person signed out.
    SignedOut = 4, "session", Info, "Signed out";
    /// A session was ended by its owner or the operator.
    SessionEnded = 5, "session", Info, "Session ended";
    /// All sessions of an account were ended.
    SessionsEnded = 6, "session", Info, "All sessions ended";
    /// The oldest session made room for a new one.
    SessionEvicted = 7, "session", Info, "Oldest session ended to make room";
    /// An account was created.
    AccountCreated = 8, "account", Info, "Account created";
    /// An account was disabled.
    AccountDisabled = 9, "account", Warn, "Account disabled";
    /// An account was enabled.
    AccountEnabled = 10, "account", Info, "Account enabled";
    /// An account was locked.
    AccountLocked = 11, "account", Warn, "Account locked";
    /// An account was unlocked.
    AccountUnlocked = 12, "account", Info, "Account unlocked";
    /// An account was deleted.
    AccountDeleted = 13, "account", Warn, "Account deleted";
    /// Name, address or groups changed.
    AccountChanged = 14, "account", Info, "Account changed";
    /// A password was changed by its owner.
    PasswordChanged = 15, "credential", Info, "Password updated";
    /// A password was set by the operator.
    PasswordSet = 16, "credential", Warn, "Password set by the operator";
    /// A stored hash was renewed with present parameters.
    PasswordRehashed = 17, "credential", Debug, "Password hash renewed";
    /// A change of password was refused because the present one was wrong.
    PasswordChangeFailed = 18, "credential", Warn, "Password change refused";
    /// A group was created.
    GroupCreated = 19, "directory", Info, "Group created";
    /// A group was deleted.
    GroupDeleted = 20, "directory", Warn, "Group deleted";
    /// A person joined a group.
    GroupJoined = 21, "directory", Info, "Added to group";
    /// A person left a group.
    GroupLeft = 22, "directory", Info, "Removed from group";
    /// A setup link was printed.
    SetupOffered = 23, "setup", Alert, "Setup link created";
    /// The setup link was used.
    SetupDone = 24, "setup", Alert, "First account created";
    /// A setup link was refused.
    SetupRefused = 25, "setup", Warn, "Setup link refused";
    /// The configuration was loaded anew.
    Reloaded = 26, "config", Info, "Configuration reloaded";
    /// A group got a new name.
    GroupRenamed = 27, "directory", Info, "Group renamed";
    /// A signed-in person was refused an app.
    AccessDenied = 28, "policy", Warn, "Access denied";
    /// The store was brought back from a backup.
    Restored = 29, "store", Alert, "Store restored from a backup";

    // Messages: 50 to 54.
    /// A message could not be delivered and was given up.
    MessageGivenUp = 50, "outbox", Warn, "Message given up";
    /// The operator had messages tried again.
    MessagesRetried = 51, "outbox", Info, "Messages tried again";
    /// The operator tried out delivery.
    DeliveryTested = 52, "outbox", Info, "Test message sent";
    // Second factors: 40 to 49.
    /// The first factor was right; the second was asked for.
    SecondFactorAsked = 40, "login", Info, "Second factor asked for";
    /// A second factor was wrong.
    SecondFactorFailed = 41, "login", Warn, "Second factor rejected";
    /// A second factor was added.
    FactorAdded = 42, "factor", Warn, "Second factor activated";
    /// A second factor was removed.
    FactorRemoved = 43, "factor", Warn, "Second factor removed";
    /// A set of recovery codes was made.
    RecoveryCodesMade = 44, "factor", Info, "Recovery codes made";
    /// A recovery code was used.
    RecoveryCodeUsed = 45, "factor", Alert, "Recovery code used";
    /// A session was raised by a second factor.
    SteppedUp = 46, "session", Info, "Second factor proven";
    /// The operator took all second factors away.
    FactorsReset = 47, "factor", Alert, "Second factors reset by the operator";
    /// Trusted devices were made strangers.
    DevicesForgotten = 48, "factor", Info, "Trusted devices forgotten";
    /// A code was sent as a second factor.
    CodeSent = 49, "factor", Info, "Code sent";

    // Joining, confirming and recovering: 55 to 69.
    /// Something is asked of an account before it may be used (in full).
    StipulationAdded = 55, "account", Info, "Stipulation added";
    /// What was asked has been done.
    StipulationSatisfied = 56, "account", Info, "Stipulation is satisfied";
    /// The operator asks no more.
    StipulationRemoved = 57, "account", Info, "Stipulation removed";
    /// A token satisfied nothing.
    StipulationRefused = 58, "account", Warn, "Unable to validate stipulation";
    /// An account was made by its owner.
    Registered = 59, "account", Info, "Account registered";
    /// Somebody wanted to register with an address that has an account.
    RegisteredAgain = 60, "account", Warn, "Registration with an e-mail address in use";
    /// An account that was never confirmed went.
    RegistrationLapsed = 61, "account", Info, "Unconfirmed account removed";
    /// A one-time link was made.
    LinkOffered = 62, "auth:onetime", Info, "One time token issued";
    /// A one-time link was used.
    LinkRedeemed = 63, "auth:onetime", Info, "One time token consumed";
    /// A one-time link was refused.
    LinkRefused = 64, "auth:onetime", Warn, "One time token refused";
    /// A password was replaced without the old one, by a link.
    PasswordReset = 65, "credential", Warn, "Password reset";
    /// Somebody was invited.
    Invited = 66, "account", Info, "Invitation sent";
    /// An invitation was accepted.
    InvitationAccepted = 67, "account", Info, "Invitation accepted";
    /// A new e-mail address or mobile number is to be confirmed.
    AddressWanted = 68, "account", Info, "Change of address asked for";
    /// An e-mail address or a mobile number changed after it was confirmed.
    AddressChanged = 69, "account", Warn, "Address changed";

    // OAuth 2.0: 70 to 84.
    /// A client was registered.
    ClientCreated = 70, "oauth2", Info, "OAuth2 client registered";
    /// A client was changed or switched off.
    ClientChanged = 71, "oauth2", Info, "OAuth2 client changed";
    /// A client was removed.
    ClientDeleted = 72, "oauth2", Warn, "OAuth2 client deleted";
    /// A client got another secret.
    ClientSecretMade = 73, "oauth2", Warn, "OAuth2 client secret created";
    /// A client did not prove itself.
    ClientAuthFailed = 74, "oauth2", Warn, "OAuth2 client authentication failed";
    /// A person let a client act, and it got a code.
    AuthorizationGranted = 75, "auth:oauth2", Info, "Issued OAuth2 code";
    /// A person did not let a client act.
    AuthorizationDeclined = 76, "auth:oauth2", Info, "OAuth2 authorization declined";
    /// A client got tokens.
    TokensIssued = 77, "auth:oauth2", Info, "Issued OAuth2 access_token";
    /// A client renewed its tokens.
    TokensRenewed = 78, "auth:oauth2", Info, "Renewed OAuth2 access_token";
    /// A client was refused tokens.
    TokensRefused = 79, "auth:oauth2", Warn, "OAuth2 token refused";
    /// A code came a second time: it is in wrong hands.
    CodeReplayed = 80, "auth:oauth2", Alert, "OAuth2 code used twice; its tokens are revoked";
    /// A refresh token came again after it had been replaced: it is in wrong hands.
    RefreshTokenReused = 81, "auth:oauth2", Alert, "OAuth2 refresh_token used twice; its tokens are revoked";
    /// A person took back what was granted.
    TokensRevoked = 82, "auth:oauth2", Info, "OAuth2 tokens revoked";
    /// A signing key was made.
    SigningKeyMade = 83, "oauth2", Info, "Signing key created";
    /// Signing keys that nobody needs any more were removed.
    SigningKeyRemoved = 84, "oauth2", Info, "Signing key removed";

    // Programs: API keys and the service secret.
    /// The operator made an API key.
    ApiKeyAdded = 85, "apikey", Alert, "API key created";
    /// The operator revoked an API key.
    ApiKeyRevoked = 86, "apikey", Alert, "API key revoked";
    /// An API key was refused: unknown, over, or not for this.
    ApiKeyRefused = 87, "apikey", Warn, "API key refused";
    /// A program acted for an account; written now and then, not for every request.
    ApiKeyUsed = 88, "apikey", Info, "API key used";
    /// A program that asked whether credentials are right gave the wrong secret of its own.
    ServiceRefused = 89, "auth:simple", Warn, "Service secret refused";

    // Passkeys: 95 to 99.
    /// A passkey was added.
    PasskeyAdded = 95, "factor", Warn, "Passkey added";
    /// A passkey was removed.
    PasskeyRemoved = 96, "factor", Warn, "Passkey removed";
    /// A passkey got another name.
    PasskeyRenamed = 97, "factor", Info, "Passkey renamed";
    /// A passkey was shown or offered and not accepted.
    PasskeyRefused = 98, "factor", Warn, "Passkey rejected";
    /// The signature counter of a passkey did not rise: there may be a copy of it.
    PasskeyDoubted = 99, "factor", Alert, "Passkey may have been copied";

    // Taking over from other programs: 100 to 104.
    /// An account was taken over from another program.
    AccountImported = 100, "import", Alert, "Account imported";
    /// Something that another program's trail told of the account.
    TrailImported = 101, "import", Info, "Entry of an imported trail";
}

/// What another program's trail told, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Original {
    /// When it happened there.
    #[n(0)]
    pub at: Timestamp,
    /// The part of that program.
    #[n(1)]
    pub module: String,
    /// How much it should worry.
    #[n(2)]
    pub level: Level,
    /// What its reader saw.
    #[n(3)]
    pub message: String,
}

/// One thing that happened, ready to be appended.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) event: Event,
    pub(super) outcome: Outcome,
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) subject: Option<AccountId>,
    pub(super) client: Option<IpAddr>,
    pub(super) request: String,
    pub(super) detail: String,
    pub(super) original: Option<Original>,
}

impl Entry {
    /// Longest kept detail, in characters.
    pub const DETAIL_LIMIT: usize = 300;

    /// `event` was done by `actor`.
    pub fn done(event: Event, actor: impl Into<String>, call: &Call) -> Self {
        Self {
            event,
            outcome: Outcome::Done,
            at: call.now,
            actor: actor.into(),
            subject: None,
            client: call.client,
            request: call.request.to_string(),
            detail: String::new(),
            original: None,
        }
    }

    /// `event` was refused to `actor`.
    pub fn refused(event: Event, actor: impl Into<String>, call: &Call) -> Self {
        Self { outcome: Outcome::Refused, ..Self::done(event, actor, call) }
    }

    /// Whom it happened to.
    #[must_use]
    pub const fn about(mut self, subject: AccountId) -> Self {
        self.subject = Some(subject);
        self
    }

    /// What another program's trail told, which this entry repeats.
    #[must_use]
    pub fn original(mut self, original: Original) -> Self {
        let short = |text: String, most: usize| text.chars().filter(|c| !c.is_control()).take(most).collect();
        self.original = Some(Original {
            module: short(original.module, 40),
            message: short(original.message, Self::DETAIL_LIMIT),
            ..original
        });
        self
    }

    /// More for the reader: never a secret, never free text from an unknown caller.
    #[must_use]
    pub fn detail(mut self, detail: impl AsRef<str>) -> Self {
        self.detail = detail.as_ref().chars().take(Self::DETAIL_LIMIT).collect();
        self
    }
}

/// A signed-in person was turned away; for the audit trail, by and by (security.md OPS-19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Who.
    pub account: AccountId,
    /// From which app.
    pub app: String,
    /// From where.
    pub client: Option<IpAddr>,
    /// When.
    pub at: Timestamp,
    /// In which request.
    pub request: String,
}

impl From<&Denial> for Entry {
    fn from(denial: &Denial) -> Self {
        Self {
            event: Event::AccessDenied,
            outcome: Outcome::Refused,
            at: denial.at,
            actor: denial.account.to_string(),
            subject: Some(denial.account),
            client: denial.client,
            request: denial.request.clone(),
            detail: denial.app.clone(),
            original: None,
        }
    }
}
