//! Attempts that are under way, and the raw cap per source.
//!
//! A guess is counted before its secret is looked at (security.md THR-2). The stored counters learn of it only when it ends, so until then it
//! stands here as pending: whoever asks meanwhile sees it as a failure already. Only attempts in flight are held, so memory
//! is bounded by the hashing queue.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::keyed::DashMapStateStore,
};

use crate::{
    domain::{
        fault::{Fault, Reason},
        login::throttle::{self, CounterKey, Counters, Reported, Rules, Verdict},
    },
    store::Store,
    values::{net::SourceKey, time::Timestamp},
};

/// Attempts in flight, and how often each source tries at all.
pub struct Reservations {
    pending: Mutex<HashMap<CounterKey, u32>>,
    refusals: Mutex<Reported>,
    attempts: RateLimiter<SourceKey, DashMapStateStore<SourceKey>, CallClock, NoOpMiddleware<Moment>>,
    clock: CallClock,
}

/// Stands for one attempt until dropped.
pub struct Reservation<'a> {
    desk: &'a Reservations,
    counters: Counters,
}

/// What an attempt gets.
#[must_use]
pub enum Place<'a> {
    /// A place; the secret may be looked at.
    Taken(Reservation<'a>),
    /// None for this long, openly.
    Wait(Duration),
    /// None, and nobody may know: see [`Verdict::Hidden`].
    Hidden(Reservation<'a>),
}

impl Reservations {
    /// `attempts_per_minute` per source, right or wrong; bursts up to that many.
    pub fn new(attempts_per_minute: u32) -> Self {
        let per_minute = NonZeroU32::new(attempts_per_minute).unwrap_or(NonZeroU32::MIN);
        let clock = CallClock::default();
        Self {
            pending: Mutex::default(),
            refusals: Mutex::default(),
            attempts: RateLimiter::new(
                Quota::per_minute(per_minute),
                DashMapStateStore::default(),
                clock.clone(),
            ),
            clock,
        }
    }

    /// Spends one of the source's attempts for this minute.
    pub fn spend_attempt(&self, client: Option<IpAddr>, now: Timestamp) -> Result<(), Fault> {
        if client.is_none() {
            return Ok(());
        }
        self.clock.set(now);
        if self.attempts.len() > MOST_SOURCES {
            self.attempts.retain_recent();
        }
        self.attempts.check_key(&SourceKey::of(client)).map_err(|refused| {
            let wait = refused.wait_time_from(Moment(now));
            Fault::new(Reason::Throttled).retry_after(wait.max(Duration::from_secs(1)))
        })
    }

    /// Takes a guess's place on its counters, or says how long to wait.
    pub fn reserve(
        &self,
        store: &Store,
        rules: &Rules,
        counters: Counters,
        now: Timestamp,
    ) -> Result<Place<'_>, Fault> {
        // Held across the (memory-speed) read, so that two guesses cannot both take the last place.
        let mut pending = lock(&self.pending);
        let verdict = store.read(|tx| {
            let count = |key: &CounterKey| pending.get(key).copied().unwrap_or(0);
            throttle::admit(tx, rules, &counters, count, now).map_err(Fault::from)
        })?;
        // A hidden refusal takes its places among what may be known, exactly as an unknown name does.
        let counters = match verdict {
            Verdict::Wait(wait) => return Ok(Place::Wait(wait)),
            Verdict::Hidden => counters.open(),
            Verdict::Admitted => counters,
        };
        for key in counters.keys() {
            *pending.entry(key).or_insert(0) += 1;
        }
        let reservation = Reservation { desk: self, counters };
        Ok(if verdict == Verdict::Hidden { Place::Hidden(reservation) } else { Place::Taken(reservation) })
    }

    /// Whether a refusal should reach the audit trail: one per source (or, without one, per subject) and minute.
    pub fn worth_recording(&self, counters: &Counters, now: Timestamp) -> bool {
        lock(&self.refusals).is_news(counters.source.unwrap_or(counters.subject), now)
    }

    /// Forgets sources that have been quiet for a while.
    pub fn tidy(&self, now: Timestamp) {
        self.clock.set(now);
        self.attempts.retain_recent();
        lock(&self.refusals).tidy(now);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut pending = lock(&self.desk.pending);
        for key in self.counters.keys() {
            if let Some(count) = pending.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    pending.remove(&key);
                }
            }
        }
    }
}

/// More sources than this are not remembered without tidying up first.
const MOST_SOURCES: usize = 100_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The maps are valid whatever happened to their last holder.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The limiter's clock: the latest moment any call brought along. It never goes back.
#[derive(Clone, Debug, Default)]
struct CallClock(std::sync::Arc<AtomicU64>);

impl CallClock {
    fn set(&self, now: Timestamp) {
        self.0.fetch_max(now.millis(), Ordering::Relaxed);
    }
}

impl Clock for CallClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(Timestamp::from_millis(self.0.load(Ordering::Relaxed)))
    }
}

/// A [`Timestamp`] as the limiter wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Timestamp);

impl std::ops::Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, span: Nanos) -> Self {
        Self(self.0 + Duration::from(span))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.since(earlier.0).into()
    }

    fn saturating_sub(&self, span: Nanos) -> Self {
        Self(self.0 - Duration::from(span))
    }
}
