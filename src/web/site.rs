//! One site for all listeners: which surface answers a request.

use std::{collections::HashMap, sync::Arc};

use axum::{Router, body::Body as AxumBody};
use http::{HeaderMap, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::{
    Shared, control, family::Endpoints, gateway::Gateway, health, keys, metrics, openapi, pages, simple,
    vouch::Vouch,
};
use crate::{
    domain::fault::{Fault, Reason},
    serve::{Answer, Arrival, Body, Service},
    values::{
        host::{Host, Scheme},
        url::WebUrl,
    },
};

/// The listener of the identity service, which has an address of its own.
const API: &str = "api";

/// A part of the site that a listener can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// The login portal's pages.
    Portal,
    /// The Simple Auth API family.
    Simple,
    /// `/auth/vouch`.
    Vouch,
    /// Guarded apps that we serve ourselves.
    Apps,
    /// `/healthz` and `/readyz`.
    Health,
    /// `/openapi/…`.
    OpenApi,
    /// `/metrics`.
    Metrics,
    /// The operator's command line.
    Control,
}

/// The surfaces of one listener: a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surfaces(u8);

impl Surfaces {
    /// These surfaces.
    pub fn new(surfaces: impl IntoIterator<Item = Surface>) -> Self {
        Self(surfaces.into_iter().fold(0, |bits, surface| bits | 1 << surface as u8))
    }

    /// Whether the listener offers this one.
    pub const fn offers(self, surface: Surface) -> bool {
        self.0 & 1 << surface as u8 != 0
    }
}

/// Everything behind our sockets.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    shared: Shared,
    vouch: Arc<Vouch>,
    gateway: Gateway,
    portal: Router,
    simple: Endpoints,
    openapi: Router,
    keys: Router,
    control: Router,
    /// Four at most, so that walking them beats hashing a name.
    listeners: Vec<(&'static str, Surfaces)>,
}

impl Site {
    /// Builds the routers. `listeners` says what each listener, by name, offers.
    pub fn new(
        shared: Shared,
        vouch: Arc<Vouch>,
        listeners: HashMap<&'static str, Surfaces>,
        control: control::Operator,
    ) -> Self {
        Self(Arc::new(Inner {
            gateway: Gateway::new(shared.clone(), vouch.clone()),
            vouch,
            portal: pages::routes(shared.clone()),
            simple: simple::endpoints(&shared),
            openapi: openapi::routes(&shared),
            keys: keys::routes(&shared),
            control: control::routes(control),
            listeners: listeners.into_iter().collect(),
            shared,
        }))
    }

    async fn route(self, arrival: Arrival, request: Request<Incoming>) -> Response<Body> {
        let inner = &*self.0;
        let (mut parts, body) = request.into_parts();
        let refused = |fault: &Fault| pages::refusal(&inner.shared, fault, &arrival.id.to_string());
        let Some(surfaces) = inner.surfaces(arrival) else {
            return refused(&Fault::broken("a listener without surfaces"));
        };
        let chosen = inner.choose(surfaces, arrival, &parts);
        let call = match inner.shared.call(arrival, &parts) {
            Ok(call) => call,
            Err(fault) if matches!(chosen, Chosen::Simple) => {
                return simple::refusal(&fault, &arrival.id.to_string()).map(Body::stream);
            }
            Err(fault) => return refused(&fault),
        };
        parts.extensions.insert(call);
        let router = match chosen {
            Chosen::Portal => inner.portal.clone(),
            Chosen::Simple => {
                let request = Request::from_parts(parts, AxumBody::new(body));
                return inner.simple.answer(request).await.map(Body::stream);
            }
            Chosen::OpenApi => inner.openapi.clone(),
            Chosen::Keys => inner.keys.clone(),
            Chosen::Control => inner.control.clone(),
            Chosen::App => {
                return inner.gateway.answer(arrival, &parts);
            }
            Chosen::Nothing(reason) => return refused(&Fault::new(reason)),
        };
        let request = Request::from_parts(parts, AxumBody::new(body));
        // Apart, so that the plain answers of a family need not carry its room with them.
        match Box::pin(router.oneshot(request)).await {
            Ok(response) => response.map(Body::stream),
            Err(never) => match never {},
        }
    }
}

impl Service for Site {
    type Body = Body;

