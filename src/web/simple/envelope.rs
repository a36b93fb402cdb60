//! How this family says a refusal: `{"error":true,"message":…,"reason":…}` (simple-auth.md section 1.8).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::views::ErrorView;
use crate::{
    domain::fault::{Fault, Field, Reason},
    web::{
        edge::rescue::{Envelope, status_of},
        family::{Shape, Voice, answer::private},
    },
};

/// The envelope.
pub(super) struct SimpleEnvelope;

impl Envelope for SimpleEnvelope {
    fn say(&self, fault: &Fault, _: &str) -> Response {
        said(fault, self.status(fault.reason))
    }
}

impl Voice for SimpleEnvelope {
    fn status(&self, reason: Reason) -> StatusCode {
        status_of(reason)
    }

    fn word(&self, reason: Reason) -> &'static str {
        slug(reason)
    }

    fn word_field(&self) -> &'static str {
        "reason"
    }

    fn shape(&self) -> Shape {
        Shape::of::<ErrorView>()
    }
}

/// The body, with a status.
pub(super) fn said(fault: &Fault, status: StatusCode) -> Response {
    let body =
        ErrorView { error: true, message: message(fault), reason: slug(fault.reason), login_url: None };
    let mut response = (status, Json(body)).into_response();
    private(&mut response);
    response
}

/// The `reason` on the wire: the original's words where it has one.
pub const fn slug(reason: Reason) -> &'static str {
    match reason {
        Reason::BadCredentials => "invalid-credentials",
        Reason::Unauthenticated => "unauthorized",
        Reason::SecondFactorNeeded => "totp-missing",
        Reason::SecondFactorWrong => "totp-failed",
        Reason::Stipulated => "unsatisfied-stipulations",
        Reason::EmailTaken => "account-email-exists",
        Reason::NoPassword => "local-login-not-found",
        Reason::NothingToDo => "no-code",
        Reason::WrongServiceSecret => "invalid-auth-token",
        Reason::WrongClient | Reason::WrongClientBasic => "invalid-client",
        Reason::OAuth(code) => code.as_str(),
        Reason::SwitchedOff => "switched-off",
        Reason::FreshSignInNeeded => "fresh-login-required",
        Reason::PasswordChangeNeeded => "password-change-required",
        Reason::Locked => "locked-account",
        Reason::Disabled => "inactive-account",
        Reason::Forbidden => "forbidden",
        Reason::CrossSite => "csrf-failed",
        Reason::NotFound => "not-found",
        Reason::NoSuchAccount => "invalid-account",
        Reason::MethodNotAllowed => "method-not-allowed",
        Reason::Taken => "username-unavailable",
        Reason::WeakPassword => "credentials-failed-requirements",
        Reason::Malformed => "bad-request",
        Reason::UnsupportedMediaType => "unsupported-media-type",
        Reason::TooLarge => "too-large",
        Reason::Expired => "expired",
        Reason::InvalidToken => "invalid-token",
        Reason::Managed => "managed-account",
        Reason::LastOne => "last-one",
        Reason::Misdirected => "misdirected",
        Reason::Throttled => "throttled",
        Reason::Busy => "busy",
        Reason::Unavailable => "unavailable",
        Reason::Broken => "internal-error",
    }
}

/// What the fields are called on the wire.
const fn field(field: Field) -> &'static str {
    match field {
        Field::Body => "body",
        Field::Username => "username",
        Field::Password => "password",
        Field::OldPassword => "oldpassword",
        Field::NewPassword => "newpassword",
        Field::Email => "email",
        Field::Mobile => "mobile",
        Field::DisplayName => "name",
        Field::Group => "group",
        Field::Totp => "totp",
        Field::Secret => "secret",
        Field::Client => "client_id",
        Field::Account => "account",
        Field::Named(name) => name,
        Field::Token => "token",
        Field::Session => "session",
        Field::Continue => "continue",
        Field::Page => "page",
    }
}

fn message(fault: &Fault) -> String {
    if fault.flaws.is_empty() {
        return general(fault.reason).to_owned();
    }
    let flaws: Vec<_> =
        fault.flaws.iter().map(|flaw| format!("{}: {}", field(flaw.field), flaw.message)).collect();
    flaws.join("; ")
}

/// What a reason means, where there is nothing more to say of it.
pub const fn general(reason: Reason) -> &'static str {
    match reason {
        Reason::BadCredentials => "The user name or password is wrong.",
        Reason::Unauthenticated => "You are not signed in.",
        Reason::SecondFactorNeeded => "A second factor is needed.",
        Reason::SecondFactorWrong => "The code is wrong, was used before, or is too old.",
        Reason::Stipulated => "Something is still asked of this account before it can be used.",
        Reason::EmailTaken => "There is an account with this e-mail address.",
        Reason::NoPassword => "This account has no password.",
        Reason::NothingToDo => "There is nothing of this kind to act on.",
        Reason::WrongServiceSecret => "The secret in the Authorization header is wrong.",
        Reason::WrongClient | Reason::WrongClientBasic => "The client is unknown or its secret is wrong.",
        Reason::OAuth(_) => "This cannot be had.",
        Reason::SwitchedOff => "This is switched off here.",
        Reason::FreshSignInNeeded => "Please sign in again to do this.",
        Reason::PasswordChangeNeeded => "This password must be replaced first.",
        Reason::Locked => "This account is locked.",
        Reason::Disabled => "This account is disabled.",
        Reason::Forbidden => "You may not do this.",
        Reason::CrossSite => "This request did not come from our own page.",
        Reason::NotFound => "There is nothing here.",
        Reason::NoSuchAccount => "There is no such account.",
        Reason::MethodNotAllowed => "This method is not allowed here.",
        Reason::Taken => "This is already in use.",
        Reason::WeakPassword => "This password does not pass the rules.",
        Reason::Malformed => "The request is malformed.",
        Reason::UnsupportedMediaType => "Send this as application/json.",
        Reason::TooLarge => "The request is too large.",
        Reason::Expired => "This is no longer valid.",
        Reason::InvalidToken => "This token is not valid.",
        Reason::Managed => "This account is managed in the configuration file.",
        Reason::LastOne => "The last one has to stay.",
        Reason::Misdirected => "This host is not served here.",
        Reason::Throttled => "Too many attempts; try again later.",
        Reason::Busy => "Too much is going on; try again in a moment.",
        Reason::Unavailable => "This cannot be saved at the moment; try again later.",
        Reason::Broken => "Something went wrong on our side.",
    }
}
