//! Invitations.

use std::{sync::Arc, time::Duration};

use crate::{
    actions::{
        invitations::{Guest, LONGEST_INVITATION},
        testing::{Desk, PASSWORD, at_once, operator},
    },
    domain::{
        audit::Event,
        fault::{Fault, Reason},
        outbox::Template,
    },
    values::{
        email::EmailAddress,
        name::{GroupName, Username},
        secret::Secret,
    },
};

fn guest(name: &str) -> Guest {
    Guest {
        username: Username::parse(name).unwrap(),
        display_name: None,
        password: Secret::from(PASSWORD),
        accepts: None,
        replaces: None,
    }
}

async fn invite(desk: &Desk, email: &str, groups: &[&str]) -> Result<Secret<String>, Fault> {
    let email = EmailAddress::parse(email).unwrap();
    let groups = groups.iter().map(|name| GroupName::parse(name).unwrap()).collect();
    let link = desk.actions.invite(&desk.call(), &operator(), email, groups, None).await?;
    Ok(Secret::new(link.expose().split_once("?token=").unwrap().1.to_owned()))
}

/// Proves: ENR-8
#[tokio::test]
async fn an_invitation_makes_the_account_it_is_for_and_no_other() {
    let desk = Desk::open();
    let token = invite(&desk, "Bob@example.net", &["Staff", "ops"]).await.unwrap();
    assert_eq!(token.expose(), desk.token(Template::Invitation).expose());
    let shown = desk.actions.check_invitation(&desk.call(), &token).unwrap();
    assert_eq!((shown.email.as_str(), shown.groups.len()), ("Bob@example.net", 2));
    let made = desk.actions.accept_invitation(&desk.call(), token.clone(), guest("bob")).await.unwrap();
    assert!(made.session.is_some());
    let account = desk.account("bob");
    assert_eq!(account.email.as_deref(), Some("Bob@example.net"));
    assert!(account.email_confirmed.is_some(), "it came by the mail of that address");
    assert_eq!(account.groups.len(), 2);
    let again = desk.actions.accept_invitation(&desk.call(), token, guest("eve")).await.unwrap_err();
    assert_eq!(again.reason, Reason::InvalidToken);
    assert_eq!((desk.count(Event::InvitationAccepted), desk.count(Event::LinkRefused)), (1, 1));
}

/// Races: invitation
/// Proves: OTP-1, ENR-8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_redemptions_at_once_exactly_one_makes_an_account() {
    let desk = Arc::new(Desk::open());
    let token = invite(&desk, "bob@example.net", &[]).await.unwrap();
    let redeeming = (0..64).map(|at| {
        let (desk, token) = (desk.clone(), token.clone());
        async move { desk.actions.accept_invitation(&desk.call(), token, guest(&format!("bob{at}"))).await }
    });
    let outcomes = at_once(redeeming).await;
    assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 1);
    assert_eq!(desk.actions.list_accounts(&operator(), None, 100).unwrap().len(), 1);
}

/// Proves: OTP-3, ENR-8
#[tokio::test]
async fn an_invitation_ends_with_its_time_the_next_one_or_an_account_of_that_address() {
    let desk = Desk::open();
    desk.add("alice").await;
    assert_eq!(invite(&desk, "alice@example.com", &[]).await.unwrap_err().reason, Reason::Taken);
    let first = invite(&desk, "bob@example.net", &[]).await.unwrap();
    let second = invite(&desk, "BOB@example.net", &["staff"]).await.unwrap();
    let reason = |token: &Secret<String>| {
        desk.actions.check_invitation(&desk.call(), token).map_err(|fault| fault.reason).map(|_| ())
    };
    assert_eq!((reason(&first), reason(&second)), (Err(Reason::InvalidToken), Ok(())));
    // Whoever redeems it cannot take a name or a weak password; that costs nothing.
    let taken =
        desk.actions.accept_invitation(&desk.call(), second.clone(), guest("alice")).await.unwrap_err();
    let weak = Guest { password: Secret::from("short"), ..guest("bob") };
    let weak = desk.actions.accept_invitation(&desk.call(), second.clone(), weak).await.unwrap_err();
    assert_eq!((taken.reason, weak.reason), (Reason::Taken, Reason::WeakPassword));
    assert_eq!(reason(&second), Ok(()));
    desk.pass(24 * 3600);
    assert_eq!(reason(&second), Err(Reason::Expired));
    let email = EmailAddress::parse("carol@example.net").unwrap();
    for span in [Duration::ZERO, LONGEST_INVITATION + Duration::from_secs(1)] {
        let refused =
            desk.actions.invite(&desk.call(), &operator(), email.clone(), Vec::new(), Some(span)).await;
        assert_eq!(refused.unwrap_err().reason, Reason::Malformed);
    }
}
