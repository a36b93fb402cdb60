//! Signing in: counting, telling nothing, and the session that begins.

use std::{sync::Arc, time::Duration};

use crate::{
    actions::{
        accounts::StatusChange,
        login::Attempt,
        testing::{Desk, OTHER, PASSWORD, Plan, WRONG, at_once, attempt, operator, wanted},
    },
    crypto::password::Params,
    domain::{
        audit::Event,
        credential,
        fault::{Fault, Reason},
        login::throttle::{self, CounterKey, Rules, Subject},
        session::{Lifetimes, SESSIONS, SessionKey},
    },
    store::{ReadTx, StoreError},
    values::secret::Secret,
};

fn unhurried() -> Plan {
    // The raw cap per source is not what these tests are about.
    Plan { throttle: Rules { attempts_per_minute: 100_000, ..Rules::default() }, ..Plan::default() }
}

/// What a refusal tells, apart from what only the log sees.
fn told(fault: &Fault) -> (Reason, Vec<String>, Option<Duration>) {
    (fault.reason, fault.flaws.iter().map(|flaw| flaw.message.clone()).collect(), fault.retry_after)
}

/// 200 at once: no more than the limit reach a hashing thread, whoever and wherever they are.
///
/// Races: guesses at a password
/// Proves: THR-1, THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_guesses_are_counted_before_they_are_checked() {
    for (name, spread, most) in
        [("alice", false, 5), ("alice", true, 20), ("nobody-here", false, 5), ("nobody-here", true, 20)]
    {
        let desk = Arc::new(Desk::with(unhurried()));
        let id = desk.add("alice").await;
        let before = desk.hashed();
        let guesses = (0..200).map(|number| {
            let desk = desk.clone();
            async move {
                let client = if spread { format!("10.0.{number}.1") } else { "10.0.0.1".to_owned() };
                desk.sign_in_from(&client, name, WRONG).await.unwrap_err().reason
            }
        });
        let mut wrong = 0;
        for guess in at_once(guesses).await {
            match guess {
                Reason::BadCredentials => wrong += 1,
                reason => assert_eq!(reason, Reason::Throttled),
            }
        }
        let hashed = desk.hashed() - before;
        assert_eq!(hashed, wrong);
        assert!((1..=most).contains(&hashed), "{name}, spread {spread}: {hashed} guesses were checked");
        let subject = if name == "alice" { Subject::account(id) } else { Subject::unknown(name) };
        let stored = desk.store.read(|tx| throttle::consecutive(tx, &CounterKey::subject(&subject))).unwrap();
        assert_eq!((u64::from(stored), desk.count(Event::SignInFailed) as u64), (wrong, wrong));
    }
}

/// Proves: THR-1, THR-12
#[tokio::test]
async fn raw_attempts_of_a_source_are_capped() {
    let plan = Plan { throttle: Rules { attempts_per_minute: 3, ..Rules::default() }, ..Plan::default() };
    let desk = Desk::with(plan);
    desk.add("alice").await;
    for _ in 0..3 {
        desk.sign_in("alice", PASSWORD).await.unwrap();
    }
    let before = (desk.hashed(), desk.store.figures().commits);
    let refused = desk.sign_in("alice", PASSWORD).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Throttled);
    assert!(refused.retry_after.is_some_and(|wait| wait >= Duration::from_secs(1)));
    assert_eq!((desk.hashed(), desk.store.figures().commits), before, "it cost neither a hash nor a write");
    desk.sign_in_from("192.0.2.8", "alice", PASSWORD).await.unwrap();
    desk.pass(60);
    desk.sign_in("alice", PASSWORD).await.unwrap();
}

