//! Who may call an endpoint, and how that is found out: before the handler, for every route of every family alike.
//!
//! A row of the table says [`Access`]; `guarded` puts the check before the handler; the handler is handed the result as
//! [`Acting`] or [`Service`] and cannot check the wrong thing. The ways of proving who calls:
//!
//! - the *session cookie*, which speaks for a browser: unsafe methods must come from our own origin (security.md WEB-1);
//! - an *API key*, `Authorization: SharedKey <key>`, which speaks for a program; `X-Account-UUID` says for whom it acts;
//! - a *service secret*, `Authorization: Bearer <secret>`, for programs that may ask whether credentials are right.
//!
//! Rules where several are sent (simple-auth.md 9.A15): what proves nothing counts as absent, so a dead cookie does not block a good
//! key; a good session wins over a key, and over a wrong one; two good ones that speak for different accounts are refused.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::{self, Next},
    response::IntoResponse,
    routing::MethodRouter,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts};

use super::signature::{Described, Signature};
use crate::{
    domain::{
        apikey::Scope,
        audit::Event,
        call::Call,
        caller::Caller,
        factor::Dossier,
        fault::{Fault, Field, Reason},
        login::throttle::Relay,
        rights::Authority,
        session::SessionHash,
    },
    gate::{Person, Presence, Session},
    values::id::AccountId,
    web::{Shared, edge::cross_site, simple::CredentialsCheck},
};

/// For whom a program acts.
pub const ACTING_FOR: HeaderName = HeaderName::from_static("x-account-uuid");

/// Who may call an endpoint. There is no default: a row without it does not compile (security.md API-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody. A program with an API key of scope `public` is neither held to our origin nor counted by its address.
    Open,
    /// Whoever has a session; no API key stands for one.
    Session,
    /// Whoever has a session, or a program with an API key of this scope for the account it names.
    Private(Scope),
    /// The same, and also a session that opens nothing else yet (a password must be replaced first).
    Unfinished(Scope),
    /// A program with the service secret.
    Service,
    /// A client of the protocol that the endpoint belongs to; its handler finds out which.
    Client,
}

impl Access {
    /// What besides the handler's own refusals a caller may be told.
    pub(super) fn refusals(self, method: &Method) -> Vec<Reason> {
        let mut reasons = match self {
            Self::Open => vec![Reason::Unauthenticated, Reason::Forbidden, Reason::Throttled],
            Self::Session => vec![Reason::Unauthenticated, Reason::PasswordChangeNeeded],
            Self::Private(_) | Self::Unfinished(_) => vec![
                Reason::Unauthenticated,
                Reason::Forbidden,
                Reason::Throttled,
                Reason::NoSuchAccount,
                Reason::Locked,
                Reason::Disabled,
            ],
            Self::Service => vec![Reason::WrongServiceSecret, Reason::Throttled, Reason::SwitchedOff],
            Self::Client => Vec::new(),
        };
        if matches!(self, Self::Private(_)) {
            reasons.push(Reason::PasswordChangeNeeded);
        }
        if self.is_for_browsers() && !method.is_safe() {
            reasons.push(Reason::CrossSite);
        }
        reasons
    }

    const fn is_for_browsers(self) -> bool {
        !matches!(self, Self::Service | Self::Client)
    }
}

/// Who acts, for the handlers of [`Access::Session`], [`Access::Private`] and [`Access::Unfinished`].
#[derive(Clone, Debug)]
pub struct Acting {
    /// The actor.
    pub caller: Caller,
    /// Whose account it is about.
    pub person: Arc<Person>,
    /// The session; none when a program acts.
    pub session: Option<(SessionHash, Arc<Session>)>,
}

impl Acting {
    /// Leave to act on the account.
    pub fn authority(&self) -> Result<Authority, Fault> {
        Authority::of_caller(&self.caller)
    }

    /// The account as its owner sees it. What the same request changes afterwards is not in what it got here.
    ///
    /// # Errors
    /// `NoSuchAccount` when it has gone meanwhile.
    pub fn dossier(&self, shared: &Shared) -> Result<Arc<Dossier>, Fault> {
        shared.gate.dossier(self.person.id)?.ok_or_else(|| Fault::new(Reason::NoSuchAccount))
    }

    /// Leave to do what asks for a recent sign-in. A program's key was made for it, so it is always recent enough.
    pub fn fresh_authority(&self, shared: &Shared, call: &Call) -> Result<Authority, Fault> {
        Authority::of_fresh_caller(&self.caller, call.now, shared.actions.settings().limits.fresh)
    }
}

/// A program that may ask, for the handlers of [`Access::Service`]. Only the check makes one.
#[derive(Clone, Debug)]
pub struct Service(Option<Relay>);

impl Service {
    /// Whom what it brings counts against; `None` where no secret is asked for: then it is whoever calls.
    pub const fn relay(&self) -> Option<Relay> {
        self.0
    }
}

