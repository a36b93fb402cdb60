//! `/login/second-factor`: the second question of a sign-in, and the same for somebody who is signed in and has to prove more.

use std::time::Duration;

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode, header};
use minijinja::{Value, context};

use super::{
    Here, answer,
    catalogue::{Language, Message, waiting},
    flow::{self, Flow, TOKEN},
    form::Form,
    hidden, login, passkeys,
    view::View,
    way::{Own, Way, see_other},
};
use crate::{
    actions::{
        factors::codes::{Waiting, channel_of},
        login::{
            NextStep, SignInOutcome,
            second::{Question, SecondFactor},
        },
    },
    domain::{
        call::Call,
        caller::Factor,
        fault::{Fault, Reason},
        keyring::FormBinding,
        login::pending::PendingHash,
    },
    gate::Presence,
    web::{
        Shared,
        edge::{caller::Present, cookies::Own as OwnCookie, rescue},
    },
};

/// Who is asked.
pub(super) enum Asked<'p> {
    /// Somebody whose first factor was right, in a login transaction.
    Pending(PendingHash, Flow),
    /// Somebody who is signed in.
    Here(Here<'p>),
}

impl<'p> Asked<'p> {
    /// A login transaction goes before a session: it is what was begun last.
    pub(super) fn of(
        shared: &Shared,
        call: &Call,
        headers: &HeaderMap,
        presence: &'p Presence,
    ) -> Option<(Self, Result<Question, Fault>)> {
        let pending = shared.jar.own(headers, OwnCookie::Login).and_then(PendingHash::of_cookie);
        if let Some(hash) = pending
            && let Ok(question) = shared.actions.pending_question(call, &hash)
        {
            return Some((Self::Pending(hash, Flow::of(shared, headers)), Ok(question)));
        }
        let here = Here::of(presence).filter(|here| !here.session.restricted)?;
        let question = shared.actions.question(here.session.account, &here.session.strength());
        Some((Self::Here(here), question))
    }

    pub(super) fn binding(&self) -> FormBinding<'_> {
        match self {
            Self::Pending(_, flow) => flow.binding(),
            Self::Here(here) => FormBinding::Session(here.session.id),
        }
    }
}

/// `GET /login/second-factor`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    let way = Way::of_query(&shared, &call, &query);
    let Some((asked, question)) = Asked::of(&shared, &call, &headers, &presence) else {
        return Ok(answer(begin_again(&shared, &way)));
    };
    let question = question?;
    if question.options.is_empty() {
        return Ok(answer(nothing_to_prove(&shared, &call, &asked, &way)));
    }
    let chosen = chosen(&query, &question);
    Ok(answer(ask(&shared, &asked, &question, chosen, &way).render(&shared)))
}

/// `POST /login/second-factor`
pub(super) async fn prove(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let way = Way::of_form(&shared, &call, &mut form);
    let Some((asked, question)) = Asked::of(&shared, &call, &headers, &presence) else {
        return Ok(answer(begin_again(&shared, &way)));
    };
    flow::prove(&shared, asked.binding(), &form.take(TOKEN))?;
    let question = question?;
    let factor = named(&form.take("factor"), &question);
    let given = SecondFactor {
        factor,
        code: form.take_secret("code"),
        trust: form.take_if_sent("trust").is_some(),
        device: shared.jar.own(&headers, OwnCookie::Device).map(str::to_owned),
    };
    form.finish()?;
    let outcome = match &asked {
        Asked::Pending(hash, _) => shared.actions.second_factor(&call, *hash, given).await,
        Asked::Here(here) => {
            let whose = (here.session.account, here.hash);
            shared.actions.step_up(&call, whose, given).await.map(SignInOutcome::SignedIn)
        }
    };
    shared.metrics.signed_in(outcome.as_ref().err().map(|fault| fault.reason));
    match outcome {
        Ok(SignInOutcome::SignedIn(signed_in)) => {
            if matches!(presence, Presence::Conflicting) {
                shared.actions.sign_out(&call, shared.presented(&headers)).await?;
            }
            Ok(answer(login::welcome(&shared, &call, &way, &signed_in)))
        }
        Ok(SignInOutcome::Next(next)) => Ok(answer(go_on(&shared, &call, &way, &next))),
        Err(fault) => refused(&shared, &call, &asked, &question, factor, &way, fault),
    }
}