/// simple-auth.md 9.A8
///
/// Proves: THR-3
#[tokio::test]
async fn all_spellings_of_an_account_share_one_counter() {
    let desk = Desk::open();
    desk.add("alice").await;
    for name in ["alice", "ALICE", "alice@example.com", "Alice@EXAMPLE.com", "\u{ff41}lice"] {
        assert_eq!(desk.refusal(name, WRONG).await, Reason::BadCredentials, "{name}");
    }
    let before = desk.hashed();
    // Each spelling has fewer failures than would be told of; that they are one account is not told either.
    for name in ["alice", "alice@example.com", "Alice"] {
        assert_eq!(desk.refusal(name, PASSWORD).await, Reason::BadCredentials, "{name}");
    }
    assert_eq!(desk.hashed() - before, 3, "the work of an unknown name");
    for _ in 0..5 {
        desk.refusal("alice", PASSWORD).await;
    }
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Throttled);
}

/// Proves: THR-5
#[tokio::test]
async fn only_the_own_success_clears_the_own_failures() {
    let desk = Desk::open();
    desk.add("alice").await;
    desk.add("mallory").await;
    for _ in 0..4 {
        assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    }
    let mallory = desk.sign_in("mallory", PASSWORD).await.unwrap();
    desk.change_password(&mallory, PASSWORD, OTHER).await.unwrap();
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::Throttled, "the fifth failure counted");
    desk.pass(1);
    desk.sign_in("alice", PASSWORD).await.unwrap();
    for _ in 0..5 {
        assert_eq!(
            desk.refusal("alice", WRONG).await,
            Reason::BadCredentials,
            "free again after the own success"
        );
    }
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::Throttled);
}

/// Proves: THR-6
#[tokio::test]
async fn while_blocked_right_and_wrong_are_the_same() {
    let desk = Desk::open();
    desk.add("alice").await;
    for _ in 0..5 {
        desk.refusal("alice", WRONG).await;
    }
    let before = desk.hashed();
    let right = desk.sign_in("alice", PASSWORD).await.unwrap_err();
    let wrong = desk.sign_in("alice", WRONG).await.unwrap_err();
    assert_eq!(told(&right), told(&wrong));
    assert_eq!(right.reason, Reason::Throttled);
    assert_eq!(right.retry_after, Some(Duration::from_secs(1)));
    assert_eq!(desk.hashed(), before, "neither was looked at");
}

/// Proves: THR-8, PWD-6
#[tokio::test]
async fn a_refusal_tells_nothing_of_the_account() {
    let desk = Desk::open();
    for name in ["wrong", "disabled", "locked", "deleted"] {
        desk.add(name).await;
    }
    let id = |name: &str| desk.actions.find_account(&operator(), &name.into()).unwrap().id;
    desk.status(id("disabled"), StatusChange::Disable("left".to_owned())).await.unwrap();
    desk.status(id("locked"), StatusChange::Lock("lost".to_owned())).await.unwrap();
    desk.actions.delete_account(&desk.call(), &operator(), id("deleted")).await.unwrap();
    desk.create(crate::actions::accounts::Wanted { password: None, ..wanted("without-password") })
        .await
        .unwrap();
    let expected = (Reason::BadCredentials, Vec::new(), None);
    for name in [
        "wrong",
        "disabled",
        "locked",
        "deleted",
        "without-password",
        "unknown",
        "unknown@example.com",
        "no such name",
        "\u{202e}evil",
        "a\0b",
        "'; --",
        " ",
        "wrong ",
    ] {
        let before = (desk.hashed(), desk.store.figures().transactions);
        let fault = desk.sign_in(name, WRONG).await.unwrap_err();
        assert_eq!(told(&fault), expected, "{name}");
        let after = (desk.hashed(), desk.store.figures().transactions);
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1), "{name}: one hash, one write");
    }
    // And blocked they are told the same, too.
    for name in ["wrong", "unknown", "disabled"] {
        for _ in 0..4 {
            desk.sign_in_from("192.0.2.50", name, WRONG).await.unwrap_err();
        }
    }
    let blocked: Vec<_> = {
        let mut faults = Vec::new();
        for name in ["wrong", "unknown", "disabled"] {
            desk.sign_in_from("192.0.2.50", name, WRONG).await.unwrap_err();
            faults.push(told(&desk.sign_in_from("192.0.2.50", name, PASSWORD).await.unwrap_err()));
        }
        faults
    };
    assert_eq!(blocked[0].0, Reason::Throttled);
    assert!(blocked.iter().all(|told| *told == blocked[0]), "{blocked:?}");
}

