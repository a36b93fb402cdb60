//! How often we send something to somebody: a pause between two messages, and so many in an hour, per receiver, per source and for the
//! whole house (security.md section 2, resend; ASVS 6.6.3).
//!
//! Sources and receivers are counted in the transaction that would send, whether or not there is anybody to send to, so that counting tells
//! nothing (THR-8). The house is counted when something is really posted, and twice over: what anybody may cause must not use up what people
//! need who sign in.

use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::{
    crypto::{digest::sha256, mac::framed},
    domain::call::Call,
    store::{Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, net::SourceKey, time::Timestamp},
};

const PACES: Table<PaceRecord> = Table::new();

/// The limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaceRules {
    /// The pause between two messages to one receiver.
    pub cooldown: Duration,
    /// Messages to one receiver in an hour.
    pub per_receiver: u32,
    /// Messages that one source (IPv4 /32, IPv6 /64) may cause in an hour.
    pub per_source: u32,
    /// Messages of the whole house in an hour: so many that anybody may cause, and as many again for people who have shown who they are.
    pub house: u32,
}

impl Default for PaceRules {
    fn default() -> Self {
        Self { cooldown: Duration::from_mins(1), per_receiver: 5, per_source: 20, house: 1000 }
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A link instead of the password.
    Recover,
    /// A link that confirms the address of a registration.
    Confirm,
    /// To an administrator: somebody waits.
    Approval,
    /// A code by e-mail for a second factor.
    EmailCode,
    /// A code by SMS for a second factor.
    SmsCode,
    /// A link to the new address of an account.
    Address,
    /// A code to the new mobile number of an account.
    Mobile,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Recover => "recover",
            Self::Confirm => "confirm",
            Self::Approval => "approval",
            Self::EmailCode => "email",
            Self::SmsCode => "sms",
            Self::Address => "address",
            Self::Mobile => "mobile",
        }
    }

    /// The share of the house it is paid from: what anybody may cause, or what somebody asks who has proven something.
    const fn share(self) -> &'static str {
        match self {
            Self::Recover | Self::Confirm | Self::Approval => "anybody",
            Self::EmailCode | Self::SmsCode | Self::Address | Self::Mobile => "known",
        }
    }
}

/// Who would receive it.
#[derive(Clone, Copy, Debug)]
pub enum Receiver<'a> {
    /// An account.
    Account(AccountId),
    /// An address without an account, as compared.
    Address(&'a str),
}

/// Whether it may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It may, and is counted.
    Go,
    /// The receiver (or the house) had enough for now. Whoever asked is told nothing of it.
    Enough(Duration),
    /// The source has asked too often and may be told when to come back.
    Wait(Duration),
}

/// A counter as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct PaceRecord {
    /// When the hour began.
    #[n(0)]
    since: Timestamp,
    /// How many since then.
    #[n(1)]
    count: u32,
    /// The latest.
    #[n(2)]
    latest: Timestamp,
}

impl Record for PaceRecord {
    type Key = PaceKey;
    const SPACE: &'static str = "paces";
}

struct PaceKey([u8; 32]);

impl PaceKey {
    fn receiver(kind: Kind, receiver: Receiver<'_>) -> Self {
        let kind = kind.as_str().as_bytes();
        match receiver {
            Receiver::Account(id) => Self::of(&[b"account", kind, id.bytes()]),
            Receiver::Address(address) => Self::of(&[b"address", kind, address.as_bytes()]),
        }
    }

    /// None where there is no address. What anybody may ask for does not use up what the people behind the same address need to sign in.
    fn source(kind: Kind, call: &Call) -> Option<Self> {
        let source = call.client.map(|_| SourceKey::of(call.client))?;
        Some(Self::of(&[b"source", kind.share().as_bytes(), format!("{source:?}").as_bytes()]))
    }

    fn house(kind: Kind) -> Self {
        Self::of(&[b"house", kind.share().as_bytes()])
    }

    fn of(parts: &[&[u8]]) -> Self {
        Self(sha256(&framed(parts)))
    }
}

impl Key for PaceKey {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(&self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.bytes().map(Self)
    }
}

const WINDOW: Duration = Duration::from_hours(1);

/// Asks whether a message of this kind may be sent, and counts the asking. Whoever then posts it says so to [`posted`].
pub fn pace(
    tx: &mut WriteTx,
    rules: &PaceRules,
    kind: Kind,
    receiver: Receiver<'_>,
    call: &Call,
) -> Result<Pace, StoreError> {
    match pace_source(tx, rules, kind, call)? {
        Some(wait) => Ok(Pace::Wait(wait)),
        None => pace_of(tx, rules, kind, receiver, call.now),
    }
}

