//! TLS: versions, names, and certificates exchanged in flight.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{super::Identity, *};

const A: (&[u8], &[u8]) = (include_bytes!("fixtures/a.crt"), include_bytes!("fixtures/a.key"));
const B: (&[u8], &[u8]) = (include_bytes!("fixtures/b.crt"), include_bytes!("fixtures/b.key"));

fn identity((chain, key): (&[u8], &[u8])) -> Identity {
    Identity { chain: chain.to_vec(), key: key.to_vec() }
}

fn tls(identities: &[(&[u8], &[u8])]) -> super::super::Tls {
    let identities: Vec<_> = identities.iter().copied().map(identity).collect();
    super::super::Tls::new(&identities).unwrap()
}

pub(super) async fn connect(
    at: SocketAddr,
    name: &'static str,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for pem in [A.0, B.0] {
        roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(at).await?;
    soon(TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream)).await
}

#[tokio::test]
async fn requests_come_through_tls() {
    let house = House::with(Settings::default(), "public", Some(tls(&[A])));
    let mut stream = connect(house.at, "a.example", b"http/1.1").await.unwrap();
    stream
        .write_all(get("/who").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.contains("public tls=true 127.0.0.1:"), "{answer}");
    assert!(connect(house.at, "b.example", b"http/1.1").await.is_err(), "another name's certificate");
}

/// Proves: OPS-7
#[tokio::test]
async fn each_name_gets_its_certificate() {
    let house = House::with(Settings::default(), "public", Some(tls(&[A, B])));
    connect(house.at, "a.example", b"http/1.1").await.unwrap();
    connect(house.at, "b.example", b"http/1.1").await.unwrap();
}

/// Proves: OPS-7
#[tokio::test]
async fn certificates_are_exchanged_without_a_restart() {
    let tls = tls(&[A]);
    let house = House::with(Settings::default(), "public", Some(tls.clone()));
    let mut open = connect(house.at, "a.example", b"http/1.1").await.unwrap();
    tls.reload(&[identity(B)]).unwrap();
    connect(house.at, "b.example", b"http/1.1").await.unwrap();
    assert!(connect(house.at, "a.example", b"http/1.1").await.is_err());
    open.write_all(get("/").as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    soon(open.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200", "an open connection goes on");

    // What cannot be used changes nothing.
    let mixed = Identity { chain: A.0.to_vec(), key: B.1.to_vec() };
    assert!(tls.reload(&[mixed]).unwrap_err().to_string().starts_with("certificate 1: "));
    assert!(tls.reload(&[Identity { chain: b"no".to_vec(), key: A.1.to_vec() }]).is_err());
    assert!(tls.reload(&[Identity { chain: A.0.to_vec(), key: b"no".to_vec() }]).is_err());
    assert!(tls.reload(&[]).is_err());
    connect(house.at, "b.example", b"http/1.1").await.unwrap();
}

/// Proves: OPS-7
#[tokio::test]
async fn versions_before_1_2_are_refused() {
    let house = House::with(Settings::default(), "public", Some(tls(&[A])));
    // A client hello of TLS 1.0 as it stands on the wire, with one suite of its time.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let mut caller = house.call().await;
    caller.say(&hello).await;
    let mut alert = Vec::new();
    let _ = soon(caller.0.read_to_end(&mut alert)).await;
    assert_eq!(alert.first(), Some(&0x15), "an alert, not a server hello: {alert:?}");
}

/// Proves: OPS-2
#[tokio::test]
async fn a_handshake_that_stands_still_is_cut() {
    let limits = short(|limits| limits.tls_handshake = Duration::from_millis(100));
    let house = House::with(Settings { limits, ..Settings::default() }, "public", Some(tls(&[A])));
    let mut caller = house.call().await;
    caller.say([0x16, 3, 1]).await;
    assert!(caller.is_over().await);
}

/// Plain text on a TLS port is no request.
#[tokio::test]
async fn plain_text_is_not_answered_by_a_tls_listener() {
    let house = House::with(Settings::default(), "public", Some(tls(&[A])));
    assert!(!house.ask(get("/")).await.contains("HTTP/1.1"));
}
