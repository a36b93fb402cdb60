//! The stored trail: appending, reading back, checking the chain.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use super::model::{Entry, Event, Level, Original, Outcome};
use crate::{
    crypto::digest::sha256,
    store::{Direction, Index, Key, KeyBuf, KeyReader, Reading, Record, Span, StoreError, Table, WriteTx},
    values::{id::AccountId, time::Timestamp},
};

/// The trail, by sequence number.
pub const AUDIT: Table<AuditRecord> = Table::new();
const HEAD: Table<HeadRecord> = Table::new();
const BY_SUBJECT: Index<AuditRecord> = Index::ordered("subject", |record, keys| {
    if let Some(subject) = record.subject {
        keys.add().id(subject.bytes());
    }
});

/// One stored entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AuditRecord {
    /// Place in the sequence, from 1.
    #[n(0)]
    pub number: u64,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// What.
    #[n(2)]
    pub event: Event,
    /// How it ended.
    #[n(3)]
    pub outcome: Outcome,
    /// Who did it.
    #[n(4)]
    pub actor: String,
    /// Whom it happened to.
    #[n(5)]
    pub subject: Option<AccountId>,
    /// The client's address.
    #[n(6)]
    pub client: Option<String>,
    /// The request's correlation id.
    #[n(7)]
    pub request: String,
    /// More for the reader.
    #[n(8)]
    pub detail: String,
    /// SHA-256 over the predecessor's chain value and this record without it.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub chain: [u8; 32],
    /// What another program's trail told, when this repeats it.
    #[n(10)]
    pub original: Option<Original>,
}

impl AuditRecord {
    /// What its reader sees: when, in which part, how much it should worry, what. Of an imported entry the original's.
    pub fn told(&self) -> (Timestamp, &str, Level, &str) {
        match &self.original {
            Some(original) => (original.at, &original.module, original.level, &original.message),
            None => (self.at, self.event.module(), self.event.level(), self.event.message()),
        }
    }
}

impl Record for AuditRecord {
    type Key = Number;
    const SPACE: &'static str = "audit";
    const INDEXES: &'static [Index<Self>] = &[BY_SUBJECT];
}

/// Key of the trail: the sequence number. It grows with time, so appends touch one page and
/// old entries are removed by range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u64);

impl Key for Number {
    fn write(&self, out: &mut KeyBuf) {
        out.u64(self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.u64().map(Self)
    }
}

/// An end of the chain: the newest entry, or the newest of those that were removed for their age.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct HeadRecord {
    #[n(0)]
    number: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    chain: [u8; 32],
}

impl Record for HeadRecord {
    type Key = Number;
    const SPACE: &'static str = "audit-head";
}

/// Where the newest entry's number and chain value stand.
const HEAD_AT: Number = Number(0);
/// Where those of the newest removed entry stand; absent while nothing was removed.
const BASE_AT: Number = Number(1);
const ORIGIN: HeadRecord = HeadRecord { number: 0, chain: [0; 32] };

/// Appends an entry in the caller's transaction: it is kept exactly when the change it tells of is.
pub fn append(tx: &mut WriteTx, entry: &Entry) -> Result<(), StoreError> {
    let head = HEAD.get(tx, &HEAD_AT)?.unwrap_or(ORIGIN);
    let mut record = AuditRecord {
        number: head.number + 1,
        at: entry.at,
        event: entry.event,
        outcome: entry.outcome,
        actor: entry.actor.clone(),
        subject: entry.subject,
        client: entry.client.as_ref().map(IpAddr::to_string),
        request: entry.request.clone(),
        detail: entry.detail.clone(),
        chain: [0; 32],
        original: entry.original.clone(),
    };
    record.chain = link(&head.chain, &record);
    AUDIT.set(tx, &Number(record.number), &record)?;
    HEAD.set(tx, &HEAD_AT, &HeadRecord { number: record.number, chain: record.chain })?;
    Ok(())
}

