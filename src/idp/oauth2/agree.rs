//! A person agrees, and the client gets a code.

use super::{Engine, changed, refusal::Refusal, request::Request, still_may};
use crate::domain::fault::OAuthCode as Code;
use crate::{
    domain::{
        account::ACCOUNTS,
        audit::{self, Entry, Event},
        call::Call,
        caller::Strength,
        client::{ClientKind, Consent, Grant, redirect},
        fault::{Fault, Reason},
        session::{SESSIONS, SessionHash},
        token::{self, AuthorizationRecord, Granted, Kind, State, Ticket},
    },
    store::WriteTx,
    values::{
        id::{AccountId, AuthorizationId, SessionId},
        secret::Secret,
    },
};

/// Whoever lets a client act: a person with a live session, or a service that speaks for the person.
#[derive(Clone, Debug)]
pub struct Grantor {
    /// Who.
    pub account: AccountId,
    /// In which session; what is granted ends with it. `None` for a program.
    pub session: Option<(SessionHash, SessionId)>,
    /// How the person was proven.
    pub strength: Strength,
}

/// What a grant rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// The person has just agreed to exactly this request.
    Now,
    /// The person need not be asked: what was agreed before covers it.
    Before,
}

impl Engine {
    /// Whether the person must be asked (security.md OAU-15).
    pub fn must_ask(&self, request: &Request, account: AccountId) -> Result<bool, Fault> {
        if request.ask_anyway || !may_rest_on_the_past(request) {
            return Ok(true);
        }
        if request.registration.consent == Consent::Skip {
            return Ok(false);
        }
        Ok(!self.0.store.read(|tx| token::agreed(tx, account, &request.client, &request.scopes))?)
    }

    /// Grants a request: what comes back is the code, for this one answer.
    pub async fn grant(
        &self,
        call: &Call,
        grantor: &Grantor,
        request: &Request,
        agreement: Agreement,
    ) -> Result<Secret<String>, Refusal> {
        if agreement == Agreement::Before && (request.ask_anyway || !may_rest_on_the_past(request)) {
            return Err(unasked());
        }
        let id = AuthorizationId::mint(call.now, self.0.world.random());
        let code = Ticket::mint(Kind::Code, id, self.0.world.random(), self.0.keyring.tickets());
        let epoch = self.0.store.epoch();
        let record = AuthorizationRecord {
            client: request.client.clone(),
            account: Some(grantor.account),
            session: grantor.session.map(|(_, id)| id),
            offline: request.scopes.iter().any(|scope| scope == "offline_access"),
            scopes: request.scopes.clone(),
            strength: grantor.strength.clone(),
            nonce: request.nonce.clone(),
            created: call.now,
            ends: call.now + self.settings().lifetimes.code,
            epoch,
            state: State::Granted(Granted {
                code: code.digest(),
                short: code.short(),
                redirect_uri: request.way_back.uri().to_owned(),
                redirect_named: request.redirect_named,
                challenge: request.challenge,
            }),
        };
        let (call, grantor, request) = (call.clone(), grantor.clone(), request.clone());
        let written = self.0.store.write(move |tx| {
            still_so(tx, &grantor, &request, epoch)?;
            // Here, so that of two at once only one rests on a sign-in that is good for one.
            request.refuse_stale(tx, &grantor, call.now)?;
            let account = grantor.account;
            match (agreement, request.registration.consent) {
                // What a program agrees to in somebody's place nobody has seen: it holds for this once.
                (Agreement::Now, Consent::Remember) if grantor.session.is_some() => {
                    token::agree(tx, account, &request.client, &request.scopes, call.now)?;
                }
                (Agreement::Before, Consent::Remember)
                    if !token::agreed(tx, account, &request.client, &request.scopes)? =>
                {
                    return Err(unasked());
                }
                _ => {}
            }
            token::grant(tx, id, &record)?;
            let entry = Entry::done(Event::AuthorizationGranted, account.to_string(), &call).about(account);
            audit::append(tx, &entry.detail(format!("{}; {}", request.client, record.scopes.join(" "))))?;
            Ok::<_, Refusal>(())
        });
        written.await?;
        Ok(code.text().clone())
    }

    /// The person said no. The trail tells of it, and the client is told.
    pub async fn decline(
        &self,
        call: &Call,
        account: AccountId,
        request: &Request,
    ) -> Result<Refusal, Fault> {
        let entry = Entry::refused(Event::AuthorizationDeclined, account.to_string(), call).about(account);
        let entry = entry.detail(request.client.as_str());
        self.0.store.write(move |tx| audit::append(tx, &entry).map_err(Fault::from)).await?;
        Ok(Refusal::new(Code::AccessDenied, "the person did not agree"))
    }
}

/// Whether an earlier agreement, or the operator's, can stand for this request. Where another program on the same device may
/// listen at the address, only the person's own yes will do.
fn may_rest_on_the_past(request: &Request) -> bool {
    let unverified =
        request.registration.kind == ClientKind::Public && redirect::is_unverified(request.way_back.uri());
    request.registration.consent != Consent::Always && !unverified
}

fn unasked() -> Refusal {
    // Simple Auth's word for an automatic grant that nothing covers.
    Refusal::new(Code::InvalidGrant, "the person has not agreed to this before")
}

/// What was true when the request was read must be true when it is granted (security.md OAU-7).
fn still_so(tx: &WriteTx, grantor: &Grantor, request: &Request, epoch: u64) -> Result<(), Refusal> {
    let client = still_may(tx, &request.client, Grant::AuthorizationCode, &request.scopes)?;
    let places = &client.registration.redirect_uris;
    if !places.iter().any(|uri| redirect::matches(uri, request.way_back.uri())) {
        return Err(changed());
    }
    let account = ACCOUNTS.get(tx, &grantor.account)?;
    if account.is_none_or(|account| account.status.hindrance().is_some()) {
        return Err(Fault::new(Reason::Unauthenticated).because("the account was closed meanwhile").into());
    }
    if let Some((hash, _)) = &grantor.session {
        let session = SESSIONS.get(tx, hash)?;
        if session.is_none_or(|session| {
            session.account != grantor.account || session.epoch != epoch || session.restricted
        }) {
            return Err(Fault::new(Reason::Unauthenticated).because("the session ended meanwhile").into());
        }
    }
    Ok(())
}
