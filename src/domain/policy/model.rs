//! What is declared: apps, rules, and who asks. Plain data, checked by [`super::RuleSet::compile`].

use std::time::Duration;

use ipnet::IpNet;

use crate::values::{host::Scheme, method::Method, pattern::HostPattern, url::WebUrl};

/// What a rule asks of the caller, from nothing to the impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Everybody may pass, signed in or not.
    Bypass,
    /// A live session.
    SignedIn,
    /// A live session with a second factor.
    SecondFactor,
    /// Nobody may pass.
    Deny,
}

impl Access {
    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::SignedIn => "signed-in",
            Self::SecondFactor => "second-factor",
            Self::Deny => "deny",
        }
    }
}

/// Over which schemes an app may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schemes {
    /// https only: a check for http is refused, and no return address leads there.
    #[default]
    Https,
    /// http only.
    Http,
    /// Both.
    Any,
}

impl Schemes {
    /// Whether this scheme is among them.
    pub const fn allow(self, scheme: Scheme) -> bool {
        matches!((self, scheme), (Self::Any, _) | (Self::Https, Scheme::Https) | (Self::Http, Scheme::Http))
    }
}

/// Who answers for an app when we are the reverse proxy ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upstream {
    /// The built-in page that shows who is signed in.
    Whoami,
}

/// A guarded application.
#[derive(Clone, Debug)]
pub struct App {
    /// What the operator calls it; unique, 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// Where it lives. No two apps share a host and port.
    pub hosts: Vec<HostPattern>,
    /// Over which schemes.
    pub scheme: Schemes,
    /// The rules in order. Where none matches, nobody passes.
    pub rules: Vec<Rule>,
    /// Set when we forward to it ourselves.
    pub upstream: Option<Upstream>,
}

impl App {
    /// An https app without hosts or rules: unreachable until both are added.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, hosts: Vec::new(), scheme: Schemes::Https, rules: Vec::new(), upstream: None }
    }
}

/// One rule. An empty list is no criterion; all criteria given must hold, of the entries of one list any.
///
/// `users` and `groups` are one criterion about the caller: either list matching is enough. A caller not
/// yet known is asked to sign in by the first rule whose other criteria match; a known caller
/// that matches neither list is not meant by the rule, and the next one is tried.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Only on these hosts of the app. One without port means it on every port the app has there.
    pub hosts: Vec<HostPattern>,
    /// Only for these paths.
    pub paths: Vec<PathRule>,
    /// Only for these methods. `HEAD` is not `GET` unless listed.
    pub methods: Vec<Method>,
    /// Only for clients in these networks. An unknown address is in none.
    pub networks: Vec<IpNet>,
    /// Only for these people: canonical user names.
    pub users: Vec<String>,
    /// Only for members of these groups, by name.
    pub groups: Vec<String>,
    /// What is asked of those who come here.
    pub access: Access,
    /// With [`Access::SecondFactor`]: how long ago it may have been given at most; without limit when absent.
    pub within: Option<Duration>,
    /// Nobody wrote it as a rule: it is what the app itself asks of everybody for whom no rule has decided.
    pub general: bool,
}

impl Rule {
    /// A rule for everybody and everything.
    pub const fn new(access: Access) -> Self {
        Self {
            hosts: Vec::new(),
            paths: Vec::new(),
            methods: Vec::new(),
            networks: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            access,
            within: None,
            general: false,
        }
    }

    /// What an app asks where none of its rules has decided.
    pub fn general(access: Access) -> Self {
        Self { general: true, ..Self::new(access) }
    }

    /// Whether it says whom it means.
    pub const fn names_subjects(&self) -> bool {
        !self.users.is_empty() || !self.groups.is_empty()
    }
}

/// Which paths a rule means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathRule {
    /// This path and no other: `/a` is not `/a/`.
    Exact(String),
    /// This path and all below it: `/a` covers `/a` and `/a/b`, not `/ab`. A slash at the end makes no
    /// difference.
    Prefix(String),
    /// A regular expression that must match the whole path, in canonical spelling: what browsers
    /// escape stands as upper-case escapes (`/caf%C3%A9`), nothing else does.
    Regex(String),
}

/// A place outside the apps to which a browser may be sent after signing in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContinueUrl {
    /// An absolute URL; covers itself and what lies below its path, on a segment border.
    Prefix(String),
    /// A regular expression that must match the whole URL. An explicit choice: easy to get wrong.
    Regex(String),
}

/// Everything a rule set is made of.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The guarded apps.
    pub apps: Vec<App>,
    /// Where our own pages live. Without it no relative return address is accepted.
    pub portal: Option<WebUrl>,
    /// Further places for return addresses.
    pub continue_urls: Vec<ContinueUrl>,
}

impl From<Vec<App>> for Declared {
    fn from(apps: Vec<App>) -> Self {
        Self { apps, ..Self::default() }
    }
}

/// A known caller, as rules see one.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The canonical user name.
    pub username: &'a str,
    /// Names of the groups, in the form in which rules name them.
    pub groups: &'a [String],
    /// How long ago a second factor was given, for the session or to raise it; `None` when none was.
    pub second_factor: Option<Duration>,
}
