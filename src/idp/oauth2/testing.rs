//! An engine over a store in memory, with people who sign in by fiat, for tests.

use crate::domain::fault::OAuthCode as Code;
use std::{sync::Arc, time::Duration};

use super::{
    Agreement, Engine, Grantor, Lifetimes, Outcome, Parameters, Presentation, Refusal, Settings, Tokens,
    request::{Objection, Request},
};
use crate::{
    crypto::{
        digest::sha256,
        jose::{Algorithm, RsaSize},
        keys::MasterKey,
        text,
    },
    domain::{
        account::{self, NewAccount},
        audit::{self, Event},
        call::{Call, RequestId},
        caller::{Caller, Factor, Strength},
        client::{CLIENTS, ClientId, ClientKind, ClientRecord, Grant, Registration},
        directory,
        keyring::Keyring,
        login::throttle,
        rights::{Authority, Permit},
        session::{self, Lifetimes as SessionLimits, NewSession, SessionKey},
    },
    store::Store,
    values::{
        email::EmailAddress,
        id::{AccountId, SessionId},
        name::Username,
        random::Random,
        secret::Secret,
    },
    world::{Levers, World},
};

pub(crate) const CALLBACK: &str = "https://wiki.example.com/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const SECRET: &str = "wiki-secret-wiki-secret-wiki-secret-wiki-secret";

/// The engine, its store, and a clock that a test moves.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) levers: Levers,
    pub(crate) world: World,
    home: directory::Home,
}

/// Parameters from pairs.
pub(crate) fn asked(pairs: &[(&str, &str)]) -> Parameters {
    Parameters::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap()
}

/// The challenge of [`VERIFIER`].
pub(crate) fn challenge() -> String {
    text::encode(&sha256(VERIFIER.as_bytes()))
}

/// `Authorization: Basic` of a client.
pub(crate) fn basic(id: &str, secret: &str) -> Presentation {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    Presentation { authorization: Some(Secret::new(value)), doubtful: false }
}

pub(crate) fn wiki() -> Registration {
    Registration {
        name: "Wiki".to_owned(),
        author: "Example".to_owned(),
        redirect_uris: vec![CALLBACK.to_owned()],
        scopes: ["openid", "profile", "email", "username", "offline_access", "wiki:read"]
            .map(str::to_owned)
            .to_vec(),
        // Quick to make a key for.
        algorithm: Algorithm::Es256,
        ..Registration::default()
    }
}

/// A client without a secret.
pub(crate) fn public() -> Registration {
    Registration {
        kind: ClientKind::Public,
        redirect_uris: vec!["http://127.0.0.1/cb".to_owned(), "https://spa.example.com/cb".to_owned()],
        ..wiki()
    }
}

