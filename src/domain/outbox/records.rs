//! Stored messages: queueing, leasing, what became of them.

use std::{ops::ControlFlow, time::Duration};

use minicbor::{Decode, Encode};

use super::model::{Channel, Language, Message, Template, Values};
use crate::{
    crypto::{
        digest::sha256,
        mac::framed,
        seal::{NotOurs, Place},
    },
    domain::{
        audit::{self, Entry, Event},
        call::{Call, RequestId},
        keyring::Keyring,
    },
    store::{Index, KeyBuf, Reading, Record, StoreError, Table, WriteTx},
    values::{
        id::{AccountId, MessageId},
        random::Random,
        time::Timestamp,
    },
};

/// All messages, in the order they were queued.
pub const OUTBOX: Table<OutboxRecord> = Table::new();

/// What still has to be looked at, by channel and when.
const DUE: Index<OutboxRecord> = Index::ordered("due", |record, keys| {
    if let Some(due) = record.due() {
        keys.add().u8(record.template.channel().number()).time(due);
    }
});

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum State {
    /// It waits for its next attempt.
    #[n(0)]
    Waiting {
        /// Not before this moment.
        #[n(0)]
        due: Timestamp,
    },
    /// A worker has it.
    #[n(1)]
    Leased {
        /// When it is anybody's again, because the worker must have died.
        #[n(0)]
        until: Timestamp,
    },
    /// It was handed over. Kept for a while without what was filled in, for the operator to see.
    #[n(2)]
    Delivered {
        /// When.
        #[n(0)]
        at: Timestamp,
    },
    /// It was given up, and is kept for the operator to look at and to retry.
    #[n(3)]
    Dead {
        /// When.
        #[n(0)]
        at: Timestamp,
    },
}

impl State {
    /// The word for lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Leased { .. } => "sending",
            Self::Delivered { .. } => "delivered",
            Self::Dead { .. } => "given up",
        }
    }
}

/// A message as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OutboxRecord {
    /// What it says.
    #[n(0)]
    pub template: Template,
    /// Where to.
    #[n(1)]
    pub to: String,
    /// In which language, when the account has one of its own.
    #[n(2)]
    pub language: Option<Language>,
    /// Whose account it is about.
    #[n(3)]
    pub account: Option<AccountId>,
    /// What is filled in, sealed; empty once it was delivered, or was given up and is of no use any more.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
    /// When it was queued.
    #[n(5)]
    pub created: Timestamp,
    /// When it is of no use any more.
    #[n(6)]
    pub not_after: Option<Timestamp>,
    /// Where it stands.
    #[n(7)]
    pub state: State,
    /// Attempts begun, the present one included.
    #[n(8)]
    pub attempts: u32,
    /// Why the last attempt failed.
    #[n(9)]
    pub error: Option<String>,
}

impl OutboxRecord {
    const fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { due } => Some(due),
            State::Leased { until } => Some(until),
            State::Delivered { .. } | State::Dead { .. } => None,
        }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.not_after.is_some_and(|end| now >= end)
    }

    /// Forgets what a message says that was given up and is of no use any more: no retry needs it, and it may hold a link or a code
    /// (security.md OPS-18). Returns whether there was anything.
    fn hush(&mut self, now: Timestamp) -> bool {
        let over = matches!(self.state, State::Dead { .. }) && self.is_over(now);
        over && !std::mem::take(&mut self.sealed).is_empty()
    }
}

impl Record for OutboxRecord {
    type Key = MessageId;
    const SPACE: &'static str = "outbox";
    const INDEXES: &'static [Index<Self>] = &[DUE];
}

/// Longest kept error, in characters.
const ERROR_LIMIT: usize = 300;

/// Queues a message in the caller's transaction: it is sent exactly when the change it tells of was made. `chance` must be
/// fresh for every message.
///
/// A message with a line break in its address or in a value is kept as given up and told of in the audit trail, not sent
/// (security.md OUT-4): the change itself is no worse for it.
pub fn enqueue(
    tx: &mut WriteTx,
    keyring: &Keyring,
    message: &Message,
    now: Timestamp,
    chance: Random<32>,
) -> Result<(), StoreError> {
    let id = MessageId::mint(now, id_chance(chance));
    let flaw = message.flaw();
    let record = OutboxRecord {
        template: message.template,
        to: printable(&message.to),
        language: message.language,
        account: message.account,
        sealed: seal(keyring, id, &message.values, chance)?,
        created: now,
        not_after: message.not_after,
        state: if flaw.is_some() { State::Dead { at: now } } else { State::Waiting { due: now } },
        attempts: 0,
        error: flaw,
    };
    OUTBOX.set(tx, &id, &record)?;
    if matches!(record.state, State::Dead { .. }) {
        tell(tx, id, &record, now)?;
    }
    Ok(())
}

