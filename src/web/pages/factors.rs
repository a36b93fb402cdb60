//! `/me/factors`: the own second factors: looking, adding, removing, recovery codes.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::header;
use minijinja::{Value, context};

use super::{
    Here, answer,
    catalogue::{Language, Message, waiting},
    flow::TOKEN,
    form::Form,
    has_flag, hidden, login_first, own_form,
    view::{View, moment},
    way::{Own, Way, see_other},
};
use crate::{
    actions::factors::{Factors, codes::channel_of},
    domain::{
        call::Call,
        caller::Factor,
        factor::Channel,
        fault::{Fault, Reason},
        keyring::FormBinding,
    },
    gate::Presence,
    values::{secret::Secret, time::Timestamp},
    web::{
        Shared,
        edge::{caller::Present, qr::QrCode, rescue},
    },
};

/// What the page may say on top, by the flag in its address.
const REMARKS: &[(&str, Message)] = &[
    ("added", Message::FactorAddedDone),
    ("removed", Message::FactorRemovedDone),
    ("devices", Message::DevicesForgotten),
    ("over", Message::EnrolmentOver),
];

/// `GET /me/factors`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let here = match visitor(&shared, &presence) {
        Ok(here) => here,
        Err(response) => return Ok(response),
    };
    let query = query.unwrap_or_default();
    let way = Way::of_query(&shared, &call, &query);
    let mut remarks: Vec<_> =
        REMARKS.iter().filter(|(flag, _)| has_flag(&query, flag)).map(|(_, text)| say(*text)).collect();
    let factors = shared.actions.factors_of(here.session.account)?;
    if factors.held.review {
        remarks.push(say(Message::FactorsReview));
    }
    let view = page(&shared, &call, &here, &factors).with(context! {
        remarks => remarks,
        // Where somebody was going when the factors had to be looked at first.
        onward => way.to.as_ref().map(|to| to.location().to_owned()),
    });
    Ok(answer(view.render(&shared)))
}

/// `POST /me/factors/totp`: begins to add an authenticator app.
pub(super) async fn begin_totp(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    form.finish()?;
    match shared.actions.begin_totp(&call, here.owner()?).await {
        Ok(_) => Ok(answer(see_other(&shared, "/me/factors/totp", []))),
        Err(fault) => refused(&shared, &call, &here, fault),
    }
}

/// `GET /me/factors/totp`: the secret being enrolled, as a code to scan and a key to type.
pub(super) async fn show_totp(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
) -> Result<Response, Fault> {
    let here = match visitor(&shared, &presence) {
        Ok(here) => here,
        Err(response) => return Ok(response),
    };
    Ok(answer(enrolment(&shared, &call, &here, None)?))
}

/// `POST /me/factors/totp/confirm`: the code that shows that the secret arrived.
pub(super) async fn confirm_totp(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let code = form.take_secret("code");
    form.finish()?;
    match shared.actions.confirm_totp(&call, here.owner()?, (None, code), true).await {
        Ok(codes) => Ok(answer(added(&shared, &codes))),
        Err(fault) if fault.reason == Reason::SecondFactorWrong => {
            Ok(answer(enrolment(&shared, &call, &here, Some(&fault))?))
        }
        // Over, or about another enrolment: the page that is left says so.
        Err(fault) if fault.reason == Reason::Malformed => {
            Ok(answer(enrolment(&shared, &call, &here, Some(&Fault::new(Reason::SecondFactorWrong)))?))
        }
        Err(fault) => refused(&shared, &call, &here, fault),
    }
}

/// `POST /me/factors/remove`
pub(super) async fn remove(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let which = named(&form.take("factor"));
    form.finish()?;
    let which = which.ok_or_else(|| Fault::new(Reason::NothingToDo))?;
    match shared.actions.remove_factor(&call, here.owner()?, which).await {
        Ok(()) => Ok(answer(see_other(&shared, "/me/factors?removed=1", []))),
        Err(fault) => refused(&shared, &call, &here, fault),
    }
}

