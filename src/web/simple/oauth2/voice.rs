//! How OAuth refuses: `{"error":…,"error_description":…}` (RFC 6749, section 5.2; federation.md section 1).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use super::views::ErrorView;
use crate::{
    domain::fault::{Fault, OAuthCode, Reason},
    idp::oauth2::Refusal,
    web::{
        edge::rescue::{Envelope, status_of},
        family::{Shape, Voice, answer::private},
    },
};

/// The envelope of the endpoints that speak OAuth.
pub(in crate::web::simple) struct OAuthVoice;

impl Envelope for OAuthVoice {
    fn say(&self, fault: &Fault, _: &str) -> Response {
        let refusal = Refusal::from(fault.clone());
        let view =
            ErrorView { error: self.word(fault.reason), error_description: refusal.description.into_owned() };
        let status = self.status(fault.reason);
        let mut response = (status, Json(view)).into_response();
        private(&mut response);
        let headers = response.headers_mut();
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if fault.reason == Reason::WrongClientBasic {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"vouchsafe\""));
        }
        response
    }
}

impl Voice for OAuthVoice {
    fn status(&self, reason: Reason) -> StatusCode {
        match reason {
            // What is wrong with a body is `invalid_request`, whatever it is.
            Reason::OAuth(_) | Reason::UnsupportedMediaType | Reason::TooLarge => StatusCode::BAD_REQUEST,
            Reason::WrongClient | Reason::WrongClientBasic => StatusCode::UNAUTHORIZED,
            other => status_of(other),
        }
    }

    fn word(&self, reason: Reason) -> &'static str {
        match reason {
            // An unknown client, looked up by its id.
            Reason::NotFound => OAuthCode::InvalidClient.as_str(),
            other => Refusal::code_of(other).as_str(),
        }
    }

    fn word_field(&self) -> &'static str {
        "error"
    }

    fn shape(&self) -> Shape {
        Shape::of::<ErrorView>()
    }
}