/// The source's part of it: how long it has to wait; if it has not, this asking is counted. Counted also when nothing is sent in the end, so
/// that a source cannot ask about others without end.
pub fn pace_source(
    tx: &mut WriteTx,
    rules: &PaceRules,
    kind: Kind,
    call: &Call,
) -> Result<Option<Duration>, StoreError> {
    let waits = source_waits(tx, rules, kind, call)?;
    if let (None, Some(key)) = (waits, PaceKey::source(kind, call)) {
        count(tx, &key, call.now)?;
    }
    Ok(waits)
}

/// The same without a source: for a further receiver of what was asked for once, and for what the house sends of itself.
pub fn pace_of(
    tx: &mut WriteTx,
    rules: &PaceRules,
    kind: Kind,
    receiver: Receiver<'_>,
    now: Timestamp,
) -> Result<Pace, StoreError> {
    let by_receiver = PaceKey::receiver(kind, receiver);
    if let Some(wait) = wait(tx, &by_receiver, rules.per_receiver, rules.cooldown, now)? {
        return Ok(Pace::Enough(wait));
    }
    if let Some(wait) = wait(tx, &PaceKey::house(kind), rules.house, Duration::ZERO, now)? {
        return Ok(Pace::Enough(wait));
    }
    count(tx, &by_receiver, now)?;
    Ok(Pace::Go)
}

/// How long a source that has asked too often has to wait; nothing is counted. For refusing before there is costly work (security.md THR-12).
pub fn source_waits(
    tx: &impl Reading,
    rules: &PaceRules,
    kind: Kind,
    call: &Call,
) -> Result<Option<Duration>, StoreError> {
    match PaceKey::source(kind, call) {
        Some(key) => wait(tx, &key, rules.per_source, Duration::ZERO, call.now),
        None => Ok(None),
    }
}

/// How often a source has asked within its hour, for tests that count along.
#[cfg(test)]
pub(crate) fn asked(tx: &impl Reading, kind: Kind, call: &Call) -> Result<u32, StoreError> {
    let Some(key) = PaceKey::source(kind, call) else { return Ok(0) };
    Ok(PACES.get(tx, &key)?.map_or(0, |pace| pace.count))
}

/// A message of this kind was posted: the house has one less.
pub fn posted(tx: &mut WriteTx, kind: Kind, now: Timestamp) -> Result<(), StoreError> {
    count(tx, &PaceKey::house(kind), now)
}

/// How long until one more is fine; `None` when it is now.
fn wait(
    tx: &impl Reading,
    key: &PaceKey,
    most: u32,
    cooldown: Duration,
    now: Timestamp,
) -> Result<Option<Duration>, StoreError> {
    let Some(record) = PACES.get(tx, key)? else { return Ok(None) };
    let full = record.count >= most && now < record.since + WINDOW;
    let until = match (full, now < record.latest + cooldown) {
        (true, _) => record.since + WINDOW,
        (false, true) => record.latest + cooldown,
        (false, false) => return Ok(None),
    };
    Ok(Some(until.since(now)))
}

fn count(tx: &mut WriteTx, key: &PaceKey, now: Timestamp) -> Result<(), StoreError> {
    let mut record = PACES.get(tx, key)?.unwrap_or_default();
    if record.count == 0 || now >= record.since + WINDOW {
        record = PaceRecord { since: now, count: 0, latest: now };
    }
    record.count = record.count.saturating_add(1);
    record.latest = now;
    PACES.set(tx, key, &record)
}

