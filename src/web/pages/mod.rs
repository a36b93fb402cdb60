//! The portal's pages: signing in and out, first-run setup, the own password, the own account, and refusals as pages.
//!
//! **Responsibility.** Server-rendered HTML that works without scripts and loads nothing: each page is one answer, its style
//! sheet in it. All words come from one catalogue, all markup from templates compiled into the program.
//!
//! **Invariants.** Every answer carries the headers of security.md WEB-4, a strict content policy among them. Every
//! value is escaped by the template engine; no code here writes HTML. State changes are forms with a token bound to the browser
//! (before sign-in) or the session (after it), from our own origin. A browser is sent only to a
//! checked return address or to a page of ours. What is shown before the right password does not depend on the account.
//!
//! **Not here.** Rules: each handler parses, calls an action, answers.
//!
//! **Start reading at** [`routes`], then `login` for a form from end to end, `view` for rendering, `way` for return addresses.

mod agent;
mod apps;
mod catalogue;
mod consent;
mod document;
mod factors;
mod fields;
mod flow;
mod form;
mod links;
mod login;
mod logout;
mod loops;
mod me;
mod passkeys;
mod password;
mod profile;
mod recover;
mod register;
mod second;
mod setup;
mod sheet;
mod terms;
mod trouble;
mod view;
mod way;

use axum::{Router, response::Response, routing};
use minijinja::{Value, context};

pub(in crate::web) use self::links::{arrive, visitor};
pub use self::{
    document::{document, documents},
    trouble::{PagesEnvelope, refusal},
};
use self::{
    trouble::circles,
    way::{Own, Way, see_other},
};
use crate::{
    actions::factors::Owner,
    domain::{
        call::Call,
        fault::{Fault, Reason},
        keyring::FormBinding,
        rights::Authority,
        session::SessionHash,
    },
    gate::{Person, Presence, Session},
    web::{Shared, edge::rescue},
};

/// Whether a path of the portal's host is ours whatever app lives there, too.
pub fn is_for(path: &str) -> bool {
    OURS.iter()
        .any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

const OURS: &[&str] = &[
    "/login",
    "/logout",
    "/setup",
    "/password",
    "/me",
    "/register",
    "/invite",
    "/confirm",
    "/onetime",
    "/forgot",
    "/recover",
    "/terms",
    consent::PATH,
];

/// The pages. `/` is among them for portals on whose host no app lives; who dispatches decides that.
pub fn routes(shared: Shared) -> Router {
    let routes = Router::new()
        .route("/", routing::get(me::show))
        .route("/login", routing::get(login::show).post(login::begin))
        .route("/logout", routing::get(logout::show).post(logout::end))
        .route("/setup", routing::get(setup::show).post(setup::create))
        .route("/password", routing::get(password::show).post(password::change))
        .route("/me", routing::get(me::show))
        .route("/me/sessions/end", routing::post(me::end_sessions))
        .route("/me/apps", routing::get(apps::show))
        .route("/me/apps/revoke", routing::post(apps::revoke))
        .route(consent::PATH, routing::get(consent::show).post(consent::decide))
        .merge(passkeys::routes(&shared))
        .merge(account_routes())
        .merge(factor_routes());
    rescue::family(routes, PagesEnvelope::new(shared.clone())).with_state(shared)
}

/// Second factors: the second step of a sign-in, and the pages where they are looked after.
fn factor_routes() -> Router<Shared> {
    Router::new()
        .route("/login/second-factor", routing::get(second::show).post(second::prove))
        .route("/login/second-factor/send", routing::post(second::send))
        .route("/me/factors", routing::get(factors::show))
        .route("/me/factors/totp", routing::get(factors::show_totp).post(factors::begin_totp))
        .route("/me/factors/totp/confirm", routing::post(factors::confirm_totp))
        .route("/me/factors/remove", routing::post(factors::remove))
        .route("/me/factors/recovery", routing::post(factors::recovery))
        .route("/me/factors/code", routing::post(factors::begin_code))
        .route("/me/factors/code/confirm", routing::post(factors::confirm_code))
        .route("/me/factors/devices", routing::post(factors::devices))
        .route("/me/factors/reviewed", routing::post(factors::reviewed))
}

/// Joining, confirming and recovering.
fn account_routes() -> Router<Shared> {
    Router::new()
        .route("/register", routing::get(register::show).post(register::create))
        .route("/invite", routing::get(register::show_invitation).post(register::accept_invitation))
        .route("/confirm", routing::get(links::show_confirm).post(links::confirm))
        .route("/confirm/again", routing::post(links::send_again))
        .route("/onetime", routing::get(links::show_onetime).post(links::redeem_onetime))
        .route("/forgot", routing::get(recover::show_forgot).post(recover::forgot))
        .route("/recover", routing::get(recover::show).post(recover::reset))
        .route("/terms", routing::get(terms::show).post(terms::accept))
        .route("/me/profile", routing::get(profile::show).post(profile::rename))
        .route("/me/profile/email", routing::post(profile::email))
        .route("/me/profile/email/stop", routing::post(profile::stop))
        .route("/me/profile/mobile", routing::post(profile::mobile))
        .route("/me/profile/mobile/confirm", routing::post(profile::confirm_mobile))
}

/// Who is signed in at this browser.
struct Here<'p> {
    hash: SessionHash,
    session: &'p Session,
    person: &'p Person,
}

