//! `[[apps]]` and `[[apps.rules]]`: what is guarded, and who may pass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{proxies::network, within};
use crate::{
    config::{
        fields::{Several, Texts},
        ledger::Ledger,
        settings::{AppSettings, Preset},
        units::Period,
    },
    domain::policy::{
        Access, App, Complaint, ContinueUrl, Declared, PathRule, Rule, RuleSet, Schemes, Upstream,
    },
    values::{
        host::Scheme,
        method::Method,
        name::{GroupName, Username},
        pattern::HostPattern,
        url::WebUrl,
    },
};

/// One `[[apps]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AppSection {
    pub(crate) name: String,
    pub(crate) hosts: Texts,
    pub(crate) scheme: Option<SchemeWord>,
    pub(crate) upstream: Option<UpstreamWord>,
    pub(crate) headers: Option<Several<Preset>>,
    pub(crate) preflight: Option<PreflightWord>,
    pub(crate) access: Option<AccessWord>,
    pub(crate) rules: Vec<RuleSection>,
}

/// One `[[apps.rules]]`. Every condition that is written must hold; within one, any of its values. The three
/// kinds of path are one condition.
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
    pub(crate) access: Option<AccessWord>,
    pub(crate) within: Option<Period>,
}

/// `scheme`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SchemeWord {
    Https,
    Http,
    Any,
}

/// `upstream`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UpstreamWord {
    Whoami,
}

/// `preflight`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PreflightWord {
    Judge,
    Pass,
}

/// `access`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccessWord {
    Bypass,
    SignedIn,
    SecondFactor,
    Deny,
}

impl From<AccessWord> for Access {
    fn from(word: AccessWord) -> Self {
        match word {
            AccessWord::Bypass => Self::Bypass,
            AccessWord::SignedIn => Self::SignedIn,
            AccessWord::SecondFactor => Self::SecondFactor,
            AccessWord::Deny => Self::Deny,
        }
    }
}

/// All of them, in order, and the places beside them, compiled.
pub(crate) fn settle(
    sections: &[AppSection],
    portal: &WebUrl,
    places: Vec<ContinueUrl>,
    ledger: &mut Ledger,
) -> Option<(RuleSet, Vec<AppSettings>)> {
    let mut names = BTreeMap::new();
    let mut apps = Vec::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        let path = format!("apps[{index}]");
        apps.push(section.settle(&path, portal.scheme(), ledger));
        if section.name.is_empty() {
            continue;
        }
        if let Some(earlier) = names.insert(section.name.as_str(), index) {
            let message = format!("\"{}\" is the name of apps[{earlier}] as well", section.name);
            ledger.refuse(&format!("{path}.name"), message);
        }
    }
    let declared = Declared { apps, portal: Some(portal.clone()), continue_urls: places };
    match RuleSet::compile(declared) {
        Ok(rules) => Some((rules, sections.iter().map(AppSection::settings).collect())),
        Err(complaints) => {
            for complaint in complaints {
                ledger.refuse(&key_of(&complaint, sections), in_one_line(&complaint.message));
            }
            None
        }
    }
}

/// What is wrong with a regular expression comes with a drawing of it; its last line is the reason.
fn in_one_line(message: &str) -> String {
    match (message.split_once(':'), message.lines().last()) {
        (Some((what, drawing)), Some(reason)) if drawing.contains('\n') => {
            format!("{what}: {}", reason.trim_start_matches("error: "))
        }
        _ => message.to_owned(),
    }
}

/// The key of what the rules complain about.
fn key_of(complaint: &Complaint, sections: &[AppSection]) -> String {
    let Some(name) = &complaint.app else { return format!("portal.{}", complaint.field) };
    let app = sections.iter().rposition(|app| app.name == *name).unwrap_or_default();
    let Some(rule) = complaint.rule else { return format!("apps[{app}].{}", complaint.field) };
    let section = sections.get(app).and_then(|app| app.rules.get(rule));
    let kinds = section.map_or_else(Vec::new, RuleSection::kinds_of_path);
    match (complaint.field, kinds.as_slice()) {
        ("paths", [kind]) => format!("apps[{app}].rules[{rule}].{kind}"),
        ("paths", _) => format!("apps[{app}].rules[{rule}]"),
        (field, _) => format!("apps[{app}].rules[{rule}].{field}"),
    }
}