/// Only who knows the password learns that the account is closed.
///
/// Proves: THR-8
#[tokio::test]
async fn the_status_shows_after_the_right_password_only() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.status(id, StatusChange::Lock("lost".to_owned())).await.unwrap();
    assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Locked);
    desk.status(id, StatusChange::Unlock).await.unwrap();
    desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.status(id, StatusChange::Disable("left".to_owned())).await.unwrap();
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Disabled);
    assert_eq!(desk.live(id), 0);
}

/// Proves: THR-1
#[tokio::test]
async fn delays_double_then_blocks_and_unlocking_pardons() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    for _ in 0..5 {
        assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    }
    for seconds in [1, 2, 4, 8, 16, 300, 600] {
        let fault = desk.sign_in("alice", PASSWORD).await.unwrap_err();
        assert_eq!(
            (fault.reason, fault.retry_after),
            (Reason::Throttled, Some(Duration::from_secs(seconds)))
        );
        desk.pass(seconds - 1);
        assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Throttled);
        desk.pass(1);
        assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials, "after {seconds} s one guess");
    }
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Throttled);
    desk.status(id, StatusChange::Unlock).await.unwrap();
    desk.sign_in("alice", PASSWORD).await.unwrap();
}

/// Nobody can lock the owner out of a browser that signed in before.
///
/// Proves: THR-4
#[tokio::test]
async fn a_known_device_has_its_own_counter() {
    let throttle = Rules { ceiling: 8, attempts_per_minute: 100_000, ..Rules::default() };
    let desk = Desk::with(Plan { throttle, ..Plan::default() });
    desk.add("alice").await;
    desk.add("mallory").await;
    let device = desk.sign_in("alice", PASSWORD).await.unwrap().device.unwrap();
    let mallorys = desk.sign_in("mallory", PASSWORD).await.unwrap().device.unwrap();
    for guess in 0..8 {
        let client = format!("10.0.{guess}.1");
        assert_eq!(
            desk.sign_in_from(&client, "alice", WRONG).await.unwrap_err().reason,
            Reason::BadCredentials
        );
    }
    assert_eq!(desk.count(Event::CeilingReached), 1);
    // From now on strangers are refused, however long they wait, with the right password, too.
    let with = async |device: Option<&str>, password: &str| {
        let attempt = Attempt { device: device.map(str::to_owned), ..attempt("alice", password) };
        desk.actions
            .sign_in_at_once(&desk.from("10.9.9.9"), attempt)
            .await
            .map(|_| ())
            .map_err(|fault| fault.reason)
    };
    let forged = {
        let mut bytes = device.clone().into_bytes();
        bytes[0] = if bytes[0] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    for span in [0, 3600, 24 * 3600] {
        desk.pass(span);
        for stranger in [None, Some(""), Some("garbage"), Some(&*forged), Some(&*mallorys)] {
            assert_eq!(with(stranger, PASSWORD).await, Err(Reason::Throttled), "{stranger:?}");
        }
    }
    // The known device is slowed by its own failures only.
    for _ in 0..5 {
        assert_eq!(with(Some(&device), WRONG).await, Err(Reason::BadCredentials));
    }
    assert_eq!(with(Some(&device), PASSWORD).await, Err(Reason::Throttled));
    desk.pass(1);
    assert_eq!(with(Some(&device), PASSWORD).await, Ok(()));
    assert_eq!(with(None, PASSWORD).await, Ok(()), "success lifts the ceiling");
    // A mark is good for half a year.
    for guess in 0..8 {
        desk.sign_in_from(&format!("10.1.{guess}.1"), "alice", WRONG).await.unwrap_err();
    }
    desk.pass(181 * 24 * 3600);
    assert_eq!(with(Some(&device), PASSWORD).await, Err(Reason::Throttled));
}

/// Proves: SES-1, SES-2, SES-14
#[tokio::test]
async fn every_sign_in_makes_a_new_session_and_ends_the_one_it_replaces() {
    let desk = Desk::open();
    let alice = desk.add("alice").await;
    let bob = desk.add("bob").await;
    let first = desk.sign_in("alice", PASSWORD).await.unwrap();
    let over = |name: &str, hash| Attempt { replaces: Some(hash), ..attempt(name, PASSWORD) };
    let second = desk.actions.sign_in_at_once(&desk.call(), over("alice", first.key.hash())).await.unwrap();
    assert_ne!(first.key.hash(), second.key.hash());
    assert_ne!(first.session.id, second.session.id);
    assert_eq!(desk.live(alice), 1, "the old one is gone");
    // As somebody else: nothing of alice's stays in this browser.
    let third = desk.actions.sign_in_at_once(&desk.call(), over("bob", second.key.hash())).await.unwrap();
    assert_eq!((desk.live(alice), desk.live(bob), third.account), (0, 1, bob));
    // A failed attempt ends nothing.
    let wrong = Attempt { password: Secret::from(WRONG), ..over("alice", third.key.hash()) };
    desk.actions.sign_in_at_once(&desk.call(), wrong).await.unwrap_err();
    assert_eq!(desk.live(bob), 1);
    // An identifier of the client's own making is never adopted.
    let made_up = SessionKey::mint(desk.call().now, desk.actions.world().random());
    let fourth = desk.actions.sign_in_at_once(&desk.call(), over("alice", made_up.hash())).await.unwrap();
    assert_ne!(fourth.key.hash(), made_up.hash());
    assert_eq!(desk.store.read(|tx| SESSIONS.get(tx, &made_up.hash())), Ok(None));
}

/// Proves: SES-1
#[tokio::test]
async fn the_store_never_holds_what_opens_the_door() {
    let desk = Desk::open();
    desk.add("alice").await;
    let signed_in = desk.sign_in("alice", PASSWORD).await.unwrap();
    let text = signed_in.key.text();
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("copy");
    desk.store.backup(&file).unwrap();
    let bytes = std::fs::read(file).unwrap();
    let holds = |needle: &[u8]| memchr::memmem::find(&bytes, needle).is_some();
    assert!(holds(b"alice"), "the copy is in clear");
    for secret in [text.as_bytes(), PASSWORD.as_bytes(), signed_in.device.as_deref().unwrap().as_bytes()] {
        assert!(!holds(secret));
    }
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    let limits = Lifetimes { per_person: 3, ..Lifetimes::default() };
    let desk = Desk::with(Plan { limits, ..unhurried() });
    let id = desk.add("alice").await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(desk.sign_in("alice", PASSWORD).await.unwrap());
        desk.pass(1);
    }
    let kept: Vec<_> =
        desk.actions.sessions_of(&desk.call(), id).unwrap().iter().map(|session| session.id).collect();
    assert_eq!(kept, [sessions[4].session.id, sessions[3].session.id, sessions[2].session.id]);
    assert_eq!(desk.count(Event::SessionEvicted), 2);
}

