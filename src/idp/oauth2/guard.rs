//! Counting wrong client secrets, and codes and refresh tokens that are not good (security.md THR-1, THR-2).
//!
//! Comparing a secret takes no time, so whether it was right is asked under the lock that also counts: of any number of guesses at
//! once, each is counted before the next one learns anything. Right ones wait for nothing but the lock.
//!
//! Codes and refresh tokens are not guessed, since what does not bear our MAC is refused unseen. But anybody may bring old ones for
//! ever under the id of a client without a secret: that costs the store nothing and the trail a line now and then, and after a while whoever
//! brings them under this id from this address is told to wait instead. A right one is never refused for that: the server of such a
//! client brings what all its visitors send to its callback, and one that is good says so itself (THR-4). Right and wrong need not look alike here
//! (THR-6): of 256 bits nobody learns anything by trying, and who has a right one has it. A client that has proven itself is not counted.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Engine, refusal::Refusal};
use crate::{
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        client::{ClientId, ClientRecord},
        fault::{Fault, Reason},
        login::throttle::{self, Admission, CounterKey, Counters, Held, Pending, Reported, Rules, Verdict},
    },
    store::{ReadTx, Reading, StoreError},
    values::{net::SourceKey, time::Timestamp},
};

/// What is not written down yet, or not again.
#[derive(Default)]
pub(super) struct Guard {
    pending: Pending,
    reported: Mutex<Reported>,
}

impl Guard {
    /// Refusals that the trail was told of lately.
    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what does not matter any more.
    pub(super) fn tidy(&self, now: Timestamp) {
        self.reported().tidy(now);
    }
}

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
        let judge = |tx: &ReadTx, verdict| match verdict {
            Verdict::Wait(wait) => Ok((Weighed::Wait(wait), None)),
            _ if is_right => {
                let had_failures = throttle::has_failures(tx, &counters.cleared())?;
                Ok::<_, StoreError>((Weighed::Right { had_failures }, None))
            }
            _ => Ok((Weighed::Wrong, Some(counters))),
        };
        // The lock is let go before anything is awaited.
        let pending = &self.0.guard.pending;
        let (weighed, held) = pending.weigh((&self.0.store, &rules), &counters, call.now, judge)?;
        match weighed {
            Weighed::Wait(wait) => return Ok(Looked::Blocked(wait)),
            Weighed::Wrong => return self.count(call, client, (counters, held), rules).await,
            Weighed::Right { had_failures: false } => return Ok(Looked::Right),
            Weighed::Right { had_failures: true } => {}
        }
        self.0.store.write(move |tx| throttle::clear(tx, &counters.cleared())).await?;
        Ok(Looked::Right)
    }

    async fn count(
        &self,
        call: &Call,
        client: &str,
        (counters, held): (Counters, Option<Held>),
        rules: Rules,
    ) -> Result<Looked, StoreError> {
        let call = call.clone();
        // The id is of a fixed alphabet or nobody's; of the latter nothing is written.
        let detail = ClientId::parse(client).map_or_else(String::new, |id| id.to_string());
        let written = self.0.store.write(move |tx| {
            // Until then it stands on the counters, also when whoever asked hangs up.
            let _held = &held;
            throttle::count_failure(tx, &rules, &counters, call.now)?;
            audit::append(tx, &Entry::refused(Event::ClientAuthFailed, "nobody", &call).detail(&detail))?;
            Ok::<_, StoreError>(())
        });
        written.await?;
        Ok(Looked::Wrong)
    }

    /// Counts a code or refresh token that was not good and changed nothing, and tells the trail now and then.
    ///
    /// # Errors
    /// `Throttled` for who brought too many of them; then this one is neither counted nor told of.
    pub(super) async fn count_redeemer(
        &self,
        call: &Call,
        (id, client): (&ClientId, &ClientRecord),
        why: &'static str,
    ) -> Result<(), Refusal> {
        let key = redeemer(call, id, client);
        if let Some(key) = &key {
            // Without a transaction: anybody may go on asking (OPS-16).
            let rules = &self.0.settings.load().throttle;
            self.0.store.read(|tx| admit(tx, rules, key, call))?;
        }
        let whom = key.unwrap_or_else(|| Counters::of_client(id.as_str(), call.client).subject);
        let told = self.0.guard.reported().is_news(whom, call.now);
        if key.is_none() && !told {
            return Ok(());
        }
        let entry = Entry::refused(Event::TokensRefused, id.as_str(), call).detail(format!("{id}; {why}"));
        let (call, rules) = (call.clone(), self.0.settings.load().throttle.clone());
        let written = self.0.store.write(move |tx| {
            if let Some(key) = &key {
                // Others may have been refused since: then this one is not even counted.
                admit(tx, &rules, key, &call)?;
                throttle::count_source(tx, &rules, key, call.now)?;
            }
            if told {
                audit::append(tx, &entry)?;
            }
            Ok::<_, Refusal>(())
        });
        written.await
    }

    /// Those of sign-in, but without a ceiling: a secret of 256 bits is not guessed, and nobody but the operator could lift it.
    fn client_rules(&self) -> Rules {
        Rules { ceiling: u32::MAX, ..self.0.settings.load().throttle.clone() }
    }
}

/// What it counts under when a code or refresh token is not good: the address with the client's id, where no client is proven.
fn redeemer(call: &Call, id: &ClientId, client: &ClientRecord) -> Option<CounterKey> {
    if client.is_confidential() {
        return None;
    }
    CounterKey::redeeming_source(id.as_str(), &SourceKey::of(call.client))
}

fn admit(tx: &impl Reading, rules: &Rules, key: &CounterKey, call: &Call) -> Result<(), Refusal> {
    match throttle::admit_source(tx, rules, key, 0, call.now)? {
        Admission::Wait(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait).into()),
        Admission::Admitted => Ok(()),
    }
}
