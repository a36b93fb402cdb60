//! A mail server that keeps what it is given: RFC 5321 as far as a client needs it, plain, with STARTTLS, or with neither.

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;

/// A letter as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub encrypted: bool,
    /// Base64 of `AUTH PLAIN`, if the client proved who it is.
    pub credentials: Option<String>,
    pub from: String,
    pub to: Vec<String>,
    /// The whole message, lines ended by `\n`.
    pub data: String,
}

/// A mail server on a port of its own.
pub struct Sink {
    pub address: SocketAddr,
    letters: Arc<Mutex<Vec<Received>>>,
    server: AbortHandle,
}

impl Sink {
    /// Offers no encryption.
    pub async fn plain() -> Self {
        Self::open(None).await
    }

    /// Offers STARTTLS with the certificate of [`certificate`].
    pub async fn starttls() -> Self {
        let made = certificate();
        let chain = CertificateDer::from_pem_file(&made.0).expect("openssl wrote a certificate");
        let key = PrivateKeyDer::from_pem_file(&made.1).expect("openssl wrote a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("they fit");
        Self::open(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn open(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let letters = Arc::new(Mutex::new(Vec::new()));
        let kept = letters.clone();
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (kept, tls) = (kept.clone(), tls.clone());
                tokio::spawn(async move {
                    let mut talk = Talk::new(BufReader::new(stream), kept.clone(), tls.is_some());
                    let _ = talk.lines.write_all(b"220 sink ESMTP\r\n").await;
                    let asked_for_tls = matches!(talk.run().await, Some(Next::StartTls));
                    if let (true, Some(tls)) = (asked_for_tls, tls) {
                        // What a client sent before the handshake is forgotten (RFC 3207, section 4.2).
                        let Ok(stream) = tls.accept(talk.lines.into_inner()).await else { return };
                        let mut talk = Talk::new(BufReader::new(stream), kept, false);
                        talk.encrypted = true;
                        let _ = talk.run().await;
                    }
                });
            }
        })
        .abort_handle();
        Self { address, letters, server }
    }

    /// What has arrived so far.
    pub fn letters(&self) -> Vec<Received> {
        self.letters.lock().expect("no test panics while it holds this").clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

enum Next {
    StartTls,
}

struct Talk<S> {
    lines: BufReader<S>,
    kept: Arc<Mutex<Vec<Received>>>,
    offers_tls: bool,
    encrypted: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(lines: BufReader<S>, kept: Arc<Mutex<Vec<Received>>>, offers_tls: bool) -> Self {
        Self { lines, kept, offers_tls, encrypted: false }
    }

    /// Until the client leaves or wants TLS.
    async fn run(&mut self) -> Option<Next> {
        let mut letter = Received { encrypted: self.encrypted, ..Received::default() };
        loop {
            let line = self.line().await?;
            let (verb, rest) = line.split_at(line.find([' ', ':']).unwrap_or(line.len()));
            let answer = match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.capabilities(),
                "HELO" | "NOOP" | "RSET" => "250 sink".to_owned(),
                "STARTTLS" if self.offers_tls => {
                    self.say("220 go ahead").await?;
                    return Some(Next::StartTls);
                }
                "AUTH" => {
                    letter.credentials = rest.trim().strip_prefix("PLAIN ").map(str::to_owned);
                    "235 welcome".to_owned()
                }
                "MAIL" => {
                    letter.from = address(rest);
                    "250 sender".to_owned()
                }
                // What a test wants to be refused is called so.
                "RCPT" if rest.contains("nobody@") => "550 no such user here".to_owned(),
                "RCPT" => {
                    letter.to.push(address(rest));
                    "250 recipient".to_owned()
                }
                "DATA" => {
                    self.say("354 end with a dot").await?;
                    letter.data = self.data().await?;
                    let next = Received {
                        encrypted: self.encrypted,
                        credentials: letter.credentials.clone(),
                        ..Received::default()
                    };
                    let whole = std::mem::replace(&mut letter, next);
                    self.kept.lock().expect("no test panics while it holds this").push(whole);
                    "250 taken".to_owned()
                }
                "QUIT" => {
                    self.say("221 bye").await?;
                    return None;
                }
                _ => "502 not here".to_owned(),
            };
            self.say(&answer).await?;
        }
    }

    fn capabilities(&self) -> String {
        let extra = if self.offers_tls { "250-STARTTLS\r\n" } else { "250-AUTH PLAIN\r\n" };
        format!("250-sink\r\n{extra}250 8BITMIME")
    }

    async fn data(&mut self) -> Option<String> {
        let mut data = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                return Some(data);
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push('\n');
        }
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.lines.read_line(&mut line).await.ok()?;
        (count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn say(&mut self, answer: &str) -> Option<()> {
        self.lines.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        self.lines.flush().await.ok()
    }
}

fn address(rest: &str) -> String {
    let inside = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

/// Certificate and key for `127.0.0.1`, made once for each run: what `outgoing.ca_file` names.
pub fn certificate() -> &'static (PathBuf, PathBuf, TempDir) {
    static MADE: OnceLock<(PathBuf, PathBuf, TempDir)> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| -> PathBuf { Path::join(folder.path(), name) };
        let (certificate, key) = (path("certificate.pem"), path("key.pem"));
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
            .args(["-subj", "/CN=sink", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (certificate, key, folder)
    })
}
