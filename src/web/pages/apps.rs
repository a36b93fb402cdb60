//! `/me/apps`: what applications a person has let in, and taking it back (security.md OAU-15).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use minijinja::{Value, context};

use super::{
    Here, answer,
    catalogue::{Language, Message},
    consent::said,
    flow::TOKEN,
    form::Form,
    hidden, login_first, own_form,
    view::{View, moment},
    way::{Own, see_other},
};
use crate::{
    domain::{call::Call, fault::Fault, keyring::FormBinding, rights::Authority},
    idp::oauth2::App,
    web::{Shared, edge::caller::Present},
};

/// `GET /me/apps`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let Some(here) = Here::of(&presence) else { return Ok(answer(login_first(&shared, Own::Apps))) };
    if here.session.restricted {
        return Ok(answer(see_other(&shared, Own::Password.path(), [])));
    }
    let language = Language::default();
    let ended = super::has_flag(&query.unwrap_or_default(), "ended");
    let remarks = ended.then(|| Message::AppsEnded.fill(language, &[]));
    let apps = shared.oauth2.apps_of(&call, here.session.account)?;
    let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let values = context! {
        remarks => remarks.into_iter().collect::<Vec<_>>(),
        apps => apps.iter().map(|app| row(language, app)).collect::<Vec<_>>(),
        fields => hidden([(TOKEN, token.as_str())]),
    };
    Ok(answer(View::new("apps.html", values).render(&shared)))
}

/// `POST /me/apps/revoke`. It takes away, so it asks for no recent sign-in.
pub(super) async fn revoke(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Apps)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let client = form.take("client");
    form.finish()?;
    let authority = Authority::of_session(&here.session.caller())?;
    shared.oauth2.revoke(&call, &authority, &client, None).await?;
    Ok(answer(see_other(&shared, "/me/apps?ended=1", [])))
}

fn row(language: Language, app: &App) -> Value {
    context! {
        client => app.client.as_str(),
        name => app.name.as_str(),
        author => app.author.as_str(),
        author_url => app.author_url.as_deref(),
        scopes => said(language, &app.scopes),
        since => moment(language, app.since),
        active => app.holds_tokens,
    }
}
