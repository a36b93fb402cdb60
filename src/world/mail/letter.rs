//! A letter before it is sent, and its form on the wire (RFC 5322).

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::values::{email::EmailAddress, id::MessageId, time::Timestamp};

/// What a letter is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Its id: the same however often it is tried.
    pub id: MessageId,
    /// What kind of letter it is, for those who sort them.
    pub kind: &'static str,
    /// BCP 47 tag of its language.
    pub language: &'static str,
    /// Where to.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The words.
    pub text: String,
    /// The same words with a form.
    pub html: String,
    /// When it was written.
    pub at: Timestamp,
}

/// A letter whose header fields hold no line break (security.md OUT-4): made by [`Letter::new`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter(Parts);

/// This part of a letter must not be what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of the message is empty or holds a line break or another control character")]
pub struct BadField(pub &'static str);

impl Letter {
    /// Checks the parts.
    pub fn new(parts: Parts) -> Result<Self, BadField> {
        for (name, field) in [("address", &parts.to), ("subject", &parts.subject)] {
            if field.is_empty() || field.chars().any(char::is_control) {
                return Err(BadField(name));
            }
        }
        Ok(Self(parts))
    }

    /// The parts.
    pub const fn parts(&self) -> &Parts {
        &self.0
    }
}

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// What people see.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

impl Sender {
    /// Reads `login@example.com` or `Example <login@example.com>`; `None` when it is neither, or holds a line break.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return None;
        }
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
            None => ("", text),
        };
        let address = EmailAddress::parse(address).ok()?;
        Some(Self { name: (!name.is_empty()).then(|| name.to_owned()), address })
    }

    fn mailbox(&self) -> Result<Mailbox, String> {
        Ok(Mailbox::new(self.name.clone(), address(self.address.as_str())?))
    }
}

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address.as_str()),
            None => f.write_str(self.address.as_str()),
        }
    }
}

/// What is the same on every letter.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) from: Sender,
    pub(super) reply_to: Option<Sender>,
}

impl Heading {
    /// The `Message-ID` of a letter: its id at our domain.
    pub(super) fn message_id(&self, letter: &Letter) -> String {
        format!("<{}@{}>", letter.parts().id, self.from.address.domain())
    }

    /// The letter as mail servers and files want it: plain text and HTML as alternatives, dated, and marked as written by a
    /// program (RFC 3834), so that nobody's absence notice answers it.
    pub(super) fn compose(&self, letter: &Letter) -> Result<Message, String> {
        let Parts { to, subject, text, html, at, language, .. } = letter.parts();
        let mut builder = Message::builder()
            .from(self.from.mailbox()?)
            .to(Mailbox::new(None, address(to)?))
            .date(UNIX_EPOCH + Duration::from_millis(at.millis()))
            .message_id(Some(self.message_id(letter)))
            .subject(subject.as_str())
            .raw_header(plain_header("Auto-Submitted", "auto-generated"))
            .raw_header(plain_header("Content-Language", language));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.mailbox()?);
        }
        let body = MultiPart::alternative()
            .singlepart(SinglePart::plain(text.clone()))
            .singlepart(SinglePart::html(html.clone()));
        builder.multipart(body).map_err(|error| error.to_string())
    }
}

fn plain_header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn address(text: &str) -> Result<Address, String> {
    // The library's own words repeat the address; ours are kept and shown.
    text.parse().map_err(|_| "the address cannot be written into a mail".to_owned())
}
