//! Making one's own account, and confirming its address.

use std::{sync::Arc, time::Duration};

use crate::{
    actions::{
        people::{Registration, Rules, Terms},
        registration::{Newcomer, Registered},
        testing::{Desk, OTHER, PASSWORD, Plan, at_once, operator},
    },
    domain::{
        audit::Event,
        fault::{Fault, Field, Reason},
        outbox::Template,
        stipulation::Stipulation,
    },
    values::{email::EmailAddress, name::Username, secret::Secret},
};

fn rules(change: impl FnOnce(&mut Rules)) -> Plan {
    let registration = Registration { open: true, ..Registration::default() };
    let mut people = Rules { registration, ..Rules::default() };
    // These tests register often; how often one may is tested where it is counted.
    people.pace.per_source = 10_000;
    change(&mut people);
    Plan { people, ..Plan::default() }
}

pub(super) fn newcomer(name: &str, email: &str) -> Newcomer {
    Newcomer {
        username: Username::parse(name).unwrap(),
        display_name: None,
        email: EmailAddress::parse(email).unwrap(),
        password: Secret::from(PASSWORD),
        accepts: None,
        session: true,
        replaces: None,
    }
}

async fn register(desk: &Desk, name: &str, email: &str) -> Result<Registered, Fault> {
    desk.actions.register(&desk.call(), newcomer(name, email)).await
}

/// simple-auth.md 9.C1, 9.C2
#[tokio::test]
async fn an_account_is_there_whole_or_not_at_all() {
    let desk = Desk::with(rules(|people| people.registration.confirm_email = false));
    desk.add("alice").await;
    let before = desk.letters().len();
    let weak = Newcomer { password: Secret::from("short"), ..newcomer("bob", "bob@example.net") };
    assert_eq!(desk.actions.register(&desk.call(), weak).await.unwrap_err().reason, Reason::WeakPassword);
    assert_eq!(register(&desk, "ALICE", "bob@example.net").await.unwrap_err().reason, Reason::Taken);
    let taken = register(&desk, "bob", "Alice@Example.com").await.unwrap_err();
    assert_eq!((taken.reason, taken.flaws[0].field), (Reason::EmailTaken, Field::Email));
    assert_eq!(desk.letters().len(), before, "nobody gets a letter about what did not happen");
    let made = register(&desk, "bob", "bob@example.net").await.unwrap();
    assert!(made.session.is_some() && !made.stipulated);
    assert_eq!((desk.live(made.id), desk.letters_of(Template::Welcome)), (1, 1));
    assert_eq!(desk.account("bob").email.as_deref(), Some("bob@example.net"));
    assert!(desk.account("bob").groups.is_empty(), "a newcomer chooses no groups");
}

#[tokio::test]
async fn it_is_off_unless_switched_on_and_needs_mail_to_confirm() {
    let desk = Desk::open();
    assert_eq!(register(&desk, "bob", "bob@example.net").await.unwrap_err().reason, Reason::SwitchedOff);
    let desk = Desk::with(rules(|_| {}));
    let mut settings = (*desk.actions.settings()).clone();
    settings.outlets.mail = false;
    desk.actions.configure(settings.clone());
    assert!(!desk.actions.offers_registration());
    assert_eq!(register(&desk, "bob", "bob@example.net").await.unwrap_err().reason, Reason::SwitchedOff);
    settings.people.registration.confirm_email = false;
    desk.actions.configure(settings);
    register(&desk, "bob", "bob@example.net").await.unwrap();
}

#[tokio::test]
async fn only_admitted_domains_may_register() {
    let desk = Desk::with(rules(|people| people.registration.email_domains = vec!["example.net".to_owned()]));
    for email in ["bob@evil.example", "bob@sub.example.net", "bob@example.net.evil.example"] {
        assert_eq!(register(&desk, "bob", email).await.unwrap_err().reason, Reason::Malformed, "{email}");
    }
    register(&desk, "bob", "bob@EXAMPLE.net").await.unwrap();
}

