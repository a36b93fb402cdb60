//! `/auth/onetime`: links that sign in.

use axum::extract::State;
use http::HeaderMap;

use super::{joining::LONGEST_TOKEN, views::OkView};
use crate::{
    actions::recovery::LinkFor,
    domain::{
        call::Call,
        fault::{Fault, Field, Reason},
    },
    values::{
        email::{EmailAddress, MAX_EMAIL},
        secret::Secret,
    },
    web::{
        Shared,
        edge::{
            body::{Fields, FromFields, Text},
            caller::Present,
        },
        family::{Access, Answer, GoOn, JsonBody, Query, RequestBody, Route, Verb, handler},
        pages,
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Verb::Post,
        path: "/auth/onetime",
        access: Access::Open,
        id: "createOneTime",
        summary: "Send a one-time link to an e-mail address",
        about: "The answer is the same for every address. The link in the letter leads to a page with a button, so that what scans mail uses \
                nothing up; of several links only the newest is good, for half an hour.",
        refusals: &[Reason::SwitchedOff, Reason::Throttled],
        handler: handler!(send),
    },
    Route {
        method: Verb::GetOnce,
        path: "/auth/onetime",
        access: Access::Open,
        id: "redeemOneTime",
        summary: "Sign in with the token of a one-time link",
        about: "A second factor is asked for afterwards where the account has one, and stipulations hold: a link stands for the password and \
                for nothing more. In the session that begins, the password can be changed without the old one while it is fresh. HEAD is refused \
                and uses nothing up.",
        refusals: &[
            Reason::SwitchedOff,
            Reason::InvalidToken,
            Reason::Expired,
            Reason::Stipulated,
            Reason::Locked,
            Reason::Disabled,
            Reason::Throttled,
        ],
        handler: handler!(redeem),
    },
];

/// Where to send a link.
struct SendBody {
    email: EmailAddress,
}

impl FromFields for SendBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            email: fields.parsed(
                &Text::new("email", Field::Email).at_most(MAX_EMAIL).format("email"),
                EmailAddress::parse,
            )?,
        })
    }
}

impl RequestBody for SendBody {
    const NAME: &'static str = "v1.oneTimePostRequest";
}

/// The token of a link.
struct RedeemQuery {
    token: Secret<String>,
}

impl FromFields for RedeemQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let token = Text::new("token", Field::Token).at_most(LONGEST_TOKEN);
        Some(Self { token: fields.secret(&token.about("The token of the link; good once."))? })
    }
}

/// `POST /auth/onetime`
async fn send(
    State(shared): State<Shared>,
    call: Call,
    JsonBody(body): JsonBody<SendBody>,
) -> Result<Answer<OkView>, Fault> {
    shared.actions.request_link(&call, &body.email, LinkFor::SignIn).await?;
    Ok(Answer::new(OkView::yes()))
}

/// `GET /auth/onetime` (DESIGN.md ruling 9)
async fn redeem(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    headers: HeaderMap,
    Query(query): Query<RedeemQuery>,
) -> Result<GoOn, Fault> {
    let visitor = pages::visitor(&shared, &presence, &headers);
    let outcome = shared.actions.sign_in_by_link(&call, query.token, visitor).await?;
    Ok(GoOn::like(&pages::arrive(&shared, &call, &outcome)))
}
