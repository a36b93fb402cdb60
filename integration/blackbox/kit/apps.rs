//! The applications behind the door: each tells what it received, swallows bodies of any size, and echoes WebSocket frames.

use super::websocket;
use aws_lc_rs::digest;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::{
    convert::Infallible,
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, task::AbortHandle};

/// An application on a port of its own.
pub struct App {
    pub address: SocketAddr,
    seen: Arc<AtomicUsize>,
    server: AbortHandle,
}

impl App {
    pub async fn open(name: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(AtomicUsize::new(0));
        let count = seen.clone();
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let count = count.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        count.fetch_add(1, Ordering::SeqCst);
                        answer(name, request)
                    });
                    let _ = http1::Builder::new()
                        .preserve_header_case(true)
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        })
        .abort_handle();
        Self { address, seen, server }
    }

    /// How many requests have reached it. A refused one must not.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    name: &'static str,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Some(accept) = websocket::accept(&request) {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Ok(stream) = upgrade.await {
                let _ = websocket::echo(TokioIo::new(stream)).await;
            }
        });
        let mut switching = Response::new(Full::default());
        *switching.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = switching.headers_mut();
        headers.insert(header::UPGRADE, "websocket".parse().expect("a header value"));
        headers.insert(header::CONNECTION, "Upgrade".parse().expect("a header value"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.parse().expect("base64 fits a header"));
        return Ok(switching);
    }
    let (head, body) = request.into_parts();
    let (length, hash) = swallow(body).await;
    // A page for people (the browser test looks at it), the same as JSON for everybody else.
    let html =
        head.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    let lines: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let told = json!({
        "app": name,
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "headers": lines,
        "length": length,
        "sha256": hash,
    });
    let (kind, text) = if html {
        (
            "text/html; charset=utf-8",
            format!(
                "<!doctype html><title>{name}</title><h1>{name}</h1><pre id=told>{}</pre>",
                escaped(&told.to_string())
            ),
        )
    } else {
        ("application/json", told.to_string())
    };
    let mut response = Response::new(Full::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, kind.parse().expect("a header value"));
    Ok(response)
}

async fn swallow(mut body: Incoming) -> (u64, String) {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut length = 0;
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            hash.update(data);
            length += data.len() as u64;
        }
    }
    (length, hex(hash.finish().as_ref()))
}

/// The SHA-256 of `bytes`, as the application reports it.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What an application told about the request it received.
pub struct Told(serde_json::Value);

impl Told {
    /// Reads it from an answer, JSON or page.
    pub fn by(answer: &super::Answer) -> Self {
        let text = answer.text();
        let json = match text.split_once("<pre id=told>") {
            Some((_, rest)) => rest
                .split("</pre>")
                .next()
                .unwrap_or_default()
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
            None => text,
        };
        Self(
            serde_json::from_str(&json)
                .unwrap_or_else(|error| panic!("not from an application ({error}): {answer}")),
        )
    }

    pub fn app(&self) -> &str {
        self.0["app"].as_str().expect("every application says its name")
    }

    pub fn target(&self) -> &str {
        self.0["target"].as_str().expect("every application says what was asked")
    }

    pub fn length(&self) -> u64 {
        self.0["length"].as_u64().expect("every application measures")
    }

    pub fn sha256(&self) -> &str {
        self.0["sha256"].as_str().expect("every application measures")
    }

    /// All values of a header, its name compared as WSGI, PHP and CGI compare: `_`, `-` and `.` are one.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let alike = |text: &str| text.to_ascii_lowercase().replace(['_', '.'], "-");
        let lines = self.0["headers"].as_array().expect("a list");
        lines
            .iter()
            .filter(|line| line[0].as_str().is_some_and(|line| alike(line) == alike(name)))
            .filter_map(|line| line[1].as_str())
            .collect()
    }

    /// Who the application is told it is: the four identity headers, each as its only line.
    /// Absent and empty mean the same to an application.
    pub fn identity(&self) -> [String; 4] {
        ["remote-user", "remote-groups", "remote-email", "remote-name"].map(|name| {
            let lines = self.header(name);
            assert!(lines.len() <= 1, "{name} arrived more than once: {lines:?}");
            lines.first().copied().unwrap_or_default().to_owned()
        })
    }
}