/// `POST /login/second-factor/send`: sends a code by e-mail or SMS.
pub(super) async fn send(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Fault> {
    let way = Way::of_form(&shared, &call, &mut form);
    let Some((asked, question)) = Asked::of(&shared, &call, &headers, &presence) else {
        return Ok(answer(begin_again(&shared, &way)));
    };
    flow::prove(&shared, asked.binding(), &form.take(TOKEN))?;
    let question = question?;
    let factor = named(&form.take("factor"), &question);
    form.finish()?;
    let Some(channel) = channel_of(factor) else {
        return Ok(answer(ask(&shared, &asked, &question, factor, &way).render(&shared)));
    };
    let to = match &asked {
        Asked::Pending(hash, _) => Waiting::Pending(*hash),
        Asked::Here(here) => Waiting::Session(here.hash),
    };
    match shared.actions.send_code(&call, to, channel).await {
        Ok(()) => {
            let address = address_of(factor, &question);
            let said = Message::CodeWasSent.fill(Language::default(), &[("address", &address)]);
            let view = ask(&shared, &asked, &question, factor, &way).with(context! { remarks => vec![said] });
            Ok(answer(view.render(&shared)))
        }
        Err(fault) => refused(&shared, &call, &asked, &question, factor, &way, fault),
    }
}

/// To this page, with the login transaction in its cookie.
pub(super) fn go_on(
    shared: &Shared,
    call: &Call,
    way: &Way,
    next: &NextStep,
) -> http::Response<bytes::Bytes> {
    let cookie = shared.jar.set_own(OwnCookie::Login, &next.key.text(), next.until.since(call.now));
    see_other(shared, &way.through(Own::SecondFactor, None), [cookie])
}

/// The transaction is over: back to the first question.
pub(super) fn begin_again(shared: &Shared, way: &Way) -> http::Response<bytes::Bytes> {
    let gone = shared.jar.set_own(OwnCookie::Login, "", Duration::ZERO);
    see_other(shared, &way.through(Own::Login, Some("over")), [gone])
}

fn refused(
    shared: &Shared,
    call: &Call,
    asked: &Asked<'_>,
    question: &Question,
    factor: Factor,
    way: &Way,
    fault: Fault,
) -> Result<Response, Fault> {
    let language = Language::default();
    let ended = match asked {
        Asked::Pending(hash, _) => shared.actions.pending_question(call, hash).is_err(),
        Asked::Here(_) => false,
    };
    let complaint = match fault.reason {
        Reason::SecondFactorWrong | Reason::Malformed => Message::CodeWrong.fill(language, &[]),
        Reason::Throttled if !ended => {
            let wait = waiting(language, fault.retry_after.unwrap_or_default());
            Message::Throttled.fill(language, &[("wait", &wait)])
        }
        Reason::Expired | Reason::Throttled if ended => return Ok(answer(begin_again(shared, way))),
        _ => return Err(fault),
    };
    let mut view = ask(shared, asked, question, factor, way)
        .with(context! { complaint => complaint })
        .with_status(rescue::status_of(fault.reason));
    if let Some(wait) = fault.retry_after {
        view = view.with_header(header::RETRY_AFTER, rescue::seconds(wait).into());
    }
    Ok(answer(view.render(shared)))
}

/// The form for one factor, and links to the others.
fn ask(shared: &Shared, asked: &Asked<'_>, question: &Question, chosen: Factor, way: &Way) -> View {
    let language = Language::default();
    let token = shared.keyring.form_token(asked.binding());
    let end = way.end(shared);
    let link = |factor: &Factor| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("with", factor.as_str()).extend_pairs(way.fields()).finish();
        context! { href => format!("{}?{query}", Own::SecondFactor.path()), label => label(*factor).fill(language, &[]) }
    };
    let others: Vec<Value> = question.options.iter().filter(|factor| **factor != chosen).map(link).collect();
    let here = matches!(asked, Asked::Here(_));
    let values = context! {
        complaint => Value::from(()),
        remarks => Vec::<String>::new(),
        prompt => prompt(chosen).fill(language, &[]),
        numeric => chosen != Factor::RecoveryCode,
        factor => chosen.as_str(),
        fields => hidden(way.fields().chain([(TOKEN, token.as_str())])),
        others => others,
        send => channel_of(chosen).map(|_| {
            Message::SendCode.fill(language, &[("address", &address_of(chosen, question))])
        }),
        offers_trust => !shared.actions.settings().factors.trusted.is_zero(),
        passkey => passkeys::second_box(way, &token),
        back => if here { Own::Me.path().to_owned() } else { way.through(Own::Login, None) },
    };
    let flow = match asked {
        Asked::Pending(_, flow) => flow.cookie(shared),
        Asked::Here(_) => None,
    };
    let template = if chosen == Factor::Passkey { "passkey.html" } else { "second-factor.html" };
    View::new(template, values)
        .with_script(chosen == Factor::Passkey)
        .leading_to(end.origin())
        .with_cookies([flow])
}

