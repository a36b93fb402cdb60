//! The pool under load: what is refused, what is bounded, what costs the same.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use super::{HashingPool, Outcome, Settings, StartError};
use crate::{
    crypto::{
        password::{Hash, Params},
        strength::{Rules, Weakness},
    },
    domain::fault::{Fault, Field, Reason},
    values::{random::Random, secret::Secret},
};

fn settings(threads: usize) -> Settings {
    Settings { params: Params::FLOOR, threads: NonZeroUsize::new(threads), ..Settings::default() }
}

fn pool(settings: Settings) -> HashingPool {
    HashingPool::start(settings, Random::new([9; 48])).unwrap()
}

fn secret(text: &str) -> Secret<String> {
    Secret::from(text)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A job that keeps one thread until the returned sender is dropped or used.
fn occupy(pool: &HashingPool) -> (mpsc::Sender<()>, impl Future<Output = Result<(), Fault>> + use<>) {
    let (release, gate) = mpsc::channel::<()>();
    let (begun, started) = mpsc::channel();
    let pool = pool.clone();
    let mut work = Box::pin(async move {
        pool.submit(move |_| {
            let _ = begun.send(());
            let _ = gate.recv();
            Ok(())
        })
        .await
    });
    // One poll puts it in the queue.
    assert!(futures_util::FutureExt::now_or_never(&mut work).is_none());
    started.recv().unwrap();
    (release, work)
}

/// Proves: PWD-4, PWD-6
#[test]
fn right_wrong_unknown_and_outdated() {
    runtime().block_on(async {
        let pool = pool(settings(1));
        let stored = pool.hash(secret("lantern otter"), Random::new([1; 16])).await.unwrap();
        match pool.verify(Some(stored.clone()), secret("lantern otter")).await.unwrap() {
            Outcome::Match { proof, outdated } => assert!(!outdated && *proof.hash() == stored),
            Outcome::Miss => panic!("the right password"),
        }
        assert!(matches!(pool.verify(Some(stored), secret("wrong")).await, Ok(Outcome::Miss)));
        assert!(matches!(pool.verify(None, secret("lantern otter")).await, Ok(Outcome::Miss)));
        let old = Hash::parse("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").unwrap();
        assert!(matches!(
            pool.verify(Some(old), secret("U*U")).await,
            Ok(Outcome::Match { outdated: true, .. })
        ));
        assert_eq!(pool.figures().done, 5);
    });
}

/// Proves: PWD-6
#[test]
fn nobody_is_not_somebody_even_if_the_dummy_matched() {
    runtime().block_on(async {
        let mut pool = pool(settings(1));
        let real = pool.hash(secret("lantern otter"), Random::new([1; 16])).await.unwrap();
        Arc::get_mut(&mut pool.0).unwrap().dummy = real;
        assert!(matches!(pool.verify(None, secret("lantern otter")).await, Ok(Outcome::Miss)));
    });
}

/// Proves: PWD-6, THR-8
#[test]
fn an_unknown_user_costs_the_same_work() {
    runtime().block_on(async {
        let pool = pool(settings(1));
        let stored = pool.hash(secret("lantern otter"), Random::new([1; 16])).await.unwrap();
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..30 {
            let hash = (round % 2 == 0).then(|| stored.clone());
            let begun = Instant::now();
            assert!(matches!(pool.verify(hash, secret("wrong")).await, Ok(Outcome::Miss)));
            times[round % 2].push(begun.elapsed());
        }
        let [known, unknown] = times.map(|mut times| {
            times.sort_unstable();
            times[0].as_secs_f64()
        });
        // The quickest of each, so that a loaded machine does not decide; skipped work would be 1:100000.
        assert!((0.5..2.0).contains(&(known / unknown)), "known {known}, unknown {unknown}");
    });
}

/// Proves: PWD-3
#[test]
fn impossible_passwords_never_reach_the_queue() {
    runtime().block_on(async {
        let pool = pool(settings(1));
        for password in ["x".repeat(1025), "a\0b".to_owned()] {
            let fault = pool.verify(None, secret(&password)).await.unwrap_err();
            assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Malformed, Field::Password));
            let fault = pool.hash(secret(&password), Random::new([1; 16])).await.unwrap_err();
            assert_eq!((fault.reason, fault.flaws[0].field), (Reason::Malformed, Field::NewPassword));
        }
        assert_eq!(pool.figures().done, 0);
    });
}

