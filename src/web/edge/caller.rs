//! From a raw request to the values handlers work with: the call, and who is present.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};

use crate::{
    domain::{
        call::{Call, RequestId},
        fault::{Fault, Reason},
        session::SessionHash,
    },
    gate::Presence,
    serve::Arrival,
    web::{Shared, edge::cookies::Own},
};

impl Shared {
    /// The circumstances of a request (security.md HDR-1, HDR-2).
    pub(in crate::web) fn call(&self, arrival: Arrival, parts: &Parts) -> Result<Call, Fault> {
        let client = self
            .trust
            .client(arrival, &parts.headers)
            .map_err(|error| Fault::new(Reason::Malformed).because(error))?;
        Ok(Call {
            now: self.actions.world().now(),
            client,
            request: RequestId::new(arrival.id.to_string()),
            device: self.jar.own(&parts.headers, Own::Device).map(Arc::from),
            agent: agent(&parts.headers),
        })
    }

    /// Every session cookie a request brings that could be ours, dead or alive: what signing out ends.
    pub(in crate::web) fn presented(&self, headers: &HeaderMap) -> Vec<SessionHash> {
        self.jar.sessions(headers).filter_map(SessionHash::of_cookie).take(MOST_PRESENTED).collect()
    }

    /// Who presents the session cookie.
    pub(in crate::web) fn presence(&self, parts: &Parts, call: &Call) -> Result<Presence, Fault> {
        Ok(self.gate.recognise(self.jar.sessions(&parts.headers), call.now)?)
    }
}

fn agent(headers: &HeaderMap) -> Arc<str> {
    let Some(sent) = headers.get(header::USER_AGENT) else { return Arc::from("") };
    match sent.to_str() {
        // Printable ASCII, as nearly all are.
        Ok(text) if text.len() <= Call::AGENT_LIMIT && !text.contains('\t') => Arc::from(text),
        _ => {
            let text = String::from_utf8_lossy(sent.as_bytes());
            text.chars().filter(|c| !c.is_control()).take(Call::AGENT_LIMIT).collect::<String>().into()
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        // Put there by the site before any router; a route outside it has no business with calls.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Fault::broken("a request without a call"))
    }
}

/// No browser holds more session cookies for one host.
const MOST_PRESENTED: usize = 64;

/// Who is present, whoever it is.
#[derive(Clone, Debug)]
pub struct Present(pub Presence);

impl FromRequestParts<Shared> for Present {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Fault> {
        let call = Call::from_request_parts(parts, shared).await?;
        shared.presence(parts, &call).map(Self)
    }
}
