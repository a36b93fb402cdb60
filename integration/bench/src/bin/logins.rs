//! Password logins, a number of them in flight, until a count or a time is reached.
//!
//!     logins ADDRESS HOST ORIGIN IN_FLIGHT COUNT SECONDS      prints "succeeded other seconds"
//!
//! The password is everybody's in the bench configuration; the names are bench0 … bench63.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

type Problem = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, host, origin, in_flight, count, seconds] = arguments.as_slice() else {
        return Err("logins ADDRESS HOST ORIGIN IN_FLIGHT COUNT SECONDS".into());
    };
    let (count, time) = (count.parse::<u64>()?, Duration::from_secs_f64(seconds.parse()?));
    let (begun, good, other) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..in_flight.parse::<u64>()? {
        let (address, host, origin) = (address.clone(), host.clone(), origin.clone());
        let (begun, good, other) = (begun.clone(), good.clone(), other.clone());
        tasks.push(tokio::spawn(async move {
            let mut sender = None;
            while began.elapsed() < time && begun.fetch_add(1, Ordering::Relaxed) < count {
                if sender.as_ref().is_none_or(http1::SendRequest::is_closed) {
                    let stream = TcpStream::connect(&address).await?;
                    let (fresh, connection) = http1::handshake(TokioIo::new(stream)).await?;
                    tokio::spawn(connection);
                    sender = Some(fresh);
                }
                let Some(open) = &mut sender else { continue };
                let body = format!(
                    r#"{{"username":"bench{}","password":"seven green lanterns over water"}}"#,
                    n % 64
                );
                let request = Request::post("/auth/session")
                    .header("host", &host)
                    .header("origin", &origin)
                    .header("x-forwarded-proto", "https")
                    .header("content-type", "application/json")
                    .body(Full::new(Bytes::from(body)))?;
                let answer = open.send_request(request).await?;
                let counter = if answer.status() == 200 { &good } else { &other };
                counter.fetch_add(1, Ordering::Relaxed);
                let _ = answer.into_body().collect().await?;
            }
            Ok::<_, Problem>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    println!(
        "{} {} {:.3}",
        good.load(Ordering::Relaxed),
        other.load(Ordering::Relaxed),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}
