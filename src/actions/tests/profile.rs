//! What people change about themselves.

use crate::{
    actions::{
        accounts::Wanted,
        factors::Owner,
        testing::{Desk, PASSWORD, wanted},
    },
    domain::{
        audit::Event,
        caller::{Caller, Factor, Strength},
        fault::{Fault, Reason},
        outbox::Template,
        rights::Authority,
    },
    values::{
        email::EmailAddress,
        id::{AccountId, SessionId},
        name::DisplayName,
        phone::Phone,
        secret::Secret,
    },
};

pub(super) fn own(desk: &Desk, account: AccountId) -> Owner {
    let strength = Strength::of(Factor::Password, desk.call().now);
    let session = SessionId::from_bytes([1; 16]);
    let caller = Caller::Person { account, session, strength: strength.clone() };
    let authority = Authority::of_session(&caller).unwrap();
    Owner { authority, strength: Some(strength), session: None }
}

pub(super) async fn want_email(desk: &Desk, id: AccountId, email: &str) -> Result<(), Fault> {
    desk.actions.want_email(&desk.call(), own(desk, id), EmailAddress::parse(email).unwrap()).await
}

#[tokio::test]
async fn a_name_changes_at_once() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let name = DisplayName::parse("Alice Again").unwrap();
    desk.actions.rename_self(&desk.call(), own(&desk, id).authority, name).await.unwrap();
    assert_eq!(desk.account("alice").display_name, "Alice Again");
    assert_eq!(desk.account("alice").username, "alice");
    assert_eq!(desk.count(Event::AccountChanged), 1);
}

/// Proves: ENR-4, ENR-2
#[tokio::test]
async fn a_new_address_counts_when_it_is_confirmed_and_the_old_one_is_told() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    want_email(&desk, id, "new@example.net").await.unwrap();
    assert_eq!(desk.account("alice").email.as_deref(), Some("alice@example.com"), "not yet");
    let mut told: Vec<_> = desk.letters().into_iter().map(|(template, to, _)| (template, to)).collect();
    told.sort_by_key(|(_, to)| std::cmp::Reverse(to.clone()));
    assert_eq!(
        told,
        [
            (Template::ChangeEmailConfirm, "new@example.net".to_owned()),
            (Template::ChangeEmailNotice, "alice@example.com".to_owned())
        ]
    );
    let token = desk.token(Template::ChangeEmailConfirm);
    assert_eq!(desk.actions.confirm_address(&desk.call(), token.clone()).await.unwrap(), id);
    let account = desk.account("new@example.net");
    assert_eq!(account.username, "alice");
    assert!(account.email_confirmed.is_some());
    assert_eq!(desk.letters_of(Template::ChangeEmailNotice), 2, "before and after");
    let again = desk.actions.confirm_address(&desk.call(), token).await.unwrap_err();
    assert_eq!(again.reason, Reason::NothingToDo);
    // The old address rests for others, and may come back to its owner.
    let taken = Wanted { email: EmailAddress::parse("alice@example.com").ok(), ..wanted("eve") };
    assert_eq!(desk.create(taken).await.unwrap_err().reason, Reason::Taken);
    desk.pass(60);
    want_email(&desk, id, "alice@example.com").await.unwrap();
    desk.actions.confirm_address(&desk.call(), desk.token(Template::ChangeEmailConfirm)).await.unwrap();
    assert_eq!(desk.account("alice").email.as_deref(), Some("alice@example.com"));
}

/// Proves: THR-8
#[tokio::test]
async fn whether_somebody_has_an_address_is_not_told() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    desk.add("bob").await;
    want_email(&desk, id, "bob@example.com").await.unwrap();
    assert_eq!(desk.letters_of(Template::ChangeEmailConfirm), 0);
    assert_eq!(desk.letters_of(Template::AccountExists), 1);
    // The page and the own mailbox show what they show for a free one.
    let awaited = || desk.actions.awaited_email(&desk.call(), &own(&desk, id).authority).unwrap();
    assert_eq!(awaited().as_deref(), Some("bob@example.com"));
    assert_eq!(desk.letters_of(Template::ChangeEmailNotice), 1);
    // An address that somebody else gets in between is theirs.
    desk.pass(60);
    want_email(&desk, id, "late@example.net").await.unwrap();
    let token = desk.token(Template::ChangeEmailConfirm);
    desk.create(Wanted { email: EmailAddress::parse("late@example.net").ok(), ..wanted("carol") })
        .await
        .unwrap();
    let refused = desk.actions.confirm_address(&desk.call(), token).await.unwrap_err();
    assert_eq!(refused.reason, Reason::NothingToDo);
    assert_eq!(desk.account("alice").email.as_deref(), Some("alice@example.com"));
}

