//! Going out, and everybody's sessions when either side goes down.

use super::entering::expect_portal;
use crate::{
    doors::Door,
    kit::{Ask, Place, apps::Told},
};

/// Signed out at the portal is signed out at every application, at the next request; the old cookie is worth nothing, and
/// other people and the same person elsewhere stay in.
pub async fn log_out_everywhere<D: Door>(place: Place<D>) {
    let mut carol = place.person("carol").await;
    let mut at_home = place.person("carol").await;
    let mut alice = place.person("alice").await;
    for url in [place.app("/"), place.admin("/")] {
        carol.ask(Ask::get(&url).navigation()).await.expect(200);
    }
    let mut thief = carol.clone();

    place.sign_out(&mut carol).await;

    for url in [place.app("/"), place.admin("/")] {
        for browser in [&mut carol, &mut thief] {
            expect_portal(&place, &browser.ask(Ask::get(&url).navigation()).await);
        }
        at_home.ask(Ask::get(&url).navigation()).await.expect(200);
    }
    alice.ask(Ask::get(&place.app("/")).navigation()).await.expect(200);
}

/// While the house is shut nobody gets in; opened again it knows everybody still.
pub async fn restart_of_the_house_keeps_sessions<D: Door>(mut place: Place<D>) {
    let mut alice = place.person("alice").await;
    alice.ask(Ask::get(&place.app("/"))).await.expect(200);
    let before = place.app.seen();

    place.house.close().await;
    let answer = alice.ask(Ask::get(&place.app("/")).navigation()).await;
    assert!(answer.status.is_server_error(), "with nobody to ask:\n{answer}");
    assert_eq!(place.app.seen(), before, "a request nobody judged reached the application");

    place.house.open().await;
    place.reachable().await;
    let told = Told::by(&alice.ask(Ask::get(&place.app("/"))).await.expect(200));
    assert_eq!(told.identity()[0], "alice");
}

/// A sign-in that was answered and a sign-out that was answered both outlive a power cut.
pub async fn crash_of_the_house_keeps_sessions<D: Door>(mut place: Place<D>) {
    let mut alice = place.person("alice").await;
    let mut carol = place.person("carol").await;
    let mut thief = carol.clone();
    place.sign_out(&mut carol).await;

    place.house.crash().await;
    place.house.open().await;
    place.reachable().await;
    alice.ask(Ask::get(&place.app("/"))).await.expect(200);
    expect_portal(&place, &thief.ask(Ask::get(&place.app("/")).navigation()).await);
}

/// The proxy comes and goes; sessions are not its business.
pub async fn restart_of_the_door<D: Door>(mut place: Place<D>) {
    let mut alice = place.person("alice").await;
    alice.ask(Ask::get(&place.app("/"))).await.expect(200);
    place.door.close().await;
    place.door.reopen().await;
    place.reachable().await;
    alice.ask(Ask::get(&place.app("/"))).await.expect(200);
}
