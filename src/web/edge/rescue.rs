//! Where a `Fault` becomes a response: one layer around each family's routes.
//!
//! Handlers return `Result<_, Fault>` and know no envelope. Turning a fault into a response puts it into the response's
//! extensions; [`family`] wraps a router so that every such response, and also an unknown route, a wrong method and a body that
//! does not parse, leaves in the family's own words.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use http::{HeaderValue, Method, StatusCode, header};

use crate::domain::{
    call::{Call, RequestId},
    fault::{Fault, Reason},
};

/// How a family says a refusal.
pub trait Envelope: Send + Sync + 'static {
    /// The whole response for a fault: status, body, content type.
    fn say(&self, fault: &Fault, request: &str) -> Response;
}

/// A fault on its way to the rescue layer.
#[derive(Clone)]
struct Carried(Arc<Fault>);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = status_of(self.reason).into_response();
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

/// Wraps a family's routes: fallback, wrong-method fallback and rescue.
pub fn family<S: Clone + Send + Sync + 'static>(routes: Router<S>, envelope: impl Envelope) -> Router<S> {
    let envelope = Arc::new(envelope);
    routes
        .fallback(async || Fault::new(Reason::NotFound))
        .method_not_allowed_fallback(async || Fault::new(Reason::MethodNotAllowed))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let envelope = envelope.clone();
            async move { rescue(&*envelope, request, next).await }
        }))
}

/// The same for one endpoint that refuses in other words than its family.
pub fn endpoint<S: Clone + Send + Sync + 'static>(
    route: MethodRouter<S>,
    envelope: impl Envelope,
) -> MethodRouter<S> {
    let envelope = Arc::new(envelope);
    route.route_layer(middleware::from_fn(move |request: Request, next: Next| {
        let envelope = envelope.clone();
        async move { rescue(&*envelope, request, next).await }
    }))
}

async fn rescue(envelope: &dyn Envelope, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let asked = Asked::of(&request, uri.path());
    said(envelope, &asked, next.run(request).await)
}

/// What a refusal and its line in the log say of the request.
pub struct Asked<'p> {
    call: Option<RequestId>,
    method: Method,
    path: &'p str,
}

impl<'p> Asked<'p> {
    /// Taken before the request is given away, with its path. Copies no text.
    pub fn of(request: &Request, path: &'p str) -> Self {
        Self {
            call: request.extensions().get::<Call>().map(|call| call.request.clone()),
            method: request.method().clone(),
            path,
        }
    }
}

/// The answer as it leaves: a refusal in the envelope's words, everything else as it is.
pub fn said(envelope: &dyn Envelope, asked: &Asked<'_>, mut response: Response) -> Response {
    let Some(Carried(fault)) = response.extensions_mut().remove::<Carried>() else { return response };
    let call = asked.call.as_ref().map(RequestId::as_str).unwrap_or_default();
    log(&fault, call, &asked.method, asked.path);
    let mut said = envelope.say(&fault, call);
    // The router wrote `Allow`; cookies that the handler set (to delete a dead session, say) stay.
    for name in [header::ALLOW, header::SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            said.headers_mut().append(name.clone(), value.clone());
        }
    }
    if let Some(wait) = fault.retry_after {
        said.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
    }
    said
}

/// The status that a reason has where no protocol says otherwise.
pub const fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::BadCredentials
        | Reason::Unauthenticated
        | Reason::SecondFactorNeeded
        | Reason::SecondFactorWrong
        | Reason::Stipulated
        | Reason::NothingToDo
        | Reason::WrongServiceSecret
        | Reason::WrongClient
        | Reason::WrongClientBasic
        | Reason::FreshSignInNeeded
        | Reason::PasswordChangeNeeded
        | Reason::Locked
        | Reason::Disabled
        | Reason::Expired
        | Reason::InvalidToken => StatusCode::UNAUTHORIZED,
        Reason::Forbidden | Reason::CrossSite | Reason::Managed => StatusCode::FORBIDDEN,
        Reason::NotFound | Reason::NoSuchAccount | Reason::NoPassword | Reason::SwitchedOff => {
            StatusCode::NOT_FOUND
        }
        Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Reason::Taken | Reason::LastOne => StatusCode::CONFLICT,
        Reason::WeakPassword | Reason::Malformed | Reason::EmailTaken | Reason::OAuth(_) => {
            StatusCode::BAD_REQUEST
        }
        Reason::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        Reason::Throttled => StatusCode::TOO_MANY_REQUESTS,
        Reason::Busy | Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Reason::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whole seconds, rounded up, at least one: what `Retry-After` can say.
pub fn seconds(wait: std::time::Duration) -> u64 {
    wait.as_millis().div_ceil(1000).clamp(1, u128::from(u64::MAX)).try_into().unwrap_or(u64::MAX)
}

fn log(fault: &Fault, request: &str, method: &Method, path: &str) {
    match fault.reason {
        Reason::Broken | Reason::Unavailable => {
            tracing::error!(request, %method, path, %fault, "request failed");
        }
        Reason::Busy => tracing::warn!(request, %method, path, %fault, "request refused"),
        _ => tracing::debug!(request, %method, path, %fault, "request refused"),
    }
}
