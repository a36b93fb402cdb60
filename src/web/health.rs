//! `/healthz` (the process answers) and `/readyz` (it can do its work).

use http::{HeaderValue, Method, Response, StatusCode, header};

use super::Shared;
use crate::serve::Body;

pub(super) fn is_for(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

pub(super) fn answer(shared: &Shared, method: &Method, path: &str) -> Response<Body> {
    let ready = path == "/healthz" || shared.actions.is_ready();
    let (status, text) = match method {
        &Method::GET | &Method::HEAD if ready => (StatusCode::OK, "ok\n"),
        &Method::GET | &Method::HEAD => (StatusCode::SERVICE_UNAVAILABLE, "the store cannot write\n"),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n"),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if method == Method::HEAD {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
        *response.body_mut() = Body::Empty;
    }
    response
}