/// Removes up to `limit` counters behind `cursor` that say nothing any more; the next cursor, `None` at the end, and how many went.
pub fn sweep_paces(
    tx: &mut WriteTx,
    cursor: Option<[u8; 32]>,
    limit: usize,
    now: Timestamp,
) -> Result<(Option<[u8; 32]>, usize), StoreError> {
    let rows = PACES.range(tx, cursor.map(PaceKey).as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(key, _)| key.0) };
    let mut removed = 0;
    for (key, record) in &rows {
        if now >= record.since + WINDOW {
            PACES.take(tx, key)?;
            removed += 1;
        }
    }
    Ok((next, removed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Call, Kind, Pace, PaceRules, Receiver, Timestamp, pace, posted, sweep_paces};
    use crate::{
        domain::call::RequestId,
        store::{Store, StoreError},
    };

    fn call(from: Option<&str>, now: Timestamp) -> Call {
        let client = from.map(|from| from.parse().unwrap());
        Call { client, ..Call::inside(now, RequestId::new("req-1")) }
    }

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn ask(store: &Store, to: &'static str, from: &'static str, at: Timestamp) -> Pace {
        let rules = PaceRules::default();
        store
            .write_blocking(move |tx| {
                pace(tx, &rules, Kind::Recover, Receiver::Address(to), &call(Some(from), at))
            })
            .unwrap()
    }

    #[test]
    fn a_receiver_gets_one_a_minute_and_five_an_hour() {
        let store = Store::in_memory();
        assert_eq!(ask(&store, "a@b", "192.0.2.1", NOW), Pace::Go);
        assert_eq!(ask(&store, "a@b", "192.0.2.2", NOW), Pace::Enough(Duration::from_mins(1)));
        assert_eq!(ask(&store, "c@d", "192.0.2.2", NOW), Pace::Go);
        for minute in 1..5 {
            assert_eq!(ask(&store, "a@b", "192.0.2.1", NOW + Duration::from_mins(minute)), Pace::Go);
        }
        let late = NOW + Duration::from_mins(10);
        assert_eq!(ask(&store, "a@b", "192.0.2.1", late), Pace::Enough(Duration::from_mins(50)));
        assert_eq!(ask(&store, "a@b", "192.0.2.1", NOW + Duration::from_hours(1)), Pace::Go);
    }

    #[test]
    fn a_source_asks_twenty_times_an_hour_whether_or_not_anything_is_sent() {
        let store = Store::in_memory();
        assert_eq!(ask(&store, "a@b", "192.0.2.1", NOW), Pace::Go);
        for _ in 1..20 {
            assert!(matches!(ask(&store, "a@b", "192.0.2.1", NOW), Pace::Enough(_)));
        }
        assert_eq!(ask(&store, "new@b", "192.0.2.1", NOW), Pace::Wait(Duration::from_hours(1)));
        assert_eq!(ask(&store, "new@b", "192.0.2.9", NOW), Pace::Go);
    }

    /// Proves: THR-1
    #[test]
    fn what_anybody_causes_leaves_enough_for_those_who_sign_in() {
        let store = Store::in_memory();
        let rules = PaceRules { house: 3, ..PaceRules::default() };
        let ask = |kind: Kind, to: &'static str, really: bool| {
            let rules = rules.clone();
            let asked = store.write_blocking(move |tx| {
                let pace = pace(tx, &rules, kind, Receiver::Address(to), &call(None, NOW))?;
                if really {
                    posted(tx, kind, NOW)?;
                }
                Ok::<_, StoreError>(pace)
            });
            asked.unwrap()
        };
        for nobody in ["a@b", "c@d", "e@f", "g@h"] {
            assert_eq!(ask(Kind::Recover, nobody, false), Pace::Go, "nothing was posted");
        }
        for somebody in ["i@j", "k@l", "m@n"] {
            assert_eq!(ask(Kind::Confirm, somebody, true), Pace::Go);
        }
        assert!(matches!(ask(Kind::Recover, "o@p", false), Pace::Enough(_)));
        assert!(matches!(ask(Kind::Approval, "o@p", false), Pace::Enough(_)));
        for kind in [Kind::EmailCode, Kind::SmsCode, Kind::Address] {
            assert_eq!(ask(kind, "q@r", true), Pace::Go);
        }
        assert!(matches!(ask(Kind::Mobile, "q@r", true), Pace::Enough(_)));
    }

    #[test]
    fn what_is_over_is_swept() {
        let store = Store::in_memory();
        ask(&store, "a@b", "192.0.2.1", NOW);
        let sweep = |at: Timestamp| store.write_blocking(move |tx| sweep_paces(tx, None, 100, at)).unwrap().1;
        assert_eq!(sweep(NOW + Duration::from_mins(59)), 0);
        assert_eq!(sweep(NOW + Duration::from_hours(1)), 2);
    }

    #[test]
    fn counting_is_undone_with_its_transaction() {
        let store = Store::in_memory();
        let refused = store.write_blocking(|tx| {
            pace(tx, &PaceRules::default(), Kind::Recover, Receiver::Address("a@b"), &call(None, NOW))?;
            Err::<(), _>(StoreError::Busy)
        });
        assert!(refused.is_err());
        assert_eq!(ask(&store, "a@b", "192.0.2.1", NOW), Pace::Go);
    }
}
