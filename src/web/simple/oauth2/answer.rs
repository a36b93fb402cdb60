//! Answers in OAuth's words: `{"error":…,"error_description":…}` (RFC 6749, section 5.2; federation.md section 1).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::{
    domain::{
        call::Call,
        fault::{Fault, Reason},
    },
    idp::oauth2::{Code, Refusal},
    web::{edge::rescue::seconds, simple::session::private},
};

/// A refusal on its way out. Handlers give it instead of a `Fault`.
pub(in crate::web::simple) struct Refused {
    refusal: Refusal,
    status: StatusCode,
}

impl Refused {
    /// With the status that the code has.
    pub(super) fn new(call: &Call, refusal: Refusal) -> Self {
        let status = status(&refusal);
        Self::with(call, refusal, status)
    }

    /// With another one.
    pub(super) fn with(call: &Call, refusal: Refusal, status: StatusCode) -> Self {
        log(call, &refusal);
        Self { refusal, status }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "error": self.refusal.code.as_str(),
            "error_description": self.refusal.description,
        });
        let mut response = sealed((self.status, Json(body)).into_response());
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED && self.refusal.basic {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"vouchsafe\""));
        }
        if let Some(wait) = self.refusal.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        response
    }
}

/// An answer that no cache keeps (RFC 6749, section 5.1).
pub(super) fn sealed(response: Response) -> Response {
    let mut response = private(response);
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn status(refusal: &Refusal) -> StatusCode {
    match refusal.code {
        Code::InvalidClient | Code::LoginRequired | Code::InteractionRequired => StatusCode::UNAUTHORIZED,
        Code::AccessDenied => StatusCode::FORBIDDEN,
        Code::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        Code::TemporarilyUnavailable => match &refusal.because {
            Some(fault) if fault.reason == Reason::Throttled => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        },
        _ => StatusCode::BAD_REQUEST,
    }
}

fn log(call: &Call, refusal: &Refusal) {
    let (request, error) = (&call.request, refusal.code.as_str());
    let cause = refusal.because.as_ref().map(Fault::to_string);
    match refusal.code {
        Code::ServerError => tracing::error!(%request, error, cause, "request failed"),
        _ => tracing::debug!(%request, error, description = %refusal.description, cause, "request refused"),
    }
}
