//! What the operator takes away from somebody who lost it.

use std::time::Duration;

use crate::{
    actions::{
        login::{Attempt, SignInOutcome, SignedIn, second::SecondFactor},
        passkeys::Keeper,
        testing::{Desk, PASSWORD, PORTAL, Plan, attempt, operator},
    },
    crypto::webauthn::testing::Device,
    domain::{
        audit::Event,
        caller::{Caller, Factor, Level},
        factor::{self, AddressFactor, Channel, FactorsRecord, Kinds, Rules, totp::TotpSecret},
        fault::Reason,
        login::throttle,
        outbox::Template,
    },
    values::{id::AccountId, random::Random, secret::Secret},
};

/// A house with every kind of second factor, in which nobody is slowed down for being quick.
fn desk() -> Desk {
    let kinds = Kinds { totp: true, email: true, sms: true };
    let factors = Rules { kinds, trusted: Duration::from_hours(24), ..Rules::default() };
    let throttle = throttle::Rules { attempts_per_minute: 100_000, ..throttle::Rules::default() };
    Desk::with(Plan { throttle, factors, ..Plan::default() })
}

fn with_code(name: &str, code: &str) -> Attempt {
    Attempt { totp: Some(Secret::from(code)), ..attempt(name, PASSWORD) }
}

async fn in_one_call(desk: &Desk, attempt: Attempt) -> Result<SignedIn, Reason> {
    desk.actions.sign_in_at_once(&desk.call(), attempt).await.map_err(|fault| fault.reason)
}

/// Adds a passkey to an account that has no second factor.
async fn add_passkey(desk: &Desk, name: &str) {
    let by = desk.sign_in(name, PASSWORD).await.unwrap();
    let (session, strength) = (by.session.id, by.session.strength.clone());
    let caller = Caller::Person { account: by.account, session, strength };
    let keeper = Keeper::new(&caller, by.key.hash()).unwrap();
    let asked = desk.actions.begin_passkey(&desk.call(), keeper.clone()).await.unwrap();
    let made = Device::new(PORTAL).create(&asked.options).await;
    desk.actions.finish_passkey(&desk.call(), keeper, asked.handle, (&made, "key")).await.unwrap();
}

/// Codes by e-mail and ten recovery codes; gives one of those.
async fn add_codes(desk: &Desk, id: AccountId, address: &str) -> Secret<String> {
    let proven = AddressFactor { address: address.to_owned(), since: desk.call().now };
    let (world, now) = (desk.actions.world().clone(), desk.call().now);
    let chance = std::array::from_fn(|_| world.random());
    let write = move |tx: &mut crate::store::WriteTx| {
        factor::set_address(tx, id, Channel::Email, Some(proven.clone()))?;
        factor::set_recovery(tx, id, &chance, now)
    };
    desk.store.write(write).await.unwrap().remove(0)
}

/// Signs in by both factors and has this device trusted; gives the mark.
async fn trusted(desk: &Desk, name: &str, secret: &TotpSecret) -> String {
    let next = desk.actions.sign_in(&desk.call(), attempt(name, PASSWORD)).await.unwrap();
    let SignInOutcome::Next(next) = next else { panic!("no second factor was asked for") };
    let code = Secret::new(desk.code(secret));
    let answer = SecondFactor { factor: Factor::Totp, code, trust: true, device: None };
    let outcome = desk.actions.second_factor(&desk.call(), next.key.hash(), answer).await.unwrap();
    let SignInOutcome::SignedIn(signed_in) = outcome else { panic!("asked a third time") };
    signed_in.trust.unwrap().0
}

fn stored(desk: &Desk, id: AccountId) -> FactorsRecord {
    desk.store.read(|tx| factor::of_account(tx, id)).unwrap()
}

