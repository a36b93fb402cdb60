//! How many wrong secrets are too many (security.md sections 2 and 9).
//!
//! Three counters stand for each attempt:
//!
//! - the *pair* of account and source (or known device): a few free failures, then growing delays, then blocks that double;
//! - the *account* over all sources: so that a distributed guesser is slowed too, with a hard ceiling of consecutive failures
//!   beyond which only devices that signed in before may try (THR-4: nobody can lock the owner out for ever);
//! - the *source* over all accounts.
//!
//! Everything here is pure: a stored counter, a moment and the rules give a verdict. Attempts that are under way count as failed until
//! they end (THR-2); the caller passes their number as `pending`.

use std::{net::IpAddr, time::Duration};

use minicbor::{Decode, Encode};

use crate::{
    crypto::digest::sha256,
    domain::account::ACCOUNTS,
    store::{Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{id::AccountId, name, net::SourceKey, time::Timestamp},
};

const COUNTERS: Table<CounterRecord> = Table::new();

/// The configured limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Failures of a pair before delays begin.
    pub free_failures: u32,
    /// Failures older than this are forgotten.
    pub window: Duration,
    /// Failures of a pair before blocks begin.
    pub block_after: u32,
    /// The first block; each further one is twice as long.
    pub block: Duration,
    /// No block is longer.
    pub block_most: Duration,
    /// Failures of a source within `source_window` before it is refused.
    pub source_failures: u32,
    /// See `source_failures`.
    pub source_window: Duration,
    /// Consecutive failures of an account before unknown devices are refused.
    pub ceiling: u32,
    /// Raw attempts per source and minute, right or wrong.
    pub attempts_per_minute: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            free_failures: 5,
            window: Duration::from_mins(15),
            block_after: 10,
            block: Duration::from_mins(5),
            block_most: Duration::from_hours(1),
            source_failures: 30,
            source_window: Duration::from_mins(5),
            ceiling: 100,
            attempts_per_minute: 120,
        }
    }
}

/// Whom an attempt is about, by account when the name is known and by digest when it is not: both are
/// throttled alike, so that throttling tells nothing (THR-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject([u8; 16]);

impl Subject {
    /// A known account.
    pub const fn account(id: AccountId) -> Self {
        Self(*id.bytes())
    }

    /// A name nobody has; spelled in canonical form so that its variants share a counter.
    pub fn unknown(canonical: &str) -> Self {
        let digest = sha256(format!("unknown name\0{canonical}").as_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        Self(short)
    }
}

/// Where an attempt comes from: a browser that signed in to this account before, or just an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A device that proves an earlier sign-in to this very account.
    KnownDevice([u8; 16]),
    /// An address (IPv4 /32, IPv6 /64).
    Source(SourceKey),
}

/// Names one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CounterKey(#[cbor(n(0), with = "minicbor::bytes")] [u8; 33]);

impl CounterKey {
    /// Failures of a subject from one origin.
    pub fn pair(subject: &Subject, origin: &Origin) -> Self {
        Self::new(b'p', &subject.0, &origin_bytes(origin))
    }

    /// Failures of a subject from everywhere.
    pub fn subject(subject: &Subject) -> Self {
        Self::new(b'a', &subject.0, &[0; 16])
    }

    /// The first two again, for the second factor: whoever gets that far must not use up what the password has left, nor the other way.
    fn second_pair(subject: &Subject, origin: &Origin) -> Self {
        Self::new(b'q', &subject.0, &origin_bytes(origin))
    }

    fn second_subject(subject: &Subject) -> Self {
        Self::new(b'b', &subject.0, &[0; 16])
    }

    /// Failures of a source with everybody; `None` where there is no address.
    pub fn source(origin: &Origin, client: Option<IpAddr>) -> Option<Self> {
        let source = match origin {
            Origin::Source(source) => *source,
            Origin::KnownDevice(_) => SourceKey::of(client),
        };
        // Who comes through a Unix socket without an address is not one source but all of them.
        (source != SourceKey::Local).then(|| Self::new(b's', &[0; 16], &source_bytes(&source)))
    }

    fn new(kind: u8, first: &[u8; 16], second: &[u8; 16]) -> Self {
        let mut bytes = [kind; 33];
        bytes[1..17].copy_from_slice(first);
        bytes[17..].copy_from_slice(second);
        Self(bytes)
    }
}

impl Key for CounterKey {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(&self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.bytes().map(Self)
    }
}

/// A counter as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct CounterRecord {
    /// Failures since the last success or the last quiet window.
    #[n(0)]
    pub failures: u32,
    /// When the latest one happened.
    #[n(1)]
    pub latest: Timestamp,
    /// Blocks so far in this run.
    #[n(2)]
    pub blocks: u32,
    /// Failures since the last success, however long ago (the ceiling counts these).
    #[n(3)]
    pub consecutive: u32,
}

