//! The surfaces: everything that speaks HTTP.
//!
//! **Responsibility.** Parse a request, call an action or the gate, say the answer. One [`Site`] dispatches by listener, path and
//! host to the surfaces: vouch, the portal's pages, the API families, guarded apps, health, metrics, control.
//!
//! **Invariants.** No handler opens a transaction (this room does not know the store's types). Portal pages and `simple` paths answer
//! on the portal's host only; on guarded hosts only `/auth/vouch` is ours. No `Location` is written but from a `ReturnTo`,
//! our own paths, or an OAuth client's checked redirect address.
//!
//! **Not here.** Rules. Sockets (`serve`).
//!
//! **Start reading at** [`Site`], then `vouch` for the hot path and `simple` for a family.

pub mod control;
pub mod edge;
pub mod family;
mod gateway;
mod health;
mod keys;
pub mod metrics;
mod openapi;
pub mod pages;
pub mod simple;
mod site;
#[cfg(test)]
mod testing;
pub mod vouch;

use std::sync::Arc;

use self::edge::{
    cookies::{CookieSettings, Jar},
    peer::ProxyTrust,
};
pub use self::site::{Site, Surface, Surfaces};
use crate::{actions::Actions, domain::keyring::Keyring, gate::Gate, idp::oauth2, values::url::WebUrl};

/// What the operator decided about the surfaces.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where browsers find the portal.
    pub portal: WebUrl,
    /// Where clients find the identity service.
    pub api: WebUrl,
    /// What the portal calls itself.
    pub title: String,
    /// Where a browser goes after signing in when it came from nowhere: a declared place, or the portal's own page.
    pub home: Option<String>,
    /// How cookies are made.
    pub cookies: CookieSettings,
    /// Whose forwarding headers are believed.
    pub trust: ProxyTrust,
    /// What is switched on in the Simple Auth family.
    pub simple: simple::Settings,
    /// Largest form or JSON body, in bytes.
    pub largest_body: u64,
    /// How long a body may take.
    pub body_deadline: std::time::Duration,
}

/// What all surfaces share. Cheap to clone.
#[derive(Clone)]
pub struct Shared(Arc<Parts>);

/// The pieces behind [`Shared`].
pub struct Parts {
    /// What can be done.
    pub actions: Actions,
    /// The protocol for other programs.
    pub oauth2: oauth2::Engine,
    /// Who may pass.
    pub gate: Arc<Gate>,
    /// Whose forwarding headers are believed.
    pub trust: Arc<ProxyTrust>,
    /// Our cookies.
    pub jar: Arc<Jar>,
    /// Our keys.
    pub keyring: Arc<Keyring>,
    /// The settings.
    pub settings: Settings,
    /// The portal's origin, as browsers write it.
    pub origin: String,
    /// Counters.
    pub metrics: Arc<metrics::Metrics>,
}

impl std::ops::Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Shared {
    /// The vouch surface over the same pieces.
    pub fn vouch(&self, settings: vouch::Settings) -> vouch::Vouch {
        vouch::Vouch::new(
            self.gate.clone(),
            self.keyring.clone(),
            self.trust.clone(),
            self.jar.clone(),
            settings,
        )
    }

    /// Puts the pieces together.
    pub fn new(
        actions: Actions,
        oauth2: oauth2::Engine,
        gate: Arc<Gate>,
        settings: Settings,
        metrics: Arc<metrics::Metrics>,
    ) -> Self {
        Self(Arc::new(Parts {
            keyring: actions.keyring(),
            trust: Arc::new(settings.trust.clone()),
            jar: Arc::new(Jar::new(settings.cookies.clone())),
            origin: settings.portal.origin(),
            actions,
            oauth2,
            gate,
            settings,
            metrics,
        }))
    }
}