/// Proves: PWD-5
#[test]
fn a_full_queue_refuses_at_once() {
    runtime().block_on(async {
        let pool = pool(Settings { queue: 2, ..settings(1) });
        let (release, busy) = occupy(&pool);
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let pool = pool.clone();
                let mut job = Box::pin(async move { pool.verify(None, secret("x")).await });
                assert!(futures_util::FutureExt::now_or_never(&mut job).is_none());
                job
            })
            .collect();
        let begun = Instant::now();
        let fault = pool.verify(None, secret("x")).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!((fault.reason, fault.retry_after), (Reason::Busy, Some(Duration::from_secs(3))));
        assert_eq!((pool.figures().queued, pool.figures().refused), (2, 1));
        drop(release);
        busy.await.unwrap();
        for job in waiting {
            assert!(matches!(job.await, Ok(Outcome::Miss)));
        }
    });
}

/// Proves: PWD-5
#[test]
fn whoever_waited_too_long_is_refused_without_hashing() {
    runtime().block_on(async {
        let pool = pool(Settings { wait: Duration::from_millis(20), ..settings(1) });
        let (release, busy) = occupy(&pool);
        let mut late = Box::pin(pool.verify(None, secret("x")));
        assert!(futures_util::FutureExt::now_or_never(&mut late).is_none());
        std::thread::sleep(Duration::from_millis(40));
        drop(release);
        busy.await.unwrap();
        let fault = late.await.unwrap_err();
        assert_eq!((fault.reason, fault.retry_after), (Reason::Busy, Some(Duration::from_secs(1))));
        let figures = pool.figures();
        assert_eq!((figures.refused, figures.done), (1, 1));
    });
}

/// Proves: PWD-5
#[test]
fn a_caller_who_hung_up_costs_nothing() {
    runtime().block_on(async {
        let pool = pool(Settings { queue: 1, ..settings(1) });
        let (release, busy) = occupy(&pool);
        let mut gone = Box::pin(pool.verify(None, secret("x")));
        assert!(futures_util::FutureExt::now_or_never(&mut gone).is_none());
        drop(gone);
        // Its place in the full queue goes to somebody who is there.
        let mut here = Box::pin(pool.verify(None, secret("x")));
        assert!(futures_util::FutureExt::now_or_never(&mut here).is_none());
        assert_eq!((pool.figures().queued, pool.figures().abandoned), (1, 1));
        drop(here);
        drop(release);
        busy.await.unwrap();
        pool.close().await;
        let figures = pool.figures();
        assert_eq!((figures.abandoned, figures.done), (2, 1), "neither was hashed");
    });
}

/// Proves: OPS-4
#[test]
fn a_panic_costs_one_answer_and_nothing_else() {
    runtime().block_on(async {
        let pool = pool(settings(1));
        for _ in 0..3 {
            let fault = pool.submit::<(), _>(|_| panic!("on purpose")).await.unwrap_err();
            assert_eq!(fault.reason, Reason::Broken);
        }
        assert!(matches!(pool.verify(None, secret("x")).await, Ok(Outcome::Miss)));
        let figures = pool.figures();
        assert_eq!((figures.panicked, figures.running, figures.queued), (3, 0, 0));
    });
}

/// Proves: PWD-5
#[test]
fn never_more_at_once_than_threads_nor_more_threads_than_memory() {
    let one = Params::FLOOR.memory_bytes();
    let threads = |budget, threads| {
        Settings { memory_budget: budget, ..settings(threads) }.workers().map(NonZeroUsize::get)
    };
    assert_eq!(threads(10 * one, 4).unwrap(), 4);
    assert_eq!(threads(3 * one - 1, 4).unwrap(), 2);
    assert_eq!(threads(one, 4).unwrap(), 1);
    assert!(matches!(threads(one - 1, 4), Err(StartError::BudgetTooSmall { .. })));

    runtime().block_on(async {
        let pool = pool(settings(2));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..20).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            pool.submit(move |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        });
        for answer in futures_util::future::join_all(jobs).await {
            answer.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    });
}

