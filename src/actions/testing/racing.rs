//! Many of the same at the same moment: a house in which nothing else refuses, the start, and who got through.

use std::{sync::Arc, time::Duration};

use super::{Desk, Plan, at_once};
use crate::{
    actions::people,
    domain::{
        challenge::PaceRules,
        factor::{self, Kinds},
        fault::{Fault, Reason},
        login::throttle::{self, Counters, Origin, Rules, Subject},
        session::Lifetimes,
    },
    values::{id::AccountId, net::SourceKey},
};

/// How many start.
pub(crate) const RACERS: usize = 64;

/// Nobody is slowed down or capped, so that nothing but the thing itself can refuse all but one.
pub(crate) fn unhindered() -> Plan {
    let throttle = Rules {
        free_failures: 1000,
        block_after: 1000,
        source_failures: 10_000,
        ceiling: 10_000,
        ..counting().throttle
    };
    Plan { throttle, ..counting() }
}

/// Guesses are counted as ever, with every kind of second factor; how often anybody asks or signs in is not what refuses.
pub(crate) fn counting() -> Plan {
    let kinds = Kinds { totp: true, email: true, sms: true };
    let pace =
        PaceRules { cooldown: Duration::ZERO, per_receiver: 10_000, per_source: 10_000, house: 100_000 };
    Plan {
        throttle: Rules { attempts_per_minute: 100_000, ..Rules::default() },
        limits: Lifetimes { per_person: 1000, ..Lifetimes::default() },
        factors: factor::Rules { kinds, ..factor::Rules::default() },
        people: people::Rules { pace, ..people::Rules::default() },
        ..Plan::default()
    }
}

/// 64 of these, let go when all are ready; how each ended.
pub(crate) async fn race<T, F>(desk: &Arc<Desk>, one: impl Fn(Arc<Desk>, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(RACERS));
    let waiting = (0..RACERS).map(|at| {
        let (start, racer) = (start.clone(), one(desk.clone(), at));
        async move {
            start.wait().await;
            racer.await
        }
    });
    at_once(waiting).await
}

/// What the only one got who succeeded. All others were refused, for one of these reasons.
#[track_caller]
pub(crate) fn the_winner<T>(outcomes: Vec<Result<T, Fault>>, others: &[Reason]) -> T {
    let mut won = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(got) => won.push(got),
            Err(fault) => assert!(others.contains(&fault.reason), "{fault:?}"),
        }
    }
    assert_eq!(won.len(), 1, "so many succeeded");
    won.remove(0)
}

/// How many succeeded, and how many were refused for each of these reasons; nobody was for another.
#[track_caller]
pub(crate) fn tally<T, const N: usize>(
    outcomes: &[Result<T, Fault>],
    reasons: [Reason; N],
) -> (usize, [usize; N]) {
    let refused = |reason: Reason| {
        outcomes.iter().filter(|one| one.as_ref().is_err_and(|fault| fault.reason == reason)).count()
    };
    let (won, lost) = (outcomes.iter().filter(|one| one.is_ok()).count(), reasons.map(refused));
    assert_eq!(won + lost.iter().sum::<usize>(), outcomes.len(), "somebody was refused for another reason");
    (won, lost)
}

impl Desk {
    /// Wrong passwords of an account since the last right one, as stored.
    pub(crate) fn password_failures(&self, id: AccountId) -> u32 {
        self.failures(Counters::of, id)
    }

    /// Wrong second factors since the last right one, as stored.
    pub(crate) fn second_failures(&self, id: AccountId) -> u32 {
        self.failures(|subject, _, origin, client| Counters::of_second(subject, origin, client), id)
    }

    fn failures(
        &self,
        counters: impl Fn(&Subject, Option<&Subject>, &Origin, Option<std::net::IpAddr>) -> Counters,
        id: AccountId,
    ) -> u32 {
        let client = self.call().client;
        let counters = counters(&Subject::account(id), None, &Origin::Source(SourceKey::of(client)), client);
        self.store.read(|tx| throttle::consecutive(tx, &counters.subject)).unwrap()
    }
}

/// How many of the 64 were looked at and found wrong: one at least and five at most, and all others were told to wait. Fewer than five when
/// a failure is stored already and still stands as under way, which errs on the strict side for a moment.
pub(crate) fn at_most_five((right, [wrong, waiting]): (usize, [usize; 2])) -> usize {
    assert!((right, wrong + waiting) == (0, 64) && (1..=5).contains(&wrong), "{right} {wrong} {waiting}");
    wrong
}
