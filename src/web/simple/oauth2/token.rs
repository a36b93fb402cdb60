//! What clients ask: tokens, and what a token is good for.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    answer::{Refused, sealed},
    bodies::{ClientBody, IntrospectNames, TokenNames},
};
use crate::{
    actions::login::Attempt,
    domain::call::Call,
    idp::oauth2::{Active, Introspection, Outcome, PasswordStep, Refusal, Tokens},
    web::Shared,
};

/// `auth.grantTokenResponse`.
#[derive(Serialize)]
struct TokensView {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        let shown = |token: &crate::values::secret::Secret<String>| token.expose().clone();
        Self {
            access_token: shown(&tokens.access),
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            scope: tokens.scopes.join(" "),
            refresh_token: tokens.refresh.as_ref().map(shown),
            id_token: tokens.id_token.as_ref().map(shown),
        }
    }
}

/// `auth.oauth2TokenIntrospectResponse`.
#[derive(Serialize)]
struct ActiveView {
    active: bool,
    token_type: &'static str,
    client_id: String,
    scope: String,
    sub: String,
    aud: String,
    iss: String,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl ActiveView {
    fn new(active: Active, issuer: &str) -> Self {
        let client_id = active.client.to_string();
        Self {
            active: true,
            token_type: active.token_type,
            scope: active.scopes.join(" "),
            sub: active.subject,
            aud: client_id.clone(),
            client_id,
            iss: issuer.to_owned(),
            iat: active.issued.secs(),
            exp: active.expires.secs(),
            username: active.username,
            email: active.email,
        }
    }
}

/// `POST /auth/oauth2/token`
pub(in crate::web::simple) async fn issue(
    State(shared): State<Shared>,
    call: Call,
    body: ClientBody<TokenNames>,
) -> Result<Response, Refused> {
    let refused = |refusal: Refusal| Refused::new(&call, refusal);
    let outcome = shared.oauth2.token(&call, &body.presentation, &body.parameters).await.map_err(refused)?;
    let tokens = match outcome {
        Outcome::Tokens(tokens) => tokens,
        Outcome::Password(step) => with_password(&shared, &call, step).await.map_err(refused)?,
    };
    Ok(sealed(Json(TokensView::from(tokens)).into_response()))
}

/// The password is checked by whoever guards all passwords, as strictly as at the login page.
async fn with_password(shared: &Shared, call: &Call, step: PasswordStep) -> Result<Tokens, Refusal> {
    let attempt = Attempt {
        name: step.username.clone(),
        password: step.password.clone(),
        totp: step.totp.clone(),
        remember: false,
        device: None,
        trust: None,
        replaces: None,
    };
    let proved = shared.actions.check_sign_in(call, attempt).await.map_err(Refusal::of_password)?;
    shared.oauth2.after_password(call, step, proved.account, proved.strength).await
}

/// `POST /auth/oauth2/token_info`
pub(in crate::web::simple) async fn introspect(
    State(shared): State<Shared>,
    call: Call,
    body: ClientBody<IntrospectNames>,
) -> Result<Response, Refused> {
    let answer = shared.oauth2.introspect(&call, &body.presentation, &body.parameters).await;
    let response = match answer.map_err(|refusal| Refused::new(&call, refusal))? {
        Introspection::Active(active) => {
            Json(ActiveView::new(active, &shared.oauth2.settings().issuer)).into_response()
        }
        Introspection::Inactive => Json(serde_json::json!({ "active": false })).into_response(),
    };
    Ok(sealed(response))
}
