//! `/me/profile`: the own name, e-mail address and mobile number. The user name stays.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::header;
use minijinja::{Value, context};

use super::{
    Here, answer,
    catalogue::{Language, Message, waiting},
    fields::complaints,
    flow::TOKEN,
    form::Form,
    has_flag, hidden, login_first, own_form,
    sheet::say,
    view::View,
    way::{Own, see_other},
};
use crate::{
    domain::{
        account::AccountRecord,
        call::Call,
        fault::{Fault, Field, Reason},
        keyring::FormBinding,
        rights::Authority,
    },
    values::{email::EmailAddress, name::DisplayName, phone::Phone},
    web::{
        Shared,
        edge::{caller::Present, rescue},
    },
};

/// What the page may say on top, by the flag in its address.
const REMARKS: &[(&str, Message)] = &[
    ("saved", Message::ProfileSaved),
    ("sent", Message::ProfileSent),
    ("stopped", Message::ProfileStopped),
    ("confirmed", Message::ConfirmedTitle),
];

/// `GET /me/profile`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let Some(here) = Here::of(&presence) else {
        return Ok(answer(login_first(&shared, Own::Profile)));
    };
    if here.session.restricted {
        return Ok(answer(see_other(&shared, Own::Password.path(), [])));
    }
    let query = query.unwrap_or_default();
    let remarks: Vec<_> =
        REMARKS.iter().filter(|(flag, _)| has_flag(&query, flag)).map(|(_, text)| say(*text)).collect();
    let view = page(&shared, &call, &here, None)?.with(context! { remarks => remarks });
    Ok(answer(view.render(&shared)))
}

/// `POST /me/profile`: the display name.
pub(super) async fn rename(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Profile)? {
        Ok(owner) => owner,
        Err(response) => return Ok(response),
    };
    let typed = form.take("display_name");
    form.finish()?;
    let authority = Authority::of_session(&here.session.caller())?;
    let changed = match DisplayName::parse(typed.trim()) {
        Ok(name) => shared.actions.rename_self(&call, authority, name).await,
        Err(error) => Err(Fault::malformed(Field::DisplayName, error.to_string())),
    };
    finish(&shared, &call, &here, changed, "/me/profile?saved=1")
}

/// `POST /me/profile/email`: another address, or a confirmation of the present one.
pub(super) async fn email(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Profile)? {
        Ok(owner) => owner,
        Err(response) => return Ok(response),
    };
    let typed = form.take("email");
    form.finish()?;
    let wanted = match EmailAddress::parse(typed.trim()) {
        Ok(email) => shared.actions.want_email(&call, here.owner()?, email).await,
        Err(error) => Err(Fault::malformed(Field::Email, error.to_string())),
    };
    finish(&shared, &call, &here, wanted, "/me/profile?sent=1")
}

/// `POST /me/profile/mobile`: a code goes to a number.
pub(super) async fn mobile(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Profile)? {
        Ok(owner) => owner,
        Err(response) => return Ok(response),
    };
    let typed = form.take("mobile");
    form.finish()?;
    match number(&typed) {
        Ok(number) => match shared.actions.want_mobile(&call, here.owner()?, number.clone()).await {
            Ok(()) => Ok(answer(page(&shared, &call, &here, Some(number.as_str()))?.render(&shared))),
            Err(fault) => finish(&shared, &call, &here, Err(fault), ""),
        },
        Err(fault) => finish(&shared, &call, &here, Err(fault), ""),
    }
}