/// Ten bytes for the id, which must not give away the salt of the seal.
fn id_chance(chance: Random<32>) -> Random<10> {
    let digest = sha256(&framed(&[b"outbox id", chance.bytes()]));
    Random::new(digest.first_chunk().copied().unwrap_or_default())
}

fn seal(
    keyring: &Keyring,
    id: MessageId,
    values: &[(&'static str, String)],
    chance: Random<32>,
) -> Result<Vec<u8>, StoreError> {
    let values: Vec<(&str, zeroize::Zeroizing<String>)> =
        values.iter().map(|(name, value)| (*name, zeroize::Zeroizing::new(Message::plain(value)))).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let plain = minicbor::to_vec(values)
        .map_err(|error| StoreError::Corrupt(format!("a message cannot be written: {error}")))?;
    let plain = zeroize::Zeroizing::new(plain);
    Ok(keyring.outbox().seal(chance, &place(&id), &plain))
}

fn place(id: &MessageId) -> Place<'_> {
    Place { table: OutboxRecord::SPACE, column: "values", row: id.bytes() }
}

/// What is to be filled in. Fails when the message was sealed under another master key, or altered.
pub fn open(keyring: &Keyring, id: MessageId, record: &OutboxRecord) -> Result<Values, NotOurs> {
    let plain = keyring.outbox().open(&place(&id), &record.sealed)?;
    minicbor::decode(plain.expose()).map_err(|_| NotOurs)
}

/// A message in a worker's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// Which.
    pub id: MessageId,
    /// The message. Its `attempts` is the number of this lease.
    pub record: OutboxRecord,
}

/// What a lease gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// To be sent.
    pub messages: Vec<Leased>,
    /// Removed, because they were of no use any more.
    pub expired: usize,
}

/// Leases up to `limit` messages of a channel that are due, the longest waiting first. Nobody else gets them before `now + term`.
pub fn lease(
    tx: &mut WriteTx,
    channel: Channel,
    now: Timestamp,
    term: Duration,
    limit: usize,
) -> Result<Batch, StoreError> {
    let mut prefix = KeyBuf::new();
    prefix.u8(channel.number());
    let mut batch = Batch::default();
    for (id, mut record) in OUTBOX.list(tx, &DUE, &prefix, None, limit)?.items {
        if record.due().is_none_or(|due| due > now) {
            break;
        }
        if record.is_over(now) {
            OUTBOX.take(tx, &id)?;
            batch.expired += 1;
            continue;
        }
        record.state = State::Leased { until: now + term };
        record.attempts = record.attempts.saturating_add(1);
        OUTBOX.set(tx, &id, &record)?;
        batch.messages.push(Leased { id, record });
    }
    Ok(batch)
}

/// When the next message of a channel is due; that may be in the past.
pub fn due(tx: &impl Reading, channel: Channel) -> Result<Option<Timestamp>, StoreError> {
    let mut prefix = KeyBuf::new();
    prefix.u8(channel.number());
    let first = OUTBOX.list(tx, &DUE, &prefix, None, 1)?.items.pop();
    Ok(first.and_then(|(_, record)| record.due()))
}

/// Removes up to `limit` messages of a channel that are due, because there is no way to send them. Returns how many.
pub fn discard(
    tx: &mut WriteTx,
    channel: Channel,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut prefix = KeyBuf::new();
    prefix.u8(channel.number());
    let mut count = 0;
    for (id, record) in OUTBOX.list(tx, &DUE, &prefix, None, limit)?.items {
        if record.due().is_some_and(|due| due <= now) {
            OUTBOX.take(tx, &id)?;
            count += 1;
        }
    }
    Ok(count)
}

/// What a worker's report led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It stands as reported.
    Noted,
    /// The lease had run out and somebody else took over, or the message is gone: the report does not count.
    Stale,
}

/// The worker of this lease delivered the message.
pub fn delivered(tx: &mut WriteTx, lease: &Leased, now: Timestamp) -> Result<Ending, StoreError> {
    let Some(mut record) = still_leased(tx, lease)? else { return Ok(Ending::Stale) };
    record.state = State::Delivered { at: now };
    record.sealed = Vec::new();
    record.error = None;
    OUTBOX.set(tx, &lease.id, &record)?;
    Ok(Ending::Noted)
}

/// The worker of this lease failed: to be tried again at `again`, or given up, which the audit trail tells of.
pub fn failed(
    tx: &mut WriteTx,
    lease: &Leased,
    error: &str,
    again: Option<Timestamp>,
    now: Timestamp,
) -> Result<Ending, StoreError> {
    let Some(mut record) = still_leased(tx, lease)? else { return Ok(Ending::Stale) };
    record.state = again.map_or(State::Dead { at: now }, |due| State::Waiting { due });
    record.error = Some(printable(error));
    record.hush(now);
    OUTBOX.set(tx, &lease.id, &record)?;
    if again.is_none() {
        tell(tx, lease.id, &record, now)?;
    }
    Ok(Ending::Noted)
}

