//! The loops beside the listeners. Each ends when told to, after a last round where that matters.

use std::{sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, MissedTickBehavior, interval, interval_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::reload::Reloader;
use crate::{
    actions::Actions,
    chores::{ChallengeSweeper, Sweeper, TokenSweeper, delivery::Postman, denials, touches},
    domain::outbox::Channel,
    gate::Learned,
    idp::oauth2,
};

/// How often touches are written.
const TOUCHES: Duration = Duration::from_secs(5);
/// Accounts with stipulations that one round looks at.
const LAPSED_STEP: usize = 1000;
/// How often a piece of the tables is swept.
const SWEEP: Duration = Duration::from_mins(1);
/// Pause of delivery when the store fails.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// What a message under way gets at the end.
const LAST_MOMENT: Duration = Duration::from_secs(5);

pub(super) fn start(
    tracker: &TaskTracker,
    stop: &CancellationToken,
    actions: Actions,
    mut learned: Learned,
    audit_keep: Duration,
) {
    let (touching, touch_stop) = (actions.clone(), stop.clone());
    tracker.spawn(async move {
        let mut ticks = interval(TOUCHES);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                () = touch_stop.cancelled() => true,
                _ = ticks.tick() => false,
            };
            if let Err(error) = touches::round(touching.store(), &mut learned.touches).await {
                tracing::warn!(%error, "session touches could not be written");
            }
            if let Err(error) = denials::round(touching.store(), &mut learned.denials).await {
                tracing::warn!(%error, "denials could not be written to the audit trail");
            }
            if last {
                break;
            }
        }
    });
    let stop = stop.clone();
    tracker.spawn(async move {
        let mut sweeper = Sweeper::default();
        let mut lapsed = None;
        let mut challenges = ChallengeSweeper::default();
        // Not at once: a start has more urgent pages to read.
        let mut ticks = interval_at(Instant::now() + SWEEP, SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let now = actions.world().now();
            actions.tidy(now);
            if let Err(error) = challenges.round(actions.store(), now).await {
                tracing::warn!(%error, "links and codes could not be swept");
            }
            lapsed = match actions.remove_lapsed(lapsed, LAPSED_STEP).await {
                Ok((next, _)) => next,
                Err(error) => {
                    tracing::warn!(%error, "unconfirmed accounts could not be removed");
                    None
                }
            };
            let settings = actions.settings();
            let round = sweeper.round(actions.store(), now, &settings.limits, &settings.throttle, audit_keep);
            match round.await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "swept dead sessions"),
                Err(error) => tracing::warn!(%error, "the sweep could not write"),
            }
        }
    });
}

/// Sweeps codes and tokens, and lets the signing keys take their turns.
pub(super) fn oauth2(
    tracker: &TaskTracker,
    stop: &CancellationToken,
    actions: Actions,
    engine: oauth2::Engine,
) {
    let stop = stop.clone();
    tracker.spawn(async move {
        let mut sweeper = TokenSweeper::default();
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let now = actions.world().now();
            match sweeper.round(actions.store(), now).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "swept codes and tokens"),
                Err(error) => tracing::warn!(%error, "the sweep of tokens could not write"),
            }
            if let Err(fault) = engine.tidy(now).await {
                tracing::error!(%fault, "the signing keys could not take their turns");
            }
        }
    });
}

/// Delivers messages until the end: mail and SMS beside each other, so that a slow one does not hold up the other.
pub(super) fn deliver(tracker: &TaskTracker, stop: &CancellationToken, postman: &Postman) {
    for channel in Channel::ALL {
        let (postman, stop) = (postman.clone(), stop.clone());
        tracker.spawn(async move {
            loop {
                let due = tokio::select! {
                    () = stop.cancelled() => break,
                    due = postman.wait(channel) => due,
                };
                let round = async {
                    due?;
                    postman.round(channel).await
                };
                let ended = tokio::select! {
                    ended = round => ended,
                    // What is being sent gets a moment to end; beyond that its lease runs out and it is sent again.
                    () = stopped_for(&stop, LAST_MOMENT) => break,
                };
                if let Err(error) = ended {
                    tracing::warn!(%error, channel = channel.as_str(), "messages could not be delivered");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(AFTER_TROUBLE) => {}
                    }
                }
            }
        });
    }
}

async fn stopped_for(stop: &CancellationToken, span: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(span).await;
}

/// Loads the configuration anew on SIGHUP.
pub(super) fn reload_on_signal(tracker: &TaskTracker, stop: &CancellationToken, reloader: Arc<Reloader>) {
    let stop = stop.clone();
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(%error, "SIGHUP will not reload the configuration");
            return;
        }
    };
    tracker.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = hangups.recv() => {}
            }
            match reloader.reload().await {
                Ok(told) => tracing::info!("{told}"),
                Err(wrong) => tracing::error!("{wrong}"),
            }
        }
    });
}
