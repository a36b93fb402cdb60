//! The decision told in words, for `vouchsafe explain`. Uses the same judgement as the check itself.

use std::{net::IpAddr, time::Duration};

use super::{
    compile::RuleSet,
    decide::{Decision, Outcome, Why, number},
    model::{Access, Rule, Subject},
};
use crate::values::target::Target;

/// A decision with everything it was made of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// `pass`, `pass-anonymous`, `sign-in`, `second-factor` or `deny`.
    pub outcome: String,
    /// Why, in one sentence.
    pub reason: String,
    /// The app, by name.
    pub app: Option<String>,
    /// The deciding rule, counted from one as people do; none where no rule decides: there is no app, none matches, or what decides is
    /// what the app asks in general.
    pub rule: Option<usize>,
    /// What that rule, or the app in general, asks for; `deny` where there is neither.
    pub access: String,
    /// The verdict on each reading of the path.
    pub readings: Vec<ReadingExplained>,
    /// What was known: name and value, in a fixed order.
    pub facts: Vec<(String, String)>,
}

/// The verdict on one reading of the path.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ReadingExplained {
    /// The path so read.
    pub path: String,
    /// As in [`Explanation::outcome`].
    pub outcome: String,
    /// The rule that decided it, counted from one; none as in [`Explanation::rule`].
    pub rule: Option<usize>,
    /// As in [`Explanation::access`].
    pub access: String,
}

impl RuleSet {
    /// Explains what [`RuleSet::decide`] says to the same question.
    pub fn explain(
        &self,
        subject: Option<&Subject<'_>>,
        target: &Target,
        client: Option<IpAddr>,
    ) -> Explanation {
        let decision = self.decide(subject, target, client);
        let compiled = self.compiled_for(&target.host, target.port, target.scheme);
        let readings = target.path.readings().filter_map(|path| {
            let verdict = compiled?.judge(subject, target, path, client);
            Some(ReadingExplained {
                path: path.to_owned(),
                outcome: word(verdict.outcome).to_owned(),
                rule: number(&compiled?.app, verdict.rule),
                access: verdict.access.as_str().to_owned(),
            })
        });
        Explanation {
            outcome: word(decision.outcome).to_owned(),
            reason: reason(&decision, target, compiled.is_some_and(|compiled| compiled.about_paths)),
            app: decision.app.map(|app| app.name.clone()),
            rule: decision.rule_number(),
            access: decision.access.as_str().to_owned(),
            readings: if decision.why == Why::WrongScheme { Vec::new() } else { readings.collect() },
            facts: facts(subject, target, client),
        }
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass { anonymous: false } => "pass",
        Outcome::Pass { anonymous: true } => "pass-anonymous",
        Outcome::SignIn => "sign-in",
        Outcome::SecondFactor => "second-factor",
        Outcome::Deny => "deny",
    }
}

fn reason(decision: &Decision<'_>, target: &Target, about_paths: bool) -> String {
    let app = decision.app.map_or("", |app| app.name.as_str());
    match (decision.why, decision.rule) {
        (Why::NoApp, _) => format!("no app is declared for {}", target.origin()),
        (Why::WrongScheme, _) => format!("app `{app}` is not to be used over {}", target.scheme),
        (Why::NoRule, _) | (Why::Rule, None) => {
            format!("no rule of app `{app}` matches, and what no rule allows is refused")
        }
        (Why::Rule, Some(rule)) => {
            let access = decision.access.as_str();
            let closed = if about_paths && target.path.differs() && !decision.outcome.is_pass() {
                "; servers may read this path differently, so no rule opens it to everybody"
            } else {
                ""
            };
            let many = if target.path.readings().nth(1).is_some() {
                ", the strictest over all readings of the path"
            } else {
                ""
            };
            let deciding = decision.app.and_then(|app| app.rules.get(rule));
            let limit = deciding.and_then(|rule| rule.within);
            let limit = limit.filter(|_| decision.access == Access::SecondFactor);
            let limit = limit
                .map_or_else(String::new, |most| format!(" given at most {} seconds ago", most.as_secs()));
            let who = match deciding {
                Some(Rule { general: true, .. }) if rule == 0 => format!("app `{app}`, which has no rules,"),
                Some(Rule { general: true, .. }) => format!("app `{app}`, where none of its rules decides,"),
                _ => format!("rule {} of app `{app}`", rule + 1),
            };
            format!("{who} asks for {access}{limit}{many}{closed}")
        }
    }
}

fn second_factor(age: Option<Duration>) -> String {
    age.map_or_else(|| "no".to_owned(), |age| format!("yes, {} seconds ago", age.as_secs()))
}

fn facts(subject: Option<&Subject<'_>>, target: &Target, client: Option<IpAddr>) -> Vec<(String, String)> {
    let yes = |flag: bool| (if flag { "yes" } else { "no" }).to_owned();
    let mut facts = vec![
        ("scheme".to_owned(), target.scheme.to_string()),
        ("host".to_owned(), target.host.to_string()),
        ("port".to_owned(), target.port.to_string()),
        ("method".to_owned(), target.method.to_string()),
        ("path as sent".to_owned(), target.path.raw().to_owned()),
        ("canonical path".to_owned(), target.path.canonical().to_owned()),
        ("ambiguous path".to_owned(), yes(target.path.differs())),
        ("client".to_owned(), client.map_or_else(|| "unknown".to_owned(), |address| address.to_string())),
    ];
    match subject {
        None => facts.push(("user".to_owned(), "nobody".to_owned())),
        Some(subject) => {
            facts.push(("user".to_owned(), subject.username.to_owned()));
            facts.push(("groups".to_owned(), subject.groups.join(", ")));
            facts.push(("second factor".to_owned(), second_factor(subject.second_factor)));
        }
    }
    facts
}
