//! `POST /account` and `POST /stipulation`: making an account, and showing that its address is one's own.

use axum::extract::State;

use super::views::{CreatedView, OkView};
use crate::{
    actions::registration::Newcomer,
    domain::{
        call::Call,
        fault::{Fault, Field, Reason},
    },
    gate::Presence,
    values::{
        email::{EmailAddress, MAX_EMAIL},
        id::AccountId,
        name::Username,
        secret::Secret,
    },
    web::{
        Shared,
        edge::{
            body::{Fields, FromFields, Text},
            caller::Present,
        },
        family::{Access, Answer, JsonBody, Query, RequestBody, Route, Verb, handler},
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Verb::Post,
        path: "/account",
        access: Access::Open,
        id: "createAccount",
        summary: "Create a new account",
        about: "Off unless the operator switches it on. Everything is checked before anything is kept. Where addresses are confirmed by mail, \
                an address that has an account answers like a free one: the letter that goes there tells its owner, and nobody else, and the \
                account made here never gets that address. A session begins only where nothing is asked first.",
        refusals: &[
            Reason::SwitchedOff,
            Reason::Taken,
            Reason::EmailTaken,
            Reason::WeakPassword,
            Reason::Throttled,
        ],
        handler: handler!(create),
    },
    Route {
        method: Verb::Post,
        path: "/stipulation",
        access: Access::Open,
        id: "satisfyStipulation",
        summary: "Satisfy a stipulation with the token from a letter",
        about: "Whatever is wrong with the token or the account, the answer is the same.",
        refusals: &[Reason::NothingToDo, Reason::Unauthenticated],
        handler: handler!(satisfy),
    },
];

/// Who wants an account.
struct CreateBody {
    username: Username,
    email: EmailAddress,
    password: Secret<String>,
}

impl FromFields for CreateBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = fields.parsed(&Text::new("username", Field::Username), Username::parse);
        let email = fields.parsed(
            &Text::new("email", Field::Email).at_most(MAX_EMAIL).format("email"),
            EmailAddress::parse,
        );
        let password = fields.secret(&Text::new("password", Field::Password).judged_elsewhere());
        Some(Self { username: username?, email: email?, password: password? })
    }
}

impl RequestBody for CreateBody {
    const NAME: &'static str = "v1.createAccountRequest";
}

/// How it is to be made.
struct CreateQuery {
    session: bool,
}

impl FromFields for CreateQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let session = fields.about("Begin a session as well, where nothing is asked first.", |fields| {
            fields.flag("createSession", Field::Named("createSession"))
        });
        Some(Self { session: session.unwrap_or(false) })
    }
}

/// A token from a letter.
struct StipulationBody {
    account: Option<AccountId>,
    token: Secret<String>,
}

impl FromFields for StipulationBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let account =
            Text::new("account", Field::Account).format("uuid").about("From the session when absent.");
        let account = fields.optional_parsed(&account, str::parse::<AccountId>);
        let token = fields.secret(&Text::new("token", Field::Token).at_most(LONGEST_TOKEN));
        Some(Self { account, token: token? })
    }
}

impl RequestBody for StipulationBody {
    const NAME: &'static str = "v1.tokenStipulationRequest";
}

/// Ours have 43 bytes; whatever is longer is nobody's.
pub(super) const LONGEST_TOKEN: usize = 256;

/// `POST /account`
async fn create(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    Query(query): Query<CreateQuery>,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<Answer<CreatedView>, Fault> {
    let newcomer = Newcomer {
        username: body.username,
        display_name: None,
        email: body.email,
        password: body.password,
        accepts: None,
        session: query.session,
        replaces: match &presence {
            Presence::Person { hash, .. } => Some(*hash),
            Presence::Nobody | Presence::Conflicting => None,
        },
    };
    let made = shared.actions.register(&call, newcomer).await?;
    let cookie = made
        .session
        .as_ref()
        .and_then(|(key, session)| shared.jar.begin(&key.text(), Some(session.ends.since(call.now))));
    let view = CreatedView {
        id: made.id.to_string(),
        created_session: made.session.is_some(),
        has_stipulations: made.stipulated,
    };
    Ok(Answer::new(view).with_cookies([cookie]))
}

/// `POST /stipulation`
async fn satisfy(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    JsonBody(body): JsonBody<StipulationBody>,
) -> Result<Answer<OkView>, Fault> {
    let own = match &presence {
        Presence::Person { session, .. } => Some(session.account),
        Presence::Nobody | Presence::Conflicting => None,
    };
    let account = body.account.or(own).ok_or_else(|| Fault::new(Reason::Unauthenticated))?;
    shared.actions.satisfy_by_token(&call, Some(account), body.token).await?;
    Ok(Answer::new(OkView::yes()))
}
