//! The texts of codes and tokens, and the records as stored. What redeeming, renewing and ending do is tested with the engine.

use proptest::prelude::*;

use super::{
    AccessHash, AccessKey, AccessRecord, AuthorizationRecord, ConsentRecord, Granted, Kind, Leaf, Live,
    Presented, State, Ticket,
};
use crate::{
    crypto::mac::MacKey,
    domain::{
        caller::{Factor, Strength},
        client::ClientId,
    },
    store::golden,
    values::{
        id::{AccountId, AuthorizationId, SessionId},
        random::Random,
        time::Timestamp,
    },
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn key() -> MacKey {
    MacKey::new(&[3; 32])
}

fn family() -> AuthorizationId {
    AuthorizationId::from_bytes([5; 16])
}

fn wiki() -> ClientId {
    ClientId::parse("wiki").unwrap()
}

/// Proves: OAU-4, OAU-11
#[test]
fn a_ticket_leads_to_its_family_and_is_of_one_kind() {
    let code = Ticket::mint(Kind::Code, family(), Random::new([7; 32]), &key());
    let text = code.text().expose();
    let read = Presented::read(Kind::Code, text, &key()).unwrap();
    assert_eq!((read.authorization, read.digest), (family(), code.digest()));
    assert_eq!(code.short(), text[..5]);
    assert!(Presented::read(Kind::Refresh, text, &key()).is_none(), "a code is no refresh token");
    assert!(Presented::read(Kind::Code, text, &MacKey::new(&[4; 32])).is_none(), "somebody else's");
    assert_eq!(AccessHash::of_text(text), None);
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(Presented::read(Kind::Code, &changed, &key()).is_none(), "position {at}");
    }
}

/// Proves: OAU-11
#[test]
fn an_access_token_leads_to_what_is_stored_and_no_other_spelling_does() {
    let token = AccessKey::mint(NOW, Random::new([7; 32]));
    let text = token.text().expose();
    assert_eq!(AccessHash::of_text(text), Some(token.hash()));
    assert_eq!(token.short(), text[..5]);
    for other in ["", &text[1..], &format!("{text}="), &format!("{text}A")] {
        assert_eq!(AccessHash::of_text(other), None);
    }
    assert!(!format!("{token:?}").contains(text));
}

/// Proves: OPS-15
#[test]
fn records_as_stored() {
    let granted = AuthorizationRecord {
        client: wiki(),
        account: Some(AccountId::from_bytes([1; 16])),
        session: Some(SessionId::from_bytes([2; 16])),
        offline: false,
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        strength: Strength::of(Factor::Password, NOW),
        nonce: Some("n".to_owned()),
        created: NOW,
        ends: Timestamp::from_secs(1_800_000_060),
        epoch: 3,
        state: State::Granted(Granted {
            code: [6; 32],
            short: "abcde".to_owned(),
            redirect_uri: "https://wiki.example.com/cb".to_owned(),
            redirect_named: true,
            challenge: Some([7; 32]),
        }),
    };
    golden::check("src/domain/token/golden/granted.v1.hex", &granted);
    let leaf = Leaf {
        digest: [8; 32],
        short: "fghij".to_owned(),
        issued: NOW,
        ends: Timestamp::from_secs(1_801_000_000),
    };
    let live = AuthorizationRecord {
        session: None,
        nonce: None,
        state: State::Live(Live { code: Some([6; 32]), refresh: Some(leaf) }),
        ..granted
    };
    golden::check("src/domain/token/golden/live.v1.hex", &live);
    let access = AccessRecord {
        authorization: family(),
        client: wiki(),
        account: None,
        scopes: vec!["wiki:read".to_owned()],
        created: NOW,
        expires: Timestamp::from_secs(1_800_000_900),
        epoch: 3,
        short: "klmno".to_owned(),
    };
    golden::check("src/domain/token/golden/access.v1.hex", &access);
    let consent = ConsentRecord { scopes: vec!["email".to_owned()], given: NOW, renewed: NOW };
    golden::check("src/domain/token/golden/consent.v1.hex", &consent);
}

proptest! {
    /// Proves: OAU-11
    #[test]
    fn reading_never_panics(text in ".{0,100}") {
        let _ = AccessHash::of_text(&text);
        let _ = Presented::read(Kind::Code, &text, &key());
        let _ = Presented::read(Kind::Refresh, &text, &key());
    }
}
