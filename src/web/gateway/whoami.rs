//! The built-in app: shows what an app behind the gate receives.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use crate::{serve::Body, values::target::Target, web::edge::navigation::accepts};

#[derive(Serialize)]
struct Seen {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
}

/// A page for browsers, JSON for the rest.
pub(super) fn answer(parts: &Parts, target: &Target, headers: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    let seen = Seen {
        method: parts.method.to_string(),
        url: target.url(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
    };
    let (kind, body) = if accepts(&parts.headers, b"text/html") {
        ("text/html; charset=utf-8", page(&seen))
    } else {
        ("application/json", serde_json::to_string_pretty(&seen).ok())
    };
    let Some(body) = body else {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let to = response.headers_mut();
    to.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    to.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    to.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    to.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
    to.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if parts.method == Method::HEAD {
        to.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    } else {
        *response.body_mut() = Body::from(body);
    }
    response
}

fn page(seen: &Seen) -> Option<String> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.render_str(PAGE, context! { seen => minijinja::value::Serde(seen) }).ok()
}

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>whoami</title>
<h1>whoami</h1>
<p>This is what an app behind the gate receives.</p>
<p><code>{{ seen.method }} {{ seen.url }}</code></p>
<table>
{% for name, value in seen.headers %}<tr><th scope=\"row\" align=\"left\"><code>{{ name }}</code></th>\
<td><code>{{ value }}</code></td></tr>
{% endfor %}</table>
</html>
";
