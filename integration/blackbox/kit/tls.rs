//! The test's own certificate for `*.example.com`, made once for each run, and the client's trust in it.

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
};
use tempfile::TempDir;

/// Certificate and key files, and the client configuration that trusts exactly that certificate.
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub client: Arc<ClientConfig>,
    _folder: TempDir,
}

/// Made on first use, shared by all tests of this process.
pub fn shared() -> &'static Tls {
    static TLS: OnceLock<Tls> = OnceLock::new();
    TLS.get_or_init(make)
}

fn make() -> Tls {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let certificate = folder.path().join("certificate.pem");
    let key = folder.path().join("key.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=vouchsafe test", "-addext", "subjectAltName=DNS:*.example.com,DNS:example.com"])
        // An end-entity certificate that is its own root: what rustls accepts as a trust anchor and as a server.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Tls { client: Arc::new(trusting(&certificate)), certificate, key, _folder: folder }
}

fn trusting(certificate: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificate).expect("openssl wrote a certificate"))
        .expect("a usable one");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
