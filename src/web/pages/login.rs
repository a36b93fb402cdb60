//! `/login`: the sign-in form, and where a browser that is signed in already is sent on to its app.

use std::time::Duration;

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode, header};
use minijinja::context;

use super::{
    Here, answer,
    catalogue::{Language, Message, waiting},
    circles,
    flow::{self, Flow, TOKEN},
    form::Form,
    hidden, loops, passkeys, second,
    view::View,
    way::{Own, Way, see_other},
};
use crate::{
    actions::login::{Attempt, DEVICE_LIFETIME, SignInOutcome, SignedIn},
    domain::{
        call::Call,
        fault::{Fault, Reason},
        policy::{Outcome, returns::ReturnTo},
    },
    gate::Presence,
    values::target::Target,
    web::{
        Shared,
        edge::{caller::Present, cookies::Own as OwnCookie, rescue},
    },
};

/// `GET /login`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    let way = Way::of_query(&shared, &call, &query);
    let again = super::has_flag(&query, "again");
    if let (Some(here), false) = (Here::of(&presence), again) {
        return Ok(answer(send_on(&shared, &call, &headers, &presence, &here, &way)));
    }
    let mut remarks = Vec::new();
    if again && Here::of(&presence).is_some() {
        remarks.push(Message::AgainNote);
    } else if way.to.as_ref().is_some_and(|to| loops::was_just_sent(&shared, &headers, to, call.now)) {
        remarks.push(Message::SignInLost);
    }
    if super::has_flag(&query, "over") {
        remarks.push(Message::SignInOver);
    }
    if way.refused {
        remarks.push(Message::ReturnRefused);
    }
    if way.lost_form {
        remarks.push(Message::FormLost);
    }
    let name = match Here::of(&presence) {
        Some(here) => here.username(),
        None => String::new(),
    };
    let mut view =
        ask(&shared, &Flow::of(&shared, &headers), &way, &name).with(context! { remarks => said(&remarks) });
    if matches!(presence, Presence::Conflicting) {
        view = view.with_cookies(shared.jar.end().into_iter().map(Some));
    }
    Ok(answer(view.render(&shared)))
}

/// `POST /login`
pub(super) async fn begin(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let way = Way::of_form(&shared, &call, &mut form);
    let Some(flow) = Flow::sent(&shared, &headers) else {
        return Ok(answer(no_cookie(&shared, &way.through(Own::Login, None))));
    };
    flow::prove(&shared, flow.binding(), &form.take(TOKEN))?;
    let name = form.take("username");
    let attempt = Attempt {
        name: name.clone(),
        password: form.take_secret("password"),
        totp: None,
        remember: form.take_if_sent("remember").is_some(),
        trust: shared.jar.own(&headers, OwnCookie::Trust).map(str::to_owned),
        device: shared.jar.own(&headers, OwnCookie::Device).map(str::to_owned),
        replaces: Here::of(&presence).map(|here| here.hash),
        relay: None,
    };
    let outcome = shared.actions.sign_in(&call, attempt).await;
    shared.metrics.signed_in(outcome.as_ref().err().map(|fault| fault.reason));
    match outcome {
        Ok(SignInOutcome::Next(next)) => Ok(answer(second::go_on(&shared, &call, &way, &next))),
        Ok(SignInOutcome::SignedIn(signed_in)) => {
            if matches!(presence, Presence::Conflicting) {
                shared.actions.sign_out(&call, shared.presented(&headers)).await?;
            }
            Ok(answer(welcome(&shared, &call, &way, &signed_in)))
        }
        Err(fault) => {
            let Some(complaint) = complaint(&fault) else { return Err(fault) };
            let mut view = ask(&shared, &flow, &way, &name)
                .with(context! { complaint => complaint })
                .with_status(rescue::status_of(fault.reason));
            if let Some(wait) = fault.retry_after {
                view = view.with_header(header::RETRY_AFTER, rescue::seconds(wait).into());
            }
            Ok(answer(view.render(&shared)))
        }
    }
}

/// The form.
fn ask(shared: &Shared, flow: &Flow, way: &Way, name: &str) -> View {
    let token = shared.keyring.form_token(flow.binding());
    let end = way.end(shared);
    let passkey = passkeys::sign_in_box(shared, way, &token);
    let script = passkey.is_some();
    let values = context! {
        complaint => minijinja::Value::from(()),
        remarks => Vec::<String>::new(),
        place => way.to.as_ref().and_then(ReturnTo::origin).map(host_of),
        fields => hidden(way.fields().chain([(TOKEN, token.as_str())])),
        name => name,
        links => links(shared),
        passkey => passkey,
        offers_remembering => shared.actions.settings().limits.offers_remembering(),
    };
    View::new("login.html", values)
        .with_script(script)
        .leading_to(end.origin())
        .with_cookies([flow.cookie(shared)])
}

/// Where somebody can go who cannot sign in yet, or not any more.
fn links(shared: &Shared) -> Vec<minijinja::Value> {
    let offered = [
        (shared.actions.offers_recovery(), "/forgot", Message::Forgotten),
        (shared.actions.offers_registration(), "/register", Message::RegisterTitle),
    ];
    let link = |(_, href, label): &(bool, &str, Message)| {
        context! { href => *href, label => label.fill(Language::default(), &[]) }
    };
    offered.iter().filter(|(is_offered, ..)| *is_offered).map(link).collect()
}

