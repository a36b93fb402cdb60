//! Letters to people: which, to whom, and with what in them. They leave with the transaction of the change they tell of.

use super::Actions;
use crate::{
    domain::{
        account::AccountRecord,
        fault::Fault,
        outbox::{self, Channel, Message, Template},
    },
    store::WriteTx,
    values::{id::AccountId, random::Random, secret::Secret, time::Timestamp},
};

/// A letter that is about to be written, with its share of chance.
#[derive(Clone, Copy)]
pub(super) struct Envelope {
    chance: Random<32>,
}

impl Actions {
    /// Chance for a letter, drawn before the transaction that may write it.
    pub(super) fn envelope(&self) -> Envelope {
        Envelope { chance: self.0.world.random() }
    }

    /// A page of ours with a token, as a link for a letter. The address is the configured one (security.md HDR-8).
    pub(super) fn token_link(&self, page: &str, token: &Secret<String>) -> String {
        self.link(&format!("{page}?token={}", token.expose()))
    }

    /// Puts a letter into the outbox, when there is one.
    pub(super) fn post(
        &self,
        tx: &mut WriteTx,
        letter: &Letter<'_>,
        envelope: Envelope,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let sent = match letter.template.channel() {
            Channel::Mail => self.wants_mail(),
            Channel::Sms => self.wants_sms(),
        };
        if !sent {
            return Ok(());
        }
        let mut values = letter.values.clone();
        if let Some(account) = letter.account {
            values.push(("name", account.1.display_name.clone()));
            values.push(("username", account.1.username.clone()));
        }
        let message = Message {
            template: letter.template,
            to: letter.to.to_owned(),
            language: None,
            account: letter.account.map(|(id, _)| id),
            values,
            not_after: letter.not_after,
        };
        outbox::enqueue(tx, &self.0.keyring, &message, now, envelope.chance)?;
        Ok(())
    }

    /// Tells the owner of an account something, if there is an address to tell it to.
    pub(super) fn tell(
        &self,
        tx: &mut WriteTx,
        owner: (AccountId, &AccountRecord),
        template: Template,
        values: Vec<(&'static str, String)>,
        envelope: Envelope,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Some(to) = &owner.1.email else { return Ok(()) };
        let letter = Letter { template, to, account: Some(owner), values, not_after: None };
        self.post(tx, &letter, envelope, now)
    }
}

/// A letter.
pub(super) struct Letter<'l> {
    /// Which.
    pub(super) template: Template,
    /// Address or number.
    pub(super) to: &'l str,
    /// Whose account it is about.
    pub(super) account: Option<(AccountId, &'l AccountRecord)>,
    /// What goes into it besides the account's names.
    pub(super) values: Vec<(&'static str, String)>,
    /// It says nothing after this.
    pub(super) not_after: Option<Timestamp>,
}
