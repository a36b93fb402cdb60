//! What the people were told, and whether the store still says the same.

use std::collections::{BTreeMap, BTreeSet};

use super::{FURNISHED, TARGET, address, id_of};
use crate::{
    actions::testing::Desk,
    domain::{
        account,
        audit::{self, AuditRecord, Event},
        login::throttle::{self, CounterKey, Counters, Origin, Subject},
        session::{self, SESSIONS, SessionHash},
    },
    store::{ReadTx, StoreError, testing::Chance},
    values::{
        id::{AccountId, SessionId},
        net::SourceKey,
    },
};

/// What has been said about something that is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Acknowledged.
    pub(super) sure: u64,
    /// Asked for without a clear answer since then.
    pub(super) unsure: u64,
}

impl Tally {
    /// Compares it with what is there, and settles what was unsure.
    pub(super) fn settle(&mut self, found: usize, what: &str) {
        let found = found as u64;
        assert!(found >= self.sure, "{what}: {} acknowledged, {found} there", self.sure);
        assert!(found <= self.sure + self.unsure, "{what}: {found} there, which nobody asked for: {self:?}");
        *self = Self { sure: found, unsure: 0 };
    }
}

/// What became of a session, as far as its owner was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    Ended,
    /// Its end was asked for without a clear answer.
    Unsure,
}

/// What one task was told.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) sessions: BTreeMap<SessionHash, (SessionId, AccountId, Fate)>,
    /// Those that a sign-in was to replace, or that were to end with all others: no entry names them.
    pub(super) swept: BTreeSet<SessionHash>,
    pub(super) sign_ins: Tally,
    pub(super) sign_outs: Tally,
    pub(super) misses: Tally,
    /// Sessions of this task's sign-ins whose key nobody was given.
    pub(super) strays: u64,
}

impl Ledger {
    pub(super) fn any_session(&self, chance: &mut Chance) -> Option<SessionHash> {
        let there: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, (_, _, fate))| *fate != Fate::Ended)
            .map(|(hash, _)| *hash)
            .collect();
        (!there.is_empty()).then(|| there[usize::try_from(chance.below(there.len() as u64)).unwrap()])
    }

    pub(super) fn set<'a>(&mut self, hashes: impl IntoIterator<Item = &'a SessionHash>, fate: Fate) {
        for hash in hashes {
            let known = self.sessions.get_mut(hash).expect("a session of this task");
            // What was certain stays certain.
            if !(known.2 == Fate::Ended && fate == Fate::Unsure) {
                known.2 = fate;
            }
        }
    }

    pub(super) fn fate(&self, hash: &SessionHash) -> Fate {
        self.sessions[hash].2
    }
}

/// All of the trail, oldest first.
fn trail(tx: &ReadTx) -> Result<Vec<AuditRecord>, StoreError> {
    let mut entries = audit::recent(tx, None, None, usize::MAX)?;
    entries.reverse();
    let chain = audit::verify_chain(tx)?;
    assert_eq!(chain, Ok(entries.len() as u64), "the audit chain");
    Ok(entries)
}

/// The id at the end of "… session ID".
fn named(entry: &AuditRecord) -> SessionId {
    let id = entry.detail.split("session ").nth(1).and_then(|rest| rest.split(';').next());
    id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{entry:?} names no session"))
}

/// Compares the store with the ledgers, and settles in them what was unsure.
pub(super) fn verify(desk: &Desk, ledgers: &mut [Ledger]) -> Result<(), StoreError> {
    let (rows, entries) = desk.store.read(|tx| {
        let rows: BTreeMap<_, _> = SESSIONS.range(tx, None, usize::MAX)?.into_iter().collect();
        for id in FURNISHED.1.values() {
            let listed: BTreeSet<_> = session::of_account(tx, *id)?.iter().map(|(hash, _)| *hash).collect();
            let stored: BTreeSet<_> =
                rows.iter().filter(|(_, session)| session.account == *id).map(|(hash, _)| *hash).collect();
            assert_eq!(listed, stored, "the index and the sessions");
            assert!(account::ACCOUNTS.contains(tx, id)?);
        }
        Ok::<_, StoreError>((rows, trail(tx)?))
    })?;
    let of = |event: Event, task: usize| {
        let client = address(task);
        entries.iter().filter(move |entry| entry.event == event && entry.client.as_deref() == Some(&client))
    };
    let ended: BTreeSet<_> =
        entries.iter().filter(|entry| entry.event == Event::SignedOut).map(named).collect();
    let mut explained = 0;
    for (task, ledger) in ledgers.iter_mut().enumerate() {
        for (hash, (id, whose, fate)) in &mut ledger.sessions {
            let row = rows.get(hash);
            assert!(*fate != Fate::Alive || row.is_some(), "task {task}: an acknowledged session is gone");
            assert!(*fate != Fate::Ended || row.is_none(), "task {task}: an ended session is back");
            assert!(row.is_none_or(|row| (row.id, row.account) == (*id, *whose)));
            let told = ended.contains(id) || ledger.swept.contains(hash);
            assert!(row.is_some() || told, "task {task}: a session ended without an entry");
            *fate = if row.is_some() { Fate::Alive } else { Fate::Ended };
            explained += usize::from(row.is_some());
        }
        // A session is there exactly when the entry is that tells of its beginning, unless its end is.
        let began: BTreeSet<_> = of(Event::SignedIn, task).map(named).collect();
        let known: BTreeSet<_> = ledger.sessions.values().map(|(id, _, _)| *id).collect();
        assert!(known.is_subset(&began), "task {task}: a session without an entry");
        let strays = rows.values().filter(|row| began.contains(&row.id) && !known.contains(&row.id)).count();
        assert!(
            strays as u64 <= ledger.strays + ledger.sign_ins.unsure,
            "task {task}: sessions from nowhere"
        );
        ledger.strays = strays as u64;
        explained += strays;
        ledger.sign_ins.settle(of(Event::SignedIn, task).count(), "sign-ins");
        ledger.sign_outs.settle(of(Event::SignedOut, task).count(), "sign-outs");
        ledger.misses.settle(of(Event::SignInFailed, task).count(), "wrong passwords");
        // The counter of the source is written with the entry, and never cleared.
        let origin = Origin::Source(SourceKey::of(Some(address(task).parse().unwrap())));
        let source = CounterKey::source(&origin, Some(address(task).parse().unwrap())).unwrap();
        let counted = desk.store.read(|tx| throttle::consecutive(tx, &source))?;
        assert_eq!(u64::from(counted), ledger.misses.sure, "task {task}: the counter of its source");
    }
    assert_eq!(explained, rows.len(), "a session that no entry tells of");
    assert!(rows.values().all(|row| !ended.contains(&row.id)), "signed out, and still there");
    // Guessed at by all, and never signed in to.
    let target = id_of(TARGET);
    let counted = desk.store.read(|tx| {
        throttle::consecutive(
            tx,
            &Counters::of(&Subject::account(target), None, &Origin::Source(SourceKey::Local), None).subject,
        )
    })?;
    let told =
        entries.iter().filter(|entry| entry.event == Event::SignInFailed && entry.subject == Some(target));
    assert_eq!(counted as usize, told.count(), "the counter of the account that was guessed at");
    Ok(())
}
