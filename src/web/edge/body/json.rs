//! One JSON object (security.md API-7): UTF-8, each name once, whole numbers of 64 bits, not deep.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Fields,
    value::{Sent, Value},
};
use crate::domain::fault::{Fault, Field};

/// Objects and lists inside each other.
const DEEPEST: u8 = 16;

/// Reads an object.
pub(super) fn parse(body: &[u8]) -> Result<Fields, Fault> {
    let flaw = |what: &str| Fault::malformed(Field::Body, what);
    let text = std::str::from_utf8(body).map_err(|_| flaw("is not UTF-8"))?;
    match text.trim_ascii_start().bytes().next() {
        None => return Err(flaw("is empty")),
        Some(b'{') => {}
        Some(_) => return Err(flaw("is not a JSON object")),
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Depth(0).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(flaw("is not a JSON object")),
        // The parser's own words can repeat what was sent, so only the place is told (OPS-18). `Depth` takes any type, so what it
        // refuses is the depth.
        Err(error) if error.is_data() => Err(flaw("has lists or objects nested too deeply")),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(flaw(&format!("is not valid JSON (line {line}, column {column})")))
        }
    }
}

/// Reads any value, so many levels down.
#[derive(Clone, Copy)]
struct Depth(u8);

impl Depth {
    fn below<E: de::Error>(self) -> Result<Self, E> {
        if self.0 < DEEPEST { Ok(Self(self.0 + 1)) } else { Err(E::custom("too deep")) }
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::OddNumber, Value::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::OddNumber)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut sent = Sent::default();
        let mut overfull = false;
        while let Some(name) = from.next_key::<String>()? {
            // Ten thousand names in 64 KiB would be compared with each other.
            if overfull {
                from.next_value::<IgnoredAny>()?;
            } else {
                overfull = !sent.add(name, Ok(from.next_value_seed(below)?));
            }
        }
        Ok(Value::Object(Fields::of_json(sent, overfull)))
    }
}
