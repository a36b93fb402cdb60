//! What a message is before it has words.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::values::{id::AccountId, time::Timestamp};

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Channel {
    /// By e-mail.
    #[n(0)]
    Mail,
    /// By SMS.
    #[n(1)]
    Sms,
}

impl Channel {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Sms];

    /// The word for lists, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }

    pub(super) const fn number(self) -> u8 {
        self as u8
    }
}

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Language {
    /// English.
    #[default]
    #[n(0)]
    English,
    /// Simplified Chinese.
    #[n(1)]
    Chinese,
}

impl Language {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The tag of BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// What the configuration, the command line and the folder of templates call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Of a tag such as `zh`, `zh-CN` or `en-GB`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }
}

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $key:literal, $channel:ident, [$($needs:literal),*], [$($may:literal),*];)*) => {
        /// Everything that a message can say. Numbers are stored and never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Template {$($(#[$doc])* #[n($number)] $name,)*}

        impl Template {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What files, logs and lists call it.
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$name => $key,)*}
            }

            /// How it travels.
            pub const fn channel(self) -> Channel {
                match self {$(Self::$name => Channel::$channel,)*}
            }

            /// The values without which it says nothing.
            pub const fn needs(self) -> &'static [&'static str] {
                match self {$(Self::$name => &[$($needs),*],)*}
            }

            /// Further values it may be given, besides [`Template::COMMON`].
            pub const fn may_have(self) -> &'static [&'static str] {
                match self {$(Self::$name => &[$($may),*],)*}
            }
        }
    };
}

templates! {
    /// To a person whose account was just created and is open.
    Welcome = 0, "welcome", Mail, [], [];
    /// After registering: is this address really yours?
    ConfirmEmail = 1, "confirm-email", Mail, ["link", "minutes"], [];
    /// A link to the form that sets a new password.
    ResetPassword = 2, "reset-password", Mail, ["link", "minutes"], [];
    /// A link to the page that signs in.
    SignInLink = 3, "sign-in-link", Mail, ["link", "minutes"], [];
    /// Somebody may create an account.
    Invitation = 4, "invitation", Mail, ["link", "minutes"], ["inviter"];
    /// To the new address of an account: is it really yours?
    ChangeEmailConfirm = 5, "change-email-confirm", Mail, ["link", "minutes"], [];
    /// To the old address of an account: it is being replaced.
    ChangeEmailNotice = 6, "change-email-notice", Mail, [], ["link"];
    /// A code to type, by e-mail.
    EmailCode = 7, "email-code", Mail, ["code", "minutes"], [];
    /// A code to type, by SMS.
    SmsCode = 8, "sms-code", Sms, ["code", "minutes"], [];
    /// A second factor was added.
    FactorAdded = 9, "factor-added", Mail, ["factor"], [];
    /// A second factor was removed or replaced.
    FactorRemoved = 10, "factor-removed", Mail, ["factor"], [];
    /// A recovery code was used.
    RecoveryUsed = 11, "recovery-used", Mail, [], ["left"];
    /// A sign-in from a device that was not seen before.
    NewDevice = 12, "new-device", Mail, [], [];
    /// A sign-in that followed failed ones.
    AfterFailures = 13, "after-failures", Mail, [], ["count"];
    /// The password was changed by its owner.
    PasswordChanged = 14, "password-changed", Mail, [], [];
    /// The password was replaced through a link or by the operator.
    PasswordReset = 15, "password-reset", Mail, [], [];
    /// Somebody tried to register with an address that has an account.
    AccountExists = 16, "account-exists", Mail, [], ["link"];
    /// An account that waited for approval is open.
    AccountApproved = 17, "account-approved", Mail, [], ["link"];
    /// To whoever approves accounts: one is waiting.
    ApprovalWanted = 18, "approval-wanted", Mail, [], ["link"];
    /// The operator tries out delivery by mail.
    Test = 19, "test", Mail, [], [];
    /// The operator tries out delivery by SMS.
    SmsTest = 20, "sms-test", Sms, [], [];
    /// The mobile number of an account is another one now.
    MobileChanged = 21, "mobile-changed", Mail, [], [];
}

impl Template {
    /// Values that any template may be given; one that is missing is written as nothing.
    ///
    /// | name | what it is |
    /// | --- | --- |
    /// | `name` | what people call the account's owner |
    /// | `username` | the login name |
    /// | `email` | the address that the message is about |
    /// | `minutes` | how long a link or code lives, in whole minutes |
    /// | `device` | the `User-Agent`; its reader sees the names of program and system that it tells |
    /// | `address` | the client's network address |
    /// | `time` | when it happened, RFC 3339 |
    /// | `factor` | the second factor: its word on the wire, or a name its owner gave it |
    pub const COMMON: &'static [&'static str] =
        &["name", "username", "email", "minutes", "device", "address", "time", "factor"];

    /// Of the name that [`as_str`](Self::as_str) gives.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|template| template.as_str() == name)
    }

    /// Whether it is ever given a value of this name.
    pub fn knows(self, name: &str) -> bool {
        [Self::COMMON, self.needs(), self.may_have()].iter().any(|names| names.contains(&name))
    }
}

/// What is filled in, by name.
pub type Values = Vec<(String, String)>;

/// A message to one person. `Debug` does not show what is filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says; this decides how it travels, too.
    pub template: Template,
    /// Where to: an address or number that was checked, `E.164` for SMS.
    pub to: String,
    /// In which language; the configured one when absent.
    pub language: Option<Language>,
    /// Whose account it is about.
    pub account: Option<AccountId>,
    /// What is filled in; see [`Template::needs`] and [`Template::COMMON`]. Links are complete URLs.
    pub values: Vec<(&'static str, String)>,
    /// When it is of no use any more; it is dropped then, not sent.
    pub not_after: Option<Timestamp>,
}

impl Message {
    /// What must not travel: a line break in a value, any control character in the address (security.md OUT-4).
    pub(super) fn flaw(&self) -> Option<String> {
        if self.to.is_empty() || self.to.chars().any(char::is_control) {
            return Some("the address is empty or holds a control character".to_owned());
        }
        let bad = self.values.iter().find(|(_, value)| value.contains(['\r', '\n']));
        bad.map(|(name, _)| format!("the value `{name}` holds a line break"))
    }

    /// A value as it is kept. Other control characters and those that change the direction of text are replaced, not refused:
    /// a tab in a `User-Agent` must not keep its owner's victim from hearing of a sign-in.
    pub(super) fn plain(value: &str) -> String {
        let steers = |c: char| {
            c.is_control()
                || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
        };
        value.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.iter().map(|(name, _)| name).collect();
        f.debug_struct("Message")
            .field("template", &self.template)
            .field("account", &self.account)
            .field("values", &names)
            .finish_non_exhaustive()
    }
}
