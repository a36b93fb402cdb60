//! The socket as hyper sees it: every byte read has passed the [`Framing`] rules, and the connection's state is
//! published for the clock. Nothing is copied on the way; bytes are judged where hyper will parse them.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{
    admission::Permit,
    framing::{Awaited, Framing},
    shared::Shared,
    stream::Stream,
};

/// A stream with its judge.
#[derive(Debug)]
pub(super) struct Guard {
    stream: Stream,
    framing: Framing,
    shared: Arc<Shared>,
    /// Bytes read from the stream that hyper has not been given.
    kept: BytesMut,
    linger: Linger,
    /// The connection's place among the admitted; kept here because an upgraded stream outlives its HTTP connection.
    _permit: Permit,
}

#[derive(Debug)]
enum Linger {
    Unasked,
    Draining { until: Pin<Box<Sleep>>, left: usize },
}

impl Guard {
    /// `kept` are bytes already read while finding out the protocol.
    pub(super) fn new(
        stream: Stream,
        framing: Framing,
        shared: Arc<Shared>,
        kept: BytesMut,
        permit: Permit,
    ) -> Self {
        Self { stream, framing, shared, kept, linger: Linger::Unasked, _permit: permit }
    }

    /// Whether nothing may be read yet, because an upgrade is in question.
    fn is_held(&mut self, cx: &Context<'_>) -> bool {
        if !self.framing.is_held() {
            return false;
        }
        if self.shared.is_upgraded() {
            self.framing.give_up();
        } else if self.shared.has_answered(self.framing.heads(), cx.waker()) {
            self.framing.resume();
        } else {
            return true;
        }
        false
    }

    fn fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.kept.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let step = self.kept.len().min(buf.remaining());
        buf.put_slice(self.kept.get(..step).unwrap_or_default());
        self.kept.advance(step);
        Poll::Ready(Ok(()))
    }

    fn wrote<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            self.shared.stall();
        } else {
            self.shared.progress(self.framing.awaited());
        }
        outcome
    }

    /// Reads and drops what the peer still sends, for a moment. Closing a socket with unread bytes resets it, and the peer
    /// would lose the refusal we just wrote.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.linger, Linger::Unasked) {
            self.linger = Linger::Draining { until: Box::pin(sleep(LINGER)), left: LINGER_BYTES };
        }
        let Linger::Draining { until, left } = &mut self.linger else {
            return Poll::Ready(());
        };
        let mut room = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && *left > 0 => {
                    *left = left.saturating_sub(buf.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return until.as_mut().poll(cx),
            }
        }
    }
}

impl AsyncRead for Guard {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if me.framing.is_refused() {
            return Poll::Ready(Ok(()));
        }
        if me.is_held(cx) {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        match me.fill(cx, buf) {
            Poll::Ready(outcome) => outcome?,
            Poll::Pending => {
                if me.framing.awaited() == Awaited::Body {
                    me.shared.stall();
                }
                return Poll::Pending;
            }
        }
        let fresh = buf.filled_mut().get_mut(before..).unwrap_or_default();
        let passed = me.framing.inspect(fresh);
        if let Some(rest) = fresh.get(passed..).filter(|rest| !rest.is_empty()) {
            if me.framing.is_held() {
                let mut kept = BytesMut::from(rest);
                kept.extend_from_slice(&me.kept);
                me.kept = kept;
            }
            buf.set_filled(before + passed);
        }
        me.shared.progress(me.framing.awaited());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guard {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let outcome = Pin::new(&mut me.stream).poll_write(cx, buf);
        me.wrote(outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        // A head without a body is one piece, which the system takes more cheaply alone.
        let outcome = match bufs {
            [only] => Pin::new(&mut me.stream).poll_write(cx, only),
            _ => Pin::new(&mut me.stream).poll_write_vectored(cx, bufs),
        };
        me.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let outcome = Pin::new(&mut me.stream).poll_flush(cx);
        if outcome.is_pending() || me.shared.is_stalled() { me.wrote(outcome) } else { outcome }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if matches!(me.linger, Linger::Unasked) {
            ready!(Pin::new(&mut me.stream).poll_shutdown(cx))?;
            if me.framing.is_between_messages() {
                return Poll::Ready(Ok(()));
            }
        }
        me.drain(cx).map(Ok)
    }
}

/// How long a refused peer may go on sending before the socket is closed under it.
const LINGER: Duration = Duration::from_secs(1);

/// How much of that is read and dropped.
const LINGER_BYTES: usize = 256 * 1024;
