//! A family as it answers: the paths that are written out in the table by one look into it, everything else by the router.
//!
//! The router goes through a layer for the check and one for refusals, each of which copies and boxes the rest. That is as much work as
//! a short answer itself, so the plain case does without: the same check, the same handler and the same last word, called one after
//! the other.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::Method;
use tower::ServiceExt;

use super::{Access, Family, Voice, access, signature::Called};
use crate::web::{Shared, edge::rescue};

/// The endpoints of a family, ready to be asked. Cheap to clone.
#[derive(Clone)]
pub struct Endpoints(Arc<Inner>);

struct Inner {
    plain: HashMap<String, Vec<Plain>>,
    router: Router,
    shared: Shared,
}

/// An endpoint whose path has no variable part.
struct Plain {
    method: Method,
    access: Access,
    voice: &'static dyn Voice,
    call: Called,
}

impl Endpoints {
    /// Those of this family, at each of its bases.
    pub fn new(family: &'static Family, shared: &Shared) -> Self {
        let mut plain: HashMap<String, Vec<Plain>> = HashMap::new();
        for base in family.bases {
            for (resource, route) in family.rows().filter(|(_, route)| !route.path.contains('{')) {
                let Some(call) = route.handler.called() else { continue };
                plain.entry(format!("{base}{}", route.path)).or_default().push(Plain {
                    method: route.method.method(),
                    access: route.access,
                    voice: family.voice_of(resource),
                    call,
                });
            }
        }
        Self(Arc::new(Inner { plain, router: family.router(shared), shared: shared.clone() }))
    }

    /// The router alone.
    #[cfg(test)]
    pub(in crate::web) fn router(&self) -> &Router {
        &self.0.router
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request) -> Response {
        let inner = &*self.0;
        let row = inner.plain.get_key_value(request.uri().path());
        // HEAD, methods that a path does not have, and paths that there are not: the router knows.
        let found = row.and_then(|(path, methods)| {
            Some((path, methods.iter().find(|plain| plain.method == *request.method())?))
        });
        match found {
            Some((path, plain)) => plain.answer(&inner.shared, path, request).await,
            None => Box::pin(inner.router.clone().oneshot(request)).await.into_response(),
        }
    }
}

impl Plain {
    async fn answer(&self, shared: &Shared, path: &str, request: Request) -> Response {
        let asked = rescue::Asked::of(&request, path);
        let (mut parts, body) = request.into_parts();
        let response = match access::admit(self.access, shared, &mut parts).await {
            Ok(()) => (self.call)(Request::from_parts(parts, body), shared.clone()).await,
            Err(fault) => fault.into_response(),
        };
        rescue::said(&self.voice, &asked, response)
    }
}
