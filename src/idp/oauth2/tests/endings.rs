//! What ends with what: sessions, accounts, consents, clients, restores, and time.

use crate::domain::fault::OAuthCode as Code;
use std::time::Duration;

use super::super::testing::{Bench, SECRET, asked, basic, code_of, operator, wiki, with_grants};
use crate::{
    domain::{
        client::Grant,
        session::{self, Lifetimes as SessionLimits},
        token::{self, ACCESS, AUTHORIZATIONS},
    },
    idp::oauth2::{Agreement, Grantor, Outcome, TokenType, Tokens},
    store::{Store, WriteTx},
    values::time::Timestamp,
};

/// That the operator's actions do this is tested with them.
///
/// Proves: OAU-10
#[tokio::test]
async fn whatever_ends_all_sessions_of_an_account_ends_its_tokens() {
    let bench = Bench::open();
    let (alice, bob) = (bench.add("alice"), bench.add("bob"));
    let (one, two, others) = (bench.sign_in(alice), bench.sign_in(alice), bench.sign_in(bob));
    let offline =
        bench.redeem(&bench.code_with(&one, &[("scope", "email offline_access")]).await).await.unwrap();
    let (first, second, kept) =
        (bench.tokens(&one).await, bench.tokens(&two).await, bench.tokens(&others).await);
    let code = bench.code(&two).await;
    // Also when the session that asks for it stays.
    let except = one.session.unwrap().0;
    bench.store.write_blocking(move |tx| session::end_all(tx, alice, Some(&except))).unwrap();
    for tokens in [offline, first, second] {
        assert!(!bench.is_active(&tokens.access).await);
        assert_eq!(code_of(bench.refresh(tokens.refresh.unwrap().expose()).await), Code::InvalidGrant);
    }
    assert_eq!(code_of(bench.redeem(&code).await), Code::InvalidGrant);
    assert!(bench.is_active(&kept.access).await, "bob has nothing to do with it");
    assert!(bench.refresh(kept.refresh.unwrap().expose()).await.is_ok());
}

/// simple-auth.md 9.D10
///
/// Proves: OAU-10
#[tokio::test]
async fn signing_out_ends_what_was_granted_in_that_session_but_for_offline_access() {
    let bench = Bench::open();
    let alice = bench.add("alice");
    let (here, there) = (bench.sign_in(alice), bench.sign_in(alice));
    let (gone, kept) = (bench.tokens(&here).await, bench.tokens(&there).await);
    let offline =
        bench.redeem(&bench.code_with(&here, &[("scope", "email offline_access")]).await).await.unwrap();
    let hash = here.session.unwrap().0;
    bench.store.write_blocking(move |tx| session::end(tx, &hash)).unwrap();
    assert!(!bench.is_active(&gone.access).await);
    assert_eq!(code_of(bench.refresh(gone.refresh.unwrap().expose()).await), Code::InvalidGrant);
    assert!(bench.is_active(&kept.access).await && bench.is_active(&offline.access).await);
}

/// Proves: SES-2, OAU-10
#[tokio::test]
async fn what_was_granted_goes_with_the_person_to_the_sessions_new_key() {
    use crate::{
        domain::session::{Lifetimes, NewSession, SessionKey},
        values::id::SessionId,
    };
    let bench = Bench::open();
    let (alice, bob) = (bench.add("alice"), bench.add("bob"));
    let before = bench.sign_in(alice);
    let tokens = bench.tokens(&before).await;
    let replace = |account, old| {
        let key = SessionKey::mint(bench.world.now(), bench.world.random());
        let new = NewSession {
            hash: key.hash(),
            id: SessionId::mint(bench.world.now(), bench.world.random()),
            account,
            strength: before.strength.clone(),
            remembered: false,
            replaces: Some(old),
            restricted: false,
        };
        let call = bench.call();
        bench
            .store
            .write_blocking(move |tx| session::begin(tx, &new, &call, &Lifetimes::default(), 0))
            .unwrap();
        key.hash()
    };
    let raised = replace(alice, before.session.unwrap().0);
    assert!(bench.is_active(&tokens.access).await);
    // Somebody else signs in at the same browser.
    replace(bob, raised);
    assert!(!bench.is_active(&tokens.access).await);
}

