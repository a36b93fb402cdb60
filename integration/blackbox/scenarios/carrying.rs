//! What passes through an open door must arrive whole: sockets, bodies, paths; and what scripts are told when it is shut.

use crate::{
    doors::Door,
    kit::{
        Ask, Place,
        apps::{Told, sha256},
        websocket::{self, Handshake},
    },
};

/// The handshake is judged like any request; the frames then go through untouched.
///
/// simple-auth.md 9.F3
pub async fn websocket<D: Door>(place: Place<D>) {
    let ask = || Ask::get(&place.app("/socket?room=1")).header("origin", place.app("").as_str());
    match websocket::open(&ask()).await.expect("an answer") {
        Handshake::Refused(status) => assert_eq!(status, 401),
        Handshake::Open(_) => panic!("a stranger was let in"),
    }
    assert_eq!(place.app.seen(), 0);

    let alice = place.person("alice").await;
    match websocket::open(&alice.with_cookies(ask())).await.expect("an answer") {
        Handshake::Refused(status) => panic!("refused with {status}"),
        Handshake::Open(mut socket) => {
            for word in ["one", "two", "drei"] {
                assert_eq!(socket.say(word).await.expect("an echo"), word);
            }
        }
    }
}

/// Twenty megabytes up, unharmed; without a session not a byte of them arrives.
pub async fn large_body<D: Door>(place: Place<D>) {
    let body: Vec<u8> =
        (0..20 * 1024 * 1024_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let upload = || Ask::post(&place.app("/upload"), "application/octet-stream", body.clone());

    let mut alice = place.person("alice").await;
    let told = Told::by(&alice.ask(upload()).await.expect(200));
    assert_eq!((told.length(), told.sha256()), (body.len() as u64, sha256(&body).as_str()));

    // The answer may come before the body is out; a connection closed on it is a refusal too.
    if let Ok(answer) = upload().try_send().await {
        assert_eq!(answer.status, 401, "{answer}");
    }
    assert_eq!(place.app.seen(), 1);
}

/// A script gets a status it can read; a redirect would reach it as an opaque cross-origin failure.
pub async fn script_gets_401<D: Door>(place: Place<D>) {
    for ask in [
        Ask::get(&place.app("/api/items")).xhr(),
        Ask::post(&place.app("/api/items"), "application/json", "{}").xhr(),
        Ask::get(&place.app("/events")).header("accept", "text/event-stream"),
        Ask::get(&place.app("/api/items")),
    ] {
        let answer = ask.send().await.expect(401);
        assert_eq!(answer.header("location"), None, "{answer}");
    }
    assert_eq!(place.app.seen(), 0);

    let mut alice = place.person("alice").await;
    let told = Told::by(&alice.ask(Ask::get(&place.app("/api/items")).xhr()).await.expect(200));
    assert_eq!(told.identity()[0], "alice");
}

/// APIs that carry a slash inside a path segment keep working.
pub async fn encoded_slash_reaches_the_application<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let target = "/api/projects/group%2Fproject/files?ref=a%2Fb";
    let told = Told::by(&alice.ask(Ask::get(&place.app(target)).xhr()).await.expect(200));
    assert_eq!(told.target(), target);
}
