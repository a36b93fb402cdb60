//! What a checked configuration holds.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{complaint::Complaint, raw::Raw};
use crate::values::secret::Secret;

/// Everything the house should be. Complete and consistent by construction: only [`super::load`] makes one.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the store, the keys and the control socket.
    pub data_dir: PathBuf,
    /// The listener for browsers and proxies.
    pub gateway: Site,
    /// The listener for the identity service.
    pub api: Site,
    /// Path of the control socket.
    pub control_socket: PathBuf,
    /// An address of its own for `/metrics`; the control socket has it always.
    pub metrics: Option<SocketAddr>,
    /// Whose forwarding headers are believed.
    pub proxies: Proxies,
    /// Sessions and their cookie.
    pub session: Sessions,
    /// Rules and cost of passwords.
    pub password: Passwords,
    /// Limits on wrong passwords.
    pub throttle: Throttle,
    /// What a check tells the proxy.
    pub vouch: Vouch,
    /// The pages people see.
    pub portal: Portal,
    /// Bounds of what is kept in memory.
    pub cache: Cache,
    /// Form and detail of the log.
    pub log: Log,
    /// How long the audit trail is kept.
    pub audit_keep: Duration,
    /// What a connection and a request may cost.
    pub limits: Limits,
    /// Guarded applications, in the order of the file.
    pub apps: Vec<App>,
    /// People declared in the file.
    pub accounts: Vec<Account>,
    /// Accepted, but unwise: for the log at start and for `check`.
    pub warnings: Vec<Complaint>,
    /// The merged values these settings were made of, to tell what a reload changed.
    pub(super) raw: Box<Raw>,
}

/// A listener with a public address.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Certificate and key, when TLS ends here.
    pub tls: Option<Tls>,
    /// The address browsers and clients use: scheme, host and port only.
    pub public_url: Url,
    /// What answers there.
    pub surfaces: Vec<Surface>,
}

/// Where a certificate and its key are. The files are read (again) by `serve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM chain, leaf first.
    pub certificate: PathBuf,
    /// PEM key, readable by owner and group only.
    pub key: PathBuf,
}

/// One thing a listener can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// Login, logout and setup pages.
    Portal,
    /// The Simple Auth endpoints.
    Simple,
    /// `/auth/vouch`.
    Vouch,
    /// Guarded apps behind the gateway.
    Apps,
    /// `/healthz` and `/readyz`.
    Health,
    /// `/openapi/…`.
    OpenApi,
}

/// `[proxies]`.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// Trusted networks.
    pub networks: Vec<IpNet>,
    /// Whether peers on a Unix socket are trusted.
    pub unix: bool,
    /// What a proxy must send as `X-Vouch-Secret`, when it must (HDR-9).
    pub secret: Option<Secret<String>>,
}

/// `[session]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// A session unused for so long is over.
    pub idle: Duration,
    /// A session is over after this, used or not.
    pub lifetime: Duration,
    /// The lifetime when "remember me" is ticked; without it there is no such box.
    pub remember: Option<Duration>,
    /// How exactly the last use is known.
    pub touch_every: Duration,
    /// Sessions of one person; the oldest gives way.
    pub per_person: u32,
    /// How recent a sign-in must be for changes of password and factors.
    pub fresh: Duration,
    /// The cookie.
    pub cookie: Cookie,
}

/// `[session.cookie]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Name without prefix.
    pub name: String,
    /// Parent domain in ASCII, when the cookie is shared.
    pub domain: Option<String>,
    /// Whether https adds `__Host-` or `__Secure-`.
    pub prefix: bool,
}

/// `[password]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passwords {
    /// Code points a password must have.
    pub min_length: u32,
    /// argon2id memory in KiB.
    pub memory_kib: u32,
    /// argon2id passes.
    pub iterations: u32,
    /// argon2id lanes.
    pub parallelism: u32,
    /// Bytes all hashes at work may take together.
    pub memory_budget: u64,
    /// Hashes that may wait.
    pub queue: u32,
    /// How long one may wait before "busy".
    pub wait: Duration,
    /// Words no password may be made of.
    pub words: Vec<String>,
}

/// `[throttle]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Failures of an account before delays begin.
    pub account_failures: u32,
    /// Over how long they count.
    pub account_window: Duration,
    /// Failures before a block.
    pub block_after: u32,
    /// The first block; it doubles.
    pub block: Duration,
    /// The longest block.
    pub block_max: Duration,
    /// Failures of a source address before it is turned away.
    pub source_failures: u32,
    /// Over how long they count.
    pub source_window: Duration,
    /// Consecutive failures after which only recovery helps.
    pub ceiling: u32,
    /// Raw attempts a minute from one source.
    pub attempts_per_minute: u32,
}

