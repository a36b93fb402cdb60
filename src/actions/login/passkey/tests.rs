//! A passkey beside a password, to raise a session, and alone, with an authenticator of another make.

mod races;

use std::time::Duration;

use super::{Answer, PasskeySignIn, Prover};
use crate::{
    actions::{
        accounts::StatusChange,
        login::{NextStep, SignInOutcome, SignedIn},
        passkeys::{Asked, Keeper},
        testing::{Desk, PASSWORD, Plan, attempt},
    },
    crypto::{
        text,
        webauthn::{
            Verification,
            testing::{Device, asking_for},
        },
    },
    domain::{
        audit::Event,
        caller::{Caller, Factor, Level},
        credential,
        fault::{Fault, Reason},
        outbox::Template,
    },
    values::{id::AccountId, secret::Secret},
};

const ORIGIN: &str = "https://auth.example.com";
const FLOW: &str = "the flow of one browser";

fn keeper(of: &SignedIn) -> Keeper {
    let caller =
        Caller::Person { account: of.account, session: of.session.id, strength: of.session.strength.clone() };
    Keeper::new(&caller, of.key.hash()).unwrap()
}

fn answer(asked: &Asked, response: String) -> Answer {
    Answer { handle: asked.handle.clone(), response, device: None }
}

/// Adds a passkey to an account that has none.
async fn add(desk: &Desk, device: &mut Device, name: &str) -> SignedIn {
    let by = desk.sign_in(name, PASSWORD).await.unwrap();
    add_by(desk, device, &by).await.unwrap();
    by
}

async fn add_by(desk: &Desk, device: &mut Device, by: &SignedIn) -> Result<(), Fault> {
    let asked = desk.actions.begin_passkey(&desk.call(), keeper(by)).await?;
    let made = device.create(&asked.options).await;
    desk.actions.finish_passkey(&desk.call(), keeper(by), asked.handle, (&made, " My key ")).await
}

/// The first step of a sign-in whose account has a passkey.
async fn first_step(desk: &Desk, name: &str) -> NextStep {
    match desk.actions.sign_in(&desk.call(), attempt(name, PASSWORD)).await.unwrap() {
        SignInOutcome::Next(next) => next,
        SignInOutcome::SignedIn(_) => panic!("no second factor was asked for"),
    }
}

async fn prove(desk: &Desk, device: &mut Device, prover: Prover) -> Result<SignedIn, Fault> {
    let asked = desk.actions.ask_for_passkey(&desk.call(), prover).await?;
    let shown = device.get(&asked.options).await;
    signed_in(desk.actions.prove_with_passkey(&desk.call(), prover, answer(&asked, shown), false).await)
}

fn signed_in(outcome: Result<SignInOutcome, Fault>) -> Result<SignedIn, Fault> {
    match outcome? {
        SignInOutcome::SignedIn(signed_in) => Ok(signed_in),
        SignInOutcome::Next(_) => panic!("more was asked"),
    }
}

/// Signs in with nothing else.
async fn alone(desk: &Desk, device: &mut Device) -> Result<SignedIn, Fault> {
    let asked = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await?;
    let shown = device.get(&asking_for("preferred", &asked.options)).await;
    show(desk, FLOW, answer(&asked, shown)).await
}

async fn show(desk: &Desk, flow: &str, answer: Answer) -> Result<SignedIn, Fault> {
    let attempt = PasskeySignIn { answer, remember: false, replaces: None };
    signed_in(desk.actions.sign_in_with_passkey(&desk.call(), flow, attempt).await)
}

fn reason<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> Reason {
    outcome.unwrap_err().reason
}