/// Of a session that is over by itself nobody can sign out any more, so what was granted in it must not wait for that.
///
/// Proves: OAU-10
#[tokio::test]
async fn what_was_granted_ends_with_a_session_that_dies_of_age_or_makes_room() {
    let bench = Bench::open();
    let alice = bench.add("alice");
    let granted = async |grantor: &Grantor| {
        let offline = bench.code_with(grantor, &[("scope", "email offline_access")]).await;
        (bench.tokens(grantor).await, bench.redeem(&offline).await.unwrap())
    };
    let is_over = async |tokens: Tokens| {
        let refused = bench.refresh(tokens.refresh.unwrap().expose()).await;
        !bench.is_active(&tokens.access).await && refused.is_err_and(|no| no.code == Code::InvalidGrant)
    };
    let limits = SessionLimits { per_person: 1, ..SessionLimits::default() };

    // Left alone for too long, swept; then its browser signs in again, with the old cookie that is nobody's, and out.
    let (gone, offline) = granted(&bench.sign_in(alice)).await;
    bench.pass(limits.idle);
    let (now, sweeping) = (bench.world.now(), limits.clone());
    let swept = move |tx: &mut WriteTx| session::sweep(tx, None, 100, now, &sweeping, 0);
    assert_eq!(bench.store.write_blocking(swept).unwrap(), (None, 1));
    let again = bench.sign_in(alice);
    let (hash, _) = again.session.unwrap();
    bench.store.write_blocking(move |tx| session::end(tx, &hash)).unwrap();
    assert!(is_over(gone).await);
    assert!(bench.refresh(offline.refresh.unwrap().expose()).await.is_ok(), "granted to outlive its session");

    // One session for each person, and a second one begins.
    let (gone, offline) = granted(&bench.sign_in(alice)).await;
    let (kept, _) = granted(&bench.sign_in(bench.add("bob"))).await;
    bench.sign_in_within(alice, &limits);
    assert!(is_over(gone).await);
    assert!(bench.refresh(offline.refresh.unwrap().expose()).await.is_ok());
    assert!(bench.is_active(&kept.access).await, "another person's");
}

/// Proves: OAU-10
#[tokio::test]
async fn a_stolen_token_of_before_is_noticed_after_the_session_too() {
    let bench = Bench::open();
    let alice = bench.add("alice");
    let stolen = bench.tokens(&bench.sign_in(alice)).await.refresh.unwrap();
    let tokens = bench.refresh(stolen.expose()).await.unwrap();
    bench.pass(SessionLimits::default().idle.saturating_sub(Duration::from_mins(1)));
    let tokens = bench.refresh(tokens.refresh.unwrap().expose()).await.unwrap();
    bench.pass(Duration::from_mins(1));
    assert!(bench.is_active(&tokens.access).await);
    assert_eq!(code_of(bench.refresh(stolen.expose()).await), Code::InvalidGrant);
    assert!(!bench.is_active(&tokens.access).await, "the whole family is over");
}

