//! TLS for a listener: which versions and suites, which certificate for which name, and how it is exchanged in flight.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    client::verify_server_name,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;

/// A certificate chain with its private key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The server's certificate first, then the intermediates.
    pub chain: Vec<u8>,
    /// PKCS #8, PKCS #1 or SEC 1.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Why certificates were not accepted. Numbers count from 1 in the order given.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No identity at all.
    #[error("no certificate was given")]
    NoIdentity,
    /// The chain is not PEM, or holds no certificate.
    #[error("certificate {0}: no PEM certificate could be read")]
    Chain(usize),
    /// The key is not PEM, or not a private key.
    #[error("certificate {0}: no PEM private key could be read")]
    Key(usize),
    /// The key does not belong to the certificate, or its kind is not supported.
    #[error("certificate {0}: {1}")]
    Unusable(usize, rustls::Error),
    /// The cryptographic provider refused the settings.
    #[error("TLS could not be set up: {0}")]
    Setup(rustls::Error),
}

/// TLS 1.2 and 1.3 with forward-secret AEAD suites only (OPS-7). Cheap to clone; clones share certificates.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

impl Tls {
    /// From one identity per set of names; the first also serves clients that name no host, or one that none fits.
    ///
    /// # Errors
    /// When an identity cannot be read or its halves do not belong together.
    pub fn new(identities: &[Identity]) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = Arc::new(Certificates {
            current: ArcSwap::from_pointee(load(identities, &provider)?),
            provider: Arc::clone(&provider),
        });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
        Ok(Self { config: Arc::new(config), certificates })
    }

    /// Puts other certificates in place for handshakes from now on. Open connections keep theirs.
    ///
    /// # Errors
    /// As for [`new`](Self::new); then the old ones stay.
    pub fn reload(&self, identities: &[Identity]) -> Result<(), TlsError> {
        self.prepare(identities)?.install();
        Ok(())
    }

    /// Reads and checks other certificates without putting them in place yet, so that several listeners change
    /// together or not at all.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn prepare(&self, identities: &[Identity]) -> Result<Prepared, TlsError> {
        let fresh = load(identities, &self.certificates.provider)?;
        Ok(Prepared { certificates: Arc::clone(&self.certificates), fresh })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificates", &self.certificates).finish_non_exhaustive()
    }
}

/// Checked certificates that are not in place yet.
#[must_use]
#[derive(Debug)]
pub struct Prepared {
    certificates: Arc<Certificates>,
    fresh: Vec<Arc<CertifiedKey>>,
}

impl Prepared {
    /// Puts them in place for handshakes from now on. Open connections keep theirs.
    pub fn install(self) {
        self.certificates.current.store(Arc::new(self.fresh));
    }
}

struct Certificates {
    current: ArcSwap<Vec<Arc<CertifiedKey>>>,
    provider: Arc<CryptoProvider>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let fits = |key: &&Arc<CertifiedKey>| {
            name.as_ref().is_some_and(|name| {
                key.end_entity_cert()
                    .and_then(ParsedCertificate::try_from)
                    .and_then(|certificate| verify_server_name(&certificate, name))
                    .is_ok()
            })
        };
        // One certificate is the usual case; then there is nothing to choose.
        if current.len() == 1 {
            current.first().cloned()
        } else {
            current.iter().find(fits).or_else(|| current.first()).cloned()
        }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificates", self.current.load().len())
    }
}

fn load(identities: &[Identity], provider: &CryptoProvider) -> Result<Vec<Arc<CertifiedKey>>, TlsError> {
    if identities.is_empty() {
        return Err(TlsError::NoIdentity);
    }
    identities
        .iter()
        .zip(1..)
        .map(|(identity, number)| one(identity, number, provider).map(Arc::new))
        .collect()
}

fn one(identity: &Identity, number: usize, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.chain).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(TlsError::Chain(number))?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|_| TlsError::Key(number))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| TlsError::Unusable(number, error))
}
