//! Counting wrong client secrets (security.md THR-1, THR-2).
//!
//! Comparing a secret takes no time, so whether it was right is asked under the lock that also counts: of any number of guesses at
//! once, each is counted before the next one learns anything. Right ones wait for nothing but the lock.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Engine;
use crate::{
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        login::throttle::{self, CounterKey, Counters, Rules, Verdict},
    },
    store::StoreError,
};

/// Failures that are not written down yet.
#[derive(Default)]
pub(super) struct Guard(Mutex<HashMap<CounterKey, u32>>);

/// What became of a presented secret under the lock.
enum Weighed {
    /// Nothing was looked at; come back later.
    Wait(Duration),
    /// It is wrong, and stands as a failure until it is written down.
    Wrong,
    /// It is right.
    Right {
        /// There are failures to forget.
        had_failures: bool,
    },
}

/// What became of a secret.
pub(super) enum Looked {
    /// It was right.
    Right,
    /// It was wrong, which is counted.
    Wrong,
    /// It was not looked at; come back after this time.
    Blocked(Duration),
}

impl Engine {
    /// Says whether a secret was right, unless too many were wrong: then nobody learns it, and right and wrong look alike.
    pub(super) async fn look(&self, call: &Call, client: &str, is_right: bool) -> Result<Looked, StoreError> {
        let rules = self.client_rules();
        let counters = Counters::of_client(client, call.client);
        match self.weigh(call, &counters, &rules, is_right)? {
            Weighed::Wait(wait) => return Ok(Looked::Blocked(wait)),
            Weighed::Wrong => return self.count(call, client, counters, rules).await,
            Weighed::Right { had_failures: false } => return Ok(Looked::Right),
            Weighed::Right { had_failures: true } => {}
        }
        self.0.store.write(move |tx| throttle::clear(tx, &counters.cleared())).await?;
        Ok(Looked::Right)
    }

    /// The part under the lock, which must be let go before anything is awaited.
    fn weigh(
        &self,
        call: &Call,
        counters: &Counters,
        rules: &Rules,
        is_right: bool,
    ) -> Result<Weighed, StoreError> {
        // Whatever happened to its last holder, the counts are counts.
        let mut pending = self.0.guard.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (verdict, had_failures) = self.0.store.read(|tx| {
            let count = |key: &CounterKey| pending.get(key).copied().unwrap_or(0);
            let verdict = throttle::admit(tx, rules, counters, count, call.now)?;
            Ok::<_, StoreError>((verdict, throttle::has_failures(tx, &counters.cleared())?))
        })?;
        if let Verdict::Wait(wait) = verdict {
            return Ok(Weighed::Wait(wait));
        }
        if is_right {
            return Ok(Weighed::Right { had_failures });
        }
        for key in counters.keys() {
            *pending.entry(key).or_insert(0) += 1;
        }
        Ok(Weighed::Wrong)
    }

    async fn count(
        &self,
        call: &Call,
        client: &str,
        counters: Counters,
        rules: Rules,
    ) -> Result<Looked, StoreError> {
        let counted = Counted { guard: &self.0.guard, counters };
        let call = call.clone();
        // The id is of a fixed alphabet or nobody's; of the latter nothing is written.
        let detail =
            crate::domain::client::ClientId::parse(client).map_or_else(String::new, |id| id.to_string());
        let written = self.0.store.write(move |tx| {
            throttle::count_failure(tx, &rules, &counters, call.now)?;
            audit::append(tx, &Entry::refused(Event::ClientAuthFailed, "nobody", &call).detail(&detail))?;
            Ok::<_, StoreError>(())
        });
        written.await?;
        drop(counted);
        Ok(Looked::Wrong)
    }

    /// Those of sign-in, but without a ceiling: a secret of 256 bits is not guessed, and nobody but the operator could lift it.
    fn client_rules(&self) -> Rules {
        Rules { ceiling: u32::MAX, ..self.0.settings.load().throttle.clone() }
    }
}

/// Stands for failures until they are written down.
struct Counted<'a> {
    guard: &'a Guard,
    counters: Counters,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut pending = self.guard.0.lock().unwrap_or_else(PoisonError::into_inner);
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
