//! Links: 256 random bits in a URL, found by their digest.

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::{Purpose, Subject};
use crate::{
    crypto::{digest::sha256, text},
    domain::fault::{Fault, Reason},
    store::{Index, Key, KeyBuf, KeyReader, Reading, Record, StoreError, Table, WriteTx},
    values::{random::Random, secret::Secret, time::Timestamp},
};

const LINKS: Table<LinkRecord> = Table::new();

/// One open link of a purpose for a subject; the newer voids the older.
const BY_SUBJECT: Index<LinkRecord> = Index::unique("subject", |link, keys| {
    let mut slot = KeyBuf::new();
    write_slot(link.purpose, link.subject, &mut slot);
    keys.add().bytes(slot.as_bytes());
});

fn write_slot(purpose: Purpose, subject: Subject, out: &mut KeyBuf) {
    out.u8(purpose.number());
    subject.write(out);
}

/// What a link is made of.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// What it is good for.
    pub purpose: Purpose,
    /// Whom it is about.
    pub subject: Subject,
    /// The address it is sent to, as compared; whoever redeems it may check that this is still the address.
    pub address: Option<String>,
    /// What the redeemer must not be able to change (an invitation's groups, for example).
    pub data: Vec<u8>,
    /// How long it lives.
    pub lifetime: Duration,
}

/// A link that would redeem, or was redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whom it is about.
    pub subject: Subject,
    /// The address it was sent to.
    pub address: Option<String>,
    /// What was put into it.
    pub data: Vec<u8>,
    /// When it is over.
    pub expires: Timestamp,
}

/// A link as stored.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(super) struct LinkRecord {
    #[n(0)]
    pub(super) purpose: Purpose,
    #[n(1)]
    pub(super) subject: Subject,
    #[n(2)]
    pub(super) address: Option<String>,
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(super) data: Vec<u8>,
    #[n(4)]
    pub(super) expires: Timestamp,
    #[n(5)]
    pub(super) epoch: u64,
}

impl Record for LinkRecord {
    type Key = LinkDigest;
    const SPACE: &'static str = "links";
    const INDEXES: &'static [Index<Self>] = &[BY_SUBJECT];
}

pub(super) struct LinkDigest([u8; 32]);

impl LinkDigest {
    /// Looked up by digest, so the time taken says nothing about the text (security.md PWD-10).
    fn of(text: &Secret<String>) -> Self {
        Self(sha256(text.expose().as_bytes()))
    }
}

impl Key for LinkDigest {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(&self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.bytes().map(Self)
    }
}

/// Makes a link and returns the text that redeems it. An open one of the same purpose and subject is void from now on.
pub fn offer(
    tx: &mut WriteTx,
    new: &NewLink,
    chance: Random<32>,
    now: Timestamp,
    epoch: u64,
) -> Result<Secret<String>, StoreError> {
    void(tx, new.purpose, new.subject)?;
    let text = Secret::new(text::encode(chance.bytes()));
    let record = LinkRecord {
        purpose: new.purpose,
        subject: new.subject,
        address: new.address.clone(),
        data: new.data.clone(),
        expires: now + new.lifetime,
        epoch,
    };
    LINKS.set(tx, &LinkDigest::of(&text), &record)?;
    Ok(text)
}

/// What the text would redeem, without redeeming: for showing the form (security.md OTP-7).
pub fn peek(
    tx: &impl Reading,
    purpose: Purpose,
    given: &Secret<String>,
    now: Timestamp,
    epoch: u64,
) -> Result<Link, Fault> {
    check(LINKS.get(tx, &LinkDigest::of(given))?, purpose, now, epoch)
}

/// Redeems a link: right once, gone afterwards. A refusal changes nothing.
pub fn redeem(
    tx: &mut WriteTx,
    purpose: Purpose,
    given: &Secret<String>,
    now: Timestamp,
    epoch: u64,
) -> Result<Link, Fault> {
    let digest = LinkDigest::of(given);
    let link = check(LINKS.get(tx, &digest)?, purpose, now, epoch)?;
    LINKS.take(tx, &digest)?;
    Ok(link)
}

/// The open link of a purpose for a subject.
pub fn open(
    tx: &impl Reading,
    purpose: Purpose,
    subject: Subject,
    now: Timestamp,
    epoch: u64,
) -> Result<Option<Link>, StoreError> {
    let mut slot = KeyBuf::new();
    write_slot(purpose, subject, &mut slot);
    let found = LINKS.find(tx, &BY_SUBJECT, &slot)?.map(|(_, link)| link);
    Ok(check(found, purpose, now, epoch).ok())
}

/// Voids the open link of a purpose for a subject.
pub fn void(tx: &mut WriteTx, purpose: Purpose, subject: Subject) -> Result<(), StoreError> {
    let mut slot = KeyBuf::new();
    write_slot(purpose, subject, &mut slot);
    if let Some((digest, _)) = LINKS.find(tx, &BY_SUBJECT, &slot)? {
        LINKS.take(tx, &digest)?;
    }
    Ok(())
}

/// Removes up to `limit` links behind `cursor` that are over; the next cursor, `None` at the end, and how many went.
pub fn sweep_links(
    tx: &mut WriteTx,
    cursor: Option<[u8; 32]>,
    limit: usize,
    now: Timestamp,
    epoch: u64,
) -> Result<(Option<[u8; 32]>, usize), StoreError> {
    let rows = LINKS.range(tx, cursor.map(LinkDigest).as_ref(), limit)?;
    let next = if rows.len() < limit { None } else { rows.last().map(|(digest, _)| digest.0) };
    let mut removed = 0;
    for (digest, link) in &rows {
        if now >= link.expires || link.epoch != epoch {
            LINKS.take(tx, digest)?;
            removed += 1;
        }
    }
    Ok((next, removed))
}

fn check(found: Option<LinkRecord>, purpose: Purpose, now: Timestamp, epoch: u64) -> Result<Link, Fault> {
    match found {
        // For another purpose it is as good as unknown (security.md OTP-2).
        Some(link) if link.purpose == purpose => {
            if now >= link.expires || link.epoch != epoch {
                return Err(Fault::new(Reason::Expired));
            }
            let LinkRecord { subject, address, data, expires, .. } = link;
            Ok(Link { subject, address, data, expires })
        }
        _ => Err(Fault::new(Reason::InvalidToken)),
    }
}
