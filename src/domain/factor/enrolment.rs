//! An authenticator app on its way to becoming a factor: its secret is ours from the start, and counts for nothing until confirmed
//! (security.md OTP-5).

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::{
    records::{self, FACTORS, Rules, TotpFactor},
    totp::TotpSecret,
};
use crate::{
    crypto::seal::{Place, SealKey},
    domain::{
        challenge::{MOST_TRIES, tidied},
        fault::Fault,
    },
    store::{Reading, Record, StoreError, Table, WriteTx},
    values::{
        id::{AccountId, SessionId},
        random::Random,
        secret::Secret,
        time::Timestamp,
    },
};

const ENROLMENTS: Table<EnrolmentRecord> = Table::new();

/// How long somebody may take to add the secret to an app.
pub const ENROLMENT_LIFETIME: Duration = Duration::from_mins(10);

/// An enrolment as stored. One account has one.
#[derive(Debug, PartialEq, Encode, Decode)]
pub(super) struct EnrolmentRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) sealed: Vec<u8>,
    /// The session that began it; a service that acts for the person has none.
    #[n(1)]
    pub(super) session: Option<SessionId>,
    #[n(2)]
    pub(super) expires: Timestamp,
    #[n(3)]
    pub(super) epoch: u64,
    #[n(4)]
    pub(super) wrong: u8,
}

impl Record for EnrolmentRecord {
    type Key = AccountId;
    const SPACE: &'static str = "totp-enrolments";
}

fn place(account: &AccountId) -> Place<'_> {
    Place { table: EnrolmentRecord::SPACE, column: "sealed", row: account.bytes() }
}

/// A code that is to show that the secret arrived.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// Whose app.
    pub account: AccountId,
    /// The session that asks.
    pub session: Option<SessionId>,
    /// What the client believes to be enrolling, if it says so.
    pub secret: Option<TotpSecret>,
    /// The code as typed.
    pub code: Secret<String>,
}

/// What became of a confirmation. All of them are to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// The app is a factor now.
    Confirmed,
    /// The code is wrong; the enrolment is dead after too many of these.
    Wrong,
    /// There is nothing to confirm: never begun, over, begun by another session, or about another secret.
    Nothing,
}

/// Begins an enrolment; an earlier one of the account is void.
pub fn offer(
    tx: &mut WriteTx,
    key: &SealKey,
    account: AccountId,
    session: Option<SessionId>,
    chance: (Random<20>, Random<32>),
    now: Timestamp,
    epoch: u64,
) -> Result<TotpSecret, StoreError> {
    let secret = TotpSecret::mint(chance.0);
    let record = EnrolmentRecord {
        sealed: key.seal(chance.1, &place(&account), secret.bytes()),
        session,
        expires: now + ENROLMENT_LIFETIME,
        epoch,
        wrong: 0,
    };
    ENROLMENTS.set(tx, &account, &record)?;
    Ok(secret)
}

/// The secret being enrolled by this session, if any.
pub fn enrolling(
    tx: &impl Reading,
    key: &SealKey,
    account: AccountId,
    session: Option<SessionId>,
    now: Timestamp,
    epoch: u64,
) -> Result<Option<TotpSecret>, Fault> {
    let Some(record) = ENROLMENTS.get(tx, &account)? else { return Ok(None) };
    if now >= record.expires
        || record.epoch != epoch
        || record.session != session
        || record.wrong >= MOST_TRIES
    {
        return Ok(None);
    }
    let opened = key.open(&place(&account), &record.sealed).map_err(Fault::broken)?;
    Ok(Some(TotpSecret::from_bytes(opened)))
}

/// Makes the pending secret a factor when the code is right. A client that names another secret than the pending one is refused, so that nobody brings a secret of their own (simple-auth.md 9.A6).
pub fn confirm(
    tx: &mut WriteTx,
    key: &SealKey,
    rules: &Rules,
    given: &Confirmation,
    chance: Random<32>,
    now: Timestamp,
    epoch: u64,
) -> Result<Enrolment, Fault> {
    let Confirmation { account, session, .. } = *given;
    let Some(pending) = enrolling(tx, key, account, session, now, epoch)? else {
        return Ok(Enrolment::Nothing);
    };
    if given.secret.as_ref().is_some_and(|secret| !secret.is(&pending)) {
        return Ok(Enrolment::Nothing);
    }
    let typed = Secret::new(tidied(given.code.expose()));
    let Some(step) = pending.step_of(&typed, now, rules.drift, None) else {
        if let Some(mut record) = ENROLMENTS.get(tx, &account)? {
            record.wrong = record.wrong.saturating_add(1);
            ENROLMENTS.set(tx, &account, &record)?;
        }
        return Ok(Enrolment::Wrong);
    };
    ENROLMENTS.take(tx, &account)?;
    let mut factors = FACTORS.get(tx, &account)?.unwrap_or_default();
    factors.totp = Some(TotpFactor {
        sealed: records::seal_totp(key, account, &pending, chance),
        since: now,
        last_step: step,
    });
    // Devices were trusted on the word of the factors of before.
    factors.trust += 1;
    factors.review = false;
    FACTORS.set(tx, &account, &factors)?;
    Ok(Enrolment::Confirmed)
}

/// Voids an enrolment.
pub(super) fn void(tx: &mut WriteTx, account: AccountId) -> Result<(), StoreError> {
    ENROLMENTS.take(tx, &account)?;
    Ok(())
}

/// Removes up to `limit` enrolments behind `cursor` that are over; the next cursor, `None` at the end, and how many went.
pub fn sweep_enrolments(
    tx: &mut WriteTx,
    cursor: Option<AccountId>,
    limit: usize,
    now: Timestamp,
) -> Result<(Option<AccountId>, usize), StoreError> {
    let rows = ENROLMENTS.range(tx, cursor.as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(account, _)| *account) };
    let mut removed = 0;
    for (account, enrolment) in &rows {
        if now >= enrolment.expires {
            ENROLMENTS.take(tx, account)?;
            removed += 1;
        }
    }
    Ok((next, removed))
}
