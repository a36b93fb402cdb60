//! What an entry can and cannot take, and what rests.

use super::*;
use crate::{
    actions::{
        Which,
        accounts::{StatusChange, Wanted},
        login::{
            SignInOutcome,
            passkey::{Answer, PasskeySignIn},
        },
        passkeys::Keeper,
        people::{self, Registration},
        recovery::Visitor,
        registration::Newcomer,
        testing::{Desk, OTHER, PASSWORD, PORTAL, Plan, operator, wanted},
    },
    crypto::{
        password::{self, Params},
        webauthn::testing::{Device, asking_for},
    },
    domain::{
        caller::Caller,
        challenge::{NewLink, Purpose, Subject},
        fault::{Field, Reason},
        stipulation::Stipulation,
    },
    values::{random::Random, secret::Secret},
};

fn declared(name: &str, email: Option<&str>) -> Declared {
    declared_with(PASSWORD, name, email)
}

fn declared_with(secret: &str, name: &str, email: Option<&str>) -> Declared {
    let hash = password::hash(&Secret::from(secret), &Params::FLOOR, Random::new([3; 16])).unwrap();
    Declared {
        username: Username::parse(name).unwrap(),
        display_name: None,
        email: email.map(|email| EmailAddress::parse(email).unwrap()),
        mobile: None,
        groups: Vec::new(),
        password: Some(hash),
        disabled: false,
    }
}

async fn reconcile(desk: &Desk, entries: &[&Declared]) -> Reconciled {
    let entries = entries.iter().map(|entry| (*entry).clone()).collect();
    desk.actions.reconcile(&desk.call(), entries).await.unwrap()
}

const REST: u64 = 2160 * 3600;

#[tokio::test]
async fn a_locked_account_without_an_entry_is_disabled() {
    let desk = Desk::open();
    reconcile(&desk, &[&declared("alice", None)]).await;
    let id = desk.sign_in("alice", PASSWORD).await.unwrap().account;
    desk.status(id, StatusChange::Lock("lost".to_owned())).await.unwrap();
    assert_eq!(reconcile(&desk, &[]).await.disabled, 1);
    assert_eq!(desk.account("alice").status.as_str(), "disabled");
}

/// Proves: ENR-6
#[tokio::test]
async fn an_entry_with_a_taken_address_is_applied_but_for_the_address() {
    let desk = Desk::open();
    desk.add("carol").await;
    let before = declared("alice", Some("a@example.com"));
    reconcile(&desk, &[&before]).await;
    let id = desk.sign_in("alice", PASSWORD).await.unwrap().account;
    let after = Declared {
        disabled: true,
        groups: vec![GroupName::parse("staff").unwrap()],
        password: None,
        ..declared("alice", Some("carol@example.com"))
    };
    let done = reconcile(&desk, &[&after]).await;
    assert_eq!((done.changed, done.refused.len()), (1, 1), "{done:?}");
    assert!(done.refused[0].starts_with("alice: this e-mail address"), "{done:?}");
    let account = desk.account("alice");
    assert_eq!((account.status.as_str(), account.groups.len(), desk.live(id)), ("disabled", 1, 0));
    assert_eq!(account.email.as_deref(), Some("a@example.com"));
    assert_eq!(desk.store.read(|tx| PASSWORDS.get(tx, &id)).unwrap(), None);
    // Said again as long as it is so.
    let again = reconcile(&desk, &[&after]).await;
    assert_eq!((again.changed, again.refused.len()), (0, 1));
}

/// A new entry that is refused has made no group either, although all entries are one transaction.
#[tokio::test]
async fn a_refused_entry_leaves_nothing_behind() {
    let desk = Desk::open();
    desk.add("carol").await;
    let groups = || desk.actions.list_groups(&operator()).unwrap().len();
    let before = groups();
    let heir = Declared {
        groups: vec![GroupName::parse("newcomers").unwrap()],
        ..declared("dora", Some("carol@example.com"))
    };
    let done = reconcile(&desk, &[&heir, &declared("erin", None)]).await;
    assert_eq!((done.created, done.refused.len()), (1, 1), "{done:?}");
    assert_eq!(groups(), before);
}

/// However it came about: half an entry must not be committed, nor the entries before it without the rest.
#[tokio::test]
async fn what_goes_wrong_after_the_first_write_takes_everything_back() {
    let desk = Desk::open();
    desk.add("carol").await;
    let before = desk.audit().len();
    let heir = Declared { groups: vec![GroupName::parse("newcomers").unwrap()], ..declared("dora", None) };
    let prepared = desk.actions.reconciliation(&desk.call(), vec![declared("erin", None), heir]);
    let late = |prepared: &Reconciliation, tx: &mut WriteTx, entry: &Prepared, found| {
        let done = prepared.carry_out(tx, entry, found)?;
        if entry.0.username.as_str() == "dora" {
            return Err(Fault::new(Reason::Taken).with_flaw(Field::Email, "is taken after all"));
        }
        Ok(done)
    };
    let told = desk.store.write(move |tx| prepared.apply_by(tx, late)).await;
    assert_eq!(told.unwrap_err().reason, Reason::Taken);
    for name in ["erin", "dora"] {
        let which = Which::Named(name.to_owned());
        assert!(desk.actions.find_account(&operator(), &which).is_err(), "{name}");
    }
    assert!(desk.actions.list_groups(&operator()).unwrap().iter().all(|group| group.name != "newcomers"));
    assert_eq!(desk.audit().len(), before);
}

