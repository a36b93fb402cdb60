//! Durable session creations per second: our store with 64 in flight, and a bare redb loop that commits one record at a time with the
//! same durability, the same key layout and the same bytes. Interleaved; one line for each round.
//!
//!     durable FOLDER ROUNDS SECONDS       prints "ours bare" for each round

use redb::{Database, ReadableDatabase, TableDefinition};
use std::{
    env,
    error::Error,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use vouchsafe::{
    domain::session::SESSIONS,
    store::{Settings, Store, StoreError},
    values::id::AccountId,
};
use vouchsafe_bench::{Dice, now, people, session};

const IN_FLIGHT: u64 = 64;
const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("sessions");
const INDEX: TableDefinition<&[u8], &[u8]> = TableDefinition::new("sessions.account");

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, rounds, seconds] = arguments.as_slice() else {
        return Err("durable FOLDER ROUNDS SECONDS".into());
    };
    let time = Duration::from_secs_f64(seconds.parse()?);
    let store =
        Store::open(&Settings::at(Path::new(folder).join("ours.redb"))).map_err(|error| error.to_string())?;
    let people = people(&store, &mut Dice::new(1), 1_000)?;
    let bare = Database::create(Path::new(folder).join("bare.redb"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for round in 0..rounds.parse()? {
        let ours = runtime.block_on(ours(&store, &people, round, time));
        let bare = alone(&bare, &people, round, time)?;
        println!("{ours:.0} {bare:.0}");
    }
    store.close();
    let rows = bare.begin_read()?.open_table(TABLE)?;
    drop(rows);
    Ok(())
}

async fn ours(store: &Store, people: &[AccountId], round: u64, time: Duration) -> f64 {
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|n| {
            let (store, people, done) = (store.clone(), people.to_vec(), done.clone());
            let mut dice = Dice::new(1_000 * round + n);
            tokio::spawn(async move {
                let epoch = store.epoch();
                while began.elapsed() < time {
                    let now = now();
                    let person = people[usize::try_from(dice.number() % 1_000).expect("below 1000")];
                    let (key, record) = session(&mut dice, person, now, now, epoch);
                    let hash = key.hash();
                    store
                        .write(move |tx| SESSIONS.put(tx, &hash, &record).map(drop).map_err(StoreError::from))
                        .await
                        .expect("a disk that works");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
    let done = done.load(Ordering::Relaxed) as f64;
    done / began.elapsed().as_secs_f64()
}

/// The loop anybody would write first. The row and its index entry have the sizes and the key order of ours.
fn alone(
    database: &Database,
    people: &[AccountId],
    round: u64,
    time: Duration,
) -> Result<f64, Box<dyn Error>> {
    let mut dice = Dice::new(77 + round);
    let began = Instant::now();
    let mut done = 0_u32;
    while began.elapsed() < time {
        let now = now();
        let person = people[usize::try_from(dice.number() % 1_000)?];
        let (key, record) = session(&mut dice, person, now, now, 0);
        let hash = key.hash();
        let mut row = u32::try_from(now.secs()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        row.extend_from_slice(dice.bytes::<32>().bytes());
        assert_eq!(hash.second(), u32::try_from(now.secs())?);
        let value = minicbor_of(&record);
        let mut index = person.bytes().to_vec();
        index.extend_from_slice(&row);
        let mut write = database.begin_write()?;
        write.set_two_phase_commit(TWO_PHASE);
        {
            write.open_table(TABLE)?.insert(row.as_slice(), value.as_slice())?;
            write.open_table(INDEX)?.insert(index.as_slice(), &[][..])?;
        }
        write.commit()?;
        done += 1;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// As our own engine commits.
const TWO_PHASE: bool = true;

fn minicbor_of(record: &vouchsafe::domain::session::SessionRecord) -> Vec<u8> {
    minicbor::to_vec(record).expect("memory takes it")
}
