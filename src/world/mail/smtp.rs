//! Letters to a mail server (RFC 5321).

use std::sync::{Arc, Mutex, PoisonError};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        self, PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};

use super::{Encryption, Letter, MailSender, Smtp, letter::Heading};
use crate::world::outlet::{Doing, SendError};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Connections kept open at once.
const CONNECTIONS: u32 = 4;

/// A mail server. The operator named it, so it may be in the operator's own network; its certificate is checked all the same.
pub(super) struct Server {
    settings: Smtp,
    heading: Heading,
    roots: Arc<[Vec<u8>]>,
    /// Made at the first letter: it wants a running executor, and certificates that may be missing at the start.
    transport: Mutex<Option<Transport>>,
}

impl Server {
    pub(super) fn new(settings: Smtp, heading: Heading, roots: Arc<[Vec<u8>]>) -> Self {
        Self { settings, heading, roots, transport: Mutex::new(None) }
    }

    fn transport(&self) -> Result<Transport, SendError> {
        let mut kept = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transport) = &*kept {
            return Ok(transport.clone());
        }
        let Smtp { host, port, encryption, credentials, timeout } = &self.settings;
        let tls = match encryption {
            Encryption::StartTls => Tls::Required(self.tls().map_err(SendError::later)?),
            Encryption::Tls => Tls::Wrapper(self.tls().map_err(SendError::later)?),
            Encryption::None => Tls::None,
        };
        let mut builder = Transport::builder_dangerous(host.as_str())
            .port(*port)
            .tls(tls)
            .timeout(Some(*timeout))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS));
        if let Some((name, password)) = credentials {
            builder = builder.credentials(Credentials::new(name.clone(), password.expose().clone()));
        }
        let transport = builder.build();
        *kept = Some(transport.clone());
        Ok(transport)
    }

    fn tls(&self) -> Result<TlsParameters, smtp::Error> {
        let mut builder = TlsParameters::builder(self.settings.host.clone());
        for root in self.roots.iter() {
            builder = builder.add_root_certificate(Certificate::from_der(root.clone())?);
        }
        builder.build()
    }

    async fn deliver(&self, letter: &Letter) -> Result<(), SendError> {
        let message = self.heading.compose(letter).map_err(SendError::Never)?;
        let transport = self.transport()?;
        // The library's own limit is for connecting; a server that stops talking must not hold a letter for ever.
        match tokio::time::timeout(self.settings.timeout, transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judged(&error)),
            Err(_) => Err(SendError::Later("the mail server took too long".to_owned())),
        }
    }
}

/// A refusal for good is one for this letter: not one for who we are or how we speak, which the operator can put right.
fn judged(error: &smtp::Error) -> SendError {
    let text = chain(error);
    match error.status().map(u16::from) {
        Some(code) if error.is_permanent() && !matches!(code, 500..=504 | 530..=538) => {
            SendError::Never(text)
        }
        _ => SendError::Later(text),
    }
}

/// An error with what caused it; lettre prints its own layer only in some places.
fn chain(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl MailSender for Server {
    fn send<'a>(&'a self, letter: &'a Letter) -> Doing<'a, Result<(), SendError>> {
        Box::pin(self.deliver(letter))
    }

    fn describe(&self) -> String {
        let Smtp { host, port, encryption, .. } = &self.settings;
        let how = match encryption {
            Encryption::StartTls => "STARTTLS",
            Encryption::Tls => "TLS",
            Encryption::None => "not encrypted",
        };
        format!("the mail server {host}:{port} ({how})")
    }
}
