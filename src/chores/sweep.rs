//! Removing what is over: dead sessions, forgotten failures, old audit entries (security.md OPS-16).

use std::time::Duration;

use crate::{
    domain::{
        audit, factor,
        login::{
            pending,
            throttle::{self, CounterKey, Rules},
        },
        outbox::{self, SweepTimes},
        session::{self, Lifetimes, SessionHash},
    },
    store::{Store, StoreError},
    values::{
        id::{AccountId, MessageId},
        time::Timestamp,
    },
};

/// Walks the tables in small steps, from where the last round stopped.
#[derive(Debug, Default)]
pub struct Sweeper {
    sessions: Option<SessionHash>,
    counters: Option<CounterKey>,
    messages: Option<MessageId>,
    enrolments: Option<AccountId>,
}

/// Rows looked at in one transaction; a few milliseconds of the writer's time.
const STEP: usize = 500;
/// Transactions of one round and table at most.
const STEPS: usize = 20;

impl Sweeper {
    /// One round. Returns how many sessions were removed.
    ///
    /// # Errors
    /// When the store cannot write; the next round tries again.
    pub async fn round(
        &mut self,
        store: &Store,
        now: Timestamp,
        limits: &Lifetimes,
        rules: &Rules,
        keep_audit: Duration,
    ) -> Result<usize, StoreError> {
        let removed = self.sweep_sessions(store, now, limits).await?;
        self.sweep_counters(store, now, rules).await?;
        self.sweep_messages(store, now).await?;
        self.sweep_factors(store, now).await?;
        sweep_audit(store, now - keep_audit).await?;
        Ok(removed)
    }

    /// Sign-ins that were not finished, and authenticator apps that nobody confirmed.
    async fn sweep_factors(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        for _ in 0..STEPS {
            if store.write(move |tx| pending::sweep(tx, now, STEP)).await? < STEP {
                break;
            }
        }
        for _ in 0..STEPS {
            let cursor = self.enrolments;
            let (next, _) = store.write(move |tx| factor::sweep_enrolments(tx, cursor, STEP, now)).await?;
            self.enrolments = next;
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn sweep_sessions(
        &mut self,
        store: &Store,
        now: Timestamp,
        limits: &Lifetimes,
    ) -> Result<usize, StoreError> {
        let epoch = store.epoch();
        let mut total = 0;
        for _ in 0..STEPS {
            let (cursor, limits) = (self.sessions, limits.clone());
            let (next, removed) =
                store.write(move |tx| session::sweep(tx, cursor, STEP, now, &limits, epoch)).await?;
            self.sessions = next;
            total += removed;
            if next.is_none() {
                break;
            }
        }
        Ok(total)
    }

    async fn sweep_messages(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        for _ in 0..STEPS {
            let cursor = self.messages;
            let times = SweepTimes::default();
            let (next, _) = store.write(move |tx| outbox::sweep(tx, cursor, STEP, now, &times)).await?;
            self.messages = next;
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn sweep_counters(
        &mut self,
        store: &Store,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), StoreError> {
        for _ in 0..STEPS {
            let (cursor, rules) = (self.counters, rules.clone());
            self.counters = store.write(move |tx| throttle::sweep(tx, &rules, cursor, STEP, now)).await?;
            if self.counters.is_none() {
                break;
            }
        }
        Ok(())
    }
}

async fn sweep_audit(store: &Store, bound: Timestamp) -> Result<(), StoreError> {
    for _ in 0..STEPS {
        if store.write(move |tx| audit::remove_before(tx, bound, STEP)).await? < STEP {
            break;
        }
    }
    Ok(())
}
