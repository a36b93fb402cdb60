//! `/auth/session`: sign in, look, sign out.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};

use super::{
    json::{JsonBody, OwnOrigin},
    views::{OkView, SessionView, SignedInView},
};
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
    },
};

/// `v1.loginRequest`.
pub(super) struct LoginBody {
    username: String,
    password: Secret<String>,
    totp: Option<Secret<String>>,
}

impl FromFields for LoginBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = fields.text(&Text::new("username", Field::Username).at_most(LONGEST_NAME));
        let password = fields.secret(&Text::new("password", Field::Password).at_most(LONGEST_PASSWORD));
        let totp = fields.optional_secret(&Text::new("totp", Field::Totp));
        // An empty code is as good as none (simple-auth.md 1.3).
        let totp = totp.filter(|code| !code.expose().trim().is_empty());
        Some(Self { username: username?, password: password?, totp })
    }
}

/// `POST /auth/session`
pub(super) async fn begin(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<Response, Fault> {
    let attempt = Attempt {
        name: body.username,
        password: body.password,
        totp: body.totp,
        remember: false,
        trust: shared.jar.own(&headers, Own::Trust).map(str::to_owned),
        device: shared.jar.own(&headers, Own::Device).map(str::to_owned),
        replaces: match &presence {
            Presence::Person { hash, .. } => Some(*hash),
            Presence::Nobody | Presence::Conflicting => None,
        },
    };
    let signed_in = shared.actions.sign_in_at_once(&call, attempt).await;
    shared.metrics.signed_in(signed_in.as_ref().err().map(|fault| fault.reason));
    let signed_in = signed_in?;
    let mut response = Json(SignedInView::from(&signed_in.session)).into_response();
    let lifetime = signed_in.session.ends.since(call.now);
    let session = shared.jar.begin(&signed_in.key.text(), Some(lifetime));
    let device = signed_in.device.as_deref().map(|mark| (Own::Device, mark, DEVICE_LIFETIME));
    let device = device.and_then(|(cookie, mark, lifetime)| shared.jar.set_own(cookie, mark, lifetime));
    for cookie in [session, device].into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(private(response))
}

/// `GET /auth/session`
pub(super) async fn show(Present(presence): Present) -> Result<Response, Fault> {
    match presence {
        Presence::Person { session, .. } if session.restricted => {
            Err(Fault::new(Reason::PasswordChangeNeeded))
        }
        Presence::Person { session, person, .. } => {
            Ok(private(Json(SessionView::new(&session, &person)).into_response()))
        }
        _ => Err(Fault::new(Reason::Unauthenticated)),
    }
}

/// `DELETE /auth/session`. Without a session there is nothing to do, and that is no error (simple-auth.md 1.3).
pub(super) async fn end(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    _: OwnOrigin,
) -> Result<Response, Fault> {
    // All that are presented, also when two at once prove nothing: after this none of them opens anything (SES-7).
    shared.actions.sign_out(&call, shared.presented(&headers)).await?;
    let mut response = Json(OkView::yes()).into_response();
    for cookie in shared.jar.end() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(private(response))
}

pub(super) fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
