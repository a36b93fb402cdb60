//! The counters in the store: asking them, adding to them, forgetting them.

use std::time::Duration;

use super::{
    counters::{CounterKey, CounterRecord, Counters, Subject},
    rules::{Admission, Rules},
};
use crate::{
    domain::account::ACCOUNTS,
    store::{Reading, StoreError, Table, WriteTx},
    values::{id::AccountId, name, time::Timestamp},
};

pub(super) const COUNTERS: Table<CounterRecord> = Table::new();

/// As long as a device stays known.
const PAIR_MEMORY: Duration = Duration::from_hours(180 * 24);

const PARDON_BATCH: usize = 1000;

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
        open = open.and(admit_source(tx, rules, source, pending(source), now)?);
    }
    Ok(match (open, about_account) {
        (Admission::Wait(wait), _) => Verdict::Wait(wait),
        (Admission::Admitted, Admission::Wait(_)) => Verdict::Hidden,
        (Admission::Admitted, Admission::Admitted) => Verdict::Admitted,
    })
}

/// Whether a source may go on, by its own counter alone.
pub fn admit_source(
    tx: &impl Reading,
    rules: &Rules,
    key: &CounterKey,
    pending: u32,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    let counter = COUNTERS.get(tx, key)?.unwrap_or_default();
    Ok(if key.is_relay() {
        rules.relay(&counter, pending, now)
    } else {
        rules.source(&counter, pending, now)
    })
}

/// Counts a failure of a source, by its own counter alone.
pub fn count_source(
    tx: &mut WriteTx,
    rules: &Rules,
    key: &CounterKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    let source = COUNTERS.get(tx, key)?.unwrap_or_default();
    let counted = if key.is_relay() {
        rules.relayed(&source, now)
    } else {
        rules.counted(&source, now, rules.source_window)
    };
    COUNTERS.set(tx, key, &counted)
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
        count_source(tx, rules, key, now)?;
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

/// Whether there is anything that [`clear`] would forget.
pub fn has_failures(tx: &impl Reading, counters: &[CounterKey]) -> Result<bool, StoreError> {
    for key in counters {
        if COUNTERS.contains(tx, key)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets failures after a complete success: those of [`Counters::cleared`], of every factor that was asked for. Returns how many
/// consecutive failures were forgotten.
pub fn clear(tx: &mut WriteTx, counters: &[CounterKey]) -> Result<u32, StoreError> {
    let mut most = 0;
    for key in counters {
        if let Some(counter) = COUNTERS.take(tx, key)? {
            most = most.max(counter.consecutive);
        }
    }
    Ok(most)
}

/// Forgets all failures of an account, those of its second factors too: for the operator, who has looked at it, alone.
pub fn pardon(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    pardon_password(tx, account)?;
    let subject = Subject::account(account);
    COUNTERS.take(tx, &CounterKey::second_subject(&subject))?;
    pardon_pairs(tx, &CounterKey::first_second_pair(&subject))
}

/// Forgets the failures of an account's first factor, from everywhere and under each of its names: there is another password now. Those
/// of its second factors stay: whoever reads the owner's mail could make room for more guesses at will (security.md THR-5).
pub fn pardon_password(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    let record = ACCOUNTS.get(tx, &account)?;
    let names = record.into_iter().flat_map(|record| [Some(record.username), record.email]).flatten();
    let typed: Vec<_> = names.map(|typed| Subject::unknown(&name::canonical(&typed))).collect();
    for subject in typed.iter().chain([&Subject::account(account)]) {
        COUNTERS.take(tx, &CounterKey::subject(subject))?;
        pardon_pairs(tx, &CounterKey::first_pair(subject))?;
    }
    Ok(())
}

fn pardon_pairs(tx: &mut WriteTx, first: &CounterKey) -> Result<(), StoreError> {
    loop {
        let rows = COUNTERS.range(tx, Some(first), PARDON_BATCH)?;
        let mut taken = 0;
        for (key, _) in &rows {
            if key.is_akin(first) {
                COUNTERS.take(tx, key)?;
                taken += 1;
            }
        }
        if taken < PARDON_BATCH {
            return Ok(());
        }
    }
}

/// Failures since the last success, for tests that count along.
#[cfg(test)]
pub(crate) fn consecutive(tx: &impl Reading, key: &CounterKey) -> Result<u32, StoreError> {
    Ok(COUNTERS.get(tx, key)?.map_or(0, |counter| counter.consecutive))
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
    let Some(account) = key.account() else { return Ok(false) };
    Ok((!key.is_pair() || unused < PAIR_MEMORY) && ACCOUNTS.contains(tx, &account)?)
}
