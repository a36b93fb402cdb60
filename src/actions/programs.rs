//! Secrets that belong to a program rather than to an account: how often a wrong one may be tried.
//!
//! Such a secret is 256 bits of chance or a configured text of 32 characters at least, so nobody guesses it. The counters are
//! there because no pathway escapes them (security.md THR-1), and because who tries is worth knowing. They stand for the source alone:
//! what one address does wrong never shuts out another. A busy program with a right secret asks many times at once, so the right ones are
//! not made to wait for each other; of those sent at the same time no more than the limit are compared and found wrong (THR-2).

use super::Actions;
use crate::domain::{
    audit::{self, Entry, Event},
    call::Call,
    fault::{Fault, Reason},
    login::throttle::{self, Counters},
};

impl Actions {
    /// Lets `check` look at a program's secret, unless its source has been wrong too often. What `check` refuses with one of the
    /// reasons for a wrong secret is counted, and now and then written down as `event`.
    ///
    /// # Errors
    /// Those of `check`; `Throttled`, right or wrong alike (THR-6).
    pub async fn prove_program<T>(
        &self,
        call: &Call,
        event: Event,
        check: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let counters = Counters::of_program(call.client);
        let rules = self.settings().throttle.clone();
        let (house, wrong) = ((&self.0.store, &rules), |fault: &Fault| is_wrong_secret(fault.reason));
        let (fault, held) = match self.0.reservations.look(house, &counters, call.now, check, wrong)? {
            Ok(right) => return Ok(right),
            Err(wrong) => wrong,
        };
        let told = self.0.reservations.worth_recording(&counters, call.now);
        let call = call.clone();
        self.0
            .store
            .write(move |tx| {
                // Until then it stands on the counters, also when whoever asked hangs up.
                let _held = &held;
                throttle::count_failure(tx, &rules, &counters, call.now)?;
                if told {
                    audit::append(tx, &Entry::refused(event, "nobody", &call))?;
                }
                Ok::<_, Fault>(())
            })
            .await?;
        Err(fault)
    }
}

const fn is_wrong_secret(reason: Reason) -> bool {
    matches!(reason, Reason::Unauthenticated | Reason::WrongServiceSecret | Reason::BadCredentials)
}