/// Every second factor goes, of every kind, and with them whatever lived on their word: sessions, trusted devices, recovery codes.
///
/// Proves: SES-9, THR-13
#[tokio::test]
async fn a_reset_takes_every_second_factor_and_what_stood_on_them() {
    let desk = desk();
    let (alice, bob) = (desk.add("alice").await, desk.add("bob").await);
    add_passkey(&desk, "alice").await;
    let recovery = add_codes(&desk, alice, "alice@example.com").await;
    let (secret, bobs) = (desk.with_totp(alice).await, desk.with_totp(bob).await);
    desk.pass(3600);
    let mark = trusted(&desk, "alice", &secret).await;
    in_one_call(&desk, with_code("bob", &desk.code(&bobs))).await.unwrap();
    let (of_alice, of_bob) = (stored(&desk, alice), stored(&desk, bob));
    assert!(of_alice.totp.is_some() && of_alice.email.is_some() && of_alice.passkeys == Some(1));
    assert_eq!((desk.live(alice), desk.live(bob)), (1, 1));
    let letters = desk.letters().len();

    desk.actions.reset_factors(&desk.call(), &operator(), alice).await.unwrap();
    let factors = desk.actions.factors_of(alice).unwrap();
    assert!(!factors.required && factors.held.totp.is_none() && factors.held.email.is_none());
    assert_eq!((factors.held.passkeys, factors.held.recovery), (None, None));
    assert_eq!(desk.actions.passkeys_of(alice).unwrap(), []);
    assert_eq!((desk.live(alice), desk.live(bob)), (0, 1), "all of hers, and nobody else's");
    assert_eq!(stored(&desk, bob), of_bob);
    // Told by mail, at the address of the account, and only she.
    let told = desk.letters().split_off(letters);
    let [(template, to, values)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((*template, to.as_str()), (Template::FactorRemoved, "alice@example.com"));
    assert!(values.contains(&("factor".to_owned(), "all".to_owned())), "{values:?}");
    let entry = desk.audit().into_iter().find(|entry| entry.event == Event::FactorsReset).unwrap();
    assert_eq!((entry.actor.as_str(), entry.subject), ("operator", Some(alice)));

    // The password alone opens the account now.
    let signed_in = in_one_call(&desk, attempt("alice", PASSWORD)).await.unwrap();
    assert_eq!(signed_in.session.strength.level(), Level::SignedIn);
    // What was trusted or noted down before is worth nothing beside a new factor.
    desk.with_totp(alice).await;
    let old_device = Attempt { trust: Some(mark), ..attempt("alice", PASSWORD) };
    assert_eq!(in_one_call(&desk, old_device).await.unwrap_err(), Reason::SecondFactorNeeded);
    let old_code = in_one_call(&desk, with_code("alice", recovery.expose())).await;
    assert_eq!(old_code.unwrap_err(), Reason::SecondFactorWrong);
}

/// An app that was being added when everything was taken away cannot be confirmed afterwards.
///
/// Proves: OTP-5
#[tokio::test]
async fn a_reset_voids_an_app_that_waits_to_be_confirmed() {
    let desk = desk();
    let id = desk.add("alice").await;
    desk.with_totp(id).await;
    let (keyring, epoch, now) = (desk.actions.keyring(), desk.store.epoch(), desk.call().now);
    let begin = move |tx: &mut crate::store::WriteTx| {
        let chance = (Random::new([1; 20]), Random::new([2; 32]));
        factor::offer(tx, keyring.factors(), id, None, chance, now, epoch)
    };
    desk.store.write(begin).await.unwrap();
    let waits = || {
        let keyring = desk.actions.keyring();
        desk.store
            .read(|tx| factor::enrolling(tx, keyring.factors(), id, None, now, epoch))
            .unwrap()
            .is_some()
    };
    assert!(waits());
    desk.actions.reset_factors(&desk.call(), &operator(), id).await.unwrap();
    assert!(!waits());
}

/// Whoever lost a factor has probably tried; those tries do not stand against the new one.
#[tokio::test]
async fn a_reset_forgives_the_wrong_codes_of_before() {
    let desk = desk();
    let id = desk.add("alice").await;
    desk.with_totp(id).await;
    let mut refused = Ok(());
    for _ in 0..20 {
        refused = in_one_call(&desk, with_code("alice", "000000")).await.map(|_| ());
    }
    assert_eq!(refused, Err(Reason::Throttled));
    desk.actions.reset_factors(&desk.call(), &operator(), id).await.unwrap();
    let secret = desk.with_totp(id).await;
    assert!(in_one_call(&desk, with_code("alice", &desk.code(&secret))).await.is_ok());
}

#[tokio::test]
async fn where_there_is_nothing_to_reset_nothing_happens() {
    let desk = desk();
    let id = desk.add("alice").await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    let reason = async |id| {
        desk.actions.reset_factors(&desk.call(), &operator(), id).await.map_err(|fault| fault.reason)
    };
    assert_eq!(reason(id).await, Err(Reason::NothingToDo));
    assert_eq!((desk.live(id), desk.count(Event::FactorsReset)), (1, 0));
    assert_eq!(desk.letters_of(Template::FactorRemoved), 0);
    let nobody = AccountId::mint(desk.call().now, Random::new([9; 10]));
    assert_eq!(reason(nobody).await, Err(Reason::NotFound));
}
