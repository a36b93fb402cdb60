//! `/terms`: a restricted session accepts the terms in force.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};

use super::{
    Here, answer,
    catalogue::Message,
    flow::{self, TOKEN},
    form::Form,
    login_first,
    sheet::{Input, Sheet, say},
    way::{Own, Way, see_other},
};
use crate::{
    domain::{
        call::Call,
        fault::{Fault, Reason},
        keyring::FormBinding,
        rights::Authority,
        stipulation::Stipulation,
    },
    web::{Shared, edge::caller::Present},
};

/// The version that a person has to accept; `None` when nothing of the kind is open.
pub(super) fn asked_of(shared: &Shared, call: &Call, here: &Here<'_>) -> Result<Option<String>, Fault> {
    let tasks = shared.actions.tasks_of(call, here.session.account)?;
    Ok(tasks.into_iter().find_map(|task| match task {
        Stipulation::AcceptTerms(version) => Some(version),
        _ => None,
    }))
}

/// `GET /terms`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let way = Way::of_query(&shared, &call, &query.unwrap_or_default());
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Terms)));
    };
    let Some(version) = asked_of(&shared, &call, &here)? else {
        return Ok(answer(see_other(&shared, way.end(&shared).location(), [])));
    };
    let csrf = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let terms = shared.actions.settings().people.terms.clone();
    // Terms that the operator asked of this account alone may be others than those in force.
    let url = terms.filter(|terms| terms.version == version).map(|terms| terms.url);
    let carried = way.fields().chain([(TOKEN, csrf.as_str())]).collect();
    let sheet = Sheet {
        title: Message::TermsTitle,
        texts: vec![say(Message::TermsText)],
        action: "/terms",
        carried,
        inputs: vec![Input::tick("version", say(Message::TermsAccept), &version, url.as_deref())],
        button: Message::TermsDo,
        links: vec![(Own::Logout.path().to_owned(), Message::SignOut)],
    };
    Ok(answer(sheet.view().leading_to(way.end(&shared).origin()).render(&shared)))
}

/// `POST /terms`
pub(super) async fn accept(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    mut form: Form,
) -> Result<Response, Fault> {
    let way = Way::of_form(&shared, &call, &mut form);
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Terms)));
    };
    flow::prove(&shared, FormBinding::Session(here.session.id), &form.take(TOKEN))?;
    let version = form.take("version");
    form.finish()?;
    let authority = Authority::of_session(&here.session.caller())?;
    match shared.actions.accept_terms(&call, authority, &version, here.hash).await {
        Ok((key, session)) => {
            let cookie = shared.jar.begin(&key.text(), Some(session.ends.since(call.now)));
            if session.restricted {
                return Ok(answer(see_other(&shared, &way.through(Own::Password, None), [cookie])));
            }
            Ok(answer(see_other(&shared, way.end(&shared).location(), [cookie])))
        }
        // Not ticked, or other terms by now: the page asks again.
        Err(fault) if fault.reason == Reason::NothingToDo => {
            Ok(answer(see_other(&shared, &way.through(Own::Terms, None), [])))
        }
        Err(fault) => Err(fault),
    }
}
