//! Taking messages from the outbox to their readers.
//!
//! A message is leased, sent, and its end written down. It is sent *at least once*: when the program ends between sending and writing
//! down, the lease runs out and the message goes again, under the same `Message-ID`. What failed waits longer each time,
//! with some chance in it so that many do not come back together, and is given up after [`ATTEMPTS`] (security.md OUT-3).

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::Notify, time::timeout};

use crate::{
    domain::{
        keyring::Keyring,
        letters::Letters,
        outbox::{self, Channel, Ending, Leased, OutboxRecord},
    },
    store::{Record, Store, StoreError},
    values::{random::Random, time::Timestamp},
    world::{
        SendError, World,
        mail::{Letter, Parts},
        sms::Text,
    },
};

/// Attempts until a message is given up: the first and three more.
pub const ATTEMPTS: u32 = 4;
/// Messages of one channel under way at once.
const ABREAST: usize = 4;
/// Longest time for one attempt.
const LIMIT: Duration = Duration::from_mins(1);
/// How long a worker may be silent before its messages are somebody else's. Far longer than an attempt takes.
const TERM: Duration = Duration::from_mins(5);
/// Wait after the first failure; each further one is [`GROWTH`] times as long: a quarter of a minute, four minutes, an hour.
const FIRST_WAIT: Duration = Duration::from_secs(15);
const GROWTH: u32 = 16;

/// What became of an attempt, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Handed over.
    Delivered,
    /// Failed, and waits for another attempt.
    Failed,
    /// Failed for good.
    GivenUp,
    /// Dropped, because it was of no use any more.
    Expired,
}

impl Fate {
    /// The word for the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
            Self::Expired => "expired",
        }
    }
}

/// Hears what became of each attempt.
pub type Observer = Arc<dyn Fn(Channel, Fate) + Send + Sync>;

/// The words in force; asked for at each message, so that a reload needs no restart here.
pub type WordsInForce = Arc<dyn Fn() -> Letters + Send + Sync>;

/// Delivers messages.
#[derive(Clone)]
pub struct Postman {
    store: Store,
    world: World,
    keyring: Arc<Keyring>,
    letters: WordsInForce,
    observe: Observer,
    wake: [Arc<Notify>; 2],
}

impl Postman {
    /// Hears of new messages by the store's change feed from now on.
    pub fn new(
        store: Store,
        world: World,
        keyring: Arc<Keyring>,
        letters: WordsInForce,
        observe: Observer,
    ) -> Self {
        let wake = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        let heard = wake.clone();
        store.on_change(move |changes| {
            if changes.iter().any(|change| change.space == OutboxRecord::SPACE) {
                for wake in &heard {
                    wake.notify_one();
                }
            }
        });
        Self { store, world, keyring, letters, observe, wake }
    }