/// Proves: ENR-6
#[tokio::test]
async fn the_addresses_of_a_deleted_account_rest() {
    let desk = Desk::open();
    let phone = Phone::parse("+15005550006").unwrap();
    let id = desk.create(Wanted { mobile: Some(phone.clone()), ..wanted("dave") }).await.unwrap();
    desk.actions.delete_account(&desk.call(), &operator(), id).await.unwrap();
    let by_mail = Wanted { email: EmailAddress::parse("Dave@Example.com").ok(), ..wanted("erin") };
    let by_phone = Wanted { mobile: Some(phone), ..wanted("erin") };
    for (wanted, field) in [(by_mail.clone(), Field::Email), (by_phone, Field::Mobile)] {
        let fault = desk.create(wanted).await.unwrap_err();
        assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Taken, field));
    }
    let entry = declared("frank", Some("dave@example.com"));
    assert_eq!(reconcile(&desk, &[&entry]).await.refused.len(), 1);
    desk.pass(REST);
    desk.create(by_mail).await.unwrap();
}

/// Proves: ENR-6
#[tokio::test]
async fn an_address_that_an_entry_gives_up_rests_but_for_its_owner() {
    let desk = Desk::open();
    let (with, without) = (declared("alice", Some("a@example.com")), declared("alice", None));
    let bob = declared("bob", None);
    reconcile(&desk, &[&with, &bob]).await;
    reconcile(&desk, &[&without, &bob]).await;
    let heir = declared("bob", Some("a@example.com"));
    assert_eq!(reconcile(&desk, &[&without, &heir]).await.refused.len(), 1);
    assert_eq!(desk.account("bob").email, None);
    assert_eq!(reconcile(&desk, &[&with, &bob]).await.refused, [""; 0]);
    assert_eq!(desk.account("alice").email.as_deref(), Some("a@example.com"));
    reconcile(&desk, &[&without, &bob]).await;
    desk.pass(REST);
    assert_eq!(reconcile(&desk, &[&without, &heir]).await.refused, [""; 0]);
    assert_eq!(desk.account("bob").email.as_deref(), Some("a@example.com"));
}

/// Adds a passkey to the account of this name.
async fn with_passkey(desk: &Desk, name: &str) -> Device {
    let by = desk.sign_in(name, PASSWORD).await.unwrap();
    let (session, strength) = (by.session.id, by.session.strength.clone());
    let keeper = || {
        let caller = Caller::Person { account: by.account, session, strength: strength.clone() };
        Keeper::new(&caller, by.key.hash()).unwrap()
    };
    let mut device = Device::new(PORTAL);
    let asked = desk.actions.begin_passkey(&desk.call(), keeper()).await.unwrap();
    let made = device.create(&asked.options).await;
    desk.actions.finish_passkey(&desk.call(), keeper(), asked.handle, (&made, "mine")).await.unwrap();
    device
}

async fn passkey_alone(desk: &Desk, device: &mut Device) -> Result<SignInOutcome, Fault> {
    let asked = desk.actions.ask_for_any_passkey(&desk.call(), "a flow").await?;
    let response = device.get(&asking_for("preferred", &asked.options)).await;
    let answer = Answer { handle: asked.handle.clone(), response, device: None };
    let attempt = PasskeySignIn { answer, remember: false, replaces: None };
    desk.actions.sign_in_with_passkey(&desk.call(), "a flow", attempt).await
}

async fn sign_in_link(desk: &Desk, name: &str) -> Secret<String> {
    let (which, span) = (Which::from(name), std::time::Duration::from_mins(30));
    let link = desk.actions.make_link(&desk.call(), &operator(), &which, span).await.unwrap();
    Secret::new(link.expose().split_once("?token=").unwrap().1.to_owned())
}

async fn enter(desk: &Desk, token: &Secret<String>) -> Result<SignInOutcome, Fault> {
    desk.actions.sign_in_by_link(&desk.call(), token.clone(), Visitor::default()).await
}

