//! What every API family is made of: one table of endpoints, and everything that follows from it.
//!
//! **Responsibility.** [`Family`], [`Resource`] and [`Route`] are the table. From it come what answers ([`Endpoints`]), the check of who
//! calls ([`access`]), the `OpenAPI` document ([`document`]) and the tests that walk it. What a handler reads and answers is in
//! [`input`] and [`answer`].
//!
//! **Invariants.** A route says who may call it, or it does not compile; the check stands before the handler, whoever wrote that.
//! Requests, answers and parameters in the document are taken from the handler's own signature. Every refusal of a family leaves in
//! its own words, unknown paths and wrong methods included; which refusals an endpoint has is in its row, and a test kit that sees an
//! undeclared one stops the test.
//!
//! **Not here.** What the families are about (`simple` and its neighbours), rules (`actions`).
//!
//! **Start reading at** [`Route`], then `simple` for a family, then [`access::Access`].
//!
#![doc = include_str!("adding.md")]

pub mod access;
pub mod answer;
mod asked;
pub mod document;
mod endpoints;
pub mod input;
mod signature;
#[cfg(test)]
pub(in crate::web) mod sweep;
#[cfg(test)]
pub(in crate::web) mod testing;

use axum::{
    Router,
    extract::{Request, State},
    routing::{self, MethodFilter, MethodRouter},
};
use http::{Method, StatusCode};

pub(in crate::web) use self::signature::handler;
pub use self::{
    access::{Access, Acting, Service, Trusted},
    answer::{Answer, Created, GoOn, Png},
    endpoints::Endpoints,
    input::{FormOrJson, JsonBody, NoBody, OpenFormOrJson, Path, Query, RequestBody},
    signature::{Answered, Described, Describes, Handler, Media, Shape, Signature},
};
use super::{
    Shared,
    edge::rescue::{self, Envelope},
};
use crate::domain::fault::Reason;

/// How a family says its refusals, and what it says beforehand about how it will.
pub trait Voice: Envelope {
    /// The status of a reason.
    fn status(&self, reason: Reason) -> StatusCode;

    /// The machine's word for a reason.
    fn word(&self, reason: Reason) -> &'static str;

    /// The field of the body that holds the word.
    fn word_field(&self) -> &'static str;

    /// The shape of the body.
    fn shape(&self) -> Shape;
}

impl Envelope for &'static dyn Voice {
    fn say(&self, fault: &crate::domain::fault::Fault, request: &str) -> axum::response::Response {
        (**self).say(fault, request)
    }
}

/// A family of endpoints.
pub struct Family {
    /// Its name in addresses: `/openapi/<name>.json`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it is for, for the head of its document.
    pub about: &'static str,
    /// Where it is served, the published place first; empty for the root.
    pub bases: &'static [&'static str],
    /// How it refuses.
    pub voice: &'static dyn Voice,
    /// What it consists of.
    pub resources: &'static [Resource],
}

/// Endpoints that belong together.
pub struct Resource {
    /// Their heading in the document.
    pub name: &'static str,
    /// What they are about.
    pub about: &'static str,
    /// Another way of refusing than the family's, where a protocol has its own.
    pub voice: Option<&'static dyn Voice>,
    /// The endpoints.
    pub routes: &'static [Route],
}

/// One endpoint: a row of the table.
pub struct Route {
    /// The method. `HEAD` goes with `GET`; any other is answered 405 with `Allow`.
    pub method: Verb,
    /// The path below each base, with `{names}` for its variable parts. It is exact: a slash at the end is another path.
    pub path: &'static str,
    /// Who may call.
    pub access: Access,
    /// Its name in the document and in client programs made from it; unique in the family.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// More: what is done differently from the original, and why.
    pub about: &'static str,
    /// Why its own action may refuse. What follows from access, body and parameters is added by itself.
    pub refusals: &'static [Reason],
    /// The function behind it.
    pub handler: Handler,
}

