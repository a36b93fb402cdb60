//! The floor: what hyper costs by itself. Reads every request whole and answers with one status, the headers it was given, and BODY's
//! content if there is one.
//!
//!     floor ADDRESS STATUS [BODY] < headers      (lines of "name: value", as copied from our own answer)

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Body as _, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, env, fs, io, sync::Arc};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let [address, status] = [1, 2].map(|n| env::args().nth(n).expect("floor ADDRESS STATUS < headers"));
    let status = StatusCode::from_bytes(status.as_bytes()).expect("a status");
    let body = env::args().nth(3).map(fs::read).transpose()?.map(Bytes::from).unwrap_or_default();
    let headers = Arc::new(read_headers()?);
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (headers, body) = (headers.clone(), body.clone());
        tokio::spawn(async move {
            let service = service_fn(|request: Request<hyper::body::Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                *response.status_mut() = status;
                *response.headers_mut() = HeaderMap::clone(&headers);
                async {
                    if !request.body().is_end_stream() {
                        let _ = request.into_body().collect().await;
                    }
                    Ok::<_, Infallible>(response)
                }
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