/// Whether a program calls an [`Access::Open`] endpoint with its key, for the handlers that have to know.
#[derive(Clone, Debug)]
pub struct Trusted(Option<Program>);

#[derive(Clone, Debug)]
struct Program {
    name: String,
    client: Option<IpAddr>,
}

impl Trusted {
    /// Whom wrong passwords that it brings count against, all of its people's together; `None` where nobody has a key: then it is whoever
    /// calls.
    pub fn relay(&self) -> Option<Relay> {
        self.0.as_ref().map(|program| Relay::program(&program.name))
    }

    /// The call with the address that it really came from, for what counts by [`relay`](Self::relay) and is told in the trail.
    pub fn called(&self, call: Call) -> Call {
        match &self.0 {
            Some(program) => Call { client: program.client, ..call },
            None => call,
        }
    }
}

macro_rules! from_extensions {
    ($type:ident) => {
        impl FromRequestParts<Shared> for $type {
            type Rejection = Fault;

            async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
                let found = parts.extensions.get::<Self>().cloned();
                found.ok_or_else(|| Fault::broken(concat!("the row lets in more than ", stringify!($type))))
            }
        }
    };
}

from_extensions!(Acting);
from_extensions!(Service);
from_extensions!(Trusted);

impl Described for Acting {
    fn describe(signature: &mut Signature) {
        signature.needs_somebody = true;
    }
}

impl Described for Service {
    fn describe(signature: &mut Signature) {
        signature.needs_service = true;
    }
}

impl Described for Trusted {}

/// Puts the check before a handler. With `without_head`, the methods that there are instead, HEAD is refused.
pub(super) fn guarded(
    route: MethodRouter<Shared>,
    access: Access,
    without_head: Option<String>,
    shared: &Shared,
) -> MethodRouter<Shared> {
    let allowed = without_head.and_then(|methods| HeaderValue::try_from(methods).ok());
    route.route_layer(middleware::from_fn_with_state(
        shared.clone(),
        move |State(shared): State<Shared>, request: Request, next: Next| {
            let allowed = allowed.clone();
            async move {
                let (mut parts, body) = request.into_parts();
                if let (Some(allowed), &Method::HEAD) = (allowed, &parts.method) {
                    let mut refused = Fault::new(Reason::MethodNotAllowed).into_response();
                    refused.headers_mut().insert(header::ALLOW, allowed);
                    return refused;
                }
                match admit(access, &shared, &mut parts).await {
                    Ok(()) => next.run(Request::from_parts(parts, body)).await,
                    Err(fault) => fault.into_response(),
                }
            }
        },
    ))
}

/// The check itself: what the handler is to be handed stands in the request's extensions afterwards. What waits for the store has its own
/// room, so that a session alone is checked without making any.
pub(super) async fn admit(access: Access, shared: &Shared, parts: &mut Parts) -> Result<(), Fault> {
    let call = Call::from_request_parts(parts, shared).await?;
    match access {
        Access::Client => {}
        Access::Service => {
            let service = Box::pin(service(shared, parts, &call)).await?;
            parts.extensions.insert(service);
        }
        Access::Open => {
            let trusted = Box::pin(trusted(shared, parts, &call)).await?;
            if trusted.0.is_some() {
                // Many people's requests come from such an address: it must not stand for one of them.
                parts.extensions.insert(Call { client: None, ..call });
            }
            parts.extensions.insert(trusted);
        }
        Access::Session | Access::Private(_) | Access::Unfinished(_) => {
            let acting = acting(access, shared, parts, &call).await?;
            parts.extensions.insert(acting);
        }
    }
    Ok(())
}