/// The methods that endpoints have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Reads.
    Get,
    /// Uses something up although it is a `GET`; `HEAD` is refused.
    GetOnce,
    /// Makes or does.
    Post,
    /// Puts in place.
    Put,
    /// Changes in part.
    Patch,
    /// Ends.
    Delete,
}

impl Verb {
    /// As HTTP has it.
    pub const fn method(self) -> Method {
        match self {
            Self::Get | Self::GetOnce => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get | Self::GetOnce => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get | Self::GetOnce => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

impl Family {
    /// All rows, with the resource they belong to.
    pub fn rows(&self) -> impl Iterator<Item = (&'static Resource, &'static Route)> + use<> {
        self.resources.iter().flat_map(|resource| resource.routes.iter().map(move |route| (resource, route)))
    }

    /// How the endpoints of a resource refuse.
    pub fn voice_of(&self, resource: &Resource) -> &'static dyn Voice {
        resource.voice.unwrap_or(self.voice)
    }

    /// The family at each of its bases: every row behind its check, and every refusal in its words.
    fn router(&self, shared: &Shared) -> Router {
        let table = || {
            self.rows().fold(Router::new(), |router, (resource, route)| {
                match self.service(resource, route, shared) {
                    Some(service) => router.route(route.path, service),
                    None => router,
                }
            })
        };
        let all = self.bases.iter().fold(Router::new(), |router, base| match *base {
            "" => router.merge(table()),
            base => router.nest(base, table()),
        });
        rescue::family(all, self.voice).with_state(shared.clone())
    }

    fn service(&self, resource: &Resource, route: &Route, shared: &Shared) -> Option<MethodRouter<Shared>> {
        let called = route.handler.called()?;
        let call = move |State(shared): State<Shared>, request: Request| called(request, shared);
        let handled = routing::on(route.method.filter(), call);
        // The router answers HEAD like GET. Where that would use something up, it is no method of the path.
        let without_head = (route.method == Verb::GetOnce).then(|| self.methods_of(route.path).join(","));
        let guarded = access::guarded(handled, route.access, without_head, shared);
        Some(match resource.voice {
            Some(voice) => rescue::endpoint(guarded, voice),
            None => guarded,
        })
    }

    /// The methods of a path, as `Allow` names them.
    fn methods_of(&self, path: &str) -> Vec<&'static str> {
        let rows = self.rows().filter(|(_, route)| route.handler.is_routed() && route.path == path);
        rows.map(|(_, route)| route.method.as_str()).collect()
    }

    /// Whether a path belongs to the family, routed or not, so that its refusals are in the family's words.
    pub fn is_for(&self, path: &str) -> bool {
        self.bases.iter().any(|base| match *base {
            // At the root the first segment decides.
            "" => self.rows().any(|(_, route)| is_at_or_below(path, first_segment(route.path))),
            base => is_at_or_below(path, base),
        })
    }
}

impl Route {
    /// Every reason it may refuse with, sorted and each once.
    pub fn reasons(&self) -> Vec<Reason> {
        if !self.handler.is_routed() {
            return self.refusals.to_vec();
        }
        let signature = self.handler.signature();
        let mut reasons = vec![Reason::Malformed, Reason::Busy, Reason::Unavailable, Reason::Broken];
        reasons.extend(self.access.refusals(&self.method.method()));
        if signature.body.is_some() {
            reasons.extend([Reason::UnsupportedMediaType, Reason::TooLarge]);
        }
        if signature.refuses_types {
            reasons.push(Reason::UnsupportedMediaType);
        }
        reasons.extend_from_slice(self.refusals);
        let mut seen = std::collections::HashSet::new();
        reasons.retain(|reason| seen.insert(*reason));
        reasons
    }
}

fn first_segment(path: &str) -> &str {
    let end = path.get(1..).and_then(|rest| rest.find('/')).map_or(path.len(), |at| at + 1);
    path.get(..end).unwrap_or(path)
}

fn is_at_or_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
