//! One connection from accept to close: TLS handshake, choice of protocol, and the clock over whatever it waits for.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, Sleep, sleep_until, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::{
    admission::Permit,
    connection::Connection,
    drain::{Drain, Stage},
    framing::Framing,
    guard::Guard,
    limits::{HEADERS_FOR_FREE, Limits},
    listener::Accepted,
    service::{Service, Shell},
    shared::{Phase, Shared},
    stream::Stream,
};

/// What all connections of a server have in common.
#[derive(Debug)]
pub(super) struct House {
    pub(super) limits: Arc<Limits>,
    pub(super) drain: Drain,
    pub(super) tasks: TaskTracker,
    pub(super) seed: u32,
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<Tracker>,
}

impl House {
    pub(super) fn new(limits: Limits, seed: u32) -> Self {
        let tasks = TaskTracker::new();
        let mut http1 = http1::Builder::new();
        // Our own clock watches the head: hyper's would arm a timer per request, and cut idle connections with the same limit.
        http1
            .header_read_timeout(None)
            .max_header_size(limits.header_bytes)
            .max_buf_size(limits.header_bytes.saturating_mul(2).max(SMALLEST_BUFFER));
        if limits.header_count > HEADERS_FOR_FREE {
            http1.max_headers(limits.header_count);
        }
        let mut http2 = http2::Builder::new(Tracker(tasks.clone()));
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(limits.resets)
            .max_local_error_reset_streams(LOCAL_RESETS);
        Self { limits: Arc::new(limits), drain: Drain::default(), tasks, seed, http1, http2 }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve<S: Service>(
        &self,
        accepted: Accepted,
        tls: Option<TlsAcceptor>,
        connection: Connection,
        service: S,
        permit: Permit,
    ) {
        // The peer's mistakes and absences are everyday; only someone who looks for them wants to read of them.
        let outcome = tokio::select! {
            biased;
            () = self.drain.reached(Stage::Draining) => return,
            outcome = self.open(accepted, tls) => outcome,
        };
        match outcome {
            Ok(Some(opening)) => self.converse(opening, connection, service, permit).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(peer = %connection.peer, %error, "a connection did not begin"),
        }
    }

    /// Handshake and first bytes; `None` when the peer left or stayed silent.
    async fn open(&self, accepted: Accepted, tls: Option<TlsAcceptor>) -> io::Result<Option<Opening>> {
        let mut stream = match (accepted, tls) {
            (Accepted::Tcp(stream, _), None) => Stream::Tcp(stream),
            (Accepted::Unix(stream), _) => Stream::Unix(stream),
            (Accepted::Tcp(stream, _), Some(tls)) => {
                let stream = timeout(self.limits.tls_handshake, tls.accept(stream)).await??;
                Stream::Tls(Box::new(stream))
            }
        };
        let mut first = BytesMut::with_capacity(FIRST_READ);
        let mut patience = self.limits.keep_alive_idle;
        loop {
            if timeout(patience, stream.read_buf(&mut first)).await?? == 0 {
                return Ok(None);
            }
            if !PREFACE.starts_with(&first) || first.len() >= PREFACE.len() {
                break;
            }
            patience = self.limits.header_read;
        }
        Ok(Some(Opening { http2: first.starts_with(PREFACE), stream, first }))
    }

    async fn converse<S: Service>(
        &self,
        opening: Opening,
        connection: Connection,
        service: S,
        permit: Permit,
    ) {
        let shared = Arc::new(Shared::default());
        let mut framing = Framing::new(self.limits.header_bytes);
        if opening.http2 {
            framing.give_up();
        }
        let guard = Guard::new(opening.stream, framing, Arc::clone(&shared), opening.first, permit);
        let shell = Shell {
            service,
            connection,
            seed: self.seed,
            shared: Arc::clone(&shared),
            limits: Arc::clone(&self.limits),
        };
        let io = TokioIo::new(guard);
        let ending = if opening.http2 {
            let conversation = self.http2.serve_connection(io, shell);
            self.watch(pin!(conversation), http2::Connection::graceful_shutdown, &shared).await
        } else {
            let conversation = self.http1.serve_connection(io, shell).with_upgrades();
            self.watch(pin!(conversation), http1::UpgradeableConnection::graceful_shutdown, &shared).await
        };
        tracing::debug!(peer = %connection.peer, requests = shared.requests(), ending = ?ending, "connection closed");
    }

    /// Polls the conversation, looks at the clock when it waits for the peer, and passes on the word to stop.
    async fn watch<C>(
        &self,
        mut conversation: Pin<&mut C>,
        finish: fn(Pin<&mut C>),
        shared: &Shared,
    ) -> Ending
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut told = pin!(self.drain.told());
        let mut listening = false;
        let mut finishing = false;
        let mut clock = Clock::default();
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(outcome) = conversation.as_mut().poll(cx) {
                    return Poll::Ready(outcome.map_or_else(Ending::Broken, |()| Ending::Done));
                }
                let stage = self.drain.stage();
                if stage == Stage::Over {
                    return Poll::Ready(Ending::Dropped);
                }
                // hyper takes a connection in the middle of a head for idle and would close it.
                let may_finish = !matches!(shared.phase(), Phase::Head(_));
                if !finishing && may_finish && (stage == Stage::Draining || shared.is_closing()) {
                    finishing = true;
                    clock.grace();
                    finish(conversation.as_mut());
                    continue;
                }
                // Registered once; the waker of this task never changes.
                if !listening || stage == Stage::Draining {
                    listening = true;
                    if told.as_mut().poll(cx).is_ready() {
                        told.set(self.drain.told());
                        listening = false;
                        continue;
                    }
                }
                return match clock.look(shared.phase(), &self.limits, cx) {
                    Poll::Pending => Poll::Pending,
                    // An idle HTTP/2 peer is told good-bye and given a moment; HTTP/1 has no such word.
                    Poll::Ready(Phase::Idle(_)) if !finishing => {
                        finishing = true;
                        clock.grace();
                        finish(conversation.as_mut());
                        continue;
                    }
                    Poll::Ready(phase) => Poll::Ready(Ending::TimedOut(phase)),
                };
            }
        })
        .await
    }
}

