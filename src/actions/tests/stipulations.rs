//! What the operator asks, and what restricted sessions satisfy.

use std::time::Duration;

use crate::{
    actions::{
        people::{Rules, Terms},
        testing::{Desk, OTHER, PASSWORD, Plan, operator},
    },
    domain::{
        audit::Event,
        caller::Caller,
        fault::Reason,
        outbox::Template,
        rights::Authority,
        session::{SessionKey, SessionRecord},
        stipulation::Stipulation,
    },
    values::id::AccountId,
};

fn terms() -> Plan {
    let terms = Terms { version: "1".to_owned(), url: "https://example.com/terms".to_owned() };
    Plan { people: Rules { terms: Some(terms), ..Rules::default() }, ..Plan::default() }
}

async fn ask(desk: &Desk, id: AccountId, what: Stipulation) -> Result<(), Reason> {
    desk.actions.stipulate(&desk.call(), &operator(), id, what).await.map_err(|fault| fault.reason)
}

async fn accept(
    desk: &Desk,
    version: &str,
    key: &SessionKey,
    session: &SessionRecord,
) -> Result<(SessionKey, SessionRecord), Reason> {
    let (account, strength) = (session.account, session.strength.clone());
    let caller = Caller::Person { account, session: session.id, strength };
    let authority = Authority::of_session(&caller).unwrap();
    let accepted = desk.actions.accept_terms(&desk.call(), authority, version, key.hash()).await;
    accepted.map_err(|fault| fault.reason)
}

#[tokio::test]
async fn what_is_asked_holds_from_the_next_sign_in_and_only_after_the_right_password() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    for what in [Stipulation::ManualApproval, Stipulation::ConfirmEmail] {
        desk.sign_in("alice", PASSWORD).await.unwrap();
        ask(&desk, id, what.clone()).await.unwrap();
        assert_eq!(desk.live(id), 0, "sessions do not outlive it");
        assert_eq!(ask(&desk, id, what.clone()).await, Err(Reason::NothingToDo));
        assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Stipulated);
        assert_eq!(desk.refusal("alice", OTHER).await, Reason::BadCredentials);
        let gone = desk.actions.unstipulate(&desk.call(), &operator(), id, None).await.unwrap();
        assert_eq!(gone, [what]);
    }
    assert_eq!(desk.letters_of(Template::ConfirmEmail), 1);
    desk.sign_in("alice", PASSWORD).await.unwrap();
    let nothing = desk.actions.unstipulate(&desk.call(), &operator(), id, None).await.unwrap_err();
    assert_eq!(nothing.reason, Reason::NothingToDo);
    assert_eq!((desk.count(Event::StipulationAdded), desk.count(Event::StipulationRemoved)), (2, 2));
}

#[tokio::test]
async fn a_password_that_must_be_replaced_restricts_until_it_is() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    ask(&desk, id, Stipulation::ChangePassword).await.unwrap();
    let first = desk.sign_in("alice", PASSWORD).await.unwrap();
    assert!(first.session.restricted);
    let (_, session) = desk.change_password(&first, PASSWORD, OTHER).await.unwrap();
    assert!(!session.restricted);
    assert!(!desk.sign_in("alice", OTHER).await.unwrap().session.restricted);
}

#[tokio::test]
async fn terms_are_asked_of_everybody_once() {
    let desk = Desk::with(terms());
    let id = desk.add("alice").await;
    let first = desk.sign_in("alice", PASSWORD).await.unwrap();
    assert!(first.session.restricted);
    assert_eq!(accept(&desk, "0", &first.key, &first.session).await.unwrap_err(), Reason::NothingToDo);
    let (key, session) = accept(&desk, "1", &first.key, &first.session).await.unwrap();
    assert!(!session.restricted && desk.live(id) == 1, "SES-2: the old key is dead");
    assert_eq!(accept(&desk, "1", &first.key, &first.session).await.unwrap_err(), Reason::Unauthenticated);
    assert_eq!(accept(&desk, "1", &key, &session).await.unwrap_err(), Reason::NothingToDo);
    assert!(!desk.sign_in("alice", PASSWORD).await.unwrap().session.restricted);
}

/// Proves: SES-8
#[tokio::test]
async fn accepting_terms_makes_no_session_live_longer() {
    let desk = Desk::with(terms());
    desk.add("alice").await;
    let first = desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.pass(600);
    let (key, session) = accept(&desk, "1", &first.key, &first.session).await.unwrap();
    assert_eq!((session.created, session.ends), (first.session.created, first.session.ends));
    assert_ne!(key.hash(), first.key.hash());
    // One that was idle for too long accepts nothing.
    desk.add("bob").await;
    let idle = desk.sign_in("bob", PASSWORD).await.unwrap();
    desk.pass(30 * 24 * 3600);
    assert_eq!(accept(&desk, "1", &idle.key, &idle.session).await.unwrap_err(), Reason::Unauthenticated);
}

#[tokio::test]
async fn the_password_comes_before_the_terms_and_neither_frees_the_other() {
    let desk = Desk::with(terms());
    let id = desk.add("alice").await;
    ask(&desk, id, Stipulation::ChangePassword).await.unwrap();
    let first = desk.sign_in("alice", PASSWORD).await.unwrap();
    let asked = [Stipulation::ChangePassword, Stipulation::AcceptTerms("1".to_owned())];
    assert_eq!(desk.actions.tasks_of(&desk.call(), id).unwrap(), asked);
    let (key, session) = desk.change_password(&first, PASSWORD, OTHER).await.unwrap();
    assert!(session.restricted, "the terms are still open");
    assert!(!accept(&desk, "1", &key, &session).await.unwrap().1.restricted);
}

/// Passwords expire only where the operator wants it (DESIGN.md ruling 13).
#[tokio::test]
async fn a_password_that_is_too_old_is_to_be_replaced_where_that_is_wanted() {
    let desk = Desk::open();
    desk.add("alice").await;
    let days = |days: u64| desk.pass(days * 24 * 3600);
    days(1000);
    assert!(!desk.sign_in("alice", PASSWORD).await.unwrap().session.restricted, "off by default");
    let mut settings = (*desk.actions.settings()).clone();
    settings.passwords.expire_after = Some(Duration::from_hours(90 * 24));
    desk.actions.configure(settings);
    let first = desk.sign_in("alice", PASSWORD).await.unwrap();
    assert!(first.session.restricted);
    assert!(!desk.change_password(&first, PASSWORD, OTHER).await.unwrap().1.restricted);
    days(89);
    assert!(!desk.sign_in("alice", OTHER).await.unwrap().session.restricted);
    days(1);
    assert!(desk.sign_in("alice", OTHER).await.unwrap().session.restricted);
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_that_is_asked() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    ask(&desk, id, Stipulation::ManualApproval).await.unwrap();
    desk.actions.delete_account(&desk.call(), &operator(), id).await.unwrap();
    assert_eq!(desk.actions.stipulations_of(&operator(), id).unwrap_err().reason, Reason::NotFound);
    assert_eq!(ask(&desk, id, Stipulation::ManualApproval).await, Err(Reason::NotFound));
    assert!(desk.store.read(|tx| crate::domain::stipulation::open(tx, id)).unwrap().is_empty());
}