    /// Waits until a message of the channel may be due.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn wait(&self, channel: Channel) -> Result<(), StoreError> {
        let wake = &self.wake[match channel {
            Channel::Mail => 0,
            Channel::Sms => 1,
        }];
        let woken = wake.notified();
        match self.store.read(|tx| outbox::due(tx, channel))? {
            Some(due) => {
                let pause = due.since(self.world.now());
                // Whichever comes first: its time, or news. Time going on while we sleep is what is wanted here.
                let _ = timeout(pause, woken).await;
            }
            None => woken.await,
        }
        Ok(())
    }

    /// Sends what is due, some at once, until nothing is. Returns how many messages were looked at.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was leased then waits for its lease to run out.
    pub async fn round(&self, channel: Channel) -> Result<usize, StoreError> {
        let mut total = 0;
        loop {
            let now = self.world.now();
            // Looked at first, because even an empty write is a commit.
            if self.store.read(|tx| outbox::due(tx, channel))?.is_none_or(|due| due > now) {
                return Ok(total);
            }
            let count = if self.is_set_up(channel) {
                self.send_some(channel, now).await?
            } else {
                self.store.write(move |tx| outbox::discard(tx, channel, now, 100)).await?
            };
            total += count;
            if count == 0 {
                return Ok(total);
            }
        }
    }

    fn is_set_up(&self, channel: Channel) -> bool {
        match channel {
            Channel::Mail => self.world.mail().is_set_up(),
            Channel::Sms => self.world.sms().is_set_up(),
        }
    }

    async fn send_some(&self, channel: Channel, now: Timestamp) -> Result<usize, StoreError> {
        let batch = self.store.write(move |tx| outbox::lease(tx, channel, now, TERM, ABREAST)).await?;
        for _ in 0..batch.expired {
            (self.observe)(channel, Fate::Expired);
        }
        let count = batch.messages.len() + batch.expired;
        let ends = join_all(batch.messages.into_iter().map(|leased| self.attempt(leased))).await;
        ends.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(count)
    }

    async fn attempt(&self, leased: Leased) -> Result<(), StoreError> {
        let (template, channel) = (leased.record.template, leased.record.template.channel());
        let outcome = match timeout(LIMIT, self.send(&leased)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::Later("it took longer than a minute".to_owned())),
        };
        let id = leased.id;
        let (ending, fate) = self.write_down(leased, &outcome).await?;
        if ending == Ending::Stale {
            tracing::warn!(message = %id, "somebody else took a message over that was still being sent; it may arrive twice");
            return Ok(());
        }
        (self.observe)(channel, fate);
        let template = template.as_str();
        match outcome {
            Ok(()) => tracing::info!(message = %id, template, "message delivered"),
            Err(error) if fate == Fate::Failed => {
                tracing::warn!(message = %id, template, %error, "message not delivered; it will be tried again");
            }
            Err(error) => tracing::error!(message = %id, template, %error, "message given up"),
        }
        Ok(())
    }

    async fn write_down(
        &self,
        leased: Leased,
        outcome: &Result<(), SendError>,
    ) -> Result<(Ending, Fate), StoreError> {
        let now = self.world.now();
        let (error, again) = match outcome {
            Ok(()) => {
                let ending = self.store.write(move |tx| outbox::delivered(tx, &leased, now)).await?;
                return Ok((ending, Fate::Delivered));
            }
            Err(SendError::Never(error)) => (error.clone(), None),
            Err(SendError::Later(error)) => {
                let again = next_attempt(leased.record.attempts, now, self.world.random());
                let useful = leased.record.not_after.is_none_or(|end| again.is_some_and(|at| at < end));
                (error.clone(), again.filter(|_| useful))
            }
        };
        let fate = if again.is_some() { Fate::Failed } else { Fate::GivenUp };
        let ending = self.store.write(move |tx| outbox::failed(tx, &leased, &error, again, now)).await?;
        Ok((ending, fate))
    }

    async fn send(&self, leased: &Leased) -> Result<(), SendError> {
        let Leased { id, record } = leased;
        let never = |error: &dyn std::fmt::Display| SendError::Never(error.to_string());
        let values = outbox::open(&self.keyring, *id, record).map_err(|error| never(&error))?;
        let letters = (self.letters)();
        let written =
            letters.write(record.template, record.language, &values).map_err(|error| never(&error))?;
        match record.template.channel() {
            Channel::Mail => {
                let letter = Letter::new(Parts {
                    id: *id,
                    kind: record.template.as_str(),
                    language: written.language.tag(),
                    to: record.to.clone(),
                    subject: written.subject,
                    text: written.text,
                    html: written.html,
                    at: record.created,
                });
                self.world.mail().send(&letter.map_err(|error| never(&error))?).await
            }
            Channel::Sms => {
                let text = Text { id: *id, to: record.to.clone(), text: written.text };
                self.world.sms().send(&text).await
            }
        }
    }
}

/// When to try again after so many attempts; `None` when that were enough.
fn next_attempt(attempts: u32, now: Timestamp, chance: Random<2>) -> Option<Timestamp> {
    if attempts >= ATTEMPTS {
        return None;
    }
    let wait = FIRST_WAIT.saturating_mul(GROWTH.saturating_pow(attempts.saturating_sub(1)));
    // Three quarters to five quarters of it.
    let share = u32::from(u16::from_be_bytes(*chance.bytes()));
    Some(now + wait.mul_f64(0.75 + f64::from(share) / f64::from(u16::MAX) / 2.0))
}

#[cfg(test)]
mod tests;
