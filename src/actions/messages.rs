//! What the operator does about messages: tries out delivery, looks at the outbox, has messages tried again.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    actions::Actions,
    domain::{
        audit::{self, Entry, Event},
        call::Call,
        fault::{Fault, Field},
        letters::Written,
        outbox::{self, Channel, Language, OutboxRecord, Template},
        rights::Permit,
    },
    values::{email::EmailAddress, id::MessageId, phone::Phone},
    world::{
        mail::{Letter, Parts},
        sms::Text,
    },
};

/// Who reads a test message.
#[derive(Clone, Debug)]
pub enum Reader {
    /// Whoever has this address.
    Mail(EmailAddress),
    /// Whoever has this number.
    Sms(Phone),
}

/// Longest time for trying out delivery.
const PATIENCE: Duration = Duration::from_secs(25);
/// Messages are counted up to this many.
const COUNTED: usize = 10_000;

impl Actions {
    /// Sends a test message at once, beside the outbox, so that the operator hears what the other side says. Returns where it
    /// went.
    pub async fn test_delivery(
        &self,
        call: &Call,
        permit: &Permit,
        to: &Reader,
        language: Option<Language>,
    ) -> Result<String, Fault> {
        let sending = async {
            match to {
                Reader::Mail(address) => self.test_mail(call, address, language).await,
                Reader::Sms(number) => self.test_sms(call, number, language).await,
            }
        };
        let place = timeout(PATIENCE, sending).await.map_err(|_| refusal("it took too long"))??;
        // Whom the operator wrote to is nobody's business in the trail.
        let entry = Entry::done(Event::DeliveryTested, permit.actor(), call).detail(&place);
        self.0.store.write(move |tx| audit::append(tx, &entry).map_err(Fault::from)).await?;
        Ok(place)
    }

    async fn test_mail(
        &self,
        call: &Call,
        to: &EmailAddress,
        language: Option<Language>,
    ) -> Result<String, Fault> {
        let mail = self.0.world.mail();
        if !mail.is_set_up() {
            return Err(refusal("no delivery of mail is configured: set mail.delivery"));
        }
        let written = self.written(call, Template::Test, language)?;
        let letter = Letter::new(Parts {
            id: MessageId::mint(call.now, self.0.world.random()),
            kind: Template::Test.as_str(),
            language: written.language.tag(),
            to: to.as_str().to_owned(),
            subject: written.subject,
            text: written.text,
            html: written.html,
            at: call.now,
        });
        let letter = letter.map_err(|error| refusal(error.to_string()))?;
        let place = mail.describe();
        mail.send(&letter).await.map_err(|error| refusal(format!("{place} did not take it: {error}")))?;
        Ok(place)
    }

    async fn test_sms(&self, call: &Call, to: &Phone, language: Option<Language>) -> Result<String, Fault> {
        let sms = self.0.world.sms();
        if !sms.is_set_up() {
            return Err(refusal("no SMS gateway is configured: set sms.delivery"));
        }
        let written = self.written(call, Template::SmsTest, language)?;
        let id = MessageId::mint(call.now, self.0.world.random());
        let text = Text { id, to: to.as_str().to_owned(), text: written.text };
        let place = sms.describe();
        sms.send(&text).await.map_err(|error| refusal(format!("{place} did not take it: {error}")))?;
        Ok(place)
    }

    fn written(&self, call: &Call, template: Template, language: Option<Language>) -> Result<Written, Fault> {
        let values = [("time".to_owned(), call.now.rfc3339())];
        self.settings().letters.write(template, language, &values).map_err(Fault::broken)
    }

    /// The messages that are not delivered, or all that are still kept; oldest first, behind `after`.
    pub fn messages(
        &self,
        _: &Permit,
        delivered_too: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<(MessageId, OutboxRecord)>, Fault> {
        Ok(self.0.store.read(|tx| outbox::list(tx, delivered_too, after, limit))?)
    }

    /// Has a message tried again now, or all that wait or were given up. Returns how many.
    pub async fn retry_messages(
        &self,
        call: &Call,
        permit: &Permit,
        which: Option<MessageId>,
    ) -> Result<usize, Fault> {
        let now = call.now;
        let entry = Entry::done(Event::MessagesRetried, permit.actor(), call);
        self.0
            .store
            .write(move |tx| {
                let count = outbox::retry(tx, which, now)?;
                if count > 0 {
                    audit::append(tx, &entry.clone().detail(format!("{count} messages")))?;
                }
                Ok::<_, Fault>(count)
            })
            .await
    }

    /// How many messages wait, by channel. Nothing when the store cannot be read.
    pub fn messages_waiting(&self) -> Vec<(&'static str, u64)> {
        let waiting = |channel: Channel| {
            let count = self.0.store.read(|tx| outbox::waiting(tx, channel, COUNTED)).ok()?;
            Some((channel.as_str(), count as u64))
        };
        Channel::ALL.into_iter().filter_map(waiting).collect()
    }
}

/// For the operator, who may know the cause.
fn refusal(message: impl Into<String>) -> Fault {
    Fault::malformed(Field::Body, message.into())
}
