//! `/.well-known/jwks.json`: the keys that verify our tokens (RFC 7517).

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, header};

use super::{
    Shared,
    edge::rescue::{self, Envelope},
    simple,
};
use crate::domain::{call::Call, fault::Fault};

/// Where every client looks for them.
pub(super) const PATH: &str = "/.well-known/jwks.json";

/// The one route.
pub(super) fn routes(shared: &Shared) -> Router {
    rescue::family(Router::new().route(PATH, get(show)), Words).with_state(shared.clone())
}

/// Refusals as the JSON families say them.
struct Words;

impl Envelope for Words {
    fn say(&self, fault: &Fault, request: &str) -> Response {
        simple::refusal(fault, request)
    }
}

/// It may be kept for an hour, which is how long a key is published before it signs (security.md JWT-7), and read from anywhere:
/// there is nothing in it that is not for everybody (WEB-3).
async fn show(State(shared): State<Shared>, call: Call) -> Result<Response, Fault> {
    let keys = shared.oauth2.key_set(call.now).await?;
    let mut response = Json(serde_json::json!({ "keys": keys })).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
