//! The decision itself: pure, in memory, without allocation when the answer is yes.

use std::net::IpAddr;

use super::{
    compile::{Compiled, RuleSet},
    model::{Access, App, Subject},
};
use crate::values::target::Target;

/// What is to happen, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The request may pass.
    Pass {
        /// Nobody is signed in: the identity headers are sent empty.
        anonymous: bool,
    },
    /// Sign in first.
    SignIn,
    /// Signed in, but a second factor is needed and missing, or was given too long ago.
    SecondFactor,
    /// Refused, whoever it is or because of who it is.
    Deny,
}

impl Outcome {
    /// Whether the request may pass.
    pub const fn is_pass(self) -> bool {
        matches!(self, Self::Pass { .. })
    }
}

/// What made the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// No app lives at this host and port.
    NoApp,
    /// The app is not to be used over this scheme.
    WrongScheme,
    /// No rule matched, so nobody passes.
    NoRule,
    /// A rule.
    Rule,
}

/// A decision and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'r> {
    /// What is to happen.
    pub outcome: Outcome,
    /// The app asked for, when there is one.
    pub app: Option<&'r App>,
    /// The deciding rule, counted from zero.
    pub rule: Option<usize>,
    /// What the deciding rule asks for ([`Access::Deny`] without one). With [`Outcome::SignIn`] it says which
    /// level the sign-in has to reach.
    pub access: Access,
    /// What made the decision.
    pub why: Why,
}

impl Decision<'_> {
    /// The deciding rule as the configuration's author counts: from one, and none where the app in general decided.
    pub fn rule_number(&self) -> Option<usize> {
        number(self.app?, self.rule)
    }
}

/// The number of one of an app's rules, see [`Decision::rule_number`].
pub(super) fn number(app: &App, rule: Option<usize>) -> Option<usize> {
    let at = rule?;
    (!app.rules.get(at)?.general).then_some(at + 1)
}

/// The verdict on one reading of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) access: Access,
    pub(super) rule: Option<usize>,
}

impl RuleSet {
    /// Decides whether this caller (`None`: nobody signed in) may have this target.
    ///
    /// `client` is the client's address as [`client_address`](crate::values::net::client_address) tells it.
    pub fn decide(
        &self,
        subject: Option<&Subject<'_>>,
        target: &Target,
        client: Option<IpAddr>,
    ) -> Decision<'_> {
        let refused =
            |app, why| Decision { outcome: Outcome::Deny, app, rule: None, access: Access::Deny, why };
        let Some(compiled) = self.compiled_for(&target.host, target.port, target.scheme) else {
            return refused(None, Why::NoApp);
        };
        if !compiled.app.scheme.allow(target.scheme) {
            return refused(Some(&compiled.app), Why::WrongScheme);
        }
        let strictest =
            target.path.readings().map(|reading| compiled.judge(subject, target, reading, client)).max();
        match strictest {
            Some(Verdict { outcome, access, rule }) => Decision {
                outcome,
                app: Some(&compiled.app),
                rule,
                access,
                why: if rule.is_some() { Why::Rule } else { Why::NoRule },
            },
            None => refused(Some(&compiled.app), Why::NoRule),
        }
    }
}

impl Compiled {
    /// The first matching rule decides, for one reading of the path.
    pub(super) fn judge(
        &self,
        subject: Option<&Subject<'_>>,
        target: &Target,
        reading: &str,
        client: Option<IpAddr>,
    ) -> Verdict {
        // VCH-9: where paths matter, what servers may read differently is never opened to everybody.
        let no_bypass = self.about_paths && target.path.differs();
        for (at, rule) in self.rules.iter().enumerate() {
            if (no_bypass && rule.access == Access::Bypass) || !rule.matches_object(target, reading, client) {
                continue;
            }
            let outcome = match subject {
                None if rule.names_subjects() => Outcome::SignIn,
                None => match rule.access {
                    Access::Bypass => Outcome::Pass { anonymous: true },
                    Access::SignedIn | Access::SecondFactor => Outcome::SignIn,
                    Access::Deny => Outcome::Deny,
                },
                Some(subject) if !rule.matches_subject(subject) => continue,
                Some(subject) => match rule.access {
                    Access::Bypass | Access::SignedIn => Outcome::Pass { anonymous: false },
                    Access::SecondFactor if rule.is_recent(subject.second_factor) => {
                        Outcome::Pass { anonymous: false }
                    }
                    Access::SecondFactor => Outcome::SecondFactor,
                    Access::Deny => Outcome::Deny,
                },
            };
            return Verdict { outcome, access: rule.access, rule: Some(at) };
        }
        Verdict { outcome: Outcome::Deny, access: Access::Deny, rule: None }
    }
}