/// `POST /me/factors/recovery`: a new set of recovery codes, shown once.
pub(super) async fn recovery(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    form.finish()?;
    match shared.actions.make_recovery_codes(&call, here.owner()?).await {
        Ok(codes) => Ok(answer(shown_once(&shared, &codes))),
        Err(fault) => refused(&shared, &call, &here, fault),
    }
}

/// `POST /me/factors/code`: sends a code to an address that is to become a factor.
pub(super) async fn begin_code(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let channel = named(&form.take("factor")).and_then(channel_of);
    form.finish()?;
    let channel = channel.ok_or_else(|| Fault::new(Reason::NothingToDo))?;
    match shared.actions.begin_address_factor(&call, here.owner()?, channel).await {
        Ok(()) => Ok(answer(awaiting(&shared, &here, channel, None)?)),
        Err(fault) => refused(&shared, &call, &here, fault),
    }
}

/// `POST /me/factors/code/confirm`: the code that arrived.
pub(super) async fn confirm_code(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, mut form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let channel = named(&form.take("factor")).and_then(channel_of);
    let code = form.take_secret("code");
    form.finish()?;
    let channel = channel.ok_or_else(|| Fault::new(Reason::NothingToDo))?;
    match shared.actions.confirm_address_factor(&call, here.owner()?, channel, code).await {
        Ok(codes) => Ok(answer(added(&shared, &codes))),
        Err(fault) if matches!(fault.reason, Reason::SecondFactorWrong | Reason::Malformed) => {
            Ok(answer(awaiting(&shared, &here, channel, Some(&fault))?))
        }
        Err(fault) if fault.reason == Reason::Expired => {
            Ok(answer(see_other(&shared, "/me/factors?over=1", [])))
        }
        Err(fault) => refused(&shared, &call, &here, fault),
    }
}

/// `POST /me/factors/devices`: no device is trusted any more.
pub(super) async fn devices(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    form.finish()?;
    shared.actions.forget_devices(&call, here.owner()?).await?;
    Ok(answer(see_other(&shared, "/me/factors?devices=1", [])))
}

/// `POST /me/factors/reviewed`: the owner has looked.
pub(super) async fn reviewed(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    form: Form,
) -> Result<Response, Fault> {
    let (here, form) = match own_form(&shared, &presence, form, Own::Factors)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    form.finish()?;
    shared.actions.factors_reviewed(&call, here.owner()?).await?;
    Ok(answer(see_other(&shared, Own::Me.path(), [])))
}

/// Somebody with an unrestricted session; everybody else is sent where they belong.
#[expect(clippy::result_large_err, reason = "the other outcome is a whole page")]
fn visitor<'p>(shared: &Shared, presence: &'p Presence) -> Result<Here<'p>, Response> {
    let Some(here) = Here::of(presence) else { return Err(answer(login_first(shared, Own::Factors))) };
    if here.session.restricted {
        return Err(answer(see_other(shared, Own::Password.path(), [])));
    }
    Ok(here)
}

/// What becomes of a refusal: a proof that is missing can be given, and then it goes on here.
fn refused(shared: &Shared, call: &Call, here: &Here<'_>, fault: Fault) -> Result<Response, Fault> {
    if let Some(missing) = here.way_to_prove(&fault, Own::Factors.path()) {
        return Ok(answer(see_other(shared, &missing.path, [])));
    }
    match fault.reason {
        Reason::Throttled => {
            let wait = waiting(Language::default(), fault.retry_after.unwrap_or_default());
            let said = Message::Throttled.fill(Language::default(), &[("wait", &wait)]);
            let factors = shared.actions.factors_of(here.session.account)?;
            let view = page(shared, call, here, &factors)
                .with(context! { complaint => said })
                .with_status(rescue::status_of(fault.reason))
                .with_header(
                    header::RETRY_AFTER,
                    rescue::seconds(fault.retry_after.unwrap_or_default()).into(),
                );
            Ok(answer(view.render(shared)))
        }
        _ => Err(fault),
    }
}

