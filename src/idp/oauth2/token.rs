//! The token endpoint: what every grant has in common (federation.md section 2.2).

use std::sync::Arc;

use super::{
    Engine,
    authenticate::Presentation,
    parameters::{Parameters, scopes},
    refusal::Refusal,
};
use crate::domain::fault::OAuthCode as Code;
use crate::{
    domain::{
        call::Call,
        caller::Strength,
        client::{ClientId, ClientRecord, Grant},
        credential::Version,
        login::throttle::Relay,
        token::{AccessKey, Kind, NewAccess, NewLeaf, Ticket},
    },
    values::{
        id::{AccountId, AuthorizationId},
        secret::Secret,
    },
};

/// Tokens on their way to their client, to be shown in one answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Secret<String>,
    /// Seconds it is good for.
    pub expires_in: u64,
    /// The refresh token.
    pub refresh: Option<Secret<String>>,
    /// The ID token.
    pub id_token: Option<Secret<String>>,
    /// What the access token is good for.
    pub scopes: Vec<String>,
}

/// What came of a request for tokens.
pub enum Outcome {
    /// Here they are.
    Tokens(Tokens),
    /// A person's password is to be checked first, by whoever guards passwords; then [`Engine::after_password`] goes on.
    Password(PasswordStep),
}

/// A client that may use passwords, and the one it has.
pub struct PasswordStep {
    pub(super) id: ClientId,
    pub(super) client: Arc<ClientRecord>,
    pub(super) scopes: Vec<String>,
    /// The name the person signs in with.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
    /// A code of a second factor.
    pub totp: Option<Secret<String>>,
}

/// Somebody whose password was right.
#[derive(Clone, Debug)]
pub struct PasswordProof {
    /// Who.
    pub account: AccountId,
    /// How.
    pub strength: Strength,
    /// Which password that was.
    pub version: Option<Version>,
}

impl PasswordStep {
    /// Whom a wrong password counts against beside its account. A client that has proven itself brings what many people typed, all from
    /// one address: it is a source by itself (security.md THR-1, THR-4). One that proves nothing is whoever calls.
    pub fn relay(&self) -> Option<Relay> {
        self.client.is_confidential().then(|| Relay::client(self.id.as_str()))
    }
}

/// An access token that is not stored yet.
pub(super) struct FreshAccess {
    pub(super) key: AccessKey,
    pub(super) new: NewAccess,
}

/// A refresh token that is not stored yet.
pub(super) struct FreshRefresh {
    pub(super) ticket: Ticket,
    pub(super) new: NewLeaf,
}

impl Engine {
    /// Answers a request for tokens. The client is proven before anything of its grant is looked at, and a failure there uses
    /// up nothing.
    pub async fn token(
        &self,
        call: &Call,
        presentation: &Presentation,
        parameters: &Parameters,
    ) -> Result<Outcome, Refusal> {
        parameters.each_once()?;
        let (id, client) = self.authenticate(call, presentation, parameters).await?;
        let grant = parameters.required("grant_type", 256)?;
        let Some(grant) = Grant::parse(grant) else {
            return Err(Refusal::new(Code::UnsupportedGrantType, "there is no such grant here"));
        };
        if !client.registration.may(grant) {
            return Err(Refusal::new(Code::UnauthorizedClient, "the client may not use this grant"));
        }
        match grant {
            Grant::AuthorizationCode => {
                self.redeem_code(call, id, client, parameters).await.map(Outcome::Tokens)
            }
            Grant::RefreshToken => self.refresh(call, id, client, parameters).await.map(Outcome::Tokens),
            Grant::ClientCredentials => {
                self.for_itself(call, id, client, parameters).await.map(Outcome::Tokens)
            }
            Grant::Password => password_step(id, client, parameters).map(Outcome::Password),
        }
    }

    pub(super) fn fresh_access(&self, call: &Call, client: &ClientRecord) -> FreshAccess {
        let lifetime = self.settings().lifetimes.of(&client.registration).access;
        let key = AccessKey::mint(call.now, self.0.world.random());
        let new = NewAccess { hash: key.hash(), short: key.short(), lifetime };
        FreshAccess { key, new }
    }

    pub(super) fn fresh_refresh(&self, family: AuthorizationId, client: &ClientRecord) -> FreshRefresh {
        let lifetimes = self.settings().lifetimes.of(&client.registration);
        let ticket = Ticket::mint(Kind::Refresh, family, self.0.world.random(), self.0.keyring.tickets());
        let new = NewLeaf {
            digest: ticket.digest(),
            short: ticket.short(),
            idle: lifetimes.refresh_idle,
            absolute: lifetimes.refresh,
        };
        FreshRefresh { ticket, new }
    }
}

fn password_step(
    id: ClientId,
    client: Arc<ClientRecord>,
    parameters: &Parameters,
) -> Result<PasswordStep, Refusal> {
    let scopes = asked_scopes(parameters, &client)?;
    let username = parameters.required("username", 4096)?.to_owned();
    let password = Secret::from(parameters.required("password", 4096)?);
    let totp = parameters.bounded("totp", 64)?.map(Secret::from);
    Ok(PasswordStep { id, client, scopes, username, password, totp })
}

/// The scopes of a request at this endpoint that the client may have.
pub(super) fn asked_scopes(parameters: &Parameters, client: &ClientRecord) -> Result<Vec<String>, Refusal> {
    let asked = scopes(parameters.bounded("scope", 2048)?.unwrap_or_default())?;
    let permitted = client.registration.permitted(asked.iter().copied());
    if permitted.is_empty() && !asked.is_empty() {
        return Err(Refusal::new(Code::InvalidScope, "the client may have none of these scopes"));
    }
    Ok(permitted)
}