/// Newest entries first, all of them or those about one account. `before` is the number of the last entry already seen.
pub fn recent(
    tx: &impl Reading,
    subject: Option<AccountId>,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<AuditRecord>, StoreError> {
    let rows = match subject {
        None => {
            let span = before
                .map_or_else(Span::all, |number| Span::all().before(KeyBuf::of(&Number(number)).as_bytes()));
            AUDIT.scan(tx, &span, Direction::Backward, limit)?
        }
        Some(subject) => {
            let mut prefix = KeyBuf::new();
            prefix.id(subject.bytes());
            let after = before.map(|number| {
                let mut entry = prefix.clone();
                entry.u64(number);
                entry
            });
            let after = after.as_ref().map(KeyBuf::as_bytes);
            AUDIT.list_toward(tx, &BY_SUBJECT, &prefix, Direction::Backward, after, limit)?.items
        }
    };
    Ok(rows.into_iter().map(|(_, record)| record).collect())
}

/// A page of an account's trail, newest first: up to `limit` entries behind the newest `offset`. Skipping reads no entry.
pub fn page_of(
    tx: &impl Reading,
    subject: AccountId,
    offset: usize,
    limit: usize,
) -> Result<Vec<AuditRecord>, StoreError> {
    let mut prefix = KeyBuf::new();
    prefix.id(subject.bytes());
    let rows = AUDIT.list_behind(tx, &BY_SUBJECT, &prefix, Direction::Backward, offset, limit)?;
    Ok(rows.into_iter().map(|(_, record)| record).collect())
}

/// Whether the chain holds from the oldest kept entry to the head; otherwise the number of the first entry that is missing
/// or does not fit.
pub fn verify_chain(tx: &impl Reading) -> Result<Result<u64, u64>, StoreError> {
    let mut last = HEAD.get(tx, &BASE_AT)?.unwrap_or(ORIGIN);
    loop {
        let rows = AUDIT.range(tx, Some(&Number(last.number)), 1000)?;
        if rows.is_empty() {
            break;
        }
        for (key, record) in rows {
            let fits = key.0 == last.number + 1 && record.number == key.0;
            if !fits || record.chain != link(&last.chain, &record) {
                return Ok(Err(last.number + 1));
            }
            last = HeadRecord { number: record.number, chain: record.chain };
        }
    }
    let head = HEAD.get(tx, &HEAD_AT)?.unwrap_or(ORIGIN);
    Ok(if last == head { Ok(head.number) } else { Err(last.number + 1) })
}

/// Removes up to `limit` of the oldest entries that are older than `bound`. Returns how many. The chain goes on from
/// the last of them.
pub fn remove_before(tx: &mut WriteTx, bound: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let mut removed = 0;
    for (key, record) in AUDIT.range(tx, None, limit)? {
        if record.at >= bound {
            break;
        }
        AUDIT.take(tx, &key)?;
        HEAD.set(tx, &BASE_AT, &HeadRecord { number: record.number, chain: record.chain })?;
        removed += 1;
    }
    Ok(removed)
}

fn link(previous: &[u8; 32], record: &AuditRecord) -> [u8; 32] {
    let plain = AuditRecord { chain: [0; 32], ..record.clone() };
    let mut bytes = previous.to_vec();
    // Writing into a vector cannot fail; an empty tail would still be a link that verifies.
    let _ = minicbor::encode(&plain, &mut bytes);
    sha256(&bytes)
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15), and would break every chain.
#[cfg(test)]
mod golden {
    use super::{AccountId, AuditRecord, Event, HeadRecord, Level, Original, Outcome, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15, OPS-19
    #[test]
    fn entries() {
        let entry = AuditRecord {
            number: 42,
            at: Timestamp::from_millis(1_800_000_000_123),
            event: Event::SignedIn,
            outcome: Outcome::Done,
            actor: "operator".to_owned(),
            subject: Some(AccountId::from_bytes([2; 16])),
            client: Some("192.0.2.7".to_owned()),
            request: "req-1".to_owned(),
            detail: "password".to_owned(),
            chain: [9; 32],
            original: None,
        };
        check("src/domain/audit/golden/entry.v1.hex", &entry);
        let original = Original {
            at: Timestamp::from_millis(1_600_000_000_123),
            module: "auth:simple".to_owned(),
            level: Level::Warn,
            message: "Login failed".to_owned(),
        };
        let imported = AuditRecord { original: Some(original), ..entry.clone() };
        check("src/domain/audit/golden/imported.v1.hex", &imported);
        let refused = AuditRecord { outcome: Outcome::Refused, subject: None, client: None, ..entry };
        check("src/domain/audit/golden/refused.v1.hex", &refused);
        check("src/domain/audit/golden/end.v1.hex", &HeadRecord { number: 42, chain: [9; 32] });
    }

    /// Numbers of events are stored: they are never given to another one.
    ///
    /// Proves: OPS-15
    #[test]
    fn events_keep_their_numbers() {
        let numbers: Vec<String> = Event::ALL
            .iter()
            .map(|event| {
                let bytes = minicbor::to_vec(event).expect("an event encodes");
                let hex = bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                format!("{hex} {event:?}")
            })
            .collect();
        insta::assert_snapshot!(numbers.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::call::{Call, RequestId},
        store::Store,
    };

    fn at(second: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + second)
    }

    /// A trail of five entries, a second apart.
    fn trail() -> Store {
        let store = Store::in_memory();
        for second in 0..5 {
            let entry = Entry::done(Event::Reloaded, "test", &Call::inside(at(second), RequestId::new("r")));
            change(&store, move |tx| append(tx, &entry));
        }
        store
    }

    fn change(store: &Store, f: impl Fn(&mut WriteTx) -> Result<(), StoreError> + Send + 'static) {
        store.write_blocking(f).unwrap();
    }

    fn verdict(store: &Store) -> Result<u64, u64> {
        store.read(verify_chain).unwrap()
    }

    fn prune(store: &Store, bound: Timestamp) {
        change(store, move |tx| remove_before(tx, bound, 100).map(drop));
    }

    /// Proves: OPS-18
    #[test]
    fn the_oldest_entries_cannot_be_cut_off_or_rewritten() {
        assert_eq!(verdict(&Store::in_memory()), Ok(0));
        let store = trail();
        assert_eq!(verdict(&store), Ok(5));
        change(&store, |tx| AUDIT.take(tx, &Number(1)).map(drop));
        assert_eq!(verdict(&store), Err(1));

        // The first entry rewritten with all that follow, as whoever knows the recipe could, but on another beginning.
        let store = trail();
        change(&store, |tx| {
            let mut previous = [1; 32];
            for (key, mut record) in AUDIT.range(tx, None, 10)? {
                record.chain = link(&previous, &record);
                previous = record.chain;
                AUDIT.set(tx, &key, &record)?;
            }
            HEAD.set(tx, &Number(0), &HeadRecord { number: 5, chain: previous })?;
            Ok(())
        });
        assert_eq!(verdict(&store), Err(1));
    }

    /// Proves: OPS-18
    #[test]
    fn what_is_kept_is_anchored_in_what_was_removed_for_its_age() {
        let store = trail();
        prune(&store, at(2));
        assert_eq!(verdict(&store), Ok(5));
        change(&store, |tx| AUDIT.take(tx, &Number(3)).map(drop));
        assert_eq!(verdict(&store), Err(3));

        let store = trail();
        prune(&store, at(2) + Duration::from_mins(1));
        assert_eq!(verdict(&store), Ok(5), "everything expired");
        let entry = Entry::done(Event::Reloaded, "test", &Call::inside(at(99), RequestId::new("r")));
        change(&store, move |tx| append(tx, &entry));
        assert_eq!(verdict(&store), Ok(6));
    }

    /// Proves: OPS-18
    #[test]
    fn an_empty_trail_that_should_not_be_empty_is_reported() {
        let store = trail();
        prune(&store, at(2));
        change(&store, |tx| {
            for number in 3..=5 {
                AUDIT.take(tx, &Number(number))?;
            }
            Ok(())
        });
        assert_eq!(verdict(&store), Err(3));
        let store = trail();
        change(&store, |tx| AUDIT.take(tx, &Number(5)).map(drop));
        assert_eq!(verdict(&store), Err(5));
    }
}
