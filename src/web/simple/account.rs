//! `/account`: the own account, its trail, and whether a user name is in use.

use axum::extract::State;

use super::{
    local,
    views::{AccountView, AuditView, CheckView},
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
        edge::body::{Fields, FromFields, Text},
        family::{Access, Acting, Answer, JsonBody, Query, RequestBody, Route, Verb, handler},
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

/// Which part of the trail.
struct AuditQuery {
    offset: usize,
    limit: usize,
}

impl FromFields for AuditQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let offset = fields.about("How many of the newest records to pass over.", |fields| {
            fields.number("offset", Field::Named("offset"), 0..=MOST_SKIPPED)
        });
        let limit = fields.about("How many records to answer with; 10 unless said.", |fields| {
            fields.number("limit", Field::Named("limit"), 1..=MOST_SHOWN)
        });
        let number = |given: Option<i64>, usual| usize::try_from(given.unwrap_or(usual)).ok();
        Some(Self { offset: number(offset, 0)?, limit: number(limit, USUAL)? })
    }
}

/// A user name to look for.
struct CheckBody {
    username: String,
}

impl FromFields for CheckBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { username: fields.text(&Text::new("username", Field::Username).at_most(LONGEST_NAME))? })
    }
}

impl RequestBody for CheckBody {
    const NAME: &'static str = "v1.checkUsernameRequest";
}

/// `GET /account`
async fn show(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
) -> Result<Answer<AccountView>, Fault> {
    let dossier = acting.dossier(&shared)?;
    let factors = shared.actions.factors_in(&dossier);
    let local = local::view(&shared, &call, &acting, &dossier.username, &factors);
    Ok(Answer::new(AccountView::new(&dossier, local)))
}

/// `GET /account/audit`
async fn trail(
    State(shared): State<Shared>,
    acting: Acting,
    Query(page): Query<AuditQuery>,
) -> Result<Answer<AuditView>, Fault> {
    let records = shared.actions.own_trail(&acting.authority()?, page.offset, page.limit)?;
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
    let exists = shared.actions.username_exists(&call, &body.username)?;
    Ok(Answer::new(CheckView { username: body.username, exists }))
}

/// How many records are passed over at most, and how many are shown (security.md API-6).
const MOST_SKIPPED: i64 = 10_000;
const MOST_SHOWN: i64 = 200;
const USUAL: i64 = 10;
