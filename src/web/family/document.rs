//! The `OpenAPI` document of a family, made from its table (`OpenAPI` 3.1; DESIGN.md section 3).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Access, Family, Media, Resource, Route, Shape, Signature, access::ACTING_FOR};
use crate::domain::{apikey::Scope, fault::Reason};

/// What the document needs to know of this house.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The origin that serves the family.
    pub origin: String,
    /// The session cookie's name.
    pub cookie: String,
}

/// The document.
pub fn of(family: &Family, facts: &Facts) -> Value {
    let mut shapes = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (resource, route) in family.rows() {
        let operation = operation(family, resource, route, &mut shapes);
        let verb = route.method.as_str().to_ascii_lowercase();
        paths.entry(route.path).or_default().insert(verb, operation);
    }
    let servers: Vec<_> =
        family.bases.iter().map(|base| json!({ "url": format!("{}{base}", facts.origin) })).collect();
    let tags: Vec<_> = family
        .resources
        .iter()
        .filter(|resource| !resource.routes.is_empty())
        .map(|resource| json!({ "name": resource.name, "description": resource.about }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": family.title, "description": family.about, "version": "1.0" },
        "servers": servers,
        "tags": tags,
        "paths": paths,
        "components": { "schemas": shapes, "securitySchemes": schemes(&facts.cookie) },
    })
}

/// The ways of proving who calls. The first two have the names that the original's own document gives them.
fn schemes(cookie: &str) -> Value {
    json!({
        "SessionAuth": {
            "type": "apiKey", "in": "cookie", "name": cookie,
            "description": "The session cookie. Requests that change something must come from the portal's own origin.",
        },
        "ApiKeyAuth": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "`SharedKey <key>`: an API key made by the operator, good for its scopes until it ends.",
        },
        "ActingFor": {
            "type": "apiKey", "in": "header", "name": ACTING_FOR.as_str(),
            "description": "Beside an API key: the id of the account that the program acts for.",
        },
        "ServiceAuth": {
            "type": "http", "scheme": "bearer",
            "description": "The configured service secret.",
        },
        "ClientAuth": {
            "type": "http", "scheme": "basic",
            "description": "An OAuth 2.0 client's id and secret; they may stand in the body instead (RFC 6749, section 2.3.1).",
        },
    })
}

fn security(route: &Route, signature: &Signature) -> Value {
    match route.access {
        Access::Open if route.method.method().is_safe() => json!([]),
        Access::Open => json!([{}, { "ApiKeyAuth": [] }]),
        Access::Session if signature.answers_anybody => json!([{}, { "SessionAuth": [] }]),
        Access::Session => json!([{ "SessionAuth": [] }]),
        Access::Private(_) | Access::Unfinished(_) => {
            json!([{ "SessionAuth": [] }, { "ApiKeyAuth": [], "ActingFor": [] }])
        }
        Access::Service => json!([{ "ServiceAuth": [] }]),
        Access::Client => json!([{}, { "ClientAuth": [] }]),
    }
}

fn operation(
    family: &Family,
    resource: &Resource,
    route: &Route,
    shapes: &mut BTreeMap<String, Value>,
) -> Value {
    let signature = route.handler.signature();
    let mut operation = json!({
        "operationId": route.id,
        "tags": [resource.name],
        "summary": route.summary,
        "description": description(route),
        "security": security(route, &signature),
    });
    if !signature.parameters.is_empty() {
        operation["parameters"] = json!(signature.parameters);
    }
    if let Some((media, shape)) = signature.body {
        let schema = reference(shape, shapes);
        let kinds: Map<String, Value> = Media::types(media)
            .iter()
            .map(|kind| ((*kind).to_owned(), json!({ "schema": schema })))
            .collect();
        operation["requestBody"] = json!({ "required": true, "content": kinds });
    }
    let mut responses = Map::new();
    for answered in &signature.answers {
        let mut response = json!({ "description": answered.what });
        if let Some(media) = answered.media {
            let content = match answered.shape {
                Some(shape) => json!({ "schema": reference(shape, shapes) }),
                None => json!({ "schema": { "type": "string", "format": "binary" } }),
            };
            response["content"] = json!({ media: content });
        }
        for (name, what) in answered.headers {
            response["headers"][name] = json!({ "description": what, "schema": { "type": "string" } });
        }
        responses.insert(answered.status.to_string(), response);
    }
    for (status, reasons) in by_status(family, resource, route) {
        let refusal = refusal(family, resource, &reasons, shapes);
        let key = status.to_string();
        match responses.get_mut(&key) {
            // One status for good and bad news: the body tells.
            Some(Value::Object(response)) => merge(response, &refusal),
            _ => {
                responses.insert(key, refusal);
            }
        }
    }
    operation["responses"] = Value::Object(responses);
    operation
}

fn merge(response: &mut Map<String, Value>, refusal: &Value) {
    let said = |value: Option<&Value>| value.and_then(|v| v.get("application/json")?.get("schema").cloned());
    if let (Some(good), Some(bad)) = (said(response.get("content")), said(refusal.get("content"))) {
        response.insert(
            "content".to_owned(),
            json!({ "application/json": { "schema": { "anyOf": [good, bad] } } }),
        );
    }
}

fn description(route: &Route) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !route.about.is_empty() {
        parts.push(route.about.to_owned());
    }
    match route.access {
        Access::Private(scope) | Access::Unfinished(scope) => {
            parts.push(format!("An API key needs the scope `{}`.", scope.as_str()));
        }
        Access::Open if !route.method.method().is_safe() => {
            parts.push(format!("An API key, if one is sent, needs the scope `{}`.", Scope::Public.as_str()));
        }
        _ => {}
    }
    parts.join("\n\n")
}

/// The reasons of a row by the status they have here.
fn by_status(family: &Family, resource: &Resource, route: &Route) -> BTreeMap<u16, Vec<Reason>> {
    let voice = family.voice_of(resource);
    let mut by_status: BTreeMap<u16, Vec<Reason>> = BTreeMap::new();
    for reason in route.reasons() {
        by_status.entry(voice.status(reason).as_u16()).or_default().push(reason);
    }
    by_status
}

fn refusal(
    family: &Family,
    resource: &Resource,
    reasons: &[Reason],
    shapes: &mut BTreeMap<String, Value>,
) -> Value {
    let voice = family.voice_of(resource);
    let mut words: Vec<&str> = reasons.iter().map(|reason| voice.word(*reason)).collect();
    words.sort_unstable();
    words.dedup();
    let told: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    let mut response = json!({
        "description": format!("Refused: {}", told.join(", ")),
        "content": { "application/json": { "schema": { "allOf": [
            reference(voice.shape(), shapes),
            { "type": "object", "properties": { voice.word_field(): { "enum": words } } },
        ] } } },
    });
    if reasons.iter().any(|reason| waits(*reason)) {
        response["headers"] = json!({ "Retry-After": {
            "description": "Seconds after which trying again makes sense.", "schema": { "type": "integer", "minimum": 1 },
        } });
    }
    response
}

const fn waits(reason: Reason) -> bool {
    matches!(reason, Reason::Throttled | Reason::Busy | Reason::Unavailable)
}

/// A reference to a shape, which is put among the components with all it is made of.
fn reference(shape: Shape, shapes: &mut BTreeMap<String, Value>) -> Value {
    let mut parts = Vec::new();
    (shape.parts)(&mut parts);
    let name = (shape.name)();
    for (name, schema) in parts {
        shapes.entry(name).or_insert_with(|| json!(schema));
    }
    shapes.entry(name.to_string()).or_insert_with(shape.schema);
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
