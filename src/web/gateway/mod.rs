//! Guarded apps that we serve ourselves, behind the very gate that proxies ask.
//!
//! **Responsibility.** Host → app, gate, header hygiene, the app's answer. Today's only app is the built-in `whoami`.
//!
//! **Invariants.** The verdict is vouch's. An app sees none of our cookies and no identity header but ours (security.md HDR-7).
//!
//! **Not here.** Forwarding to upstreams (a later room of its own).
//!
//! **Start reading at** [`Gateway::answer`].

mod hygiene;
mod whoami;

use std::sync::Arc;

use http::{HeaderMap, Response, header, request::Parts};

use super::{
    Shared,
    edge::peer::single,
    pages,
    vouch::{Check, Dialect, Verdict, Vouch},
};
use crate::{
    domain::fault::{Fault, Reason},
    serve::{Arrival, Body},
    values::{
        host::{Host, Scheme},
        target::Target,
    },
};

/// The surface.
pub(super) struct Gateway {
    shared: Shared,
    vouch: Arc<Vouch>,
}

impl Gateway {
    pub(super) const fn new(shared: Shared, vouch: Arc<Vouch>) -> Self {
        Self { shared, vouch }
    }

    /// Whether an app that we serve ourselves lives at this host and port.
    pub(super) fn serves(&self, host: &Host, port: u16, scheme: Scheme) -> bool {
        self.shared.gate.rules().app_for(host, port, scheme).is_some_and(|app| app.upstream.is_some())
    }

    /// The scheme the browser used, as far as we can know.
    pub(super) fn scheme(&self, arrival: Arrival, headers: &HeaderMap) -> Option<Scheme> {
        if arrival.connection.tls {
            return Some(Scheme::Https);
        }
        if headers.contains_key(PROTO) && self.shared.trust.believes(arrival, headers) {
            return Scheme::parse(single(headers, PROTO).ok()?).map(|(scheme, _)| scheme);
        }
        Some(Scheme::Http)
    }

    /// Answers a request for an app.
    pub(super) fn answer(&self, arrival: Arrival, parts: &Parts) -> Response<Body> {
        match self.try_answer(arrival, parts) {
            Ok(response) => response,
            Err(fault) => pages::refusal(&self.shared, &fault, &arrival.id.to_string()),
        }
    }

    fn try_answer(&self, arrival: Arrival, parts: &Parts) -> Result<Response<Body>, Fault> {
        let malformed = || Fault::new(Reason::Malformed);
        let scheme = self.scheme(arrival, &parts.headers).ok_or_else(malformed)?;
        let host = single(&parts.headers, header::HOST).map_err(|_| malformed())?;
        let uri = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = Target::from_parts(parts.method.as_str(), scheme.as_str(), host, uri)
            .map_err(|error| malformed().because(error))?;
        let call = self.shared.call(arrival, parts)?;
        let presence = self.shared.presence(parts, &call)?;
        let rules = self.shared.gate.rules();
        let check = Check {
            target: &target,
            dialect: Dialect::Gateway,
            bare: false,
            client: call.client,
            parts,
            now: call.now,
            request: arrival.id,
        };
        let (response, verdict) = self.vouch.target_form(&rules, &presence, &check);
        self.shared.metrics.vouched(verdict);
        if !matches!(verdict, Verdict::Pass | Verdict::PassAnonymous) {
            return Ok(response);
        }
        let settings = self.vouch.settings();
        let identity = settings.identity_for(rules.app_for(&target.host, target.port, target.scheme));
        let headers = hygiene::for_app(&parts.headers, response.headers(), identity, &self.shared.jar);
        Ok(whoami::answer(parts, &target, &headers))
    }
}

const PROTO: &str = "x-forwarded-proto";
