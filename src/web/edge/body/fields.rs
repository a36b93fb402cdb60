//! Asking a body for its fields, and the complaints about them.

use std::{fmt::Display, ops::RangeInclusive};

use super::{
    shape::{Asked, FromFields, Kind, Text},
    value::{Sent, Value},
};
use crate::{
    domain::fault::{Fault, Field, Flaw, Reason},
    values::secret::Secret,
};

/// The fields of a body. Each can be taken once; complaints gather until the end.
#[derive(Default)]
pub struct Fields {
    sent: Sent,
    is_form: bool,
    overfull: bool,
    asked: Vec<Asked>,
    flaws: Vec<Flaw>,
}

impl Fields {
    pub(super) fn of_form(sent: Sent) -> Self {
        Self { sent, is_form: true, ..Self::default() }
    }

    pub(super) fn of_json(sent: Sent, overfull: bool) -> Self {
        Self { sent, overfull, ..Self::default() }
    }

    /// What `T` asks for, in its order: an endpoint's own description of its body.
    pub fn asked_by<T: FromFields>() -> Vec<Asked> {
        let mut nothing = Self::default();
        T::from_fields(&mut nothing);
        nothing.asked
    }

    /// Reads it all as `T`.
    ///
    /// # Errors
    /// [`Reason::Malformed`] with every flaw of every field.
    pub fn into_shape<T: FromFields>(self) -> Result<T, Fault> {
        self.shaped(Self::close)
    }

    /// The same for what may hold more than is asked for, as queries and OAuth requests do (RFC 6749, section 3.2).
    ///
    /// # Errors
    /// [`Reason::Malformed`] with every flaw of every field that is asked for.
    pub fn into_open_shape<T: FromFields>(self) -> Result<T, Fault> {
        self.shaped(|fields| {
            if fields.overfull {
                fields.complain(Field::Body, "has too many fields");
            }
        })
    }

    fn shaped<T: FromFields>(mut self, close: impl FnOnce(&mut Self)) -> Result<T, Fault> {
        let shape = T::from_fields(&mut self);
        close(&mut self);
        match shape {
            Some(shape) if self.flaws.is_empty() => Ok(shape),
            _ => Err(Fault { flaws: std::mem::take(&mut self.flaws), ..Fault::new(Reason::Malformed) }),
        }
    }

    /// Text that must be there.
    pub fn text(&mut self, spec: &Text) -> Option<String> {
        self.ask_text(spec, Kind::Text(spec.most), true);
        self.take_text(spec, true)
    }

    /// Text that may be there; empty is as if it were not.
    pub fn optional_text(&mut self, spec: &Text) -> Option<String> {
        self.ask_text(spec, Kind::Text(spec.most), false);
        self.take_text(spec, false)
    }

    /// A secret that must be there.
    pub fn secret(&mut self, spec: &Text) -> Option<Secret<String>> {
        self.ask_text(spec, Kind::Secret(spec.most), true);
        self.take_text(spec, true).map(Secret::new)
    }

    /// A secret that may be there.
    pub fn optional_secret(&mut self, spec: &Text) -> Option<Secret<String>> {
        self.ask_text(spec, Kind::Secret(spec.most), false);
        self.take_text(spec, false).map(Secret::new)
    }

    /// Text that must be there and that `parse` accepts; its error is the complaint.
    pub fn parsed<T, E: Display>(
        &mut self,
        spec: &Text,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(spec)?;
        self.judge(spec.field, parse(&text))
    }

    /// Text that may be there, and if so, that `parse` accepts.
    pub fn optional_parsed<T, E: Display>(
        &mut self,
        spec: &Text,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.optional_text(spec)?;
        self.judge(spec.field, parse(&text))
    }

    /// True or false, if it is there. A form says `true` or `1`, `false` or `0`.
    pub fn flag(&mut self, name: &'static str, field: Field) -> Option<bool> {
        self.ask(name, field, Kind::Flag, false);
        match self.take(name, field)? {
            Value::Flag(flag) => Some(flag),
            Value::Text(text) if self.is_form && matches!(&*text, "true" | "1") => Some(true),
            Value::Text(text) if self.is_form && matches!(&*text, "false" | "0") => Some(false),
            _ => self.refuse(field, "must be true or false"),
        }
    }

    /// A whole number of `range`, if it is there.
    pub fn number(&mut self, name: &'static str, field: Field, range: RangeInclusive<i64>) -> Option<i64> {
        self.ask(name, field, Kind::Number(range.clone()), false);
        let number = match self.take(name, field)? {
            Value::Number(number) => Some(number),
            // Only as a program writes numbers: no sign, no space, no leading zero.
            Value::Text(text) if self.is_form => {
                text.parse().ok().filter(|number: &i64| number.to_string() == text)
            }
            _ => None,
        };
        let right = number.filter(|number| range.contains(number));
        if right.is_none() {
            let (least, most) = range.into_inner();
            self.complain(field, format!("must be a whole number from {least} to {most}"));
        }
        right
    }

