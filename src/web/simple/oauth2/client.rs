//! What anybody may know: who a client is, and which keys sign.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::answer::{Refused, sealed};
use crate::{
    domain::{call::Call, fault::Fault},
    idp::oauth2::{Code, Refusal},
    web::Shared,
};

/// `auth.oauth2ClientResponse`.
#[derive(Serialize)]
struct ClientView {
    name: String,
    author: String,
    author_url: String,
}

/// `GET /auth/oauth2/client/{client_id}`
pub(in crate::web::simple) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Path(client_id): Path<String>,
) -> Result<Response, Refused> {
    let found = shared.oauth2.public_client(&client_id).map_err(|fault| Refused::new(&call, fault.into()))?;
    let Some(client) = found else {
        let refusal = Refusal::new(Code::InvalidClient, "there is no such client");
        return Err(Refused::with(&call, refusal, StatusCode::NOT_FOUND));
    };
    let author_url = client.author_url.unwrap_or_default();
    Ok(sealed(Json(ClientView { name: client.name, author: client.author, author_url }).into_response()))
}

/// `GET /.well-known/jwks.json` (RFC 7517). It may be kept for an hour, which is how long a key is published before it signs
/// (security.md JWT-7), and read from anywhere (WEB-3).
pub(in crate::web::simple) async fn keys(State(shared): State<Shared>, call: Call) -> Result<Response, Fault> {
    let keys = shared.oauth2.key_set(call.now).await?;
    let mut response = Json(serde_json::json!({ "keys": keys })).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