impl AppSection {
    /// What cannot be read is left out here; the complaint about it keeps the result from being used.
    fn settle(&self, path: &str, portal: Scheme, ledger: &mut Ledger) -> App {
        if self.name.is_empty() {
            let hint = "a short name for logs and metrics, like \"wiki\"".to_owned();
            ledger.refuse_key(&format!("{path}.name"), "is missing", Some(hint));
        }
        if self.hosts.is_empty() {
            let hint = "the host names the app is reached by, like [\"wiki.example.com\"]".to_owned();
            ledger.refuse_key(&format!("{path}.hosts"), "is missing", Some(hint));
        }
        let mut app = App::new(self.name.as_str());
        app.hosts = hosts(&format!("{path}.hosts"), &self.hosts, ledger);
        app.scheme = match (self.scheme, portal) {
            (Some(SchemeWord::Any), _) => Schemes::Any,
            (Some(SchemeWord::Https), _) | (None, Scheme::Https) => Schemes::Https,
            (Some(SchemeWord::Http), _) | (None, Scheme::Http) => Schemes::Http,
        };
        app.upstream = self.upstream.map(|UpstreamWord::Whoami| Upstream::Whoami);
        for (index, rule) in self.rules.iter().enumerate() {
            app.rules.push(rule.settle(&format!("{path}.rules[{index}]"), ledger));
        }
        // Without rules an app is for everybody who signed in; with rules, what none of them names stays closed.
        let shorthand = self.rules.is_empty().then_some(AccessWord::SignedIn);
        app.rules.extend(self.access.or(shorthand).map(|access| Rule::general(access.into())));
        app
    }

    fn settings(&self) -> AppSettings {
        AppSettings {
            name: self.name.clone(),
            headers: self.headers.clone().map(|list| list.0),
            preflights_pass: self.preflight == Some(PreflightWord::Pass),
        }
    }
}

impl RuleSection {
    fn settle(&self, path: &str, ledger: &mut Ledger) -> Rule {
        if self.access.is_none() {
            let hint = "\"bypass\", \"signed-in\", \"second-factor\" or \"deny\"".to_owned();
            ledger.refuse_key(&format!("{path}.access"), "is missing", Some(hint));
        }
        let asks_who = !(self.users.is_empty() && self.groups.is_empty());
        if self.access == Some(AccessWord::Bypass) && asks_who {
            ledger.refuse_with(
                path,
                "lets people pass who are not known, but asks who they are",
                "access = \"signed-in\" with users or groups",
            );
        }
        if let Some(most) = &self.within {
            let key = format!("{path}.within");
            within(ledger, &key, most, &Period::minutes(1), &Period::days(1));
            if self.access != Some(AccessWord::SecondFactor) {
                ledger.refuse_with(&key, "is about second factors only", "access = \"second-factor\"");
            }
        }
        let exact = self.path.iter().cloned().map(PathRule::Exact);
        let prefix = self.path_prefix.iter().cloned().map(PathRule::Prefix);
        let regex = self.path_regex.iter().cloned().map(PathRule::Regex);
        let mut rule = Rule::new(self.access.unwrap_or(AccessWord::Deny).into());
        rule.within = self.within.as_ref().map(|most| most.0);
        rule.paths = exact.chain(prefix).chain(regex).collect();
        rule.hosts = hosts(&format!("{path}.hosts"), &self.hosts, ledger);
        rule.methods = each(&format!("{path}.methods"), &self.methods, ledger, |text| {
            Method::parse(text).map_err(|_| format!("\"{text}\" is not an HTTP method"))
        });
        rule.users = each(&format!("{path}.users"), &self.users, ledger, |text| {
            let name = Username::parse(text).map_err(|error| error.to_string())?;
            Ok(name.canonical().to_owned())
        });
        rule.groups = each(&format!("{path}.groups"), &self.groups, ledger, |text| {
            let name = GroupName::parse(text).map_err(|error| error.to_string())?;
            Ok(name.canonical().to_owned())
        });
        let networks = self.networks.iter().enumerate();
        rule.networks = networks
            .filter_map(|(at, text)| network(&format!("{path}.networks[{at}]"), text, ledger))
            .collect();
        rule
    }

    fn kinds_of_path(&self) -> Vec<&'static str> {
        let kinds =
            [("path", &self.path), ("path_prefix", &self.path_prefix), ("path_regex", &self.path_regex)];
        kinds.into_iter().filter(|(_, list)| !list.is_empty()).map(|(kind, _)| kind).collect()
    }
}

fn hosts(key: &str, texts: &Texts, ledger: &mut Ledger) -> Vec<HostPattern> {
    each(key, texts, ledger, |text| HostPattern::parse(text).map_err(|error| format!("\"{text}\": {error}")))
}

/// Reads each text of a list; those that cannot be read are complained about and left out.
fn each<T>(
    key: &str,
    texts: &Texts,
    ledger: &mut Ledger,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut values = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match read(text) {
            Ok(value) => values.push(value),
            Err(message) => ledger.refuse(&format!("{key}[{index}]"), message),
        }
    }
    values
}
