//! `/local`: the own password.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use super::{json::JsonBody, session::private, views::LocalView};
use crate::{
    actions::{credentials::PasswordChange, login::LONGEST_PASSWORD},
    domain::{
        call::Call,
        fault::{Fault, Field, Reason},
        rights::Authority,
    },
    gate::Presence,
    values::secret::Secret,
    web::{
        Shared,
        edge::{
            body::{Fields, FromFields, Text},
            caller::Present,
        },
    },
};

/// `v1.changePasswordRequest`.
pub(super) struct PasswordBody {
    new: Secret<String>,
    old: Secret<String>,
}

impl FromFields for PasswordBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let new = fields.secret(&Text::new("newpassword", Field::NewPassword).judged_elsewhere());
        let old = Text::new("oldpassword", Field::OldPassword).at_most(LONGEST_PASSWORD);
        let old = fields.optional_secret(&old).unwrap_or_else(|| Secret::new(String::new()));
        Some(Self { new: new?, old })
    }
}

/// `POST /local/password`
pub(super) async fn change_password(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    JsonBody(body): JsonBody<PasswordBody>,
) -> Result<Response, Fault> {
    let Presence::Person { hash, session, person } = presence else {
        return Err(Fault::new(Reason::Unauthenticated));
    };
    let fresh = shared.actions.settings().limits.fresh;
    let authority = Authority::of_fresh_session(&session.caller(), call.now, fresh)?;
    let change = PasswordChange {
        old: body.old,
        new: body.new,
        session: hash,
        strength: session.strength(),
        remembered: session.remembered,
    };
    let (key, renewed) = shared.actions.change_password(&call, authority, change).await?;
    let mut response = Json(LocalView::after_change(&person)).into_response();
    if let Some(cookie) = shared.jar.begin(&key.text(), Some(renewed.ends.since(call.now))) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(private(response))
}
