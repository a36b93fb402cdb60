//! The loops beside the listeners. Each ends when told to, after a last round where that matters.

use std::{sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::reload::Reloader;
use crate::{
    actions::Actions,
    chores::{Sweeper, TokenSweeper, denials, touches},
    gate::Learned,
    idp::oauth2,
};

/// How often touches are written.
const TOUCHES: Duration = Duration::from_secs(5);
/// How often a piece of the tables is swept.
const SWEEP: Duration = Duration::from_mins(1);

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
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let now = actions.world().now();
            actions.tidy(now);
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
pub(super) fn oauth2(tracker: &TaskTracker, stop: &CancellationToken, actions: Actions, engine: oauth2::Engine) {
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
