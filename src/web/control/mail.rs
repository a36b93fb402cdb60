//! Carrying out commands about messages.

use super::{
    command::{Command, MessageView, Reply},
    execute::{MOST_ROWS, flaw, parsed},
};
use crate::{
    actions::{Actions, messages::Reader},
    domain::{
        call::Call,
        fault::{Fault, Field},
        outbox::{Language, OutboxRecord, State},
        rights::Permit,
    },
    values::{email::EmailAddress, id::MessageId, phone::Phone},
};

pub(super) async fn run(
    actions: &Actions,
    call: &Call,
    permit: &Permit,
    command: Command,
) -> Result<Reply, Fault> {
    match command {
        Command::MailTest { to, language } => {
            let to = if to.starts_with('+') {
                Reader::Sms(Phone::parse(&to).map_err(|error| flaw(Field::Mobile, error))?)
            } else {
                Reader::Mail(EmailAddress::parse(&to).map_err(|error| flaw(Field::Email, error))?)
            };
            let language = language.map(|tag| {
                Language::of_tag(&tag).ok_or_else(|| flaw(Field::Body, "the languages are en and zh"))
            });
            let place = actions.test_delivery(call, permit, &to, language.transpose()?).await?;
            Ok(Reply::Done(format!("The message was handed to {place}.")))
        }
        Command::MailQueue { all, after } => {
            let after = after.map(|id| parsed(&id, Field::Page)).transpose()?;
            let messages = actions.messages(permit, all, after, MOST_ROWS)?;
            Ok(Reply::Messages(messages.iter().map(MessageView::from).collect()))
        }
        Command::MailRetry { message } => {
            let which = message.map(|id| parsed(&id, Field::Body)).transpose()?;
            match (actions.retry_messages(call, permit, which).await?, which) {
                (0, Some(_)) => Err(flaw(Field::Body, "no message with this id waits or was given up")),
                (1, _) => Ok(Reply::Done("1 message is tried again as soon as the server runs.".to_owned())),
                (count, _) => {
                    Ok(Reply::Done(format!("{count} messages are tried again as soon as the server runs.")))
                }
            }
        }
        _ => Err(Fault::broken("not a command about messages")),
    }
}

impl From<&(MessageId, OutboxRecord)> for MessageView {
    fn from((id, record): &(MessageId, OutboxRecord)) -> Self {
        let (State::Waiting { due: at }
        | State::Leased { until: at }
        | State::Delivered { at }
        | State::Dead { at }) = record.state;
        Self {
            id: id.to_string(),
            template: record.template.as_str().to_owned(),
            channel: record.template.channel().as_str().to_owned(),
            to: record.to.clone(),
            state: record.state.as_str().to_owned(),
            created: record.created.rfc3339(),
            at: at.rfc3339(),
            attempts: record.attempts,
            error: record.error.clone(),
        }
    }
}
