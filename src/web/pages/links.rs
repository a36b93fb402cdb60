//! Pages behind links in letters: `/confirm` and `/onetime`. Looking shows a button, and only the button uses the link up, so that what scans
//! mail uses up nothing (security.md OTP-7, simple-auth.md 9.A3).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use minijinja::context;

use super::{
    Here, answer,
    catalogue::Message,
    flow::{self, Flow, TOKEN},
    form::Form,
    login, second,
    sheet::{Input, Sheet, say},
    view::View,
    way::{Own, Way, see_other},
};
use crate::{
    actions::{
        login::SignInOutcome,
        recovery::{LinkFor, Visitor},
    },
    domain::{
        call::Call,
        fault::{Fault, Reason},
    },
    gate::Presence,
    values::secret::Secret,
    web::{
        Shared,
        edge::{caller::Present, cookies::Own as OwnCookie, rescue},
    },
};

/// The one token of a query.
pub(super) fn token_of(query: &str) -> Option<Secret<String>> {
    let mut tokens = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Some(Secret::new(token.into_owned())),
        _ => None,
    }
}

/// The address of a page with its token, to try again.
pub(super) fn retry(page: &str, token: &Secret<String>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(format!("{page}?"));
    query.append_pair("token", token.expose()).finish()
}

/// Whether a refusal means that the link does not work (any more).
pub(super) fn is_dead(fault: &Fault) -> bool {
    matches!(fault.reason, Reason::InvalidToken | Reason::Expired | Reason::NothingToDo)
}

/// A link that does not work gets a page that says how to get another one.
pub(super) fn dead(shared: &Shared, text: Message) -> http::Response<bytes::Bytes> {
    let links = vec![(Own::Login.path().to_owned(), say(Message::SignIn))];
    let status = rescue::status_of(Reason::InvalidToken);
    View::notice(status, &say(Message::FaultInvalid), &say(text), links).render(shared)
}

/// What a browser brings along to a sign-in by link.
pub(in crate::web) fn visitor(shared: &Shared, presence: &Presence, headers: &HeaderMap) -> Visitor {
    Visitor {
        replaces: Here::of(presence).map(|here| here.hash),
        trust: shared.jar.own(headers, OwnCookie::Trust).map(str::to_owned),
    }
}

/// To the session that began, or to the next question.
pub(in crate::web) fn arrive(
    shared: &Shared,
    call: &Call,
    outcome: &SignInOutcome,
) -> http::Response<bytes::Bytes> {
    let way = Way::default();
    match outcome {
        SignInOutcome::SignedIn(signed_in) => login::welcome(shared, call, &way, signed_in),
        SignInOutcome::Next(next) => second::go_on(shared, call, &way, next),
    }
}

fn button(
    shared: &Shared,
    headers: &HeaderMap,
    token: &Secret<String>,
    action: &'static str,
    (title, text, button): (Message, Message, Message),
) -> Response {
    let flow = Flow::of(shared, headers);
    let csrf = shared.keyring.form_token(flow.binding());
    let sheet = Sheet {
        title,
        texts: vec![say(text)],
        action,
        carried: vec![(TOKEN, csrf.as_str()), ("token", token.expose())],
        inputs: Vec::new(),
        button,
        links: Vec::new(),
    };
    let end = Way::default().end(shared);
    answer(sheet.view().leading_to(end.origin()).with_cookies([flow.cookie(shared)]).render(shared))
}

/// The token of a sent button, when the form came from this browser.
fn pressed(
    shared: &Shared,
    headers: &HeaderMap,
    mut form: Form,
    page: &str,
) -> Result<Result<Secret<String>, Response>, Fault> {
    let token = form.take_secret("token");
    let Some(flow) = Flow::sent(shared, headers) else {
        return Ok(Err(answer(login::no_cookie(shared, &retry(page, &token)))));
    };
    flow::prove(shared, flow.binding(), &form.take(TOKEN))?;
    form.finish()?;
    Ok(Ok(token))
}

