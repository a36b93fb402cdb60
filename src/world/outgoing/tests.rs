//! Real exchanges on loopback: what is asked, what is refused, and what bounds an answer.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;

fn client(allowed: &[&str]) -> Client {
    let reach = Reach::new(allowed.iter().map(|net| net.parse().unwrap()));
    Client::new(Settings { reach, roots: Vec::new() })
}

fn get(url: &str) -> Outgoing {
    Outgoing {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        wants: None,
    }
}

/// Another house that gives one answer, whatever it is asked, and tells what it was asked.
async fn house(answer: Vec<u8>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's own server")]
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        while !asked.windows(4).any(|window| window == b"\r\n\r\n") {
            let count = stream.read(&mut buffer).await.unwrap();
            asked.extend_from_slice(&buffer[..count]);
        }
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
        String::from_utf8(asked).unwrap()
    });
    (address, served)
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

#[tokio::test]
async fn an_allowed_address_is_asked_and_its_answer_read() {
    let (address, served) = house(ok("{}")).await;
    let mut request = get(&format!("http://{address}/a/b?c=d#e"));
    request.wants = Some("application/json");
    request.headers.insert("host", "elsewhere.example".parse().unwrap());
    let answer = client(&["127.0.0.0/8"]).send(request).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"{}"[..]));
    let asked = served.await.unwrap();
    assert!(asked.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: {address}\r\n")), "{asked}");
}

/// Not even a connection is made to an address inside, by whatever name it is called.
///
/// Proves: OUT-1
#[tokio::test]
async fn addresses_inside_are_refused_unless_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "169.254.169.254"]
    {
        for scheme in ["https", "http"] {
            let refused = client(&[]).send(get(&format!("{scheme}://{host}:{port}/"))).await.unwrap_err();
            assert!(matches!(refused, HttpError::Forbidden { .. }), "{scheme} {host}: {refused}");
        }
    }
    let other = client(&["10.0.0.0/8"]).send(get(&format!("http://127.0.0.1:{port}/"))).await;
    assert!(matches!(other, Err(HttpError::Forbidden { .. })));
    let accepted = futures_util::FutureExt::now_or_never(listener.accept());
    assert!(accepted.is_none(), "somebody connected");
}

/// Proves: OUT-1
#[tokio::test]
async fn without_encryption_only_allowed_addresses_are_asked() {
    let refused = client(&[]).send(get("http://1.1.1.1/")).await.unwrap_err();
    assert!(matches!(refused, HttpError::Unencrypted { .. }), "{refused}");
    for bad in ["ftp://example.com/", "https://user@example.com/", "data:text/plain,x"] {
        assert_eq!(client(&[]).send(get(bad)).await, Err(HttpError::Address), "{bad}");
    }
}

/// Proves: OUT-2
#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (inner, untouched) = house(ok("secret")).await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: http://{inner}/\r\ncontent-length: 0\r\n\r\n");
    let (address, _served) = house(head.into_bytes()).await;
    let answer = client(&["127.0.0.0/8"]).send(get(&format!("http://{address}/"))).await.unwrap();
    assert_eq!(answer.status.as_u16(), 302);
    assert!(!untouched.is_finished());
}

/// simple-auth.md 9.E4
///
/// Proves: OUT-2
#[tokio::test]
async fn an_answer_that_is_too_large_or_of_another_kind_is_refused() {
    let client = client(&["127.0.0.0/8"]);
    let (address, _served) = house(ok(&"x".repeat(LARGEST + 1))).await;
    assert_eq!(client.send(get(&format!("http://{address}/"))).await, Err(HttpError::TooLarge));
    let (address, _served) = house(ok(&"x".repeat(LARGEST))).await;
    assert_eq!(client.send(get(&format!("http://{address}/"))).await.unwrap().body.len(), LARGEST);
    let (address, _served) = house(ok("<html>")).await;
    let wanted = Outgoing { wants: Some("text/plain"), ..get(&format!("http://{address}/")) };
    assert_eq!(client.send(wanted).await, Err(HttpError::Kind("text/plain")));
    let (address, _served) = house(b"no http at all\r\n\r\n".to_vec()).await;
    assert!(matches!(client.send(get(&format!("http://{address}/"))).await, Err(HttpError::Broken(_))));
}

/// simple-auth.md 9.E4
///
/// Proves: OUT-2
#[tokio::test]
async fn a_house_that_never_answers_is_left() {
    // Accepted by the system, answered by nobody.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = client(&["127.0.0.0/8"]);
    assert_eq!(client.limits.map(|limit| limit.as_secs()), [5, 10]);
    client.limits[1] = Duration::from_millis(20);
    assert_eq!(client.send(get(&format!("http://{address}/"))).await, Err(HttpError::Slow));
}

/// Proves: OUT-1
#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let chain = include_bytes!("../../serve/tests/fixtures/a.crt");
    let key = include_bytes!("../../serve/tests/fixtures/a.key");
    let acceptor = {
        use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(key).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config))
    };
    let client = client(&["127.0.0.0/8"]);
    let asked = client.send(get(&format!("https://{address}/")));
    let served = async {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.err()
    };
    let (answer, refused) = tokio::join!(asked, served);
    assert!(matches!(answer, Err(HttpError::Connect { .. })), "{answer:?}");
    assert!(refused.is_some(), "the client went on");
}
