//! Reading JSON bodies strictly (security.md WEB-2, API-7; DESIGN.md ruling 6).

use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;

use crate::{
    domain::fault::{Fault, Field, Reason},
    serve::{BodyError, limited},
    web::{Shared, edge::cross_site},
};

/// The body of a state-changing request from our own origin, read as JSON. Repeated names, unknown names and anything
/// after the value are refused.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        cross_site::same_site_only(request.headers(), &shared.origin)?;
        if !is_json(request.headers().get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes)) {
            return Err(Fault::new(Reason::UnsupportedMediaType));
        }
        let settings = &shared.settings;
        let bytes = limited(request.into_body(), settings.largest_body, settings.body_deadline)
            .collect()
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => Fault::new(Reason::TooLarge),
                BodyError::TooSlow | BodyError::Broken(_) => {
                    Fault::malformed(Field::Body, "could not be read").because(error)
                }
            })?;
        // A list of the values in order would do for the derived readers, but no published shape is a list.
        if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
            return Err(Fault::malformed(Field::Body, "is not a JSON object"));
        }
        // serde_json limits nesting to 128; these shapes are flat, so a deep value fails at its first level.
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            // The parser's own words can repeat what was sent, so only the place is told (OPS-18).
            let place = format!(
                "is not the JSON object expected here (line {}, column {})",
                error.line(),
                error.column()
            );
            Fault::malformed(Field::Body, if bytes.is_empty() { "is empty".to_owned() } else { place })
        })
    }
}

/// A state-changing request from our own origin that needs no body; if it has one, that is JSON (DESIGN.md ruling 6). It is
/// not read.
pub(super) struct OwnOrigin;

impl FromRequest<Shared> for OwnOrigin {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        cross_site::same_site_only(request.headers(), &shared.origin)?;
        let kind = request.headers().get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        if !http_body::Body::is_end_stream(request.body()) && !is_json(kind) {
            return Err(Fault::new(Reason::UnsupportedMediaType));
        }
        Ok(Self)
    }
}

fn is_json(kind: Option<&[u8]>) -> bool {
    let kind = kind.unwrap_or_default().split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}
