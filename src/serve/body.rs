//! Bodies: the cheap one for answers, and the bound on those we read.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// What went wrong below: boxed, for it is only ever logged.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An answer's body. Empty and whole ones, which is nearly all, cost no allocation and no indirect call.
#[derive(Default)]
pub enum Body {
    /// Nothing; sent with `Content-Length: 0`.
    #[default]
    Empty,
    /// All at once.
    Whole(Bytes),
    /// Piece by piece.
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>),
}

impl Body {
    /// From any other body, for routers and proxies.
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() && body.size_hint().exact() == Some(0) {
            return Self::Empty;
        }
        Self::Stream(Box::pin(http_body_util::BodyExt::map_err(body, Into::into)))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = self.get_mut();
        match me {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *me = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(_) => false,
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes than allowed; answer 413.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// Not complete within the deadline; answer 408.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The framing is wrong or the peer went away; answer 400, if anyone still listens.
    #[error("the body could not be read")]
    Broken(#[source] BoxError),
}

/// Bounds a request body to `most` bytes, all of them within `deadline` of the first look at it
/// (security.md section 2: 64 KiB for forms and JSON, 30 s).
///
/// A declared length above the bound fails before anything is read.
pub fn limited<B>(body: B, most: u64, deadline: Duration) -> Limited<B> {
    Limited { body, left: most, deadline, clock: None }
}

/// See [`limited`].
#[derive(Debug)]
pub struct Limited<B> {
    body: B,
    left: u64,
    deadline: Duration,
    /// Set once the body was not there at once: most small bodies arrive with their head.
    clock: Option<Pin<Box<Sleep>>>,
}

impl<B> Limited<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// The whole body.
    ///
    /// # Errors
    /// When it is too large, too slow or broken.
    pub async fn collect(mut self) -> Result<Bytes, BodyError> {
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {
            let Ok(data) = frame?.into_data() else { continue };
            if first.is_empty() && rest.is_empty() {
                first = data;
                continue;
            }
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }
}

impl<B> HttpBody for Limited<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let me = self.get_mut();
        if me.body.size_hint().lower() > me.left {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        }
        match Pin::new(&mut me.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = me.left.checked_sub(size) else {
                    return Poll::Ready(Some(Err(BodyError::TooLarge)));
                };
                me.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error.into())))),
            Poll::Ready(None) => Poll::Ready(None),
            // Whoever drips is waited for sooner or later, and whoever never is ends at the size.
            Poll::Pending => {
                let deadline = me.deadline;
                let clock = me.clock.get_or_insert_with(|| Box::pin(sleep(deadline)));
                clock.as_mut().poll(cx).map(|()| Some(Err(BodyError::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
