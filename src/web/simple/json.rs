//! Bodies of this family: JSON, from our own origin (security.md WEB-2; DESIGN.md ruling 6).

use axum::extract::{FromRequest, Request};

use crate::{
    domain::fault::{Fault, Reason},
    web::{
        Shared,
        edge::{
            body::{self, Format, FromFields},
            cross_site,
        },
    },
};

/// The body of a state-changing request from our own origin.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: FromFields> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        cross_site::same_site_only(request.headers(), &shared.origin)?;
        body::read_as(request, &[Format::Json], &shared.settings).await.map(Self)
    }
}

/// A state-changing request from our own origin that needs no body; if it has one, that is JSON (DESIGN.md ruling 6). It is
/// not read.
pub(super) struct OwnOrigin;

impl FromRequest<Shared> for OwnOrigin {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Fault> {
        cross_site::same_site_only(request.headers(), &shared.origin)?;
        let has_body = !http_body::Body::is_end_stream(request.body());
        if has_body && Format::of(request.headers()) != Some(Format::Json) {
            return Err(Fault::new(Reason::UnsupportedMediaType));
        }
        Ok(Self)
    }
}
