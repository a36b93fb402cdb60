//! The outside: time and chance (later mail, SMS and outgoing HTTP), each real or fake.
//!
//! **Responsibility.** The only room that asks the operating system what time it is or for random bytes.
//!
//! **Invariants.** Time never runs backwards within a process. Failure of the random generator aborts.
//!
//! **Not here.** Deciding anything. Nothing in `domain` imports this room: times and bytes are handed down.
//!
//! **Start reading at** [`World`].

mod clock;
mod entropy;
#[cfg(any(test, feature = "test-util"))]
mod fake;

use std::sync::Arc;

#[cfg(any(test, feature = "test-util"))]
pub use self::fake::{FakeClock, FakeEntropy, Levers};
pub use self::{
    clock::{Clock, SystemClock},
    entropy::{Entropy, SystemEntropy},
};
use crate::values::{random::Random, time::Timestamp};

/// Everything the house needs from outside, in one cheap clone.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl World {
    /// The operating system's clock and generator.
    pub fn real() -> Self {
        Self { clock: Arc::new(SystemClock::new()), entropy: Arc::new(SystemEntropy) }
    }

    #[cfg(any(test, feature = "test-util"))]
    /// A world whose time stands still until a test moves it and whose chance is reproducible.
    pub fn fake() -> (Self, Levers) {
        Self::fake_of(1)
    }

    #[cfg(any(test, feature = "test-util"))]
    /// The same with the chance of a seed.
    pub fn fake_of(seed: u64) -> (Self, Levers) {
        let clock = Arc::new(FakeClock::new(Timestamp::from_secs(1_800_000_000)));
        let levers = Levers { clock: clock.clone() };
        (Self { clock, entropy: Arc::new(FakeEntropy::new(seed)) }, levers)
    }

    /// The present moment. Ask once per request and pass it down.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `N` fresh random bytes.
    pub fn random<const N: usize>(&self) -> Random<N> {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        Random::new(bytes)
    }
}
