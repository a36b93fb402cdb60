//! The Simple Auth API family, at the root and below `/api/v1`.
//!
//! **Responsibility.** The route table, the wire shapes and the envelope of this family (seed 003, simple-auth.md).
//!
//! **Invariants.** Every refusal is `{"error":true,"message":…,"reason":…}`. State changes need a JSON body and our own
//! origin (DESIGN.md ruling 6), or a program's key.
//!
//! **Not here.** Rules: each handler parses, calls an action, answers. What every family has in common (`family`).
//!
//! **Start reading at** [`FAMILY`], then `account` for a few endpoints and `views` for their shapes.

mod account;
mod check;
mod envelope;
mod joining;
mod local;
mod oauth2;
mod onetime;
mod session;
mod twofactor;
mod views;
mod vouch;

use axum::response::Response;

pub use self::envelope::{general, slug};
use super::{
    Shared,
    family::{Endpoints, Family, Resource},
};
use crate::{domain::fault::Fault, values::secret::Secret};

/// What the operator decided about this family.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Programs with API keys may call.
    pub api_keys: bool,
    /// `POST /account/check` answers.
    pub name_check: bool,
    /// Who may ask at `POST /auth/simple` whether credentials are right.
    pub credentials_check: CredentialsCheck,
}

/// Who may ask whether credentials are right.
#[derive(Clone, Debug, Default)]
pub enum CredentialsCheck {
    /// Nobody: there is no such endpoint.
    #[default]
    Off,
    /// Programs with one of these secrets.
    Secret(Vec<Secret<String>>),
    /// Anybody, as with the original when it has no secret.
    Open,
}

/// The family.
pub static FAMILY: Family = Family {
    name: "simple",
    title: "Simple Auth API",
    about: "Sign in and out, look after the own account, and let programs ask who somebody is. The paths, fields and reasons are those of \
            Simple Auth; where its behaviour was unsafe, ours differs and says so.",
    bases: &["/api/v1", ""],
    voice: &envelope::SimpleEnvelope,
    resources: &[
        Resource { name: "Account", about: "The own account.", voice: None, routes: account::ROUTES },
        Resource {
            name: "Auth",
            about: "For programs that ask who somebody is.",
            voice: Some(&check::CheckEnvelope),
            routes: check::ROUTES,
        },
        Resource { name: "Vouch", about: "For proxies.", voice: None, routes: vouch::ROUTES },
        Resource { name: "Session", about: "Signing in and out.", voice: None, routes: session::ROUTES },
        // Joining and coming back.
        Resource {
            name: "Joining",
            about: "Making an account and confirming its address.",
            voice: None,
            routes: joining::ROUTES,
        },
        Resource {
            name: "OneTime",
            about: "Signing in by a link from a letter.",
            voice: None,
            routes: onetime::ROUTES,
        },
        // OAuth 2.0.
        Resource {
            name: "OAuth2",
            about: "Signing in for other programs: what they ask. Browsers come to `/oauth2`, the keys are at `/.well-known/jwks.json`.",
            voice: Some(&oauth2::OAuthVoice),
            routes: oauth2::PROTOCOL,
        },
        Resource {
            name: "Connected",
            about: "What other programs were granted: what their people ask.",
            voice: None,
            routes: oauth2::OWN,
        },
        Resource {
            name: "Local",
            about: "The own password and second factors.",
            voice: None,
            routes: local::ROUTES,
        },
        Resource {
            name: "Two factors",
            about: "The authenticator app as the second factor.",
            voice: None,
            routes: twofactor::ROUTES,
        },
    ],
};

/// Whether a path belongs to the family, routed or not, so that its refusals speak JSON.
pub fn is_for(path: &str) -> bool {
    FAMILY.is_for(path)
}

/// A refusal where the router was not reached.
pub fn refusal(fault: &Fault, request: &str) -> Response {
    FAMILY.voice.say(fault, request)
}

/// The endpoints at the root and below `/api/v1`.
pub fn endpoints(shared: &Shared) -> Endpoints {
    Endpoints::new(&FAMILY, shared)
}

#[cfg(test)]
mod tests;
