//! `/openapi/…`: the documents of the API families, for programs as JSON and for people as a page.
//!
//! Documents and pages are made once, when the site is: they follow from the tables alone.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing,
};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;

use super::{
    Shared,
    edge::rescue,
    family::{
        Family,
        answer::private,
        document::{self, Facts},
    },
    pages::{self, PagesEnvelope},
    simple,
};
use crate::domain::fault::{Fault, Reason};

/// Every family that has a document.
static FAMILIES: &[&Family] = &[&simple::FAMILY];

/// The documents, ready to be sent.
#[derive(Clone)]
struct Documents(Arc<Vec<Document>>);

struct Document {
    name: &'static str,
    title: &'static str,
    json: Bytes,
    value: Value,
}

/// Whether a path is ours.
pub(super) fn is_for(path: &str) -> bool {
    path.strip_prefix("/openapi").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The routes.
pub(super) fn routes(shared: &Shared) -> Router {
    let facts = Facts { origin: shared.origin.clone(), cookie: shared.jar.session_name().to_owned() };
    let document = |family: &&'static Family| {
        let value = document::of(family, &facts);
        Document { name: family.name, title: family.title, json: value.to_string().into(), value }
    };
    let documents = Documents(Arc::new(FAMILIES.iter().map(document).collect()));
    let routes =
        Router::new().route("/openapi", routing::get(list)).route("/openapi/{name}", routing::get(show));
    rescue::family(routes, PagesEnvelope::new(shared.clone())).with_state((shared.clone(), documents))
}

type Site = (Shared, Documents);

/// `GET /openapi`: which documents there are.
async fn list(State((shared, documents)): State<Site>) -> Response {
    let listed: Vec<_> = documents.0.iter().map(|document| (document.name, document.title)).collect();
    pages::documents(&shared, &listed)
}

/// `GET /openapi/simple.json` and `GET /openapi/simple`.
async fn show(State((shared, documents)): State<Site>, Path(name): Path<String>) -> Result<Response, Fault> {
    let (name, as_json) = match name.strip_suffix(".json") {
        Some(name) => (name, true),
        None => (name.as_str(), false),
    };
    let found = documents.0.iter().find(|document| document.name == name);
    let document = found.ok_or_else(|| Fault::new(Reason::NotFound))?;
    if !as_json {
        return Ok(pages::document(&shared, document.name, &document.value));
    }
    let mut response = document.json.clone().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    private(&mut response);
    Ok(response)
}