/// `[vouch]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// The bare `/auth/vouch` judges the session alone even where rules are stricter.
    pub session_only: bool,
    /// Sets of identity headers.
    pub presets: Vec<Preset>,
    /// Further headers and what they carry.
    pub custom: Vec<(String, PersonField)>,
    /// How text that is not ASCII travels.
    pub text: HeaderText,
    /// The header that carries the account id, as in Simple Auth.
    pub user_header: Option<String>,
}

/// A named set of identity headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// `Remote-User`, `Remote-Groups`, `Remote-Email`, `Remote-Name`.
    Remote,
    /// `X-Auth-Request-User` and its kin.
    XAuthRequest,
    /// `X-Forwarded-User` and its kin.
    XForwarded,
}

/// What an identity header can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonField {
    /// The user name.
    User,
    /// The account id.
    Id,
    /// The display name.
    Name,
    /// The e-mail address.
    Email,
    /// The groups, comma-separated.
    Groups,
}

/// How text that is not ASCII is written into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderText {
    /// As UTF-8 bytes.
    Utf8,
    /// Percent-encoded.
    Percent,
    /// Not at all: the header is empty.
    Omit,
}

/// `[portal]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portal {
    /// Name of the house on its pages.
    pub title: String,
    /// Where to go after signing in without a target.
    pub home: Option<Url>,
    /// Addresses outside the declared apps that a sign-in may return to.
    pub allowed_continue_urls: Vec<Url>,
}

/// `[cache]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Sessions in memory.
    pub sessions: usize,
    /// Accounts in memory.
    pub accounts: usize,
    /// Bytes of the store's pages in memory.
    pub store: usize,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// A level, or directives by module.
    pub level: String,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line.
    pub request_line: usize,
    /// Bytes of all headers.
    pub headers: usize,
    /// Number of headers.
    pub header_count: usize,
    /// Bytes of a form or JSON body.
    pub body: usize,
    /// Time to send the headers.
    pub header_read: Duration,
    /// Time to send the body.
    pub body_read: Duration,
    /// Time for the TLS handshake.
    pub tls_handshake: Duration,
    /// Time between requests.
    pub keep_alive: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one source.
    pub connections_per_source: usize,
    /// Time for requests in flight at the end.
    pub drain: Duration,
}

/// A guarded application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Name in logs and metrics.
    pub name: String,
    /// Hosts it is reached by.
    pub hosts: Vec<String>,
    /// Scheme of its addresses; as the gateway's public address when none is given.
    pub scheme: Option<AppScheme>,
    /// Whether the built-in app answers.
    pub whoami: bool,
    /// Identity headers instead of those of `[vouch]`.
    pub headers: Option<Vec<Preset>>,
    /// What happens to CORS preflights.
    pub preflight: Preflight,
    /// The first that matches decides.
    pub rules: Vec<Rule>,
    /// What holds when none matches.
    pub otherwise: Access,
}

/// Schemes an app is reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppScheme {
    /// https only.
    Https,
    /// http only.
    Http,
    /// Either.
    Any,
}

/// What happens to a CORS preflight, which never carries a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preflight {
    /// Judged like any request.
    Judge,
    /// Let through to the app.
    Pass,
}

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Nothing: everybody passes.
    Bypass,
    /// A session.
    SignedIn,
    /// A session with a second factor.
    SecondFactor,
    /// Nobody passes.
    Deny,
}

/// A rule of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Hosts it holds for; empty means all of the app's.
    pub hosts: Vec<String>,
    /// Exact paths.
    pub paths: Vec<String>,
    /// Path prefixes, by whole segments.
    pub prefixes: Vec<String>,
    /// Regular expressions on the path.
    pub regexes: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Client networks.
    pub networks: Vec<IpNet>,
    /// User names.
    pub users: Vec<String>,
    /// Group names.
    pub groups: Vec<String>,
    /// What it asks for.
    pub access: Access,
}

/// A declared account.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name to sign in with.
    pub username: String,
    /// The display name.
    pub name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The mobile number.
    pub mobile: Option<String>,
    /// Names of groups.
    pub groups: Vec<String>,
    /// Hash of the password in PHC form; without one the account cannot sign in by password.
    pub password_hash: Option<Secret<String>>,
    /// Whether the account is switched off.
    pub disabled: bool,
}
