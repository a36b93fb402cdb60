//! Showing a passkey: instead of a password, and beside one.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use minijinja::Value;

use super::{
    Box,
    script::{Ask, Finish, Sent, asked, sent_on},
};
use crate::{
    actions::login::{
        SignInOutcome,
        passkey::{Answer, PasskeySignIn, Prover},
    },
    domain::{
        call::Call,
        fault::{Fault, Reason},
    },
    gate::Presence,
    web::{
        Shared,
        edge::{caller::Present, cookies::Own as OwnCookie},
        pages::{
            Here,
            flow::{self, Flow},
            login,
            second::{self, Asked},
            way::Way,
        },
    },
};

/// What the script finds on the sign-in page; `None` when nobody can sign in with a passkey.
pub(in crate::web::pages) fn sign_in_box(shared: &Shared, way: &Way, token: &str) -> Option<Value> {
    let found = Box {
        options: "/login/passkey/options",
        finish: "/login/passkey",
        token,
        way: way.query(),
        make: false,
        autofill: true,
    };
    shared.actions.offers_passkeys().then(|| found.value())
}

/// What the script finds where a second factor is asked for.
pub(in crate::web::pages) fn second_box(way: &Way, token: &str) -> Value {
    let found = Box {
        options: "/login/passkey/second/options",
        finish: "/login/passkey/second",
        token,
        way: way.query(),
        make: false,
        autofill: false,
    };
    found.value()
}

/// `POST /login/passkey/options`
pub(super) async fn ask_any(
    State(shared): State<Shared>,
    call: Call,
    headers: HeaderMap,
    Sent(body): Sent<Ask>,
) -> Result<Response, Fault> {
    let flow = flow_of(&shared, &headers, &body.token)?;
    asked(&shared, &shared.actions.ask_for_any_passkey(&call, flow.text()).await?)
}

/// `POST /login/passkey`
pub(super) async fn sign_in(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    Sent(body): Sent<Finish>,
) -> Result<Response, Fault> {
    let flow = flow_of(&shared, &headers, &body.token)?;
    let way = Way::of_query(&shared, &call, &body.way);
    let attempt = PasskeySignIn {
        remember: body.remember,
        replaces: Here::of(&presence).map(|here| here.hash),
        answer: answered(&shared, &headers, body),
    };
    let outcome = shared.actions.sign_in_with_passkey(&call, flow.text(), attempt).await;
    went_on(&shared, &call, &headers, &presence, &way, outcome).await
}

/// `POST /login/passkey/second/options`
pub(super) async fn ask_second(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    Sent(body): Sent<Ask>,
) -> Result<Response, Fault> {
    let Some((whom, _)) = Asked::of(&shared, &call, &headers, &presence) else {
        return Ok(sent_on(second::begin_again(&shared, &Way::default())));
    };
    flow::prove(&shared, whom.binding(), &body.token)?;
    asked(&shared, &shared.actions.ask_for_passkey(&call, prover(&whom)).await?)
}

/// `POST /login/passkey/second`
pub(super) async fn second(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    Sent(body): Sent<Finish>,
) -> Result<Response, Fault> {
    let way = Way::of_query(&shared, &call, &body.way);
    let Some((whom, _)) = Asked::of(&shared, &call, &headers, &presence) else {
        return Ok(sent_on(second::begin_again(&shared, &way)));
    };
    flow::prove(&shared, whom.binding(), &body.token)?;
    let (trust, answer) = (body.trust, answered(&shared, &headers, body));
    let outcome = shared.actions.prove_with_passkey(&call, prover(&whom), answer, trust).await;
    if outcome.is_err()
        && let Asked::Pending(hash, _) = &whom
        && shared.actions.pending_question(&call, hash).is_err()
    {
        shared.metrics.signed_in(outcome.as_ref().err().map(|fault| fault.reason));
        return Ok(sent_on(second::begin_again(&shared, &way)));
    }
    went_on(&shared, &call, &headers, &presence, &way, outcome).await
}

fn flow_of(shared: &Shared, headers: &HeaderMap, token: &str) -> Result<Flow, Fault> {
    let flow = Flow::sent(shared, headers).ok_or_else(|| Fault::new(Reason::CrossSite))?;
    flow::prove(shared, flow.binding(), token)?;
    Ok(flow)
}

const fn prover(whom: &Asked<'_>) -> Prover {
    match whom {
        Asked::Pending(hash, _) => Prover::Pending(*hash),
        Asked::Here(here) => Prover::Session(here.session.account, here.hash),
    }
}

fn answered(shared: &Shared, headers: &HeaderMap, body: Finish) -> Answer {
    Answer {
        handle: body.handle,
        response: body.credential,
        device: shared.jar.own(headers, OwnCookie::Device).map(str::to_owned),
    }
}

async fn went_on(
    shared: &Shared,
    call: &Call,
    headers: &HeaderMap,
    presence: &Presence,
    way: &Way,
    outcome: Result<SignInOutcome, Fault>,
) -> Result<Response, Fault> {
    shared.metrics.signed_in(outcome.as_ref().err().map(|fault| fault.reason));
    match outcome? {
        SignInOutcome::Next(next) => Ok(sent_on(second::go_on(shared, call, way, &next))),
        SignInOutcome::SignedIn(signed_in) => {
            if matches!(presence, Presence::Conflicting) {
                shared.actions.sign_out(call, shared.presented(headers)).await?;
            }
            Ok(sent_on(login::welcome(shared, call, way, &signed_in)))
        }
    }
}
