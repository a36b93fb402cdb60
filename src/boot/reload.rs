//! Loading the configuration anew: whole or not at all (security.md OPS-22).

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{listeners, wiring};
use crate::{
    actions::Actions,
    config::Settings,
    domain::audit::Event,
    gate::Gate,
    serve::Tls,
    web::{control::Reload, vouch::Vouch},
};

/// Reads the configuration as at start, from the same file, environment and options.
pub type LoadSettings = Arc<dyn Fn() -> Result<Settings, String> + Send + Sync>;

pub(super) struct Reloader {
    /// What the house was started with: whatever differs from it and takes effect at a restart only, still waits.
    pub(super) started_with: Mutex<Settings>,
    pub(super) load: LoadSettings,
    pub(super) actions: Actions,
    pub(super) gate: Arc<Gate>,
    pub(super) vouch: Arc<Vouch>,
    pub(super) tls: Vec<(&'static str, Tls)>,
}

impl Reloader {
    /// Puts a changed configuration in force. With any complaint the old one stays, whole.
    pub(super) async fn reload(&self) -> Result<String, String> {
        let started_with = self.started_with.lock().await;
        let mut new = (self.load)()?;
        let waiting = Settings::restart_needed(&started_with, &new);
        for (name, tls) in &self.tls {
            let site = if *name == listeners::GATEWAY { &new.gateway } else { &new.api };
            if let Some(identity) = &site.tls {
                tls.reload(std::slice::from_ref(identity)).map_err(|error| error.to_string())?;
            }
        }
        self.gate.enforce(std::mem::take(&mut new.rules));
        self.vouch.configure(wiring::vouch(&new));
        let kept = self.actions.settings();
        // Limits and throttles take effect at a restart; the words for passwords do now.
        self.actions.configure(crate::actions::Settings {
            passwords: new.actions.passwords.clone(),
            ..crate::actions::Settings::clone(&kept)
        });
        let call = self.actions.inside();
        let reconciled = self.actions.reconcile(&call, new.accounts.clone()).await.map_err(|fault| {
            format!("the rules are in force, but the accounts could not be applied: {fault}")
        })?;
        if let Err(fault) = self.actions.record(&call, Event::Reloaded, "").await {
            tracing::error!(%fault, "the reload could not be recorded");
        }
        let mut told = format!(
            "The configuration is in force ({} accounts created, {} changed, {} disabled).",
            reconciled.created, reconciled.changed, reconciled.disabled
        );
        for refused in &reconciled.refused {
            told.push_str("\nNot applied: ");
            told.push_str(refused);
        }
        if !waiting.is_empty() {
            told.push_str("\nThese changes wait for a restart: ");
            told.push_str(&waiting.join(", "));
        }
        Ok(told)
    }
}

/// The same for the control socket.
pub(super) fn command(reloader: Arc<Reloader>) -> Reload {
    Arc::new(move || {
        let reloader = reloader.clone();
        Box::pin(async move { reloader.reload().await })
    })
}
