//! `/local`: the own password.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use serde::Deserialize;

use super::{json::JsonBody, session::private, views::LocalView};
use crate::{
    actions::credentials::PasswordChange,
    domain::{
        call::Call,
        fault::{Fault, Reason},
        rights::Authority,
    },
    gate::Presence,
    values::secret::Secret,
    web::{Shared, edge::caller::Present},
};

/// `v1.changePasswordRequest`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordBody {
    newpassword: String,
    #[serde(default)]
    oldpassword: String,
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
        old: Secret::new(body.oldpassword),
        new: Secret::new(body.newpassword),
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
