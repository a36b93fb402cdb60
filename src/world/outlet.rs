//! What mail and SMS have in common: how sending ends.

use std::{future::Future, pin::Pin};

/// Work under way, of a trait that is used through a pointer.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why something was not sent. The text is for the operator; it repeats nothing of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may work another time: the other side is away, busy, or wrongly configured.
    #[error("{0}")]
    Later(String),
    /// It will never work: the other side refuses this message or this address.
    #[error("{0}")]
    Never(String),
}

impl SendError {
    /// May work another time.
    pub(super) fn later(error: impl std::fmt::Display) -> Self {
        Self::Later(error.to_string())
    }

    /// What an HTTP status says: the other side's trouble and asking too often pass, a refusal does not.
    pub(super) fn of_status(status: http::StatusCode) -> Self {
        let text = format!("the answer was {}", status.as_u16());
        let passes = status.is_server_error()
            || matches!(status.as_u16(), 401 | 403 | 404 | 407 | 408 | 421 | 425 | 429)
            || status.is_redirection();
        if passes { Self::Later(text) } else { Self::Never(text) }
    }
}
