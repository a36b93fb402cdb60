//! What is good once, or counted, with 64 who want it at the same moment (`integration/races.md`).

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::super::testing::{Bench, CALLBACK, VERIFIER, asked, operator, race};
use crate::{
    crypto::jose::{Algorithm, RsaSize, Signer, generate},
    domain::{
        audit::Event,
        client::ClientId,
        fault::{OAuthCode as Code, Reason},
        signing::{SIGNING_KEYS, SigningKeyRecord},
        token,
    },
    idp::oauth2::{Outcome, Presentation, Refusal, Tokens, Wanted},
};

const SPA: [(&str, &str); 2] = [("client_id", "native"), ("redirect_uri", "https://spa.example.com/cb")];

/// 64 bring one code as a client without a secret: the tokens, and how many were told that it is not good, and to wait.
async fn redemption_race(bench: &Bench, code: &str) -> (Vec<Tokens>, usize, usize) {
    let told = race(bench, |engine, call, _| {
        let mut pairs =
            vec![("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
        pairs.extend(SPA);
        let pairs = asked(&pairs);
        async move { engine.token(&call, &Presentation::default(), &pairs).await }
    });
    let (mut tokens, mut refused) = (Vec::new(), Vec::new());
    for one in told.await {
        match one {
            Ok(Outcome::Tokens(got)) => tokens.push(got),
            Ok(Outcome::Password(_)) => panic!("a password was asked for"),
            Err(Refusal { code, .. }) => refused.push(code),
        }
    }
    let count = |code: Code| refused.iter().filter(|found| **found == code).count();
    let counts = (count(Code::InvalidGrant), count(Code::TemporarilyUnavailable));
    assert_eq!(counts.0 + counts.1, refused.len(), "{refused:?}");
    (tokens, counts.0, counts.1)
}

/// Races: authorization code, of a client without a secret
/// Proves: OAU-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_redemptions_by_a_public_client_one_gets_tokens() {
    let bench = Bench::open();
    bench.register_public();
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code_with(&grantor, &SPA).await;
    let (tokens, ..) = redemption_race(&bench, &code).await;
    assert_eq!((tokens.len(), bench.count(Event::CodeReplayed)), (1, 1));
    assert!(!bench.is_active(&tokens[0].access).await, "the others were second redemptions");
}

/// Races: codes that are not good, from one source
/// Proves: THR-1, OPS-16
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_codes_that_are_not_good_as_many_as_allowed_are_looked_at() {
    let bench = Bench::open();
    bench.register_public();
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code_with(&grantor, &SPA).await;
    let (tokens, ..) = redemption_race(&bench, &code).await;
    assert_eq!(tokens.len(), 1);
    bench.pass(std::time::Duration::from_mins(5));
    let (tokens, looked_at, waits) = redemption_race(&bench, &code).await;
    assert_eq!((tokens.len(), looked_at, waits), (0, 30, 34));
}

/// Races: signing key
/// Proves: JWT-7
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_who_need_a_key_all_sign_with_the_only_one() {
    let bench = Bench::open();
    let kids = race(&bench, |engine, call, _| async move {
        engine.signer(Algorithm::Es256, call.now).await.unwrap().kid().to_owned()
    });
    let kids: BTreeSet<_> = kids.await.into_iter().collect();
    assert_eq!((kids.len(), bench.count(Event::SigningKeyMade)), (1, 1));
}

/// A new key is in the store before anybody is told of it, and from then on nobody is given the keys of before: neither while another
/// reads them anew, nor by one who began to read them earlier.
///
/// Races: signing keys that change while they are read
/// Proves: JWT-7
#[test]
fn of_64_readers_none_is_given_the_signing_keys_of_before() {
    const KEYS: usize = 8;
    let bench = Bench::open();
    let (engine, now, told) = (&bench.engine, bench.world.now(), AtomicUsize::new(0));
    let read = || {
        loop {
            let at_least = told.load(Ordering::Acquire);
            assert!(engine.0.keys.published().len() >= at_least.min(KEYS), "not all of {at_least}");
            if at_least >= KEYS {
                break;
            }
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        // Should anything below fail, nobody waits for the rest.
        let _last = Last(&told);
        let readers: Vec<_> = (0..64).map(|_| scope.spawn(read)).collect();
        for number in 1..=KEYS {
            let pkcs8 = generate(Algorithm::Es256, RsaSize::Bits2048).unwrap();
            let signer = Signer::parse(Algorithm::Es256, &pkcs8).unwrap();
            let (key, chance) = (engine.0.keyring.signing(), bench.world.random());
            let record = SigningKeyRecord::seal(&signer, &pkcs8, key, chance, now, true);
            let kid = signer.kid().to_owned();
            bench.store.write_blocking(move |tx| SIGNING_KEYS.set(tx, &kid, &record)).unwrap();
            told.store(number, Ordering::Release);
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

/// Says at its end that there is nothing more to come.
struct Last<'t>(&'t AtomicUsize);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        self.0.store(usize::MAX, Ordering::Release);
    }
}

/// Races: id of a client
/// Proves: OAU-8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_clients_of_one_id_one_is_registered() {
    let bench = Bench::open();
    let made = race(&bench, |engine, call, _| async move {
        let wanted = Wanted {
            id: Some("machine".to_owned()),
            name: "Machine".to_owned(),
            redirect_uris: vec![CALLBACK.to_owned()],
            pkce: true,
            algorithm: Some("ES256".to_owned()),
            ..Wanted::default()
        };
        engine.add_client(&call, &operator(), wanted).await.map(drop).map_err(|fault| fault.reason)
    });
    let made = made.await;
    assert_eq!(made.iter().filter(|one| one.is_ok()).count(), 1);
    assert!(made.iter().all(|one| matches!(one, Ok(()) | Err(Reason::Taken))), "{made:?}");
    assert_eq!(bench.count(Event::ClientCreated), 1);
}

/// Races: consents of one person to one client
/// Proves: OAU-15
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_consents_at_once_none_is_lost() {
    let bench = Bench::open();
    let (id, wiki) = (bench.add("alice"), ClientId::parse("wiki").unwrap());
    let scopes: Vec<_> = (0..64).map(|number| format!("wiki:{number}")).collect();
    let agreed = race(&bench, |_, call, at| {
        let (store, wiki, scope) = (bench.store.clone(), wiki.clone(), [scopes[at].clone()]);
        async move { store.write(move |tx| token::agree(tx, id, &wiki, &scope, call.now)).await }
    });
    assert!(agreed.await.into_iter().all(|one| one.is_ok()));
    assert_eq!(bench.store.read(|tx| token::agreed(tx, id, &wiki, &scopes)), Ok(true));
}