/// `POST /me/profile/mobile/confirm`: the code that arrived.
pub(super) async fn confirm_mobile(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Profile)? {
        Ok(owner) => owner,
        Err(response) => return Ok(response),
    };
    let (typed, code) = (form.take("mobile"), form.take_secret("code"));
    form.finish()?;
    let number = number(&typed)?;
    match shared.actions.confirm_own_mobile(&call, here.owner()?, number.clone(), code).await {
        Ok(()) => Ok(answer(see_other(&shared, "/me/profile?saved=1", []))),
        Err(fault)
            if matches!(fault.reason, Reason::SecondFactorWrong | Reason::Expired | Reason::NothingToDo) =>
        {
            let wrong = fault.reason == Reason::SecondFactorWrong;
            let said = if wrong { Message::FaultCodeText } else { Message::CodeOver };
            let view = page(&shared, &call, &here, wrong.then_some(number.as_str()))?;
            let view = view.with(context! { complaints => vec![say(said)] });
            Ok(answer(view.with_status(rescue::status_of(fault.reason)).render(&shared)))
        }
        Err(fault) => finish(&shared, &call, &here, Err(fault), ""),
    }
}

/// `POST /me/profile/email/stop`: the address stays as it is.
pub(super) async fn stop(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, form) = match own_form(&shared, &presence, form, Own::Profile)? {
        Ok(owner) => owner,
        Err(response) => return Ok(response),
    };
    form.finish()?;
    let stopped = shared.actions.stop_readdress(&call, Authority::of_session(&here.session.caller())?).await;
    finish(&shared, &call, &here, stopped, "/me/profile?stopped=1")
}

/// People write numbers with spaces and hyphens.
fn number(typed: &str) -> Result<Phone, Fault> {
    let plain: String = typed.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/')).collect();
    Phone::parse(&plain).map_err(|error| Fault::malformed(Field::Mobile, error.to_string()))
}

fn finish(
    shared: &Shared,
    call: &Call,
    here: &Here<'_>,
    outcome: Result<(), Fault>,
    done: &'static str,
) -> Result<Response, Fault> {
    let language = Language::default();
    let fault = match outcome {
        Ok(()) => return Ok(answer(see_other(shared, done, []))),
        Err(fault) => fault,
    };
    if let Some(missing) = here.way_to_prove(&fault, Own::Profile.path()) {
        return Ok(answer(see_other(shared, &missing.path, [])));
    }
    let said = match fault.reason {
        Reason::Malformed => complaints(&fault),
        Reason::Managed => vec![say(Message::ManagedAccount)],
        Reason::Throttled => {
            let wait = waiting(language, fault.retry_after.unwrap_or_default());
            vec![Message::Throttled.fill(language, &[("wait", &wait)])]
        }
        _ => return Err(fault),
    };
    let mut view = page(shared, call, here, None)?.with(context! { complaints => said });
    if let Some(wait) = fault.retry_after {
        view = view.with_header(header::RETRY_AFTER, rescue::seconds(wait).into());
    }
    Ok(answer(view.with_status(rescue::status_of(fault.reason)).render(shared)))
}

/// The page. `awaited` is the number that a code was sent to.
fn page(shared: &Shared, call: &Call, here: &Here<'_>, awaited: Option<&str>) -> Result<View, Fault> {
    let authority = Authority::of_session(&here.session.caller())?;
    let account: AccountRecord = shared.actions.profile(&authority)?;
    let awaited_email = shared.actions.awaited_email(call, &authority)?;
    let csrf = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let missing = here.missing(shared, call, Own::Profile.path())?;
    let values = context! {
        remarks => Vec::<String>::new(),
        complaints => Vec::<String>::new(),
        fields => hidden([(TOKEN, csrf.as_str())]),
        username => account.username,
        display_name => account.display_name,
        email => account.email.clone().unwrap_or_default(),
        email_open => account.email.is_some() && account.email_confirmed.is_none(),
        mobile => account.mobile.unwrap_or_default(),
        awaited => awaited.map_or_else(|| Value::from(()), Value::from),
        awaited_email => awaited_email.map_or_else(|| Value::from(()), Value::from),
        managed => account.managed,
        missing => missing.map_or_else(|| Value::from(()), |missing| context! { second => missing.second, path => missing.path }),
        by_mail => shared.actions.wants_mail(),
        by_sms => shared.actions.wants_sms(),
    };
    Ok(View::new("profile.html", values))
}
