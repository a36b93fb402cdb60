//! The first account.

use std::sync::Arc;

use crate::{
    actions::{
        accounts::Wanted,
        testing::{Desk, PASSWORD, at_once, operator, wanted},
    },
    domain::{audit::Event, fault::Reason},
    values::secret::Secret,
};

fn first(name: &str) -> Wanted {
    Wanted { groups: Vec::new(), email: None, ..wanted(name) }
}

/// Races: setup link
/// Proves: PWD-9, OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_redemptions_at_once_exactly_one_makes_an_account() {
    let desk = Arc::new(Desk::open());
    let token = desk.actions.offer_setup(&desk.call()).await.unwrap().unwrap();
    let redeeming =
        (0..64).map(|at| {
            let (desk, token) = (desk.clone(), token.clone());
            async move {
                desk.actions.complete_setup(&desk.call(), token, first(&format!("root{at}")), None).await
            }
        });
    let mut made = 0;
    for one in at_once(redeeming).await {
        match one {
            Ok(_) => made += 1,
            Err(fault) => assert_eq!(fault.reason, Reason::InvalidToken),
        }
    }
    let accounts = desk.actions.list_accounts(&operator(), None, 100).unwrap();
    assert_eq!((made, accounts.len()), (1, 1));
    assert_eq!(accounts[0].groups.typed, ["admins"]);
    assert_eq!(desk.live(accounts[0].id), 1);
    assert_eq!(desk.count(Event::SetupDone), 1);
}

/// Proves: PWD-9
#[tokio::test]
async fn the_link_is_good_for_a_day_and_looking_consumes_nothing() {
    let desk = Desk::open();
    let token = desk.actions.offer_setup(&desk.call()).await.unwrap().unwrap();
    assert_eq!(token.expose().len(), 43, "256 bits");
    for _ in 0..10 {
        desk.actions.check_setup(&desk.call(), &token).unwrap();
    }
    desk.pass(24 * 3600 - 1);
    desk.actions.check_setup(&desk.call(), &token).unwrap();
    desk.pass(1);
    assert_eq!(desk.actions.check_setup(&desk.call(), &token).unwrap_err().reason, Reason::Expired);
    let fault = desk.actions.complete_setup(&desk.call(), token, first("root"), None).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Expired);
    assert!(!desk.actions.any_account().unwrap());
}

/// Proves: PWD-9, OTP-3
#[tokio::test]
async fn only_the_newest_link_works_and_none_beside_an_account() {
    let desk = Desk::open();
    let old = desk.actions.offer_setup(&desk.call()).await.unwrap().unwrap();
    let new = desk.actions.offer_setup(&desk.call()).await.unwrap().unwrap();
    assert_eq!(desk.actions.check_setup(&desk.call(), &old).unwrap_err().reason, Reason::InvalidToken);
    for wrong in ["", "x", &new.expose()[1..], &format!("{} ", new.expose()), &new.expose().to_lowercase()] {
        let fault = desk.actions.check_setup(&desk.call(), &Secret::from(wrong)).unwrap_err();
        assert_eq!(fault.reason, Reason::InvalidToken, "{wrong}");
    }
    desk.actions.check_setup(&desk.call(), &new).unwrap();
    // An account that came another way closes the door.
    desk.add("alice").await;
    assert_eq!(desk.actions.check_setup(&desk.call(), &new).unwrap_err().reason, Reason::InvalidToken);
    let fault = desk.actions.complete_setup(&desk.call(), new, first("root"), None).await.unwrap_err();
    assert_eq!(fault.reason, Reason::InvalidToken);
    assert!(desk.actions.offer_setup(&desk.call()).await.unwrap().is_none());
}

/// Proves: PWD-7, PWD-9
#[tokio::test]
async fn a_refused_form_consumes_nothing() {
    let desk = Desk::open();
    let token = desk.actions.offer_setup(&desk.call()).await.unwrap().unwrap();
    let weak = Wanted { password: Some(Secret::from("short")), ..first("root") };
    let none = Wanted { password: None, ..first("root") };
    for (wanted, reason) in [(weak, Reason::WeakPassword), (none, Reason::Malformed)] {
        let fault = desk.actions.complete_setup(&desk.call(), token.clone(), wanted, None).await.unwrap_err();
        assert_eq!(fault.reason, reason);
    }
    desk.actions.complete_setup(&desk.call(), token, first("root"), None).await.unwrap();
    desk.sign_in("root", PASSWORD).await.unwrap();
}
