//! The operator's own words: which files there are, and what is wrong with them.

use std::collections::BTreeMap;

use minijinja::Environment;

use super::{
    DERIVED, Letters,
    copy::{self, Form},
    names,
};
use crate::domain::outbox::{Channel, Language, Template};

/// Words by file: `layout.html`, and `<language>/<template>.txt` or `.html`, as in `en/welcome.txt`. A `.txt` of a mail begins with
/// a line `Subject: …` and an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnWords(BTreeMap<String, String>);

/// What is wrong with a file of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The file, relative to the folder.
    pub file: String,
    /// What is wrong.
    pub what: String,
}

/// A file of the operator's and what it stands for.
struct Place {
    template: Template,
    form: Form,
}

impl OwnWords {
    /// From files: path within the folder, with `/` between its parts, and content.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// The operator's source by the name of ours, with the file it stands in.
    pub(super) fn source(&self, name: &str) -> Option<(String, String)> {
        if let Some(stem) = name.strip_suffix(".subject") {
            let file = format!("{stem}.txt");
            let subject = parted(self.0.get(&file)?).map(|(subject, _)| subject.to_owned())?;
            return Some((file, subject));
        }
        let source = self.0.get(name)?;
        let is_mail = place(name).is_some_and(|place| place.template.channel() == Channel::Mail);
        let source = match parted(source) {
            Some((_, text)) if is_mail && name.strip_suffix(".txt").is_some() => text,
            _ => source,
        };
        Some((name.to_owned(), source.to_owned()))
    }

    /// What is wrong without filling anything in: files that mean nothing, unknown values, secrets in a subject.
    pub(super) fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for (file, source) in &self.0 {
            let mut flaw = |what: String| flaws.push(Flaw { file: file.clone(), what });
            if file == super::LAYOUT.0 {
                let known = |name: &str| DERIVED.contains(&name);
                for name in unknown(source, &known) {
                    flaw(not_known(&name));
                }
                continue;
            }
            let Some(Place { template, form, .. }) = place(file) else {
                flaw("stands for no message; see the names in the manual: <language>/<message>.txt or .html, and layout.html".to_owned());
                continue;
            };
            if template.channel() == Channel::Sms && form == Form::Html {
                flaw("an SMS has no HTML".to_owned());
                continue;
            }
            let known = |name: &str| DERIVED.contains(&name) || names(template).any(|known| known == name);
            for name in unknown(source, &known) {
                flaw(not_known(&name));
            }
            if template.channel() == Channel::Mail && form == Form::Text {
                match parted(source) {
                    None => flaw("must begin with a line \"Subject: …\" and an empty line".to_owned()),
                    Some((subject, _)) => {
                        let told = |name: &str| !["code", "link"].contains(&name);
                        for name in unknown(subject, &told) {
                            flaw(format!(
                                "`{name}` must not stand in the subject: subjects are shown on locked screens"
                            ));
                        }
                    }
                }
            }
        }
        flaws
    }

    /// What goes wrong when each of the operator's files is filled in with examples.
    pub(super) fn try_out(&self, letters: &Letters) -> Vec<Flaw> {
        let layout = self.0.contains_key(super::LAYOUT.0);
        let mut flaws: Vec<Flaw> = Vec::new();
        for template in Template::ALL.iter().copied() {
            for language in Language::ALL {
                let file = Form::of(template.channel())
                    .iter()
                    .find_map(|form| Some(self.source(&copy::name(template, language, *form))?.0));
                let file = file.or_else(|| layout.then(|| super::LAYOUT.0.to_owned()));
                let Some(file) = file else { continue };
                // Once with everything and once with nothing but what it needs: both happen.
                let (all, needed) = (examples(names(template)), examples(template.needs().iter().copied()));
                let failed = [all, needed]
                    .iter()
                    .find_map(|values| letters.write(template, Some(language), values).err());
                if let Some(error) = failed
                    && !flaws.iter().any(|flaw| flaw.file == file)
                {
                    flaws.push(Flaw { file, what: error.to_string() });
                }
            }
        }
        flaws
    }
}

fn examples(names: impl Iterator<Item = &'static str>) -> Vec<(String, String)> {
    names
        .map(|name| {
            let value = match name {
                "minutes" => "30",
                "time" => "2027-01-15T08:00:00Z",
                "link" => "https://login.example.com/reset?token=abc",
                "left" | "count" => "3",
                _ => "example",
            };
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

fn place(file: &str) -> Option<Place> {
    let (language, rest) = file.split_once('/')?;
    let (template, ending) = rest.rsplit_once('.')?;
    Language::ALL.into_iter().find(|known| known.as_str() == language)?;
    let form = match ending {
        "txt" => Form::Text,
        "html" => Form::Html,
        _ => return None,
    };
    Some(Place { template: Template::of_name(template)?, form })
}

/// The subject line and the text of a `.txt`.
fn parted(source: &str) -> Option<(&str, &str)> {
    let (first, rest) = source.strip_prefix('\u{feff}').unwrap_or(source).split_once('\n')?;
    let subject = first.strip_prefix("Subject:")?.trim();
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))?;
    Some((subject, rest))
}

/// The values that a source asks for and that are not `known`. A source that does not compile asks for none: that is told elsewhere.
fn unknown(source: &str, known: &dyn Fn(&str) -> bool) -> Vec<String> {
    // What the engine itself provides.
    const BUILT_IN: [&str; 7] = ["range", "dict", "namespace", "loop", "self", "super", "caller"];
    let mut environment = Environment::new();
    if environment.add_template("source", source).is_err() {
        return Vec::new();
    }
    let names = environment.get_template("source").map(|source| source.undeclared_variables(false));
    let mut names: Vec<_> = names
        .unwrap_or_default()
        .into_iter()
        .filter(|name| !BUILT_IN.contains(&name.as_str()) && !known(name))
        .collect();
    names.sort();
    names
}

fn not_known(name: &str) -> String {
    format!("`{name}` is no value that this message is given")
}
