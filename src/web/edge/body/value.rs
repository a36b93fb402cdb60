//! What a field can hold.

use zeroize::Zeroize as _;

use super::Fields;

/// More fields than this has no body or object of ours.
pub(super) const MOST_FIELDS: usize = 32;

/// A value as it was sent.
pub enum Value {
    /// JSON's `null`: as if the field were not there.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A number with a fraction, or beyond what 64 bits hold.
    OddNumber,
    /// Text; everything in a form is.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Fields),
}

/// What is wrong with a field before anybody asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Repeated,
    Escape,
    NotUtf8,
}

impl Wrong {
    pub(super) const fn complaint(self) -> &'static str {
        match self {
            Self::Repeated => "is there more than once",
            Self::Escape => "holds a broken percent escape",
            Self::NotUtf8 => "is not UTF-8",
        }
    }
}

/// Fields as sent, each name once. Some values are passwords: they are wiped, and cannot be printed.
#[derive(Default)]
pub(super) struct Sent(Vec<(String, Result<Value, Wrong>)>);

impl Sent {
    /// Adds a field; one that is there already becomes wrong. Says whether there was room for it.
    pub(super) fn add(&mut self, name: String, value: Result<Value, Wrong>) -> bool {
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            *known = Err(Wrong::Repeated);
            return true;
        }
        let room = self.0.len() < MOST_FIELDS;
        if room {
            self.0.push((name, value));
        }
        room
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Result<Value, Wrong>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn first_wrong(&self) -> Option<Wrong> {
        self.0.iter().find_map(|(_, value)| value.as_ref().err().copied())
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            if let Ok(Value::Text(text)) = value {
                text.zeroize();
            }
        }
    }
}