/// Proves: PWD-4, PWD-5, PWD-6
#[test]
fn a_hash_beyond_the_share_is_checked_within_the_budget_or_missed() {
    // PHC test vector of 64 MiB.
    let large =
        Hash::parse("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
            .unwrap();
    let budget = |bytes: u64| Settings { memory_budget: bytes, ..settings(2) };
    runtime().block_on(async {
        let roomy = pool(budget(Params::FLOOR.memory_bytes() + large.memory_bytes()));
        assert!(roomy.fits(&large));
        let both = tokio::join!(
            roomy.verify(Some(large.clone()), secret("password")),
            roomy.verify(Some(large.clone()), secret("wrong"))
        );
        assert!(matches!(both, (Ok(Outcome::Match { outdated: true, .. }), Ok(Outcome::Miss))));
        let tight = pool(budget(Params::FLOOR.memory_bytes() + large.memory_bytes() - 1));
        assert!(!tight.fits(&large));
        // As for a user who does not exist, with the same work.
        assert!(matches!(tight.verify(Some(large), secret("password")).await, Ok(Outcome::Miss)));
        assert_eq!(tight.figures().done, 1);
    });
}

#[test]
fn memory_is_kept_for_the_next_job_and_given_back_in_a_quiet_hour() {
    runtime().block_on(async {
        let pool = pool(Settings { keep_memory: Duration::from_millis(20), ..settings(1) });
        let held = |pool: &HashingPool| {
            let pool = pool.clone();
            async move { pool.submit(|hasher| Ok(hasher.held_bytes())).await.unwrap() }
        };
        assert_eq!(held(&pool).await, 0);
        assert!(matches!(pool.verify(None, secret("x")).await, Ok(Outcome::Miss)));
        let mut seen = vec![held(&pool).await];
        let begun = Instant::now();
        while *seen.last().unwrap() != 0 && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(60)).await;
            seen.push(held(&pool).await);
        }
        assert_eq!(seen.last(), Some(&0));
    });
}

/// Proves: OPS-5
#[test]
fn closing_answers_what_is_queued_and_refuses_what_comes_later() {
    runtime().block_on(async {
        let pool = pool(settings(2));
        let jobs: Vec<_> = (0..6)
            .map(|_| {
                let mut job = Box::pin({
                    let pool = pool.clone();
                    async move { pool.verify(None, secret("x")).await }
                });
                assert!(futures_util::FutureExt::now_or_never(&mut job).is_none());
                job
            })
            .collect();
        pool.close().await;
        for job in jobs {
            assert!(matches!(job.await, Ok(Outcome::Miss)));
        }
        assert_eq!(pool.verify(None, secret("x")).await.unwrap_err().reason, Reason::Unavailable);
        pool.close().await;
    });
}

#[test]
fn dropping_the_last_handle_ends_the_threads() {
    let pool = pool(settings(2));
    let shared = Arc::downgrade(&pool.0.shared);
    let other = pool.clone();
    drop(pool);
    runtime().block_on(async { assert!(matches!(other.verify(None, secret("x")).await, Ok(Outcome::Miss))) });
    drop(other);
    let begun = Instant::now();
    while shared.strong_count() > 0 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    assert_eq!(shared.strong_count(), 0);
}

/// Proves: PWD-7, OPS-3
#[test]
fn strength_is_judged_beside_the_requests() {
    runtime().block_on(async {
        let pool = pool(settings(1));
        let judge = |password: &str| {
            pool.weaknesses(secret(password), vec!["kjellberg".to_owned()], Rules::WITH_SECOND_FACTOR)
        };
        assert_eq!(judge("kjellberg1").await.unwrap(), [Weakness::Personal]);
        assert_eq!(judge("lantern otter").await.unwrap(), []);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn hashing_threads_stand_behind_the_others_and_only_they() {
    runtime().block_on(async {
        let pool = pool(settings(1));
        let nice = || Ok(rustix::process::getpriority_process(None).unwrap());
        let here = nice().unwrap();
        let there = pool.submit(move |_| nice()).await.unwrap();
        assert!(there >= here.max(10), "nice {there}");
        assert_eq!(nice().unwrap(), here);
    });
}

/// A hash from elsewhere that costs little must not be known by how soon a wrong password is refused.
///
/// Proves: PWD-6, THR-8
#[test]
fn a_miss_against_a_hash_from_elsewhere_costs_what_nobody_costs_besides() {
    runtime().block_on(async {
        let pool = pool(settings(1));
        let own = pool.hash(secret("lantern otter"), Random::new([1; 16])).await.unwrap();
        let imported = Hash::parse("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").unwrap();
        for (hash, jobs) in [(None, 1), (Some(own), 1), (Some(imported), 2)] {
            let before = pool.figures().done;
            assert!(matches!(pool.verify(hash, secret("wrong")).await, Ok(Outcome::Miss)));
            assert_eq!(pool.figures().done - before, jobs);
        }
    });
}
