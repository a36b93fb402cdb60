//! `/password`: a person changes the own password (security.md PWD-8).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::header;
use minijinja::context;

use super::{
    Here, answer,
    catalogue::{Language, Message, waiting},
    fields::complaints,
    flow::{self, TOKEN},
    form::Form,
    hidden, least_length, login_first,
    view::View,
    way::{End, Own, Way, see_other},
};
use crate::{
    actions::credentials::PasswordChange,
    domain::{
        call::Call,
        fault::{Fault, Reason},
        keyring::FormBinding,
        stipulation::Stipulation,
    },
    web::{
        Shared,
        edge::{caller::Present, rescue},
    },
};

/// `GET /password`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let way = Way::of_query(&shared, &call, &query.unwrap_or_default());
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Password)));
    };
    if here.session.restricted
        && let Some(elsewhere) = other_task(&shared, &call, &here, &way)?
    {
        return Ok(answer(elsewhere));
    }
    changeable(&shared, &here)?;
    if let Some(missing) = here.missing(&shared, &call, &way.through(Own::Password, None))? {
        return Ok(answer(see_other(&shared, &missing.path, [])));
    }
    Ok(answer(ask(&shared, &call, &here, &way).render(&shared)))
}

/// `POST /password`
pub(super) async fn change(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    mut form: Form,
) -> Result<Response, Fault> {
    let way = Way::of_form(&shared, &call, &mut form);
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Password)));
    };
    flow::prove(&shared, FormBinding::Session(here.session.id), &form.take(TOKEN))?;
    changeable(&shared, &here)?;
    let Ok(authority) = here.fresh_authority(&shared, &call) else {
        return Ok(answer(again(&shared, &way)));
    };
    // Only there so that password managers know whose password this is.
    form.take("username");
    let change = PasswordChange {
        old: form.take_secret("old_password"),
        new: form.take_secret("new_password"),
        session: here.hash,
        strength: here.session.strength(),
        remembered: here.session.remembered,
    };
    let repeated = form.take_secret("new_password_again");
    form.finish()?;
    if !change.new.matches(repeated.expose()) {
        let said = vec![Message::PasswordsDiffer.fill(Language::default(), &[])];
        return Ok(once_more(&shared, &call, &here, &way, &Fault::new(Reason::Malformed), said));
    }
    match shared.actions.change_password(&call, authority, change).await {
        Ok((key, session)) => {
            let cookie = shared.jar.begin(&key.text(), Some(session.ends.since(call.now)));
            if session.restricted {
                return Ok(answer(see_other(&shared, &way.through(Own::Password, None), [cookie])));
            }
            let end = match &way.to {
                Some(to) => End::Checked(to.clone()),
                None => End::Own("/me?changed=1"),
            };
            Ok(answer(see_other(&shared, end.location(), [cookie])))
        }
        Err(fault) => {
            if let Some(missing) = here.way_to_prove(&fault, &way.through(Own::Password, None)) {
                return Ok(answer(see_other(&shared, &missing.path, [])));
            }
            match objections(&fault) {
                Some(said) => Ok(once_more(&shared, &call, &here, &way, &fault, said)),
                None => Err(fault),
            }
        }
    }
}

/// Whoever is declared in the configuration has no other password here, whatever they prove: that is said first.
fn changeable(shared: &Shared, here: &Here<'_>) -> Result<(), Fault> {
    let dossier = shared.gate.dossier(here.session.account)?;
    if dossier.is_some_and(|dossier| dossier.managed) { Err(Fault::new(Reason::Managed)) } else { Ok(()) }
}

/// Where a restricted session goes instead when it is not about the password: every way into one leads here first.
fn other_task(
    shared: &Shared,
    call: &Call,
    here: &Here<'_>,
    way: &Way,
) -> Result<Option<http::Response<bytes::Bytes>>, Fault> {
    let tasks = shared.actions.tasks_of(call, here.session.account)?;
    Ok(match tasks.first() {
        Some(Stipulation::ChangePassword) => None,
        Some(_) => Some(see_other(shared, &way.through(Own::Terms, None), [])),
        // What was asked was taken back meanwhile: a new sign-in opens everything.
        None => Some(again(shared, way)),
    })
}

/// What the form says of a refusal; `None` for refusals that get a page of their own.
fn objections(fault: &Fault) -> Option<Vec<String>> {
    let language = Language::default();
    let one = |message: Message| Some(vec![message.fill(language, &[])]);
    match fault.reason {
        Reason::BadCredentials => one(Message::WrongPassword),
        Reason::NoPassword => one(Message::NoPassword),
        Reason::Malformed | Reason::WeakPassword => Some(complaints(fault)),
        Reason::Throttled => {
            let wait = waiting(language, fault.retry_after.unwrap_or_default());
            Some(vec![Message::Throttled.fill(language, &[("wait", &wait)])])
        }
        _ => None,
    }
}

fn once_more(
    shared: &Shared,
    call: &Call,
    here: &Here<'_>,
    way: &Way,
    fault: &Fault,
    said: Vec<String>,
) -> Response {
    let mut view = ask(shared, call, here, way)
        .with(context! { complaints => said })
        .with_status(rescue::status_of(fault.reason));
    if let Some(wait) = fault.retry_after {
        view = view.with_header(header::RETRY_AFTER, rescue::seconds(wait).into());
    }
    answer(view.render(shared))
}

fn ask(shared: &Shared, call: &Call, here: &Here<'_>, way: &Way) -> View {
    let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let values = context! {
        complaints => Vec::<String>::new(),
        forced => here.session.restricted,
        old => shared.actions.asks_old_password(&here.session.strength(), call.now),
        fields => hidden(way.fields().chain([(TOKEN, token.as_str())])),
        username => here.username(),
        least => least_length(shared),
    };
    View::new("password.html", values).leading_to(way.end(shared).origin())
}

/// The session is too old for this: sign in again and come back here.
fn again(shared: &Shared, way: &Way) -> http::Response<bytes::Bytes> {
    let back = way.through(Own::Password, None);
    see_other(shared, &Way::to_own(&back).through(Own::Login, Some("again")), [])
}
