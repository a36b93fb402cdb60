//! Password logins, a number of them in flight, until a count or a time is reached.
//!
//!     logins ADDRESS HOST ORIGIN IN_FLIGHT COUNT SECONDS      prints "succeeded other seconds"
//!
//! The password is everybody's in the bench configuration; the names are bench0 … bench63.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use vouchsafe_bench::portal::{Client, Portal, Problem};

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
        let mut client = Client::new(Portal { address: address.clone(), host: host.clone(), origin: origin.clone() });
        let (begun, good, other) = (begun.clone(), good.clone(), other.clone());
        tasks.push(tokio::spawn(async move {
            while began.elapsed() < time && begun.fetch_add(1, Ordering::Relaxed) < count {
                let answer = client.sign_in(n, None).await?;
                let counter = if answer.status == 200 { &good } else { &other };
                counter.fetch_add(1, Ordering::Relaxed);
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
