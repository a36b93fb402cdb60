//! The conscience of the test kit: every answer of a family that any test sees must be one that the document promises.

use http::{HeaderMap, header};
use serde_json::Value;

use super::{
    Family, Resource, Route, Verb,
    document::{self, Facts},
};

/// Compares answers with a family's document.
pub(in crate::web) struct Conscience {
    family: &'static Family,
    pub(in crate::web) document: Value,
}

impl Conscience {
    pub(in crate::web) fn new(family: &'static Family, facts: &Facts) -> Self {
        Self { family, document: document::of(family, facts) }
    }

    /// The row that a request is for, if any.
    pub(in crate::web) fn row(
        &self,
        method: &str,
        path: &str,
    ) -> Option<(&'static Resource, &'static Route)> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.family.rows().find(|(_, route)| {
            route.method.as_str() == method
                && self
                    .family
                    .bases
                    .iter()
                    .any(|base| path.strip_prefix(base).is_some_and(|rest| fits(route.path, rest)))
        })
    }

    /// Stops the test unless the answer is one the document knows: status, content type, shape, nothing more.
    #[track_caller]
    pub(in crate::web) fn check(
        &self,
        method: &str,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        text: &str,
    ) {
        let place = format!("{method} {path} answered {status} {text}");
        let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap());
        let row =
            self.row(method, path).filter(|(_, route)| method != "HEAD" || route.method != Verb::GetOnce);
        let Some((resource, route)) = row else {
            assert!(status == 404 || status == 405, "{place}, and is no endpoint");
            assert_eq!(headers.contains_key(header::ALLOW), status == 405, "{place}");
            return;
        };
        let operation = &self.document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
        let response = &operation["responses"][status.to_string()];
        assert!(response.is_object(), "{place}, which the document does not list");
        if method == "HEAD" {
            return;
        }
        let Some(content) = response["content"].as_object() else {
            assert!(text.is_empty(), "{place}, which should have no body");
            return;
        };
        let kind = kind.unwrap_or_else(|| panic!("{place} without a type"));
        let schema = &content.get(kind).unwrap_or_else(|| panic!("{place} as {kind}"))["schema"];
        if kind == "application/json" {
            let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{place}: {error}"));
            if let Err(complaint) = self.fits(schema, &body) {
                panic!("{place}\n{complaint}\nresource {}", resource.name);
            }
        }
        let waits = response["headers"]["Retry-After"].is_object();
        assert!(waits || !headers.contains_key(header::RETRY_AFTER), "{place} with Retry-After");
    }

    /// Whether a value has the shape, and no field beside it.
    pub(in crate::web) fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let complain = |what: &str| Err(format!("{value} {what} of {schema}"));
        if let Some(to) = schema["$ref"].as_str() {
            return self.fits(self.resolve(to), value);
        }
        for part in list(schema, "allOf") {
            self.fits_openly(part, value)?;
        }
        for choice in ["anyOf", "oneOf"] {
            let parts = list(schema, choice);
            if !parts.is_empty() && !parts.iter().any(|part| self.fits(part, value).is_ok()) {
                return complain("is none");
            }
        }
        self.fits_openly(schema, value)?;
        let mut known = Vec::new();
        self.properties(schema, &mut known);
        if let (Some(object), false) = (value.as_object(), known.is_empty())
            && let Some(extra) = object.keys().find(|name| !known.contains(*name))
        {
            return complain(&format!("has {extra}, which is no field"));
        }
        Ok(())
    }

    fn fits_openly(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let complain = |what: &str| Err(format!("{value} {what} of {schema}"));
        if let Some(to) = schema["$ref"].as_str() {
            return self.fits_openly(self.resolve(to), value);
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is = |kind: &&str| match *kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            _ => value.is_null(),
        };
        if !types.is_empty() && !types.iter().any(is) {
            return complain("is not of the type");
        }
        let allowed = list(schema, "enum");
        if !allowed.is_empty() && !allowed.contains(value) {
            return complain("is no choice");
        }
        for name in list(schema, "required").iter().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                return complain(&format!("lacks {name}"));
            }
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = value.get(name) {
                self.fits(inner, value)?;
            }
        }
        if schema["items"].is_object() {
            for item in value.as_array().into_iter().flatten() {
                self.fits(&schema["items"], item)?;
            }
        }
        Ok(())
    }

    fn properties(&self, schema: &Value, known: &mut Vec<String>) {
        if let Some(to) = schema["$ref"].as_str() {
            self.properties(self.resolve(to), known);
        }
        for part in ["allOf", "anyOf", "oneOf"].into_iter().flat_map(|word| list(schema, word)) {
            self.properties(part, known);
        }
        known.extend(schema["properties"].as_object().into_iter().flat_map(|object| object.keys().cloned()));
    }

    fn resolve(&self, to: &str) -> &Value {
        let pointer = to.strip_prefix('#').unwrap();
        self.document.pointer(pointer).unwrap_or_else(|| panic!("{to} leads nowhere"))
    }
}

fn list<'v>(schema: &'v Value, word: &str) -> &'v [Value] {
    schema[word].as_array().map_or(&[], Vec::as_slice)
}

/// Whether a path is made like a template.
fn fits(template: &str, path: &str) -> bool {
    let (mut left, mut right) = (template.split('/'), path.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part.starts_with('{') && !given.is_empty() => {}
            (Some(part), Some(given)) if part == given => {}
            _ => return false,
        }
    }
}
