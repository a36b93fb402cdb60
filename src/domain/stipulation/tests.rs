//! What is asked, and what satisfies it.

use std::time::Duration;

use super::{
    Open, Stipulation, accept_terms, add, blocking, forget, interactive, lapse, open, remove_all, satisfy,
};
use crate::{
    domain::{
        audit::{AUDIT, Event},
        call::{Call, RequestId},
    },
    store::{Reading, Store},
    values::{id::AccountId, time::Timestamp},
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn call() -> Call {
    Call::inside(NOW, RequestId::new("req-1"))
}

fn somebody(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

fn count(tx: &impl Reading, event: Event) -> usize {
    AUDIT.range(tx, None, 100).unwrap().iter().filter(|(_, record)| record.event == event).count()
}

#[test]
fn some_block_and_some_are_satisfied_in_a_restricted_session() {
    let store = Store::in_memory();
    store
        .write_blocking(|tx| {
            let (id, call) = (somebody(1), call());
            let terms = Stipulation::AcceptTerms("1".to_owned());
            for what in [
                &Stipulation::ConfirmEmail,
                &Stipulation::ManualApproval,
                &terms,
                &Stipulation::ChangePassword,
            ] {
                assert!(add(tx, id, &Open::new(what.clone(), NOW), "operator", &call)?);
                assert!(!add(tx, id, &Open::new(what.clone(), NOW), "operator", &call)?, "one of a kind");
            }
            assert_eq!(blocking(tx, id)?, [Stipulation::ConfirmEmail, Stipulation::ManualApproval]);
            assert_eq!(interactive(tx, id, None)?, [terms, Stipulation::ChangePassword]);
            assert!(open(tx, somebody(2))?.is_empty());
            assert!(satisfy(tx, id, &Stipulation::ConfirmEmail, "nobody", &call)?);
            assert!(!satisfy(tx, id, &Stipulation::ConfirmEmail, "nobody", &call)?, "it is gone");
            assert_eq!(remove_all(tx, id, "operator", &call)?.len(), 3);
            assert!(open(tx, id)?.is_empty());
            assert_eq!(count(tx, Event::StipulationAdded), 4);
            assert_eq!(count(tx, Event::StipulationSatisfied), 1);
            assert_eq!(count(tx, Event::StipulationRemoved), 3);
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
}

#[test]
fn terms_are_asked_for_until_these_very_terms_are_accepted() {
    let store = Store::in_memory();
    store
        .write_blocking(|tx| {
            let (id, call) = (somebody(1), call());
            let terms = |version: &str| vec![Stipulation::AcceptTerms(version.to_owned())];
            assert_eq!(interactive(tx, id, None)?, []);
            assert_eq!(interactive(tx, id, Some("1"))?, terms("1"));
            accept_terms(tx, id, "1", "person", &call)?;
            assert_eq!(interactive(tx, id, Some("1"))?, []);
            assert_eq!(interactive(tx, id, Some("2"))?, terms("2"));
            add(tx, id, &Open::new(Stipulation::AcceptTerms("x".to_owned()), NOW), "operator", &call)?;
            assert_eq!(interactive(tx, id, Some("1"))?, terms("x"), "the operator may ask for others");
            accept_terms(tx, id, "x", "person", &call)?;
            assert!(open(tx, id)?.is_empty());
            forget(tx, id)?;
            assert_eq!(
                interactive(tx, id, Some("x"))?,
                terms("x"),
                "whoever comes after has accepted nothing"
            );
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
}

#[test]
fn only_what_was_to_be_done_by_a_time_lapses() {
    let store = Store::in_memory();
    store
        .write_blocking(|tx| {
            let call = call();
            let until = Some(NOW + Duration::from_hours(1));
            let asked = Open::new(Stipulation::ConfirmEmail, NOW);
            add(tx, somebody(1), &Open { lapses: until, ..asked.clone() }, "nobody", &call)?;
            add(tx, somebody(2), &asked, "operator", &call)?;
            let late = NOW + Duration::from_hours(1);
            assert!(lapse(tx, None, 10, NOW)?.accounts.is_empty());
            assert_eq!(lapse(tx, None, 10, late)?.accounts, [somebody(1)]);
            let step = lapse(tx, None, 1, late)?;
            assert_eq!((step.accounts, step.next), (vec![somebody(1)], Some(somebody(1))));
            assert!(lapse(tx, step.next, 1, late)?.accounts.is_empty());
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
}

#[test]
fn words_read_back() {
    for what in [
        Stipulation::ConfirmEmail,
        Stipulation::ManualApproval,
        Stipulation::AcceptTerms("2027-01".to_owned()),
        Stipulation::ChangePassword,
    ] {
        let text = what.to_string().replace(' ', "=");
        assert_eq!(text.parse(), Ok(what));
    }
    for text in ["", "confirm", "confirm-email=x", "accept-terms=1=2"] {
        assert!(text.parse::<Stipulation>().is_err() || text == "accept-terms=1=2", "{text}");
    }
}