/// What the form says of a refusal; `None` for refusals that get a page of their own.
fn complaint(fault: &Fault) -> Option<String> {
    let language = Language::default();
    let message = match fault.reason {
        // An empty or over-long entry is told apart from a wrong one by nobody who types.
        Reason::BadCredentials | Reason::Malformed => Message::BadCredentials,
        Reason::Locked => Message::Locked,
        Reason::Disabled => Message::Disabled,
        Reason::Stipulated => Message::StipulatedSignIn,
        Reason::Throttled => {
            let wait = waiting(language, fault.retry_after.unwrap_or_default());
            return Some(Message::Throttled.fill(language, &[("wait", &wait)]));
        }
        _ => return None,
    };
    Some(message.fill(language, &[]))
}

pub(super) fn welcome(
    shared: &Shared,
    call: &Call,
    way: &Way,
    signed_in: &SignedIn,
) -> http::Response<bytes::Bytes> {
    let session = &signed_in.session;
    // The cookie lives as long as the session can; how long it may lie unused is for us to know (forward-auth.md section 14).
    let cookie = shared.jar.begin(&signed_in.key.text(), Some(session.ends.since(call.now)));
    let device = signed_in.device.as_deref();
    let device = device.and_then(|mark| shared.jar.set_own(OwnCookie::Device, mark, DEVICE_LIFETIME));
    let trust = signed_in.trust.as_ref();
    let trust = trust.and_then(|(mark, lifetime)| shared.jar.set_own(OwnCookie::Trust, mark, *lifetime));
    let mark = way.to.as_ref().map_or_else(|| loops::forget(shared), |to| loops::begin(shared, to, call.now));
    // What else was begun in this browser, by whomever, is not gone on with after this.
    let begun = shared.jar.set_own(OwnCookie::Login, "", Duration::ZERO);
    let cookies = [cookie, device, trust, mark, begun, Flow::end(shared)];
    if session.restricted {
        return see_other(shared, &way.through(Own::Password, None), cookies);
    }
    if signed_in.review {
        // Whoever used a recovery code looks at the factors first (security.md OTP-9).
        return see_other(shared, &way.through(Own::Factors, None), cookies);
    }
    see_other(shared, way.end(shared).location(), cookies)
}

/// What becomes of a browser that is signed in already.
fn send_on(
    shared: &Shared,
    call: &Call,
    headers: &HeaderMap,
    presence: &Presence,
    here: &Here<'_>,
    way: &Way,
) -> http::Response<bytes::Bytes> {
    if here.session.restricted {
        return see_other(shared, &way.through(Own::Password, None), []);
    }
    if way.refused {
        return refused(shared);
    }
    let Some(to) = &way.to else {
        return see_other(shared, way.end(shared).location(), []);
    };
    if needs_second_factor(shared, call, presence, to) {
        return see_other(shared, &way.through(Own::SecondFactor, None), []);
    }
    match loops::count(shared, headers, to, call.now) {
        loops::Trip::Counted(mark) => see_other(shared, to.location(), [mark]),
        loops::Trip::Refused => {
            tracing::warn!(request = %call.request, place = ?to, "a browser was sent in circles and stopped");
            circles(shared, call, here, to, &way.through(Own::Login, None))
        }
    }
}

/// Whether the place asks for more than this session has proven.
fn needs_second_factor(shared: &Shared, call: &Call, presence: &Presence, to: &ReturnTo) -> bool {
    let location = to.location().split('#').next().unwrap_or_default();
    let url =
        if location.starts_with('/') { format!("{}{location}", shared.origin) } else { location.to_owned() };
    let Ok(target) = Target::parse_url("GET", &url) else { return false };
    let rules = shared.gate.rules();
    shared.gate.judge(&rules, presence, &target, call.client, call.now).outcome == Outcome::SecondFactor
}

/// The return address was refused and there is nobody to sign in: said plainly, and the address is not shown (URL-4).
fn refused(shared: &Shared) -> http::Response<bytes::Bytes> {
    let say = |message: Message| message.fill(Language::default(), &[]);
    let links = vec![(Own::Me.path().to_owned(), say(Message::ToAccount))];
    let (title, text) = (say(Message::ReturnRefusedTitle), say(Message::ReturnRefusedText));
    View::notice(StatusCode::BAD_REQUEST, &title, &text, links).render(shared)
}

/// A form came without the cookie that was set with it.
pub(super) fn no_cookie(shared: &Shared, retry: &str) -> http::Response<bytes::Bytes> {
    let say = |message: Message| message.fill(Language::default(), &[]);
    let links = vec![(retry.to_owned(), say(Message::TryAgain))];
    let (title, text) = (say(Message::NoCookieTitle), say(Message::NoCookieText));
    View::notice(StatusCode::FORBIDDEN, &title, &text, links).render(shared)
}

/// `host[:port]` of an origin.
pub(super) fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

fn said(remarks: &[Message]) -> Vec<String> {
    remarks.iter().map(|remark| remark.fill(Language::default(), &[])).collect()
}