impl Record for CounterRecord {
    type Key = CounterKey;
    const SPACE: &'static str = "login-failures";
}

/// Whether an attempt may reach the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// It may not before this much time has passed.
    Wait(Duration),
}

impl Admission {
    /// The stricter of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Wait(a), Self::Wait(b)) => Self::Wait(a.max(b)),
            (Self::Wait(a), Self::Admitted) | (Self::Admitted, Self::Wait(a)) => Self::Wait(a),
            (Self::Admitted, Self::Admitted) => Self::Admitted,
        }
    }
}

impl Rules {
    /// The verdict for a pair.
    pub fn pair(&self, counter: &CounterRecord, pending: u32, now: Timestamp) -> Admission {
        // No device, known or not, guesses beyond the ceiling without a success in between (security.md section 2).
        if counter.consecutive >= self.ceiling {
            return Admission::Wait(self.block_most);
        }
        let failures = Self::recent(counter, now, self.longest_memory(counter));
        let wait = if failures >= self.block_after {
            doubled(self.block, counter.blocks.saturating_sub(1)).min(self.block_most)
        } else if failures >= self.free_failures {
            doubled(Duration::from_secs(1), failures - self.free_failures)
        } else if failures + pending >= self.free_failures {
            // The free tries are all under way; whoever comes now waits for them to end.
            return Admission::Wait(Duration::from_secs(1));
        } else {
            return Admission::Admitted;
        };
        after(counter.latest, wait, now, pending)
    }

    /// The verdict for an account over all origins. A known device passes: its own pair counter stands for it.
    pub fn subject(
        &self,
        counter: &CounterRecord,
        pending: u32,
        now: Timestamp,
        known_device: bool,
    ) -> Admission {
        if known_device {
            return Admission::Admitted;
        }
        if counter.consecutive >= self.ceiling {
            return Admission::Wait(self.block_most);
        }
        let failures = Self::recent(counter, now, self.window);
        let slow_from = self.block_after.saturating_mul(2);
        if failures < slow_from {
            // Parallel guessers share what is left before the delays begin.
            return if failures + pending < slow_from {
                Admission::Admitted
            } else {
                Admission::Wait(Duration::from_secs(1))
            };
        }
        let wait = doubled(Duration::from_secs(1), failures - slow_from).min(Duration::from_mins(1));
        after(counter.latest, wait, now, pending)
    }

    /// The verdict for a source over all accounts.
    pub fn source(&self, counter: &CounterRecord, pending: u32, now: Timestamp) -> Admission {
        let failures = Self::recent(counter, now, self.source_window);
        if failures + pending < self.source_failures {
            return Admission::Admitted;
        }
        Admission::Wait(
            self.source_window.saturating_sub(now.since(counter.latest)).max(Duration::from_secs(1)),
        )
    }

    /// Failures that still count.
    fn recent(counter: &CounterRecord, now: Timestamp, memory: Duration) -> u32 {
        if now.since(counter.latest) >= memory { 0 } else { counter.failures }
    }

    /// A pair is remembered until its block is over, and at least for the window.
    fn longest_memory(&self, counter: &CounterRecord) -> Duration {
        match counter.blocks.checked_sub(1) {
            None => self.window,
            Some(earlier) => doubled(self.block, earlier).min(self.block_most) + self.window,
        }
    }

    /// The counter after one more failure.
    fn counted(&self, counter: &CounterRecord, now: Timestamp, memory: Duration) -> CounterRecord {
        let failures = Self::recent(counter, now, memory).saturating_add(1);
        let blocks = if failures > 1 { counter.blocks } else { 0 };
        CounterRecord {
            failures,
            latest: counter.latest.max(now),
            blocks: blocks + u32::from(failures >= self.block_after),
            consecutive: counter.consecutive.saturating_add(1),
        }
    }
}

/// The counters one attempt stands under.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Subject and origin.
    pub pair: CounterKey,
    /// The subject.
    pub subject: CounterKey,
    /// The same two for the name as it was typed, when that is not the subject itself: what the one who types may be told
    /// about (see [`Verdict::Hidden`]).
    pub typed: Option<(CounterKey, CounterKey)>,
    /// The source, where there is one.
    pub source: Option<CounterKey>,
    /// The attempt comes from a known device.
    pub known_device: bool,
}

impl Counters {
    /// The counters for an attempt on `subject`, typed as `typed`, from `origin` at address `client`.
    pub fn of(subject: &Subject, typed: Option<&Subject>, origin: &Origin, client: Option<IpAddr>) -> Self {
        let typed = typed.filter(|typed| *typed != subject);
        Self {
            pair: CounterKey::pair(subject, origin),
            subject: CounterKey::subject(subject),
            typed: typed.map(|typed| (CounterKey::pair(typed, origin), CounterKey::subject(typed))),
            source: CounterKey::source(origin, client),
            known_device: matches!(origin, Origin::KnownDevice(_)),
        }
    }

