//! Requests that ask for a new sign-in (security.md OAU-17, federation.md section 5.5): `prompt=login`, `max_age`.
//!
//! The browser goes to sign in and comes back with the request and a mark in it: since when it has been asked. A sign-in after that
//! moment was made for this request, whatever it asks for. The mark is sealed together with the request: nobody makes up an earlier
//! moment, and what one request was granted for says nothing about another.

use std::time::Duration;

use super::{
    Engine,
    parameters::{MARK, Parameters},
    refusal::Refusal,
    request::Request,
};
use crate::{
    domain::{caller::Strength, fault::OAuthCode as Code},
    values::time::Timestamp,
};

/// How long after the browser was sent to sign in the request may be granted on the strength of that.
const LONGEST: Duration = Duration::from_mins(10);
/// More seconds than any session lives need not be told apart.
const LONGEST_AGE: usize = 10;

/// What a request asks of the sign-in it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// A new one, however recent the last one is.
    anew: bool,
    /// One that is not older than this.
    max_age: Option<Duration>,
    /// Since when the browser has been asked for one, if it has.
    since: Option<Timestamp>,
}

impl Wish {
    /// Reads `max_age` (whole seconds; none at all is as good as asking for a sign-in) beside what `prompt` asks for.
    pub(super) fn read(parameters: &Parameters, anew: bool) -> Result<Self, Refusal> {
        let max_age = match parameters.bounded("max_age", LONGEST_AGE)? {
            None => None,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<u64>().ok(),
            Some(_) => return Err(Refusal::about("max_age", "is not a number of seconds")),
        };
        Ok(Self { anew: anew || max_age == Some(0), max_age: max_age.map(Duration::from_secs), since: None })
    }

    const fn is_any(&self) -> bool {
        self.anew || self.max_age.is_some()
    }
}

impl Request {
    /// Whether the person has to sign in anew before this may be granted. A program that speaks for somebody has not signed
    /// that person in at all.
    pub fn wants_sign_in(&self, strength: &Strength, now: Timestamp) -> bool {
        let Wish { anew, max_age, since } = self.wish;
        let old = max_age.is_some_and(|most| strength.last_proof().is_none_or(|at| now.since(at) > most));
        let done = strength.signed_in().zip(since).is_some_and(|(at, since)| at >= since)
            && since.is_some_and(|since| now.since(since) <= LONGEST);
        (anew || old) && !done
    }

    /// Refuses where that is still to come.
    pub(super) fn refuse_stale(&self, strength: &Strength, now: Timestamp) -> Result<(), Refusal> {
        if self.wants_sign_in(strength, now) {
            return Err(Refusal::new(Code::LoginRequired, "the person has to sign in anew for this"));
        }
        Ok(())
    }
}

impl Engine {
    /// The parameters of a request as they go through signing in: with a mark of this moment where the request asks for a sign-in
    /// of its own.
    pub fn through_sign_in(&self, parameters: &Parameters, request: &Request, now: Timestamp) -> Parameters {
        if !request.wish.is_any() {
            return parameters.clone();
        }
        let mark = self.0.keyring.request_mark(now, &parameters.spelled());
        parameters.with(MARK, &mark)
    }

    /// The wish of a request with what its mark says, if it has one of ours.
    pub(super) fn heard(&self, wish: Wish, parameters: &Parameters) -> Wish {
        let mark = parameters.get(MARK);
        let since = mark.and_then(|mark| self.0.keyring.read_request_mark(mark, &parameters.spelled()));
        Wish { since, ..wish }
    }
}

/// Whether `claims` (`OpenID` Connect Core 5.5) insists on an `acr`. ID tokens have none, so nobody can reach it; whatever else is
/// wished for there is left out, as the standard lets us.
pub(super) fn refuse_essential_acr(parameters: &Parameters) -> Result<(), Refusal> {
    let Some(text) = parameters.bounded("claims", 4096)? else { return Ok(()) };
    let claims = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text)
        .map_err(|_| Refusal::about("claims", "is not a JSON object"))?;
    let acr = claims.get("id_token").and_then(|wished| wished.get("acr"));
    if acr.and_then(|acr| acr.get("essential")) == Some(&serde_json::Value::Bool(true)) {
        return Err(Refusal::new(
            Code::UnmetAuthenticationRequirements,
            "no authentication context can be promised here",
        ));
    }
    Ok(())
}
