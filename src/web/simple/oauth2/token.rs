//! What clients ask: tokens, and what a token is good for.

use axum::extract::State;

use super::{
    bodies::{IntrospectBody, Presented, TokenBody},
    views::{IntrospectionView, IssuedView},
};
use crate::{
    actions::login::{Attempt, Proved},
    domain::{call::Call, fault::Fault},
    idp::oauth2::{Introspection, Outcome, PasswordProof, PasswordStep, Refusal, Tokens},
    web::{
        Shared,
        family::{Answer, OpenFormOrJson},
    },
};

/// `POST /auth/oauth2/token`
pub(super) async fn issue(
    State(shared): State<Shared>,
    call: Call,
    Presented(presentation): Presented,
    OpenFormOrJson(TokenBody(parameters)): OpenFormOrJson<TokenBody>,
) -> Result<Answer<IssuedView>, Fault> {
    let tokens = match shared.oauth2.token(&call, &presentation, &parameters).await? {
        Outcome::Tokens(tokens) => tokens,
        Outcome::Password(step) => with_password(&shared, &call, step).await?,
    };
    Ok(Answer::new(tokens.into()).sealed())
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
        relay: step.relay(),
    };
    let proved = shared.actions.check_sign_in(call, attempt).await.map_err(Refusal::of_password)?;
    let Proved { account, strength, version } = proved;
    shared.oauth2.after_password(call, step, PasswordProof { account, strength, version }).await
}

/// `POST /auth/oauth2/token_info`
pub(super) async fn introspect(
    State(shared): State<Shared>,
    call: Call,
    Presented(presentation): Presented,
    OpenFormOrJson(IntrospectBody(parameters)): OpenFormOrJson<IntrospectBody>,
) -> Result<Answer<IntrospectionView>, Fault> {
    let view = match shared.oauth2.introspect(&call, &presentation, &parameters).await? {
        Introspection::Active(active) => IntrospectionView::active(active, &shared.oauth2.settings().issuer),
        Introspection::Inactive => IntrospectionView::default(),
    };
    Ok(Answer::new(view).sealed())
}
