//! Attempts that are under way, and the raw cap per source.
//!
//! A guess is counted before its secret is looked at (security.md THR-2). The stored counters learn of it only when it ends, so until then it
//! stands here as pending: whoever asks meanwhile sees it as a failure already. Only attempts in flight are held, so memory
//! is bounded by the hashing queue.

use std::{
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
        login::throttle::{Counters, Held, Pending, Reported, Rules, Verdict},
    },
    store::{ReadTx, Store, StoreError},
    values::{net::SourceKey, time::Timestamp},
};

/// Attempts in flight, and how often each source tries at all.
pub struct Reservations {
    pending: Pending,
    refusals: Mutex<Reported>,
    attempts: RateLimiter<SourceKey, DashMapStateStore<SourceKey>, CallClock, NoOpMiddleware<Moment>>,
    clock: CallClock,
}

/// What an attempt gets.
#[must_use]
pub enum Place {
    /// A place; the secret may be looked at.
    Taken(Held),
    /// None for this long, openly.
    Wait(Duration),
    /// None, and nobody may know: see [`Verdict::Hidden`].
    Hidden(Held),
}

impl Reservations {
    /// `attempts_per_minute` per source, right or wrong; bursts up to that many.
    pub fn new(attempts_per_minute: u32) -> Self {
        let per_minute = NonZeroU32::new(attempts_per_minute).unwrap_or(NonZeroU32::MIN);
        let clock = CallClock::default();
        Self {
            pending: Pending::default(),
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
    ) -> Result<Place, Fault> {
        let judge = |_: &ReadTx, verdict| {
            let holds = match verdict {
                Verdict::Wait(_) => None,
                // A hidden refusal takes its places among what may be known, exactly as an unknown name does.
                Verdict::Hidden => Some(counters.open()),
                Verdict::Admitted => Some(counters),
            };
            Ok::<_, StoreError>((verdict, holds))
        };
        let (verdict, held) = self.pending.weigh((store, rules), &counters, now, judge)?;
        Ok(match (verdict, held) {
            (Verdict::Wait(wait), _) => Place::Wait(wait),
            (Verdict::Hidden, Some(held)) => Place::Hidden(held),
            (Verdict::Admitted, Some(held)) => Place::Taken(held),
            (_, None) => return Err(Fault::broken("an attempt was admitted without a place")),
        })
    }

    /// Lets `check` look at something that takes no time, under the lock that also counts: right ones take no place, so that many at once
    /// do not wait for each other; what `is_wrong` stands as a failure for as long as the answer is kept.
    ///
    /// # Errors
    /// Those of `check`; `Throttled`, right or wrong alike (security.md THR-6).
    pub fn look<T>(
        &self,
        (store, rules): (&Store, &Rules),
        counters: &Counters,
        now: Timestamp,
        check: impl FnOnce() -> Result<T, Fault>,
        is_wrong: impl FnOnce(&Fault) -> bool,
    ) -> Result<Result<T, (Fault, Held)>, Fault> {
        let judge = |_: &ReadTx, verdict| match verdict {
            Verdict::Wait(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait)),
            Verdict::Admitted | Verdict::Hidden => match check() {
                Err(fault) if is_wrong(&fault) => Ok((Err(fault), Some(*counters))),
                Err(fault) => Err(fault),
                Ok(right) => Ok((Ok(right), None)),
            },
        };
        Ok(match self.pending.weigh((store, rules), counters, now, judge)? {
            (Ok(right), _) => Ok(right),
            (Err(fault), Some(held)) => Err((fault, held)),
            (Err(fault), None) => return Err(fault),
        })
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

/// More sources than this are not remembered without tidying up first.
const MOST_SOURCES: usize = 100_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The map is valid whatever happened to its last holder.
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
