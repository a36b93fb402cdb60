//! What a checked configuration holds, in the types of the rooms it is for.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::{complaint::Complaint, raw::Raw};
use crate::{
    actions::{self, declared::Declared, hashing},
    domain::policy::RuleSet,
    gate::CacheSizes,
    idp::oauth2,
    serve::{Identity, Limits},
    store,
    values::{net::TrustedPeers, secret::Secret, url::WebUrl},
    world::Outlets,
};

/// Everything the house should be. Complete and consistent by construction: only [`super::load`] makes one.
#[derive(Debug)]
pub struct Settings {
    /// Folder of the store, the keys and the control socket.
    pub data_dir: PathBuf,
    /// The store: its file in `data_dir`, its page cache.
    pub store: store::Settings,
    /// The listener for browsers and proxies.
    pub gateway: Site,
    /// The listener for the identity service.
    pub api: Site,
    /// Path of the control socket.
    pub control_socket: PathBuf,
    /// An address of its own for `/metrics`; the control socket has it always.
    pub metrics: Option<SocketAddr>,
    /// What a connection and a request may cost.
    pub limits: Limits,
    /// Bytes of a form or JSON body.
    pub largest_body: u64,
    /// Whose forwarding headers are believed.
    pub proxies: Proxies,
    /// Sessions, limits on guessing, rules for new passwords.
    pub actions: actions::Settings,
    /// What hashing passwords may cost.
    pub hashing: hashing::Settings,
    /// The session cookie.
    pub cookie: Cookie,
    /// What a check tells the proxy.
    pub vouch: Vouch,
    /// The pages people see.
    pub portal: Portal,
    /// The Simple Auth family.
    pub simple: Simple,
    /// Bounds of what the gate keeps in memory.
    pub cache: CacheSizes,
    /// Form and detail of the log.
    pub log: Log,
    /// How long the audit trail is kept.
    pub audit_keep: Duration,
    /// Guarded apps and places to return to, compiled.
    pub rules: RuleSet,
    /// What `[vouch]` says otherwise for single apps, by name.
    pub apps: Vec<AppSettings>,
    /// People declared in the file.
    pub accounts: Vec<Declared>,
    /// By what means people and other houses are reached.
    pub outlets: Outlets,
    /// Signing in for other programs.
    pub oauth2: oauth2::Settings,
    /// OAuth clients declared in the file.
    pub clients: Vec<oauth2::Declared>,
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
    /// Certificate and key, when TLS ends here. Known to fit each other.
    pub tls: Option<Identity>,
    /// The address browsers and clients use: scheme, host and port only.
    pub public_url: WebUrl,
    /// What answers there.
    pub surfaces: Vec<Surface>,
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
    /// Trusted peers.
    pub peers: TrustedPeers,
    /// What a proxy must send as `X-Vouch-Secret`, when it must (HDR-9). Visible ASCII.
    pub secret: Option<Secret<String>>,
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

/// `[vouch]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// The bare `/auth/vouch` judges the session alone even where rules are stricter.
    pub session_only: bool,
    /// Sets of identity headers.
    pub presets: Vec<Preset>,
    /// Further headers and what they carry.
    pub custom: Vec<(HeaderName, PersonField)>,
    /// How text that is not ASCII travels.
    pub text: HeaderText,
    /// The header that carries the account id, as in Simple Auth.
    pub user_header: Option<HeaderName>,
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
    /// Where to go after signing in without a target: an app, an allowed place, or a path of the portal.
    pub home: Option<String>,
}

/// `[simple]`.
#[derive(Clone, Debug)]
pub struct Simple {
    /// Programs with API keys may call.
    pub api_keys: bool,
    /// `POST /account/check` answers.
    pub name_check: bool,
    /// Who may ask at `POST /auth/simple` whether credentials are right.
    pub credentials_check: CredentialsCheck,
}

/// Who may ask whether credentials are right.
#[derive(Clone, Debug)]
pub enum CredentialsCheck {
    /// Nobody.
    Off,
    /// Programs with one of these secrets.
    Secret(Vec<Secret<String>>),
    /// Anybody.
    Open,
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

/// What one app wants of a check beside its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSettings {
    /// Name of the app.
    pub name: String,
    /// Identity headers instead of those of `[vouch]`.
    pub headers: Option<Vec<Preset>>,
    /// Whether CORS preflights, which never carry a cookie, are let through to the app.
    pub preflights_pass: bool,
}
