//! The server over real sockets: a service that can do everything wrong, and a caller that speaks in raw bytes.

mod bounds;
mod ending;
mod http2;
mod strictness;
mod tls;
mod trouble;
mod upgrade;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Address, Answer, Arrival, Body, BodyError, Bound, Limits, Listener, Service, Settings, Stopped, limited,
    run,
};

/// Answers by path.
#[derive(Clone, Default)]
pub(super) struct Everything {
    /// Told when a request to `/wait` has arrived.
    waiting: Arc<Notify>,
    /// Lets requests to `/wait` go on.
    go: Arc<Notify>,
}

impl Service for Everything {
    type Body = Body;

    fn call(&self, arrival: Arrival, request: Request<Incoming>) -> Answer<Body> {
        match request.uri().path() {
            "/who" => Answer::Now(say(&who(arrival, &request))),
            "/panic" => panic!("on purpose"),
            "/panic-later" => Answer::later(async {
                tokio::task::yield_now().await;
                panic!("on purpose, later")
            }),
            "/never" => Answer::later(std::future::pending()),
            "/echo" => Answer::later(echo(request)),
            "/big" => Answer::Now(Response::new(Body::from(vec_of(64 * 1024 * 1024)))),
            "/upgrade" => Answer::Now(upgrade(request)),
            "/wait" => {
                let (waiting, go) = (Arc::clone(&self.waiting), Arc::clone(&self.go));
                Answer::later(async move {
                    waiting.notify_one();
                    go.notified().await;
                    say("waited")
                })
            }
            _ => Answer::Now(say("ok")),
        }
    }

    fn deadline(&self, arrival: Arrival, default: Duration) -> Option<Duration> {
        (arrival.connection.listener != "patient").then_some(default)
    }
}

fn vec_of(size: usize) -> bytes::Bytes {
    vec![b'x'; size].into()
}

fn say(text: &str) -> Response<Body> {
    Response::new(Body::from(text.to_owned()))
}

fn who(arrival: Arrival, request: &Request<Incoming>) -> String {
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap().to_owned());
    let connection = arrival.connection;
    format!(
        "{} {} tls={} {} host={} uri={}",
        arrival.id,
        connection.listener,
        connection.tls,
        connection.peer,
        host.unwrap_or_default(),
        request.uri()
    )
}

async fn echo(request: Request<Incoming>) -> Response<Body> {
    let status = match limited(request.into_body(), 1000, Duration::from_millis(300)).collect().await {
        Ok(bytes) => return Response::new(Body::from(bytes)),
        Err(BodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        Err(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
        Err(BodyError::Broken(_)) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Echoes bytes after a 101.
fn upgrade(request: Request<Incoming>) -> Response<Body> {
    TASKS.spawn(async move {
        let stream = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let (mut from, mut to) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut from, &mut to).await;
    });
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("x"));
    response
}

static TASKS: std::sync::LazyLock<tokio_util::task::TaskTracker> =
    std::sync::LazyLock::new(tokio_util::task::TaskTracker::new);

/// A server of its own for one test.
pub(super) struct House {
    at: SocketAddr,
    service: Everything,
    stop: CancellationToken,
    running: JoinHandle<Stopped>,
}

impl House {
    fn open(limits: Limits) -> Self {
        Self::with(Settings { limits, ..Settings::default() }, "public", None)
    }

    fn with(settings: Settings, name: &'static str, tls: Option<super::Tls>) -> Self {
        let listener = Listener { name, address: Address::Tcp("127.0.0.1:0".parse().unwrap()), tls };
        let bound = Bound::bind(&listener).unwrap();
        let Address::Tcp(at) = bound.address() else { panic!("a TCP listener has a TCP address") };
        let (service, stop) = (Everything::default(), CancellationToken::new());
        let running = TASKS.spawn(run(vec![(bound, service.clone())], settings, stop.clone()));
        Self { at, service, stop, running }
    }

    async fn call(&self) -> Caller {
        Caller(TcpStream::connect(self.at).await.unwrap())
    }

    /// Says `bytes` on a connection of its own and hears everything up to its end.
    async fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut caller = self.call().await;
        caller.say(bytes).await;
        caller.hear_all().await
    }

    async fn close(self) -> Stopped {
        self.stop.cancel();
        soon(self.running).await.unwrap()
    }
}

/// The other end of a connection.
struct Caller(TcpStream);

impl Caller {
    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have closed already; what it said is what counts.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// One answer with a `Content-Length`, or what came before the end.
    async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&heard).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if length.is_none_or(|length| body.len() >= length.parse().unwrap()) {
                    return text;
                }
            }
            let mut byte = [0];
            if soon(self.0.read(&mut byte)).await.unwrap_or(0) == 0 {
                return text;
            }
            heard.extend(byte);
        }
    }

    async fn hear_all(&mut self) -> String {
        let mut heard = Vec::new();
        let mut room = [0; 4096];
        // A reset after the answer is as good as an end.
        while let Ok(count) = soon(self.0.read(&mut room)).await {
            if count == 0 {
                break;
            }
            heard.extend(&room[..count]);
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Whether the server has closed the connection, with nothing more said.
    async fn is_over(&mut self) -> bool {
        self.hear_all().await.is_empty()
    }
}

/// Fails a test that hangs. Not a wait: nothing here takes that long.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("this should have happened long ago")
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}

fn short(limit: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    limit(&mut limits);
    limits
}