    fn call(&self, arrival: Arrival, request: Request<Incoming>) -> Answer<Body> {
        let inner = &*self.0;
        let surfaces = inner.surfaces(arrival);
        let offers = |surface| surfaces.is_some_and(|surfaces| surfaces.offers(surface));
        let path = request.uri().path();
        if offers(Surface::Vouch) && Vouch::is_for(path) {
            // The hot path: no router, no task, no allocation that is not in the answer.
            let (parts, _) = request.into_parts();
            let now = inner.shared.actions.world().now();
            let (response, verdict) = inner.vouch.answer(arrival, &parts, now);
            inner.shared.metrics.vouched(verdict);
            return Answer::Now(response);
        }
        let apps_own = || offers(Surface::Apps) && inner.belongs_to_app(arrival, request.headers());
        if offers(Surface::Health) && health::is_for(path) && !apps_own() {
            return Answer::Now(health::answer(&inner.shared, request.method(), path));
        }
        if offers(Surface::Metrics) && path == "/metrics" {
            return Answer::Now(metrics::answer(&inner.shared, request.method()));
        }
        let site = self.clone();
        Answer::later(site.route(arrival, request))
    }
}

/// Who answers.
enum Chosen {
    Portal,
    Simple,
    OpenApi,
    Keys,
    App,
    Control,
    Nothing(Reason),
}

impl Inner {
    /// What the listener offers that a request came to.
    fn surfaces(&self, arrival: Arrival) -> Option<Surfaces> {
        let name = arrival.connection.listener;
        self.listeners.iter().find(|(known, _)| *known == name).map(|(_, surfaces)| *surfaces)
    }

    /// By listener, then by host, then by path (DESIGN.md section 2, public addresses).
    fn choose(&self, surfaces: Surfaces, arrival: Arrival, parts: &Parts) -> Chosen {
        let path = parts.uri.path();
        if surfaces.offers(Surface::Control) {
            return Chosen::Control;
        }
        let Some((host, port)) = named_host(&parts.headers) else {
            return Chosen::Nothing(Reason::Misdirected);
        };
        let is =
            |url: &WebUrl| *url.host() == host && url.port() == port.unwrap_or(url.scheme().default_port());
        let is_document = surfaces.offers(Surface::OpenApi) && openapi::is_for(path);
        if is_document && arrival.connection.listener == API && is(&self.shared.settings.api) {
            return Chosen::OpenApi;
        }
        // Without a port the browser means the default of the scheme it uses, which is the portal's by definition.
        let on_portal = is(&self.shared.settings.portal);
        if on_portal {
            if surfaces.offers(Surface::Simple) && simple::is_for(path) {
                return Chosen::Simple;
            }
            if is_document {
                return Chosen::OpenApi;
            }
            if surfaces.offers(Surface::Simple) && path == keys::PATH {
                return Chosen::Keys;
            }
            if surfaces.offers(Surface::Portal) && pages::is_for(path) {
                return Chosen::Portal;
            }
        }
        if surfaces.offers(Surface::Apps) && self.serves_app(arrival, &parts.headers) {
            return Chosen::App;
        }
        if on_portal && surfaces.offers(Surface::Portal) {
            return Chosen::Portal;
        }
        Chosen::Nothing(if on_portal { Reason::NotFound } else { Reason::Misdirected })
    }

    /// Whether the host is an app's alone, so that none of our paths but vouch's may shadow the app's.
    fn belongs_to_app(&self, arrival: Arrival, headers: &HeaderMap) -> bool {
        let portal = self.shared.settings.portal.host();
        named_host(headers).is_some_and(|(host, _)| host != *portal) && self.serves_app(arrival, headers)
    }

    /// Whether the request names the host of an app that we serve ourselves.
    fn serves_app(&self, arrival: Arrival, headers: &HeaderMap) -> bool {
        let Some((host, port)) = named_host(headers) else { return false };
        let scheme = self.gateway.scheme(arrival, headers).unwrap_or(Scheme::Http);
        self.gateway.serves(&host, port.unwrap_or(scheme.default_port()), scheme)
    }
}

/// The host a request names, and the port if it does.
fn named_host(headers: &HeaderMap) -> Option<(Host, Option<u16>)> {
    let named = std::str::from_utf8(headers.get(header::HOST)?.as_bytes()).ok()?;
    Host::parse_with_port(named).ok()
}
