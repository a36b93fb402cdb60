//! What changes while a request for tokens is under way.

use std::sync::Arc;

use crate::domain::fault::OAuthCode as Code;

use super::super::{
    PasswordProof, PasswordStep,
    testing::{Bench, SECRET, asked, basic, code_of, wiki, with_grants},
};
use crate::{
    crypto::password::{self, Params},
    domain::{
        caller::{Factor, Strength},
        client::{CLIENTS, ClientId, Grant, Registration},
        credential::{self, Version},
        token::AUTHORIZATIONS,
    },
    idp::oauth2::{Declared, Outcome},
    values::{id::AccountId, random::Random, secret::Secret},
};

impl Bench {
    fn set_password(&self, account: AccountId) -> Option<Version> {
        let hash = password::hash(&Secret::from("a password"), &Params::FLOOR, Random::new([3; 16])).unwrap();
        let now = self.world.now();
        let write = move |tx: &mut crate::store::WriteTx| {
            credential::set_password(tx, account, &hash, now, false)?;
            credential::password_of(tx, account)
        };
        self.store.write_blocking(write).unwrap().map(|password| password.version())
    }

    async fn declare(&self, clients: &[(&str, Registration)]) {
        let declared = |(id, registration): &(&str, Registration)| Declared {
            id: ClientId::parse(id).unwrap(),
            registration: registration.clone(),
            secrets: vec![Secret::from(SECRET)],
        };
        self.engine.reconcile(&self.call(), clients.iter().map(declared).collect()).await.unwrap();
    }

    async fn password_step(&self) -> PasswordStep {
        let pairs = [
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", "a password"),
            ("scope", "email"),
        ];
        match self.engine.token(&self.call(), &basic("old", SECRET), &asked(&pairs)).await.unwrap() {
            Outcome::Password(step) => step,
            Outcome::Tokens(_) => panic!("nobody proved a password"),
        }
    }
}

/// Proves: SES-9, ENR-9, OAU-7
#[tokio::test]
async fn tokens_for_a_password_are_not_made_when_it_or_the_client_changed_meanwhile() {
    let bench = Bench::open();
    let old = with_grants(&[Grant::Password, Grant::RefreshToken]);
    bench.declare(&[("old", old.clone())]).await;
    let alice = bench.add("alice");
    let proof = |version| PasswordProof {
        account: alice,
        strength: Strength::of(Factor::Password, bench.world.now()),
        version,
    };
    let go_on = async |step, version| bench.engine.after_password(&bench.call(), step, proof(version)).await;
    let left = || bench.store.read(|tx| AUTHORIZATIONS.count(tx)).unwrap();

    let first = bench.set_password(alice);
    let (good, step) = (bench.password_step().await, bench.password_step().await);
    let second = bench.set_password(alice);
    assert_eq!(code_of(go_on(step, first).await), Code::InvalidGrant, "another password");
    let step = bench.password_step().await;
    bench.store.write_blocking(move |tx| credential::forget(tx, alice)).unwrap();
    assert_eq!(code_of(go_on(step, second).await), Code::InvalidGrant, "no password any more");
    let third = bench.set_password(alice);
    for other in [
        &[("old", with_grants(&[Grant::RefreshToken]))][..],
        &[("old", Registration { scopes: vec!["openid".to_owned()], ..old.clone() })],
        &[],
    ] {
        bench.declare(&[("old", old.clone())]).await;
        let step = bench.password_step().await;
        bench.declare(other).await;
        assert_eq!(code_of(go_on(step, third).await), Code::UnauthorizedClient, "{other:?}");
    }
    assert_eq!(left(), 0);
    bench.declare(&[("old", old)]).await;
    assert!(go_on(good, third).await.is_ok());
    assert_eq!(left(), 1);
}

/// Proves: ENR-9, OAU-7
#[tokio::test]
async fn a_client_that_is_disabled_meanwhile_gets_no_token_of_its_own() {
    let bench = Bench::open();
    let machine = [("machine", with_grants(&[Grant::ClientCredentials])), ("wiki", wiki())];
    bench.declare(&machine).await;
    let id = ClientId::parse("machine").unwrap();
    let proven = Arc::new(bench.store.read(|tx| CLIENTS.get(tx, &id)).unwrap().unwrap());
    let ask = async || {
        let (call, pairs) = (bench.call(), asked(&[("scope", "email")]));
        bench.engine.for_itself(&call, id.clone(), Arc::clone(&proven), &pairs).await
    };
    assert!(ask().await.is_ok());
    bench.declare(&machine[1..]).await;
    assert_eq!(code_of(ask().await), Code::UnauthorizedClient);
    assert_eq!(bench.store.read(|tx| AUTHORIZATIONS.count(tx)).unwrap(), 0);
}

/// What the engine remembers of a client ends with the change of it.
///
/// Proves: OAU-8
#[tokio::test]
async fn a_client_that_was_just_used_is_known_no_longer_than_it_is_registered() {
    let bench = Bench::open();
    let machine = [("machine", with_grants(&[Grant::ClientCredentials])), ("wiki", wiki())];
    let ask =
        async || bench.token_as(&basic("machine", SECRET), &[("grant_type", "client_credentials")]).await;
    for _ in 0..3 {
        bench.declare(&machine).await;
        assert!(ask().await.is_ok());
        bench.declare(&machine[1..]).await;
        assert_eq!(code_of(ask().await), Code::InvalidClient);
    }
}