/// A second factor is asked for, and there is none that would prove anything.
fn nothing_to_prove(
    shared: &Shared,
    call: &Call,
    asked: &Asked<'_>,
    way: &Way,
) -> http::Response<bytes::Bytes> {
    let language = Language::default();
    let say = |message: Message| message.fill(language, &[]);
    let (name, has_some) = match asked {
        Asked::Here(here) => (here.username(), has_factors(shared, here)),
        Asked::Pending(..) => (String::new(), true),
    };
    let place = way.to.as_ref().and_then(|to| to.origin()).unwrap_or(&shared.origin);
    let values = [("name", name.as_str()), ("place", login::host_of(place))];
    let text = match asked {
        Asked::Here(_) if has_some => Message::SameMailboxHereText,
        Asked::Here(_) => Message::SecondFactorText,
        Asked::Pending(..) => Message::SameMailboxText,
    };
    let onward = if has_some {
        (way.through(Own::Login, Some("again")), say(Message::SignIn))
    } else {
        (Own::Factors.path().to_owned(), say(Message::FactorsTitle))
    };
    let links = vec![
        (way.end(shared).location().to_owned(), say(Message::TryAgain)),
        onward,
        (Own::Logout.path().to_owned(), say(Message::SignOut)),
    ];
    let text = text.fill(language, &values);
    View::notice(StatusCode::FORBIDDEN, &say(Message::SecondFactorTitle), &text, links)
        .with(context! { request => call.request.as_str() })
        .render(shared)
}

/// Whether there are factors that count for nothing now; where that cannot be read, there are none to speak of.
fn has_factors(shared: &Shared, here: &Here<'_>) -> bool {
    let dossier = shared.gate.dossier(here.session.account).ok().flatten();
    dossier.is_some_and(|dossier| shared.actions.factors_in(&dossier).required)
}

/// The factor somebody chose by a link, or the best.
fn chosen(query: &str, question: &Question) -> Factor {
    let with = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "with");
    named(&with.map(|(_, value)| value.into_owned()).unwrap_or_default(), question)
}

/// The factor of this name among those that can be proven, else the best.
fn named(name: &str, question: &Question) -> Factor {
    let found = question.options.iter().find(|factor| factor.as_str() == name);
    found.or(question.options.first()).copied().unwrap_or(Factor::Totp)
}

const fn label(factor: Factor) -> Message {
    match factor {
        Factor::RecoveryCode => Message::WithRecovery,
        Factor::EmailCode => Message::WithEmail,
        Factor::SmsCode => Message::WithSms,
        Factor::Passkey => Message::WithPasskey,
        _ => Message::WithTotp,
    }
}

/// Where a code would go, masked.
fn address_of(factor: Factor, question: &Question) -> String {
    let address = match factor {
        Factor::SmsCode => question.mobile.as_ref(),
        _ => question.email.as_ref(),
    };
    address.cloned().unwrap_or_default()
}

const fn prompt(factor: Factor) -> Message {
    match factor {
        Factor::RecoveryCode => Message::AskRecovery,
        Factor::EmailCode | Factor::SmsCode => Message::AskSent,
        Factor::Passkey => Message::AskPasskey,
        _ => Message::AskTotp,
    }
}
