//! Delivery: once when all goes well, again when it does not, never for ever.

use std::{collections::HashSet, sync::Mutex};

use super::*;
use crate::{
    crypto::keys::MasterKey,
    domain::{
        audit::{self, Event},
        letters::Brand,
        outbox::{Language, Message, State, Template},
    },
    values::url::WebUrl,
    world::Levers,
};

struct Office {
    postman: Postman,
    levers: Levers,
    fates: Arc<Mutex<Vec<Fate>>>,
}

fn letters() -> Letters {
    Letters::new(Brand {
        service: "Example".to_owned(),
        portal: WebUrl::parse("https://login.example.com").unwrap(),
        language: Language::English,
    })
}

fn office_in(store: Store, (world, levers): (World, Levers)) -> Office {
    let keyring = Arc::new(Keyring::new(&MasterKey::generate(Random::new([9; 32]))));
    let fates = Arc::new(Mutex::new(Vec::new()));
    let heard = fates.clone();
    let observe: Observer = Arc::new(move |_, fate| heard.lock().unwrap().push(fate));
    Office { postman: Postman::new(store, world, keyring, Arc::new(letters), observe), levers, fates }
}

fn office() -> Office {
    office_in(Store::in_memory(), World::fake())
}

fn message() -> Message {
    Message {
        template: Template::EmailCode,
        to: "ann@example.com".to_owned(),
        language: None,
        account: None,
        values: vec![("code", "83920175".to_owned()), ("minutes", "5".to_owned())],
        not_after: None,
    }
}

impl Office {
    async fn queue(&self, message: Message) {
        let Postman { store, keyring, world, .. } = &self.postman;
        let (keyring, now, chance) = (keyring.clone(), world.now(), world.random());
        store.write(move |tx| outbox::enqueue(tx, &keyring, &message, now, chance)).await.unwrap();
    }

    async fn round(&self) -> usize {
        self.postman.round(Channel::Mail).await.unwrap()
    }

    fn records(&self) -> Vec<OutboxRecord> {
        let rows = self.postman.store.read(|tx| outbox::list(tx, true, None, 100)).unwrap();
        rows.into_iter().map(|(_, record)| record).collect()
    }

    fn pass(&self, span: Duration) {
        self.levers.clock.advance(span);
    }
}

fn later() -> SendError {
    SendError::Later("451 not now".to_owned())
}

#[tokio::test]
async fn a_queued_message_is_written_and_sent_once() {
    let office = office();
    office.queue(message()).await;
    assert_eq!(office.round().await, 1);
    let letter = office.levers.mail.take().remove(0);
    let Parts { to, subject, text, html, kind, .. } = letter.parts();
    assert_eq!(
        (to.as_str(), subject.as_str(), *kind),
        ("ann@example.com", "Your code for Example", "email-code")
    );
    assert!(text.contains("83920175") && html.contains("83920175"));
    assert_eq!(office.round().await, 0);
    assert!(office.levers.mail.all().is_empty());
    assert_eq!(*office.fates.lock().unwrap(), [Fate::Delivered]);
    assert!(matches!(office.records()[0].state, State::Delivered { .. }));
}

#[tokio::test]
async fn an_sms_goes_by_its_own_channel() {
    let office = office();
    let to = "+491701234567".to_owned();
    office
        .queue(Message { template: Template::SmsCode, to, language: Some(Language::Chinese), ..message() })
        .await;
    assert_eq!(office.round().await, 0);
    assert_eq!(office.postman.round(Channel::Sms).await.unwrap(), 1);
    let text = office.levers.sms.take().remove(0);
    assert_eq!(text.to, "+491701234567");
    assert!(text.text.contains("83920175") && text.text.contains("验证码"), "{}", text.text);
}

/// The waits grow and differ; after the last attempt the message is given up, and the audit trail says so.
///
/// Proves: OUT-3
#[tokio::test]
async fn a_message_that_fails_is_tried_again_and_then_given_up() {
    let office = office();
    office.queue(message()).await;
    let mut waits = Vec::new();
    for attempt in 1..=ATTEMPTS {
        office.levers.mail.refuse(later());
        assert_eq!(office.round().await, 1, "attempt {attempt}");
        assert_eq!(office.round().await, 0, "no second attempt before its time");
        let record = office.records().remove(0);
        assert_eq!((record.attempts, record.error.as_deref()), (attempt, Some("451 not now")));
        if let State::Waiting { due } = record.state {
            let wait = due.since(office.postman.world.now());
            waits.push(wait.as_secs());
            office.pass(wait);
        }
    }
    assert!(matches!(office.records()[0].state, State::Dead { .. }));
    for (wait, about) in waits.iter().zip([15, 240, 3840]) {
        assert!((about * 3 / 4..=about * 5 / 4).contains(wait), "{waits:?}");
    }
    assert_eq!(waits.len(), 3);
    office.pass(Duration::from_hours(24));
    assert_eq!(office.round().await, 0);
    let told = office.postman.store.read(|tx| audit::recent(tx, None, None, 10)).unwrap();
    assert_eq!(told.iter().filter(|entry| entry.event == Event::MessageGivenUp).count(), 1);
    assert_eq!(*office.fates.lock().unwrap(), [Fate::Failed, Fate::Failed, Fate::Failed, Fate::GivenUp]);
}

