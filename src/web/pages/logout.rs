//! `/logout`: a page that asks, and the form that does it (security.md SES-7).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use minijinja::context;

use super::{
    Here, answer,
    catalogue::{Language, Message},
    flow::{self, TOKEN},
    form::Form,
    hidden, loops,
    view::View,
    way::{Own, see_other},
};
use crate::{
    domain::{call::Call, fault::Fault, keyring::FormBinding},
    gate::Presence,
    web::{Shared, edge::caller::Present},
};

/// `GET /logout`
pub(super) async fn show(
    State(shared): State<Shared>,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let language = Language::default();
    let view = if let Some(here) = Here::of(&presence) {
        let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
        let values = context! { name => here.username(), fields => hidden([(TOKEN, token.as_str())]) };
        View::new("logout.html", values)
    } else {
        let done = super::has_flag(&query.unwrap_or_default(), "done");
        let (title, text) = if done {
            (Message::SignedOutTitle, Message::SignedOutText)
        } else {
            (Message::NotSignedInTitle, Message::NotSignedInText)
        };
        let say = |message: Message| message.fill(language, &[]);
        let links = vec![(Own::Login.path().to_owned(), say(Message::SignIn))];
        View::notice(StatusCode::OK, &say(title), &say(text), links)
    };
    // Two live sessions at once are nobody's; without them the next sign-in is whole again.
    let stale = matches!(presence, Presence::Conflicting).then(|| shared.jar.end()).unwrap_or_default();
    Ok(answer(view.with_cookies(stale.into_iter().map(Some)).render(&shared)))
}

/// `POST /logout`
pub(super) async fn end(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    if let Some(here) = Here::of(&presence) {
        flow::prove(&shared, FormBinding::Session(here.session.id), &form.take(TOKEN))?;
    }
    // The records go first: from here on no presented cookie opens anything, whoever still has it. Two at once are
    // nobody's, so there is no token to ask for; that our own page sent the form has been seen.
    shared.actions.sign_out(&call, shared.presented(&headers)).await?;
    let cookies = shared.jar.end().into_iter().map(Some).chain([loops::forget(&shared)]);
    let mut response = see_other(&shared, "/logout?done=1", cookies);
    // Not `"cookies"`: that would sign the browser out of sibling sites, too (DESIGN.md ruling 12).
    response
        .headers_mut()
        .insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"storage\""));
    Ok(answer(response))
}
