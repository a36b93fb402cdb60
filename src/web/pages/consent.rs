//! `/oauth2`: where OAuth clients send a browser, and where its person says yes or no (security.md OAU-15).
//!
//! The page is reached again after signing in, and decides anew from what is true then: there is nothing to come back to but
//! the request itself, which travels in the address and is read again at every step.

use crate::domain::fault::OAuthCode as Code;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{StatusCode, header};
use minijinja::{Value, context};

use super::{
    Here, answer,
    catalogue::{Language, Message, waiting},
    flow::{self, TOKEN},
    form::Form,
    hidden,
    view::View,
    way::{Own, Way, see_other},
};
use crate::{
    domain::{
        call::Call,
        fault::{Fault, Reason},
        keyring::FormBinding,
        policy::returns,
    },
    idp::oauth2::{
        Agreement, Grantor, Parameters, Refusal,
        request::{Objection, Request, WayBack},
    },
    web::{Shared, edge::caller::Present},
};

/// The page.
pub(super) const PATH: &str = "/oauth2";

/// The form's own two fields.
const DECISION: &str = "decision";

/// `GET /oauth2`
pub(super) async fn show(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let parameters = match of_query(&query.unwrap_or_default()) {
        Ok(parameters) => parameters,
        Err(refusal) => return Ok(object(&shared, &call, &Objection { refusal, way_back: None })),
    };
    let request = match shared.oauth2.read_request(&parameters) {
        Ok(request) => request,
        Err(objection) => return Ok(object(&shared, &call, &objection)),
    };
    let refuse = |code, description| Ok(leave(&shared, &request.way_back, &Refusal::new(code, description)));
    let Some(here) = Here::of(&presence) else {
        if request.silent {
            return refuse(Code::LoginRequired, "nobody is signed in");
        }
        return Ok(sign_in_first(&shared, &call, &parameters, &request, None));
    };
    if shared.oauth2.wants_sign_in(&request, &grantor(&here), call.now)? {
        if request.silent {
            return refuse(Code::LoginRequired, "the person has to sign in anew for this");
        }
        return Ok(sign_in_first(&shared, &call, &parameters, &request, Some("again")));
    }
    if here.session.restricted {
        if request.silent {
            return refuse(Code::InteractionRequired, "something else is asked of the person first");
        }
        let way = Way::to_own(&address(&parameters));
        return Ok(answer(see_other(&shared, &way.through(Own::Password, None), [])));
    }
    if shared.oauth2.must_ask(&request, here.session.account)? {
        if request.silent {
            return refuse(Code::ConsentRequired, "the person would have to be asked");
        }
        return Ok(answer(ask(&shared, &here, &parameters, &request).render(&shared)));
    }
    Ok(grant(&shared, &call, &here, &request, Agreement::Before).await)
}

/// `POST /oauth2`: the person has decided.
pub(super) async fn decide(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    mut form: Form,
) -> Result<Response, Fault> {
    let token = form.take(TOKEN);
    let decision = form.take(DECISION);
    let names = Parameters::carried_names();
    let sent = names.filter_map(|name| Some((name.to_owned(), form.take_if_sent(name)?))).collect::<Vec<_>>();
    form.finish()?;
    let Ok(parameters) = Parameters::new(sent) else { return Err(Fault::new(Reason::Malformed)) };
    let Some(here) = Here::of(&presence) else {
        // The session ended while the page was open. After signing in the person is asked again.
        let way = Way::to_own(&address(&parameters));
        return Ok(answer(see_other(&shared, &way.through(Own::Login, None), [])));
    };
    let page = address(&parameters);
    flow::prove(&shared, FormBinding::Decision(here.session.id, &page), &token)?;
    let request = match shared.oauth2.read_request(&parameters) {
        Ok(request) => request,
        Err(objection) => return Ok(object(&shared, &call, &objection)),
    };
    match decision.as_str() {
        // Decided so late that the sign-in is too old by now.
        "allow" if shared.oauth2.wants_sign_in(&request, &grantor(&here), call.now)? => {
            Ok(sign_in_first(&shared, &call, &parameters, &request, Some("again")))
        }
        "allow" if !here.session.restricted => {
            Ok(grant(&shared, &call, &here, &request, Agreement::Now).await)
        }
        "deny" => {
            let refusal = shared.oauth2.decline(&call, here.session.account, &request).await?;
            Ok(leave(&shared, &request.way_back, &refusal))
        }
        _ => Err(Fault::new(Reason::Malformed)),
    }
}

