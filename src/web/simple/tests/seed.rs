//! The published document of Simple Auth, as data (`integration/seed/simple.toml`), against the route table, our own document and what
//! the endpoints really answer. Nothing that it lists may be missing.
//!
//! How each answer comes about is said in [`answers`].

mod answers;

use std::collections::{BTreeMap, BTreeSet};

use http::header;
use serde::Deserialize;
use serde_json::Value;

use super::super::FAMILY;
use crate::web::{family::Route, simple::tests::House};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    endpoint: Vec<Endpoint>,
    schema: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    method: String,
    path: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    request: Option<String>,
    answers: BTreeMap<String, String>,
    /// Listed status → the one that stands in its place, and why.
    #[serde(default)]
    instead: BTreeMap<String, (u16, String)>,
    /// Listed statuses that no request can bring about, and why.
    #[serde(default)]
    never: BTreeMap<String, String>,
}

impl Endpoint {
    fn place(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn row(&self) -> Option<&'static Route> {
        let is = |route: &&Route| route.method.as_str() == self.method && route.path == self.path;
        FAMILY.rows().map(|(_, route)| route).find(is)
    }

    /// The listed statuses with what stands for them; without those that never happen.
    fn statuses(&self) -> impl Iterator<Item = (u16, &str)> {
        self.answers.iter().filter(|(listed, _)| !self.never.contains_key(*listed)).map(|(listed, shape)| {
            let status =
                self.instead.get(listed).map_or_else(|| listed.parse().unwrap(), |(other, _)| *other);
            (status, shape.as_str())
        })
    }
}

fn seed() -> Seed {
    let text = include_str!("../../../../integration/seed/simple.toml");
    let seed: Seed = toml::from_str(text).unwrap();
    assert_eq!((seed.endpoint.len(), seed.schema.len()), (23, 30), "the list is whole");
    for endpoint in &seed.endpoint {
        let listed: BTreeSet<_> = endpoint.answers.keys().collect();
        assert!(endpoint.instead.keys().chain(endpoint.never.keys()).all(|status| listed.contains(status)));
    }
    seed
}

/// Nothing of the list is missing: neither an endpoint, nor a status, nor a parameter, nor a field of a body.
#[tokio::test]
async fn the_table_and_the_document_have_all_of_the_list() {
    let (house, seed) = (House::open(), seed());
    let document = &house.conscience.document;
    let missing: BTreeSet<_> =
        seed.endpoint.iter().filter(|e| e.row().is_none()).map(Endpoint::place).collect();
    assert!(missing.is_empty(), "endpoints that are not there: {missing:?}");
    for endpoint in seed.endpoint.iter().filter(|endpoint| endpoint.row().is_some()) {
        let place = endpoint.place();
        let operation = &document["paths"][&endpoint.path][endpoint.method.to_ascii_lowercase()];
        for (name, kind) in &endpoint.parameters {
            let parameters =
                operation["parameters"].as_array().unwrap_or_else(|| panic!("{place} has no {name}"));
            let found = parameters.iter().find(|parameter| parameter["name"] == **name);
            let found = found.unwrap_or_else(|| panic!("{place} has no {name}"));
            assert!(is_kind(&found["schema"], kind), "{place}: {name} is no {kind}");
        }
        if let Some(request) = &endpoint.request {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            has_fields(document, &seed, body, request, &place);
            let name = body["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            assert_eq!(name, request, "{place}: the name of its body");
        }
        for (status, shape) in endpoint.statuses() {
            let response = &operation["responses"][status.to_string()];
            assert!(response.is_object(), "{place} does not answer {status}");
            match seed.schema.get(shape) {
                Some(_) if response["content"].is_null() => {
                    assert!((300..400).contains(&status), "{place} {status}");
                }
                Some(_) => {
                    let schema = &response["content"]["application/json"]["schema"];
                    has_fields(document, &seed, schema, shape, &format!("{place} {status}"));
                }
                None => assert!(response["content"][shape].is_object(), "{place} {status} is no {shape}"),
            }
        }
    }
}

/// Each endpoint gives each of its listed answers, in the listed shape. The house compares them with our own document besides.
///
/// simple-auth.md 9.C3
#[tokio::test]
async fn every_listed_answer_is_given() {
    let seed = seed();
    for endpoint in &seed.endpoint {
        let Some(row) = endpoint.row() else { continue };
        let place = endpoint.place();
        for (status, shape) in endpoint.statuses() {
            let answer = answers::of(row, &place, status).await;
            let answer = answer.unwrap_or_else(|| panic!("nobody says how {place} comes to answer {status}"));
            assert_eq!(answer.status.as_u16(), status, "{place}: {answer:?}");
            if !seed.schema.contains_key(shape) {
                assert_eq!(answer.headers[header::CONTENT_TYPE], shape, "{place} {status}");
                continue;
            }
            if answer.text.is_empty() && (300..400).contains(&status) {
                continue;
            }
            let body: Value = serde_json::from_str(&answer.text).unwrap();
            fits(&seed, shape, &body, &format!("{place} {status}"));
        }
    }
}

/// A schema of ours has all the fields of a listed one, of the same kinds.
fn has_fields(document: &Value, seed: &Seed, schema: &Value, listed: &str, place: &str) {
    for (name, kind) in &seed.schema[listed] {
        let field = property(document, schema, name);
        let field = field.unwrap_or_else(|| panic!("{place}: {listed} has no {name}"));
        let of_list = kind.strip_prefix("list of ");
        match of_list.or_else(|| seed.schema.contains_key(kind).then_some(kind)) {
            Some(inner) => {
                let schema = if of_list.is_some() { &field["items"] } else { field };
                has_fields(document, seed, schema, inner, place);
            }
            None => assert!(is_kind(field, kind), "{place}: {listed}.{name} is no {kind} but {field}"),
        }
    }
}

fn property<'d>(document: &'d Value, schema: &'d Value, name: &str) -> Option<&'d Value> {
    if let Some(to) = schema["$ref"].as_str() {
        return property(document, document.pointer(to.strip_prefix('#')?)?, name);
    }
    schema["properties"].get(name).or_else(|| {
        let parts =
            ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|word| schema[word].as_array()).flatten();
        parts.into_iter().find_map(|part| property(document, part, name))
    })
}

fn is_kind(schema: &Value, kind: &str) -> bool {
    let kinds = &schema["type"];
    kinds == kind
        || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind))
        || !schema["enum"].is_null()
}

/// What was answered has the listed fields with the listed kinds. Fields that it does not have now are no fault: the list marks none as
/// required, and our document does where it is so.
fn fits(seed: &Seed, listed: &str, body: &Value, place: &str) {
    let object = body.as_object().unwrap_or_else(|| panic!("{place} is no object: {body}"));
    let fields = &seed.schema[listed];
    assert!(fields.keys().any(|name| object.contains_key(name)), "{place} has nothing of {listed}: {body}");
    for (name, kind) in fields {
        let Some(value) = object.get(name) else { continue };
        match (kind.as_str(), kind.strip_prefix("list of ")) {
            (_, Some(inner)) => {
                for item in value.as_array().unwrap_or_else(|| panic!("{place}: {name} is no list")) {
                    fits(seed, inner, item, place);
                }
            }
            ("string", _) => assert!(value.is_string(), "{place}: {name} is {value}"),
            ("boolean", _) => assert!(value.is_boolean(), "{place}: {name} is {value}"),
            ("integer", _) => assert!(value.is_i64() || value.is_u64(), "{place}: {name} is {value}"),
            (inner, None) => fits(seed, inner, value, place),
        }
    }
}
