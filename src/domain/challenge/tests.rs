//! What holds for links and codes, whoever uses them.

use std::{collections::HashSet, time::Duration};

use super::{
    CodeFor, NewCode, NewLink, Purpose, Subject, Tried,
    codes::{CodeRecord, MOST_TRIES, tidied},
    links::LinkRecord,
    offer, offer_code, peek, redeem, sweep_codes, sweep_links, try_code, void, void_account, void_code,
};
use crate::{
    crypto::mac::MacKey,
    domain::fault::{Fault, Reason},
    store::{Store, golden::check},
    values::{id::AccountId, random::Random, secret::Secret, time::Timestamp},
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn account(number: u8) -> Subject {
    Subject::Account(AccountId::from_bytes([number; 16]))
}

fn link(purpose: Purpose, subject: Subject) -> NewLink {
    NewLink { purpose, subject, address: None, data: vec![7], lifetime: Duration::from_mins(30) }
}

fn offered(store: &Store, purpose: Purpose, subject: Subject, chance: u8) -> Secret<String> {
    let new = link(purpose, subject);
    store.write_blocking(move |tx| offer(tx, &new, Random::new([chance; 32]), NOW, 1)).unwrap()
}

fn redeemed(
    store: &Store,
    purpose: Purpose,
    text: &Secret<String>,
    at: Timestamp,
    epoch: u64,
) -> Option<Reason> {
    let text = text.clone();
    let outcome = store.write_blocking(move |tx| redeem(tx, purpose, &text, at, epoch).map(|_| ()));
    outcome.err().map(|fault: Fault| fault.reason)
}

/// Proves: OTP-1, OTP-2, OTP-3
#[test]
fn a_link_is_good_once_for_its_purpose_and_the_newest_only() {
    let store = Store::in_memory();
    let old = offered(&store, Purpose::ResetPassword, account(1), 1);
    let new = offered(&store, Purpose::ResetPassword, account(1), 2);
    let other = offered(&store, Purpose::ResetPassword, account(2), 3);
    let confirm = offered(&store, Purpose::ConfirmEmail, account(1), 4);
    assert_eq!(redeemed(&store, Purpose::ResetPassword, &old, NOW, 1), Some(Reason::InvalidToken));
    assert_eq!(
        redeemed(&store, Purpose::SignIn, &new, NOW, 1),
        Some(Reason::InvalidToken),
        "another purpose"
    );
    assert_eq!(redeemed(&store, Purpose::ResetPassword, &new, NOW, 1), None);
    assert_eq!(redeemed(&store, Purpose::ResetPassword, &new, NOW, 1), Some(Reason::InvalidToken), "used");
    assert_eq!(redeemed(&store, Purpose::ResetPassword, &other, NOW, 1), None, "another person's stays");
    assert_eq!(redeemed(&store, Purpose::ConfirmEmail, &confirm, NOW, 1), None, "another purpose stays");
}

/// Proves: OTP-7, OPS-14
#[test]
fn looking_consumes_nothing_and_time_or_a_restore_ends_a_link() {
    let store = Store::in_memory();
    let text = offered(&store, Purpose::Invitation, Subject::Other([9; 32]), 1);
    for _ in 0..2 {
        let seen = store.read(|tx| peek(tx, Purpose::Invitation, &text, NOW, 1)).unwrap();
        assert_eq!((seen.subject, seen.data.as_slice()), (Subject::Other([9; 32]), [7].as_slice()));
    }
    let late = NOW + Duration::from_mins(30);
    assert_eq!(redeemed(&store, Purpose::Invitation, &text, late, 1), Some(Reason::Expired));
    assert_eq!(redeemed(&store, Purpose::Invitation, &text, NOW, 2), Some(Reason::Expired), "restored since");
    assert_eq!(redeemed(&store, Purpose::Invitation, &text, NOW, 1), None, "refusals consumed nothing");
    let swept = offered(&store, Purpose::Invitation, Subject::Other([9; 32]), 2);
    let (_, gone) = store.write_blocking(move |tx| sweep_links(tx, None, 10, late, 1)).unwrap();
    assert_eq!(gone, 1);
    assert_eq!(redeemed(&store, Purpose::Invitation, &swept, NOW, 1), Some(Reason::InvalidToken));
}

/// Proves: ENR-2, OTP-2
#[test]
fn what_is_open_about_an_account_can_be_voided_at_once() {
    let store = Store::in_memory();
    let reset = offered(&store, Purpose::ResetPassword, account(1), 1);
    let change = offered(&store, Purpose::ChangeEmail, account(1), 2);
    let other = offered(&store, Purpose::ResetPassword, account(2), 3);
    let code = house_code(&store, account(1));
    store.write_blocking(|tx| void_account(tx, AccountId::from_bytes([1; 16]))).unwrap();
    assert_eq!(redeemed(&store, Purpose::ResetPassword, &reset, NOW, 1), Some(Reason::InvalidToken));
    assert_eq!(redeemed(&store, Purpose::ChangeEmail, &change, NOW, 1), Some(Reason::InvalidToken));
    assert_eq!(redeemed(&store, Purpose::ResetPassword, &other, NOW, 1), None);
    assert_eq!(tried(&store, account(1), "a@example.com", code.expose(), NOW), Tried::Dead);
    store.write_blocking(|tx| void(tx, Purpose::Setup, Subject::House)).unwrap();
}

/// Races: any link; any code
/// Proves: OTP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_redemptions_at_once_exactly_one_succeeds() {
    let store = Store::in_memory();
    let link = offered(&store, Purpose::SignIn, account(1), 1);
    let code = house_code(&store, account(1));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (store, link, code) = (store.clone(), link.clone(), code.clone());
        tasks.spawn(async move {
            let by_link = store.write(move |tx| redeem(tx, Purpose::SignIn, &link, NOW, 1)).await.is_ok();
            let by_code = store
                .write(move |tx| try_code(tx, &key(), &for_email(account(1), "a@example.com"), &code, NOW, 1))
                .await
                .unwrap();
            (by_link, by_code == Tried::Right)
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|(link, _)| *link).count(), 1);
    assert_eq!(outcomes.iter().filter(|(_, code)| *code).count(), 1);
}

