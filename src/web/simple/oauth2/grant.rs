//! What a person does: let a client act, look at what was granted, take it back.

use axum::extract::State;

use super::{
    bodies::{GrantBody, RevokeQuery},
    views::{GrantView, TokensView},
};
use crate::{
    domain::{
        call::Call,
        fault::{Fault, Field, OAuthCode, Reason},
    },
    idp::oauth2::{Agreement, Grantor, Refusal},
    web::{
        Shared,
        family::{Acting, Answer, JsonBody, NoBody, Query},
    },
};

/// `POST /auth/oauth2/grant`. Without `auto` the person has just agreed on a page that calls this; with it, only what was agreed
/// to before counts.
pub(super) async fn grant(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
    JsonBody(body): JsonBody<GrantBody>,
) -> Result<Answer<GrantView>, Fault> {
    let grantor = Grantor {
        account: acting.person.id,
        session: acting.session.as_ref().map(|(hash, session)| (*hash, session.id)),
        // A program that acts for somebody proves nothing about how that person signed in.
        strength: acting.session.as_ref().map(|(_, session)| session.strength()).unwrap_or_default(),
    };
    // A wrong client is a wrong request here: nobody tried to prove to be one.
    let asked =
        shared.oauth2.read_request(&body.parameters).map_err(|objection| match objection.refusal {
            Refusal { code: OAuthCode::InvalidClient, description, .. } => {
                Fault::new(Reason::OAuth(OAuthCode::InvalidClient)).with_flaw(Field::Body, description)
            }
            refusal => refusal.into(),
        })?;
    let agreement = if body.auto { Agreement::Before } else { Agreement::Now };
    let code = shared.oauth2.grant(&call, &grantor, &asked, agreement).await?;
    Ok(Answer::new(GrantView {
        code: code.expose().clone(),
        state: asked.way_back.state().map(str::to_owned),
        iss: shared.oauth2.settings().issuer.clone(),
    }))
}

/// `GET /auth/oauth2/client` (the published path) and `GET /auth/oauth2` (the original's).
pub(super) async fn list(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
) -> Result<Answer<TokensView>, Fault> {
    Ok(Answer::new(TokensView::new(shared.oauth2.tokens_of(&call, acting.person.id)?, false)))
}

/// `DELETE /auth/oauth2/token?client_id=&token=`
pub(super) async fn revoke(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
    Query(query): Query<RevokeQuery>,
    _: NoBody,
) -> Result<Answer<TokensView>, Fault> {
    let token = query.token.as_ref().map(|token| token.expose().as_str());
    shared.oauth2.revoke(&call, &acting.authority()?, &query.client, token).await?;
    Ok(Answer::new(TokensView::new(shared.oauth2.tokens_of(&call, acting.person.id)?, true)))
}