/// Who calls an endpoint that is for somebody.
async fn acting(access: Access, shared: &Shared, parts: &Parts, call: &Call) -> Result<Acting, Fault> {
    let session = match shared.presence(parts, call)? {
        Presence::Person { hash, session, person } => Some((hash, session, person)),
        Presence::Nobody | Presence::Conflicting => None,
    };
    let scope = match access {
        Access::Private(scope) | Access::Unfinished(scope) => Some(scope),
        _ => None,
    };
    let key = match (scope, shared_key(shared, &parts.headers)) {
        (Some(scope), SharedKey::Sent(given)) => match Box::pin(shared.actions.api_key(call, given)).await {
            Ok(key) => Some((scope, key)),
            // A wrong key beside a good session is as good as none; it was counted.
            Err(fault)
                if session.is_some()
                    && matches!(fault.reason, Reason::Unauthenticated | Reason::Throttled) =>
            {
                None
            }
            Err(fault) => return Err(fault),
        },
        _ => None,
    };
    match (session, key) {
        (Some((hash, session, person)), key) => {
            if let Some((_, key)) = key {
                let named = account_named(&parts.headers)?;
                if named.is_some_and(|id| id != person.id) {
                    let why = format!("the session and the key {} speak for different accounts", key.name);
                    return Err(Fault::new(Reason::Unauthenticated).because(why));
                }
            }
            if !parts.method.is_safe() {
                cross_site::same_site_only(&parts.headers, &shared.origin)?;
            }
            if session.restricted && !matches!(access, Access::Unfinished(_)) {
                return Err(Fault::new(Reason::PasswordChangeNeeded));
            }
            Ok(Acting { caller: session.caller(), person, session: Some((hash, session)) })
        }
        (None, Some((scope, key))) => {
            let id = account_named(&parts.headers)?
                .ok_or_else(|| Fault::new(Reason::Unauthenticated).because("a key without X-Account-UUID"))?;
            let caller = Box::pin(shared.actions.act_for(call, &key, scope, id)).await?;
            let person = shared.gate.person(id)?.ok_or_else(|| Fault::new(Reason::NoSuchAccount))?;
            Ok(Acting { caller, person, session: None })
        }
        (None, None) => Err(Fault::new(Reason::Unauthenticated)),
    }
}

/// Who calls an endpoint that is for everybody: a program with a key, or whoever it is from our own origin.
async fn trusted(shared: &Shared, parts: &Parts, call: &Call) -> Result<Trusted, Fault> {
    if let SharedKey::Sent(given) = shared_key(shared, &parts.headers) {
        let key = shared.actions.api_key(call, given).await?;
        shared.actions.use_key(call, &key, Scope::Public, None).await?;
        return Ok(Trusted(Some(Program { name: key.name, client: call.client })));
    }
    if !parts.method.is_safe() {
        cross_site::same_site_only(&parts.headers, &shared.origin)?;
    }
    Ok(Trusted(None))
}

/// The program behind a service secret (simple-auth.md 1.5): without the header, or with another scheme, 400; with a wrong
/// secret 401.
async fn service(shared: &Shared, parts: &Parts, call: &Call) -> Result<Service, Fault> {
    let secrets = match &shared.settings.simple.credentials_check {
        CredentialsCheck::Off => return Err(Fault::new(Reason::SwitchedOff)),
        CredentialsCheck::Open => return Ok(Service(None)),
        CredentialsCheck::Secret(secrets) => secrets,
    };
    let malformed = |what| Fault::malformed(Field::Named("Authorization"), what);
    let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
    let line = match (lines.next(), lines.next()) {
        (Some(line), None) => line,
        (None, _) => return Err(malformed("is required")),
        _ => return Err(malformed("is there more than once")),
    };
    let (scheme, given) = words(line.as_bytes()).ok_or_else(|| malformed("is not Bearer and a secret"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(malformed("is not Bearer and a secret"));
    }
    shared
        .actions
        .prove_program(call, Event::ServiceRefused, || {
            // All are compared, so that the time says nothing about which one was nearly right.
            let right = secrets.iter().fold(false, |right, secret| right | secret.matches(given));
            if right {
                Ok(Service(Some(Relay::service())))
            } else {
                Err(Fault::new(Reason::WrongServiceSecret))
            }
        })
        .await
}

/// What `Authorization` says, as far as it is about API keys.
enum SharedKey<'h> {
    /// No API key was sent, or they are not taken here.
    Absent,
    /// One was sent; `None` when it is not exactly one word after the scheme.
    Sent(Option<&'h str>),
}

fn shared_key<'h>(shared: &Shared, headers: &'h HeaderMap) -> SharedKey<'h> {
    if !shared.settings.simple.api_keys {
        return SharedKey::Absent;
    }
    let mut ours = headers.get_all(header::AUTHORIZATION).iter().filter(|line| {
        let scheme = line.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"sharedkey")
    });
    match (ours.next(), ours.next()) {
        (None, _) => SharedKey::Absent,
        (Some(line), None) => SharedKey::Sent(words(line.as_bytes()).map(|(_, key)| key)),
        // Two keys prove no more than none.
        (Some(_), Some(_)) => SharedKey::Sent(None),
    }
}

/// Exactly two words with one space between.
fn words(line: &[u8]) -> Option<(&str, &str)> {
    let (first, second) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (!first.is_empty() && !second.is_empty() && !second.contains([' ', '\t'])).then_some((first, second))
}

/// The account a program names.
fn account_named(headers: &HeaderMap) -> Result<Option<AccountId>, Fault> {
    let malformed = |what| Fault::malformed(Field::Named("X-Account-UUID"), what);
    let mut lines = headers.get_all(&ACTING_FOR).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => {
            let text = line.to_str().map_err(|_| malformed("is not a UUID"))?;
            text.parse().map(Some).map_err(|_| malformed("is not a UUID"))
        }
        _ => Err(malformed("is there more than once")),
    }
}