/// Races: guesses at any code
/// Proves: THR-2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_wrong_codes_at_once_as_many_as_allowed_are_looked_at() {
    let store = Store::in_memory();
    let code = house_code(&store, account(1));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        tasks.spawn(async move { tried(&store, account(1), "a@example.com", "00000000", NOW) });
    }
    let outcomes = tasks.join_all().await;
    let wrong: HashSet<_> = outcomes
        .iter()
        .filter_map(|tried| match tried {
            Tried::Wrong { left } => Some(*left),
            _ => None,
        })
        .collect();
    assert_eq!(wrong, (0..MOST_TRIES).collect::<HashSet<_>>());
    assert_eq!(outcomes.iter().filter(|tried| **tried == Tried::Dead).count(), 59);
    assert_eq!(tried(&store, account(1), "a@example.com", code.expose(), NOW), Tried::Dead);
}

fn for_email(subject: Subject, address: &str) -> CodeFor {
    CodeFor { purpose: Purpose::EmailFactor, subject, address: address.to_owned() }
}

fn key() -> MacKey {
    MacKey::new(&[3; 32])
}

fn house_code(store: &Store, subject: Subject) -> Secret<String> {
    let new = NewCode {
        good_for: for_email(subject, "a@example.com"),
        digits: 8,
        lifetime: Duration::from_mins(5),
    };
    store.write_blocking(move |tx| offer_code(tx, &key(), &new, Random::new([0xa7; 32]), NOW, 1)).unwrap()
}

fn tried(store: &Store, subject: Subject, address: &str, given: &str, at: Timestamp) -> Tried {
    let (address, given) = (address.to_owned(), Secret::new(given.to_owned()));
    store
        .write_blocking(move |tx| try_code(tx, &key(), &for_email(subject, &address), &given, at, 1))
        .unwrap()
}

/// Proves: OTP-2, OTP-10
#[test]
fn a_code_is_good_once_for_its_person_and_address() {
    let store = Store::in_memory();
    let code = house_code(&store, account(1));
    assert_eq!(code.expose().len(), 8);
    assert_eq!(tried(&store, account(2), "a@example.com", code.expose(), NOW), Tried::Dead);
    assert_eq!(tried(&store, account(1), "b@example.com", code.expose(), NOW), Tried::Wrong { left: 4 });
    assert_eq!(
        tried(&store, account(1), "a@example.com", code.expose(), NOW + Duration::from_mins(5)),
        Tried::Dead
    );
    let spaced = format!(" {} {} ", &code.expose()[..4], &code.expose()[4..]);
    assert_eq!(tried(&store, account(1), "a@example.com", &spaced, NOW), Tried::Right);
    assert_eq!(tried(&store, account(1), "a@example.com", code.expose(), NOW), Tried::Dead, "used");
}

/// Proves: OTP-1, OTP-3
#[test]
fn after_five_wrong_tries_a_code_is_dead_and_a_new_one_is_not() {
    let store = Store::in_memory();
    let code = house_code(&store, account(1));
    for left in (0..MOST_TRIES).rev() {
        assert_eq!(tried(&store, account(1), "a@example.com", "00000000", NOW), Tried::Wrong { left });
    }
    assert_eq!(tried(&store, account(1), "a@example.com", code.expose(), NOW), Tried::Dead);
    let again = house_code(&store, account(1));
    assert_eq!(tried(&store, account(1), "a@example.com", again.expose(), NOW), Tried::Right);
    let swept = house_code(&store, account(1));
    let over = NOW + Duration::from_mins(5);
    assert_eq!(store.write_blocking(move |tx| sweep_codes(tx, None, 10, over, 1)).unwrap().1, 1);
    assert_eq!(tried(&store, account(1), "a@example.com", swept.expose(), NOW), Tried::Dead);
    store.write_blocking(|tx| void_code(tx, Purpose::EmailFactor, account(1))).unwrap();
}

/// Proves: OTP-10
#[test]
fn spaces_around_and_one_separator_are_forgiven() {
    for (given, read) in [
        (" 123456 ", "123456"),
        ("123 456", "123456"),
        ("123-456", "123456"),
        ("12 34 56", "1234 56"),
        ("0", "0"),
        ("", ""),
    ] {
        assert_eq!(tidied(given), read);
    }
}

/// Proves: OPS-15
#[test]
fn what_is_stored_keeps_its_shape() {
    let link = LinkRecord {
        purpose: Purpose::ResetPassword,
        subject: account(5),
        address: Some("a@example.com".to_owned()),
        data: vec![1, 2],
        expires: NOW,
        epoch: 2,
    };
    check("src/domain/challenge/golden/link.v1.hex", &link);
    let code = CodeRecord { tag: [5; 32], expires: NOW, epoch: 2, wrong: 3 };
    check("src/domain/challenge/golden/code.v1.hex", &code);
}