/// `GET /onetime?token=`
pub(super) async fn show_onetime(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let Some(token) = token_of(&query.unwrap_or_default()) else {
        return Ok(answer(dead(&shared, Message::LinkDeadText)));
    };
    match shared.actions.check_link(&call, LinkFor::SignIn, &token) {
        Ok(()) => {
            let words = (Message::OnetimeTitle, Message::OnetimeText, Message::SignIn);
            Ok(button(&shared, &headers, &token, "/onetime", words))
        }
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::LinkDeadText))),
        Err(fault) => Err(fault),
    }
}

/// `POST /onetime`
pub(super) async fn redeem_onetime(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Fault> {
    let token = match pressed(&shared, &headers, form, "/onetime")? {
        Ok(token) => token,
        Err(response) => return Ok(response),
    };
    let visitor = visitor(&shared, &presence, &headers);
    match shared.actions.sign_in_by_link(&call, token, visitor).await {
        Ok(outcome) => Ok(answer(arrive(&shared, &call, &outcome))),
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::LinkDeadText))),
        Err(fault) => Err(fault),
    }
}

/// `GET /confirm?token=`: the button. Without a token: the form that asks for another letter.
pub(super) async fn show_confirm(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    if query.is_empty() {
        return Ok(answer(ask_again(&shared, &headers).render(&shared)));
    }
    let Some(token) = token_of(&query) else {
        return Ok(answer(dead(&shared, Message::ConfirmDeadText)));
    };
    match shared.actions.check_confirmation(&call, &token) {
        Ok(()) => {
            let words = (Message::ConfirmTitle, Message::ConfirmText, Message::ConfirmDo);
            Ok(button(&shared, &headers, &token, "/confirm", words))
        }
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::ConfirmDeadText))),
        Err(fault) => Err(fault),
    }
}

/// `POST /confirm`
pub(super) async fn confirm(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Fault> {
    let token = match pressed(&shared, &headers, form, "/confirm")? {
        Ok(token) => token,
        Err(response) => return Ok(response),
    };
    match shared.actions.confirm_address(&call, token).await {
        Ok(id) if Here::of(&presence).is_some_and(|here| here.session.account == id) => {
            Ok(answer(see_other(&shared, "/me/profile?confirmed=1", [])))
        }
        Ok(_) => {
            let links = vec![(Own::Login.path().to_owned(), say(Message::SignIn))];
            let (title, text) = (say(Message::ConfirmedTitle), say(Message::ConfirmedText));
            Ok(answer(View::notice(StatusCode::OK, &title, &text, links).render(&shared)))
        }
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::ConfirmDeadText))),
        Err(fault) => Err(fault),
    }
}

fn ask_again(shared: &Shared, headers: &HeaderMap) -> View {
    let flow = Flow::of(shared, headers);
    let csrf = shared.keyring.form_token(flow.binding());
    let sheet = Sheet {
        title: Message::ConfirmAgainTitle,
        texts: vec![say(Message::ConfirmAgainText)],
        action: "/confirm/again",
        carried: vec![(TOKEN, csrf.as_str())],
        inputs: vec![Input::text("login", Message::Login, "", "username", 320)],
        button: Message::ConfirmAgain,
        links: vec![(Own::Login.path().to_owned(), Message::SignIn)],
    };
    sheet.view().with_cookies([flow.cookie(shared)])
}

/// `POST /confirm/again`: the answer is the same whatever was typed (security.md THR-8).
pub(super) async fn send_again(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let Some(flow) = Flow::sent(&shared, &headers) else {
        return Ok(answer(login::no_cookie(&shared, "/confirm")));
    };
    flow::prove(&shared, flow.binding(), &form.take(TOKEN))?;
    let typed = form.take("login");
    form.finish()?;
    shared.actions.resend_confirmation(&call, typed.trim()).await?;
    let view = ask_again(&shared, &headers).with(context! { remarks => vec![say(Message::SentIfKnown)] });
    Ok(answer(view.render(&shared)))
}
