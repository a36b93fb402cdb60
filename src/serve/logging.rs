//! Log lines, JSON or text, that no value can forge or hide.
//!
//! One event is one line, whatever its fields hold: control characters, line and paragraph separators, characters that
//! reverse or hide text and the quotes that delimit it are written as `\uXXXX`; a field has a bounded length
//! (security.md OPS-17). Fields with the names of secrets are not written at all, as a last net under the rule never to
//! log them (OPS-18). Times are UTC in RFC 3339 with milliseconds.

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::SetGlobalDefaultError,
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    reload,
};

use crate::values::time::Timestamp;

/// The shape of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line: `time`, `level`, `target`, `message`, then the fields.
    #[default]
    Json,
    /// For eyes: `time LEVEL target: message field="value"`.
    Text,
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not a list of `level` or `target=level`.
    #[error("the log filter is not valid: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// This process logs already.
    #[error("logging is set up already")]
    Twice(#[from] SetGlobalDefaultError),
    /// The log this turned is no more.
    #[error("the log filter cannot be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// Changes what is logged while the program runs.
#[derive(Clone, Debug)]
pub struct Dial(reload::Handle<EnvFilter, Registry>);

impl Dial {
    /// From now on what passes `filter` is logged.
    ///
    /// # Errors
    /// When the filter cannot be read; then the old one stays.
    pub fn turn(&self, filter: &str) -> Result<(), LogError> {
        Ok(self.0.reload(EnvFilter::from_str(filter)?)?)
    }
}

/// Sends the events of this process that pass `filter` (`info`, or `warn,vouchsafe::web=debug`) to `out`, for good. The filter
/// can be changed.
///
/// # Errors
/// When the filter cannot be read, or on a second call.
pub fn init(format: Format, filter: &str, out: impl Write + Send + 'static) -> Result<Dial, LogError> {
    let (subscriber, dial) = subscriber(format, filter, out)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(dial)
}

/// The same for one thread or test: see [`tracing::subscriber::with_default`].
///
/// # Errors
/// When the filter cannot be read.
pub fn subscriber(
    format: Format,
    filter: &str,
    out: impl Write + Send + 'static,
) -> Result<(impl Subscriber + Send + Sync, Dial), LogError> {
    let lines = Lines { format, now: system_time, out: Mutex::new(Box::new(out) as Box<dyn Write + Send>) };
    let (filter, dial) = reload::Layer::new(EnvFilter::from_str(filter)?);
    Ok((tracing_subscriber::registry().with(filter).with(lines), Dial(dial)))
}

/// When something was logged. The one clock besides `World`'s: an event has no request to take the time from.
#[expect(clippy::disallowed_methods, reason = "log lines are outside any request's time")]
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

struct Lines {
    format: Format,
    now: fn() -> Timestamp,
    out: Mutex<Box<dyn Write + Send>>,
}

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // The event's own fields win over its spans', inner spans over outer ones; a name stands once.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.adopt(outer);
            }
        }
        let mut line = String::with_capacity(256);
        match self.format {
            Format::Json => json(&mut line, (self.now)(), event.metadata(), &fields),
            Format::Text => text(&mut line, (self.now)(), event.metadata(), &fields),
        }
        line.push('\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written has nowhere to complain, and must not stop the service.
        let _: io::Result<()> = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

fn json(line: &mut String, now: Timestamp, about: &Metadata<'_>, fields: &Fields) {
    push(
        line,
        format_args!(
            "{{\"time\":\"{now}\",\"level\":\"{}\",\"target\":\"{}\"",
            about.level(),
            about.target()
        ),
    );
    if let Some(message) = &fields.message {
        push(line, format_args!(",\"message\":\"{message}\""));
    }
    for (name, value) in &fields.rest {
        // Names that we use ourselves would stand twice in the object.
        let name =
            if OWN.contains(name) { format_args!("field_{name}").to_string() } else { (*name).to_owned() };
        match value {
            Value::Bare(value) => push(line, format_args!(",\"{name}\":{value}")),
            Value::Quoted(value) => push(line, format_args!(",\"{name}\":\"{value}\"")),
        }
    }
    line.push('}');
}

fn text(line: &mut String, now: Timestamp, about: &Metadata<'_>, fields: &Fields) {
    push(line, format_args!("{now} {:>5} {}:", about.level(), about.target()));
    if let Some(message) = &fields.message {
        push(line, format_args!(" {message}"));
    }
    for (name, value) in &fields.rest {
        match value {
            Value::Bare(value) => push(line, format_args!(" {name}={value}")),
            Value::Quoted(value) => push(line, format_args!(" {name}=\"{value}\"")),
        }
    }
}

fn push(line: &mut String, what: fmt::Arguments<'_>) {
    // Writing to a `String` does not fail; a `Display` that does has written what it could.
    let _ = line.write_fmt(what);
}

/// An event's fields, encoded already.
#[derive(Default)]
struct Fields {
    message: Option<String>,
    rest: Vec<(&'static str, Value)>,
}

#[derive(Clone)]
enum Value {
    /// Numbers and truth values.
    Bare(String),
    /// Everything else, encoded, without its quotes.
    Quoted(String),
}

impl Fields {
    fn adopt(&mut self, outer: &Self) {
        for (name, value) in &outer.rest {
            if !self.rest.iter().any(|(known, _)| known == name) {
                self.rest.push((name, value.clone()));
            }
        }
    }

    fn set(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let value = if is_secret(name) { Value::Quoted("[redacted]".to_owned()) } else { value };
        match self.rest.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.rest.push((name, value)),
        }
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.set(field, Value::Bare(value.to_string()));
    }

    fn quoted(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let mut encoder = Encoder::default();
        // A `Display` that fails half way has still shown something.
        let _ = encoder.write_fmt(value);
        if field.name() == "message" {
            self.message = Some(encoder.finish());
        } else {
            self.set(field, Value::Quoted(encoder.finish()));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.quoted(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.quoted(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.quoted(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.bare(field, value);
        } else {
            self.quoted(field, format_args!("{value}"));
        }
    }
}

/// Writes text between quotes of a JSON string, so that it also stays on one line of any terminal, and cuts it.
#[derive(Default)]
struct Encoder {
    out: String,
    cut: usize,
}

impl Encoder {
    fn finish(mut self) -> String {
        if self.cut > 0 {
            push(&mut self.out, format_args!("[{} bytes cut]", self.cut));
        }
        self.out
    }
}

impl fmt::Write for Encoder {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (at, character) in text.char_indices() {
            if self.out.len() >= LONGEST_FIELD {
                self.cut += text.len() - at;
                break;
            }
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                plain if !misleads(plain) => self.out.push(plain),
                hostile => {
                    for unit in hostile.encode_utf16(&mut [0; 2]) {
                        write!(self.out, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Characters that end or overwrite a line, drive a terminal, or make text look like other text.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{180E}'   // soft hyphen, grapheme joiner, Arabic and Mongolian marks
            | '\u{200B}'..='\u{200F}'                           // zero width, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202E}'                           // line and paragraph separator, bidi embeddings and overrides
            | '\u{2060}'..='\u{206F}'                           // word joiner, invisible operators, bidi isolates
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'              // variation selectors, byte order mark
            | '\u{FFF9}'..='\u{FFFB}'                           // interlinear annotation
            | '\u{E0000}'..='\u{E0FFF}') // tags, more variation selectors
}

/// Whether a field by this name would hold something that opens a door.
fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|secret| {
        name.len() >= secret.len()
            && name.as_bytes().windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes()))
    })
}

/// Bytes of one encoded field, security.md OPS-17.
const LONGEST_FIELD: usize = 1024;

/// Names of the JSON object's own members.
const OWN: [&str; 4] = ["time", "level", "target", "message"];

const SECRET: [&str; 8] =
    ["password", "passwd", "secret", "token", "cookie", "authorization", "ticket", "assertion"];

#[cfg(test)]
#[path = "logging_tests.rs"]
mod tests;