/// Nobody waits for the sweep to learn that a session is over, and a program that renews its tokens does not keep one alive.
///
/// Proves: OAU-10, SES-8
#[tokio::test]
async fn what_was_granted_is_over_the_moment_its_session_is() {
    let bench = Bench::open();
    let limits = SessionLimits::default();
    let alice = bench.add("alice");
    let refused = async |tokens: &Tokens| {
        let told = bench.refresh(tokens.refresh.as_ref().unwrap().expose()).await;
        told.err().map(|refused| (refused.code, refused.description))
    };
    let swept = {
        let gone = bench.tokens(&bench.sign_in(alice)).await;
        bench.store.write_blocking(move |tx| session::end_all(tx, alice, None)).unwrap();
        refused(&gone).await
    };
    assert_eq!(swept.as_ref().unwrap().0, Code::InvalidGrant);

    // Not used for too long, whatever its clients did.
    let grantor = bench.sign_in(alice);
    let offline = bench.code_with(&grantor, &[("scope", "email offline_access")]).await;
    let offline = bench.redeem(&offline).await.unwrap();
    let tokens = bench.tokens(&grantor).await;
    bench.pass(limits.idle.saturating_sub(Duration::from_secs(1)));
    let tokens = bench.refresh(tokens.refresh.unwrap().expose()).await.unwrap();
    let code = bench.code(&grantor).await;
    bench.pass(Duration::from_secs(1));
    assert!(!bench.is_active(tokens.refresh.as_ref().unwrap()).await);
    assert_eq!(refused(&tokens).await, swept, "as if it had been swept");
    assert_eq!(code_of(bench.redeem(&code).await), Code::InvalidGrant);
    assert!(bench.is_active(offline.refresh.as_ref().unwrap()).await);
    assert_eq!(refused(&offline).await, None, "granted to outlive it");

    // Used all the time, until its time is over; `remembered` has its own.
    let grantor = bench.sign_in(alice);
    let (hash, mut tokens) = (grantor.session.unwrap().0, bench.tokens(&grantor).await);
    for _ in 0..48 {
        let now = bench.world.now();
        bench.store.write_blocking(move |tx| session::touch(tx, &hash, now)).unwrap();
        tokens = bench.refresh(tokens.refresh.unwrap().expose()).await.unwrap();
        bench.pass(Duration::from_mins(30));
    }
    assert_eq!(refused(&tokens).await, swept);
}

/// simple-auth.md 9.C7, 9.D2: nothing is kept for ever.
///
/// Proves: OPS-16
#[tokio::test]
async fn what_is_over_is_swept() {
    let bench = Bench::open();
    let grantor = bench.sign_in(bench.add("alice"));
    bench.code(&grantor).await;
    let code = bench.code_with(&grantor, &[("scope", "email offline_access")]).await;
    let tokens = bench.redeem(&code).await.unwrap();
    let counts = |store: &Store| {
        store
            .read(|tx| Ok::<_, crate::store::StoreError>((AUTHORIZATIONS.count(tx)?, ACCESS.count(tx)?)))
            .unwrap()
    };
    let sweep = |now: Timestamp| {
        let write = move |tx: &mut WriteTx| {
            token::sweep_access(tx, now, 100)?;
            token::sweep_authorizations(tx, None, 100, now, 0)
        };
        bench.store.write_blocking(write).unwrap();
    };
    sweep(bench.world.now());
    assert_eq!(counts(&bench.store), (2, 1), "nothing is over yet");
    bench.pass(Duration::from_mins(1));
    sweep(bench.world.now());
    assert_eq!(counts(&bench.store), (1, 1), "the code that nobody redeemed");
    bench.pass(Duration::from_hours(25));
    sweep(bench.world.now());
    assert_eq!(counts(&bench.store), (1, 0), "the access token; the family lives on");
    assert!(bench.refresh(tokens.refresh.unwrap().expose()).await.is_ok());
    bench.pass(Duration::from_hours(24 * 31));
    sweep(bench.world.now());
    assert_eq!(counts(&bench.store), (0, 0));
}

