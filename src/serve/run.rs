//! The server as a whole: accept loops, and the end (OPS-5).

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    admission::{Admission, Exempt, Figures},
    connection::Connection,
    drain::Stage,
    drive::House,
    limits::Limits,
    listener::Bound,
    service::Service,
};

/// What [`run`] needs to know besides listeners and services.
#[derive(Clone)]
pub struct Settings {
    /// Bounds on everything.
    pub limits: Limits,
    /// Which peers the bounds on connections do not apply to: the trusted proxies.
    pub exempt: Exempt,
    /// A random number of this process, the first part of its request ids.
    pub seed: u32,
    /// Where to count.
    pub figures: Figures,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: Limits::default(), exempt: Arc::new(|_| false), seed: 0, figures: Figures::default() }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// How [`run`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Stopped {
    /// Every request in flight was answered.
    Drained,
    /// The deadline passed with this many connections open; they were cut.
    Cut(usize),
}

/// Serves every listener with its service until `stop`, then stops accepting, lets requests in flight finish within
/// [`Limits::drain`] and cuts the rest. Idle connections are closed at once. Socket files are gone when it returns.
///
/// Upgraded connections have left HTTP and are not waited for; whoever took them ends them.
pub async fn run<S: Service>(
    listeners: Vec<(Bound, S)>,
    settings: Settings,
    stop: CancellationToken,
) -> Stopped {
    let Settings { limits, exempt, seed, figures } = settings;
    let admission = Admission::new(limits.connections, limits.per_source, exempt, figures.clone());
    let deadline = limits.drain;
    let house = Arc::new(House::new(limits, seed, figures.clone()));
    let numbers = Arc::new(AtomicU64::new(0));
    for (bound, service) in listeners {
        let door = Door {
            house: Arc::clone(&house),
            admission: admission.clone(),
            numbers: Arc::clone(&numbers),
            service,
        };
        house.tasks.spawn(door.keep(bound));
    }
    stop.cancelled().await;
    tracing::info!(connections = figures.open(), "stopping: no new connections");
    house.drain.advance(Stage::Draining);
    house.tasks.close();
    if timeout(deadline, house.tasks.wait()).await.is_ok() {
        return Stopped::Drained;
    }
    let open = figures.open();
    tracing::warn!(connections = open, "the deadline for requests in flight has passed, cutting them");
    house.drain.advance(Stage::Over);
    // Streams of HTTP/2 notice the loss of their connection at their next turn; a task that never yields, never.
    let _ = timeout(LAST_TURN, house.tasks.wait()).await;
    Stopped::Cut(open)
}

/// One listener being served.
struct Door<S> {
    house: Arc<House>,
    admission: Admission,
    numbers: Arc<AtomicU64>,
    service: S,
}

impl<S: Service> Door<S> {
    async fn keep(self, bound: Bound) {
        tokio::select! {
            biased;
            () = self.house.drain.reached(Stage::Draining) => {}
            () = self.accept(&bound) => {}
        }
    }

    async fn accept(&self, bound: &Bound) {
        let tls = bound.tls.as_ref().map(super::Tls::acceptor);
        let mut pause = SHORTEST_PAUSE;
        loop {
            let accepted = match bound.accept().await {
                Ok(accepted) => accepted,
                Err(error) if is_of_the_peer(&error) => continue,
                Err(error) => {
                    // Out of descriptors or memory: the connection stays in the queue, so trying again at once would spin.
                    tracing::error!(listener = bound.name, %error, "cannot accept connections");
                    sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                    continue;
                }
            };
            pause = SHORTEST_PAUSE;
            let peer = accepted.peer();
            let Some(permit) = self.admission.admit(peer.ip()) else {
                tracing::debug!(listener = bound.name, %peer, "too many connections");
                continue;
            };
            let connection = Connection {
                peer,
                tls: tls.is_some() && peer.ip().is_some(),
                listener: bound.name,
                number: self.numbers.fetch_add(1, Relaxed) + 1,
            };
            let (house, tls, service) = (Arc::clone(&self.house), tls.clone(), self.service.clone());
            self.house.tasks.spawn(async move {
                house.serve(accepted, tls, connection, service, permit).await;
            });
        }
    }
}

/// Errors that `accept` hands on from a connection that died in the queue.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// For tasks to see that their connection is gone.
const LAST_TURN: Duration = Duration::from_millis(500);
