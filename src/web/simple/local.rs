//! `/local`: the own password.

use axum::extract::State;

use super::views::{LocalView, PasswordBody, PasswordChangedView};
use crate::{
    actions::credentials::PasswordChange,
    domain::{
        apikey::Scope,
        call::Call,
        fault::{Fault, Reason},
    },
    values::secret::Secret,
    web::{
        Shared,
        family::{Access, Acting, Answer, JsonBody, Route, Verb, handler},
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Verb::Get,
        path: "/local",
        access: Access::Private(Scope::Read),
        id: "getLocal",
        summary: "Get details about how the account signs in with a password",
        about: "",
        refusals: &[Reason::NoPassword],
        handler: handler!(show),
    },
    Route {
        method: Verb::Post,
        path: "/local/password",
        access: Access::Unfinished(Scope::Credentials),
        id: "changePassword",
        summary: "Change the password",
        about: "Asks for a recent sign-in. All other sessions end; this one goes on under a new cookie.",
        refusals: &[
            Reason::BadCredentials,
            Reason::WeakPassword,
            Reason::FreshSignInNeeded,
            Reason::Managed,
            Reason::NoPassword,
            Reason::NotFound,
            Reason::Throttled,
        ],
        handler: handler!(change_password),
    },
];

/// `GET /local`
async fn show(State(shared): State<Shared>, acting: Acting) -> Result<Answer<LocalView>, Fault> {
    let portrait = shared.actions.portrait(&acting.authority()?)?;
    let view = view(&shared, &acting, portrait.has_password)?;
    view.map(Answer::new).ok_or_else(|| Fault::new(Reason::NoPassword))
}

/// `POST /local/password`
async fn change_password(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
    JsonBody(body): JsonBody<PasswordBody>,
) -> Result<Answer<PasswordChangedView>, Fault> {
    let authority = acting.fresh_authority(&shared, &call)?;
    let Some((hash, session)) = &acting.session else {
        // Setting a password for somebody is the operator's, until there is an action for it.
        return Err(Fault::new(Reason::Forbidden));
    };
    let change = PasswordChange {
        old: Secret::new(body.oldpassword),
        new: Secret::new(body.newpassword),
        session: *hash,
        strength: session.strength.clone(),
        remembered: session.remembered,
    };
    let (key, renewed) = shared.actions.change_password(&call, authority, change).await?;
    let cookie = shared.jar.begin(&key.text(), Some(renewed.ends.since(call.now)));
    let view = view(&shared, &acting, true)?.ok_or_else(|| Fault::broken("a password that was just set"))?;
    Ok(Answer::new(view.into()).with_cookies([cookie]))
}

/// How the account signs in with a password; none when it cannot.
pub(super) fn view(_: &Shared, acting: &Acting, has_password: bool) -> Result<Option<LocalView>, Fault> {
    Ok(has_password.then(|| LocalView {
        username: String::from_utf8_lossy(&acting.person.username).into_owned(),
        twofactor: false,
        twofactorallowed: false,
        require_old_password: acting.session.is_some(),
    }))
}
