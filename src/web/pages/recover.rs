//! `/forgot`: asking for a link; `/recover`: choosing a new password with it (security.md ENR-1, ENR-2).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use minijinja::context;

use super::{
    answer,
    catalogue::Message,
    fields::complaints,
    flow::{self, Flow, TOKEN},
    form::Form,
    least_length,
    links::{arrive, dead, is_dead, retry, token_of, visitor},
    login,
    sheet::{Input, Sheet, say},
    view::View,
    way::{Own, Way},
};
use crate::{
    actions::recovery::LinkFor,
    domain::{
        call::Call,
        fault::{Fault, Field, Reason},
    },
    values::{email::EmailAddress, secret::Secret},
    web::{
        Shared,
        edge::{caller::Present, rescue},
    },
};

/// `GET /forgot`
pub(super) async fn show_forgot(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Fault> {
    if !shared.actions.offers_recovery() {
        return Err(Fault::new(Reason::SwitchedOff));
    }
    Ok(answer(ask(&shared, &Flow::of(&shared, &headers), "").render(&shared)))
}

/// `POST /forgot`: the answer is the same for every address (security.md THR-8).
pub(super) async fn forgot(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let Some(flow) = Flow::sent(&shared, &headers) else {
        return Ok(answer(login::no_cookie(&shared, "/forgot")));
    };
    flow::prove(&shared, flow.binding(), &form.take(TOKEN))?;
    let typed = form.take("email");
    form.finish()?;
    let email = match EmailAddress::parse(typed.trim()) {
        Ok(email) => email,
        Err(error) => {
            let fault = Fault::malformed(Field::Email, error.to_string());
            let view = ask(&shared, &flow, &typed).with(context! { complaints => complaints(&fault) });
            return Ok(answer(view.with_status(rescue::status_of(fault.reason)).render(&shared)));
        }
    };
    shared.actions.request_link(&call, &email, LinkFor::NewPassword).await?;
    let links = vec![(Own::Login.path().to_owned(), say(Message::SignIn))];
    let view = View::notice(StatusCode::OK, &say(Message::ForgotTitle), &say(Message::SentIfKnown), links);
    Ok(answer(view.render(&shared)))
}

fn ask(shared: &Shared, flow: &Flow, email: &str) -> View {
    let csrf = shared.keyring.form_token(flow.binding());
    let sheet = Sheet {
        title: Message::ForgotTitle,
        texts: vec![say(Message::ForgotText)],
        action: "/forgot",
        carried: vec![(TOKEN, csrf.as_str())],
        inputs: vec![Input::email("email", email)],
        button: Message::ForgotDo,
        links: vec![(Own::Login.path().to_owned(), Message::SignIn)],
    };
    sheet.view().with_cookies([flow.cookie(shared)])
}

/// `GET /recover?token=`. Looks at the token, and consumes nothing.
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let Some(token) = token_of(&query.unwrap_or_default()) else {
        return Ok(answer(dead(&shared, Message::LinkDeadText)));
    };
    match shared.actions.check_link(&call, LinkFor::NewPassword, &token) {
        Ok(()) => Ok(answer(choose(&shared, &Flow::of(&shared, &headers), &token).render(&shared))),
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::LinkDeadText))),
        Err(fault) => Err(fault),
    }
}

/// `POST /recover`
pub(super) async fn reset(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let token = form.take_secret("token");
    let Some(flow) = Flow::sent(&shared, &headers) else {
        return Ok(answer(login::no_cookie(&shared, &retry("/recover", &token))));
    };
    flow::prove(&shared, flow.binding(), &form.take(TOKEN))?;
    let (new, again) = (form.take_secret("password"), form.take_secret("password_again"));
    form.finish()?;
    let once_more = |status: StatusCode, said: Vec<String>| {
        let view = choose(&shared, &flow, &token).with(context! { complaints => said });
        answer(view.with_status(status).render(&shared))
    };
    if !new.matches(again.expose()) {
        return Ok(once_more(StatusCode::BAD_REQUEST, vec![say(Message::PasswordsDiffer)]));
    }
    let visitor = visitor(&shared, &presence, &headers);
    match shared.actions.reset_password(&call, token.clone(), new, visitor).await {
        Ok(outcome) => Ok(answer(arrive(&shared, &call, &outcome))),
        Err(fault) if matches!(fault.reason, Reason::WeakPassword | Reason::Malformed) => {
            Ok(once_more(rescue::status_of(fault.reason), complaints(&fault)))
        }
        Err(fault) if fault.reason == Reason::Stipulated => {
            let links = vec![(Own::Login.path().to_owned(), say(Message::SignIn))];
            let (title, text) = (say(Message::RecoveredTitle), say(Message::RecoveredWaits));
            Ok(answer(View::notice(StatusCode::OK, &title, &text, links).render(&shared)))
        }
        Err(fault) if is_dead(&fault) => Ok(answer(dead(&shared, Message::LinkDeadText))),
        Err(fault) => Err(fault),
    }
}

fn choose(shared: &Shared, flow: &Flow, token: &Secret<String>) -> View {
    let csrf = shared.keyring.form_token(flow.binding());
    let least = least_length(shared);
    let sheet = Sheet {
        title: Message::RecoverTitle,
        texts: vec![say(Message::RecoverText)],
        action: "/recover",
        carried: vec![(TOKEN, csrf.as_str()), ("token", token.expose())],
        inputs: vec![
            Input::new_password("password", Message::NewPassword, Some(&least)),
            Input::new_password("password_again", Message::NewPasswordAgain, None),
        ],
        button: Message::ChangeDo,
        links: Vec::new(),
    };
    let end = Way::default().end(shared);
    sheet.view().leading_to(end.origin()).with_cookies([flow.cookie(shared)])
}