/// Proves: ENR-5, THR-8
/// simple-auth.md 9.A7
#[tokio::test]
async fn whether_an_address_has_an_account_cannot_be_found_out() {
    let desk = Desk::with(rules(|_| {}));
    desk.add("alice").await;
    let mut seen = Vec::new();
    for (name, email) in [("bob", "new@example.net"), ("eve", "alice@example.com")] {
        let made = register(&desk, name, email).await.unwrap();
        let by_name = desk.refusal(name, PASSWORD).await;
        let by_mail = desk.refusal(email, PASSWORD.trim_end_matches('r')).await;
        let wrong = desk.refusal(name, OTHER).await;
        let again = register(&desk, name, email).await.unwrap_err().reason;
        desk.actions.resend_confirmation(&desk.call(), name).await.unwrap();
        let account = desk.account(name);
        desk.pass(1);
        seen.push((
            (made.session.is_some(), made.stipulated),
            (by_name, by_mail, wrong, again),
            (account.email, account.status, desk.live(made.id)),
        ));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(
        seen[0].1,
        (Reason::Stipulated, Reason::BadCredentials, Reason::BadCredentials, Reason::Taken)
    );
    let told: Vec<_> = desk.letters().into_iter().map(|(template, to, _)| (template, to)).collect();
    assert_eq!(
        told,
        [
            (Template::ConfirmEmail, "new@example.net".to_owned()),
            (Template::AccountExists, "alice@example.com".to_owned())
        ]
    );
    assert_eq!(desk.count(Event::RegisteredAgain), 1);
}

/// Proves: OTP-1, OTP-2
/// simple-auth.md 9.A7
#[tokio::test]
async fn the_link_confirms_once_and_only_its_own_account_and_address() {
    let desk = Desk::with(rules(|_| {}));
    let alice = register(&desk, "alice", "alice@example.net").await.unwrap().id;
    let token = desk.token(Template::ConfirmEmail);
    desk.pass(1);
    let bob = register(&desk, "bob", "bob@example.net").await.unwrap().id;
    let satisfy = async |claimed, token: &Secret<String>| {
        desk.actions
            .satisfy_by_token(&desk.call(), claimed, token.clone())
            .await
            .map_err(|fault| fault.reason)
    };
    let no = Err(Reason::NothingToDo);
    assert_eq!(satisfy(Some(bob), &token).await, no, "somebody else's");
    assert_eq!(satisfy(Some(alice), &Secret::from("nonsense")).await, no);
    assert_eq!(desk.refusal("alice", PASSWORD).await, Reason::Stipulated);
    assert_eq!(satisfy(Some(alice), &token).await, Ok(alice), "the refusals above used nothing up");
    assert_eq!(satisfy(Some(alice), &token).await, no, "once");
    assert!(!desk.sign_in("alice@example.net", PASSWORD).await.unwrap().session.restricted);
    assert!(desk.account("alice").email_confirmed.is_some());
    assert_eq!(desk.refusal("bob", PASSWORD).await, Reason::Stipulated);
    assert_eq!(desk.count(Event::StipulationSatisfied), 1);
    assert_eq!(desk.count(Event::StipulationRefused), 3);
    desk.pass(24 * 3600);
    assert_eq!(satisfy(None, &desk.token(Template::ConfirmEmail)).await, no, "its day is over");
}

/// Races: user name
/// Proves: ENR-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_registrations_of_one_name_at_once_exactly_one_makes_an_account() {
    let desk = Arc::new(Desk::with(rules(|people| people.registration.confirm_email = false)));
    let registering = (0..64).map(|at| {
        let desk = desk.clone();
        async move {
            let name = if at % 2 == 0 { "alice" } else { "ALICE" };
            register(&desk, name, &format!("a{at}@example.net")).await
        }
    });
    let (mut made, mut taken) = (0, 0);
    for one in at_once(registering).await {
        match one {
            Ok(_) => made += 1,
            Err(fault) if fault.reason == Reason::Taken => taken += 1,
            Err(fault) => panic!("{fault}"),
        }
    }
    assert_eq!((made, taken), (1, 63));
    assert_eq!(desk.actions.list_accounts(&operator(), None, 100).unwrap().len(), 1);
    assert_eq!(desk.letters_of(Template::Welcome), 1);
}

/// Races: e-mail address, of a new account
/// Proves: ENR-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_registrations_of_one_address_at_once_exactly_one_gets_it() {
    let desk = Arc::new(Desk::with(rules(|people| people.registration.confirm_email = false)));
    let registering = (0..64).map(|at| {
        let desk = desk.clone();
        async move { register(&desk, &format!("user{at}"), "A@example.net").await }
    });
    let outcomes = at_once(registering).await;
    let refused = outcomes.iter().filter_map(|one| one.as_ref().err()).map(|fault| fault.reason);
    assert!(refused.clone().all(|reason| reason == Reason::EmailTaken));
    assert_eq!((outcomes.iter().filter(|one| one.is_ok()).count(), refused.count()), (1, 63));
}

/// simple-auth.md 9.E3
///
/// Races: link of a registration
/// Proves: OTP-1, ENR-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_accounts_that_wait_for_one_address_the_first_to_confirm_has_it() {
    let desk = Arc::new(Desk::with(rules(|people| people.pace.cooldown = Duration::ZERO)));
    let mut tokens = Vec::new();
    for at in 0..4 {
        register(&desk, &format!("user{at}"), "a@example.net").await.unwrap();
        desk.pass(1);
        tokens.push(desk.token(Template::ConfirmEmail));
    }
    let confirming = tokens.into_iter().cycle().take(64).map(|token| {
        let desk = desk.clone();
        async move { desk.actions.confirm_address(&desk.call(), token).await }
    });
    let outcomes = at_once(confirming).await;
    let confirmed: Vec<_> = outcomes.iter().filter_map(|one| one.as_ref().ok()).collect();
    assert_eq!(confirmed.len(), 1);
    let holders = desk.actions.list_accounts(&operator(), None, 100).unwrap();
    let holders: Vec<_> = holders.iter().filter(|found| found.account.email.is_some()).collect();
    assert_eq!((holders.len(), &holders[0].id), (1, confirmed[0]));
}

