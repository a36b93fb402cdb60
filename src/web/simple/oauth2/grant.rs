//! What a signed-in person does: let a client act, look at what was granted, take it back.

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    answer::{Refused, sealed},
    bodies::GrantBody,
};
use crate::{
    domain::{
        call::Call,
        fault::{Fault, Field, Reason},
        rights::Authority,
    },
    gate::Presence,
    idp::oauth2::{Agreement, Grantor, Refusal, TokenLine},
    values::id::AccountId,
    web::{
        Shared,
        edge::caller::Present,
        simple::{json::OwnOrigin, session::private},
    },
};

/// `auth.authorizedGrantResponse`, with the issuer added (RFC 9207).
#[derive(Serialize)]
struct GrantView {
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    iss: String,
}

/// `auth.oauth2GetTokensResponse`.
#[derive(Serialize)]
struct TokensView {
    tokens: Vec<TokenView>,
    /// What the original answers to a revocation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    success: bool,
}

#[derive(Serialize)]
struct TokenView {
    client_id: String,
    client_name: String,
    short_token: String,
    #[serde(rename = "type")]
    kind: &'static str,
    created: String,
    expires: String,
}

impl From<TokenLine> for TokenView {
    fn from(line: TokenLine) -> Self {
        Self {
            client_id: line.client.to_string(),
            client_name: line.name,
            short_token: line.short,
            kind: line.kind.as_str(),
            created: line.created.rfc3339(),
            expires: line.expires.rfc3339(),
        }
    }
}

/// `POST /auth/oauth2/grant`. Without `auto` the person has just agreed on a page that calls this; with it, only what was agreed
/// to before counts.
pub(in crate::web::simple) async fn grant(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    body: GrantBody,
) -> Result<Response, Refused> {
    let refused = |refusal: Refusal| Refused::new(&call, refusal);
    let grantor = grantor(&presence).map_err(|fault| refused(fault.into()))?;
    let asked = shared.oauth2.read_request(&body.parameters).map_err(|objection| {
        // A wrong client is a wrong request here: nobody tried to prove to be one.
        Refused::with(&call, objection.refusal, http::StatusCode::BAD_REQUEST)
    })?;
    let agreement = if body.auto { Agreement::Before } else { Agreement::Now };
    let code = shared.oauth2.grant(&call, &grantor, &asked, agreement).await.map_err(refused)?;
    let view = GrantView {
        code: code.expose().clone(),
        state: asked.way_back.state().map(str::to_owned),
        iss: shared.oauth2.settings().issuer.clone(),
    };
    Ok(sealed(Json(view).into_response()))
}

/// Who grants: a person whose session opens everything.
fn grantor(presence: &Presence) -> Result<Grantor, Fault> {
    match presence {
        Presence::Person { session, .. } if session.restricted => Err(Fault::new(Reason::PasswordChangeNeeded)),
        Presence::Person { hash, session, .. } => Ok(Grantor {
            account: session.account,
            session: Some((*hash, session.id)),
            strength: session.strength(),
        }),
        Presence::Nobody | Presence::Conflicting => Err(Fault::new(Reason::Unauthenticated)),
    }
}

/// `GET /auth/oauth2/client` (the published path) and `GET /auth/oauth2` (the original's).
pub(in crate::web::simple) async fn list(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
) -> Result<Response, Fault> {
    let account = grantor(&presence)?.account;
    Ok(private(Json(tokens(&shared, &call, account, false)?).into_response()))
}

/// `DELETE /auth/oauth2/token?client_id=&token=`. The answer has the published shape, what is left, and the original's `success`.
pub(in crate::web::simple) async fn revoke(
    State(shared): State<Shared>,
    call: Call,
    Present(presence): Present,
    RawQuery(query): RawQuery,
    _: OwnOrigin,
) -> Result<Response, Fault> {
    let account = grantor(&presence)?.account;
    let authority = Authority::of_session(&presence.caller())?;
    let (client, token) = named(&query.unwrap_or_default())?;
    shared.oauth2.revoke(&call, &authority, &client, token.as_deref()).await?;
    Ok(private(Json(tokens(&shared, &call, account, true)?).into_response()))
}

fn tokens(shared: &Shared, call: &Call, account: AccountId, success: bool) -> Result<TokensView, Fault> {
    let lines = shared.oauth2.tokens_of(call, account)?;
    Ok(TokensView { tokens: lines.into_iter().map(TokenView::from).collect(), success })
}

/// `client_id` and perhaps `token` of a query, each once.
fn named(query: &str) -> Result<(String, Option<String>), Fault> {
    let (mut client, mut token) = (None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let (place, field) = match &*name {
            "client_id" => (&mut client, Field::Client),
            "token" => (&mut token, Field::Token),
            _ => continue,
        };
        if place.replace(value.into_owned()).is_some() {
            return Err(Fault::malformed(field, "is there more than once"));
        }
    }
    let client = client.filter(|client| !client.is_empty());
    let client = client.ok_or_else(|| Fault::malformed(Field::Client, "is required"))?;
    Ok((client, token.filter(|token| !token.is_empty())))
}
