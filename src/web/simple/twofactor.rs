//! `/local/2fa`: the authenticator app as the second factor.
//!
//! The paths and fields are the original's. Unlike there the secret is ours from the start, counts for nothing before it is confirmed by the
//! session that asked for it, and no client brings one of its own (simple-auth.md 9.A6, security.md OTP-5).

use axum::extract::State;
use http::HeaderMap;

use super::views::{OkView, TotpSecretView};
use crate::{
    actions::{factors::Owner, login::second::LONGEST_CODE},
    domain::{
        apikey::Scope,
        call::Call,
        factor::totp::TotpSecret,
        fault::{Fault, Field, Reason},
    },
    values::secret::Secret,
    web::{
        Shared,
        edge::{
            body::{Fields, FromFields, Text},
            cookies::Own,
            qr::QrCode,
        },
        family::{Access, Acting, Answer, JsonBody, NoBody, Png, Query, RequestBody, Route, Verb, handler},
    },
};

/// Longest secret that is looked at, in bytes.
const LONGEST: usize = 256;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Verb::Get,
        path: "/local/2fa",
        access: Access::Private(Scope::Credentials),
        id: "beginTwoFactor",
        summary: "Make a secret for an authenticator app",
        about: "The secret is kept for ten minutes and is no second factor before it is confirmed by the same session. It can replace an app that \
                is there. Asks for a recent sign-in, and for one with the second factor when there is one.",
        refusals: &[Reason::SwitchedOff, Reason::FreshSignInNeeded, Reason::SecondFactorNeeded],
        handler: handler!(begin),
    },
    Route {
        method: Verb::Get,
        path: "/local/2fa/qrcode",
        access: Access::Private(Scope::Credentials),
        id: "getTwoFactorCode",
        summary: "Get the secret as a QR code",
        about: "Only of the secret that is being set up by the same session.",
        refusals: &[],
        handler: handler!(picture),
    },
    Route {
        method: Verb::Post,
        path: "/local/2fa",
        access: Access::Private(Scope::Credentials),
        id: "activateTwoFactor",
        summary: "Confirm the secret with a code of the app",
        about: "From now on signing in asks for a code. When this replaces an app, all other sessions end.",
        refusals: &[Reason::SecondFactorWrong, Reason::Throttled],
        handler: handler!(activate),
    },
    Route {
        method: Verb::Delete,
        path: "/local/2fa",
        access: Access::Private(Scope::Credentials),
        id: "deactivateTwoFactor",
        summary: "Remove the authenticator app",
        about: "With a code of the app, or a recovery code. All other sessions end.",
        refusals: &[Reason::NothingToDo, Reason::SecondFactorWrong, Reason::Throttled],
        handler: handler!(deactivate),
    },
];

/// What confirms an enrolment.
struct ActivateBody {
    secret: Secret<String>,
    code: Secret<String>,
}

impl FromFields for ActivateBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let secret =
            Text::new("secret", Field::Secret).at_most(LONGEST).about("As `GET /local/2fa` gave it.");
        let secret = fields.secret(&secret);
        let code = fields.secret(&Text::new("code", Field::Named("code")).at_most(LONGEST_CODE));
        Some(Self { secret: secret?, code: code? })
    }
}

impl RequestBody for ActivateBody {
    const NAME: &'static str = "v1.tfaActivateRequest";
}

/// The code in the address of a removal.
struct CodeQuery {
    code: Secret<String>,
}

impl FromFields for CodeQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let code = Text::new("code", Field::Named("code")).at_most(LONGEST_CODE);
        Some(Self { code: fields.secret(&code.about("Code to check against before deactivating."))? })
    }
}

/// The secret in the address of the picture.
struct SecretQuery {
    secret: Secret<String>,
}

impl FromFields for SecretQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let secret = Text::new("secret", Field::Secret).at_most(LONGEST);
        Some(Self { secret: fields.secret(&secret.about("Secret to generate qrcode for."))? })
    }
}

/// `GET /local/2fa`
async fn begin(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
) -> Result<Answer<TotpSecretView>, Fault> {
    let secret = shared.actions.begin_totp(&call, owner(&acting)?).await?;
    Ok(Answer::new(TotpSecretView { secret: secret.base32().expose().clone() }))
}

/// `GET /local/2fa/qrcode`
async fn picture(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
    Query(query): Query<SecretQuery>,
) -> Result<Png, Fault> {
    let named = secret(&query.secret)?;
    let pending = shared.actions.enrolling(&call, &owner(&acting)?)?;
    let Some((_, url)) = pending.filter(|(pending, _)| pending.is(&named)) else {
        return Err(Fault::malformed(Field::Secret, "is not the one being set up here; ask for a new one"));
    };
    let code = QrCode::of(url.expose()).and_then(|code| code.png());
    code.map(Png).ok_or_else(|| Fault::broken("a secret's address does not fit into a QR code"))
}

/// `POST /local/2fa`
async fn activate(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
    JsonBody(body): JsonBody<ActivateBody>,
) -> Result<Answer<OkView>, Fault> {
    let named = secret(&body.secret)?;
    shared.actions.confirm_totp(&call, owner(&acting)?, (Some(named), body.code), false).await?;
    Ok(Answer::new(OkView::yes()))
}

/// `DELETE /local/2fa`
async fn deactivate(
    State(shared): State<Shared>,
    call: Call,
    acting: Acting,
    headers: HeaderMap,
    Query(query): Query<CodeQuery>,
    _: NoBody,
) -> Result<Answer<OkView>, Fault> {
    let device = shared.jar.own(&headers, Own::Device);
    shared.actions.remove_totp_by_code(&call, owner(&acting)?, query.code, device).await?;
    Ok(Answer::new(OkView::yes()))
}

fn owner(acting: &Acting) -> Result<Owner, Fault> {
    let session = acting.session.as_ref();
    Ok(Owner {
        authority: acting.authority()?,
        strength: session.map(|(_, session)| session.strength()),
        session: session.map(|(hash, session)| (*hash, session.id)),
    })
}

fn secret(text: &Secret<String>) -> Result<TotpSecret, Fault> {
    TotpSecret::parse(text.expose()).ok_or_else(|| Fault::malformed(Field::Secret, "is not base32 text"))
}

#[cfg(test)]
mod tests;
