//! What the parts of one connection tell each other: the guard on the socket, the shell around the service, and the
//! future that drives both. Atomics, because HTTP/2 streams run as tasks of their own; uncontended otherwise.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    task::Waker,
};

use super::framing::Awaited;

/// State of one connection.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Requests handed to the service, wrapping.
    started: AtomicU32,
    /// Answers whose head is decided, wrapping.
    answered: AtomicU32,
    /// Requests whose answer is not completely handed to the socket.
    live: AtomicUsize,
    /// Answers whose next piece our own service has not made yet.
    brewing: AtomicUsize,
    /// A 101 was answered: the bytes belong to another protocol.
    upgraded: AtomicBool,
    panics: AtomicU32,
    /// No further request is welcome on this connection.
    closing: AtomicBool,
    /// The peer owes the rest of a head.
    head_begun: AtomicBool,
    /// We wait for the peer to send body bytes, or to take bytes of the answer.
    stalled: AtomicBool,
    /// Reads and writes that moved bytes, wrapping.
    moved: AtomicU32,
    /// Set while the guard reads nothing until an upgrade request is answered.
    held: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// What a connection waits for, with a mark that changes when there is progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// For our own service.
    Working,
    /// For a request.
    Idle(u32),
    /// For the rest of a request head.
    Head(u32),
    /// For the peer to take or send bytes.
    Stalled(u32),
}

impl Shared {
    pub(super) fn phase(&self) -> Phase {
        if self.stalled.load(Relaxed) {
            Phase::Stalled(self.moved.load(Relaxed))
        } else if self.live.load(Relaxed) > 0 {
            let ours =
                self.answered.load(Relaxed) != self.started.load(Relaxed) || self.brewing.load(Relaxed) > 0;
            // With HTTP/2 the socket is never blocked by a peer that opens no window; only nothing moves.
            if ours { Phase::Working } else { Phase::Stalled(self.moved.load(Relaxed)) }
        } else if self.head_begun.load(Relaxed) {
            Phase::Head(self.started.load(Relaxed))
        } else {
            Phase::Idle(self.started.load(Relaxed))
        }
    }

    /// Bytes moved; the guard now awaits `next`.
    pub(super) fn progress(&self, next: Awaited) {
        // Only the guard writes these, so plain loads and stores do.
        self.moved.store(self.moved.load(Relaxed).wrapping_add(1), Relaxed);
        self.stalled.store(false, Relaxed);
        self.head_begun.store(next == Awaited::Head, Relaxed);
    }

    /// The peer must move first.
    pub(super) fn stall(&self) {
        self.stalled.store(true, Relaxed);
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Relaxed)
    }

    /// Counts a request in. The answer is its number on this connection, from 1.
    pub(super) fn begin(self: &Arc<Self>) -> (Live, u32) {
        let number = self.started.fetch_add(1, Relaxed).wrapping_add(1);
        self.live.fetch_add(1, Relaxed);
        (Live { shared: Arc::clone(self), answered: false }, number)
    }

    fn answer(&self, upgraded: bool) {
        if upgraded {
            self.upgraded.store(true, Relaxed);
        }
        self.answered.fetch_add(1, Relaxed);
        // Seldom true, and a look is cheaper than an exchange.
        if self.held.load(Relaxed)
            && self.held.swap(false, Relaxed)
            && let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            waker.wake();
        }
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(super) fn panics(&self) -> u32 {
        self.panics.load(Relaxed)
    }

    /// An answer waits for its own next piece.
    pub(super) fn brew(&self) {
        self.brewing.fetch_add(1, Relaxed);
    }

    /// An answer waits no longer.
    pub(super) fn serve(&self) {
        self.brewing.fetch_sub(1, Relaxed);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Relaxed)
    }

    /// Whether `heads` requests are answered; if not, the waker is woken at the next answer.
    pub(super) fn has_answered(&self, heads: u32, waker: &Waker) -> bool {
        if self.answered.load(Relaxed) == heads {
            return true;
        }
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
        self.held.store(true, Relaxed);
        // HTTP/1 answers are given in the task that reads, so none can come between the look and the store.
        false
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    pub(super) fn requests(&self) -> u32 {
        self.started.load(Relaxed)
    }
}

/// A request in flight, counted until its answer is handed over or abandoned.
#[derive(Debug)]
pub(super) struct Live {
    shared: Arc<Shared>,
    answered: bool,
}

impl Live {
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The answer's head is decided. `upgraded` when it is a 101.
    pub(super) fn answer(&mut self, upgraded: bool) {
        self.answered = true;
        self.shared.answer(upgraded);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // A stream reset by its peer is answered as far as it will ever be.
        if !self.answered {
            self.shared.answer(false);
        }
        self.shared.live.fetch_sub(1, Relaxed);
    }
}
