//! What runs by itself: writing down session touches, delivering messages, sweeping what is over.
//!
//! **Responsibility.** Small, bounded pieces of work at intervals, each a function that does one round.
//!
//! **Invariants.** A round is a few short transactions; the next one goes on where it stopped. A failed round is logged and
//! tried again; nothing here can fail a request.
//!
//! **Not here.** Timers' beginning and end: `boot` starts and stops the loops.
//!
//! **Start reading at** [`Sweeper::round`], [`touches`], [`denials`] and [`delivery`].

mod challenges;
pub mod delivery;
pub mod denials;
mod sweep;
mod tokens;
pub mod touches;

pub use self::{challenges::ChallengeSweeper, sweep::Sweeper, tokens::TokenSweeper};