#[tokio::test]
async fn a_second_letter_voids_the_first_and_is_not_sent_without_end() {
    let desk = Desk::with(rules(|_| {}));
    register(&desk, "alice", "alice@example.net").await.unwrap();
    let first = desk.token(Template::ConfirmEmail);
    let resend = async || desk.actions.resend_confirmation(&desk.call(), "alice").await.unwrap();
    resend().await;
    assert_eq!(desk.letters_of(Template::ConfirmEmail), 1, "not within a minute");
    for _ in 0..10 {
        desk.pass(60);
        resend().await;
        desk.actions.resend_confirmation(&desk.call(), "nobody").await.unwrap();
    }
    assert_eq!(desk.letters_of(Template::ConfirmEmail), 5, "and five an hour");
    assert!(desk.actions.confirm_address(&desk.call(), first).await.is_err(), "OTP-3");
    desk.actions.confirm_address(&desk.call(), desk.token(Template::ConfirmEmail)).await.unwrap();
    desk.pass(3600);
    resend().await;
    assert_eq!(desk.letters_of(Template::ConfirmEmail), 5, "nothing is left to confirm");
}

#[tokio::test]
async fn who_never_confirms_does_not_keep_the_name() {
    let desk = Desk::with(rules(|_| {}));
    register(&desk, "alice", "alice@example.net").await.unwrap();
    desk.pass(1);
    let bob = register(&desk, "bob", "bob@example.net").await.unwrap().id;
    desk.actions.confirm_address(&desk.call(), desk.token(Template::ConfirmEmail)).await.unwrap();
    desk.pass(7 * 24 * 3600 - 2);
    assert_eq!(desk.actions.remove_lapsed(None, 100).await.unwrap(), (None, 0));
    desk.pass(1);
    assert_eq!(desk.actions.remove_lapsed(None, 100).await.unwrap(), (None, 1));
    assert_eq!(desk.actions.list_accounts(&operator(), None, 10).unwrap()[0].id, bob);
    assert_eq!(desk.count(Event::RegistrationLapsed), 1);
    register(&desk, "alice", "alice@example.net").await.unwrap();
}

#[tokio::test]
async fn who_must_be_approved_waits_for_it_and_administrators_are_told() {
    let desk = Desk::with(rules(|people| {
        people.registration.confirm_email = false;
        people.registration.approval = true;
    }));
    let mut admin = crate::actions::testing::wanted("root");
    admin.groups = vec![crate::values::name::GroupName::parse("admins").unwrap()];
    desk.create(admin).await.unwrap();
    let made = register(&desk, "bob", "bob@example.net").await.unwrap();
    assert!(made.stipulated && made.session.is_none());
    assert_eq!(desk.refusal("bob", PASSWORD).await, Reason::Stipulated);
    assert_eq!(desk.refusal("bob", OTHER).await, Reason::BadCredentials);
    let (_, to, values) =
        desk.letters().into_iter().find(|(template, ..)| *template == Template::ApprovalWanted).unwrap();
    assert_eq!(to, "root@example.com");
    assert!(values.contains(&("username".to_owned(), "bob".to_owned())));
    desk.actions.approve(&desk.call(), &operator(), made.id).await.unwrap();
    assert_eq!(desk.letters_of(Template::AccountApproved), 1);
    desk.sign_in("bob", PASSWORD).await.unwrap();
    let again = desk.actions.approve(&desk.call(), &operator(), made.id).await.unwrap_err();
    assert_eq!(again.reason, Reason::NothingToDo);
}

#[tokio::test]
async fn terms_are_accepted_while_registering_or_asked_for_afterwards() {
    let terms = Terms { version: "2".to_owned(), url: "https://example.com/terms".to_owned() };
    let desk = Desk::with(rules(|people| {
        people.registration.confirm_email = false;
        people.terms = Some(terms);
    }));
    let with = |accepts: Option<&str>, name: &str| Newcomer {
        accepts: accepts.map(str::to_owned),
        ..newcomer(name, &format!("{name}@example.net"))
    };
    let made = desk.actions.register(&desk.call(), with(Some("2"), "alice")).await.unwrap();
    assert!(!made.stipulated && made.session.is_some());
    for (accepts, name) in [(None, "bob"), (Some("1"), "carol")] {
        let made = desk.actions.register(&desk.call(), with(accepts, name)).await.unwrap();
        assert!(made.stipulated && made.session.is_none());
        assert!(desk.sign_in(name, PASSWORD).await.unwrap().session.restricted);
        let tasks = desk.actions.tasks_of(&desk.call(), made.id).unwrap();
        assert_eq!(tasks, [Stipulation::AcceptTerms("2".to_owned())]);
    }
}
