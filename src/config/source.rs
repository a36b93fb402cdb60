//! The text of a configuration file and where each key stands in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{
    Spanned, Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    complaint::{Complaint, Excerpt, Place},
    raw::{self, Raw},
};

/// A parsed file. Values and places are kept apart, so that values from elsewhere can be laid over.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// The file as it was named; `None` when there is none.
    name: Option<String>,
    text: String,
    /// Path of each key (`apps[0].hosts`) → where the key and its value stand, in bytes.
    spans: BTreeMap<String, Spans>,
}

#[derive(Clone, Debug)]
struct Spans {
    key: Range<usize>,
    value: Range<usize>,
}

/// Which half of `key = value` to underline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Key,
    Value,
}

impl Source {
    /// Reads the text; on syntax errors, all of them.
    pub(crate) fn parse(name: &str, text: String) -> Result<(Self, Table), Vec<Complaint>> {
        let mut source = Self { name: Some(name.to_owned()), text: String::new(), spans: BTreeMap::new() };
        let (table, errors) = DeTable::parse_recoverable(&text);
        let parsed = errors.is_empty().then(|| source.table("", table.into_inner()));
        let faults: Vec<_> = errors.iter().map(|error| (error.message().to_owned(), error.span())).collect();
        drop(errors);
        source.text = text;
        match parsed {
            Some(table) => Ok((source, table)),
            None => Err(source.syntax(faults)),
        }
    }

    /// A tree of plain values; the spans go into `self`.
    fn table(&mut self, path: &str, table: DeTable<'_>) -> Table {
        let mut plain = Table::new();
        for (key, value) in table {
            let here = join(path, key.get_ref());
            self.spans.insert(here.clone(), Spans { key: key.span(), value: value.span() });
            plain.insert(key.into_inner().into_owned(), self.value(&here, value));
        }
        plain
    }

    fn value(&mut self, path: &str, value: Spanned<DeValue<'_>>) -> Value {
        match value.into_inner() {
            DeValue::Table(table) => Value::Table(self.table(path, table)),
            DeValue::Array(list) => {
                let mut plain = Vec::new();
                for (index, item) in list.into_iter().enumerate() {
                    let here = format!("{path}[{index}]");
                    self.spans.insert(here.clone(), Spans { key: item.span(), value: item.span() });
                    plain.push(self.value(&here, item));
                }
                Value::Array(plain)
            }
            DeValue::String(text) => Value::String(text.into_owned()),
            // A number beyond 64 bits fits no key: as a text it is refused as the wrong type, in its place.
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::String(number.to_string()),
            },
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Value::Boolean(flag),
            DeValue::Datetime(time) => Value::Datetime(time),
        }
    }

    /// The place of a key and its line; of the nearest enclosing table when the key is not written.
    pub(crate) fn place(&self, key: &str, part: Part) -> (Place, Option<Excerpt>) {
        let Some(file) = self.name.clone() else { return (Place::Defaults, None) };
        // A list of one may be written as that one: then `path[0]` is `path`.
        let key = match key.strip_suffix("[0]") {
            Some(single) if !self.spans.contains_key(key) => single,
            _ => key,
        };
        let mut next = Some(key);
        while let Some(path) = next {
            if let Some(spans) = self.spans.get(path) {
                let exact = path == key;
                let span = if exact && part == Part::Value { &spans.value } else { &spans.key };
                let line = self.line_of(span.start);
                return (Place::Line { file, line }, exact.then(|| self.excerpt(span, part)).flatten());
            }
            next = parent(path);
        }
        (Place::File(file), None)
    }

    fn syntax(&self, faults: Vec<(String, Option<Range<usize>>)>) -> Vec<Complaint> {
        let file = self.name.clone().unwrap_or_default();
        let known: BTreeSet<String> =
            raw::paths(&Raw::defaults()).iter().flat_map(|path| path.split('.')).map(str::to_owned).collect();
        let mut complaints: Vec<Complaint> = Vec::new();
        for (message, span) in faults {
            let line = span.as_ref().map_or(1, |span| self.line_of(span.start));
            let place = Place::Line { file: file.clone(), line };
            // The parser recovers and may stumble over the same line again; the first word counts.
            if complaints.iter().all(|earlier| earlier.place != place) {
                let excerpt = span.and_then(|span| self.excerpt_of_error(&span, &known));
                complaints.push(Complaint { place, key: String::new(), message, hint: None, excerpt });
            }
        }
        complaints
    }

    fn line_of(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    /// The line around a span, as far as it is known to hold no secret (OPS-22).
    fn excerpt(&self, span: &Range<usize>, part: Part) -> Option<Excerpt> {
        let start = self.text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(start..)?.lines().next()?;
        let name = line.split_once('=').map_or(line, |(name, _)| name);
        let is_name = |c: char| c.is_ascii_alphanumeric() || " _-.\"\t[]".contains(c);
        if name.trim().is_empty() || !name.chars().all(is_name) {
            return None;
        }
        // An inline table may hold anything, and so may a key whose name we do not know.
        let whole = part == Part::Value && !line.contains('{') && !is_telling(line);
        let shown = if whole || name == line { line } else { line.get(..=name.len())? };
        let indent = shown.get(..span.start - start)?.chars().count();
        let marked = shown.get(span.start - start..)?;
        let width = marked.get(..span.len()).unwrap_or(marked).trim_end().chars().count().max(1);
        let fits = shown.chars().count() <= LONGEST;
        fits.then(|| Excerpt { text: shown.trim_end().to_owned(), indent, width })
    }

    /// After a syntax error nobody knows where texts begin and end: a line is shown only when it is a
    /// header or a key of ours, so that the middle of a long secret is not.
    fn excerpt_of_error(&self, span: &Range<usize>, known: &BTreeSet<String>) -> Option<Excerpt> {
        let excerpt = self.excerpt(span, Part::Value)?;
        let name = excerpt.text.split('=').next()?.trim().trim_matches(['[', ']']);
        name.split('.').all(|step| known.contains(step.trim())).then_some(excerpt)
    }
}

/// A line longer than this is not shown.
const LONGEST: usize = 160;

/// Whether a line speaks of something that must not be shown.
fn is_telling(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    // An address may carry a name and a password.
    let is_personal = line.contains("://") && line.contains('@');
    is_personal || ["secret", "hash", "pass", "key", "token", "pepper"].iter().any(|word| line.contains(word))
}

/// The path of the table or list that holds this one.
pub(crate) fn parent(path: &str) -> Option<&str> {
    path.rfind(['.', '[']).and_then(|end| path.get(..end))
}

/// `path.key`, or `key` at the top.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