impl<'p> Here<'p> {
    fn of(presence: &'p Presence) -> Option<Self> {
        match presence {
            Presence::Person { hash, session, person } => Some(Self { hash: *hash, session, person }),
            Presence::Nobody | Presence::Conflicting => None,
        }
    }

    fn username(&self) -> String {
        String::from_utf8_lossy(&self.person.username).into_owned()
    }

    /// The same person as the owner of the account, with what was proven.
    fn owner(&self) -> Result<Owner, Fault> {
        Ok(Owner {
            authority: Authority::of_session(&self.session.caller())?,
            strength: Some(self.session.strength()),
            session: Some((self.hash, self.session.id)),
        })
    }

    /// What is still to be proven before anything may be changed that opens the account, and where. Asked before there is a form, so that
    /// nothing is typed in vain; the change asks again.
    fn missing(&self, shared: &Shared, call: &Call, back: &str) -> Result<Option<Missing>, Fault> {
        match shared.actions.may_change(call, &self.owner()?) {
            Ok(()) => Ok(None),
            Err(fault) => self.way_to_prove(&fault, back).map_or(Err(fault), |way| Ok(Some(way))),
        }
    }

    /// Where the proof can be given that a refusal asks for, to come back to `back` then; `None` for refusals of another kind. Whoever has
    /// no such proof left is told so there.
    fn way_to_prove(&self, fault: &Fault, back: &str) -> Option<Missing> {
        let reason = match fault.reason {
            // A restricted session cannot be raised: its owner signs in again.
            Reason::SecondFactorNeeded if self.session.restricted => Reason::FreshSignInNeeded,
            reason => reason,
        };
        way_to_prove(reason, back)
    }

    /// Leave to change what only a recent sign-in may change.
    fn fresh_authority(&self, shared: &Shared, call: &Call) -> Result<Authority, Fault> {
        Authority::of_fresh_session(&self.session.caller(), call.now, shared.actions.settings().limits.fresh)
    }
}

/// A proof that is missing.
struct Missing {
    /// A second factor, and not a whole sign-in.
    second: bool,
    /// Where it is given.
    path: String,
}

/// The same for a session that can be raised.
fn way_to_prove(reason: Reason, back: &str) -> Option<Missing> {
    let to = Way::to_own(back);
    match reason {
        Reason::SecondFactorNeeded => {
            Some(Missing { second: true, path: to.through(Own::SecondFactor, None) })
        }
        Reason::FreshSignInNeeded => {
            Some(Missing { second: false, path: to.through(Own::Login, Some("again")) })
        }
        _ => None,
    }
}

/// Somebody with an unrestricted session whose own form this is; everybody else gets the page where they belong.
fn own_form<'p>(
    shared: &Shared,
    presence: &'p Presence,
    mut form: form::Form,
    from: Own,
) -> Result<Result<(Here<'p>, form::Form), Response>, Fault> {
    let Some(here) = Here::of(presence) else { return Ok(Err(answer(login_first(shared, from)))) };
    flow::prove(shared, FormBinding::Session(here.session.id), &form.take(flow::TOKEN))?;
    if here.session.restricted {
        return Ok(Err(answer(see_other(shared, Own::Password.path(), []))));
    }
    Ok(Ok((here, form)))
}

fn answer(response: http::Response<bytes::Bytes>) -> Response {
    response.map(axum::body::Body::from)
}

/// Hidden fields for a template.
fn hidden<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> Vec<Value> {
    fields.into_iter().map(|(name, value)| context! { name => name, value => value }).collect()
}

/// Whether a query has this parameter, whatever its value.
fn has_flag(query: &str, flag: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == flag)
}

/// To the sign-in form, and back to a page of ours.
fn login_first(shared: &Shared, page: Own) -> http::Response<bytes::Bytes> {
    see_other(shared, &Way::to_own(page.path()).through(Own::Login, None), [])
}

/// How many characters a new password has at least.
fn least_length(shared: &Shared) -> String {
    shared.actions.settings().passwords.length.min_length().to_string()
}

#[cfg(test)]
mod tests;