/// Proves: WAN-4, THR-13
#[tokio::test]
async fn a_passkey_is_added_kept_and_removed_and_its_owner_told() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let mut device = Device::new(ORIGIN);
    let by = add(&desk, &mut device, "alice").await;
    let there = desk.actions.passkeys_of(id).unwrap();
    assert_eq!(there.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["My key"]);
    assert_eq!(there[0].used, None);
    assert_eq!(desk.sent_value(Template::FactorAdded, "factor").as_deref(), Some("My key"));
    desk.actions.rename_passkey(&desk.call(), keeper(&by), there[0].key, "Blue").await.unwrap();
    assert_eq!(desk.actions.passkeys_of(id).unwrap()[0].name, "Blue");
    // Now there is a second factor, so the password alone changes nothing.
    let refused = desk.actions.remove_passkey(&desk.call(), keeper(&by), there[0].key).await;
    assert_eq!(reason(refused), Reason::SecondFactorNeeded);
    let raised = prove(&desk, &mut device, Prover::Session(id, by.key.hash())).await.unwrap();
    let other = alone(&desk, &mut device).await.unwrap();
    desk.actions.remove_passkey(&desk.call(), keeper(&raised), there[0].key).await.unwrap();
    assert!(desk.actions.passkeys_of(id).unwrap().is_empty());
    assert_eq!(desk.sent_value(Template::FactorRemoved, "factor").as_deref(), Some("Blue"));
    assert_eq!(desk.live(id), 1, "{:?} has ended", other.session.id);
    assert!(desk.sign_in("alice", PASSWORD).await.is_ok(), "the password is enough again");
    for event in [Event::PasskeyAdded, Event::PasskeyRenamed, Event::PasskeyRemoved] {
        assert_eq!(desk.count(event), 1, "{event:?}");
    }
    // What is gone opens nothing.
    assert_eq!(reason(alone(&desk, &mut device).await), Reason::BadCredentials);
}

/// Proves: WAN-4
#[tokio::test]
async fn the_only_way_into_an_account_stays() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let (mut first, mut beside, mut second) =
        (Device::new(ORIGIN), Device { verifies: false, ..Device::new(ORIGIN) }, Device::new(ORIGIN));
    add(&desk, &mut first, "alice").await;
    let by = alone(&desk, &mut first).await.unwrap();
    add_by(&desk, &mut beside, &by).await.unwrap();
    desk.store.write(move |tx| credential::forget(tx, id)).await.unwrap();
    let keys = desk.actions.passkeys_of(id).unwrap();
    let [way, other] = [true, false].map(|alone| keys.iter().find(|one| one.alone == alone).unwrap().key);
    // Without a password another that does not know its user would be of no use.
    let mut careless = Device { verifies: false, ..Device::new(ORIGIN) };
    let asked = desk.actions.begin_passkey(&desk.call(), keeper(&by)).await.unwrap();
    let made = careless.create(&asking_for_make(&asked.options)).await;
    let refused = desk.actions.finish_passkey(&desk.call(), keeper(&by), asked.handle, (&made, "")).await;
    assert_eq!(reason(refused), Reason::SecondFactorWrong);
    // One that is good beside a password only is no other way in, and nobody needs it as one.
    let remove = async |key| desk.actions.remove_passkey(&desk.call(), keeper(&by), key).await;
    assert_eq!(reason(remove(way).await), Reason::LastOne);
    assert_eq!(desk.actions.passkeys_of(id).unwrap().len(), 2, "nothing is changed");
    remove(other).await.unwrap();
    assert_eq!(reason(remove(way).await), Reason::LastOne);
    // Nor is one that no browser finds without being told its name.
    let asked = desk.actions.begin_passkey(&desk.call(), keeper(&by)).await.unwrap();
    let made = Device::new(ORIGIN).create(&asked.options).await.replace("\"rk\":true", "\"rk\":false");
    assert!(made.contains("\"rk\":false"));
    desk.actions.finish_passkey(&desk.call(), keeper(&by), asked.handle, (&made, "")).await.unwrap();
    assert_eq!(reason(remove(way).await), Reason::LastOne);
    add_by(&desk, &mut second, &by).await.unwrap();
    remove(way).await.unwrap();
    assert!(alone(&desk, &mut second).await.is_ok());
}

