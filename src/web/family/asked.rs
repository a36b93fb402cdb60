//! What a reader asks for, as the document says it.

use serde_json::{Map, Value, json};

use super::{input::RequestBody, signature::Shape};
use crate::web::edge::body::{Asked, Fields, Kind};

/// The shape of a body, made from what its reader asks for.
pub(super) fn shape<T: RequestBody>() -> Shape {
    Shape { name: || T::NAME.into(), schema: || object(&Fields::asked_by::<T>()), parts: |_| () }
}

/// The same for a body that may hold more.
pub(super) fn open_shape<T: RequestBody>() -> Shape {
    let schema = || {
        let mut schema = object(&Fields::asked_by::<T>());
        schema["additionalProperties"] = true.into();
        schema
    };
    Shape { name: || T::NAME.into(), schema, parts: |_| () }
}

/// Parameters in a place.
pub(super) fn parameters(asked: &[Asked], place: &str) -> Vec<Value> {
    let parameter = |asked: &Asked| {
        let mut parameter = json!({
            "name": asked.name,
            "in": place,
            "required": asked.required || place == "path",
            "schema": schema(asked, true),
        });
        if !asked.about.is_empty() {
            parameter["description"] = asked.about.into();
        }
        parameter
    };
    asked.iter().map(parameter).collect()
}

fn object(asked: &[Asked]) -> Value {
    let properties: Map<String, Value> = asked
        .iter()
        .map(|asked| {
            let mut schema = schema(asked, asked.required);
            if !asked.about.is_empty() {
                schema["description"] = asked.about.into();
            }
            (asked.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<_> = asked.iter().filter(|asked| asked.required).map(|asked| asked.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A field that need not be there may be `null`, too, which is the same.
fn schema(asked: &Asked, required: bool) -> Value {
    let mut schema = kind(&asked.kind, required);
    if !asked.format.is_empty() {
        schema["format"] = asked.format.into();
    }
    schema
}

fn kind(kind: &Kind, required: bool) -> Value {
    let of = |kind: &str| if required { json!(kind) } else { json!([kind, "null"]) };
    match kind {
        Kind::Text(most) => text(of("string"), *most, required),
        Kind::Secret(most) => {
            let mut schema = text(of("string"), *most, required);
            schema["format"] = "password".into();
            schema
        }
        Kind::Flag => json!({ "type": of("boolean") }),
        Kind::Number(range) => {
            json!({ "type": of("integer"), "minimum": range.start(), "maximum": range.end() })
        }
        Kind::Choice(words) => {
            let null = (!required).then_some(Value::Null);
            let words: Vec<Value> = words.iter().map(|word| json!(word)).chain(null).collect();
            json!({ "enum": words })
        }
        Kind::Texts => json!({ "type": of("array"), "items": { "type": "string", "minLength": 1 } }),
        Kind::Object(inner) => {
            let inner = object(inner);
            if required { inner } else { json!({ "anyOf": [inner, { "type": "null" }] }) }
        }
    }
}

/// Lengths are bytes here and characters there: who keeps to ASCII keeps to both.
fn text(kind: Value, most: Option<usize>, required: bool) -> Value {
    let mut schema = json!({ "type": kind });
    if let Some(most) = most {
        schema["maxLength"] = most.into();
        if required {
            schema["minLength"] = 1.into();
        }
    }
    schema
}
