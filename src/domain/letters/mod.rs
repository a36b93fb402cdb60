//! Letters: what each message says, in each language.
//!
//! **Responsibility.** The words of every [`Template`] and their two forms, plain text and HTML; the operator's
//! own words in place of ours.
//!
//! **Invariants.** Every template has words in every language. What is filled in is escaped where it becomes HTML. A subject is one line
//! and never holds a code or a link (security.md OTP-7); every text names the service. Words that do not compile, that ask for
//! values their template is never given, or that fail on an example are refused before they are used.
//!
//! **Not here.** Who is written to and when (`outbox`), reading the operator's files (`config`).
//!
//! **Start reading at** [`Letters`], then `english`.

mod chinese;
mod copy;
mod english;
mod own;
mod phrase;

use std::{collections::BTreeMap, sync::Arc};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use self::copy::Form;
pub use self::own::{Flaw, OwnWords};
use super::outbox::{Channel, Language, Template};
use crate::values::url::WebUrl;

/// Whose letters these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// The name of the service, in every text.
    pub service: String,
    /// Its portal.
    pub portal: WebUrl,
    /// The language for people who have none of their own.
    pub language: Language,
}

/// A message in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// In which language.
    pub language: Language,
    /// One line; empty for SMS.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML; empty for SMS.
    pub html: String,
}

/// What is written may hold a code or a link, so it does not print itself.
impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").field("language", &self.language).finish_non_exhaustive()
    }
}

/// Why a message cannot be written. Repeats nothing that was to be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// Whoever queued it left this out.
    #[error("the value `{0}` is missing")]
    Missing(&'static str),
    /// The words fail on these values.
    #[error("the words cannot be filled in: {0}")]
    Words(String),
    /// The subject came out empty, or with a line break (security.md OUT-4).
    #[error("the subject is empty or more than one line")]
    Subject,
}

/// All words, compiled. Cheap to clone.
#[derive(Clone)]
pub struct Letters {
    environment: Arc<Environment<'static>>,
    brand: Brand,
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letters").field("brand", &self.brand).finish_non_exhaustive()
    }
}

/// The frame around every HTML form.
const LAYOUT: (&str, &str) = ("layout.html", include_str!("layout.html"));

impl Letters {
    /// Our own words.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the words are constants, and a test compiles and fills in each"
    )]
    pub fn new(brand: Brand) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the words are constants, and a test compiles and fills in each"
        )]
        let environment = environment(&OwnWords::default()).expect("our own words compile");
        Self { environment: Arc::new(environment), brand }
    }

    /// Our own words with some of the operator's in their place.
    ///
    /// # Errors
    /// Everything that is wrong with the operator's.
    pub fn with(brand: Brand, own: &OwnWords) -> Result<Self, Vec<Flaw>> {
        let mut flaws = own.flaws();
        let environment = match environment(own) {
            Ok(environment) if flaws.is_empty() => environment,
            Ok(_) => return Err(flaws),
            Err(flaw) => {
                flaws.push(flaw);
                return Err(flaws);
            }
        };
        let letters = Self { environment: Arc::new(environment), brand };
        let flaws = own.try_out(&letters);
        if flaws.is_empty() { Ok(letters) } else { Err(flaws) }
    }

    /// The same words for a portal elsewhere.
    #[must_use]
    pub fn with_portal(mut self, portal: WebUrl) -> Self {
        self.brand.portal = portal;
        self
    }

    /// Whose letters these are.
    pub const fn brand(&self) -> &Brand {
        &self.brand
    }

    /// Writes a message. Values that the template does not know are not looked at.
    pub fn write(
        &self,
        template: Template,
        language: Option<Language>,
        values: &[(String, String)],
    ) -> Result<Written, LetterError> {
        let language = language.unwrap_or(self.brand.language);
        let given =
            |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if let Some(name) = template.needs().iter().find(|name| given(name).is_none_or(str::is_empty)) {
            return Err(LetterError::Missing(name));
        }
        let text = phrase::tidied(&self.fill(template, language, Form::Text, &given)?);
        if template.channel() == Channel::Sms {
            let text = text.trim_end().to_owned();
            return Ok(Written { language, subject: String::new(), text, html: String::new() });
        }
        let subject = self.fill(template, language, Form::Subject, &given)?.trim().to_owned();
        if subject.is_empty() || subject.chars().any(char::is_control) {
            return Err(LetterError::Subject);
        }
        let html = self.fill(template, language, Form::Html, &given)?;
        Ok(Written { language, subject, text, html })
    }

    fn fill<'a>(
        &self,
        template: Template,
        language: Language,
        form: Form,
        given: &impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, LetterError> {
        let words = |error: minijinja::Error| LetterError::Words(without_values(&error));
        let source = self.environment.get_template(&copy::name(template, language, form)).map_err(words)?;
        let facts = names(template).map(|name| {
            let value = given(name).unwrap_or_default();
            // A link is ours and knows no quotes; escaping its slashes, too, would only make it unreadable.
            let value = match (form, name) {
                (Form::Html, "link") => Value::from_safe_string(phrase::escape(value)),
                _ => Value::from(value),
            };
            (name, value)
        });
        let portal = self.brand.portal.as_str().trim_end_matches('/');
        let portal = match form {
            Form::Html => Value::from_safe_string(phrase::escape(portal)),
            Form::Text | Form::Subject => Value::from(portal),
        };
        let derived = [
            ("service", Value::from(self.brand.service.as_str())),
            ("portal", portal),
            ("lang", Value::from(language.tag())),
            ("lasts", Value::from(phrase::span(language, given("minutes").unwrap_or_default()))),
            ("when", Value::from(phrase::moment(language, given("time").unwrap_or_default()))),
            ("device", Value::from(phrase::device(language, given("device").unwrap_or_default()))),
            ("what", Value::from(phrase::factor(language, given("factor").unwrap_or_default()))),
        ];
        source.render(facts.chain(derived).collect::<BTreeMap<_, _>>()).map_err(words)
    }
}

/// Values that we work out for every template.
const DERIVED: [&str; 6] = ["service", "portal", "lang", "lasts", "when", "what"];

/// The values a template may be given.
fn names(template: Template) -> impl Iterator<Item = &'static str> {
    Template::COMMON.iter().chain(template.needs()).chain(template.may_have()).copied()
}

fn environment(own: &OwnWords) -> Result<Environment<'static>, Flaw> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if name.strip_suffix(".html").is_some() { AutoEscape::Html } else { AutoEscape::None }
    });
    let mut add = |name: String, ours: String| {
        let (file, source) = own.source(&name).map_or((None, ours), |(file, own)| (Some(file), own));
        environment
            .add_template_owned(name.clone(), source)
            .map_err(|error| Flaw { file: file.unwrap_or(name), what: without_values(&error) })
    };
    add(LAYOUT.0.to_owned(), LAYOUT.1.to_owned())?;
    for template in Template::ALL.iter().copied() {
        for language in Language::ALL {
            for form in Form::of(template.channel()) {
                add(copy::name(template, language, *form), copy::source(template, language, *form))?;
            }
        }
    }
    Ok(environment)
}

/// What the engine says, without the values that its debug output would show.
fn without_values(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
    match error.detail() {
        Some(detail) => format!("{}: {detail}{line}", error.kind()),
        None => format!("{}{line}", error.kind()),
    }
}

#[cfg(test)]
mod tests;
