//! What the operator does about messages.

use crate::{
    actions::{
        messages::Reader,
        testing::{Desk, operator},
    },
    domain::{
        audit::Event,
        outbox::{self, Channel, Language, Message, Template},
    },
    values::{email::EmailAddress, phone::Phone},
    world::SendError,
};

fn message() -> Message {
    Message {
        template: Template::ResetPassword,
        to: "ann@example.com".to_owned(),
        language: None,
        account: None,
        values: vec![
            ("link", "https://auth.example.com/x?token=abc".to_owned()),
            ("minutes", "30".to_owned()),
        ],
        not_after: None,
    }
}

async fn queue(desk: &Desk) {
    let (keyring, world) = (desk.actions.keyring(), desk.actions.world());
    let (now, chance) = (world.now(), world.random());
    let queued = desk.store.write(move |tx| outbox::enqueue(tx, &keyring, &message(), now, chance)).await;
    queued.unwrap();
}

fn ann() -> Reader {
    Reader::Mail(EmailAddress::parse("ann@example.com").unwrap())
}

#[tokio::test]
async fn a_test_message_goes_out_at_once_in_any_language() {
    let desk = Desk::open();
    let place = desk.actions.test_delivery(&desk.call(), &operator(), &ann(), Some(Language::Chinese)).await;
    assert_eq!(place.unwrap(), "a test");
    let letter = desk.levers.mail.take().remove(0);
    assert_eq!(letter.parts().subject, "Example 的测试邮件");
    let phone = Reader::Sms(Phone::parse("+491701234567").unwrap());
    desk.actions.test_delivery(&desk.call(), &operator(), &phone, None).await.unwrap();
    assert_eq!(desk.levers.sms.take()[0].text, "Example: this is a test.");
    assert_eq!(desk.count(Event::DeliveryTested), 2);
    assert!(desk.letters().is_empty(), "nothing is left in the outbox");
}

#[tokio::test]
async fn the_operator_hears_why_a_test_message_was_not_taken() {
    let desk = Desk::open();
    desk.levers.mail.refuse(SendError::Later("535 wrong password".to_owned()));
    let fault = desk.actions.test_delivery(&desk.call(), &operator(), &ann(), None).await.unwrap_err();
    assert!(fault.flaws[0].message.contains("535 wrong password"), "{fault:?}");
    assert_eq!(desk.count(Event::DeliveryTested), 0);
}

#[tokio::test]
async fn the_operator_sees_and_retries_what_was_given_up() {
    let desk = Desk::open();
    queue(&desk).await;
    queue(&desk).await;
    assert_eq!(desk.letters_of(Template::ResetPassword), 2);
    assert!(desk.actions.messages_waiting().contains(&("mail", 2)));
    let now = desk.call().now;
    let give_up = move |tx: &mut crate::store::WriteTx| {
        for leased in outbox::lease(tx, Channel::Mail, now, std::time::Duration::from_mins(1), 1)?.messages {
            outbox::failed(tx, &leased, "550 no", None, now)?;
        }
        Ok::<_, crate::store::StoreError>(())
    };
    desk.store.write(give_up).await.unwrap();
    let listed = desk.actions.messages(&operator(), false, None, 10).unwrap();
    assert_eq!(listed.len(), 2);
    let (dead, _) = listed.iter().find(|(_, record)| record.error.is_some()).unwrap();
    assert!(desk.actions.messages_waiting().contains(&("mail", 1)));
    let retry = async |which| desk.actions.retry_messages(&desk.call(), &operator(), which).await;
    assert_eq!(retry(Some(*dead)).await.unwrap(), 1);
    assert_eq!(retry(None).await.unwrap(), 2);
    assert!(desk.actions.messages_waiting().contains(&("mail", 2)));
    assert_eq!(desk.count(Event::MessagesRetried), 2);
}

#[test]
fn links_begin_with_the_portals_public_address() {
    let desk = Desk::open();
    assert_eq!(desk.actions.link("/reset?token=a"), "https://auth.example.com/reset?token=a");
    assert!(desk.actions.wants_mail() && desk.actions.wants_sms());
}
