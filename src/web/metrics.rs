//! `/metrics` in the `OpenMetrics` text format. No label carries anything a client wrote (security.md OPS-20).

use std::sync::atomic::AtomicU64;

use http::{HeaderValue, Method, Response, StatusCode, header};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{Shared, vouch::Verdict};
use crate::{domain::fault::Reason, serve::Body};

/// What is counted.
pub struct Metrics {
    registry: Registry,
    checks: [Counter; 6],
    sign_ins: Family<Outcome, Counter>,
    sessions_cached: Gauge<u64, AtomicU64>,
    people_cached: Gauge<u64, AtomicU64>,
    hashes_waiting: Gauge<u64, AtomicU64>,
    commits: Gauge<u64, AtomicU64>,
    transactions: Gauge<u64, AtomicU64>,
    store_bytes: Gauge<u64, AtomicU64>,
    ready: Gauge<u64, AtomicU64>,
    messages: Family<Message, Counter>,
    messages_waiting: Family<Channel, Gauge<u64, AtomicU64>>,
}

/// What became of an attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Message {
    channel: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Channel {
    channel: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("vouchsafe");
        let family = Family::<Outcome, Counter>::default();
        // Resolved once: the hot path adds to a plain atomic.
        let checks = VERDICTS.map(|(_, outcome)| family.get_or_create(&Outcome { outcome }).clone());
        registry.register("checks", "Answers of /auth/vouch and the gateway", family);
        let sign_ins = Family::<Outcome, Counter>::default();
        // All of them stand there from the start, so that a first failure is seen as a rise.
        for outcome in ["success", "failure", "throttled", "unavailable"] {
            drop(sign_ins.get_or_create(&Outcome { outcome }));
        }
        registry.register("sign_ins", "Attempts to sign in with a password", sign_ins.clone());
        let messages = Family::<Message, Counter>::default();
        registry.register("messages", "Attempts to deliver mail and SMS", messages.clone());
        let messages_waiting = Family::<Channel, Gauge<u64, AtomicU64>>::default();
        let help = "Messages that wait to be delivered, counted up to 10000";
        registry.register("messages_waiting", help, messages_waiting.clone());
        let mut gauge = |name: &str, help: &str, unit: Option<Unit>| {
            let gauge = Gauge::<u64, AtomicU64>::default();
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, gauge.clone()),
                None => registry.register(name, help, gauge.clone()),
            }
            gauge
        };
        Self {
            sessions_cached: gauge("sessions_cached", "Sessions in memory", None),
            people_cached: gauge("people_cached", "Accounts in memory", None),
            hashes_waiting: gauge("hashes_waiting", "Password hashes waiting or under way", None),
            commits: gauge("store_commits", "Durable commits since start", None),
            transactions: gauge("store_transactions", "Transactions in those commits", None),
            store_bytes: gauge("store_file", "Size of the store's file", Some(Unit::Bytes)),
            ready: gauge("ready", "1 while the store can write", None),
            checks,
            sign_ins,
            registry,
            messages,
            messages_waiting,
        }
    }

    /// An attempt to deliver a message ended.
    pub fn posted(&self, channel: &'static str, outcome: &'static str) {
        self.messages.get_or_create(&Message { channel, outcome }).inc();
    }

    /// One check was answered.
    pub fn vouched(&self, verdict: Verdict) {
        if let Some(counter) = self.checks.get(verdict as usize) {
            counter.inc();
        }
    }

    /// One sign-in ended; `None` for a success.
    pub fn signed_in(&self, refused: Option<Reason>) {
        let outcome = match refused {
            None => "success",
            Some(Reason::Throttled) => "throttled",
            Some(Reason::Busy | Reason::Unavailable | Reason::Broken) => "unavailable",
            Some(_) => "failure",
        };
        self.sign_ins.get_or_create(&Outcome { outcome }).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// In the order of their declaration.
const VERDICTS: [(Verdict, &str); 6] = [
    (Verdict::Pass, "pass"),
    (Verdict::PassAnonymous, "pass_anonymous"),
    (Verdict::SignIn, "sign_in"),
    (Verdict::Denied, "denied"),
    (Verdict::Untrusted, "untrusted"),
    (Verdict::Broken, "broken"),
];

pub(super) fn answer(shared: &Shared, method: &Method) -> Response<Body> {
    let metrics = &shared.metrics;
    let (sessions, people) = shared.gate.cached();
    metrics.sessions_cached.set(sessions as u64);
    metrics.people_cached.set(people as u64);
    let figures = shared.actions.figures();
    for (channel, waiting) in shared.actions.messages_waiting() {
        metrics.messages_waiting.get_or_create(&Channel { channel }).set(waiting);
    }
    metrics.hashes_waiting.set(figures.hashes_waiting);
    metrics.commits.set(figures.commits);
    metrics.transactions.set(figures.transactions);
    metrics.store_bytes.set(figures.store_bytes);
    metrics.ready.set(u64::from(shared.actions.is_ready()));
    let mut text = String::new();
    let mut response = Response::new(Body::Empty);
    if !matches!(*method, Method::GET | Method::HEAD) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if encode(&mut text, &metrics.registry).is_err() {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    }
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    *response.body_mut() = Body::from(text);
    response
}

#[cfg(test)]
mod tests {
    use super::VERDICTS;

    #[test]
    fn a_verdict_is_counted_as_itself() {
        for (at, (verdict, outcome)) in VERDICTS.iter().enumerate() {
            assert_eq!(*verdict as usize, at, "{outcome}");
        }
    }
}