    /// The counters for a second factor of `subject` from `origin` at address `client`. The source is the same as for passwords.
    pub fn of_second(subject: &Subject, origin: &Origin, client: Option<IpAddr>) -> Self {
        Self {
            pair: CounterKey::second_pair(subject, origin),
            subject: CounterKey::second_subject(subject),
            typed: None,
            source: CounterKey::source(origin, client),
            known_device: matches!(origin, Origin::KnownDevice(_)),
        }
    }

    /// Those that a complete success clears: all but the source's (security.md THR-5).
    pub fn cleared(&self) -> Vec<CounterKey> {
        self.keys().filter(|key| Some(*key) != self.source).collect()
    }

    /// Those alone that the one who types may be told about.
    #[must_use]
    pub fn open(&self) -> Self {
        match self.typed {
            Some((pair, subject)) => Self { pair, subject, typed: None, ..*self },
            None => *self,
        }
    }

    /// All of them.
    pub fn keys(&self) -> impl Iterator<Item = CounterKey> + use<> {
        let (pair, subject) = self.typed.unzip();
        [Some(self.pair), Some(self.subject), pair, subject, self.source].into_iter().flatten()
    }
}

/// What becomes of an attempt before its secret is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be tried.
    Admitted,
    /// Refused openly, for this long.
    Wait(Duration),
    /// Refused, but only because of failures under *another* spelling of the same account. Saying so would tell that the two
    /// spellings are one account (security.md THR-3 against THR-8), so it is answered as a wrong password.
    Hidden,
}

/// Whether an attempt may reach the secret, given how many others are under way on each counter.
pub fn admit(
    tx: &impl Reading,
    rules: &Rules,
    counters: &Counters,
    pending: impl Fn(&CounterKey) -> u32,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    let read = |key: &CounterKey| COUNTERS.get(tx, key).map(Option::unwrap_or_default);
    let both = |pair: &CounterKey, subject: &CounterKey| {
        let by_pair = rules.pair(&read(pair)?, pending(pair), now);
        let by_subject = rules.subject(&read(subject)?, pending(subject), now, counters.known_device);
        Ok::<_, StoreError>(by_pair.and(by_subject))
    };
    let about_account = both(&counters.pair, &counters.subject)?;
    let mut open = match &counters.typed {
        Some((pair, subject)) => both(pair, subject)?,
        None => about_account,
    };
    if let Some(source) = &counters.source {
        open = open.and(rules.source(&read(source)?, pending(source), now));
    }
    Ok(match (open, about_account) {
        (Admission::Wait(wait), _) => Verdict::Wait(wait),
        (Admission::Admitted, Admission::Wait(_)) => Verdict::Hidden,
        (Admission::Admitted, Admission::Admitted) => Verdict::Admitted,
    })
}

/// Counts a failure. Returns whether the account has just reached the ceiling.
pub fn count_failure(
    tx: &mut WriteTx,
    rules: &Rules,
    counters: &Counters,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if let Some((pair, subject)) = &counters.typed {
        count_pair(tx, rules, pair, now)?;
        count_subject(tx, rules, subject, now)?;
    }
    if let Some(key) = &counters.source {
        let source = COUNTERS.get(tx, key)?.unwrap_or_default();
        COUNTERS.set(tx, key, &rules.counted(&source, now, rules.source_window))?;
    }
    count_pair(tx, rules, &counters.pair, now)?;
    count_subject(tx, rules, &counters.subject, now)
}

fn count_pair(tx: &mut WriteTx, rules: &Rules, key: &CounterKey, now: Timestamp) -> Result<(), StoreError> {
    let pair = COUNTERS.get(tx, key)?.unwrap_or_default();
    COUNTERS.set(tx, key, &rules.counted(&pair, now, rules.longest_memory(&pair)))
}

/// Returns whether the ceiling was reached just now.
fn count_subject(
    tx: &mut WriteTx,
    rules: &Rules,
    key: &CounterKey,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let subject = COUNTERS.get(tx, key)?.unwrap_or_default();
    let counted = rules.counted(&subject, now, rules.window);
    COUNTERS.set(tx, key, &counted)?;
    Ok(counted.consecutive == rules.ceiling)
}

/// Forgets the failures of a subject after a complete success. Those of the source stay (THR-5). Returns how many
/// consecutive failures were forgotten.
pub fn clear(tx: &mut WriteTx, counters: &Counters) -> Result<u32, StoreError> {
    clear_keys(tx, &counters.cleared())
}

