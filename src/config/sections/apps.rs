//! `[[apps]]` and `[[apps.rules]]`: what is guarded, and who may pass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::proxies::network;
use crate::config::{
    fields::{Several, Texts},
    ledger::Ledger,
    settings::{Access, App, AppScheme, Preflight, Preset, Rule},
};

/// One `[[apps]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AppSection {
    pub(crate) name: String,
    pub(crate) hosts: Texts,
    pub(crate) scheme: Option<AppScheme>,
    pub(crate) upstream: Option<String>,
    pub(crate) headers: Option<Several<Preset>>,
    pub(crate) preflight: Option<Preflight>,
    pub(crate) access: Option<Access>,
    pub(crate) rules: Vec<RuleSection>,
}

/// One `[[apps.rules]]`. Every condition that is written must hold; within one, any of its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuleSection {
    pub(crate) hosts: Texts,
    pub(crate) path: Texts,
    pub(crate) path_prefix: Texts,
    pub(crate) path_regex: Texts,
    pub(crate) methods: Texts,
    pub(crate) networks: Texts,
    pub(crate) users: Texts,
    pub(crate) groups: Texts,
    pub(crate) access: Option<Access>,
}

/// All of them, in order.
pub(crate) fn settle(apps: &[AppSection], ledger: &mut Ledger) -> Option<Vec<App>> {
    let mut names = BTreeMap::new();
    let settled: Vec<_> = apps
        .iter()
        .enumerate()
        .map(|(index, app)| {
            let path = format!("apps[{index}]");
            if let Some(earlier) = names.insert(app.name.as_str(), index) {
                if !app.name.is_empty() {
                    ledger.refuse(
                        &format!("{path}.name"),
                        format!("\"{}\" is the name of apps[{earlier}] as well", app.name),
                    );
                }
            }
            app.settle(&path, ledger)
        })
        .collect();
    settled.into_iter().collect()
}

impl AppSection {
    fn settle(&self, path: &str, ledger: &mut Ledger) -> Option<App> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if self.name.is_empty() {
            ledger.refuse_key(
                &format!("{path}.name"),
                "is missing",
                Some("a short name for logs and metrics, like \"wiki\"".to_owned()),
            );
        } else if self.name.len() > 64 || !self.name.chars().all(is_plain) {
            ledger.refuse_with(
                &format!("{path}.name"),
                format!("\"{}\" cannot be a name here", self.name),
                "lower-case letters, digits, - and _, at most 64",
            );
        }
        if self.hosts.is_empty() {
            ledger.refuse_key(
                &format!("{path}.hosts"),
                "is missing",
                Some("the host names the app is reached by, like [\"wiki.example.com\"]".to_owned()),
            );
        }
        if let Some(upstream) = self.upstream.as_deref().filter(|upstream| *upstream != WHOAMI) {
            ledger.refuse_with(
                &format!("{path}.upstream"),
                format!("\"{upstream}\" is not known"),
                "\"whoami\" is the only one; other apps are reached by the proxy in front of us",
            );
        }
        let rules: Vec<_> = self
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| rule.settle(&format!("{path}.rules[{index}]"), ledger))
            .collect();
        // Without rules an app is for everybody who signed in; with rules, what none of them names is closed.
        let fallback = if self.rules.is_empty() { Access::SignedIn } else { Access::Deny };
        Some(App {
            name: self.name.clone(),
            hosts: self.hosts.0.clone(),
            scheme: self.scheme,
            whoami: self.upstream.is_some(),
            headers: self.headers.clone().map(|list| list.0),
            preflight: self.preflight.unwrap_or(Preflight::Judge),
            rules: rules.into_iter().collect::<Option<_>>()?,
            otherwise: self.access.unwrap_or(fallback),
        })
    }
}

/// The app that shows what it was sent; built in.
const WHOAMI: &str = "whoami";

impl RuleSection {
    fn settle(&self, path: &str, ledger: &mut Ledger) -> Option<Rule> {
        if self.access.is_none() {
            ledger.refuse_key(
                &format!("{path}.access"),
                "is missing",
                Some("\"bypass\", \"signed-in\", \"second-factor\" or \"deny\"".to_owned()),
            );
        }
        let given =
            [&self.path, &self.path_prefix, &self.path_regex].iter().filter(|list| !list.is_empty()).count();
        if given > 1 {
            ledger.refuse_with(
                path,
                "has more than one kind of path",
                "a rule has path, path_prefix or path_regex; write one rule for each",
            );
        }
        if self.access == Some(Access::Bypass) && !(self.users.is_empty() && self.groups.is_empty()) {
            ledger.refuse_with(
                path,
                "lets people pass who are not known, but asks who they are",
                "access = \"signed-in\" with users or groups",
            );
        }
        for (index, regex) in self.path_regex.iter().enumerate() {
            if let Err(error) = regex::Regex::new(regex) {
                let message = error.to_string();
                let reason = message.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
                ledger.refuse(
                    &format!("{path}.path_regex[{index}]"),
                    format!("not a regular expression: {reason}"),
                );
            }
        }
        for (name, list) in [("path", &self.path), ("path_prefix", &self.path_prefix)] {
            for (index, text) in list.iter().enumerate() {
                if !text.starts_with('/') {
                    ledger.refuse(
                        &format!("{path}.{name}[{index}]"),
                        format!("\"{text}\" does not begin with /"),
                    );
                }
            }
        }
        let networks = self.networks.iter().enumerate();
        let networks: Vec<_> = networks
            .filter_map(|(index, text)| network(&format!("{path}.networks[{index}]"), text, ledger))
            .collect();
        Some(Rule {
            hosts: self.hosts.0.clone(),
            paths: self.path.0.clone(),
            prefixes: self.path_prefix.0.clone(),
            regexes: self.path_regex.0.clone(),
            methods: self.methods.0.clone(),
            networks,
            users: self.users.0.clone(),
            groups: self.groups.0.clone(),
            access: self.access?,
        })
    }
}
