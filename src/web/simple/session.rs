//! `/auth/session`: sign in, look, sign out.

use axum::extract::State;
use http::HeaderMap;

use super::views::{OkView, SessionView, SignedInView};
use crate::{
    actions::login::{Attempt, DEVICE_LIFETIME, LONGEST_NAME, LONGEST_PASSWORD},
    domain::{
        call::Call,
        fault::{Fault, Field, Reason},
    },
    gate::Presence,
    values::secret::Secret,
    web::{
        Shared,
        edge::{
            body::{Fields, FromFields, Text},
            caller::Present,
            cookies::Own,
        },
        family::{Access, Acting, Answer, JsonBody, NoBody, RequestBody, Route, Trusted, Verb, handler},
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Verb::Post,
        path: "/auth/session",
        access: Access::Open,
        id: "login",
        summary: "Sign in with user name and password, and get the session cookie",
        about: "The status of the account shows only after the right password.",
        refusals: &[
            Reason::BadCredentials,
            Reason::Stipulated,
            Reason::SecondFactorNeeded,
            Reason::SecondFactorWrong,
            Reason::Locked,
            Reason::Disabled,
            Reason::Throttled,
        ],
        handler: handler!(begin),
    },
    Route {
        method: Verb::Get,
        path: "/auth/session",
        access: Access::Session,
        id: "getSession",
        summary: "Get the session and its owner",
        about: "Not in the original, whose sessions are known to nobody but the browser.",
        refusals: &[],
        handler: handler!(show),
    },
    Route {
        method: Verb::Delete,
        path: "/auth/session",
        access: Access::Open,
        id: "logout",
        summary: "Sign out",
        about: "The session ends on the server, and the cookie is cleared. Without a session there is nothing to do, and that is no error.",
        refusals: &[],
        handler: handler!(end),
    },
];

/// Who signs in.
pub(super) struct LoginBody {
    pub(super) username: String,
    pub(super) password: Secret<String>,
    pub(super) totp: Option<Secret<String>>,
}

impl FromFields for LoginBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = Text::new("username", Field::Username).at_most(LONGEST_NAME);
        let username = fields.text(&username.about("The user name or the e-mail address."));
        let password = fields.secret(&Text::new("password", Field::Password).at_most(LONGEST_PASSWORD));
        let totp =
            Text::new("totp", Field::Totp).about("A code of the second factor, where the account has one.");
        let totp = fields.optional_secret(&totp);
        Some(Self { username: username?, password: password?, totp })
    }
}

impl RequestBody for LoginBody {
    const NAME: &'static str = "v1.loginRequest";
}

/// `POST /auth/session`
async fn begin(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    trusted: Trusted,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<Answer<SignedInView>, Fault> {
    let call = trusted.called(call);
    let attempt = Attempt {
        name: body.username,
        password: body.password,
        // An empty code is as good as none (simple-auth.md 1.3).
        totp: body.totp.filter(|code| !code.expose().trim().is_empty()),
        remember: false,
        trust: shared.jar.own(&headers, Own::Trust).map(str::to_owned),
        device: shared.jar.own(&headers, Own::Device).map(str::to_owned),
        replaces: match &presence {
            Presence::Person { hash, .. } => Some(*hash),
            Presence::Nobody | Presence::Conflicting => None,
        },
        relay: trusted.relay(),
    };
    let signed_in = shared.actions.sign_in_at_once(&call, attempt).await;
    shared.metrics.signed_in(signed_in.as_ref().err().map(|fault| fault.reason));
    let signed_in = signed_in?;
    let lifetime = signed_in.session.ends.since(call.now);
    let session = shared.jar.begin(&signed_in.key.text(), Some(lifetime));
    let device = signed_in.device.as_deref();
    let device = device.and_then(|mark| shared.jar.set_own(Own::Device, mark, DEVICE_LIFETIME));
    let tasks = if signed_in.session.restricted {
        shared.actions.tasks_of(&call, signed_in.account)?
    } else {
        Vec::new()
    };
    Ok(Answer::new(SignedInView::new(&signed_in.session, &tasks)).with_cookies([session, device]))
}

/// `GET /auth/session`
async fn show(acting: Acting) -> Result<Answer<SessionView>, Fault> {
    let (_, session) = acting.session.as_ref().ok_or_else(|| Fault::new(Reason::Unauthenticated))?;
    Ok(Answer::new(SessionView::new(session, &acting.person)))
}

/// `DELETE /auth/session`
async fn end(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Answer<OkView>, Fault> {
    // All that are presented, also when two at once prove nothing: after this none of them opens anything (SES-7).
    shared.actions.sign_out(&call, shared.presented(&headers)).await?;
    Ok(Answer::new(OkView::yes()).with_cookies(shared.jar.end().into_iter().map(Some)))
}
