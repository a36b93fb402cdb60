//! OAuth 2.0 (RFC 6749, RFC 7636, RFC 9207, RFC 9700) and the ID token of `OpenID` Connect.
//!
//! A browser comes with a [`Request`](request::Request), which is read in a fixed order ([`Engine::read_request`]); its person
//! agrees ([`Engine::grant`]); the client redeems what the browser carried back ([`Engine::token`]). Who runs a resource asks
//! about a token ([`Engine::introspect`]), and the person can look at what was granted and take it back.

mod agree;
mod anew;
mod apps;
mod authenticate;
mod clients;
mod declared;
mod grants;
mod guard;
mod id_token;
mod introspect;
mod keys;
mod known;
mod parameters;
mod refusal;
pub mod request;
mod token;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;

pub use self::{
    agree::{Agreement, Grantor},
    apps::{App, TokenLine, TokenType},
    authenticate::Presentation,
    clients::{Described, NewSecret, Wanted},
    declared::{Declared, Reconciled, Reconciliation},
    introspect::{Active, Introspection},
    parameters::Parameters,
    refusal::Refusal,
    token::{Outcome, PasswordProof, PasswordStep, Tokens},
};
use crate::{
    crypto::jose::{Jwk, RsaSize},
    domain::{
        client::{CLIENTS, ClientId, ClientRecord, Grant, Registration},
        fault::{Fault, OAuthCode},
        keyring::Keyring,
        login::throttle,
        session,
        token::AuthorizationRecord,
    },
    store::{Reading, Store, StoreError},
    values::time::Timestamp,
    world::World,
};

/// What the operator decided about this engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss`: the portal's origin, without a slash at its end. Clients compare it letter by letter.
    pub issuer: String,
    /// How long things are good for, unless a client has its own.
    pub lifetimes: Lifetimes,
    /// Length of new RSA keys.
    pub rsa: RsaSize,
    /// How old a signing key gets before another is made.
    pub key_period: Duration,
    /// Anybody may ask about any token, without proving to be a client, as in Simple Auth. Never about codes.
    pub open_introspection: bool,
    /// The limits on guessing a client's secret.
    pub throttle: throttle::Rules,
    /// The limits that sessions live under: what is granted in one ends with it.
    pub sessions: session::Lifetimes,
}

/// How long things are good for (security.md section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code.
    pub code: Duration,
    /// An access token.
    pub access: Duration,
    /// A refresh token that is not used.
    pub refresh_idle: Duration,
    /// A family of refresh tokens.
    pub refresh: Duration,
    /// An ID token.
    pub id_token: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: Duration::from_mins(1),
            access: Duration::from_mins(15),
            refresh_idle: Duration::from_hours(24 * 14),
            refresh: Duration::from_hours(24 * 30),
            id_token: Duration::from_mins(10),
        }
    }
}

impl Lifetimes {
    /// The same, as one client has them.
    fn of(&self, client: &Registration) -> Self {
        let or = |own: Option<u64>, general| own.map_or(general, Duration::from_secs);
        let own = &client.lifetimes;
        Self {
            code: self.code,
            access: or(own.access, self.access),
            refresh_idle: or(own.refresh_idle, self.refresh_idle),
            refresh: or(own.refresh, self.refresh),
            id_token: or(own.id_token, self.id_token),
        }
    }
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    store: Store,
    world: World,
    keyring: Arc<Keyring>,
    settings: ArcSwap<Settings>,
    keys: keys::KeyChain,
    guard: guard::Guard,
    known: Arc<known::Known>,
}

impl Engine {
    /// Over a store, with the keys in it.
    pub fn new(
        store: Store,
        world: World,
        keyring: Arc<Keyring>,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let keys = keys::KeyChain::open(&store, keyring.clone())?;
        let settings = ArcSwap::from_pointee(settings);
        let (guard, known) = (guard::Guard::default(), known::Known::following(&store));
        Ok(Self(Arc::new(Inner { store, world, keyring, settings, keys, guard, known })))
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.0.settings.load_full()
    }

    /// The public keys that verify our tokens (RFC 7517), all that may still be needed.
    pub async fn key_set(&self, now: Timestamp) -> Result<Vec<Jwk>, Fault> {
        // RS256 is what every client can read, so it is always there.
        self.ensure_key(crate::crypto::jose::Algorithm::Rs256, now).await?;
        Ok(self.0.keys.published())
    }

    /// A client that may be used.
    fn client(&self, id: &ClientId) -> Result<Option<Arc<ClientRecord>>, StoreError> {
        let found = self.0.known.client(id, || self.0.store.read(|tx| CLIENTS.get(tx, id)))?;
        Ok(found.filter(|client| client.registration.enabled))
    }

    /// Whether what was granted ended with its session, by age or because that was not used for too long. The sweep takes it away later; nothing
    /// new may come of it until then (security.md OAU-10). Access tokens there are live on for what is left of their minutes.
    fn ended_with_session(
        &self,
        tx: &impl Reading,
        granted: &AuthorizationRecord,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (Some(account), Some(session), false) = (granted.account, granted.session, granted.offline)
        else {
            return Ok(false);
        };
        let limits = &self.0.settings.load().sessions;
        Ok(!session::is_alive(tx, account, session, limits, now, self.0.store.epoch())?)
    }

    /// What anybody may know of a client.
    pub fn public_client(&self, id: &ClientId) -> Result<Option<Registration>, Fault> {
        Ok(self.client(id)?.map(|client| client.registration.clone()))
    }

    /// How long what is granted for these scopes is good for at the latest.
    pub fn lasts(&self, client: &Registration, scopes: &[String]) -> Duration {
        let lifetimes = self.settings().lifetimes.of(client);
        let renewable =
            client.may(Grant::RefreshToken) || scopes.iter().any(|scope| scope == "offline_access");
        if renewable { lifetimes.refresh } else { lifetimes.access }
    }

    /// Rotates the keys and forgets what does not matter any more, as often as it is called.
    pub async fn tidy(&self, now: Timestamp) -> Result<(), Fault> {
        self.0.guard.tidy(now);
        self.rotate_keys(now).await
    }
}

/// The client, if it may have these scopes in this way at this moment: what was true when a request was read must be true when it is
/// granted (security.md OAU-7, ENR-9).
fn still_may(
    tx: &impl Reading,
    id: &ClientId,
    grant: Grant,
    scopes: &[String],
) -> Result<ClientRecord, Refusal> {
    let found = CLIENTS.get(tx, id)?.filter(|client| {
        let now = &client.registration;
        now.enabled && now.may(grant) && scopes.iter().all(|scope| now.scopes.contains(scope))
    });
    found.ok_or_else(changed)
}

/// The refusal for a client that is not what it was when it asked.
fn changed() -> Refusal {
    Refusal::new(OAuthCode::UnauthorizedClient, "the client was changed meanwhile")
}

/// The room of one list: more clients or tokens than this are not shown at once.
const MOST: usize = 1000;

/// The refusal for a client that is not there.
fn no_client() -> Fault {
    use crate::domain::fault::{Field, Reason};
    Fault::new(Reason::NotFound).with_flaw(Field::Client, "there is no such client")
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
