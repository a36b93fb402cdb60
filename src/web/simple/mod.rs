//! The Simple Auth API family: `/auth/session` and `/local/password` so far, each also below `/api/v1`.
//!
//! **Responsibility.** The route table, the wire shapes and the envelope of this family (seed 003, simple-auth.md).
//!
//! **Invariants.** Every refusal is `{"error":true,"message":…,"reason":…}`. State changes need a JSON body and our own
//! origin (DESIGN.md ruling 6).
//!
//! **Not here.** Rules: each handler parses, calls an action, answers.
//!
//! **Start reading at** [`ROUTES`], then `envelope`.

mod envelope;
mod json;
mod local;
mod oauth2;
mod session;
mod views;

use axum::{Router, routing::MethodRouter};

pub use self::envelope::slug;
use super::{Shared, edge::rescue};

/// How a caller proves who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nobody needs to.
    Open,
    /// By the session cookie.
    Session,
    /// As an OAuth client.
    Client,
}

/// One route of the family.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path at the root; the same is served below `/api/v1`.
    pub path: &'static str,
    /// Who may call.
    pub access: Access,
    handler: fn() -> MethodRouter<Shared>,
}

/// Every route of the family, as data: tests walk it.
pub const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/auth/session",
        access: Access::Open,
        handler: || axum::routing::post(session::begin),
    },
    Route {
        method: "GET",
        path: "/auth/session",
        access: Access::Session,
        handler: || axum::routing::get(session::show),
    },
    Route {
        method: "DELETE",
        path: "/auth/session",
        access: Access::Open,
        handler: || axum::routing::delete(session::end),
    },
    Route {
        method: "POST",
        path: "/local/password",
        access: Access::Session,
        handler: || axum::routing::post(local::change_password),
    },
    // OAuth 2.0.
    Route {
        method: "GET",
        path: "/auth/oauth2",
        access: Access::Session,
        handler: || axum::routing::get(oauth2::list),
    },
    Route {
        method: "GET",
        path: "/auth/oauth2/client",
        access: Access::Session,
        handler: || axum::routing::get(oauth2::list),
    },
    Route {
        method: "GET",
        path: "/auth/oauth2/client/{client_id}",
        access: Access::Open,
        handler: || axum::routing::get(oauth2::show_client),
    },
    Route {
        method: "POST",
        path: "/auth/oauth2/grant",
        access: Access::Session,
        handler: || axum::routing::post(oauth2::grant),
    },
    Route {
        method: "POST",
        path: "/auth/oauth2/token",
        access: Access::Client,
        handler: || axum::routing::post(oauth2::issue),
    },
    Route {
        method: "DELETE",
        path: "/auth/oauth2/token",
        access: Access::Session,
        handler: || axum::routing::delete(oauth2::revoke),
    },
    Route {
        method: "POST",
        path: "/auth/oauth2/token_info",
        access: Access::Client,
        handler: || axum::routing::post(oauth2::introspect),
    },
];

/// Whether a path belongs to the family, routed or not, so that its refusals speak JSON.
pub fn is_for(path: &str) -> bool {
    let at_root = ["/auth", "/local"].iter().any(|root| is_at_or_below(path, root));
    at_root || is_at_or_below(path, PREFIX) || path == KEYS
}

/// The routes at the root and below `/api/v1`.
pub fn routes(shared: Shared) -> Router {
    let table =
        || ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    let both = table().nest(PREFIX, table()).route(KEYS, axum::routing::get(oauth2::keys));
    rescue::family(both, envelope::SimpleEnvelope).with_state(shared)
}

const PREFIX: &str = "/api/v1";

/// The keys that sign our tokens, where every client looks for them.
const KEYS: &str = "/.well-known/jwks.json";

fn is_at_or_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
