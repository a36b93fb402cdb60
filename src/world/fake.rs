//! A world for tests: time moves when told to, chance is reproducible, what is sent stays here.

mod outlets;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use self::outlets::{FakeHttp, FakeMail, FakeSms, Kept};
use super::{Clock, Entropy};
use crate::values::time::Timestamp;

/// What a test holds to move the fake world.
#[derive(Clone)]
pub struct Levers {
    /// The clock of the fake world.
    pub clock: Arc<FakeClock>,
    /// The mail that was sent.
    pub mail: Arc<FakeMail>,
    /// The SMS that were sent.
    pub sms: Arc<FakeSms>,
    /// The other houses that were asked.
    pub http: Arc<FakeHttp>,
}

/// Time that stands still until it is moved.
pub struct FakeClock(AtomicU64);

impl FakeClock {
    /// Stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicU64::new(start.millis()))
    }

    /// Moves forward.
    pub fn advance(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Jumps, forwards or backwards.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.millis(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A counter stretched by `SplitMix64`: distinct, reproducible, worthless as a secret.
pub struct FakeEntropy(AtomicU64);

impl FakeEntropy {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for FakeEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut x = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (x ^ (x >> 31)).to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }
}
