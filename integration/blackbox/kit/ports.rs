//! Free ports for programs that cannot tell us which one they took.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range from which the system gives out ports for outgoing connections, so that no client of a test running
/// beside this one takes the port between our look and the program's start.
const FIRST: u16 = 18_000;
const COUNT: u16 = 14_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback address that nothing listens on, and that no other test of this run will be given.
pub fn free() -> SocketAddr {
    // Where to begin differs between processes, so that two test runs on one machine seldom meet.
    let start = u16::try_from(process::id() % u32::from(COUNT)).expect("a remainder below COUNT");
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + step % COUNT) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
