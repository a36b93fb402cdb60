//! Rules that ask for a second factor of the last minutes.

use std::time::Duration;

use super::*;
use crate::{
    actions::{
        login::{SignInOutcome, second::SecondFactor},
        testing::attempt,
    },
    domain::{caller::Factor, factor::totp::TotpSecret, session::SessionHash},
    values::secret::Secret,
    web::testing::rules_within,
};

fn given(door: &Door, secret: &TotpSecret) -> SecondFactor {
    let code = Secret::new(door.house.desk.code(secret));
    SecondFactor { factor: Factor::Totp, code, trust: false, device: None }
}

/// What a page gets in both dialects.
async fn asked(door: &Door, session: &str) -> [u16; 2] {
    let answers = door.both("GET", "https://safe.example.com/", &[("cookie", &cookie(session)), HTML]).await;
    for answer in &answers {
        let to_login = answer.location().starts_with(&format!("{PORTAL}/login?"));
        assert_eq!(to_login, answer.status != StatusCode::OK, "{answer:?}");
    }
    answers.map(|answer| answer.status.as_u16())
}

/// Fresh passes; older is led to the portal, however often it passed before; a step-up makes it fresh.
///
/// Proves: SES-2, SES-11
#[tokio::test]
async fn an_old_second_factor_is_asked_for_again_and_a_step_up_passes() {
    let door = Door::with(rules_within(Duration::from_mins(15)), settings());
    let desk = &door.house.desk;
    let id = desk.add("alice").await;
    let secret = desk.with_totp(id).await;
    door.house.pass(60);
    let next = desk.actions.sign_in(&desk.call(), attempt("alice", PASSWORD)).await.unwrap();
    let SignInOutcome::Next(next) = next else { panic!("no second factor was asked for") };
    let outcome = desk.actions.second_factor(&desk.call(), next.key.hash(), given(&door, &secret)).await;
    let SignInOutcome::SignedIn(signed_in) = outcome.unwrap() else { panic!("asked a third time") };
    let first = signed_in.key.text();
    for minute in 0..=15 {
        assert_eq!(asked(&door, &first).await, [200, 200], "after {minute} minutes");
        door.house.pass(60);
    }
    assert_eq!(asked(&door, &first).await, [401, 302]);
    let hash = SessionHash::of_cookie(first.as_bytes()).unwrap();
    let raised = desk.actions.step_up(&desk.call(), (id, hash), given(&door, &secret)).await.unwrap();
    let second = raised.key.text();
    assert_eq!(asked(&door, &second).await, [200, 200]);
    assert_eq!(asked(&door, &first).await, [401, 302], "the old key is dead");
    door.house.pass(901);
    assert_eq!(asked(&door, &second).await, [401, 302]);
}