/// Whoever made an account of the name before has nothing left by which to come in.
///
/// Proves: ENR-7, SES-9, API-4
#[tokio::test]
async fn what_is_taken_over_keeps_nothing_that_opens_it() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.add("carol").await;
    let mut device = with_passkey(&desk, "alice").await;
    assert!(passkey_alone(&desk, &mut device).await.is_ok());
    desk.with_totp(id).await;
    desk.actions.stipulate(&desk.call(), &operator(), id, Stipulation::ManualApproval).await.unwrap();
    let link = sign_in_link(&desk, "alice").await;
    // The declared address is somebody else's: the old one is not kept in its place.
    let entry = declared_with(OTHER, "alice", Some("carol@example.com"));
    assert_eq!(reconcile(&desk, &[&entry]).await.refused.len(), 1);
    assert_eq!(desk.account("alice").email, None);
    let refused = passkey_alone(&desk, &mut device).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BadCredentials);
    assert_eq!(enter(&desk, &link).await.unwrap_err().reason, Reason::InvalidToken);
    assert_eq!(desk.live(id), 0);
    let factors = desk.actions.factors_of(id).unwrap();
    assert!(!factors.required && factors.held.totp.is_none());
    desk.sign_in("alice", OTHER).await.unwrap();
    // It was declared before: what its owner adds from now on stays.
    let mut device = {
        let entry = declared_with(PASSWORD, "alice", None);
        reconcile(&desk, &[&entry]).await;
        with_passkey(&desk, "alice").await
    };
    reconcile(&desk, &[&declared_with(OTHER, "alice", None)]).await;
    assert!(passkey_alone(&desk, &mut device).await.is_ok());
}

/// Proves: ENR-2
#[tokio::test]
async fn another_password_address_or_a_missing_entry_voids_open_links() {
    let desk = Desk::open();
    let first = declared("alice", Some("a@example.com"));
    reconcile(&desk, &[&first]).await;
    let changes = [
        vec![declared_with(OTHER, "alice", Some("a@example.com"))],
        vec![declared_with(OTHER, "alice", Some("b@example.com"))],
        vec![Declared { disabled: true, ..declared_with(OTHER, "alice", Some("b@example.com")) }],
    ];
    for entries in &changes {
        let link = sign_in_link(&desk, "alice").await;
        reconcile(&desk, &entries.iter().collect::<Vec<_>>()).await;
        assert_eq!(enter(&desk, &link).await.unwrap_err().reason, Reason::InvalidToken);
    }
    reconcile(&desk, &[&first]).await;
    let link = sign_in_link(&desk, "alice").await;
    assert_eq!(reconcile(&desk, &[]).await.disabled, 1);
    reconcile(&desk, &[&first]).await;
    assert_eq!(enter(&desk, &link).await.unwrap_err().reason, Reason::InvalidToken);
}

/// A link for a new password that was made before the account was declared, and outlived it somehow.
///
/// Proves: PWD-8
#[tokio::test]
async fn no_link_replaces_a_declared_password() {
    let desk = Desk::open();
    reconcile(&desk, &[&declared("alice", None)]).await;
    let (world, now, epoch) = (desk.actions.world().clone(), desk.call().now, desk.store.epoch());
    let subject = Subject::Account(desk.account_id("alice"));
    let lifetime = Purpose::ResetPassword.lifetime();
    let token = desk
        .store
        .write(move |tx| {
            let purpose = Purpose::ResetPassword;
            let link = NewLink { purpose, subject, address: None, data: Vec::new(), lifetime };
            challenge::offer(tx, &link, world.random(), now, epoch)
        })
        .await
        .unwrap();
    let new = Secret::from(OTHER);
    let refused = desk.actions.reset_password(&desk.call(), token, new, Visitor::default()).await;
    assert_eq!(refused.unwrap_err().reason, Reason::Managed);
    desk.sign_in("alice", PASSWORD).await.unwrap();
}

/// Proves: ENR-7
#[tokio::test]
async fn a_declared_account_does_not_lapse_with_the_registration_it_was() {
    let registration = Registration { open: true, ..Registration::default() };
    let people = people::Rules { registration, ..people::Rules::default() };
    let desk = Desk::with(Plan { people, ..Plan::default() });
    let newcomer = Newcomer {
        username: Username::parse("alice").unwrap(),
        display_name: None,
        email: EmailAddress::parse("mallory@example.net").unwrap(),
        password: Secret::from(OTHER),
        accepts: None,
        session: false,
        replaces: None,
    };
    desk.actions.register(&desk.call(), newcomer).await.unwrap();
    reconcile(&desk, &[&declared("alice", None)]).await;
    desk.sign_in("alice", PASSWORD).await.unwrap();
    // Asked again by whatever way: what is declared is not removed.
    let id = desk.account_id("alice");
    let now = desk.call().now;
    let call = desk.call();
    desk.store
        .write(move |tx| {
            let lapses = Some(now + std::time::Duration::from_hours(1));
            let asked =
                stipulation::Open { lapses, ..stipulation::Open::new(Stipulation::ConfirmEmail, now) };
            stipulation::add(tx, id, &asked, "test", &call)
        })
        .await
        .unwrap();
    desk.pass(8 * 24 * 3600);
    assert_eq!(desk.actions.remove_lapsed(None, 100).await.unwrap(), (None, 0));
    desk.sign_in("alice", PASSWORD).await.unwrap();
}
