//! Connections that leave HTTP, and those that only asked to.

use super::*;

fn asking(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
}

#[tokio::test]
async fn an_upgraded_connection_carries_any_bytes() {
    let house = House::open(short(|limits| {
        limits.keep_alive_idle = Duration::from_millis(100);
        limits.stall = Duration::from_millis(100);
    }));
    let mut caller = house.call().await;
    caller.say(asking("/upgrade") + "\nfirst\0").await;
    assert_eq!(status(&caller.hear().await), 101);
    let mut echoed = [0; 7];
    soon(caller.0.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"\nfirst\0");
    // No clock of HTTP's runs over it any more.
    let mut idle = house.call().await;
    assert!(idle.is_over().await);
    caller.say("\n\r\n\0more").await;
    let mut echoed = [0; 8];
    soon(caller.0.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"\n\r\n\0more");
}

/// nginx passes the client's `Upgrade` on with its check; the answer is an ordinary one.
#[tokio::test]
async fn a_declined_upgrade_goes_on_as_http() {
    let house = House::open(Limits::default());
    let mut caller = house.call().await;
    // The next request waits in the same packet, behind answers that come at once and later.
    caller.say(format!("{}{}{}", get("/wait"), asking("/wait"), get("/who"))).await;
    for _ in 0..2 {
        soon(house.service.waiting.notified()).await;
        house.service.go.notify_one();
        assert!(caller.hear().await.ends_with("waited"));
    }
    assert!(caller.hear().await.ends_with("uri=/who"));
    caller.say(asking("/")).await;
    assert_eq!(status(&caller.hear().await), 200);
    caller.say(get("/who")).await;
    assert!(caller.hear().await.ends_with("uri=/who"));
}

/// Proves: OPS-1
#[tokio::test]
async fn a_request_behind_a_declined_upgrade_is_judged() {
    let house = House::open(Limits::default());
    let answer = house.ask(format!("{}GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n", asking("/"))).await;
    let statuses: Vec<_> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| status(&answer[at..])).collect();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn an_upgrade_with_a_body_is_read_first() {
    let house = House::open(Limits::default());
    let mut caller = house.call().await;
    let head =
        "POST /echo HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nhi";
    caller.say(format!("{head}{}", get("/who"))).await;
    assert!(caller.hear().await.ends_with("hi"));
    assert!(caller.hear().await.ends_with("uri=/who"));
}