/// simple-auth.md 9.D3: the list shows a prefix; of the tokens themselves only digests are kept.
///
/// Proves: OAU-11, OAU-15, OAU-22
#[tokio::test]
async fn people_see_what_they_granted_and_take_it_back() {
    let bench = Bench::open();
    bench.register("other", wiki(), Some(SECRET));
    let (alice, bob) = (bench.add("alice"), bench.add("bob"));
    let (grantor, stranger) = (bench.sign_in(alice), bench.sign_in(bob));
    let tokens = bench.tokens(&grantor).await;
    let code = bench.code(&grantor).await;
    let refresh = tokens.refresh.clone().unwrap();
    let lines = bench.engine.tokens_of(&bench.call(), alice).unwrap();
    let mut seen: Vec<_> = lines.iter().map(|line| (line.kind.as_str(), line.short.as_str())).collect();
    seen.sort_unstable();
    let mut expected = [
        ("access_token", &tokens.access.expose()[..5]),
        ("code", &code[..5]),
        ("refresh_token", &refresh.expose()[..5]),
    ];
    expected.sort_unstable();
    assert_eq!(seen, expected);
    assert!(lines.iter().all(|line| line.name == "Wiki" && line.client.as_str() == "wiki"));
    assert!(bench.engine.tokens_of(&bench.call(), bob).unwrap().is_empty());

    // Foreign, unknown, of another client: nothing happens, and that is no error.
    let (own, foreign) = (bench.authority(&grantor), bench.authority(&stranger));
    for (who, client, token) in [
        (&foreign, "wiki", Some(tokens.access.expose().as_str())),
        (&foreign, "wiki", None),
        (&own, "other", Some(tokens.access.expose().as_str())),
        (&own, "other", None),
        (&own, "wiki", Some("nonsense")),
        (&own, "no such client!", None),
    ] {
        bench.engine.revoke(&bench.call(), who, client, token).await.unwrap();
    }
    assert_eq!(bench.engine.tokens_of(&bench.call(), alice).unwrap().len(), 3);

    // One access token leaves the rest; a code goes alone; a refresh token takes its family along.
    let more = bench.tokens(&grantor).await;
    let revoke =
        async |token: Option<&str>| bench.engine.revoke(&bench.call(), &own, "wiki", token).await.unwrap();
    revoke(Some(more.access.expose())).await;
    assert!(!bench.is_active(&more.access).await && bench.is_active(&tokens.access).await);
    revoke(Some(&code)).await;
    assert_eq!(code_of(bench.redeem(&code).await), Code::InvalidGrant);
    revoke(Some(refresh.expose())).await;
    assert!(!bench.is_active(&tokens.access).await && !bench.is_active(&refresh).await);
    let left = bench.engine.tokens_of(&bench.call(), alice).unwrap();
    assert_eq!(left.iter().map(|line| line.kind).collect::<Vec<_>>(), [TokenType::Refresh]);

    // Everything, the consent included.
    assert_eq!(bench.engine.apps_of(&bench.call(), alice).unwrap().len(), 1);
    let request = bench.request_with(&[]).unwrap();
    assert!(!bench.engine.must_ask(&request, alice).unwrap());
    revoke(None).await;
    assert!(bench.engine.tokens_of(&bench.call(), alice).unwrap().is_empty());
    assert!(bench.engine.apps_of(&bench.call(), alice).unwrap().is_empty());
    assert!(bench.engine.must_ask(&request, alice).unwrap());
}

/// Proves: OAU-15
#[tokio::test]
async fn deleting_a_client_ends_everything_it_was_granted() {
    let bench = Bench::open();
    bench.register("machine", with_grants(&[Grant::ClientCredentials]), Some(SECRET));
    let grantor = bench.sign_in(bench.add("alice"));
    let tokens = bench.tokens(&grantor).await;
    let pairs = asked(&[("grant_type", "client_credentials")]);
    let Outcome::Tokens(own) =
        bench.engine.token(&bench.call(), &basic("machine", SECRET), &pairs).await.unwrap()
    else {
        panic!("no password was sent")
    };
    bench.engine.delete_client(&bench.call(), &operator(), "machine").await.unwrap();
    bench.engine.delete_client(&bench.call(), &operator(), "wiki").await.unwrap();
    // Another client of the same name does not come into what was the first one's.
    bench.pass(Duration::from_secs(1));
    bench.register("wiki", wiki(), Some(SECRET));
    let (less, same) = (bench.request_with(&[("scope", "email")]).unwrap(), bench.request_with(&[]).unwrap());
    assert!(bench.engine.must_ask(&same, grantor.account).unwrap(), "nobody agreed to this one");
    bench.engine.grant(&bench.call(), &grantor, &less, Agreement::Now).await.unwrap();
    assert!(!bench.engine.must_ask(&less, grantor.account).unwrap());
    assert!(bench.engine.must_ask(&same, grantor.account).unwrap(), "only to less");
    assert!(!bench.is_active(&tokens.access).await && !bench.is_active(&own.access).await);
    assert_eq!(code_of(bench.refresh(tokens.refresh.unwrap().expose()).await), Code::InvalidGrant);
    let left = bench.engine.tokens_of(&bench.call(), grantor.account).unwrap();
    assert_eq!(left.iter().map(|line| line.kind).collect::<Vec<_>>(), [TokenType::Code], "the new one's");
}
