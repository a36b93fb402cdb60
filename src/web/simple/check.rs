//! `/auth/simple`: a program asks whether a name and a password are right, and whose they are. No session begins.

use axum::extract::State;
use http::StatusCode;

use super::{
    envelope::{SimpleEnvelope, said},
    views::CheckedView,
};
use crate::{
    actions::login::{Attempt, LONGEST_NAME, LONGEST_PASSWORD},
    domain::{
        call::Call,
        fault::{Fault, Field, Reason},
    },
    values::secret::Secret,
    web::{
        Shared,
        edge::{
            body::{Fields, FromFields, Text},
            rescue::Envelope,
        },
        family::{Access, Answer, FormOrJson, RequestBody, Route, Service, Shape, Verb, Voice, handler},
    },
};

pub(super) const ROUTES: &[Route] = &[Route {
    method: Verb::Post,
    path: "/auth/simple",
    access: Access::Service,
    id: "authenticate",
    summary: "Check a user name and a password, for programs",
    about: "401 says that the program's own secret is wrong, 403 that the person's credentials are. Guesses are counted for each account as \
            with any other way to sign in; by address only where no secret is asked for.",
    refusals: &[
        Reason::BadCredentials,
        Reason::SecondFactorNeeded,
        Reason::SecondFactorWrong,
        Reason::Stipulated,
        Reason::PasswordChangeNeeded,
        Reason::Locked,
        Reason::Disabled,
        Reason::Throttled,
    ],
    handler: handler!(check),
}];

/// The family's words with the statuses of this endpoint.
pub(super) struct CheckEnvelope;

impl Envelope for CheckEnvelope {
    fn say(&self, fault: &Fault, _: &str) -> axum::response::Response {
        said(fault, self.status(fault.reason))
    }
}

impl Voice for CheckEnvelope {
    fn status(&self, reason: Reason) -> StatusCode {
        match reason {
            Reason::BadCredentials
            | Reason::SecondFactorNeeded
            | Reason::SecondFactorWrong
            | Reason::Stipulated
            | Reason::PasswordChangeNeeded
            | Reason::Locked
            | Reason::Disabled => StatusCode::FORBIDDEN,
            other => SimpleEnvelope.status(other),
        }
    }

    fn word(&self, reason: Reason) -> &'static str {
        SimpleEnvelope.word(reason)
    }

    fn word_field(&self) -> &'static str {
        SimpleEnvelope.word_field()
    }

    fn shape(&self) -> Shape {
        SimpleEnvelope.shape()
    }
}

/// Whose credentials. What is missing or empty is as good as wrong (simple-auth.md 1.5).
struct CheckBody {
    username: Option<String>,
    password: Option<Secret<String>>,
    totp: Option<Secret<String>>,
}

impl FromFields for CheckBody {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = Text::new("username", Field::Username).at_most(LONGEST_NAME);
        let username = fields.optional_text(&username.about("The user name or the e-mail address."));
        let password =
            fields.optional_secret(&Text::new("password", Field::Password).at_most(LONGEST_PASSWORD));
        let totp =
            Text::new("totp", Field::Totp).about("A code of the second factor, where the account has one.");
        let totp = fields.optional_secret(&totp);
        Some(Self { username, password, totp })
    }
}

impl RequestBody for CheckBody {
    const NAME: &'static str = "auth.simpleAuthRequest";
}

/// `POST /auth/simple`
async fn check(
    State(shared): State<Shared>,
    call: Call,
    service: Service,
    FormOrJson(body): FormOrJson<CheckBody>,
) -> Result<Answer<CheckedView>, Fault> {
    let (Some(name), Some(password)) = (body.username, body.password) else {
        return Err(Fault::new(Reason::BadCredentials).because("no name or no password"));
    };
    let totp = body.totp;
    let attempt = Attempt {
        name,
        password,
        totp,
        remember: false,
        device: None,
        trust: None,
        replaces: None,
        relay: service.relay(),
    };
    let proved = shared.actions.check_sign_in(&call, attempt).await?;
    let person = shared.gate.person(proved.account)?.ok_or_else(|| Fault::new(Reason::BadCredentials))?;
    Ok(Answer::new(CheckedView::of(&person)))
}
