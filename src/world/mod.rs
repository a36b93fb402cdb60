//! The outside: time, chance, mail, SMS and outgoing HTTP, each real or fake.
//!
//! **Responsibility.** The only room that asks the operating system what time it is or for random bytes, and the only one that
//! begins a conversation with another machine.
//!
//! **Invariants.** Time never runs backwards within a process. Failure of the random generator aborts. Outgoing HTTP goes to
//! public addresses, and to others only where the operator allowed it; it follows no redirect, and is bounded in time, size and number
//! (security.md OUT-1 to OUT-3). No header field of a message holds a line break (OUT-4).
//!
//! **Not here.** Deciding anything: what is sent and how often it is tried is `chores::delivery`'s. Nothing in `domain` imports this
//! room: times and bytes are handed down.
//!
//! **Start reading at** [`World`].

mod clock;
mod entropy;
#[cfg(any(test, feature = "test-util"))]
mod fake;
pub mod mail;
pub mod outgoing;
mod outlet;
pub mod sms;

use std::sync::Arc;

#[cfg(any(test, feature = "test-util"))]
pub use self::fake::{FakeClock, FakeEntropy, FakeHttp, FakeMail, FakeSms, Kept, Levers};
pub use self::{
    clock::{Clock, SystemClock},
    entropy::{Entropy, SystemEntropy},
    outlet::{Doing, SendError},
};
use self::{mail::MailSender, outgoing::HttpClient, sms::SmsSender};
use crate::values::{random::Random, time::Timestamp};

/// Everything the house needs from outside, in one cheap clone.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    mail: Arc<dyn MailSender>,
    sms: Arc<dyn SmsSender>,
    http: Arc<dyn HttpClient>,
}

/// By what means the house reaches others.
#[derive(Clone, Debug, Default)]
pub struct Outlets {
    /// Mail.
    pub mail: mail::Settings,
    /// SMS, if there is a gateway.
    pub sms: Option<sms::Gateway>,
    /// HTTP.
    pub outgoing: outgoing::Settings,
}

impl World {
    /// The operating system's clock and generator; nobody can be written to, and public addresses can be asked.
    pub fn real() -> Self {
        Self::reaching(Outlets::default())
    }

    /// The operating system's clock and generator, and what the operator set up for reaching others.
    pub fn reaching(outlets: Outlets) -> Self {
        let roots: Arc<[Vec<u8>]> = outlets.outgoing.roots.clone().into();
        let http: Arc<dyn HttpClient> = Arc::new(outgoing::Client::new(outlets.outgoing));
        Self {
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
            mail: mail::sender(outlets.mail, &http, &roots),
            sms: sms::sender(outlets.sms, &http),
            http,
        }
    }

    #[cfg(any(test, feature = "test-util"))]
    /// A world whose time stands still until a test moves it and whose chance is reproducible.
    pub fn fake() -> (Self, Levers) {
        Self::fake_of(1)
    }

    #[cfg(any(test, feature = "test-util"))]
    /// The same with the chance of a seed.
    pub fn fake_of(seed: u64) -> (Self, Levers) {
        let clock = Arc::new(FakeClock::new(Timestamp::from_secs(1_800_000_000)));
        let (mail, sms, http) =
            (Arc::new(FakeMail::default()), Arc::new(FakeSms::default()), Arc::new(FakeHttp::default()));
        let levers =
            Levers { clock: clock.clone(), mail: mail.clone(), sms: sms.clone(), http: http.clone() };
        (Self { clock, entropy: Arc::new(FakeEntropy::new(seed)), mail, sms, http }, levers)
    }

    /// The way to send mail.
    pub fn mail(&self) -> &dyn MailSender {
        &*self.mail
    }

    /// The way to send SMS.
    pub fn sms(&self) -> &dyn SmsSender {
        &*self.sms
    }

    /// The way to ask other houses.
    pub fn http(&self) -> &dyn HttpClient {
        &*self.http
    }

    /// The present moment. Ask once per request and pass it down.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `N` fresh random bytes.
    pub fn random<const N: usize>(&self) -> Random<N> {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        Random::new(bytes)
    }
}
