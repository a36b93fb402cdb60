//! `/auth/vouch`: the answer to every proxy's question "may this request pass?".
//!
//! **Responsibility.** Reading what the proxy says of the original request, asking the gate, and saying the verdict so that
//! this proxy understands it (forward-auth.md sections 1 to 8, 12, 15).
//!
//! **Invariants.** Only a pass becomes 2xx; every error is a refusal (security.md VCH-1). The answer depends on the adapter, on
//! headers of a believed peer and on our cookie, never on the query of the check itself (except the *form* of a refusal in the
//! Simple Auth form). Identity headers stand on every pass, each once, and on nothing else (VCH-6, VCH-7). It never waits: no body is
//! read, nothing is written, nothing is hashed slowly.
//!
//! **Not here.** Rules (`domain::policy`), sessions (`gate`).
//!
//! **Start reading at** [`Vouch::answer`].

mod adapter;
pub mod identity;
mod refusal;

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use http::{Method, Response, header, request::Parts};

pub(in crate::web) use self::adapter::Dialect;
use self::{
    adapter::{Adapter, Asked},
    identity::IdentityHeaders,
    refusal::Refusal,
};
use super::edge::{cookies::Jar, navigation, peer::ProxyTrust};
use crate::{
    domain::{
        audit::Denial,
        fault::Reason,
        keyring::Keyring,
        policy::{
            App, Decision, Outcome, RuleSet,
            returns::{Page, ReturnTo, Slip},
        },
    },
    gate::{Gate, Person, Presence},
    serve::{self, Arrival, Body},
    values::{method, target::Target, time::Timestamp},
};

/// How vouch answers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Judge the session alone where no proxy header says what is asked for, even when rules are stricter
    /// (DESIGN.md ruling 1).
    pub session_only: bool,
    /// Which identity headers there are.
    pub identity: IdentityHeaders,
    /// Other identity headers for some apps, by name.
    pub per_app: HashMap<String, IdentityHeaders>,
    /// Names of the apps whose cross-origin preflights pass (forward-auth.md 12.4).
    pub preflight: Vec<String>,
}

impl Settings {
    /// The identity headers for an app.
    pub fn identity_for(&self, app: Option<&App>) -> &IdentityHeaders {
        let own = app.filter(|_| !self.per_app.is_empty()).and_then(|app| self.per_app.get(&app.name));
        own.unwrap_or(&self.identity)
    }
}

/// The surface.
pub struct Vouch {
    gate: Arc<Gate>,
    keyring: Arc<Keyring>,
    trust: Arc<ProxyTrust>,
    jar: Arc<Jar>,
    settings: ArcSwap<Settings>,
}

/// What happened, for metrics and the log; the response says it to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// May pass with a session.
    Pass,
    /// May pass without one.
    PassAnonymous,
    /// Not signed in, or not far enough.
    SignIn,
    /// Not allowed.
    Denied,
    /// Not understood or not believed.
    Untrusted,
    /// Our own fault.
    Broken,
}

impl Vouch {
    /// Puts the pieces together.
    pub fn new(
        gate: Arc<Gate>,
        keyring: Arc<Keyring>,
        trust: Arc<ProxyTrust>,
        jar: Arc<Jar>,
        settings: Settings,
    ) -> Self {
        Self { gate, keyring, trust, jar, settings: ArcSwap::from_pointee(settings) }
    }

