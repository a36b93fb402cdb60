//! What a token is good for, for those who may know (RFC 7662, security.md OAU-22).

use super::{Engine, authenticate::Presentation, parameters::Parameters, refusal::Refusal};
use crate::domain::fault::OAuthCode as Code;
use crate::{
    domain::{
        account::{ACCOUNTS, AccountRecord},
        call::Call,
        client::{CLIENTS, ClientId},
        token::{ACCESS, AUTHORIZATIONS, AccessHash, Kind, Presented},
    },
    store::{Reading, StoreError},
    values::{id::AccountId, time::Timestamp},
};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introspection {
    /// It opens something.
    Active(Active),
    /// It does not, or it is none of the caller's business; the two are never told apart.
    Inactive,
}

/// A live token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// `access_token` or `refresh_token`, the words of Simple Auth.
    pub token_type: &'static str,
    /// Whose token it is.
    pub client: ClientId,
    /// What for.
    pub scopes: Vec<String>,
    /// The account it acts for, or the client itself.
    pub subject: String,
    /// The user name, when the scope `username` or `profile` was granted.
    pub username: Option<String>,
    /// The e-mail address, when the scope `email` was granted.
    pub email: Option<String>,
    /// When it was made.
    pub issued: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
}

/// What both kinds of token come down to.
struct Found {
    token_type: &'static str,
    client: ClientId,
    account: Option<AccountId>,
    scopes: Vec<String>,
    issued: Timestamp,
    expires: Timestamp,
}

impl Engine {
    /// Looks at a token. The client proves itself and learns about its own tokens only; with open introspection anybody may ask
    /// about any. A code is no token: nobody learns whether one is good.
    pub async fn introspect(
        &self,
        call: &Call,
        presentation: &Presentation,
        parameters: &Parameters,
    ) -> Result<Introspection, Refusal> {
        parameters.each_once()?;
        let asking = if self.settings().open_introspection && is_anonymous(presentation, parameters) {
            None
        } else {
            let (id, client) = self.authenticate(call, presentation, parameters).await?;
            if !client.is_confidential() {
                return Err(Refusal::new(Code::InvalidClient, "a client without a secret may not ask"));
            }
            Some((id, client))
        };
        let token = parameters.get("token").ok_or_else(|| Refusal::about("token", "is missing"))?;
        let epoch = self.0.store.epoch();
        let found = self.0.store.read(|tx| {
            let Some(found) = self.find(tx, token, call.now, epoch)? else {
                return Ok(Introspection::Inactive);
            };
            let is_open = match &asking {
                // It has just been proven, so it is there and may be used.
                Some((id, _)) => *id == found.client,
                None => CLIENTS.get(tx, &found.client)?.is_some_and(|client| client.registration.enabled),
            };
            if !is_open {
                return Ok(Introspection::Inactive);
            }
            Ok::<_, StoreError>(
                Self::describe(tx, found)?.map_or(Introspection::Inactive, Introspection::Active),
            )
        });
        Ok(found?)
    }

    fn find(
        &self,
        tx: &impl Reading,
        token: &str,
        now: Timestamp,
        epoch: u64,
    ) -> Result<Option<Found>, StoreError> {
        if let Some(hash) = AccessHash::of_text(token) {
            let found = ACCESS.get(tx, &hash)?.filter(|token| token.is_live(now, epoch));
            return Ok(found.map(|token| Found {
                token_type: "access_token",
                client: token.client,
                account: token.account,
                scopes: token.scopes,
                issued: token.created,
                expires: token.expires,
            }));
        }
        let Some(presented) = Presented::read(Kind::Refresh, token, self.0.keyring.tickets()) else {
            return Ok(None);
        };
        let Some(family) = AUTHORIZATIONS.get(tx, &presented.authorization)? else { return Ok(None) };
        if !family.is_live(now, epoch) || self.ended_with_session(tx, &family, now)? {
            return Ok(None);
        }
        let leaf = family.has_leaf(&presented.digest, now).map(|leaf| (leaf.issued, leaf.ends));
        Ok(leaf.map(|(issued, expires)| Found {
            token_type: "refresh_token",
            client: family.client,
            account: family.account,
            scopes: family.scopes,
            issued,
            expires,
        }))
    }

    /// simple-auth.md 9.D9: the token of an account that is closed is not active, no more than that of a client that is gone;
    /// `username` is the user name.
    fn describe(tx: &impl Reading, found: Found) -> Result<Option<Active>, StoreError> {
        let account: Option<AccountRecord> = match &found.account {
            Some(id) => match ACCOUNTS.get(tx, id)? {
                Some(account) if account.status.hindrance().is_none() => Some(account),
                _ => return Ok(None),
            },
            None => None,
        };
        let has = |scope: &str| found.scopes.iter().any(|granted| granted == scope);
        let names = has("username") || has("profile");
        let username = account.as_ref().filter(|_| names).map(|account| account.username.clone());
        let email = account.filter(|_| has("email")).and_then(|account| account.email);
        Ok(Some(Active {
            subject: found.account.map_or_else(|| found.client.to_string(), |account| account.to_string()),
            token_type: found.token_type,
            client: found.client,
            scopes: found.scopes,
            username,
            email,
            issued: found.issued,
            expires: found.expires,
        }))
    }
}

/// Whether the caller does not even try to say who it is.
fn is_anonymous(presentation: &Presentation, parameters: &Parameters) -> bool {
    presentation.authorization.is_none()
        && !presentation.doubtful
        && parameters.get("client_id").is_none()
        && parameters.get("client_secret").is_none()
}
