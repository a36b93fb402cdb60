//! Who may ask for what: declared apps and their rules, compiled once, judged on every check.
//!
//! **Responsibility.** [`RuleSet`] turns the declared [`App`]s into one immutable value and answers
//! [`RuleSet::decide`] for a caller and a [`Target`](crate::values::target::Target). [`returns`] decides where
//! a browser may be sent.
//!
//! **Invariants.** Rules are tried in order, the first that matches decides, and where none matches the
//! answer is no (VCH-12). A path that servers may read in several ways gets the strictest verdict of
//! all readings, and is never opened to everybody by a rule about paths (VCH-9). Rules see neither
//! query nor fragment (VCH-10). A [`returns::ReturnTo`] leads to a declared place only.
//!
//! **Not here.** Who the caller is (`gate`), how a verdict is said to a proxy (`web`), TOML (`config`).
//!
//! **Start reading at** [`App`] and [`Rule`], then [`RuleSet::decide`].

mod compile;
mod decide;
mod explain;
mod hosts;
mod matching;
mod model;
pub mod returns;

pub use compile::{Complaint, RuleSet};
pub use decide::{Decision, Outcome, Why};
pub use explain::{Explanation, ReadingExplained};
pub use model::{Access, App, ContinueUrl, Declared, PathRule, Rule, Schemes, Subject, Upstream};

#[cfg(test)]
mod tests;