/// Proves: WAN-4
#[tokio::test]
async fn changes_need_a_fresh_proof_and_the_session_that_asked() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.add("bob").await;
    let mut device = Device::new(ORIGIN);
    let by = desk.sign_in("alice", PASSWORD).await.unwrap();
    let bob = desk.sign_in("bob", PASSWORD).await.unwrap();
    let asked = desk.actions.begin_passkey(&desk.call(), keeper(&by)).await.unwrap();
    let made = device.create(&asked.options).await;
    let finish = |who: &SignedIn, handle: &Secret<String>| {
        let (actions, call, who, handle, made) =
            (desk.actions.clone(), desk.call(), keeper(who), handle.clone(), made.clone());
        async move { actions.finish_passkey(&call, who, handle, (&made, "")).await }
    };
    assert_eq!(reason(finish(&bob, &asked.handle).await), Reason::InvalidToken, "another session");
    finish(&by, &asked.handle).await.unwrap();
    assert_eq!(reason(finish(&by, &asked.handle).await), Reason::InvalidToken, "used");
    let key = desk.actions.passkeys_of(id).unwrap()[0].key;
    let raised = prove(&desk, &mut device, Prover::Session(id, by.key.hash())).await.unwrap();
    let open = desk.actions.begin_passkey(&desk.call(), keeper(&raised)).await.unwrap();
    desk.pass(5 * 60 + 1);
    assert_eq!(reason(finish(&raised, &open.handle).await), Reason::Expired, "five minutes");
    assert_eq!(reason(add_by(&desk, &mut Device::new(ORIGIN), &raised).await), Reason::FreshSignInNeeded);
    let removed = desk.actions.remove_passkey(&desk.call(), keeper(&raised), key).await;
    assert_eq!(reason(removed), Reason::FreshSignInNeeded);
    // Nobody else's passkey can be touched.
    let bob = desk.sign_in("bob", PASSWORD).await.unwrap();
    assert_eq!(reason(desk.actions.remove_passkey(&desk.call(), keeper(&bob), key).await), Reason::NotFound);
    let renamed = desk.actions.rename_passkey(&desk.call(), keeper(&bob), key, "Mine").await;
    assert_eq!(reason(renamed), Reason::NotFound);
}

/// Proves: WAN-3
#[tokio::test]
async fn one_credential_belongs_to_one_account() {
    let desk = Desk::open();
    desk.add("alice").await;
    let bob = desk.add("bob").await;
    let mut device = Device::new(ORIGIN);
    add(&desk, &mut device, "alice").await;
    // Attestation is not asked for, so anybody can claim any id in a registration.
    let by = desk.sign_in("bob", PASSWORD).await.unwrap();
    let asked = desk.actions.begin_passkey(&desk.call(), keeper(&by)).await.unwrap();
    let theirs = device.passkey.as_ref().unwrap().credential_id.to_vec();
    let made = Device::new(ORIGIN).create_as(&asked.options, &theirs).await;
    let taken = desk.actions.finish_passkey(&desk.call(), keeper(&by), asked.handle, (&made, "")).await;
    assert_eq!(reason(taken), Reason::Taken);
    assert!(desk.actions.passkeys_of(bob).unwrap().is_empty());
}

#[tokio::test]
async fn beside_a_password_it_is_the_second_factor() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let mut device = Device::new(ORIGIN);
    add(&desk, &mut device, "alice").await;
    let next = first_step(&desk, "alice").await;
    assert_eq!(next.options, [Factor::Passkey]);
    let entered = prove(&desk, &mut device, Prover::Pending(next.key.hash())).await.unwrap();
    assert_eq!(entered.account, id);
    assert_eq!(entered.session.strength.level(), Level::SecondFactor);
    assert!(desk.actions.passkeys_of(id).unwrap()[0].used.is_some());
    // The transaction is over with it.
    let again = desk.actions.ask_for_passkey(&desk.call(), Prover::Pending(next.key.hash())).await;
    assert_eq!(reason(again), Reason::Expired);
    // In one call there is no way to show one.
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::SecondFactorNeeded);
}

/// Proves: WAN-6, THR-9
#[tokio::test]
async fn alone_it_is_two_factors_and_its_user_has_to_be_verified() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let mut device = Device::new(ORIGIN);
    add(&desk, &mut device, "alice").await;
    let entered = alone(&desk, &mut device).await.unwrap();
    assert_eq!(entered.account, id);
    assert_eq!(entered.session.strength.level(), Level::SecondFactor);
    assert_eq!(entered.session.strength.proofs[0].factor, Factor::VerifiedPasskey);
    device.verifies = false;
    assert_eq!(reason(alone(&desk, &mut device).await), Reason::BadCredentials);
    // Whoever asks learns nothing about anybody.
    let asked = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    assert!(asked.options.contains("\"allowCredentials\":[]"), "{}", asked.options);
    assert!(asked.options.contains("\"userVerification\":\"required\""), "{}", asked.options);
}

