//! Passkeys on the portal's pages: `/me/passkeys`, where their owner keeps them, and what the one script asks for.

mod prove;
mod script;

use axum::{
    Router,
    extract::{RawQuery, State},
    response::Response,
    routing,
};
use minijinja::{Value, context};

pub(super) use self::prove::{second_box, sign_in_box};
use self::script::{Ask, Finish, Sent, asked, json};
use super::{
    Here, answer,
    catalogue::{Language, Message},
    flow::{self, TOKEN},
    form::Form,
    has_flag, hidden, login_first,
    sheet::say,
    view::{View, moment},
    way::{Own, Way, see_other},
    way_to_prove,
};
use crate::{
    actions::passkeys::{Keeper, Passkey},
    domain::{
        call::Call,
        factor::passkey::PasskeyKey,
        fault::{Fault, Reason},
        keyring::FormBinding,
    },
    web::{
        Shared,
        edge::{caller::Present, rescue},
    },
};

/// What the page may say on top, by the flag in its address.
const REMARKS: &[(&str, Message)] = &[
    ("added", Message::PasskeyAdded),
    ("renamed", Message::PasskeyRenamed),
    ("removed", Message::PasskeyRemoved),
    ("last", Message::PasskeyLastOne),
];

/// The page, its forms, and the endpoints of the script, which refuse in JSON.
pub(super) fn routes(_: &Shared) -> Router<Shared> {
    let quiet = |route| rescue::endpoint(route, script::ScriptEnvelope);
    Router::new()
        .route("/me/passkeys", routing::get(show))
        .route("/me/passkeys/rename", routing::post(rename))
        .route("/me/passkeys/remove", routing::post(remove))
        .route("/me/passkeys/new/options", quiet(routing::post(begin)))
        .route("/me/passkeys/new", quiet(routing::post(add)))
        .route("/login/passkey/options", quiet(routing::post(prove::ask_any)))
        .route("/login/passkey", quiet(routing::post(prove::sign_in)))
        .route("/login/passkey/second/options", quiet(routing::post(prove::ask_second)))
        .route("/login/passkey/second", quiet(routing::post(prove::second)))
}

/// What the script finds on a page.
struct Box<'b> {
    options: &'static str,
    finish: &'static str,
    token: &'b str,
    way: String,
    make: bool,
    autofill: bool,
}

impl Box<'_> {
    fn value(self) -> Value {
        let flag = |on: bool| if on { "1" } else { "" };
        context! {
            options => self.options,
            finish => self.finish,
            token => self.token,
            way => self.way,
            make => flag(self.make),
            autofill => flag(self.autofill),
            failed => say(Message::PasskeyFailed),
        }
    }
}

impl Here<'_> {
    fn keeper(&self) -> Result<Keeper, Fault> {
        Keeper::new(&self.session.caller(), self.hash)
    }
}

/// `GET /me/passkeys`
async fn show(
    State(shared): State<Shared>,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Passkeys)));
    };
    if here.session.restricted {
        return Ok(answer(see_other(&shared, Own::Password.path(), [])));
    }
    let query = query.unwrap_or_default();
    let remarks: Vec<_> =
        REMARKS.iter().filter(|(flag, _)| has_flag(&query, flag)).map(|(_, text)| say(*text)).collect();
    let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let passkeys = shared.actions.passkeys_of(here.session.account)?;
    let offered = shared.actions.offers_passkeys();
    let add = Box {
        options: "/me/passkeys/new/options",
        finish: "/me/passkeys/new",
        token: &token,
        way: String::new(),
        make: true,
        autofill: false,
    };
    let values = context! {
        remarks => remarks,
        passkeys => passkeys.iter().map(row).collect::<Vec<_>>(),
        fields => hidden([(TOKEN, token.as_str())]),
        passkey => offered.then(|| add.value()),
    };
    Ok(answer(View::new("passkeys.html", values).with_script(true).render(&shared)))
}

fn row(passkey: &Passkey) -> Value {
    let language = Language::default();
    context! {
        key => passkey.key.text(),
        name => passkey.name.as_str(),
        created => moment(language, passkey.created),
        used => passkey.used.map(|used| moment(language, used)),
        backed_up => passkey.backed_up,
        alone => passkey.alone,
    }
}

/// `POST /me/passkeys/rename`
async fn rename(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    mut form: Form,
) -> Result<Response, Fault> {
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Passkeys)));
    };
    flow::prove(&shared, FormBinding::Session(here.session.id), &form.take(TOKEN))?;
    let (key, name) = (key_of(&mut form)?, form.take("name"));
    form.finish()?;
    shared.actions.rename_passkey(&call, here.keeper()?, key, &name).await?;
    Ok(answer(see_other(&shared, "/me/passkeys?renamed=1", [])))
}

/// `POST /me/passkeys/remove`
async fn remove(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    mut form: Form,
) -> Result<Response, Fault> {
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Passkeys)));
    };
    flow::prove(&shared, FormBinding::Session(here.session.id), &form.take(TOKEN))?;
    let key = key_of(&mut form)?;
    form.finish()?;
    let to = match shared.actions.remove_passkey(&call, here.keeper()?, key).await {
        Ok(()) => "/me/passkeys?removed=1".to_owned(),
        Err(fault) if fault.reason == Reason::LastOne => "/me/passkeys?last=1".to_owned(),
        Err(fault) => prove_first(fault.reason).ok_or(fault)?,
    };
    Ok(answer(see_other(&shared, &to, [])))
}

fn key_of(form: &mut Form) -> Result<PasskeyKey, Fault> {
    PasskeyKey::of_text(&form.take("passkey")).ok_or_else(|| Fault::new(Reason::NotFound))
}

/// Where somebody goes who has to prove more before changing anything here.
fn prove_first(reason: Reason) -> Option<String> {
    let here = Own::Passkeys.path();
    match reason {
        Reason::Unauthenticated => Some(Way::to_own(here).through(Own::Login, None)),
        _ => way_to_prove(reason, here).map(|missing| missing.path),
    }
}

/// `POST /me/passkeys/new/options`
async fn begin(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    Sent(body): Sent<Ask>,
) -> Result<Response, Fault> {
    let here = Here::of(&presence).ok_or_else(|| Fault::new(Reason::Unauthenticated))?;
    flow::prove(&shared, FormBinding::Session(here.session.id), &body.token)?;
    asked(&shared, &shared.actions.begin_passkey(&call, here.keeper()?).await?)
}

/// `POST /me/passkeys/new`
async fn add(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    Sent(body): Sent<Finish>,
) -> Result<Response, Fault> {
    let here = Here::of(&presence).ok_or_else(|| Fault::new(Reason::Unauthenticated))?;
    flow::prove(&shared, FormBinding::Session(here.session.id), &body.token)?;
    let made = (body.credential.as_str(), body.name.as_deref().unwrap_or_default());
    shared.actions.finish_passkey(&call, here.keeper()?, body.handle, made).await?;
    Ok(json(&shared, &serde_json::json!({ "success": true, "location": "/me/passkeys?added=1" })))
}