/// Verified with old parameters, the hash is renewed; whoever else signs in meanwhile does not notice, also the second
/// time parameters change.
///
/// Proves: PWD-4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn outdated_hashes_are_renewed_while_others_sign_in() {
    let first = Desk::with(unhurried());
    let id = first.add("alice").await;
    let stored = |desk: &Desk| desk.store.read(|tx| credential::password_of(tx, id)).unwrap().unwrap();
    let original = stored(&first);
    for memory in [20 * 1024, 21 * 1024] {
        let params = Params::new(memory, 2, 1).unwrap();
        let mut plan = unhurried();
        plan.hashing.params = params;
        let desk = Arc::new(Desk::over(first.store.clone(), crate::world::World::fake(), plan));
        let before = stored(&desk);
        let tries = (0..4).map(|_| {
            let desk = desk.clone();
            async move { desk.sign_in("alice", PASSWORD).await.map(|_| ()).map_err(|f| f.to_string()) }
        });
        for one in at_once(tries).await {
            assert_eq!(one, Ok(()));
        }
        let after = stored(&desk);
        assert_ne!(after.hash, before.hash);
        assert!(after.hash.contains(&format!("m={memory}")), "{}", after.hash);
        assert_eq!(after.version(), before.version(), "the same password");
        assert!(after.is_made_from(&original.hash), "and still the one that was set");
        let hashed = desk.hashed();
        desk.sign_in("alice", PASSWORD).await.unwrap();
        assert_eq!(desk.hashed() - hashed, 1, "renewed once");
        assert_eq!(desk.refusal("alice", WRONG).await, Reason::BadCredentials);
    }
}