    /// Puts other settings in force from the next check on.
    pub fn configure(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// The settings in force.
    pub(in crate::web) fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Whether this path is ours: `/auth/vouch`, what lies below it, and the same under `/api/v1`.
    pub fn is_for(path: &str) -> bool {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        path.strip_prefix("/auth/vouch").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a check.
    pub fn answer(&self, arrival: Arrival, parts: &Parts, now: Timestamp) -> (Response<Body>, Verdict) {
        let Some(adapter) = Adapter::of(parts.uri.path()) else {
            return (Refusal::unknown().into_response(&parts.method), Verdict::Untrusted);
        };
        let headers = &parts.headers;
        let settings = self.settings.load();
        let believed = self.trust.believes(arrival, headers);
        let asked = match adapter.read(headers, believed, &settings.identity) {
            Ok(asked) => asked,
            Err(complaint) => {
                let peer = arrival.connection.peer;
                tracing::warn!(request = %arrival.id, %peer, %complaint, "a check was refused");
                return (
                    Refusal::untrusted(complaint.dialect).into_response(&parts.method),
                    Verdict::Untrusted,
                );
            }
        };
        let rules = self.gate.rules();
        let presence = match self.gate.recognise(self.jar.sessions(headers), now) {
            Ok(presence) => presence,
            Err(error) => {
                tracing::error!(request = %arrival.id, %error, "the store failed a check");
                return (Refusal::broken(asked.dialect()).into_response(&parts.method), Verdict::Broken);
            }
        };
        match &asked {
            Asked::Session => self.session_form(&rules, &presence, parts, arrival, now),
            Asked::Target { dialect, target, bare } => {
                let Ok(client) = self.trust.named_client(arrival, headers) else {
                    return (Refusal::untrusted(*dialect).into_response(&parts.method), Verdict::Untrusted);
                };
                let check =
                    Check { target, dialect: *dialect, bare: *bare, client, parts, now, request: arrival.id };
                self.target_form(&rules, &presence, &check)
            }
        }
    }

    /// Judges a target and says the verdict. On a pass the response carries the identity headers: the proxy, or our own
    /// gateway, copies them into the request.
    pub(in crate::web) fn target_form(
        &self,
        rules: &RuleSet,
        presence: &Presence,
        check: &Check<'_>,
    ) -> (Response<Body>, Verdict) {
        let decision = self.gate.judge(rules, presence, check.target, check.client, check.now);
        let (response, verdict) = self.verdict(rules, presence, check, &decision);
        tracing::debug!(
            request = %check.request,
            method = check.target.method.as_str(),
            host = %check.target.host,
            app = decision.app.map(|app| app.name.as_str()),
            rule = decision.rule_number(),
            why = ?decision.why,
            ?verdict,
            "a check was judged"
        );
        (response, verdict)
    }

    fn verdict(
        &self,
        rules: &RuleSet,
        presence: &Presence,
        check: &Check<'_>,
        decision: &Decision<'_>,
    ) -> (Response<Body>, Verdict) {
        let headers = &check.parts.headers;
        let method = &check.parts.method;
        match (decision.outcome, presence) {
            (Outcome::Pass { anonymous: true }, _) if !check.bare => {
                self.pass(None, decision.app, check.dialect, method)
            }
            (Outcome::Pass { anonymous: false }, Presence::Person { person, .. })
                if !is_foreign_socket(check) =>
            {
                self.pass(Some(person), decision.app, check.dialect, method)
            }
            (Outcome::SignIn, _) if !check.bare && self.is_passed_preflight(decision, check) => {
                self.pass(None, decision.app, check.dialect, method)
            }
            (Outcome::SignIn | Outcome::SecondFactor | Outcome::Pass { anonymous: true }, _) => {
                let reason = match decision.outcome {
                    Outcome::SecondFactor => Reason::SecondFactorNeeded,
                    _ => Reason::Unauthenticated,
                };
                let asked = check.target.method.as_str();
                let get_like = matches!(asked, "GET" | "HEAD");
                let navigation = navigation::is_navigation(headers, get_like, check.target.websocket);
                // A script cannot come back to what it asked for; only a page gets a sealed way back.
                let login =
                    if navigation { self.login_url(rules, check) } else { self.portal_page(rules, None) };
                let refusal = Refusal::sign_in(check.dialect, reason, login, navigation, asked);
                (refusal.answering(headers).into_response(method), Verdict::SignIn)
            }
            (Outcome::Pass { anonymous: false } | Outcome::Deny, _) => {
                if let (Presence::Person { person, .. }, Some(app)) = (presence, decision.app) {
                    self.gate.turned_away(Denial {
                        account: person.id,
                        app: app.name.clone(),
                        client: check.client,
                        at: check.now,
                        request: check.request.to_string(),
                    });
                }
                (Refusal::denied(check.dialect).answering(headers).into_response(method), Verdict::Denied)
            }
        }
    }

    /// The Simple Auth form: no proxy said what is asked for, so the session alone is judged.
    fn session_form(
        &self,
        rules: &RuleSet,
        presence: &Presence,
        parts: &Parts,
        arrival: Arrival,
        now: Timestamp,
    ) -> (Response<Body>, Verdict) {
        let settings = self.settings.load();
        if !settings.session_only && rules.any_stricter_than_signed_in() {
            tracing::warn!(
                request = %arrival.id,
                peer = %arrival.connection.peer,
                "refused a check that names no target (neither X-Original-URL nor X-Forwarded-Uri), because some rules \
                 are stricter than `signed-in`; use /auth/vouch/request or /auth/vouch/forward"
            );
            return (Refusal::denied(Dialect::Session).into_response(&parts.method), Verdict::Denied);
        }
        match presence {
            Presence::Person { person, session, .. } if !session.restricted => {
                self.pass(Some(person), None, Dialect::Session, &parts.method)
            }
            _ => {
                let form = refusal::SessionForm::of(parts.uri.query().unwrap_or_default());
                let to = form.asked.as_deref().and_then(|text| rules.return_to(text).ok());
                let slip = to.map(|to| slip(to, method::Method::Get, Dialect::Session, now));
                let login = self.portal_page(rules, slip.as_ref());
                (
                    Refusal::session(login, form.redirect, &parts.method).into_response(&parts.method),
                    Verdict::SignIn,
                )
            }
        }
    }

    fn login_url(&self, rules: &RuleSet, check: &Check<'_>) -> Option<String> {
        let to = rules.return_to_target(check.target).ok();
        let slip = to.map(|to| slip(to, check.target.method.clone(), check.dialect, check.now));
        self.portal_page(rules, slip.as_ref())
    }

    fn portal_page(&self, rules: &RuleSet, slip: Option<&Slip>) -> Option<String> {
        if slip.is_none() {
            return rules.login_page().map(str::to_owned);
        }
        let mac = |message: &[u8]| self.keyring.return_mac(message);
        rules.page(Page::Login, slip, &mac).map(|page| page.location().to_owned())
    }

    fn pass(
        &self,
        person: Option<&Person>,
        app: Option<&App>,
        dialect: Dialect,
        method: &Method,
    ) -> (Response<Body>, Verdict) {
        let mut response = Response::new(Body::Empty);
        let Ok(headers) = self.settings.load().identity_for(app).pass(person) else {
            // What is stored cannot stand in a header; an app must not take the person for nobody (VCH-8).
            tracing::error!("an identity header could not be written; the check is refused");
            return (Refusal::broken(dialect).into_response(method), Verdict::Broken);
        };
        *response.headers_mut() = headers;
        if dialect == Dialect::Session {
            refusal::json(&mut response, Bytes::from_static(br#"{"success":true}"#), method);
        }
        (response, if person.is_some() { Verdict::Pass } else { Verdict::PassAnonymous })
    }

    /// A CORS preflight carries no cookie by specification, so it can never sign in.
    fn is_passed_preflight(&self, decision: &Decision<'_>, check: &Check<'_>) -> bool {
        let headers = &check.parts.headers;
        check.target.method.as_str() == "OPTIONS"
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            && decision.app.is_some_and(|app| self.settings.load().preflight.contains(&app.name))
    }
}

/// One check that says what it is about.
pub(in crate::web) struct Check<'r> {
    /// What is asked for.
    pub(in crate::web) target: &'r Target,
    /// How to answer.
    pub(in crate::web) dialect: Dialect,
    /// Whether the check named no adapter.
    pub(in crate::web) bare: bool,
    /// From where.
    pub(in crate::web) client: Option<IpAddr>,
    /// The request that carries the question.
    pub(in crate::web) parts: &'r Parts,
    /// When.
    pub(in crate::web) now: Timestamp,
    /// Its name in logs.
    pub(in crate::web) request: serve::RequestId,
}

/// How long a return address keeps its seal: somebody may look for a password for a while.
const RETURN_LIFETIME: Duration = Duration::from_hours(1);

fn slip(to: ReturnTo, method: method::Method, dialect: Dialect, now: Timestamp) -> Slip {
    Slip { to, method, adapter: dialect.name(), expires: now + RETURN_LIFETIME }
}

/// A WebSocket handshake that a foreign page made the browser send: CORS does not guard those, we do
/// (forward-auth.md 12.3).
fn is_foreign_socket(check: &Check<'_>) -> bool {
    let headers = &check.parts.headers;
    // Nearly every check stops at the first look: no page's request goes without an Origin that opens a socket.
    let mut origins = headers.get_all(header::ORIGIN).iter();
    origins.any(|origin| !origin.as_bytes().eq_ignore_ascii_case(check.target.origin().as_bytes()))
        && (check.target.websocket || navigation::is_websocket(headers))
}

#[cfg(test)]
mod tests;