impl Bench {
    pub(crate) fn open() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (world, levers) = World::fake();
        let store = Store::in_memory();
        let now = world.now();
        let chance = [world.random(), world.random(), world.random()];
        let home = store.write_blocking(move |tx| directory::found(tx, now, chance)).unwrap();
        let keyring = Arc::new(Keyring::new(&MasterKey::generate(Random::new([9; 32]))));
        let mut settings = Settings {
            issuer: "https://auth.example.com".to_owned(),
            lifetimes: Lifetimes::default(),
            rsa: RsaSize::Bits2048,
            key_period: Duration::from_hours(24 * 90),
            open_introspection: false,
            throttle: throttle::Rules::default(),
            sessions: SessionLimits::default(),
        };
        change(&mut settings);
        let engine = Engine::new(store.clone(), world.clone(), keyring, settings).unwrap();
        let bench = Self { engine, store, levers, world, home };
        bench.register("wiki", wiki(), Some(SECRET));
        bench
    }

    pub(crate) fn register(&self, id: &str, registration: Registration, secret: Option<&str>) {
        assert_eq!(registration.flaws(), [], "{id}");
        let mut client =
            ClientRecord { registration, secrets: Vec::new(), created: self.world.now(), managed: false };
        if let Some(secret) = secret {
            client.add_secret(&Secret::from(secret), self.world.now());
        }
        let id = ClientId::parse(id).unwrap();
        self.store.write_blocking(move |tx| CLIENTS.set(tx, &id, &client)).unwrap();
    }

    /// A client for a native program.
    pub(crate) fn register_public(&self) {
        self.register("native", public(), None);
    }

    pub(crate) fn call(&self) -> Call {
        self.from("192.0.2.7")
    }

    pub(crate) fn from(&self, client: &str) -> Call {
        Call {
            now: self.world.now(),
            client: Some(client.parse().unwrap()),
            request: RequestId::new("req-1"),
            agent: "test".into(),
            device: None,
        }
    }

    pub(crate) fn pass(&self, span: Duration) {
        self.levers.clock.advance(span);
    }

    pub(crate) fn add(&self, name: &str) -> AccountId {
        let now = self.world.now();
        let id = AccountId::mint(now, self.world.random());
        let new = NewAccount {
            username: Username::parse(name).unwrap(),
            display_name: None,
            email: EmailAddress::parse(&format!("{name}@example.com")).ok(),
            mobile: None,
            groups: Vec::new(),
            managed: false,
        };
        let home = self.home;
        self.store.write_blocking(move |tx| account::create(tx, home, id, &new, now)).unwrap();
        id
    }

    /// Somebody who is signed in.
    pub(crate) fn sign_in(&self, account: AccountId) -> Grantor {
        self.sign_in_within(account, &SessionLimits::default())
    }

    /// The same under limits for sessions.
    pub(crate) fn sign_in_within(&self, account: AccountId, limits: &SessionLimits) -> Grantor {
        let call = self.call();
        let strength = Strength::of(Factor::Password, call.now);
        let (key, id) =
            (SessionKey::mint(call.now, self.world.random()), SessionId::mint(call.now, self.world.random()));
        let new = NewSession {
            hash: key.hash(),
            id,
            account,
            strength: strength.clone(),
            remembered: false,
            replaces: None,
            restricted: false,
        };
        let (epoch, limits) = (self.store.epoch(), limits.clone());
        self.store.write_blocking(move |tx| session::begin(tx, &new, &call, &limits, epoch)).unwrap();
        Grantor { account, session: Some((key.hash(), id)), strength }
    }

    /// An authorization request of the wiki with these changes; an empty value takes a parameter away.
    #[expect(clippy::result_large_err, reason = "as the engine has it")]
    pub(crate) fn request_with(&self, changes: &[(&str, &str)]) -> Result<Request, Objection> {
        let challenge = challenge();
        let mut pairs = vec![
            ("client_id", "wiki"),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid email"),
            ("state", "a state"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        self.engine.read_request(&asked(&pairs))
    }

    /// The refusal of such a request, and whether it leaves by redirect.
    pub(crate) fn objection(&self, changes: &[(&str, &str)]) -> (Code, bool) {
        let objection = self.request_with(changes).unwrap_err();
        (objection.refusal.code, objection.way_back.is_some())
    }

    pub(crate) async fn code_with(&self, grantor: &Grantor, changes: &[(&str, &str)]) -> String {
        let request = self.request_with(changes).unwrap();
        let code = self.engine.grant(&self.call(), grantor, &request, Agreement::Now).await.unwrap();
        code.expose().clone()
    }

    pub(crate) async fn code(&self, grantor: &Grantor) -> String {
        self.code_with(grantor, &[]).await
    }

    /// Asks for tokens as the wiki.
    pub(crate) async fn token(&self, pairs: &[(&str, &str)]) -> Result<Tokens, Refusal> {
        self.token_as(&basic("wiki", SECRET), pairs).await
    }

    pub(crate) async fn token_as(
        &self,
        presentation: &Presentation,
        pairs: &[(&str, &str)],
    ) -> Result<Tokens, Refusal> {
        match self.engine.token(&self.call(), presentation, &asked(pairs)).await? {
            Outcome::Tokens(tokens) => Ok(tokens),
            Outcome::Password(_) => panic!("a password is to be checked first"),
        }
    }

    pub(crate) async fn redeem(&self, code: &str) -> Result<Tokens, Refusal> {
        self.redeem_with(code, &[]).await
    }

    pub(crate) async fn redeem_with(&self, code: &str, changes: &[(&str, &str)]) -> Result<Tokens, Refusal> {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        self.token(&pairs).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Tokens, Refusal> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// The way from a session to tokens.
    pub(crate) async fn tokens(&self, grantor: &Grantor) -> Tokens {
        let code = self.code(grantor).await;
        self.redeem(&code).await.unwrap()
    }

    /// Whether a token opens anything, as the wiki is told.
    pub(crate) async fn is_active(&self, token: &Secret<String>) -> bool {
        let asking = asked(&[("token", token.expose())]);
        let answer = self.engine.introspect(&self.call(), &basic("wiki", SECRET), &asking).await.unwrap();
        answer != super::Introspection::Inactive
    }

    #[expect(clippy::unused_self, reason = "it reads like its neighbours")]
    pub(crate) fn authority(&self, grantor: &Grantor) -> Authority {
        let (_, session) = grantor.session.unwrap();
        let strength = grantor.strength.clone();
        Authority::of_session(&Caller::Person { account: grantor.account, session, strength }).unwrap()
    }

    pub(crate) fn count(&self, event: Event) -> usize {
        let all = self.store.read(|tx| audit::recent(tx, None, None, 10_000)).unwrap();
        all.iter().filter(|record| record.event == event).count()
    }
}

pub(crate) fn operator() -> Permit {
    Permit::to_manage(&Caller::Operator).unwrap()
}

/// The code of a refusal.
pub(crate) fn code_of<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Code {
    refused.unwrap_err().code
}

/// Runs all of these in parallel.
pub(crate) async fn at_once<T, F>(work: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    work.into_iter().collect::<tokio::task::JoinSet<T>>().join_all().await
}

/// 64 of these, let go when all are ready.
pub(crate) async fn race<T, F>(bench: &Bench, one: impl Fn(Engine, Call, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(64));
    let waiting = (0..64).map(|at| {
        let (start, racer) = (start.clone(), one(bench.engine.clone(), bench.call(), at));
        async move {
            start.wait().await;
            racer.await
        }
    });
    at_once(waiting).await
}

/// A grant that a test gives beside the usual two.
pub(crate) fn with_grants(grants: &[Grant]) -> Registration {
    Registration { grants: grants.to_vec(), ..wiki() }
}
