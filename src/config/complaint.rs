//! What is wrong with a configuration: where, which key, what, and what to write instead.

use std::{error::Error, fmt};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the file; `line` counts from 1.
    Line {
        /// The file as it was named.
        file: String,
        /// The line.
        line: usize,
    },
    /// The file as a whole: the key is not written in it.
    File(String),
    /// An environment variable.
    Variable(String),
    /// A command-line option.
    Flag(&'static str),
    /// No file was given and the key has its default.
    Defaults,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{}:{line}", Visible(file)),
            Self::File(file) => write!(f, "{}", Visible(file)),
            Self::Variable(name) => write!(f, "{}", Visible(name)),
            Self::Flag(name) => f.write_str(name),
            Self::Defaults => f.write_str("(defaults)"),
        }
    }
}

/// The line of the file a complaint is about, with the part to underline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's text; the values of secret keys are left out.
    pub text: String,
    /// Characters before the underlined part.
    pub indent: usize,
    /// Length of the underlined part in characters, at least 1.
    pub width: usize,
}

/// One thing that is wrong, or (in [`super::Settings::warnings`]) merely unwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where the value stands.
    pub place: Place,
    /// The key's path, like `session.cookie.name` or `apps[1].hosts`; empty for the whole file.
    pub key: String,
    /// What is wrong, in a sentence that repeats nothing secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line itself.
    pub excerpt: Option<Excerpt>,
}

impl fmt::Display for Complaint {
    /// `config.toml:12: session.idle: what is wrong`, then the line and the hint, indented.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", Visible(&self.key))?;
        }
        write!(f, "{}", Visible(&self.message))?;
        if let Some(Excerpt { text, indent, width }) = &self.excerpt {
            let (indent, width) = (*indent, *width);
            write!(f, "\n    | {}\n    | {:indent$}{:^<width$}", Visible(text), "", "")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n    hint: {}", Visible(hint))?;
        }
        Ok(())
    }
}

/// Everything that is wrong, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaints(Vec<Complaint>);

impl Complaints {
    /// Takes over the list; more than [`MOST`] are counted, not shown.
    pub(crate) fn new(mut list: Vec<Complaint>) -> Self {
        let order = |place: &Place| match place {
            Place::Line { line, .. } => (0, *line),
            Place::File(_) | Place::Defaults => (1, 0),
            Place::Variable(_) => (2, 0),
            Place::Flag(_) => (3, 0),
        };
        list.sort_by_key(|complaint| order(&complaint.place));
        Self(list)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Complaint> {
        self.0.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// A file with more mistakes than this is the wrong file.
pub(crate) const MOST: usize = 100;

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.0.iter().take(MOST).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{complaint}")?;
        }
        if self.0.len() > MOST {
            write!(f, "\n… and {} more", self.0.len() - MOST)?;
        }
        Ok(())
    }
}

impl Error for Complaints {}

/// Text from outside, made safe for a terminal: control and direction-changing characters are
/// written as escapes, so that no value can forge or hide a line (OPS-17), and long text is cut.
struct Visible<'a>(&'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, c) in self.0.chars().enumerate() {
            if count == LONGEST {
                return f.write_str("…");
            }
            match c {
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                    write!(f, "{}", c.escape_unicode())?;
                }
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Characters of one piece of text that are shown.
const LONGEST: usize = 400;

#[cfg(test)]
mod tests {
    use super::{Complaint, Complaints, Place};

    fn about(message: &str, line: usize) -> Complaint {
        let place = Place::Line { file: "config.toml".to_owned(), line };
        Complaint {
            place,
            key: "session.idle".to_owned(),
            message: message.to_owned(),
            hint: None,
            excerpt: None,
        }
    }

    /// Proves: OPS-17
    #[test]
    fn no_value_can_forge_a_line() {
        let shown = about("\u{1b}[2K\r\nconfig.toml:1: all is well \u{202e}", 3).to_string();
        assert_eq!(shown, r"config.toml:3: session.idle: \u{1b}[2K\r\nconfig.toml:1: all is well \u{202e}");
        assert!(about(&"x".repeat(5000), 3).to_string().len() < 500);
    }

    #[test]
    fn complaints_come_in_the_order_of_the_file() {
        let shown = Complaints::new(vec![about("second", 9), about("first", 2)]).to_string();
        assert_eq!(shown, "config.toml:2: session.idle: first\nconfig.toml:9: session.idle: second");
    }
}
