//! An API family's document as a page to read: headings, endpoints, shapes; no script.

use axum::response::Response;
use minijinja::{Value as Filled, context};
use serde_json::{Map, Value};

use super::{answer, view::View};
use crate::web::Shared;

/// Which documents there are, by name and title.
pub fn documents(shared: &Shared, listed: &[(&str, &str)]) -> Response {
    let listed: Vec<_> =
        listed.iter().map(|(name, title)| context! { name => *name, title => *title }).collect();
    answer(View::new("documents.html", context! { documents => listed }).render(shared))
}

/// A document, whose JSON is at `/openapi/<name>.json`.
pub fn document(shared: &Shared, name: &str, document: &Value) -> Response {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let servers: Vec<_> = list(&document["servers"]).map(|server| text(&server["url"])).collect();
    let schemes: Vec<_> = object(&document["components"]["securitySchemes"])
        .map(|(name, scheme)| context! { name => name, about => text(&scheme["description"]) })
        .collect();
    let shapes: Vec<_> = object(&document["components"]["schemas"])
        .map(|(name, schema)| context! {
            name => name, about => text(&schema["description"]), fields => fields(schema), whole => shown(schema),
        })
        .collect();
    let groups: Vec<_> = list(&document["tags"])
        .map(|tag| context! {
            name => text(&tag["name"]), about => text(&tag["description"]), operations => operations(document, &tag["name"]),
        })
        .collect();
    let values = context! {
        name => name,
        heading => text(&document["info"]["title"]),
        about => text(&document["info"]["description"]),
        servers => servers, schemes => schemes, groups => groups, shapes => shapes,
    };
    answer(View::new("document.html", values).render(shared))
}

/// The endpoints under a heading, by path and method.
fn operations(document: &Value, tag: &Value) -> Vec<Filled> {
    let mut found = Vec::new();
    for (path, item) in object(&document["paths"]) {
        for (method, operation) in object(item) {
            if list(&operation["tags"]).any(|own| own == tag) {
                found.push(context! {
                    id => operation["operationId"].as_str(),
                    method => method.to_ascii_uppercase(),
                    path => path,
                    summary => operation["summary"].as_str(),
                    paragraphs => paragraphs(&operation["description"]),
                    access => access(&operation["security"]),
                    parameters => list(&operation["parameters"]).map(parameter).collect::<Vec<_>>(),
                    bodies => bodies(&operation["requestBody"]),
                    answers => object(&operation["responses"]).map(answered).collect::<Vec<_>>(),
                });
            }
        }
    }
    found
}

fn paragraphs(text: &Value) -> Vec<String> {
    let text = text.as_str().unwrap_or_default();
    text.split("\n\n").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `SessionAuth`, or `ApiKeyAuth` with `ActingFor`; nothing where anybody may call.
fn access(security: &Value) -> Vec<String> {
    let ways = list(security).filter_map(|way| {
        let names: Vec<_> = object(way).map(|(name, _)| name.clone()).collect();
        (!names.is_empty()).then(|| names.join(" + "))
    });
    ways.collect()
}

fn parameter(parameter: &Value) -> Filled {
    context! {
        name => parameter["name"].as_str(),
        place => parameter["in"].as_str(),
        needed => parameter["required"].as_bool().unwrap_or_default(),
        kind => shown(&parameter["schema"]),
        about => parameter["description"].as_str().unwrap_or_default(),
    }
}

fn bodies(body: &Value) -> Vec<Filled> {
    let shapes = object(&body["content"]);
    shapes.map(|(kind, content)| context! { kind => kind, shape => shown(&content["schema"]) }).collect()
}

fn answered((status, answer): (&String, &Value)) -> Filled {
    let shapes: Vec<_> = object(&answer["content"])
        .map(|(kind, content)| match shown(&content["schema"]) {
            shape if shape.is_empty() => kind.clone(),
            shape => format!("{kind}: {shape}"),
        })
        .collect();
    context! { status => status, about => answer["description"].as_str(), shapes => shapes }
}

/// The fields of an object.
fn fields(schema: &Value) -> Vec<Filled> {
    let needed: Vec<_> = list(&schema["required"]).collect();
    object(&schema["properties"])
        .map(|(name, field)| {
            context! {
                name => name,
                kind => shown(field),
                needed => needed.iter().any(|needed| *needed == name),
                about => field["description"].as_str().unwrap_or_default(),
            }
        })
        .collect()
}

/// A type in few words.
fn shown(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for (word, between) in [("allOf", " + "), ("anyOf", " | "), ("oneOf", " | ")] {
        let parts: Vec<_> = list(&schema[word]).map(shown).filter(|part| !part.is_empty()).collect();
        if !parts.is_empty() {
            return parts.join(between);
        }
    }
    if schema["enum"].is_array() {
        let words: Vec<_> = list(&schema["enum"]).map(ToString::to_string).collect();
        return words.join(" | ");
    }
    let kinds: Vec<_> = match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        several => list(several).filter_map(|kind| Some(kind.as_str()?.to_owned())).collect(),
    };
    let mut text = kinds.join(" | ");
    if schema["items"].is_object() {
        text = format!("{text} of {}", shown(&schema["items"]));
    }
    if let Some(format) = schema["format"].as_str() {
        text = format!("{text} ({format})");
    }
    if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        text = format!("{text} {least}–{most}");
    }
    // A part that only narrows another one says nothing by itself.
    if schema["properties"].is_object() && text == "object" && schema["required"].is_null() {
        String::new()
    } else {
        text
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
