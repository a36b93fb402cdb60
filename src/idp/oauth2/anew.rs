//! Requests that ask for a new sign-in (security.md OAU-17, federation.md section 5.5): `prompt=login`, `max_age`.
//!
//! The browser goes to sign in and comes back with the request and a mark in it: since when it has been asked. A sign-in after that
//! moment was made for this request. The mark is sealed together with the request: nobody makes up an earlier moment, and what one
//! request was granted for says nothing about another. What the mark tells is compared with the session the browser has now, and one sign-in
//! is good for one grant: whoever comes back with the same address, minutes later at the same browser, signs in again.
//!
//! A mark that somebody else made is worth no more than that: a new sign-in at this browser after it. Who can send a browser to a request
//! can as well leave `prompt` out of it, since requests are not signed; a client that has to be certain looks at `auth_time`.

use std::time::Duration;

use super::{
    Engine, Grantor,
    parameters::{MARK, Parameters},
    refusal::Refusal,
    request::Request,
};
use crate::{
    domain::{
        caller::Strength,
        fault::{Fault, OAuthCode as Code},
        token,
    },
    store::{Reading, StoreError},
    values::{id::SessionId, time::Timestamp},
};

/// What a sign-in that was made for a request may be older than that request's `max_age` says. Somebody has to read the page that asks for
/// consent, and a client that asks for one second would send its people round and round. Clocks may differ by as much
/// (security.md section 2).
const ALLOWANCE: Duration = Duration::from_mins(1);
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
    /// Reads `max_age` (whole seconds; none at all is the same as asking for a sign-in) beside what `prompt` asks for.
    pub(super) fn read(parameters: &Parameters, anew: bool) -> Result<Self, Refusal> {
        let max_age = match parameters.bounded("max_age", LONGEST_AGE)? {
            None => None,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<u64>().ok(),
            Some(_) => return Err(Refusal::about("max_age", "is not a number of seconds")),
        };
        let age = max_age.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        Ok(Self { anew: anew || max_age == Some(0), max_age: age, since: None })
    }

    const fn is_any(&self) -> bool {
        self.anew || self.max_age.is_some()
    }
}

impl Request {
    /// Whether the person has to sign in anew before this may be granted. A program that speaks for somebody has not signed
    /// that person in at all.
    fn wants_sign_in(
        &self,
        tx: &impl Reading,
        session: Option<SessionId>,
        strength: &Strength,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Wish { anew, max_age, since } = self.wish;
        let made_for_this = strength
            .signed_in()
            .filter(|at| since.is_some_and(|since| since < *at && now.since(since) <= LONGEST));
        if let Some(most) = max_age {
            let most = if made_for_this.is_some() { most.max(ALLOWANCE) } else { most };
            if strength.last_proof().is_none_or(|at| now.since(at) > most) {
                return Ok(true);
            }
        }
        if !anew {
            return Ok(false);
        }
        let Some((session, at)) = session.zip(made_for_this) else { return Ok(true) };
        token::was_granted_since(tx, session, &self.client, at)
    }

    /// Refuses where that is still to come.
    pub(super) fn refuse_stale(
        &self,
        tx: &impl Reading,
        grantor: &Grantor,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if self.wants_sign_in(tx, grantor.session.map(|(_, id)| id), &grantor.strength, now)? {
            return Err(Refusal::new(Code::LoginRequired, "the person has to sign in anew for this"));
        }
        Ok(())
    }
}

impl Engine {
    /// Whether the person has to sign in anew before this may be granted.
    pub fn wants_sign_in(&self, request: &Request, grantor: &Grantor, now: Timestamp) -> Result<bool, Fault> {
        let session = grantor.session.map(|(_, id)| id);
        Ok(self.0.store.read(|tx| request.wants_sign_in(tx, session, &grantor.strength, now))?)
    }

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
