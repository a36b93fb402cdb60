//! What a body is to look like: told by the reader of it, which is the only place that knows.

use std::ops::RangeInclusive;

use super::Fields;
use crate::domain::fault::Field;

/// What an endpoint makes of the fields it asks for.
pub trait FromFields: Sized {
    /// Asks for every field, whatever the others hold, and puts them together: a required one that was not given right is `None`, and so is
    /// the whole then. So `?` comes last:
    ///
    /// ```ignore
    /// let username = fields.text(&USERNAME);
    /// let password = fields.secret(&PASSWORD);
    /// Some(Self { username: username?, password: password? })
    /// ```
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// A field that holds text.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it is about, for the one who reads the complaint.
    pub field: Field,
    pub(super) most: Option<usize>,
    pub(super) may_be_empty: bool,
    pub(super) about: &'static str,
    pub(super) format: &'static str,
}

impl Text {
    /// Text of 1 to 1024 bytes.
    pub const fn new(name: &'static str, field: Field) -> Self {
        Self { name, field, most: Some(1024), may_be_empty: false, about: "", format: "" }
    }

    /// Not longer than so many bytes.
    #[must_use]
    pub const fn at_most(self, bytes: usize) -> Self {
        Self { most: Some(bytes), ..self }
    }

    /// What it is, for the document.
    #[must_use]
    pub const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// What it is written like, by JSON Schema's word for it: "email", "uuid".
    #[must_use]
    pub const fn format(self, format: &'static str) -> Self {
        Self { format, ..self }
    }

    /// Of any length, empty too: rules elsewhere say what is wrong with it.
    #[must_use]
    pub const fn judged_elsewhere(self) -> Self {
        Self { most: None, may_be_empty: true, ..self }
    }
}

/// What a field was asked to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, of at most so many bytes.
    Text(Option<usize>),
    /// Text that is shown and stored nowhere.
    Secret(Option<usize>),
    /// True or false.
    Flag,
    /// A whole number of this range.
    Number(RangeInclusive<i64>),
    /// One of these words.
    Choice(Vec<&'static str>),
    /// A list of texts.
    Texts,
    /// An object with these fields.
    Object(Vec<Asked>),
}

/// A field that an endpoint asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it is about.
    pub field: Field,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What it is, for the document; may be empty.
    pub about: &'static str,
    /// JSON Schema's word for what it is written like; may be empty.
    pub format: &'static str,
}