/// To the sign-in form, which shows itself to somebody who is signed in only with the flag `again`, and back here with the request.
fn sign_in_first(
    shared: &Shared,
    call: &Call,
    parameters: &Parameters,
    request: &Request,
    flag: Option<&str>,
) -> Response {
    let page = address(&shared.oauth2.through_sign_in(parameters, request, call.now));
    if page.len() > returns::MAX_LENGTH {
        let what = "the request is too long to be carried through signing in";
        return leave(shared, &request.way_back, &Refusal::new(Code::InvalidRequest, what));
    }
    answer(see_other(shared, &Way::to_own(&page).through(Own::Login, flag), []))
}

/// Where a form that leads here may end after all, for the content policy of the pages before.
pub(super) fn leads_to(shared: &Shared, location: &str) -> Option<String> {
    let query = location.strip_prefix(PATH)?.strip_prefix('?')?;
    let parameters = of_query(query).ok()?;
    let way_back = match shared.oauth2.read_request(&parameters) {
        Ok(request) => Some(request.way_back),
        Err(objection) => objection.way_back,
    };
    way_back?.form_source()
}

fn grantor(here: &Here<'_>) -> Grantor {
    Grantor {
        account: here.session.account,
        session: Some((here.hash, here.session.id)),
        strength: here.session.strength(),
    }
}

async fn grant(
    shared: &Shared,
    call: &Call,
    here: &Here<'_>,
    request: &Request,
    agreement: Agreement,
) -> Response {
    match shared.oauth2.grant(call, &grantor(here), request, agreement).await {
        Ok(code) => answer(see_other(shared, &request.way_back.with_code(code.expose()), [])),
        Err(refusal) => leave(shared, &request.way_back, &refusal),
    }
}

/// Sends the browser back with a refusal.
fn leave(shared: &Shared, way_back: &WayBack, refusal: &Refusal) -> Response {
    if let Some(cause) = &refusal.because {
        tracing::debug!(error = refusal.code.as_str(), %cause, "an authorization was refused");
    }
    answer(see_other(shared, &way_back.with_refusal(refusal), []))
}

/// A request that is not granted: told to the client where that is safe, else to the person, and then it goes nowhere
/// (security.md OAU-2).
fn object(shared: &Shared, call: &Call, objection: &Objection) -> Response {
    if let Some(way_back) = &objection.way_back {
        return leave(shared, way_back, &objection.refusal);
    }
    let say = |message: Message| message.fill(Language::default(), &[]);
    let what = Message::ConsentBadWhat.fill(
        Language::default(),
        &[("error", objection.refusal.code.as_str()), ("what", &objection.refusal.description)],
    );
    let text = format!("{} {what}", say(Message::ConsentBadText));
    let links = vec![(Own::Me.path().to_owned(), say(Message::ToAccount))];
    let mut view = View::notice(StatusCode::BAD_REQUEST, &say(Message::ConsentBadTitle), &text, links)
        .with(context! { request => call.request.as_str() });
    if let Some(wait) = objection.refusal.retry_after {
        view = view.with_header(header::RETRY_AFTER, crate::web::edge::rescue::seconds(wait).into());
    }
    answer(view.render(shared))
}

fn ask(shared: &Shared, here: &Here<'_>, parameters: &Parameters, request: &Request) -> View {
    let language = Language::default();
    let page = address(parameters);
    let token = shared.keyring.form_token(FormBinding::Decision(here.session.id, &page));
    let client = &request.registration;
    let place = request.way_back.form_source().unwrap_or_default();
    let lasts = shared.oauth2.lasts(client, &request.scopes);
    let values = context! {
        client => client.name.as_str(),
        author => client.author.as_str(),
        author_url => client.author_url.as_deref(),
        account => here.username(),
        place => super::login::host_of(&place),
        scopes => said(language, &request.scopes),
        lasts => waiting(language, lasts),
        offline => request.scopes.iter().any(|scope| scope == "offline_access"),
        fields => hidden(parameters.carried().chain([(TOKEN, token.as_str())])),
    };
    View::new("consent.html", values).leading_to(Some(&place))
}

/// Scopes in words. One that means nothing to us is shown as it is.
pub(super) fn said(language: Language, scopes: &[String]) -> Vec<Value> {
    let line = |scope: &String| {
        let message = match scope.as_str() {
            "openid" => Message::ScopeOpenid,
            "profile" | "username" => Message::ScopeProfile,
            "email" => Message::ScopeEmail,
            "offline_access" => Message::ScopeOffline,
            _ => return Value::from(scope.as_str()),
        };
        Value::from(message.fill(language, &[]))
    };
    let mut lines: Vec<Value> = Vec::new();
    for said in scopes.iter().map(line) {
        if !lines.contains(&said) {
            lines.push(said);
        }
    }
    lines
}

/// This page with a request, spelled as we spell it.
fn address(parameters: &Parameters) -> String {
    let query =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.carried()).finish();
    format!("{PATH}?{query}")
}

fn of_query(query: &str) -> Result<Parameters, Refusal> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    Parameters::new(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())))
}
