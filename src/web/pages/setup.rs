//! `/setup`: the first account, by the one-time link that the server prints (security.md PWD-9).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::HeaderMap;
use minijinja::context;

use super::{
    Here, answer,
    catalogue::{Language, Message},
    fields::complaints,
    flow::{self, Flow, TOKEN},
    form::Form,
    hidden, least_length, login, loops,
    view::View,
    way::{Way, see_other},
};
use crate::{
    actions::accounts::Wanted,
    domain::{
        call::Call,
        fault::{Fault, Field, Flaw, Reason},
    },
    values::{
        email::EmailAddress,
        name::{DisplayName, Username},
        secret::Secret,
    },
    web::{
        Shared,
        edge::{caller::Present, rescue},
    },
};

/// `GET /setup`. Looks at the token, and consumes nothing.
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    let mut tokens = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "token");
    let token = match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Secret::new(token.into_owned()),
        _ => return Ok(answer(dead(&shared, Reason::InvalidToken))),
    };
    match shared.actions.check_setup(&call, &token) {
        Ok(()) => {
            let flow = Flow::of(&shared, &headers);
            Ok(answer(ask(&shared, &flow, &token, &Typed::default()).render(&shared)))
        }
        Err(fault) => refusal(&shared, fault),
    }
}

/// `POST /setup`
pub(super) async fn create(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let token = form.take_secret("token");
    let Some(flow) = Flow::sent(&shared, &headers) else {
        let mut query = url::form_urlencoded::Serializer::new(String::from("/setup?"));
        let retry = query.append_pair("token", token.expose()).finish();
        return Ok(answer(login::no_cookie(&shared, &retry)));
    };
    flow::prove(&shared, flow.binding(), &form.take(TOKEN))?;
    let typed = Typed {
        username: form.take("username"),
        display_name: form.take("display_name"),
        email: form.take("email"),
    };
    let (password, again) = (form.take_secret("password"), form.take_secret("password_again"));
    form.finish()?;
    let again_form = |fault: &Fault, complaints: Vec<String>| {
        let view = ask(&shared, &flow, &token, &typed).with(context! { complaints => complaints });
        answer(view.with_status(rescue::status_of(fault.reason)).render(&shared))
    };
    if !password.matches(again.expose()) {
        let fault = Fault::new(Reason::Malformed);
        return Ok(again_form(&fault, vec![Message::PasswordsDiffer.fill(Language::default(), &[])]));
    }
    let outcome = match typed.wanted(password) {
        Ok(wanted) => {
            let replaces = Here::of(&presence).map(|here| here.hash);
            shared.actions.complete_setup(&call, token.clone(), wanted, replaces).await
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok((key, session)) => {
            let cookie = shared.jar.begin(&key.text(), Some(session.ends.since(call.now)));
            let cookies = [cookie, Flow::end(&shared), loops::forget(&shared)];
            Ok(answer(see_other(&shared, Way::default().end(&shared).location(), cookies)))
        }
        Err(fault) if matches!(fault.reason, Reason::Malformed | Reason::WeakPassword | Reason::Taken) => {
            let said = complaints(&fault);
            Ok(again_form(&fault, said))
        }
        Err(fault) => refusal(&shared, fault),
    }
}

/// What was typed, for the form to show again.
#[derive(Default)]
struct Typed {
    username: String,
    display_name: String,
    email: String,
}

impl Typed {
    /// The account that is asked for, or everything that is wrong with it.
    fn wanted(&self, password: Secret<String>) -> Result<Wanted, Fault> {
        let mut flaws = Vec::new();
        let mut flaw = |field: Field, message: String| flaws.push(Flaw { field, message });
        let username =
            Username::parse(&self.username).map_err(|error| flaw(Field::Username, error.to_string())).ok();
        let display_name = optional(&self.display_name, DisplayName::parse)
            .map_err(|error| flaw(Field::DisplayName, error.to_string()))
            .unwrap_or_default();
        let email = optional(&self.email, EmailAddress::parse)
            .map_err(|error| flaw(Field::Email, error.to_string()))
            .unwrap_or_default();
        match username {
            Some(username) if flaws.is_empty() => Ok(Wanted {
                username,
                display_name,
                email,
                mobile: None,
                groups: Vec::new(),
                password: Some(password),
                temporary: false,
            }),
            _ => Err(Fault { flaws, ..Fault::new(Reason::Malformed) }),
        }
    }
}

fn optional<T, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, E> {
    if text.trim().is_empty() { Ok(None) } else { parse(text.trim()).map(Some) }
}

fn ask(shared: &Shared, flow: &Flow, token: &Secret<String>, typed: &Typed) -> View {
    let csrf = shared.keyring.form_token(flow.binding());
    let end = Way::default().end(shared);
    let values = context! {
        complaints => Vec::<String>::new(),
        fields => hidden([(TOKEN, csrf.as_str()), ("token", token.expose().as_str())]),
        username => typed.username.as_str(),
        display_name => typed.display_name.as_str(),
        email => typed.email.as_str(),
        least => least_length(shared),
    };
    View::new("setup.html", values).leading_to(end.origin()).with_cookies([flow.cookie(shared)])
}

/// A link that does not work gets a page that says how to get a new one; everything else the page of its reason.
fn refusal(shared: &Shared, fault: Fault) -> Result<Response, Fault> {
    match fault.reason {
        Reason::InvalidToken | Reason::Expired => Ok(answer(dead(shared, fault.reason))),
        _ => Err(fault),
    }
}

fn dead(shared: &Shared, reason: Reason) -> http::Response<bytes::Bytes> {
    let say = |message: Message| message.fill(Language::default(), &[]);
    let links = vec![("/login".to_owned(), say(Message::SignIn))];
    let (title, text) = (say(Message::SetupDeadTitle), say(Message::SetupDeadText));
    View::notice(rescue::status_of(reason), &title, &text, links).render(shared)
}