/// Proves: WAN-1, WAN-6
#[tokio::test]
async fn a_passkey_without_verification_is_a_second_factor_only() {
    let desk = Desk::open();
    desk.add("alice").await;
    let mut device = Device { verifies: false, ..Device::new(ORIGIN) };
    add(&desk, &mut device, "alice").await;
    let next = first_step(&desk, "alice").await;
    let entered = prove(&desk, &mut device, Prover::Pending(next.key.hash())).await.unwrap();
    assert_eq!(entered.session.strength.proofs[1].factor, Factor::Passkey);
    assert_eq!(entered.session.strength.level(), Level::SecondFactor);
    assert_eq!(reason(alone(&desk, &mut device).await), Reason::BadCredentials);
    // A PIN that it got later may be that of whoever found it: still a second factor, and no more.
    device.verifies = true;
    let next = first_step(&desk, "alice").await;
    let entered = prove(&desk, &mut device, Prover::Pending(next.key.hash())).await.unwrap();
    assert_eq!(entered.session.strength.proofs[1].factor, Factor::Passkey);
    let refused = desk.count(Event::PasskeyRefused);
    assert_eq!(reason(alone(&desk, &mut device).await), Reason::BadCredentials);
    assert_eq!(desk.count(Event::PasskeyRefused), refused + 1);
    let id = desk.account_id("alice");
    assert!(desk.actions.passkeys_of(id).unwrap().iter().all(|passkey| !passkey.alone), "its owner is told");
    // Where the house requires it, not even that.
    device.verifies = false;
    let strict = Desk::with(Plan { verification: Verification::Required, ..Plan::default() });
    strict.add("alice").await;
    let by = strict.sign_in("alice", PASSWORD).await.unwrap();
    let asked = strict.actions.begin_passkey(&strict.call(), keeper(&by)).await.unwrap();
    let made = device.create(&asking_for_make(&asked.options)).await;
    let refused = strict.actions.finish_passkey(&strict.call(), keeper(&by), asked.handle, (&made, "")).await;
    assert_eq!(reason(refused), Reason::SecondFactorWrong);
    assert_eq!(strict.count(Event::PasskeyRefused), 1);
}

fn asking_for_make(options: &str) -> String {
    options.replace("\"userVerification\":\"required\"", "\"userVerification\":\"preferred\"")
}

/// Proves: WAN-1
#[tokio::test]
async fn an_answer_is_good_once_for_whoever_was_asked() {
    let desk = Desk::open();
    desk.add("alice").await;
    let mut device = Device::new(ORIGIN);
    add(&desk, &mut device, "alice").await;
    let asked = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    let shown = device.get(&asked.options).await;
    let stolen = show(&desk, "another browser", answer(&asked, shown.clone())).await;
    assert_eq!(reason(stolen), Reason::InvalidToken, "another browser");
    assert!(show(&desk, FLOW, answer(&asked, shown.clone())).await.is_ok());
    assert_eq!(reason(show(&desk, FLOW, answer(&asked, shown)).await), Reason::InvalidToken, "used");
    let late = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    let shown = device.get(&late.options).await;
    desk.pass(5 * 60 + 1);
    assert_eq!(reason(show(&desk, FLOW, answer(&late, shown)).await), Reason::Expired);
    // The newer ceremony of one browser voids the older.
    let older = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    let shown = device.get(&older.options).await;
    assert_eq!(reason(show(&desk, FLOW, answer(&older, shown)).await), Reason::InvalidToken);
    // Nor does what was asked of a stranger raise a login transaction, or the other way round.
    let next = first_step(&desk, "alice").await;
    let prover = Prover::Pending(next.key.hash());
    let asked = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    let shown = device.get(&asked.options).await;
    let crossed = desk.actions.prove_with_passkey(&desk.call(), prover, answer(&asked, shown), false).await;
    assert_eq!(reason(crossed), Reason::InvalidToken);
}

/// Proves: WAN-2
#[tokio::test]
async fn a_copy_is_noticed_by_its_counter() {
    let desk = Desk::open();
    desk.add("alice").await;
    let mut device = Device::new(ORIGIN);
    add(&desk, &mut device, "alice").await;
    let mut copy = device.clone();
    assert!(alone(&desk, &mut device).await.is_ok());
    assert!(alone(&desk, &mut device).await.is_ok());
    assert_eq!(reason(alone(&desk, &mut copy).await), Reason::BadCredentials);
    assert_eq!(desk.count(Event::PasskeyDoubted), 1);
    assert!(alone(&desk, &mut device).await.is_ok(), "the one that counts on goes on");
}

