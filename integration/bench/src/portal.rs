//! A client of the portal, as a proxy on the same machine passes it on.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::error::Error;
use tokio::net::TcpStream;

pub type Problem = Box<dyn Error + Send + Sync>;

/// Everybody's password in the bench configuration; the names are `bench0` to `bench63`.
pub const PASSWORD: &str = "seven green lanterns over water";

/// Where the portal listens and what it is called.
#[derive(Clone, Debug)]
pub struct Portal {
    pub address: String,
    pub host: String,
    pub origin: String,
}

/// One connection, opened again when it has ended.
pub struct Client {
    portal: Portal,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub const fn new(portal: Portal) -> Self {
        Self { portal, sender: None }
    }

    /// Asks with a session cookie (empty: none) and a JSON body (empty: none).
    pub async fn ask(&mut self, method: &str, path: &str, cookie: &str, body: String) -> Result<Answer, Problem> {
        let sender = match self.sender.take().filter(|open| !open.is_closed()) {
            Some(open) => self.sender.insert(open),
            None => {
                let stream = TcpStream::connect(&self.portal.address).await?;
                stream.set_nodelay(true)?;
                let (fresh, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                self.sender.insert(fresh)
            }
        };
        // What was answered last may not be put away yet.
        sender.ready().await?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.portal.host)
            .header(header::ORIGIN, &self.portal.origin)
            .header("x-forwarded-proto", "https");
        if !cookie.is_empty() {
            request = request.header(header::COOKIE, cookie);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let (parts, body) = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?.into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.collect().await?.to_bytes() })
    }

    /// Signs `bench{number}` in, with a code of the second factor if there is one.
    pub async fn sign_in(&mut self, number: u64, code: Option<&str>) -> Result<Answer, Problem> {
        let totp = code.map_or_else(String::new, |code| format!(r#","totp":"{code}""#));
        let body = format!(r#"{{"username":"bench{}","password":"{PASSWORD}"{totp}}}"#, number % 64);
        self.ask("POST", "/auth/session", "", body).await
    }
}

impl Answer {
    /// The session cookie that it sets, as it is sent back.
    pub fn session(&self) -> Option<&str> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.filter_map(|line| line.split(';').next());
        pairs.filter(|pair| pair.contains("auth=") && !pair.ends_with("auth=")).next()
    }

    /// A text field of a flat JSON answer whose values hold no quotes.
    pub fn text(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    }
}
