//! Placeholder until the pages branch is merged.
use axum::{Router, response::IntoResponse};
use http::Response;

use super::{Shared, edge::rescue::status_of};
use crate::{domain::fault::Fault, serve::Body};

pub(super) fn routes(shared: Shared) -> Router {
    let _ = shared;
    Router::new()
}

pub(super) fn is_for(path: &str) -> bool {
    matches!(path, "/login" | "/logout" | "/setup" | "/password" | "/me") || path.starts_with("/me/")
}

pub(super) fn refusal(_: &Shared, fault: &Fault, _: &str) -> Response<Body> {
    status_of(fault.reason).into_response().map(Body::stream)
}
