//! `[mail]`: how letters leave the house, whose they are, and in whose words.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{outgoing::address, templates, within};
use crate::{
    config::{fields::Hidden, ledger::Ledger, secret_files, units::Period},
    domain::{
        letters::{Brand, Letters},
        outbox::Language,
    },
    values::url::WebUrl,
    world::{
        mail::{Delivery, Encryption, Sender, Settings, Smtp, Webhook},
        outgoing::Reach,
    },
};

/// `[mail]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MailSection {
    pub(crate) delivery: DeliveryWord,
    pub(crate) from: String,
    pub(crate) reply_to: String,
    pub(crate) product: String,
    pub(crate) language: LanguageWord,
    pub(crate) templates: String,
    pub(crate) folder: String,
    pub(crate) smtp: SmtpSection,
    pub(crate) webhook: WebhookSection,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryWord {
    #[default]
    None,
    Smtp,
    File,
    Webhook,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LanguageWord {
    #[default]
    En,
    Zh,
}

/// `[mail.smtp]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SmtpSection {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) encryption: EncryptionWord,
    pub(crate) allow_unencrypted: bool,
    pub(crate) username: String,
    pub(crate) password: Hidden,
    pub(crate) password_file: String,
    pub(crate) timeout: Period,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EncryptionWord {
    #[default]
    StartTls,
    Tls,
    None,
}

impl Default for SmtpSection {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            encryption: EncryptionWord::StartTls,
            allow_unencrypted: false,
            username: String::new(),
            password: Hidden::default(),
            password_file: String::new(),
            timeout: Period::seconds(30),
        }
    }
}

/// `[mail.webhook]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhookSection {
    pub(crate) url: String,
    pub(crate) secret: Hidden,
    pub(crate) secret_file: String,
}

impl MailSection {
    pub(crate) fn settle(&self, data_dir: &Path, reach: &Reach, ledger: &mut Ledger) -> Option<Settings> {
        let sender = |key: &str, text: &str, ledger: &mut Ledger| {
            let sender = Sender::parse(text);
            if sender.is_none() && !text.is_empty() {
                ledger.refuse_with(
                    key,
                    "is not an address on one line",
                    "like \"login@example.com\" or \"Example <login@example.com>\"",
                );
            }
            sender
        };
        let from = sender("mail.from", &self.from, ledger);
        let reply_to = sender("mail.reply_to", &self.reply_to, ledger);
        if self.delivery != DeliveryWord::None && self.from.is_empty() {
            ledger.refuse_with(
                "mail.from",
                "is missing",
                "the address that mail comes from, like \"Example <login@example.com>\"",
            );
        }
        let secret = secret_files::secret(
            "mail.webhook",
            "secret",
            &self.webhook.secret,
            &self.webhook.secret_file,
            ledger,
        );
        let smtp = self.smtp.settle(self.delivery == DeliveryWord::Smtp, ledger);
        let delivery = match self.delivery {
            DeliveryWord::None => Delivery::Nowhere,
            DeliveryWord::Smtp => Delivery::Smtp(smtp?),
            DeliveryWord::File => Delivery::Folder(self.folder(data_dir, ledger)),
            DeliveryWord::Webhook => Delivery::Webhook(Webhook {
                url: address("mail.webhook.url", &self.webhook.url, reach, ledger)?,
                secret,
            }),
        };
        Some(Settings { delivery, from, reply_to })
    }

    fn folder(&self, data_dir: &Path, ledger: &Ledger) -> PathBuf {
        match self.folder.as_str() {
            "" => data_dir.join("mail"),
            name => ledger.path("mail.folder", name),
        }
    }

    /// The words, of the operator where there are any. `title` names the service unless the section does.
    pub(crate) fn letters(&self, title: &str, portal: &WebUrl, ledger: &mut Ledger) -> Option<Letters> {
        let product = self.product.trim();
        if product.chars().count() > 80 || product.chars().any(char::is_control) {
            ledger.refuse("mail.product", "must be one line of at most 80 characters");
        }
        let language = match self.language {
            LanguageWord::En => Language::English,
            LanguageWord::Zh => Language::Chinese,
        };
        let service = if product.is_empty() { title } else { product }.to_owned();
        let brand = Brand { service, portal: portal.clone(), language };
        if self.templates.is_empty() {
            return Some(Letters::new(brand));
        }
        let own = templates::read("mail.templates", &self.templates, ledger)?;
        match Letters::with(brand, &own) {
            Ok(letters) => Some(letters),
            Err(flaws) => {
                // One complaint: a second one about the same key would be taken for a consequence of the first.
                let list: Vec<_> = flaws.iter().map(|flaw| format!("{}: {}", flaw.file, flaw.what)).collect();
                ledger.refuse("mail.templates", list.join("; "));
                None
            }
        }
    }
}

impl SmtpSection {
    fn settle(&self, wanted: bool, ledger: &mut Ledger) -> Option<Smtp> {
        within(ledger, "mail.smtp.timeout", &self.timeout, &Period::seconds(1), &Period::seconds(55));
        let password =
            secret_files::secret("mail.smtp", "password", &self.password, &self.password_file, ledger);
        let credentials = match (self.username.as_str(), password) {
            ("", None) => None,
            ("", Some(_)) => {
                ledger.refuse("mail.smtp.username", "is missing: a password needs its name");
                None
            }
            (_, None) if !wanted || ledger.is_refused("mail.smtp.password_file") => None,
            (_, None) => {
                ledger.refuse("mail.smtp.password", "is missing: a name needs its password");
                None
            }
            (name, Some(password)) => Some((name.to_owned(), password)),
        };
        if !wanted {
            return None;
        }
        let plain = self.host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
        if self.host.is_empty() || !plain {
            ledger.refuse_with(
                "mail.smtp.host",
                "must be the name of the mail server",
                "like \"smtp.example.com\"; the port is a key of its own",
            );
            return None;
        }
        let (encryption, port) = match self.encryption {
            EncryptionWord::StartTls => (Encryption::StartTls, 587),
            EncryptionWord::Tls => (Encryption::Tls, 465),
            EncryptionWord::None => (Encryption::None, 25),
        };
        if encryption == Encryption::None && !is_this_machine(&self.host) {
            let message = "links and codes could be read on the way to the mail server";
            if self.allow_unencrypted {
                ledger.warn("mail.smtp.encryption", message, "mail.smtp.allow_unencrypted permits it");
            } else {
                ledger.refuse_with(
                    "mail.smtp.encryption",
                    message,
                    "use \"starttls\" or \"tls\"; mail.smtp.allow_unencrypted = true permits it",
                );
            }
        }
        Some(Smtp {
            host: self.host.clone(),
            port: if self.port == 0 { port } else { self.port },
            encryption,
            credentials,
            timeout: self.timeout.0.max(Duration::from_secs(1)),
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
