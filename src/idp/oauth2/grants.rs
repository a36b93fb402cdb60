//! The four ways to tokens.

use std::sync::Arc;

use super::{
    Engine,
    id_token::About,
    parameters::{Parameters, scopes},
    refusal::Refusal,
    still_may,
    token::{FreshAccess, PasswordProof, PasswordStep, Tokens, asked_scopes},
};
use crate::domain::fault::OAuthCode as Code;
use crate::{
    domain::{
        account::ACCOUNTS,
        audit::{self, Entry, Event},
        call::Call,
        caller::Strength,
        client::{ClientId, ClientRecord, Grant},
        credential::{self, Version},
        fault::{Fault, Reason},
        token::{
            self, AUTHORIZATIONS, AuthorizationRecord, Kind, Live, Presented, Redeemed, Redemption, Rotated,
            Rotation, State, foresee_redemption, foresee_rotation, redeem, rotate,
        },
    },
    store::{Reading, StoreError, WriteTx},
    values::{
        id::{AccountId, AuthorizationId},
        secret::Secret,
        time::Timestamp,
    },
};

/// Longer than any ticket of ours.
const LONGEST_TICKET: usize = 512;

impl Engine {
    /// `authorization_code`. The same words for every way in which a code is not good (security.md OAU-4).
    pub(super) async fn redeem_code(
        &self,
        call: &Call,
        id: ClientId,
        client: Arc<ClientRecord>,
        parameters: &Parameters,
    ) -> Result<Tokens, Refusal> {
        let code = parameters.required("code", LONGEST_TICKET)?;
        let redirect_uri = parameters.get("redirect_uri").map(str::to_owned);
        let verifier = parameters.get("code_verifier").map(str::to_owned);
        let Some(presented) = Presented::read(Kind::Code, code, self.0.keyring.tickets()) else {
            return Err(no_good_code());
        };
        let access = self.fresh_access(call, &client);
        let refresh = client
            .registration
            .may(Grant::RefreshToken)
            .then(|| self.fresh_refresh(presented.authorization, &client));
        let redemption = Redemption {
            presented,
            client: id.clone(),
            redirect_uri,
            verifier,
            access: access.new.clone(),
            refresh: refresh.as_ref().map(|refresh| refresh.new.clone()),
        };
        let (about, epoch) = (call.clone(), self.0.store.epoch());
        let foreseen = self.0.store.read(|tx| {
            if self.is_outlived(tx, &redemption.presented, call.now)? {
                return Ok(Some(Redeemed::Refused("the session it was granted in is over")));
            }
            foresee_redemption(tx, &redemption, call.now, epoch)
        })?;
        let redeemed = if let Some(refused) = foreseen {
            refused
        } else {
            let written = self.0.store.write(move |tx| {
                let redeemed = redeem(tx, &redemption, about.now, epoch)?;
                append(tx, &about, &redemption.client, entry_of_code(&redeemed))?;
                Ok::<_, Refusal>(redeemed)
            });
            written.await?
        };
        // What follows cannot undo the commit. If signing fails, the code is spent: no replay rather than a second try.
        match redeemed {
            Redeemed::Issued(record) => {
                let refresh = refresh.map(|refresh| refresh.ticket.text().clone());
                let scopes = record.scopes.clone();
                self.hand_over(call, &client, record, access, refresh, scopes).await
            }
            Redeemed::Refused(why) => {
                self.count_redeemer(call, (&id, &client), why).await?;
                Err(no_good_code())
            }
            Redeemed::Replayed(_) => Err(no_good_code()),
        }
    }

