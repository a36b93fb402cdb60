//! What we serve, and the shell around it: what every request is checked for, what every answer is rescued from.

use std::{
    any::Any,
    convert::Infallible,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::{
    body::BoxError,
    connection::{Arrival, Connection, RequestId},
    limits::Limits,
    request::admit,
    shared::{Live, Shared},
};

/// The program behind the sockets.
///
/// Requests arrive normalised: the authority is in the `Host` header, exactly once, for HTTP/1.1 and HTTP/2, and an
/// HTTP/1 target is in origin form. `CONNECT` and `TRACE` never arrive.
pub trait Service: Clone + Send + Sync + 'static {
    /// Body of the answers; [`Body`](super::Body) is made for it.
    type Body: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static;

    /// Answers a request, at once where nothing has to be waited for. A panic becomes 500.
    fn call(&self, arrival: Arrival, request: Request<Incoming>) -> Answer<Self::Body>;
}

/// An answer, or the promise of one.
pub enum Answer<B> {
    /// Known already: no allocation, no timer. The hot path.
    Now(Response<B>),
    /// Still to be found out, within [`Limits::answer`](super::Limits::answer); then it is dropped and 503 given.
    Later(Promise<B>),
    /// Still to be found out, and it may take as long as it likes: uploads through the gateway, long polls.
    Unbounded(Promise<B>),
}

/// A response to come.
pub type Promise<B> = Pin<Box<dyn Future<Output = Response<B>> + Send>>;

impl<B> Answer<B> {
    /// From an `async` block.
    pub fn later(future: impl Future<Output = Response<B>> + Send + 'static) -> Self {
        Self::Later(Box::pin(future))
    }
}

impl<B> std::fmt::Debug for Answer<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::Later(_) => "Later",
            Self::Unbounded(_) => "Unbounded",
        })
    }
}

/// A [`Service`] on one connection, in hyper's terms.
pub(super) struct Shell<S> {
    pub(super) service: S,
    pub(super) connection: Connection,
    pub(super) seed: u32,
    pub(super) shared: Arc<Shared>,
    pub(super) limits: Arc<Limits>,
}

impl<S: Service> hyper::service::Service<Request<Incoming>> for Shell<S> {
    type Response = Response<Tracked<S::Body>>;
    type Error = Infallible;
    type Future = Answering<S::Body>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let (live, number) = self.shared.begin();
        if let Err(status) = admit(&mut request, &self.limits) {
            return Answering::Done(Some(refuse(live, status)));
        }
        let id = RequestId { seed: self.seed, connection: self.connection.number, request: number };
        let arrival = Arrival { connection: self.connection, id };
        match catch_unwind(AssertUnwindSafe(|| self.service.call(arrival, request))) {
            Ok(Answer::Now(response)) => Answering::Done(Some(complete(live, response.map(Some)))),
            Ok(Answer::Later(future)) => Answering::waiting(live, id, future, Some(self.limits.answer)),
            Ok(Answer::Unbounded(future)) => Answering::waiting(live, id, future, None),
            Err(panic) => {
                report(&live, id, &*panic);
                Answering::Done(Some(refuse(live, StatusCode::INTERNAL_SERVER_ERROR)))
            }
        }
    }
}

/// The future of one answer.
pub(super) enum Answering<B> {
    Done(Option<Response<Tracked<B>>>),
    Waiting { live: Option<Live>, future: Promise<B>, clock: Clock, id: RequestId },
}

impl<B> Answering<B> {
    fn waiting(live: Live, id: RequestId, future: Promise<B>, limit: Option<Duration>) -> Self {
        Self::Waiting { live: Some(live), future, clock: Clock { limit, sleep: None }, id }
    }
}

impl<B: Unpin> Future for Answering<B> {
    type Output = Result<Response<Tracked<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let me = self.get_mut();
        let response = match me {
            Self::Done(response) => response.take(),
            Self::Waiting { live, future, clock, id } => {
                let outcome = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
                if matches!(outcome, Ok(Poll::Pending)) && !clock.is_over(cx) {
                    return Poll::Pending;
                }
                let Some(live) = live.take() else { return Poll::Pending };
                let status = match outcome {
                    Ok(Poll::Ready(response)) => return Poll::Ready(Ok(complete(live, response.map(Some)))),
                    Ok(Poll::Pending) => {
                        tracing::warn!(request = %id, "no answer within the deadline");
                        StatusCode::SERVICE_UNAVAILABLE
                    }
                    Err(panic) => {
                        report(&live, *id, &*panic);
                        StatusCode::INTERNAL_SERVER_ERROR
                    }
                };
                Some(refuse(live, status))
            }
        };
        // The service's future goes now, not when hyper is done with the answer.
        *me = Self::Done(None);
        // There is none only if polled again after it was ready, which nobody does.
        response.map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
    }
}

/// The deadline of an answer. Armed by the first answer that is not there at once.
pub(super) struct Clock {
    limit: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(limit) = self.limit else { return false };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        sleep.as_mut().poll(cx).is_ready()
    }
}

fn complete<B>(mut live: Live, response: Response<Option<B>>) -> Response<Tracked<B>> {
    live.answer(response.status() == StatusCode::SWITCHING_PROTOCOLS);
    response.map(|body| Tracked { body, brewing: false, live })
}

/// An answer of ours in the service's stead. It closes the connection: what the peer sent cannot be trusted to end where we
/// think, or our own state is in doubt.
fn refuse<B>(live: Live, status: StatusCode) -> Response<Tracked<B>> {
    live.shared().close();
    let mut response = Response::new(None);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
    }
    complete(live, response)
}

/// A panic is logged by its message, which is ours, and the request it met; never with the request's content.
fn report(live: &Live, id: RequestId, panic: &(dyn Any + Send)) {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    live.shared().panicked();
    tracing::error!(request = %id, panic = message, "a request panicked");
}

/// An answer's body that counts its request as in flight until it is sent or dropped.
pub(super) struct Tracked<B> {
    body: Option<B>,
    /// The next piece is not there yet, so it is not the peer we wait for.
    brewing: bool,
    live: Live,
}

impl<B> Drop for Tracked<B> {
    fn drop(&mut self) {
        if self.brewing {
            self.live.shared().serve();
        }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let me = self.get_mut();
        let Some(body) = &mut me.body else { return Poll::Ready(None) };
        let piece = Pin::new(body).poll_frame(cx);
        if piece.is_pending() != me.brewing {
            me.brewing = piece.is_pending();
            if me.brewing { me.live.shared().brew() } else { me.live.shared().serve() }
        }
        piece
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// What a refused method's answer names (security.md WEB-12).
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
