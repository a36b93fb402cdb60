//! `/local`: the own password.

use axum::extract::State;

use super::views::{LocalView, PasswordChangedView, text};
use crate::{
    actions::{credentials::PasswordChange, factors::Factors, login::LONGEST_PASSWORD},
    domain::{
        apikey::Scope,
        call::Call,
        fault::{Fault, Field, Reason},
    },
    values::secret::Secret,
    web::{
        Shared,
        edge::body::{Fields, FromFields, Text},
        family::{Access, Acting, Answer, JsonBody, RequestBody, Route, Verb, handler},
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
        about: "Asks for a recent sign-in, with a second factor where the account has one. All other sessions end; this one goes on under a new cookie.",
        refusals: &[
            Reason::BadCredentials,
            Reason::WeakPassword,
            Reason::FreshSignInNeeded,
            Reason::SecondFactorNeeded,
            Reason::Managed,
            Reason::NoPassword,
            Reason::NotFound,
            Reason::Throttled,
        ],
        handler: handler!(change_password),
    },
];

/// A change of the own password.
struct PasswordBody {
    new: Secret<String>,
    old: Secret<String>,
}

impl FromFields for PasswordBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let new = fields.secret(&Text::new("newpassword", Field::NewPassword).judged_elsewhere());
        let old = Text::new("oldpassword", Field::OldPassword)
            .at_most(LONGEST_PASSWORD)
            .about("Not needed where `requireOldPassword` is false.");
        let old = fields.optional_secret(&old).unwrap_or_else(|| Secret::new(String::new()));
        Some(Self { new: new?, old })
    }
}

impl RequestBody for PasswordBody {
    const NAME: &'static str = "v1.changePasswordRequest";
}

/// `GET /local`
async fn show(State(shared): State<Shared>, call: Call, acting: Acting) -> Result<Answer<LocalView>, Fault> {
    let dossier = acting.dossier(&shared)?;
    let view = view(&shared, &call, &acting, &dossier.username, &shared.actions.factors_in(&dossier));
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
    let changed = || -> Result<Answer<PasswordChangedView>, Fault> {
        let factors = shared.actions.factors_of(acting.person.id)?;
        let username = text(&acting.person.username);
        let view = view(&shared, &call, &acting, &username, &factors);
        Ok(Answer::new(view.ok_or_else(|| Fault::broken("a password that was just set"))?.into()))
    };
    let Some((hash, session)) = &acting.session else {
        shared.actions.program_sets_password(&call, authority, body.old, body.new).await?;
        return changed();
    };
    let change = PasswordChange {
        old: body.old,
        new: body.new,
        session: *hash,
        strength: session.strength(),
        remembered: session.remembered,
    };
    let (key, renewed) = shared.actions.change_password(&call, authority, change).await?;
    let cookie = shared.jar.begin(&key.text(), Some(renewed.ends.since(call.now)));
    Ok(changed()?.with_cookies([cookie]))
}

/// How the account signs in with a password; none when it cannot.
pub(super) fn view(
    shared: &Shared,
    call: &Call,
    acting: &Acting,
    username: &str,
    factors: &Factors,
) -> Option<LocalView> {
    factors.has_password.then(|| LocalView {
        username: username.to_owned(),
        twofactor: factors.required,
        twofactorallowed: factors.can_add.totp,
        require_old_password: acting
            .session
            .as_ref()
            .is_some_and(|(_, session)| shared.actions.asks_old_password(&session.strength(), call.now)),
    })
}
