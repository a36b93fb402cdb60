//! From parts to sources: each message is written down once in each language, and becomes a template of each form.

use super::{chinese, english};
use crate::domain::outbox::{Channel, Language, Template};

/// What a message says.
pub(super) struct Copy {
    /// One line.
    pub(super) subject: &'static str,
    /// The rest, in order.
    pub(super) parts: &'static [Part],
}

/// A piece of a message. Texts are templates without markup: no `<`, `&` or `"` outside of tags.
pub(super) enum Part {
    /// A paragraph.
    Say(&'static str),
    /// The link, under this label; left out when there is none.
    Link(&'static str),
    /// The code.
    Code,
    /// When, from where and on what it happened, as far as known.
    Facts,
}

/// The words that belong to a language, not to a message.
pub(super) struct Words {
    /// With the person's name.
    pub(super) greeting: &'static str,
    /// Labels of time, device and network address.
    pub(super) facts: [&'static str; 3],
    /// The last lines.
    pub(super) closing: &'static str,
}

/// A form that a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Subject,
    Text,
    Html,
}

impl Form {
    /// The forms of what travels so.
    pub(super) const fn of(channel: Channel) -> &'static [Self] {
        match channel {
            Channel::Mail => &[Self::Subject, Self::Text, Self::Html],
            Channel::Sms => &[Self::Text],
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "txt",
            Self::Html => "html",
        }
    }
}

/// The name of a source, as in `en/welcome.html`.
pub(super) fn name(template: Template, language: Language, form: Form) -> String {
    format!("{}/{}.{}", language.as_str(), template.as_str(), form.ending())
}

/// Our own source.
pub(super) fn source(template: Template, language: Language, form: Form) -> String {
    let (copy, words) = match language {
        Language::English => (english::copy(template), &english::WORDS),
        Language::Chinese => (chinese::copy(template), &chinese::WORDS),
    };
    match form {
        Form::Subject => copy.subject.to_owned(),
        Form::Text => text(template, &copy, words),
        Form::Html => html(template, &copy, words),
    }
}

/// Whether a letter may call its reader by name. Before an address has proven to be its owner's, the name is
/// whatever a stranger typed, and would reach somebody who never asked for it.
const fn greets(template: Template) -> bool {
    !matches!(
        template,
        Template::Welcome
            | Template::ConfirmEmail
            | Template::ChangeEmailConfirm
            | Template::Invitation
            | Template::AccountExists
            | Template::ApprovalWanted
            | Template::SmsCode
            | Template::Test
            | Template::SmsTest
    )
}

fn text(template: Template, copy: &Copy, words: &Words) -> String {
    let mut pieces = Vec::new();
    if greets(template) {
        pieces.push(words.greeting.to_owned());
    }
    for part in copy.parts {
        pieces.push(match part {
            Part::Say(words) => (*words).to_owned(),
            Part::Link(label) => format!("{{% if link %}}{label}:\n{{{{ link }}}}{{% endif %}}"),
            Part::Code => "    {{ code }}".to_owned(),
            Part::Facts => facts(words, "", "{label}: {value}", "\n", ""),
        });
    }
    if template.channel() == Channel::Mail {
        pieces.push(format!("-- \n{}", words.closing));
        pieces.join("\n\n") + "\n"
    } else {
        pieces.join("\n")
    }
}

#[expect(clippy::format_push_string, reason = "a few parts, once for each letter")]
fn html(template: Template, copy: &Copy, words: &Words) -> String {
    let mut out = String::from("{% extends \"layout.html\" %}{% block body %}\n");
    if greets(template) {
        out.push_str(&paragraph(words.greeting));
    }
    for part in copy.parts {
        out.push_str(&match part {
            Part::Say(words) => paragraph(words),
            Part::Link(label) => format!(
                "{{% if link %}}<p><a href=\"{{{{ link }}}}\" style=\"display:inline-block;padding:.6em 1.2em;\
                 background:#1a5fb4;color:#fff;border-radius:.3em;text-decoration:none\">{label}</a></p>\n\
                 <p style=\"font-size:.85em;color:#555;word-break:break-all\">{{{{ link }}}}</p>{{% endif %}}\n"
            ),
            Part::Code => "<p style=\"font:bold 1.8em monospace;letter-spacing:.15em\">{{ code }}</p>\n".to_owned(),
            Part::Facts => facts(
                words,
                "<table style=\"font-size:.9em;border-spacing:0\">",
                "<tr><td style=\"padding:.1em 1em .1em 0;color:#555\">{label}</td><td>{value}</td></tr>",
                "",
                "</table>\n",
            ),
        });
    }
    out.push_str("{% endblock %}{% block closing %}");
    out.push_str(words.closing);
    out.push_str("{% endblock %}\n");
    out
}

fn paragraph(words: &str) -> String {
    format!("<p>{words}</p>\n")
}

/// The facts that are known, a row each, and nothing at all when none is.
#[expect(clippy::format_collect, reason = "three rows, once")]
fn facts(words: &Words, before: &str, row: &str, between: &str, after: &str) -> String {
    let names = ["when", "device", "address"];
    let rows: String = names
        .iter()
        .zip(words.facts)
        .map(|(name, label)| {
            let row = row.replace("{label}", label).replace("{value}", &format!("{{{{ {name} }}}}"));
            format!("{{% if {name} %}}{row}{between}{{% endif %}}")
        })
        .collect();
    format!("{{% if when or device or address %}}{before}{rows}{after}{{% endif %}}")
}