/// Proves: PWD-2, PWD-3
#[tokio::test]
async fn what_cannot_be_a_password_costs_nothing() {
    let desk = Desk::open();
    desk.add("alice").await;
    let before = (desk.hashed(), desk.store.figures().transactions);
    let long = "x".repeat(1025);
    let name = "n".repeat(321);
    for (name, password) in
        [("alice", ""), ("alice", "a\0b"), ("alice", &*long), ("", PASSWORD), (&*name, PASSWORD), ("", "")]
    {
        let fault = desk.sign_in(name, password).await.unwrap_err();
        assert_eq!(fault.reason, Reason::Malformed);
        assert!(!fault.flaws.is_empty());
    }
    assert_eq!((desk.hashed(), desk.store.figures().transactions), before);
    // Exactly as sent: no trimming, no folding; only the normalisation is free.
    for near in [format!(" {PASSWORD}"), format!("{PASSWORD} "), PASSWORD.to_uppercase()] {
        assert_eq!(
            desk.sign_in_from("192.0.2.99", "alice", &near).await.unwrap_err().reason,
            Reason::BadCredentials
        );
    }
}

/// A password that changes while it is being checked opens nothing.
#[tokio::test]
async fn a_sign_in_on_an_old_password_is_as_wrong() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let racing = async {
        let signing_in = desk.sign_in("alice", PASSWORD);
        let changing = async {
            // The attempt has to have read the old password before it is changed; it then waits for its hash.
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
            let store = desk.store.clone();
            let now = desk.call().now;
            store
                .write(move |tx| {
                    let hash = credential::password_of(tx, id)?.map(|record| record.hash().unwrap());
                    if let Some(hash) = hash {
                        credential::set_password(tx, id, &hash, now, false)?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await
        };
        tokio::join!(signing_in, changing)
    };
    let (signed_in, changed) = racing.await;
    changed.unwrap();
    assert_eq!(signed_in.unwrap_err().reason, Reason::BadCredentials);
    assert_eq!(desk.live(id), 0);
    desk.sign_in("alice", PASSWORD).await.unwrap();
}

/// Proves: OPS-19, OPS-18
#[tokio::test]
async fn the_trail_names_the_account_and_never_what_was_typed() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.refusal("alice", WRONG).await;
    desk.refusal("hunter2-typed-into-the-name", WRONG).await;
    let trail = desk.audit();
    let of = |event| trail.iter().filter(move |record| record.event == event);
    let done = of(Event::SignedIn).next().unwrap();
    assert_eq!(
        (done.subject, done.client.as_deref(), done.request.as_str()),
        (Some(id), Some("192.0.2.7"), "req-1")
    );
    assert_eq!(of(Event::SignInFailed).map(|record| record.subject).collect::<Vec<_>>(), [None, Some(id)]);
    let text = format!("{trail:?}");
    for secret in [PASSWORD, WRONG, "hunter2"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let view: Result<bool, StoreError> = desk.store.read(reads);
    assert_eq!(view, Ok(true));
}

fn reads(tx: &ReadTx) -> Result<bool, StoreError> {
    crate::domain::audit::verify_chain(tx).map(|chain| chain.is_ok())
}
