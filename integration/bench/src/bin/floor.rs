//! The floor: what hyper costs by itself. Answers every request with one status and the headers it was given, and nothing else.
//!
//!     floor ADDRESS STATUS < headers      (lines of "name: value", as copied from our own answer)

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, env, io, sync::Arc};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let [address, status] = [1, 2].map(|n| env::args().nth(n).expect("floor ADDRESS STATUS < headers"));
    let status = StatusCode::from_bytes(status.as_bytes()).expect("a status");
    let headers = Arc::new(read_headers()?);
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let headers = headers.clone();
        tokio::spawn(async move {
            let service = service_fn(|_request| {
                let mut response = Response::new(Full::<Bytes>::default());
                *response.status_mut() = status;
                *response.headers_mut() = HeaderMap::clone(&headers);
                async { Ok::<_, Infallible>(response) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// All but the two that hyper writes itself.
fn read_headers() -> io::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in io::stdin().lines() {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { continue };
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(io::Error::other)?;
        if name != "date" && name != "content-length" {
            headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).map_err(io::Error::other)?);
        }
    }
    Ok(headers)
}
