//! What this family's answers look like on the wire.

use serde::Serialize;

use crate::{
    domain::session::SessionRecord,
    gate::{Person, Session},
};

/// `common.OKResponse`.
#[derive(Serialize)]
pub(super) struct OkView {
    success: bool,
}

impl OkView {
    pub(super) const fn yes() -> Self {
        Self { success: true }
    }
}

/// The answer to `POST /auth/session` (DESIGN.md ruling 8).
#[derive(Serialize)]
pub(super) struct SignedInView {
    success: bool,
    id: String,
    /// Only there when true: somebody else set this password, and the session opens nothing until it is replaced.
    #[serde(rename = "passwordChangeRequired", skip_serializing_if = "std::ops::Not::not")]
    password_change_required: bool,
}

impl From<&SessionRecord> for SignedInView {
    fn from(session: &SessionRecord) -> Self {
        Self { success: true, id: session.account.to_string(), password_change_required: session.restricted }
    }
}

/// The answer to `GET /auth/session` (DESIGN.md ruling 8).
#[derive(Serialize)]
pub(super) struct SessionView {
    id: String,
    username: String,
    email: String,
    name: String,
    groups: Vec<String>,
    level: &'static str,
    created: String,
    expires: String,
}

impl SessionView {
    pub(super) fn new(session: &Session, person: &Person) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
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

/// `v1.getLocalLoginResponse`, which a change of password answers with.
#[derive(Serialize)]
pub(super) struct LocalView {
    username: String,
    twofactor: bool,
    twofactorallowed: bool,
    #[serde(rename = "requireOldPassword")]
    require_old_password: bool,
    success: bool,
}

impl LocalView {
    /// Both shapes that clients know: the published object and the `success` that the original really sends.
    pub(super) fn after_change(person: &Person) -> Self {
        Self {
            username: String::from_utf8_lossy(&person.username).into_owned(),
            twofactor: false,
            twofactorallowed: false,
            require_old_password: true,
            success: true,
        }
    }
}