    /// One of the words, if it is there.
    pub fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        field: Field,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let complaint = format!("must be one of {}", all.join(", "));
        self.ask(name, field, Kind::Choice(all), false);
        let Value::Text(text) = self.take(name, field)? else { return self.refuse(field, complaint) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Some(*meaning),
            None => self.refuse(field, complaint),
        }
    }

    /// A list of texts that are not empty, if it is there; only JSON has lists.
    pub fn texts(&mut self, spec: &Text, most: usize) -> Option<Vec<String>> {
        self.ask_text(spec, Kind::Texts, false);
        let Value::List(items) = self.take(spec.name, spec.field)? else {
            return self.refuse(spec.field, "must be a list of texts");
        };
        if items.len() > most {
            return self.refuse(spec.field, format!("must be a list of at most {most} texts"));
        }
        let texts = items.into_iter().map(|item| match item {
            Value::Text(text) => self.fitting(spec, text),
            _ => self.refuse(spec.field, "must be a list of texts"),
        });
        texts.collect()
    }

    /// An object, if it is there; only JSON has objects.
    pub fn object<T: FromFields>(&mut self, name: &'static str, field: Field) -> Option<T> {
        self.ask(name, field, Kind::Object(Self::asked_by::<T>()), false);
        let Value::Object(mut inner) = self.take(name, field)? else {
            return self.refuse(field, "must be an object");
        };
        let shape = T::from_fields(&mut inner);
        inner.close();
        self.flaws.append(&mut inner.flaws);
        shape
    }

    /// Says what the field just asked for is, for the document.
    pub fn about<T>(&mut self, about: &'static str, ask: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let value = ask(self);
        if let Some(asked) = self.asked.last_mut() {
            asked.about = about;
        }
        value
    }

    /// Makes what `ask` asks for required: `fields.required(|fields| fields.flag("agree", Field::Body))`.
    pub fn required<T>(&mut self, ask: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let flaws = self.flaws.len();
        let value = ask(self);
        let Some(asked) = self.asked.last_mut() else { return value };
        asked.required = true;
        let field = asked.field;
        if value.is_none() && self.flaws.len() == flaws {
            return self.refuse(field, "is required");
        }
        value
    }

    /// Adds a complaint.
    pub fn complain(&mut self, field: Field, message: impl Into<String>) {
        self.flaws.push(Flaw { field, message: message.into() });
    }

    /// For forms of our own pages, which ask field by field: nothing is wrong with any of them so far.
    ///
    /// # Errors
    /// [`Reason::Malformed`] when a field is there twice or wrongly encoded.
    pub fn nothing_wrong(&self) -> Result<(), Fault> {
        match self.sent.first_wrong() {
            Some(wrong) => {
                Err(Fault::malformed(Field::Body, format!("has a field that {}", wrong.complaint())))
            }
            None => Ok(()),
        }
    }

    /// Takes a field of a form out, if it was sent.
    pub fn take_sent(&mut self, name: &str) -> Option<String> {
        match self.sent.take(name)? {
            Ok(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether all that was sent has been taken.
    pub fn is_used_up(&self) -> bool {
        self.sent.names().next().is_none()
    }

    fn ask(&mut self, name: &'static str, field: Field, kind: Kind, required: bool) {
        self.asked.push(Asked { name, field, kind, required, about: "", format: "" });
    }

    fn ask_text(&mut self, spec: &Text, kind: Kind, required: bool) {
        let Text { name, field, about, format, .. } = *spec;
        self.asked.push(Asked { name, field, kind, required, about, format });
    }

    /// The field, if it is there and nothing is wrong with it yet.
    fn take(&mut self, name: &str, field: Field) -> Option<Value> {
        match self.sent.take(name)? {
            Ok(Value::Null) => None,
            Ok(value) => Some(value),
            Err(wrong) => self.refuse(field, wrong.complaint()),
        }
    }

    fn take_text(&mut self, spec: &Text, required: bool) -> Option<String> {
        let flaws = self.flaws.len();
        match self.take(spec.name, spec.field) {
            Some(Value::Text(text)) if text.is_empty() && !required => None,
            Some(Value::Text(text)) => self.fitting(spec, text),
            Some(_) => self.refuse(spec.field, "must be text"),
            None if required && self.flaws.len() == flaws => self.refuse(spec.field, "is required"),
            None => None,
        }
    }

    fn fitting(&mut self, spec: &Text, text: String) -> Option<String> {
        match spec.most {
            Some(most) if text.len() > most => {
                self.refuse(spec.field, format!("is longer than {most} bytes"))
            }
            _ if text.is_empty() && !spec.may_be_empty => self.refuse(spec.field, "must not be empty"),
            _ => Some(text),
        }
    }

    fn judge<T, E: Display>(&mut self, field: Field, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.complain(field, error.to_string())).ok()
    }

    fn refuse<T>(&mut self, field: Field, message: impl Into<String>) -> Option<T> {
        self.complain(field, message);
        None
    }

    /// Complains about what nobody asked for (security.md ENR-3).
    fn close(&mut self) {
        if self.overfull {
            return self.complain(Field::Body, "has too many fields");
        }
        let known: Vec<_> = self.asked.iter().map(|asked| asked.name).collect();
        // In a form a stray `&` makes a name of the rest of a password, so only JSON's names are told, and only plain ones.
        let tellable = |name: &&str| {
            !self.is_form
                && name.len() <= 32
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let told: Vec<_> = self.sent.names().filter(tellable).collect();
        let what = match &*told {
            _ if self.is_used_up() => return,
            [] => "has a field that is unknown here".to_owned(),
            names => format!("has a field that is unknown here ({})", names.join(", ")),
        };
        let message = format!("{what}; it may have {}", known.join(", "));
        self.complain(Field::Body, message);
    }
}