fn still_leased(tx: &WriteTx, lease: &Leased) -> Result<Option<OutboxRecord>, StoreError> {
    let record = OUTBOX.get(tx, &lease.id)?;
    Ok(record.filter(|record| {
        matches!(record.state, State::Leased { .. }) && record.attempts == lease.record.attempts
    }))
}

/// Puts a message, or all that wait or were given up, in line for an attempt now. Returns how many.
pub fn retry(tx: &mut WriteTx, which: Option<MessageId>, now: Timestamp) -> Result<usize, StoreError> {
    let rows = match which {
        Some(id) => OUTBOX.get(tx, &id)?.map(|record| (id, record)).into_iter().collect(),
        None => OUTBOX.range(tx, None, usize::MAX)?,
    };
    let mut count = 0;
    for (id, mut record) in rows {
        let open = match record.state {
            State::Waiting { .. } => true,
            // What was refused for its fields stays refused.
            State::Dead { .. } => record.attempts > 0,
            State::Leased { .. } | State::Delivered { .. } => false,
        };
        if open && !record.is_over(now) {
            record.state = State::Waiting { due: now };
            record.attempts = 0;
            OUTBOX.set(tx, &id, &record)?;
            count += 1;
        }
    }
    Ok(count)
}

/// The messages that are not delivered, oldest first, or all that are still kept; behind `after`.
pub fn list(
    tx: &impl Reading,
    delivered_too: bool,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<(MessageId, OutboxRecord)>, StoreError> {
    let mut found = Vec::new();
    let span = after.map_or_else(crate::store::Span::all, |id| {
        crate::store::Span::all().after(KeyBuf::of(&id).as_bytes())
    });
    OUTBOX.visit(tx, &span, crate::store::Direction::Forward, |id, record| {
        if delivered_too || !matches!(record.state, State::Delivered { .. }) {
            found.push((id, record));
        }
        if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// How many messages of a channel wait or are being sent, counted up to `most`.
pub fn waiting(tx: &impl Reading, channel: Channel, most: usize) -> Result<usize, StoreError> {
    let mut prefix = KeyBuf::new();
    prefix.u8(channel.number());
    Ok(OUTBOX.list(tx, &DUE, &prefix, None, most)?.items.len())
}

/// How long what is over is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepTimes {
    /// Delivered messages, which hold nothing but their address and what they were about.
    pub delivered: Duration,
    /// Messages that were given up.
    pub dead: Duration,
}

impl Default for SweepTimes {
    fn default() -> Self {
        Self { delivered: Duration::from_hours(24), dead: Duration::from_hours(30 * 24) }
    }
}

/// Looks at up to `limit` messages behind `cursor`, removes those that were kept long enough (security.md OPS-16), and forgets what those say
/// that were given up and are of no use; the next
/// cursor, `None` at the end, and how many went.
pub fn sweep(
    tx: &mut WriteTx,
    cursor: Option<MessageId>,
    limit: usize,
    now: Timestamp,
    times: &SweepTimes,
) -> Result<(Option<MessageId>, usize), StoreError> {
    let rows = OUTBOX.range(tx, cursor.as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(id, _)| *id) };
    let mut removed = 0;
    for (id, mut record) in rows {
        let over = match record.state {
            State::Waiting { .. } => record.is_over(now),
            State::Leased { .. } => false,
            State::Delivered { at } => now.since(at) >= times.delivered,
            State::Dead { at } => now.since(at) >= times.dead,
        };
        if over {
            OUTBOX.take(tx, &id)?;
            removed += 1;
        } else if record.hush(now) {
            OUTBOX.set(tx, &id, &record)?;
        }
    }
    Ok((next, removed))
}

/// The audit trail tells of a message that was given up: which and why, never what it said.
fn tell(tx: &mut WriteTx, id: MessageId, record: &OutboxRecord, now: Timestamp) -> Result<(), StoreError> {
    let call = Call::inside(now, RequestId::new(format!("message-{id}")));
    let why = record.error.as_deref().unwrap_or_default();
    let mut entry = Entry::refused(Event::MessageGivenUp, "vouchsafe", &call).detail(format!(
        "{} {}: {why}",
        record.template.channel().as_str(),
        record.template.as_str()
    ));
    if let Some(account) = record.account {
        entry = entry.about(account);
    }
    audit::append(tx, &entry)
}

/// What a server said, without what could break a line.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ERROR_LIMIT).collect()
}
