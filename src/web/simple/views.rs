//! What this family's requests and answers look like on the wire. The names of the shapes are those of the original's own document.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{audit::AuditRecord, factor::Dossier, session::SessionRecord, stipulation::Stipulation},
    gate::{Person, Session},
};

/// It was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = common::OKResponse)]
pub(super) struct OkView {
    success: bool,
}

impl OkView {
    pub(super) const fn yes() -> Self {
        Self { success: true }
    }
}

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = common::ErrorResponse)]
pub(super) struct ErrorView {
    /// Always true.
    pub(super) error: bool,
    /// For people; its words may change.
    pub(super) message: String,
    /// For programs.
    pub(super) reason: &'static str,
    /// Where to sign in, in answers that a page's script gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) login_url: Option<String>,
}

/// A session began. The original sends `id`, its own document says `success`: here are both.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::loginResponse)]
pub(super) struct SignedInView {
    success: bool,
    /// The account's id.
    id: String,
    /// Only there when true: somebody else set this password, and the session opens nothing until it is replaced.
    #[serde(rename = "passwordChangeRequired", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password_change_required: Option<bool>,
    /// Only there when not empty: what is asked before the session opens anything else. The portal's pages do it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stipulations: Vec<&'static str>,
}

impl SignedInView {
    /// `tasks` is what a restricted session has to do first.
    pub(super) fn new(session: &SessionRecord, tasks: &[Stipulation]) -> Self {
        Self {
            success: true,
            id: session.account.to_string(),
            password_change_required: tasks.contains(&Stipulation::ChangePassword).then_some(true),
            stipulations: tasks.iter().map(Stipulation::word).collect(),
        }
    }
}

/// Whose credentials these are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = auth::simpleAuthResponse)]
pub(super) struct CheckedView {
    /// The account's id.
    id: String,
    username: String,
}

impl CheckedView {
    pub(super) fn of(person: &Person) -> Self {
        Self { id: person.id.to_string(), username: text(&person.username) }
    }
}

/// An account was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::createAccountResponse)]
pub(super) struct CreatedView {
    /// The account's id.
    pub(super) id: String,
    /// Whether a session began.
    #[serde(rename = "createdSession")]
    pub(super) created_session: bool,
    /// Whether something is asked before the account can be used: confirm the address, wait for approval, accept the terms.
    #[serde(rename = "hasStipulations")]
    pub(super) has_stipulations: bool,
}

/// The session and its owner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::sessionResponse)]
pub(super) struct SessionView {
    /// The account's id.
    id: String,
    username: String,
    /// Empty when there is none.
    email: String,
    /// What people call the person.
    name: String,
    groups: Vec<String>,
    /// `signed-in` or `second-factor`.
    level: &'static str,
    #[schema(format = DateTime)]
    created: String,
    #[schema(format = DateTime)]
    expires: String,
}

impl SessionView {
    pub(super) fn new(session: &Session, person: &Person) -> Self {
        Self {
            id: person.id.to_string(),
            username: text(&person.username),
            email: text(&person.email),
            name: text(&person.display_name),
            groups: person.groups.typed.clone(),
            level: session.level.as_str(),
            created: session.created.rfc3339(),
            expires: session.ends.rfc3339(),
        }
    }
}

/// How the account signs in with a password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::getLocalLoginResponse)]
pub(super) struct LocalView {
    pub(super) username: String,
    /// Whether a second factor is set up.
    pub(super) twofactor: bool,
    /// Whether one may be set up.
    pub(super) twofactorallowed: bool,
    /// Whether a change of password needs the old one.
    #[serde(rename = "requireOldPassword")]
    pub(super) require_old_password: bool,
}

/// The secret of an authenticator app on its way to becoming a second factor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::tfaSetupResponse)]
pub(super) struct TotpSecretView {
    /// Base32 without padding, as apps take it.
    pub(super) secret: String,
}

/// The same after a change, with the `success` that the original really sends.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::changePasswordResponse)]
pub(super) struct PasswordChangedView {
    username: String,
    twofactor: bool,
    twofactorallowed: bool,
    #[serde(rename = "requireOldPassword")]
    require_old_password: bool,
    success: bool,
}

impl From<LocalView> for PasswordChangedView {
    fn from(local: LocalView) -> Self {
        let LocalView { username, twofactor, twofactorallowed, require_old_password } = local;
        Self { username, twofactor, twofactorallowed, require_old_password, success: true }
    }
}

/// An account as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::getAccountResponse)]
pub(super) struct AccountView {
    id: String,
    #[schema(format = DateTime)]
    created: String,
    /// Empty when there is none.
    email: String,
    /// What people call the person.
    name: String,
    auth: ProvidersView,
}

/// The ways an account signs in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::getAccountAuthProviderResponse)]
pub(super) struct ProvidersView {
    /// With a password; absent when the account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    local: Option<LocalView>,
    /// With accounts elsewhere.
    oidc: Vec<OidcView>,
}

/// A way to sign in with an account elsewhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::getAccountOIDCAuthResponse)]
pub(super) struct OidcView {
    /// The name of its picture.
    icon: String,
    name: String,
    provider: String,
    /// What the provider calls the person.
    subject: String,
}

impl AccountView {
    pub(super) fn new(dossier: &Dossier, local: Option<LocalView>) -> Self {
        Self {
            id: dossier.id.to_string(),
            created: dossier.created.rfc3339(),
            email: dossier.email.clone().unwrap_or_default(),
            name: dossier.display_name.clone(),
            auth: ProvidersView { local, oidc: Vec::new() },
        }
    }
}

/// A page of the trail, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::getAccountAuditResponse)]
pub(super) struct AuditView {
    pub(super) records: Vec<AuditRecordView>,
}

/// One record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::getAccountAuditRecordResponse)]
pub(super) struct AuditRecordView {
    #[schema(format = DateTime)]
    ts: String,
    /// The part of the house.
    module: String,
    /// `debug`, `info`, `warn` or `alert`.
    level: String,
    message: String,
}

impl From<AuditRecord> for AuditRecordView {
    fn from(record: AuditRecord) -> Self {
        let (at, module, level, message) = record.told();
        Self {
            ts: at.rfc3339(),
            module: module.to_owned(),
            level: level.as_str().to_owned(),
            message: message.to_owned(),
        }
    }
}

/// Whether somebody has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::checkUsernameResponse)]
pub(super) struct CheckView {
    /// As it was sent.
    pub(super) username: String,
    pub(super) exists: bool,
}

/// A text of a [`Person`].
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
