//! One-time secrets bound to a purpose: the first-run setup link, later mailed links and codes.
//!
//! **Responsibility.** Minting, storing by hash, redeeming at most once.
//!
//! **Invariants.** The secret itself is never stored. A redeemed or expired challenge is gone; a new one of the same
//! purpose voids the older (security.md OTP-1..3). A challenge of an earlier restore epoch is dead (OPS-14).
//!
//! **Not here.** How the secret reaches its person.
//!
//! **Start reading at** [`offer`] and [`redeem`].

use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::{
    crypto::{digest::sha256, text},
    domain::fault::{Fault, Reason},
    store::{Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{random::Random, secret::Secret, time::Timestamp},
};

const CHALLENGES: Table<ChallengeRecord> = Table::new();

/// What a challenge may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// Creating the first account.
    #[n(0)]
    Setup,
}

impl Purpose {
    /// How long a challenge of this purpose may be redeemed.
    pub const fn lifetime(self) -> Duration {
        match self {
            // security.md PWD-9: expires in 24 h.
            Self::Setup => Duration::from_hours(24),
        }
    }
}

/// One challenge as stored: one row per purpose, so that a new one voids the older.
#[derive(Debug, PartialEq, Encode, Decode)]
struct ChallengeRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    digest: [u8; 32],
    #[n(1)]
    expires: Timestamp,
    #[n(2)]
    epoch: u64,
}

impl Record for ChallengeRecord {
    type Key = Slot;
    const SPACE: &'static str = "challenges";
}

struct Slot(Purpose);

impl Key for Slot {
    fn write(&self, out: &mut KeyBuf) {
        out.u8(match self.0 {
            Purpose::Setup => 0,
        });
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        match from.u8()? {
            0 => Some(Self(Purpose::Setup)),
            _ => None,
        }
    }
}

/// Makes a challenge and returns the text that redeems it.
pub fn offer(
    tx: &mut WriteTx,
    purpose: Purpose,
    chance: Random<32>,
    now: Timestamp,
    epoch: u64,
) -> Result<Secret<String>, StoreError> {
    let text = Secret::new(text::encode(chance.bytes()));
    let record = ChallengeRecord {
        digest: sha256(text.expose().as_bytes()),
        expires: now + purpose.lifetime(),
        epoch,
    };
    CHALLENGES.set(tx, &Slot(purpose), &record)?;
    Ok(text)
}

/// Whether the text would redeem, without redeeming: for showing the form.
pub fn peek(
    tx: &impl Reading,
    purpose: Purpose,
    given: &Secret<String>,
    now: Timestamp,
    epoch: u64,
) -> Result<(), Fault> {
    check(CHALLENGES.get(tx, &Slot(purpose))?.as_ref(), given, now, epoch)
}

/// Redeems a challenge: right once, gone afterwards.
pub fn redeem(
    tx: &mut WriteTx,
    purpose: Purpose,
    given: &Secret<String>,
    now: Timestamp,
    epoch: u64,
) -> Result<(), Fault> {
    check(CHALLENGES.get(tx, &Slot(purpose))?.as_ref(), given, now, epoch)?;
    CHALLENGES.take(tx, &Slot(purpose))?;
    Ok(())
}

/// Voids whatever is open for a purpose.
pub fn void(tx: &mut WriteTx, purpose: Purpose) -> Result<(), StoreError> {
    CHALLENGES.take(tx, &Slot(purpose))?;
    Ok(())
}

fn check(
    record: Option<&ChallengeRecord>,
    given: &Secret<String>,
    now: Timestamp,
    epoch: u64,
) -> Result<(), Fault> {
    // Compared by digest, so the time taken says nothing about the text (security.md PWD-10).
    match record {
        Some(record) if record.digest == sha256(given.expose().as_bytes()) => {
            if now >= record.expires || record.epoch != epoch {
                return Err(Fault::new(Reason::Expired));
            }
            Ok(())
        }
        _ => Err(Fault::new(Reason::InvalidToken)),
    }
}

/// What is stored keeps its shape: a change here needs a migration (OPS-15).
#[cfg(test)]
mod golden {
    use super::{ChallengeRecord, Timestamp};
    use crate::store::golden::check;

    /// Proves: OPS-15
    #[test]
    fn challenges() {
        let expires = Timestamp::from_millis(1_800_000_000_123);
        let challenge = ChallengeRecord { digest: [5; 32], expires, epoch: 2 };
        check("src/domain/challenge/golden/setup.v1.hex", &challenge);
    }
}