#[test]
fn waits_are_spread() {
    let now = Timestamp::from_secs(0);
    let at = |chance| next_attempt(1, now, Random::new(chance)).unwrap().millis();
    assert_eq!((at([0, 0]), at([0xff, 0xff])), (11_250, 18_750));
    assert_eq!(next_attempt(ATTEMPTS, now, Random::new([0, 0])), None);
}

#[tokio::test]
async fn a_refusal_for_good_is_not_tried_again() {
    let office = office();
    office.queue(message()).await;
    office.levers.mail.refuse(SendError::Never("550 no such user".to_owned()));
    assert_eq!(office.round().await, 1);
    assert!(matches!(office.records()[0].state, State::Dead { .. }));
    // The operator has put it right.
    let now = office.postman.world.now();
    office.postman.store.write(move |tx| outbox::retry(tx, None, now)).await.unwrap();
    assert_eq!(office.round().await, 1);
    assert_eq!(office.levers.mail.take().len(), 1);
}

#[tokio::test]
async fn what_would_come_too_late_is_not_waited_for() {
    let office = office();
    let now = office.postman.world.now();
    office.queue(Message { not_after: Some(now + Duration::from_secs(5)), ..message() }).await;
    office.levers.mail.refuse(later());
    office.round().await;
    assert!(matches!(office.records()[0].state, State::Dead { .. }));
    office.queue(Message { not_after: Some(now + Duration::from_secs(5)), ..message() }).await;
    office.pass(Duration::from_secs(6));
    office.round().await;
    assert_eq!(office.records().len(), 1, "the second one is gone");
    assert!(office.levers.mail.take().is_empty());
    assert_eq!(office.fates.lock().unwrap().last(), Some(&Fate::Expired));
}

#[tokio::test]
async fn words_that_lack_a_value_give_the_message_up() {
    let office = office();
    office.queue(Message { values: Vec::new(), ..message() }).await;
    office.round().await;
    assert_eq!(office.records()[0].error.as_deref(), Some("the value `code` is missing"));
}

/// The program ended between taking a message and writing down its end: the message goes again, under the same id.
#[tokio::test]
async fn what_a_dead_worker_had_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let world = World::fake();
    let leased = {
        let store = Store::open(&crate::store::Settings::at(&path)).unwrap();
        let office = office_in(store.clone(), world.clone());
        office.queue(message()).await;
        let now = office.postman.world.now();
        let batch = store.write(move |tx| outbox::lease(tx, Channel::Mail, now, TERM, 1)).await.unwrap();
        store.close();
        batch.messages[0].clone()
    };
    let store = Store::open(&crate::store::Settings::at(&path)).unwrap();
    let office = office_in(store, world);
    assert_eq!(office.round().await, 0, "the dead worker still has it");
    office.pass(TERM);
    assert_eq!(office.round().await, 1);
    let letter = office.levers.mail.take().remove(0);
    assert_eq!(letter.parts().id, leased.id);
    // Should the other one be alive after all, it has no say any more.
    let now = office.postman.world.now();
    let late =
        office.postman.store.write(move |tx| outbox::failed(tx, &leased, "late", None, now)).await.unwrap();
    assert_eq!(late, Ending::Stale);
}

/// Any number of workers: every message is sent by one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_workers_send_each_message_once() {
    let office = office();
    for _ in 0..50 {
        office.queue(message()).await;
    }
    let rounds: Vec<_> = (0..8).map(|_| office.postman.clone()).collect();
    let rounds = rounds.iter().map(|postman| postman.round(Channel::Mail));
    for round in join_all(rounds).await {
        round.unwrap();
    }
    let sent = office.levers.mail.take();
    let different: HashSet<_> = sent.iter().map(|letter| letter.parts().id).collect();
    assert_eq!((sent.len(), different.len()), (50, 50));
}

#[tokio::test]
async fn a_worker_is_woken_by_a_new_message_and_not_before() {
    let office = office();
    let mut waiting = Box::pin(office.postman.wait(Channel::Mail));
    assert!(futures_util::poll!(&mut waiting).is_pending(), "nothing is due");
    office.queue(message()).await;
    waiting.await.unwrap();
    office.round().await;
    // What it wrote itself is news, too; after that it is quiet.
    office.postman.wait(Channel::Mail).await.unwrap();
    assert_eq!(office.round().await, 0);
    assert!(futures_util::poll!(Box::pin(office.postman.wait(Channel::Mail))).is_pending());
}

/// A house that sends nothing does not gather messages.
///
/// Proves: OPS-16
#[tokio::test]
async fn without_a_way_to_send_messages_are_not_kept() {
    let store = Store::in_memory();
    let (_, levers) = World::fake();
    let office = office_in(store, (World::real(), levers));
    for _ in 0..3 {
        office.queue(message()).await;
    }
    assert_eq!(office.round().await, 3);
    assert!(office.records().is_empty());
}

/// What was written to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Neither the code nor whom it was for stands in the log, whatever becomes of the message.
///
/// Proves: OPS-18
#[tokio::test]
async fn the_log_tells_no_code_and_no_address() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(lines);
    let office = office();
    for refusal in [None, Some(later()), Some(SendError::Never("550 no".to_owned()))] {
        if let Some(refusal) = refusal {
            office.levers.mail.refuse(refusal);
        }
        office.queue(message()).await;
        office.round().await;
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for word in ["message delivered", "it will be tried again", "message given up", "email-code"] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
    assert!(!text.contains("83920175") && !text.contains("ann@"), "{text}");
}
