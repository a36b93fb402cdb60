//! Mail: a letter, and the ways to send one.

mod folder;
mod letter;
mod smtp;
mod webhook;

use std::{path::PathBuf, sync::Arc, time::Duration};

pub use self::letter::{BadField, Letter, Parts, Sender};
use super::{
    outgoing::HttpClient,
    outlet::{Doing, SendError},
};
use crate::values::secret::Secret;

/// Sends letters.
pub trait MailSender: Send + Sync {
    /// Hands a letter over. It may arrive twice when the answer was lost; its id tells.
    fn send<'a>(&'a self, letter: &'a Letter) -> Doing<'a, Result<(), SendError>>;

    /// Where letters go, for the operator.
    fn describe(&self) -> String;

    /// Whether letters go anywhere.
    fn is_set_up(&self) -> bool {
        true
    }
}

/// How letters leave the house, and whose they are.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// By what means.
    pub delivery: Delivery,
    /// Who they are from; there is one unless nothing is sent.
    pub from: Option<Sender>,
    /// Whom answers go to, if not to `from`.
    pub reply_to: Option<Sender>,
}

/// By what means.
#[derive(Clone, Debug, Default)]
pub enum Delivery {
    /// Not at all.
    #[default]
    Nowhere,
    /// By a mail server.
    Smtp(Smtp),
    /// As files in a folder, like a maildir.
    Folder(PathBuf),
    /// As JSON to an address of the operator's.
    Webhook(Webhook),
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its name or address, as in its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether and when the connection is encrypted.
    pub encryption: Encryption,
    /// Name and password, when it wants them.
    pub credentials: Option<(String, Secret<String>)>,
    /// How long one letter may take, the connection included.
    pub timeout: Duration,
}

/// Whether and when a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// By `STARTTLS`; a server that does not offer it gets no mail.
    StartTls,
    /// From the first byte.
    Tls,
    /// Never.
    None,
}

/// An address of the operator's that takes letters as JSON.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where to.
    pub url: url::Url,
    /// Sent as `Authorization: Bearer …`.
    pub secret: Option<Secret<String>>,
}

/// The sender that these settings describe. `roots` are certificates trusted besides the system's, in DER.
pub(super) fn sender(
    settings: Settings,
    http: &Arc<dyn HttpClient>,
    roots: &Arc<[Vec<u8>]>,
) -> Arc<dyn MailSender> {
    let Settings { delivery, from: Some(from), reply_to } = settings else { return Arc::new(Nowhere) };
    let heading = letter::Heading { from, reply_to };
    match delivery {
        Delivery::Nowhere => Arc::new(Nowhere),
        Delivery::Smtp(settings) => Arc::new(smtp::Server::new(settings, heading, roots.clone())),
        Delivery::Folder(path) => Arc::new(folder::Folder::new(path, heading)),
        Delivery::Webhook(settings) => Arc::new(webhook::Hook::new(settings, heading, http.clone())),
    }
}

/// No mail.
pub(super) struct Nowhere;

impl MailSender for Nowhere {
    fn send<'a>(&'a self, _: &'a Letter) -> Doing<'a, Result<(), SendError>> {
        Box::pin(async { Err(SendError::Never("no delivery of mail is configured".to_owned())) })
    }

    fn describe(&self) -> String {
        "nowhere".to_owned()
    }

    fn is_set_up(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