    /// `refresh_token`.
    ///
    /// Without `offline_access` it ends with the session it was granted in, at the very moment that is over, by idleness too. A program
    /// that renews its tokens is not its person at the keyboard: it makes the session last no longer. Whoever wants to go on while nobody is there
    /// asks for `offline_access`.
    pub(super) async fn refresh(
        &self,
        call: &Call,
        id: ClientId,
        client: Arc<ClientRecord>,
        parameters: &Parameters,
    ) -> Result<Tokens, Refusal> {
        let given = parameters.required("refresh_token", LONGEST_TICKET)?;
        let narrower = parameters.bounded("scope", 2048)?.map(scopes).transpose()?;
        let Some(presented) = Presented::read(Kind::Refresh, given, self.0.keyring.tickets()) else {
            return Err(no_good_refresh());
        };
        let access = self.fresh_access(call, &client);
        let refresh = self.fresh_refresh(presented.authorization, &client);
        let rotation = Rotation {
            presented,
            client: id.clone(),
            scopes: narrower.map(|scopes| scopes.into_iter().map(str::to_owned).collect()),
            allowed: client.registration.scopes.clone(),
            access: access.new.clone(),
            refresh: refresh.new.clone(),
        };
        let (about, epoch) = (call.clone(), self.0.store.epoch());
        let foreseen = self.0.store.read(|tx| {
            if self.is_outlived(tx, &rotation.presented, call.now)? {
                return Ok(Some(Rotated::Refused("the session it was granted in is over")));
            }
            foresee_rotation(tx, &rotation, call.now, epoch)
        })?;
        let rotated = if let Some(refused) = foreseen {
            refused
        } else {
            let written = self.0.store.write(move |tx| {
                let rotated = rotate(tx, &rotation, about.now, epoch)?;
                append(tx, &about, &rotation.client, entry_of_refresh(&rotated))?;
                Ok::<_, Refusal>(rotated)
            });
            written.await?
        };
        match rotated {
            Rotated::Issued(mut record, scopes) => {
                // The nonce belongs to the first ID token alone.
                record.nonce = None;
                let refresh = Some(refresh.ticket.text().clone());
                self.hand_over(call, &client, record, access, refresh, scopes).await
            }
            Rotated::Wider => {
                self.count_redeemer(call, (&id, &client), "wider scopes").await?;
                Err(Refusal::new(Code::InvalidScope, "more was asked for than was granted"))
            }
            Rotated::Refused(why) => {
                self.count_redeemer(call, (&id, &client), why).await?;
                Err(no_good_refresh())
            }
            Rotated::Reused(_) => Err(no_good_refresh()),
        }
    }

    /// Whether what this stands for ended with its session. What has been replaced or used before is not judged here: that it comes again
    /// has to be noticed (security.md OAU-5, OAU-10).
    fn is_outlived(
        &self,
        tx: &impl Reading,
        presented: &Presented,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        match AUTHORIZATIONS.get(tx, &presented.authorization)? {
            Some(granted) if granted.holds(&presented.digest) => self.ended_with_session(tx, &granted, now),
            _ => Ok(false),
        }
    }

    /// `client_credentials`: the client is its own subject; there is nobody an ID token could be about, and nothing to renew.
    pub(super) async fn for_itself(
        &self,
        call: &Call,
        id: ClientId,
        client: Arc<ClientRecord>,
        parameters: &Parameters,
    ) -> Result<Tokens, Refusal> {
        let mut scopes = asked_scopes(parameters, &client)?;
        scopes.retain(|scope| !matches!(scope.as_str(), "openid" | "offline_access"));
        let access = self.fresh_access(call, &client);
        let record = self.blank(call, id, None, scopes, Strength::default());
        let family = AuthorizationId::mint(call.now, self.0.world.random());
        let opening = Opening { family, grant: Grant::ClientCredentials, password: None };
        let record = self.open(call, opening, record, &access, None).await?;
        let scopes = record.scopes.clone();
        self.hand_over(call, &client, record, access, None, scopes).await
    }

    /// `password`, once the password (and whatever else is asked of the person) has been proven.
    pub async fn after_password(
        &self,
        call: &Call,
        step: PasswordStep,
        proof: PasswordProof,
    ) -> Result<Tokens, Refusal> {
        let access = self.fresh_access(call, &step.client);
        let family = AuthorizationId::mint(call.now, self.0.world.random());
        let refresh = step
            .client
            .registration
            .may(Grant::RefreshToken)
            .then(|| self.fresh_refresh(family, &step.client));
        let record = self.blank(call, step.id, Some(proof.account), step.scopes, proof.strength);
        let new = refresh.as_ref().map(|refresh| refresh.new.clone());
        let opening = Opening { family, grant: Grant::Password, password: proof.version };
        let record = self.open(call, opening, record, &access, new).await?;
        let refresh = refresh.map(|refresh| refresh.ticket.text().clone());
        let scopes = record.scopes.clone();
        self.hand_over(call, &step.client, record, access, refresh, scopes).await
    }

    fn blank(
        &self,
        call: &Call,
        client: ClientId,
        account: Option<AccountId>,
        scopes: Vec<String>,
        strength: Strength,
    ) -> AuthorizationRecord {
        AuthorizationRecord {
            client,
            account,
            session: None,
            offline: true,
            scopes,
            strength,
            nonce: None,
            created: call.now,
            ends: call.now,
            epoch: self.0.store.epoch(),
            state: State::Live(Live { code: None, refresh: None }),
        }
    }

