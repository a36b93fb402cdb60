//! Codes: a few digits that a person reads in a message and types. Short, so tries are counted.

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::{Purpose, Subject};
use crate::{
    crypto::mac::{MacKey, framed},
    store::{Key, KeyBuf, KeyReader, Record, StoreError, Table, WriteTx},
    values::{random::Random, secret::Secret, time::Timestamp},
};

const CODES: Table<CodeRecord> = Table::new();

/// Wrong tries until a code is dead (security.md section 2).
pub const MOST_TRIES: u8 = 5;

/// What a code is good for, and only for (security.md OTP-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFor {
    /// The purpose.
    pub purpose: Purpose,
    /// Whom it is about.
    pub subject: Subject,
    /// Where it is sent, as compared.
    pub address: String,
}

/// What a code is made of.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// What it is good for.
    pub good_for: CodeFor,
    /// How many digits, six to ten.
    pub digits: u8,
    /// How long it lives.
    pub lifetime: Duration,
}

/// What became of a try. All of them are to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The code was right; it is gone now.
    Right,
    /// It was wrong; so many tries are left.
    Wrong {
        /// Tries left.
        left: u8,
    },
    /// There is no code to be right about: none was sent, it is over, it was used, or too many tries were wrong.
    Dead,
}

/// A code as stored. The digits are few, so a plain digest would give them away: it is keyed.
#[derive(Debug, PartialEq, Encode, Decode)]
pub(super) struct CodeRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) tag: [u8; 32],
    #[n(1)]
    pub(super) expires: Timestamp,
    #[n(2)]
    pub(super) epoch: u64,
    #[n(3)]
    pub(super) wrong: u8,
}

impl Record for CodeRecord {
    type Key = Slot;
    const SPACE: &'static str = "codes";
}

pub(super) struct Slot(Vec<u8>);

impl Slot {
    fn of(purpose: Purpose, subject: Subject) -> Self {
        let mut bytes = vec![purpose.number()];
        bytes.extend(subject.bytes());
        Self(bytes)
    }
}

impl Key for Slot {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(&self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        let mut bytes = Vec::new();
        while let Some(byte) = from.u8() {
            bytes.push(byte);
        }
        Some(Self(bytes))
    }
}

/// Makes a code and returns its digits. An open one of the same purpose and subject is void from now on, its tries too: whoever
/// offers codes must bound how often (security.md section 2, resend).
pub fn offer_code(
    tx: &mut WriteTx,
    key: &MacKey,
    new: &NewCode,
    chance: Random<32>,
    now: Timestamp,
    epoch: u64,
) -> Result<Secret<String>, StoreError> {
    let code = digits(chance, new.digits.clamp(6, 10));
    let record = CodeRecord {
        tag: key.sign(&message(&new.good_for, code.expose())),
        expires: now + new.lifetime,
        epoch,
        wrong: 0,
    };
    CODES.set(tx, &Slot::of(new.good_for.purpose, new.good_for.subject), &record)?;
    Ok(code)
}

/// Tries a code: right once. Surrounding spaces and one separator are forgiven, nothing else (security.md OTP-10).
pub fn try_code(
    tx: &mut WriteTx,
    key: &MacKey,
    good_for: &CodeFor,
    given: &Secret<String>,
    now: Timestamp,
    epoch: u64,
) -> Result<Tried, StoreError> {
    let slot = Slot::of(good_for.purpose, good_for.subject);
    let Some(mut record) = CODES.get(tx, &slot)? else { return Ok(Tried::Dead) };
    if now >= record.expires || record.epoch != epoch || record.wrong >= MOST_TRIES {
        return Ok(Tried::Dead);
    }
    let typed = Secret::new(tidied(given.expose()));
    if key.verify(&message(good_for, typed.expose()), &record.tag) {
        CODES.take(tx, &slot)?;
        return Ok(Tried::Right);
    }
    record.wrong += 1;
    CODES.set(tx, &slot, &record)?;
    Ok(Tried::Wrong { left: MOST_TRIES - record.wrong })
}

/// Voids the open code of a purpose for a subject.
pub fn void_code(tx: &mut WriteTx, purpose: Purpose, subject: Subject) -> Result<(), StoreError> {
    CODES.take(tx, &Slot::of(purpose, subject))?;
    Ok(())
}

/// Removes up to `limit` codes behind `cursor` that are over; the next cursor, `None` at the end, and how many went.
pub fn sweep_codes(
    tx: &mut WriteTx,
    cursor: Option<Vec<u8>>,
    limit: usize,
    now: Timestamp,
    epoch: u64,
) -> Result<(Option<Vec<u8>>, usize), StoreError> {
    let rows = CODES.range(tx, cursor.map(Slot).as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(slot, _)| slot.0.clone()) };
    let mut removed = 0;
    for (slot, code) in &rows {
        if now >= code.expires || code.epoch != epoch {
            CODES.take(tx, slot)?;
            removed += 1;
        }
    }
    Ok((next, removed))
}

/// What a person may add to a code they copy: spaces around it, and one space or hyphen inside.
pub fn tidied(given: &str) -> String {
    let given = given.trim();
    match given.find([' ', '-']) {
        Some(at) => given.chars().enumerate().filter(|(index, _)| *index != at).map(|(_, c)| c).collect(),
        None => given.to_owned(),
    }
}

fn digits(chance: Random<32>, count: u8) -> Secret<String> {
    // 128 bits against at most 34: the bias of the remainder is below 2^-94.
    let (half, _) = chance.bytes().split_at(16);
    let number = half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let width = usize::from(count);
    Secret::new(format!("{:0width$}", number % 10_u128.pow(u32::from(count))))
}

fn message(good_for: &CodeFor, code: &str) -> Vec<u8> {
    let CodeFor { purpose, subject, address } = good_for;
    framed(&[&[purpose.number()], &subject.bytes(), address.as_bytes(), code.as_bytes()])
}