fn page(shared: &Shared, call: &Call, here: &Here<'_>, factors: &Factors) -> View {
    let language = Language::default();
    let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let since = |at: Option<Timestamp>| at.map(|at| moment(language, at));
    let again = Way::to_own(Own::Factors.path()).through(Own::Login, Some("again"));
    let (left, made) = factors.held.recovery.unzip();
    let values = context! {
        complaint => Value::from(()),
        remarks => Vec::<String>::new(),
        onward => Value::from(()),
        fields => hidden([(TOKEN, token.as_str())]),
        totp => since(factors.held.totp),
        email => since(factors.held.email),
        sms => since(factors.held.sms),
        left => left.unwrap_or_default().to_string(),
        made => since(made),
        required => factors.required,
        review => factors.held.review,
        add_totp => factors.can_add.totp,
        add_email => factors.can_add.email,
        add_sms => factors.can_add.sms,
        trusts => factors.required && !shared.actions.settings().factors.trusted.is_zero(),
        fresh => here.fresh_authority(shared, call).is_ok(),
        again => again,
    };
    View::new("factors.html", values)
}

/// The page with the secret being enrolled; back to the list when there is none.
fn enrolment(
    shared: &Shared,
    call: &Call,
    here: &Here<'_>,
    fault: Option<&Fault>,
) -> Result<http::Response<bytes::Bytes>, Fault> {
    let Some((secret, url)) = shared.actions.enrolling(call, &here.owner()?)? else {
        return Ok(see_other(shared, "/me/factors?over=1", []));
    };
    let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let code = QrCode::of(url.expose());
    let key = secret.base32();
    let groups: Vec<_> = key.expose().as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    let values = context! {
        complaint => fault.map(|_| say(Message::CodeWrong)),
        fields => hidden([(TOKEN, token.as_str())]),
        width => code.as_ref().map(QrCode::width),
        path => code.as_ref().map(QrCode::path),
        key => groups.join(" "),
    };
    let view = View::new("enrol.html", values);
    let view = fault.map(|fault| rescue::status_of(fault.reason)).into_iter().fold(view, View::with_status);
    Ok(view.render(shared))
}

/// The page that waits for a code that was sent.
fn awaiting(
    shared: &Shared,
    here: &Here<'_>,
    channel: Channel,
    fault: Option<&Fault>,
) -> Result<http::Response<bytes::Bytes>, Fault> {
    let question = shared.actions.question(here.session.account, &here.session.strength())?;
    let address = match channel {
        Channel::Email => question.email,
        Channel::Sms => question.mobile,
    };
    let token = shared.keyring.form_token(FormBinding::Session(here.session.id));
    let address = address.unwrap_or_default();
    let values = context! {
        complaint => fault.map(|_| say(Message::CodeWrong)),
        prompt => Message::CodeWasSent.fill(Language::default(), &[("address", &address)]),
        fields => hidden([(TOKEN, token.as_str()), ("factor", channel.factor().as_str())]),
    };
    let view = View::new("enrol-code.html", values);
    let view = fault.map(|fault| rescue::status_of(fault.reason)).into_iter().fold(view, View::with_status);
    Ok(view.render(shared))
}

/// A factor was added: the recovery codes that came with it, else the list.
fn added(shared: &Shared, codes: &[Secret<String>]) -> http::Response<bytes::Bytes> {
    if codes.is_empty() { see_other(shared, "/me/factors?added=1", []) } else { shown_once(shared, codes) }
}

fn shown_once(shared: &Shared, codes: &[Secret<String>]) -> http::Response<bytes::Bytes> {
    let codes: Vec<_> = codes.iter().map(|code| code.expose().clone()).collect();
    View::new("recovery-codes.html", context! { codes => codes }).render(shared)
}

fn say(message: Message) -> String {
    message.fill(Language::default(), &[])
}

/// The factors that can be added and removed here, by their words.
fn named(word: &str) -> Option<Factor> {
    [Factor::Totp, Factor::EmailCode, Factor::SmsCode].into_iter().find(|factor| factor.as_str() == word)
}
