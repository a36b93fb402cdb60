//! `/account`: the own account, its trail, and whether a user name is in use.

use axum::extract::State;

use super::{
    local,
    views::{AccountView, AuditQuery, AuditView, CheckBody, CheckView},
};
use crate::{
    actions::login::LONGEST_NAME,
    domain::{
        apikey::Scope,
        call::Call,
        fault::{Fault, Field, Reason},
    },
    web::{
        Shared,
        family::{Access, Acting, Answer, JsonBody, Query, Route, Verb, handler},
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Verb::Get,
        path: "/account",
        access: Access::Private(Scope::Read),
        id: "getAccount",
        summary: "Get details about the account",
        about: "",
        refusals: &[],
        handler: handler!(show),
    },
    Route {
        method: Verb::Get,
        path: "/account/audit",
        access: Access::Private(Scope::Read),
        id: "getAccountAudit",
        summary: "Get the account's audit trail, newest record first",
        about: "Only the own trail. A limit that is no number, or beyond its bounds, is refused and not guessed at.",
        refusals: &[],
        handler: handler!(trail),
    },
    Route {
        method: Verb::Post,
        path: "/account/check",
        access: Access::Open,
        id: "checkUsername",
        summary: "Check whether a user name is in use",
        about: "The one place that tells this. It is counted like an attempt to sign in, and can be switched off.",
        refusals: &[Reason::SwitchedOff],
        handler: handler!(check),
    },
];

/// `GET /account`
async fn show(State(shared): State<Shared>, acting: Acting) -> Result<Answer<AccountView>, Fault> {
    let portrait = shared.actions.portrait(&acting.authority()?)?;
    let local = local::view(&shared, &acting, portrait.has_password)?;
    Ok(Answer::new(AccountView::new(portrait, local)))
}

/// `GET /account/audit`
async fn trail(
    State(shared): State<Shared>,
    acting: Acting,
    Query(page): Query<AuditQuery>,
) -> Result<Answer<AuditView>, Fault> {
    let offset = within("offset", page.offset.unwrap_or(0), 0, MOST_SKIPPED)?;
    let limit = within("limit", page.limit.unwrap_or(USUAL), 1, MOST_SHOWN)?;
    let records = shared.actions.own_trail(&acting.authority()?, offset, limit)?;
    Ok(Answer::new(AuditView { records: records.into_iter().map(Into::into).collect() }))
}

/// `POST /account/check`
async fn check(
    State(shared): State<Shared>,
    call: Call,
    JsonBody(body): JsonBody<CheckBody>,
) -> Result<Answer<CheckView>, Fault> {
    if !shared.settings.simple.name_check {
        return Err(Fault::new(Reason::SwitchedOff));
    }
    if body.username.is_empty() {
        return Err(Fault::malformed(Field::Username, "is required"));
    }
    if body.username.len() > LONGEST_NAME {
        return Err(Fault::malformed(Field::Username, "is too long"));
    }
    let exists = shared.actions.username_exists(&call, &body.username)?;
    Ok(Answer::new(CheckView { username: body.username, exists }))
}

/// How many records are passed over at most, and how many are shown (security.md API-6).
const MOST_SKIPPED: u64 = 10_000;
const MOST_SHOWN: u64 = 200;
const USUAL: u64 = 10;

fn within(name: &'static str, given: u64, least: u64, most: u64) -> Result<usize, Fault> {
    let refused = || Fault::malformed(Field::Named(name), format!("is from {least} to {most}"));
    if given < least || given > most {
        return Err(refused());
    }
    usize::try_from(given).map_err(|_| refused())
}