/// Proves: WAN-1
#[tokio::test]
async fn a_passkey_opens_its_owners_account_only() {
    let desk = Desk::open();
    desk.add("alice").await;
    desk.add("mallory").await;
    let (mut hers, mut theirs) = (Device::new(ORIGIN), Device::new(ORIGIN));
    add(&desk, &mut hers, "alice").await;
    add(&desk, &mut theirs, "mallory").await;
    // Somebody with alice's password shows a passkey of their own.
    let next = first_step(&desk, "alice").await;
    let prover = Prover::Pending(next.key.hash());
    let asked = desk.actions.ask_for_passkey(&desk.call(), prover).await.unwrap();
    let mut anybody: serde_json::Value = serde_json::from_str(&asked.options).unwrap();
    anybody["publicKey"]["allowCredentials"] = serde_json::json!([]);
    let shown = theirs.get(&anybody.to_string()).await;
    let refused = desk.actions.prove_with_passkey(&desk.call(), prover, answer(&asked, shown), false).await;
    assert_eq!(reason(refused), Reason::SecondFactorWrong);
    // Or claims that theirs is hers.
    let asked = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
    let shown = theirs.get(&asked.options).await;
    let hers_handle = handle_of(desk.account_id("alice"));
    let claimed = shown.replace(&handle_of(desk.account_id("mallory")), &hers_handle);
    assert_ne!(claimed, shown);
    assert_eq!(reason(show(&desk, FLOW, answer(&asked, claimed)).await), Reason::BadCredentials);
    // Or that hers is theirs, or nobody's.
    let asked = desk.actions.ask_for_passkey(&desk.call(), prover).await.unwrap();
    let shown = hers.get(&asked.options).await;
    let mut claimed: serde_json::Value = serde_json::from_str(&shown).unwrap();
    claimed["response"]["userHandle"] = handle_of(desk.account_id("mallory")).into();
    let claimed = answer(&asked, claimed.to_string());
    let refused = desk.actions.prove_with_passkey(&desk.call(), prover, claimed, false).await;
    assert_eq!(reason(refused), Reason::SecondFactorWrong);
    for nobody in [serde_json::Value::Null, "".into()] {
        let asked = desk.actions.ask_for_any_passkey(&desk.call(), FLOW).await.unwrap();
        let mut claimed: serde_json::Value = serde_json::from_str(&hers.get(&asked.options).await).unwrap();
        claimed["response"]["userHandle"] = nobody;
        let refused = show(&desk, FLOW, answer(&asked, claimed.to_string())).await;
        assert_eq!(reason(refused), Reason::BadCredentials);
    }
    assert!(prove(&desk, &mut hers, prover).await.is_ok());
}

fn handle_of(account: AccountId) -> String {
    text::encode(account.bytes())
}

/// Proves: THR-1, THR-7
#[tokio::test]
async fn wrong_answers_are_counted_and_end_the_login_transaction() {
    let desk = Desk::open();
    desk.add("alice").await;
    let mut device = Device::new(ORIGIN);
    add(&desk, &mut device, "alice").await;
    let next = first_step(&desk, "alice").await;
    let prover = Prover::Pending(next.key.hash());
    let mut last = Reason::Broken;
    for _ in 0..12 {
        let Ok(asked) = desk.actions.ask_for_passkey(&desk.call(), prover).await else { break };
        let shown = spoiled(&device.get(&asked.options).await);
        last =
            reason(desk.actions.prove_with_passkey(&desk.call(), prover, answer(&asked, shown), false).await);
        assert!(matches!(last, Reason::SecondFactorWrong | Reason::Throttled | Reason::Expired), "{last:?}");
    }
    assert!(matches!(last, Reason::Throttled | Reason::Expired), "{last:?}");
    assert_eq!(reason(prove(&desk, &mut device, prover).await), Reason::Expired);
    assert!(desk.count(Event::PasskeyRefused) >= 3);
    // The same counters stand before it as the only factor.
    desk.pass(Duration::from_hours(24).as_secs());
    assert!(alone(&desk, &mut device).await.is_ok());
}

/// The same answer with another signature.
fn spoiled(shown: &str) -> String {
    let mut shown: serde_json::Value = serde_json::from_str(shown).unwrap();
    let signature = shown["response"]["signature"].as_str().unwrap();
    let mut signature = text::decode_up_to(signature, 1000).unwrap();
    signature[20] ^= 1;
    shown["response"]["signature"] = text::encode(&signature).into();
    shown.to_string()
}

#[tokio::test]
async fn a_closed_account_opens_for_no_passkey() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let mut device = Device::new(ORIGIN);
    add(&desk, &mut device, "alice").await;
    desk.status(id, StatusChange::Disable("gone".to_owned())).await.unwrap();
    assert_eq!(reason(alone(&desk, &mut device).await), Reason::Disabled);
}
