//! One HTTP request, sent as written, and its whole answer.
//!
//! Every name resolves to loopback, and the path goes out byte for byte: no client library tidies `..` or `%2F` before the proxy
//! and the program under test have seen it.

use super::tls;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::{io, net::Ipv4Addr};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Anything bytes go through.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A request being put together.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub url: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Ask {
    pub fn new(method: Method, url: &str) -> Self {
        Self { method, url: url.to_owned(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub fn get(url: &str) -> Self {
        Self::new(Method::GET, url)
    }

    pub fn post(url: &str, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut ask = Self::new(Method::POST, url).header("content-type", content_type);
        ask.body = body.into();
        ask
    }

    /// Adds a header line; the same name twice makes two lines.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        self
    }

    /// As a script on a page would ask.
    pub fn xhr(self) -> Self {
        self.header("accept", "application/json")
            .header("x-requested-with", "XMLHttpRequest")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
    }

    /// As the address bar or a link would ask.
    pub fn navigation(self) -> Self {
        self.header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("upgrade-insecure-requests", "1")
    }

    /// Sends it on a connection of its own.
    pub async fn send(self) -> Answer {
        let url = self.url.clone();
        self.try_send().await.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The same for moments when nobody may be listening.
    pub async fn try_send(self) -> io::Result<Answer> {
        timeout(super::wait::PATIENCE, self.exchange()).await.map_err(io::Error::other)?
    }

    async fn exchange(self) -> io::Result<Answer> {
        let (stream, target, authority) = dial(&self.url).await?;
        let (mut sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driver = tokio::spawn(connection);
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = target;
        *request.headers_mut() = self.headers;
        request.headers_mut().entry(header::HOST).or_insert(authority);
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        driver.abort();
        Ok(Answer { url: self.url, status: head.status, headers: head.headers, body })
    }
}

/// A connection to the host of `url` (always on loopback), the request target, and the `Host` to send.
pub async fn dial(url: &str) -> io::Result<(Box<dyn Stream>, Uri, HeaderValue)> {
    let (scheme, rest) = url.split_once("://").expect("an absolute URL");
    let (authority, target) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let target = target.split_once('#').map_or(target, |(before, _)| before);
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = authority
        .rsplit_once(':')
        .map_or((authority, default), |(host, port)| (host, port.parse().expect("a port")));
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Stream> = if scheme == "https" {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Box::new(TlsConnector::from(tls::shared().client.clone()).connect(name, tcp).await?)
    } else {
        Box::new(tcp)
    };
    Ok((
        stream,
        target.parse().map_err(io::Error::other)?,
        HeaderValue::from_str(authority).map_err(io::Error::other)?,
    ))
}

impl Answer {
    /// The one value of a header, or nothing. Two lines of one name are a surprise here.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        assert!(values.next().is_none(), "{name} stands twice in the answer from {}", self.url);
        first.to_str().ok()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}) from {}: {self}", self.url))
    }

    /// Stops the test unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "from {}:\n{self}", self.url);
        self
    }

    /// Where a redirect points, made absolute.
    pub fn location(&self) -> Option<String> {
        let base = url::Url::parse(&self.url).expect("we asked for it");
        self.header("location").map(|to| base.join(to).expect("a redirect has a usable address").into())
    }
}

/// The whole answer as text, for messages and snapshots: status, headers in order of name, body.
impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.status.as_u16())?;
        let mut lines: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        lines.sort();
        for line in lines {
            writeln!(f, "{line}")?;
        }
        write!(f, "\n{}", self.text())
    }
}
