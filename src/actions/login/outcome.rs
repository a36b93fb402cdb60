//! From what the domain decided to what a surface answers; the same for every pathway.

use super::{NextStep, SignInOutcome, SignedIn};
use crate::{
    actions::Actions,
    domain::{
        account::Hindrance,
        call::Call,
        caller::Factor,
        fault::{Fault, Reason},
        login::{Begun, Finished, Fresh, Terms, pending::PendingKey},
        session::SessionKey,
    },
    values::{id::SessionId, random::Random},
};

use super::DEVICE_LIFETIME;

/// Keys for what may begin. Drawn before the transaction, shown to somebody only when it begins.
pub(in crate::actions) struct Keys {
    session: SessionKey,
    id: SessionId,
    pending: PendingKey,
    device: [u8; 16],
    letters: [Random<32>; 2],
}

impl Keys {
    /// What the transaction stores them under.
    pub(in crate::actions) fn names(&self) -> Fresh {
        let [letter, recovery_letter] = self.letters;
        let (session, pending) = (self.session.hash(), self.pending.hash());
        Fresh { session, id: self.id, pending, letter, recovery_letter }
    }
}

impl Actions {
    /// What sign-ins live under at this moment.
    pub(in crate::actions) fn terms(&self) -> Terms {
        let settings = self.settings();
        Terms {
            limits: settings.limits.clone(),
            throttle: settings.throttle.clone(),
            factors: settings.factors.clone(),
            door: self.door(),
            mail: self.wants_mail(),
            keyring: self.0.keyring.clone(),
            epoch: self.0.store.epoch(),
        }
    }

    /// Draws keys for what may begin.
    pub(in crate::actions) fn fresh_keys(&self, call: &Call) -> Keys {
        Keys {
            session: SessionKey::mint(call.now, self.0.world.random()),
            id: SessionId::mint(call.now, self.0.world.random()),
            pending: PendingKey::mint(call.now, self.0.world.random()),
            device: *self.0.world.random::<16>().bytes(),
            letters: [self.0.world.random(), self.0.world.random()],
        }
    }

    /// Makes an answer of what was decided. `trust` says that the person wants this device to be trusted.
    pub(in crate::actions) fn outcome(
        &self,
        call: &Call,
        keys: Keys,
        finished: Finished,
        trust: bool,
    ) -> Result<SignInOutcome, Fault> {
        match finished {
            Finished::SignedIn(begun) => {
                Ok(SignInOutcome::SignedIn(self.signed_in(call, keys, begun, trust)))
            }
            Finished::Waits { options, until } => {
                Ok(SignInOutcome::Next(NextStep { key: keys.pending, options, until }))
            }
            Finished::CodeNeeded => Err(Fault::new(Reason::SecondFactorNeeded)),
            Finished::CodeWrong { ended: false } => Err(Fault::new(Reason::SecondFactorWrong)),
            Finished::CodeWrong { ended: true } => Err(Fault::new(Reason::Expired)),
            Finished::Blocked(wait) => Err(Fault::new(Reason::Throttled).retry_after(wait)),
            Finished::Restricted => Err(Fault::new(Reason::PasswordChangeNeeded)),
            Finished::Stipulated => Err(Fault::new(Reason::Stipulated)),
            Finished::Hindered(Hindrance::Locked) => Err(Fault::new(Reason::Locked)),
            Finished::Hindered(Hindrance::Disabled) => Err(Fault::new(Reason::Disabled)),
            Finished::Stale => Err(Fault::new(Reason::BadCredentials)),
            Finished::Proven { .. } => Err(Fault::broken("a proof was taken for a sign-in")),
        }
    }

    fn signed_in(&self, call: &Call, keys: Keys, begun: Begun, trust: bool) -> SignedIn {
        let account = begun.session.account;
        let device = begun.version.map(|version| {
            self.0.keyring.device_mark(account, version, &keys.device, call.now + DEVICE_LIFETIME)
        });
        let offered = self.settings().factors.trusted;
        let really = begun.session.strength.second_proof() == Some(call.now)
            && begun.session.strength.proofs.iter().all(|proof| proof.factor != Factor::TrustedDevice);
        let trust = (trust && really && !offered.is_zero())
            .then(|| (self.0.keyring.trust_mark(account, begun.version, begun.trust, call.now), offered));
        SignedIn { key: keys.session, session: begun.session, account, device, trust, review: begun.review }
    }
}