    /// Opens a family that no code led to, if what led to it is still so.
    async fn open(
        &self,
        call: &Call,
        opening: Opening,
        record: AuthorizationRecord,
        access: &FreshAccess,
        refresh: Option<token::NewLeaf>,
    ) -> Result<AuthorizationRecord, Refusal> {
        let (call, access) = (call.clone(), access.new.clone());
        let written = self.0.store.write(move |tx| {
            still_may(tx, &record.client, opening.grant, &record.scopes)?;
            if let Some(account) = record.account {
                still_proven(tx, account, opening.password)?;
            }
            let mut record = record.clone();
            token::open_family(tx, opening.family, &mut record, None, &access, refresh.as_ref(), call.now)?;
            append(tx, &call, &record.client, Some(Told::done(Event::TokensIssued, &record)))?;
            Ok::<_, Refusal>(record)
        });
        written.await
    }

    /// Puts the answer together.
    async fn hand_over(
        &self,
        call: &Call,
        client: &ClientRecord,
        record: AuthorizationRecord,
        access: FreshAccess,
        refresh: Option<Secret<String>>,
        scopes: Vec<String>,
    ) -> Result<Tokens, Refusal> {
        let expires_in = access.new.lifetime.as_secs();
        let access = access.key.text().clone();
        let wanted = client.registration.id_token_always || scopes.iter().any(|scope| scope == "openid");
        let id_token = match record.account {
            Some(account) if wanted => {
                let about = About { account, record: &record, scopes: &scopes, access: &access };
                Some(self.id_token(call, &client.registration, about).await?)
            }
            _ => None,
        };
        Ok(Tokens { access, expires_in, refresh, id_token, scopes })
    }
}

/// What a family without a code rests on.
#[derive(Clone, Copy)]
struct Opening {
    family: AuthorizationId,
    grant: Grant,
    /// The password that was proven.
    password: Option<Version>,
}

/// The account is open and has the password that was proven: whatever closed it or set another one has ended all that was granted
/// before, and nothing may come after (security.md SES-9).
fn still_proven(tx: &impl Reading, account: AccountId, proven: Option<Version>) -> Result<(), Refusal> {
    let refused = |why: &'static str| Err(Fault::new(Reason::BadCredentials).because(why).into());
    if ACCOUNTS.get(tx, &account)?.is_none_or(|account| account.status.hindrance().is_some()) {
        return refused("the account was closed meanwhile");
    }
    if credential::password_of(tx, account)?.map(|password| password.version()) != proven {
        return refused("the password was changed meanwhile");
    }
    Ok(())
}

fn no_good_code() -> Refusal {
    Refusal::new(Code::InvalidGrant, "the code is unknown, used, too old, or not for this request")
}

fn no_good_refresh() -> Refusal {
    Refusal::new(Code::InvalidGrant, "the refresh token is unknown, used, too old, or revoked")
}

/// What the trail is told.
struct Told {
    event: Event,
    done: bool,
    account: Option<AccountId>,
    detail: String,
}

impl Told {
    fn done(event: Event, record: &AuthorizationRecord) -> Self {
        Self { event, done: true, account: record.account, detail: record.scopes.join(" ") }
    }

    fn alarm(event: Event, record: &AuthorizationRecord) -> Self {
        Self { done: false, detail: "all its tokens have ended".to_owned(), ..Self::done(event, record) }
    }
}

/// What the trail is told of a redemption in its own transaction: what it changed.
fn entry_of_code(redeemed: &Redeemed) -> Option<Told> {
    match redeemed {
        Redeemed::Issued(record) => Some(Told::done(Event::TokensIssued, record)),
        Redeemed::Refused(_) => None,
        Redeemed::Replayed(record) => Some(Told::alarm(Event::CodeReplayed, record)),
    }
}

fn entry_of_refresh(rotated: &Rotated) -> Option<Told> {
    match rotated {
        Rotated::Issued(record, _) => Some(Told::done(Event::TokensRenewed, record)),
        Rotated::Refused(_) | Rotated::Wider => None,
        Rotated::Reused(record) => Some(Told::alarm(Event::RefreshTokenReused, record)),
    }
}

fn append(tx: &mut WriteTx, call: &Call, client: &ClientId, told: Option<Told>) -> Result<(), StoreError> {
    let Some(told) = told else { return Ok(()) };
    let actor = client.as_str();
    let mut entry = if told.done {
        Entry::done(told.event, actor, call)
    } else {
        Entry::refused(told.event, actor, call)
    };
    if let Some(account) = told.account {
        entry = entry.about(account);
    }
    audit::append(tx, &entry.detail(format!("{client}; {}", told.detail)))
}
