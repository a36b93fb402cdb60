//! `/me`, also the portal's first page: who I am, and where I am signed in (security.md SES-10).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use minijinja::{Value, context};

use super::{
    Here, agent, answer,
    catalogue::{Language, Message},
    flow::{self, TOKEN},
    form::Form,
    hidden, login_first,
    view::{View, moment},
    way::{Own, Way, see_other},
};
use crate::{
    domain::{
        call::Call,
        caller::Level,
        fault::{Fault, Field},
        keyring::FormBinding,
        session::SessionRecord,
    },
    values::id::SessionId,
    web::{Shared, edge::caller::Present},
};

/// What the page may say on top, by the flag in its address. Nothing of the address itself is shown.
const REMARKS: &[(&str, Message)] = &[
    ("changed", Message::DoneChanged),
    ("ended", Message::DoneEnded),
    ("ended-others", Message::DoneEndedOthers),
    ("refused", Message::DoneRefused),
];

/// `GET /me` and `GET /`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Me)));
    };
    if here.session.restricted {
        return Ok(answer(see_other(&shared, Own::Password.path(), [])));
    }
    let query = query.unwrap_or_default();
    let language = Language::default();
    let remarks: Vec<String> = REMARKS
        .iter()
        .filter(|(flag, _)| super::has_flag(&query, flag))
        .map(|(_, message)| message.fill(language, &[]))
        .collect();
    let sessions = shared.actions.sessions_of(&call, here.session.account)?;
    let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let values = context! {
        remarks => remarks,
        username => here.username(),
        display_name => String::from_utf8_lossy(&here.person.display_name),
        email => String::from_utf8_lossy(&here.person.email),
        groups => here.person.groups.typed.clone(),
        second_factor => here.session.level == Level::SecondFactor,
        sessions => sessions.iter().map(|session| row(language, session, &here)).collect::<Vec<_>>(),
        fields => hidden([(TOKEN, token.as_str())]),
    };
    Ok(answer(View::new("me.html", values).render(&shared)))
}

/// `POST /me/sessions/end`: one session by its id, or all but this one.
pub(super) async fn end_sessions(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    mut form: Form,
) -> Result<Response, Fault> {
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Me)));
    };
    flow::prove(&shared, FormBinding::Session(here.session.id), &form.take(TOKEN))?;
    if here.session.restricted {
        return Ok(answer(see_other(&shared, Own::Password.path(), [])));
    }
    let (one, others) = (form.take_if_sent("session"), form.take_if_sent("others"));
    form.finish()?;
    let authority = here.fresh_authority(&shared, &call)?;
    match (one, others) {
        (Some(id), None) => {
            let id: SessionId = id
                .parse()
                .map_err(|error| Fault::malformed(Field::Session, "is no session id").because(error))?;
            shared.actions.end_session(&call, authority, id).await?;
            Ok(answer(see_other(&shared, "/me?ended=1", [])))
        }
        (None, Some(_)) => {
            shared.actions.end_all_sessions(&call, authority, Some(here.hash)).await?;
            Ok(answer(see_other(&shared, "/me?ended-others=1", [])))
        }
        _ => Err(Fault::malformed(Field::Session, "is required")),
    }
}

fn row(language: Language, session: &SessionRecord, here: &Here<'_>) -> Value {
    let is_here = session.id == here.session.id;
    // What is written down lags behind; of this very session we know better.
    let seen = if is_here { session.last_seen.max(here.session.last_seen()) } else { session.last_seen };
    context! {
        id => session.id.to_string(),
        here => is_here,
        agent => agent::label(language, &session.agent),
        started => moment(language, session.created),
        seen => moment(language, seen),
        address => session.client.clone(),
    }
}

/// Where a stale session is sent to become fresh again.
pub(super) fn sign_in_again() -> String {
    Way::to_own(Own::Me.path()).through(Own::Login, Some("again"))
}
