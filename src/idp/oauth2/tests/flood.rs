//! Codes and refresh tokens that are not good, over and over: what that costs, and whom.

use crate::domain::fault::OAuthCode as Code;
use std::time::Duration;

use super::super::testing::{Bench, CALLBACK, SECRET, VERIFIER, asked, basic, public};
use crate::{
    domain::audit::{self, Event},
    idp::oauth2::{Outcome, Presentation},
};

const SPA: [(&str, &str); 2] = [("client_id", "native"), ("redirect_uri", "https://spa.example.com/cb")];

/// Whoever brings a code, from an address: what it is told.
async fn redeem(bench: &Bench, from: &str, code: &str, public: bool) -> Result<Outcome, Code> {
    let mut pairs = vec![("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    let who = if public {
        pairs.extend(SPA);
        Presentation::default()
    } else {
        pairs.push(("redirect_uri", CALLBACK));
        basic("wiki", SECRET)
    };
    bench.engine.token(&bench.from(from), &who, &asked(&pairs)).await.map_err(|refused| refused.code)
}

/// The same with these parameters beside the code.
async fn bring(bench: &Bench, from: &str, code: &str, pairs: &[(&str, &str)]) -> Option<Code> {
    let mut all = vec![("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    all.extend_from_slice(pairs);
    let told = bench.engine.token(&bench.from(from), &Presentation::default(), &asked(&all)).await;
    told.err().map(|refused| refused.code)
}

/// Whoever brings a refresh token of the native client, from an address.
async fn renew(bench: &Bench, from: &str, token: &str) -> Option<Code> {
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "native")];
    let told = bench.engine.token(&bench.from(from), &Presentation::default(), &asked(&pairs)).await;
    told.err().map(|refused| refused.code)
}

fn trail(bench: &Bench) -> usize {
    bench.store.read(|tx| audit::recent(tx, None, None, 10_000)).unwrap().len()
}

/// Proves: OPS-16, THR-1, OAU-5
#[tokio::test]
async fn a_spent_code_that_comes_again_and_again_costs_the_store_next_to_nothing() {
    let bench = Bench::open();
    bench.register_public();
    bench.register("other", public(), None);
    let grantor = bench.sign_in(bench.add("alice"));
    let code = bench.code_with(&grantor, &SPA).await;
    assert!(redeem(&bench, "192.0.2.1", &code, true).await.is_ok());
    let before = trail(&bench);
    let mut told = Vec::new();
    for _ in 0..1000 {
        told.push(redeem(&bench, "198.51.100.9", &code, true).await.err().unwrap());
    }
    assert_eq!(bench.count(Event::CodeReplayed), 1, "the first one is always told of");
    assert!(trail(&bench) - before <= 3, "{} lines", trail(&bench) - before);
    assert_eq!((told[0], told[999]), (Code::InvalidGrant, Code::TemporarilyUnavailable));
    assert_eq!(told.iter().filter(|code| **code == Code::InvalidGrant).count(), 31);
    // What is good is good from there, too, and afterwards it is spent like any other: the family ends, as the trail says.
    for from in ["198.51.100.9", "192.0.2.1"] {
        let good = bench.code_with(&grantor, &SPA).await;
        let tokens = redeem(&bench, from, &good, true).await.map_err(|code| (from, code));
        let Ok(Outcome::Tokens(tokens)) = tokens else { panic!("{from}") };
        let old = tokens.refresh.unwrap().expose().clone();
        assert_eq!(renew(&bench, from, &old).await, None, "{from}");
        assert_eq!(renew(&bench, from, &old).await, Some(Code::InvalidGrant), "{from}");
    }
    assert_eq!(bench.count(Event::RefreshTokenReused), 2);
    // Whoever brings spent ones under another client's id, or from elsewhere, is told what is wrong.
    for (client, from) in [("other", "198.51.100.9"), ("native", "192.0.2.2")] {
        let pairs = [("client_id", client), ("redirect_uri", SPA[1].1)];
        assert_eq!(bring(&bench, from, &code, &pairs).await, Some(Code::InvalidGrant), "{client} {from}");
    }
    let other = bench.code(&grantor).await;
    assert!(redeem(&bench, "198.51.100.9", &other, false).await.is_ok(), "a client with its own proof");
    bench.pass(Duration::from_mins(5));
    assert_eq!(
        redeem(&bench, "198.51.100.9", &code, true).await.err(),
        Some(Code::InvalidGrant),
        "not for ever"
    );
}

/// An app server brings whatever its visitors send to its callback: they must not shut it out.
///
/// Proves: OPS-16, THR-4
#[tokio::test]
async fn what_people_send_through_a_proven_client_shuts_it_out_never_and_fills_no_trail() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    let spent = bench.code(&grantor).await;
    let old = bench.redeem(&spent).await.unwrap().refresh.unwrap().expose().clone();
    bench.refresh(&old).await.unwrap();
    let before = trail(&bench);
    for _ in 0..500 {
        assert_eq!(redeem(&bench, "192.0.2.7", &spent, false).await.err(), Some(Code::InvalidGrant));
        assert_eq!(bench.refresh(&old).await.err().map(|refused| refused.code), Some(Code::InvalidGrant));
    }
    assert!(trail(&bench) - before <= 3, "{} lines", trail(&bench) - before);
    let good = bench.code(&grantor).await;
    assert!(redeem(&bench, "192.0.2.7", &good, false).await.is_ok());
}