/// Proves: OTP-2, OTP-3
#[tokio::test]
async fn a_newer_wish_a_changed_password_or_its_own_time_ends_a_link() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let wish = async |email: &str| {
        desk.pass(60);
        want_email(&desk, id, email).await.unwrap();
        desk.token(Template::ChangeEmailConfirm)
    };
    let reason = async |token: Secret<String>| {
        desk.actions.confirm_address(&desk.call(), token).await.unwrap_err().reason
    };
    let first = wish("one@example.net").await;
    let second = wish("two@example.net").await;
    assert_eq!(reason(first).await, Reason::NothingToDo);
    let signed_in = desk.sign_in("alice", PASSWORD).await.unwrap();
    desk.change_password(&signed_in, PASSWORD, crate::actions::testing::OTHER).await.unwrap();
    assert_eq!(reason(second).await, Reason::NothingToDo);
    let third = wish("three@example.net").await;
    desk.pass(24 * 3600);
    assert_eq!(reason(third).await, Reason::NothingToDo);
    assert_eq!(desk.account("alice").email.as_deref(), Some("alice@example.com"));
}

/// Proves: OTP-2
#[tokio::test]
async fn a_mobile_number_counts_with_the_code_that_was_sent_to_it() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let number = |text: &str| Phone::parse(text).unwrap();
    let want = async |text: &str| desk.actions.want_mobile(&desk.call(), own(&desk, id), number(text)).await;
    let give = async |text: &str, code: &str| {
        let owner = own(&desk, id);
        let given =
            desk.actions.confirm_own_mobile(&desk.call(), owner, number(text), Secret::from(code)).await;
        given.map_err(|fault| fault.reason)
    };
    let code = || {
        let (_, _, values) =
            desk.letters().into_iter().rfind(|(template, ..)| *template == Template::SmsCode).unwrap();
        values.into_iter().find(|(name, _)| name == "code").unwrap().1
    };
    want("+4930123456").await.unwrap();
    assert_eq!(want("+4930123457").await.unwrap_err().reason, Reason::Throttled, "one a minute");
    assert_eq!(desk.account("alice").mobile, None);
    assert_eq!(give("+4930123457", &code()).await, Err(Reason::SecondFactorWrong), "for another number");
    assert_eq!(give("+4930123456", &code()).await, Ok(()));
    assert_eq!(give("+4930123456", &code()).await, Err(Reason::Expired), "once");
    let account = desk.account("alice");
    assert_eq!(account.mobile.as_deref(), Some("+4930123456"));
    assert!(account.mobile_confirmed.is_some());
    // Somebody else's number: the form waits for a code that nobody was sent.
    desk.pass(60);
    let sent = desk.letters_of(Template::SmsCode);
    desk.create(Wanted { mobile: Phone::parse("+4930999999").ok(), ..wanted("bob") }).await.unwrap();
    want("+4930999999").await.unwrap();
    assert_eq!(desk.letters_of(Template::SmsCode), sent);
    for _ in 0..5 {
        assert_eq!(give("+4930999999", "00000000").await, Err(Reason::SecondFactorWrong));
    }
    assert_eq!(give("+4930999999", "00000000").await, Err(Reason::Expired), "five tries");
}

/// Proves: ENR-4
#[tokio::test]
async fn a_change_of_address_can_be_stopped() {
    let desk = Desk::open();
    let id = desk.add("alice").await;
    let awaited = || desk.actions.awaited_email(&desk.call(), &own(&desk, id).authority).unwrap();
    assert_eq!(awaited(), None);
    want_email(&desk, id, "new@example.net").await.unwrap();
    assert_eq!(awaited().as_deref(), Some("new@example.net"));
    let token = desk.token(Template::ChangeEmailConfirm);
    desk.actions.stop_readdress(&desk.call(), own(&desk, id).authority).await.unwrap();
    assert_eq!(awaited(), None);
    let late = desk.actions.confirm_address(&desk.call(), token).await.unwrap_err();
    assert_eq!(late.reason, Reason::NothingToDo);
    assert_eq!(desk.account("alice").email.as_deref(), Some("alice@example.com"));
}