/// A stream with the bytes that told its protocol.
struct Opening {
    stream: Stream,
    first: BytesMut,
    http2: bool,
}

/// How a connection ended, for the log.
#[derive(Debug)]
#[expect(dead_code, reason = "read through Debug in the log line")]
enum Ending {
    Done,
    Dropped,
    TimedOut(Phase),
    Broken(hyper::Error),
}

/// Watches over whatever the peer owes us. One timer per connection, moved only when it fires or when something
/// is due earlier, so that a busy connection never touches it.
#[derive(Default)]
struct Clock {
    phase: Option<Phase>,
    since: Option<Instant>,
    /// The connection was asked to finish: idle time is short now.
    grace: bool,
    timer: Option<(Pin<Box<Sleep>>, Instant)>,
}

impl Clock {
    /// Ready with the phase that has lasted too long.
    fn look(&mut self, phase: Phase, limits: &Limits, cx: &mut Context<'_>) -> Poll<Phase> {
        let limit = match phase {
            Phase::Working => {
                self.phase = Some(phase);
                return Poll::Pending;
            }
            Phase::Idle(_) if self.grace => GRACE,
            Phase::Idle(_) => limits.keep_alive_idle,
            Phase::Head(_) => limits.header_read,
            Phase::Stalled(_) => limits.stall,
        };
        let since = match self.since {
            Some(since) if self.phase == Some(phase) => since,
            _ => {
                self.phase = Some(phase);
                *self.since.insert(Instant::now())
            }
        };
        self.wait(since + limit, cx).map(|()| phase)
    }

    fn grace(&mut self) {
        self.grace = true;
        self.phase = None;
    }

    fn wait(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((timer, set)) = &self.timer
            && *set <= due
            && !timer.is_elapsed()
        {
            return Poll::Pending;
        }
        if Instant::now() >= due {
            return Poll::Ready(());
        }
        match &mut self.timer {
            Some((timer, set)) => {
                timer.as_mut().reset(due);
                *set = due;
                timer.as_mut().poll(cx)
            }
            None => self.timer.insert((Box::pin(sleep_until(due)), due)).0.as_mut().poll(cx),
        }
    }
}

/// Runs HTTP/2 streams as tasks the server waits for at the end.
#[derive(Clone, Debug)]
pub(super) struct Tracker(TaskTracker);

impl<F> Executor<F> for Tracker
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Room for the first read. A check with a few headers fits.
const FIRST_READ: usize = 2048;

/// hyper's buffer, at least: half of it would do for heads, bodies want more.
const SMALLEST_BUFFER: usize = 64 * 1024;

/// Streams we may have to reset for a peer's faults before its connection is closed.
const LOCAL_RESETS: usize = 64;

/// For an idle HTTP/2 peer to answer our good-bye.
const GRACE: Duration = Duration::from_secs(5);
