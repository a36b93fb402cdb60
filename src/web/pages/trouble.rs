//! Refusals as pages, and the page for a browser that is sent in circles.

use axum::response::Response;
use bytes::Bytes;
use minijinja::{Value, context};

use super::{
    Here, answer,
    catalogue::{Language, Message, waiting},
    fields::complaints,
    login::host_of,
    loops, me,
    view::View,
    way::Own,
};
use crate::{
    domain::{
        call::Call,
        fault::{Fault, Reason},
        policy::returns::ReturnTo,
    },
    serve::Body,
    web::{
        Shared,
        edge::rescue::{Envelope, seconds, status_of},
    },
};

/// How this surface says a refusal: a page with a reference for whoever is asked for help.
pub struct PagesEnvelope {
    shared: Shared,
}

impl PagesEnvelope {
    /// With the portal's settings.
    pub const fn new(shared: Shared) -> Self {
        Self { shared }
    }
}

impl Envelope for PagesEnvelope {
    fn say(&self, fault: &Fault, request: &str) -> Response {
        answer(page(&self.shared, fault, request))
    }
}

/// A refusal where no router was reached: a host we do not serve, a request nobody could read.
pub fn refusal(shared: &Shared, fault: &Fault, request: &str) -> http::Response<Body> {
    let mut response = page(shared, fault, request);
    if let Some(wait) = fault.retry_after {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds(wait).into());
    }
    response.map(Body::from)
}

fn page(shared: &Shared, fault: &Fault, request: &str) -> http::Response<Bytes> {
    let language = Language::default();
    let (title, text) = words(fault.reason);
    let wait = waiting(language, fault.retry_after.unwrap_or_default());
    let mut text = text.fill(language, &[("wait", &wait)]);
    // What is wrong with a request is said; what it said is not repeated.
    if fault.reason == Reason::Malformed {
        for complaint in complaints(fault) {
            text.push(' ');
            text.push_str(&complaint);
        }
    }
    let links =
        way_out(fault.reason).map(|(href, label)| (href, label.fill(language, &[]))).into_iter().collect();
    View::notice(status_of(fault.reason), &title.fill(language, &[]), &text, links)
        .with(context! { request => if request.is_empty() { Value::from(()) } else { Value::from(request) } })
        .render(shared)
}

/// Title and text for every reason.
pub(super) const fn words(reason: Reason) -> (Message, Message) {
    match reason {
        Reason::BadCredentials
        | Reason::WrongServiceSecret
        | Reason::WrongClient
        | Reason::WrongClientBasic => (Message::FaultUnauthenticated, Message::BadCredentials),
        Reason::SecondFactorWrong => (Message::FaultUnauthenticated, Message::FaultCodeText),
        Reason::Stipulated => (Message::FaultLocked, Message::FaultStipulatedText),
        Reason::Unauthenticated | Reason::SecondFactorNeeded => {
            (Message::FaultUnauthenticated, Message::FaultUnauthenticatedText)
        }
        Reason::FreshSignInNeeded | Reason::PasswordChangeNeeded => {
            (Message::FaultFresh, Message::FaultFreshText)
        }
        Reason::Locked => (Message::FaultLocked, Message::Locked),
        Reason::Disabled => (Message::FaultLocked, Message::Disabled),
        Reason::Forbidden => (Message::FaultForbidden, Message::FaultForbiddenText),
        Reason::CrossSite => (Message::FaultCrossSite, Message::FaultCrossSiteText),
        Reason::NotFound | Reason::NoSuchAccount | Reason::SwitchedOff => {
            (Message::FaultNotFound, Message::FaultNotFoundText)
        }
        Reason::MethodNotAllowed => (Message::FaultMethod, Message::FaultMethodText),
        Reason::Taken | Reason::EmailTaken | Reason::LastOne | Reason::NothingToDo => {
            (Message::FaultConflict, Message::FaultConflictText)
        }
        Reason::NoPassword => (Message::FaultConflict, Message::NoPassword),
        Reason::Managed => (Message::FaultConflict, Message::ManagedAccount),
        Reason::WeakPassword | Reason::Malformed | Reason::OAuth(_) => {
            (Message::FaultMalformed, Message::FaultMalformedText)
        }
        Reason::UnsupportedMediaType => (Message::FaultMediaType, Message::FaultMediaTypeText),
        Reason::TooLarge => (Message::FaultTooLarge, Message::FaultTooLargeText),
        Reason::Expired | Reason::InvalidToken => (Message::FaultInvalid, Message::FaultInvalidText),
        Reason::Misdirected => (Message::FaultMisdirected, Message::FaultMisdirectedText),
        Reason::Throttled => (Message::FaultThrottled, Message::FaultThrottledText),
        Reason::Busy => (Message::FaultBusy, Message::FaultBusyText),
        Reason::Unavailable => (Message::FaultUnavailable, Message::FaultUnavailableText),
        Reason::Broken => (Message::FaultBroken, Message::FaultBrokenText),
    }
}

/// Where a person can go from a refusal.
fn way_out(reason: Reason) -> Option<(String, Message)> {
    match reason {
        // A link to our pages leads nowhere on a host that is not ours.
        Reason::Misdirected | Reason::Broken | Reason::Unavailable => None,
        Reason::FreshSignInNeeded => Some((me::sign_in_again(), Message::SignIn)),
        Reason::BadCredentials | Reason::Unauthenticated => {
            Some((Own::Login.path().to_owned(), Message::SignIn))
        }
        _ => Some((Own::Me.path().to_owned(), Message::ToAccount)),
    }
}

/// A browser was sent on [several times](loops) and came back each time: says why that may be.
pub(super) fn circles(
    shared: &Shared,
    call: &Call,
    here: &Here<'_>,
    to: &ReturnTo,
    retry: &str,
) -> http::Response<Bytes> {
    let language = Language::default();
    let likely = loops::likely_cause(shared, to);
    let causes: Vec<String> = CAUSES
        .iter()
        .filter(|cause| Some(**cause) != likely)
        .map(|cause| cause.fill(language, &[]))
        .collect();
    let values = context! {
        name => here.username(),
        place => host_of(to.origin().unwrap_or(&shared.origin)),
        likely => likely.map(|cause| cause.fill(language, &[])),
        causes => causes,
        retry => retry,
        request => call.request.as_str(),
    };
    // Who tries again after reading this starts to count anew.
    View::new("loop.html", values)
        .with_status(http::StatusCode::CONFLICT)
        .with_cookies([loops::forget(shared)])
        .render(shared)
}

const CAUSES: [Message; 6] = [
    Message::LoopBlocked,
    Message::LoopDomain,
    Message::LoopSecure,
    Message::LoopStale,
    Message::LoopClock,
    Message::LoopProxies,
];
