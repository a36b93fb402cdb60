//! The cookie, and what becomes of its session.

use super::*;
use crate::{
    actions::{
        accounts::StatusChange,
        groups::Membership,
        testing::{OTHER, operator},
    },
    domain::{caller::Caller, rights::Authority},
    values::{name::GroupName, secret::Secret},
};

const APP: &str = "https://app.example.com/";

async fn statuses(door: &Door, cookies: &[&str]) -> [u16; 2] {
    let headers: Headers<'_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
    door.both("GET", APP, &headers).await.map(|answer| answer.status.as_u16())
}

/// Whatever is no live session is answered exactly as no cookie at all.
///
/// Proves: VCH-3
#[tokio::test]
async fn garbage_is_no_cookie() {
    let (door, cookie) = Door::with_alice().await;
    let none = door.both("GET", APP, &[HTML]).await.map(|answer| whole(&answer));
    let live = cookie.split_once('=').unwrap().1;
    let mut garbage: Vec<String> =
        ["", "x", "\"", "deleted", "=", "%00", "null", "..", "{}", " "].map(super::cookie).to_vec();
    garbage.extend([
        super::cookie(&live[1..]),
        super::cookie(&live[..live.len() - 1]),
        super::cookie(&format!("{live}A")),
        super::cookie(&format!("{live}=")),
        super::cookie(&format!("A{}", &live[1..])),
        super::cookie(&live.to_lowercase()),
        super::cookie(&"A".repeat(live.len())),
        super::cookie(&"A".repeat(4000)),
        format!("auth={live}"),
        format!("__Host-auth={live}"),
        format!("__secure-auth={live}"),
        "__Secure-auth".to_owned(),
        ";;;=;".to_owned(),
    ]);
    for cookie in garbage {
        let with = door.both("GET", APP, &[HTML, ("cookie", &cookie)]).await.map(|answer| whole(&answer));
        assert_eq!(with, none, "{cookie:?}");
    }
    let raw = [&b"__Secure-auth=\xff\xfe"[..], b"__Secure-auth=\x80"];
    for bytes in raw {
        let mut asked = Request::builder().uri("/auth/vouch/request").body(()).unwrap();
        for (name, value) in request("GET", APP) {
            asked
                .headers_mut()
                .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        asked.headers_mut().append("cookie", HeaderValue::from_bytes(bytes).unwrap());
        let now = door.house.shared.actions.world().now();
        assert_eq!(door.vouch.answer(arrival("127.0.0.1"), &asked.into_parts().0, now).1, Verdict::SignIn);
    }
}

/// DESIGN.md ruling 4.
///
/// Proves: VCH-4
#[tokio::test]
async fn of_several_cookies_one_live_session_counts_and_two_prove_nothing() {
    let (door, alice) = Door::with_alice().await;
    let mallory = door.admit("mallory").await;
    let dead = cookie(&"A".repeat(52));
    assert_eq!(statuses(&door, &[&alice]).await, [200, 200]);
    assert_eq!(statuses(&door, &[&alice, &alice]).await, [200, 200]);
    assert_eq!(statuses(&door, &[&dead, &alice]).await, [200, 200]);
    assert_eq!(statuses(&door, &[&alice, &dead]).await, [200, 200]);
    assert_eq!(statuses(&door, &[&format!("a=b; {alice}; c=d; {dead}")]).await, [200, 200]);
    for pair in [[&alice, &mallory], [&mallory, &alice]] {
        assert_eq!(statuses(&door, &[pair[0], pair[1]]).await, [401, 401]);
        assert_eq!(statuses(&door, &[&format!("{}; {}", pair[0], pair[1])]).await, [401, 401]);
        assert_eq!(statuses(&door, &[pair[0], &dead, pair[1], pair[0]]).await, [401, 401]);
    }
    // Neither do many: no order of them makes one of two the right one.
    let many = [dead.as_str(); 20];
    assert_eq!(statuses(&door, &[&[alice.as_str()][..], &many].concat()).await, [401, 401]);
    assert_eq!(statuses(&door, &[&many[..], &[alice.as_str()]].concat()).await, [401, 401]);
    assert_eq!(
        statuses(&door, &[&[mallory.as_str()][..], &many[..7], &[alice.as_str()]].concat()).await,
        [401, 401]
    );
    // A public page stays open to whoever brings two.
    for answer in
        door.both("GET", "https://public.example.com/", &[("cookie", &alice), ("cookie", &mallory)]).await
    {
        assert_eq!((answer.status.as_u16(), identity_of(&answer)), (200, ["", "", "", ""]));
    }
}

/// Proves: VCH-18, SES-8
#[tokio::test]
async fn a_session_ends_with_its_time() {
    let (door, cookie) = Door::with_alice().await;
    door.house.pass(3599);
    assert_eq!(statuses(&door, &[&cookie]).await, [200, 200]);
    door.house.pass(3599);
    assert_eq!(statuses(&door, &[&cookie]).await, [200, 200], "used meanwhile");
    door.house.pass(3600);
    assert_eq!(statuses(&door, &[&cookie]).await, [401, 401], "idle for an hour");

    let cookie = door.sign_in("alice").await;
    let began = door.house.shared.actions.world().now();
    for _ in 0..24 * 4 - 1 {
        door.house.pass(900);
        assert_eq!(statuses(&door, &[&cookie]).await, [200, 200]);
    }
    door.house.pass(899);
    assert_eq!(statuses(&door, &[&cookie]).await, [200, 200]);
    door.house.pass(1);
    assert_eq!(statuses(&door, &[&cookie]).await, [401, 401], "a day old, however busy");
    // A clock set back gives nothing back that ended by the clock of the store.
    door.house.shared.actions.sign_out(&door.house.desk.call(), vec![hash(&cookie)]).await.unwrap();
    door.house.desk.levers.clock.set(began);
    assert_eq!(statuses(&door, &[&cookie]).await, [401, 401]);
}

fn hash(cookie: &str) -> crate::domain::session::SessionHash {
    crate::domain::session::SessionHash::of_cookie(cookie.split_once('=').unwrap().1.as_bytes()).unwrap()
}

/// Each way a session or its person can end holds at the very next check, cached or not.
///
/// simple-auth.md 9.A1
///
/// Proves: VCH-14, SES-9, SES-10
#[tokio::test]
async fn every_end_holds_at_the_next_check() {
    let door = Door::open();
    let actions = &door.house.shared.actions;
    let call = || door.house.desk.call();
    let permit = operator();
    let ends: [&str; 8] =
        ["sign out", "end one", "end all", "disable", "lock", "delete", "set password", "own password"];
    for (at, end) in ends.into_iter().enumerate() {
        let name = format!("person-{at}");
        let id = door.house.desk.add(&name).await;
        let signed_in = door.house.desk.sign_in(&name, PASSWORD).await.unwrap();
        let cookie = cookie(&signed_in.key.text());
        assert_eq!(statuses(&door, &[&cookie]).await, [200, 200], "cached now");
        match end {
            "sign out" => drop(actions.sign_out(&call(), vec![signed_in.key.hash()]).await.unwrap()),
            "end one" => actions
                .operator_ends_sessions(&call(), &permit, id, Some(signed_in.session.id))
                .await
                .unwrap(),
            "end all" => {
                let caller = Caller::Person {
                    account: id,
                    session: signed_in.session.id,
                    strength: signed_in.session.strength.clone(),
                };
                actions
                    .end_all_sessions(&call(), Authority::of_session(&caller).unwrap(), None)
                    .await
                    .unwrap();
            }
            "disable" => door.house.desk.status(id, StatusChange::Disable("left".to_owned())).await.unwrap(),
            "lock" => door.house.desk.status(id, StatusChange::Lock("lost phone".to_owned())).await.unwrap(),
            "delete" => actions.delete_account(&call(), &permit, id).await.unwrap(),
            "set password" => {
                actions.set_password(&call(), &permit, id, Secret::from(OTHER), false).await.unwrap();
            }
            _ => {
                let (key, _) = door.house.desk.change_password(&signed_in, PASSWORD, OTHER).await.unwrap();
                assert_eq!(statuses(&door, &[&super::cookie(&key.text())]).await, [200, 200], "the new one");
            }
        }
        assert_eq!(statuses(&door, &[&cookie]).await, [401, 401], "{end}");
        // Opening the account again revives nothing.
        match end {
            "disable" => door.house.desk.status(id, StatusChange::Enable).await.unwrap(),
            "lock" => door.house.desk.status(id, StatusChange::Unlock).await.unwrap(),
            _ => {}
        }
        assert_eq!(statuses(&door, &[&cookie]).await, [401, 401], "{end}, undone");
    }
}

/// Proves: VCH-14
#[tokio::test]
async fn groups_hold_at_the_next_check() {
    let (door, cookie) = Door::with_alice().await;
    let actions = &door.house.shared.actions;
    let id = door.house.desk.sign_in("alice", PASSWORD).await.unwrap().account;
    let staff = GroupName::parse("staff").unwrap();
    let ask = async || {
        let [answer, other] = door.both("GET", "https://staff.example.com/", &[("cookie", &cookie)]).await;
        assert_eq!(answer.status, other.status);
        let seen = door.both("GET", APP, &[("cookie", &cookie)]).await;
        (answer.status.as_u16(), identity_of(&seen[0])[1].to_owned())
    };
    assert_eq!(ask().await, (200, "staff".to_owned()));
    let call = door.house.desk.call();
    actions.change_membership(&call, &operator(), id, staff.clone(), Membership::Leaves).await.unwrap();
    assert_eq!(ask().await, (403, String::new()));
    actions.change_membership(&call, &operator(), id, staff.clone(), Membership::Joins).await.unwrap();
    assert_eq!(ask().await, (200, "staff".to_owned()));
    let crew = GroupName::parse("crew").unwrap();
    actions.rename_group(&call, &operator(), staff.clone(), crew.clone()).await.unwrap();
    assert_eq!(ask().await, (403, "crew".to_owned()));
    actions.rename_group(&call, &operator(), crew, staff.clone()).await.unwrap();
    assert_eq!(ask().await, (200, "staff".to_owned()));
    actions.delete_group(&call, &operator(), staff).await.unwrap();
    assert_eq!(ask().await, (403, String::new()));
}

/// Proves: PWD-8, SES-3
#[tokio::test]
async fn a_session_that_must_change_its_password_opens_nothing() {
    let door = Door::with(rules(false), settings());
    door.house.add("bob", true).await;
    let signed_in = door.house.desk.sign_in("bob", PASSWORD).await.unwrap();
    assert!(signed_in.session.restricted);
    let cookie = cookie(&signed_in.key.text());
    assert_eq!(statuses(&door, &[&cookie]).await, [401, 401]);
    assert_eq!(door.ask("/auth/vouch", &[("cookie", &cookie)]).await.status, StatusCode::UNAUTHORIZED);
    for answer in door.both("GET", "https://public.example.com/", &[("cookie", &cookie)]).await {
        assert_eq!((answer.status.as_u16(), identity_of(&answer)), (200, ["", "", "", ""]));
    }
    let (key, session) = door.house.desk.change_password(&signed_in, PASSWORD, OTHER).await.unwrap();
    assert!(!session.restricted);
    assert_eq!(statuses(&door, &[&super::cookie(&key.text())]).await, [200, 200]);
    assert_eq!(statuses(&door, &[&cookie]).await, [401, 401]);
}

/// A million random cookies leave no trace in memory.
///
/// Proves: VCH-3
#[tokio::test]
async fn unknown_cookies_are_not_remembered() {
    let (door, cookie) = Door::with_alice().await;
    assert_eq!(statuses(&door, &[&cookie]).await, [200, 200]);
    let before = door.house.shared.gate.cached();
    let now = door.house.shared.actions.world().now();
    for _ in 0..1000 {
        let key = crate::domain::session::SessionKey::mint(now, door.house.shared.actions.world().random());
        assert_eq!(statuses(&door, &[&super::cookie(&key.text())]).await, [401, 401]);
    }
    assert_eq!(door.house.shared.gate.cached(), before);
}
