//! `application/x-www-form-urlencoded`, as the URL standard has it, without what browsers never send.

use percent_encoding::percent_decode_str;

use super::{
    Fields,
    value::{Sent, Value, Wrong},
};
use crate::domain::fault::{Fault, Field};

/// Reads a form. Values arrive exactly as typed (security.md PWD-2).
pub(super) fn parse(body: &[u8]) -> Result<Fields, Fault> {
    let flaw = |what: &str| Fault::malformed(Field::Body, what);
    let text = std::str::from_utf8(body).map_err(|_| flaw("is not UTF-8"))?;
    let mut sent = Sent::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).map_err(|wrong| flaw(&format!("has a name that {}", wrong.complaint())))?;
        if !sent.add(name, decode(value).map(Value::Text)) {
            return Err(flaw("has too many fields"));
        }
    }
    Ok(Fields::of_form(sent))
}

/// Names with their texts, decoded by somebody else.
pub(super) fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Fields {
    let mut sent = Sent::default();
    for (name, text) in pairs {
        sent.add(name, Ok(Value::Text(text)));
    }
    Fields::of_form(sent)
}

fn decode(text: &str) -> Result<String, Wrong> {
    let spaced = text.replace('+', " ");
    let whole = |escape: &str| {
        escape.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !spaced.split('%').skip(1).all(whole) {
        return Err(Wrong::Escape);
    }
    percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| Wrong::NotUtf8)
}
