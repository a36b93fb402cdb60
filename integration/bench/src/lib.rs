//! What the bench programs share: made-up people and sessions, through the library's own tables, and a client of the portal.

pub mod portal;

use std::{error::Error, time::SystemTime};
use vouchsafe::{
    domain::{
        account::{self, NewAccount},
        caller::{Factor, Strength},
        directory::{self, Home},
        fault::Fault,
        session::{SESSIONS, SessionKey, SessionRecord},
    },
    store::{Store, StoreError},
    values::{
        id::{AccountId, SessionId},
        name::{GroupName, Username},
        random::Random,
        time::Timestamp,
    },
};

/// Rows written in one transaction while loading.
const BATCH: usize = 2_000;

/// Chance that repeats: the same numbers give the same store. Nothing here guards anything.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// splitmix64
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn bytes<const N: usize>(&mut self) -> Random<N> {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
        Random::new(bytes)
    }
}

/// The present.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock past 1970");
    Timestamp::from_millis(u64::try_from(since.as_millis()).expect("a clock before the year 500 million"))
}

/// A session of that account, a while old already, so that the births spread over some minutes as real ones do.
pub fn session(
    dice: &mut Dice,
    account: AccountId,
    born: Timestamp,
    now: Timestamp,
    epoch: u64,
) -> (SessionKey, SessionRecord) {
    let record = SessionRecord {
        id: SessionId::mint(born, dice.bytes()),
        account,
        created: born,
        last_seen: now,
        ends: born + std::time::Duration::from_secs(24 * 3600),
        remembered: false,
        strength: Strength::of(Factor::Password, born),
        client: Some("203.0.113.7".to_owned()),
        agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36".to_owned(),
        epoch,
        restricted: false,
    };
    (SessionKey::mint(born, dice.bytes()), record)
}

/// Founds the directory and makes `count` people in a handful of groups.
pub fn people(store: &Store, dice: &mut Dice, count: usize) -> Result<Vec<AccountId>, Box<dyn Error>> {
    let now = now();
    let chance = [dice.bytes(), dice.bytes(), dice.bytes()];
    let home: Home = store
        .write_blocking(move |tx| directory::found(tx, now, chance.clone()))
        .map_err(said::<StoreError>)?;
    let mut groups = Vec::new();
    for name in ["staff", "engineering", "everybody"] {
        let id = vouchsafe::values::id::GroupId::mint(now, dice.bytes());
        let name = GroupName::parse(name).map_err(|error| format!("{error:?}"))?;
        let (id, _) = store
            .write_blocking(move |tx| directory::ensure_group(tx, home.tenant, &name, id))
            .map_err(said::<StoreError>)?;
        groups.push(id);
    }
    let mut ids = Vec::with_capacity(count);
    for start in (0..count).step_by(BATCH) {
        let batch: Vec<_> = (start..count.min(start + BATCH))
            .map(|n| {
                let new = NewAccount {
                    username: Username::parse(&format!("person{n:06}")).expect("a plain name"),
                    display_name: None,
                    email: None,
                    mobile: None,
                    groups: groups.clone(),
                    managed: false,
                };
                (AccountId::mint(now, dice.bytes()), new)
            })
            .collect();
        ids.extend(batch.iter().map(|(id, _)| *id));
        store
            .write_blocking(move |tx| {
                for (id, new) in &batch {
                    account::create(tx, home, *id, new, now)?;
                }
                Ok::<_, Fault>(())
            })
            .map_err(said::<Fault>)?;
    }
    Ok(ids)
}

/// Stores `count` sessions spread evenly over `people`; `tell` hears each cookie value.
pub fn sessions(
    store: &Store,
    dice: &mut Dice,
    people: &[AccountId],
    count: usize,
    mut tell: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<(), Box<dyn Error>> {
    let (now, epoch) = (now(), store.epoch());
    for start in (0..count).step_by(BATCH) {
        let mut batch = Vec::with_capacity(BATCH);
        for n in start..count.min(start + BATCH) {
            // Over the last twenty minutes, oldest first.
            let age = 1200 - u64::try_from(n * 1200 / count)?;
            let born = Timestamp::from_secs(now.secs() - age);
            let (key, record) = session(dice, people[n % people.len()], born, now, epoch);
            tell(&key.text())?;
            batch.push((key.hash(), record));
        }
        store
            .write_blocking(move |tx| {
                for (hash, record) in &batch {
                    let _ = SESSIONS.put(tx, hash, record)?;
                }
                Ok::<_, StoreError>(())
            })
            .map_err(said::<StoreError>)?;
    }
    Ok(())
}

fn said<E: std::fmt::Debug>(error: E) -> String {
    format!("{error:?}")
}
