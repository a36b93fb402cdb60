//! Another house's HTTP endpoint: an SMS gateway or a webhook that keeps what it is sent.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::AbortHandle};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Taken {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// An endpoint on a port of its own that answers 202 to everything.
pub struct Hook {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
    server: AbortHandle,
}

impl Hook {
    pub async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = taken.clone();
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let kept = kept.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| take(request, kept.clone()));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
        .abort_handle();
        Self { address, taken, server }
    }

    /// What has arrived so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("no test panics while it holds this").clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    request: Request<Incoming>,
    kept: Arc<Mutex<Vec<Taken>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let taken = Taken {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    kept.lock().expect("no test panics while it holds this").push(taken);
    let mut response = Response::new(Full::default());
    *response.status_mut() = http::StatusCode::ACCEPTED;
    Ok(response)
}