/// The same for counters remembered from an earlier step (see [`Counters::cleared`]).
pub fn clear_keys(tx: &mut WriteTx, keys: &[CounterKey]) -> Result<u32, StoreError> {
    let mut most = 0;
    for key in keys {
        if let Some(counter) = COUNTERS.take(tx, key)? {
            most = most.max(counter.consecutive);
        }
    }
    Ok(most)
}

/// Forgets the failures of an account from everywhere and under each of its names; for `account unlock` and a change of password
/// by the operator.
pub fn pardon(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    let record = ACCOUNTS.get(tx, &account)?;
    let names = record.into_iter().flat_map(|record| [Some(record.username), record.email]).flatten();
    let typed: Vec<_> = names.map(|typed| Subject::unknown(&name::canonical(&typed))).collect();
    for subject in typed.iter().chain([&Subject::account(account)]) {
        pardon_subject(tx, subject)?;
    }
    Ok(())
}

fn pardon_subject(tx: &mut WriteTx, subject: &Subject) -> Result<(), StoreError> {
    COUNTERS.take(tx, &CounterKey::subject(subject))?;
    COUNTERS.take(tx, &CounterKey::second_subject(subject))?;
    for kind in [b'p', b'q'] {
        pardon_pairs(tx, kind, subject)?;
    }
    Ok(())
}

fn pardon_pairs(tx: &mut WriteTx, kind: u8, subject: &Subject) -> Result<(), StoreError> {
    let first = CounterKey::new(kind, &subject.0, &[0; 16]);
    loop {
        let rows = COUNTERS.range(tx, Some(&first), PARDON_BATCH)?;
        let mut taken = 0;
        for (key, _) in &rows {
            if key.0[..17] == first.0[..17] {
                COUNTERS.take(tx, key)?;
                taken += 1;
            }
        }
        if taken < PARDON_BATCH {
            return Ok(());
        }
    }
}

/// Looks at up to `limit` counters after `cursor` and removes those that no rule remembers. The consecutive failures of an
/// account stay until success or the operator lifts them, and those of its pairs for as long as a device can be known: a patient
/// guesser must not get a fresh hundred for each quiet quarter of an hour. Of those there are no more than accounts and, because
/// the ceiling stops strangers, about a hundred for each. What strangers can make up (names, addresses) goes (THR-11).
pub fn sweep(
    tx: &mut WriteTx,
    rules: &Rules,
    cursor: Option<CounterKey>,
    limit: usize,
    now: Timestamp,
) -> Result<Option<CounterKey>, StoreError> {
    let rows = COUNTERS.range(tx, cursor.as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(key, _)| *key) };
    for (key, counter) in &rows {
        let memory = rules.longest_memory(counter).max(rules.source_window);
        let unused = now.since(counter.latest);
        if unused >= memory && !counts_to_the_ceiling(tx, key, unused)? {
            COUNTERS.take(tx, key)?;
        }
    }
    Ok(next)
}

fn counts_to_the_ceiling(tx: &impl Reading, key: &CounterKey, unused: Duration) -> Result<bool, StoreError> {
    let Some(([kind, subject @ ..], _)) = key.0.split_first_chunk::<17>() else { return Ok(false) };
    let remembered = matches!(*kind, b'a' | b'b') || (matches!(*kind, b'p' | b'q') && unused < PAIR_MEMORY);
    Ok(remembered && ACCOUNTS.contains(tx, &AccountId::from_bytes(*subject))?)
}

/// As long as a device stays known.
const PAIR_MEMORY: Duration = Duration::from_hours(180 * 24);

const PARDON_BATCH: usize = 1000;

fn after(latest: Timestamp, wait: Duration, now: Timestamp, pending: u32) -> Admission {
    let left = wait.saturating_sub(now.since(latest));
    if !left.is_zero() {
        Admission::Wait(left)
    } else if pending > 0 {
        // After a delay exactly one attempt goes; the others wait for its end.
        Admission::Wait(Duration::from_secs(1))
    } else {
        Admission::Admitted
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(times.min(31)).unwrap_or(u32::MAX))
}

fn origin_bytes(origin: &Origin) -> [u8; 16] {
    match origin {
        Origin::KnownDevice(device) => *device,
        Origin::Source(source) => source_bytes(source),
    }
}

fn source_bytes(source: &SourceKey) -> [u8; 16] {
    let mut bytes = [0; 16];
    match source {
        SourceKey::V4(address) => bytes[..4].copy_from_slice(address),
        SourceKey::V6(network) => {
            bytes[0] = 6;
            bytes[1..9].copy_from_slice(network);
        }
        SourceKey::Local => bytes[0] = 0xff,
    }
    bytes
}

#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod tests;
