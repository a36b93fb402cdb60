//! From declarations to a [`RuleSet`], with every complaint at once.

use std::{collections::HashSet, fmt};

use super::{
    hosts::HostIndex,
    matching::{Matcher, PathMatcher},
    model::{Access, App, Declared, Rule},
    returns::Places,
};
use crate::values::{
    host::{Host, Scheme},
    pattern::{HostPattern, Hosts, Ports},
    url::WebUrl,
};

/// One thing wrong with the declarations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The app, by name; `None` for what stands beside the apps.
    pub app: Option<String>,
    /// The rule, counted from zero.
    pub rule: Option<usize>,
    /// The field: `name`, `hosts`, `paths`, `networks`, `users`, `groups`, `allowed_continue_urls`.
    pub field: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(app) = &self.app {
            write!(f, "app `{app}`: ")?;
        }
        if let Some(rule) = self.rule {
            write!(f, "rule {}: ", rule + 1)?;
        }
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// All apps and rules, compiled. Immutable: a changed configuration makes a new one, swapped in whole.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(super) apps: Vec<Compiled>,
    pub(super) hosts: HostIndex,
    pub(super) places: Places,
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) app: App,
    pub(super) rules: Vec<Matcher>,
    /// Whether any rule is about paths. If none is, no reading of a path can change the verdict.
    pub(super) about_paths: bool,
}

impl RuleSet {
    /// Compiles the declarations, or says everything that is wrong with them.
    pub fn compile(declared: impl Into<Declared>) -> Result<Self, Vec<Complaint>> {
        let Declared { apps, portal, continue_urls } = declared.into();
        let mut complaints = Vec::new();
        let mut names = HashSet::new();
        for app in &apps {
            check_name(app, &mut names, &mut complaints);
        }
        let hosts = index(&apps, &mut complaints);
        let apps = apps.into_iter().map(|app| compile(app, &mut complaints)).collect();
        let places = Places::new(portal, &continue_urls, &mut complaints);
        if complaints.is_empty() { Ok(Self { apps, hosts, places }) } else { Err(complaints) }
    }

    /// The app that lives at this host and port. The scheme only tells the default port: whether the app
    /// may be used over it is [`Schemes::allow`](super::Schemes::allow).
    pub fn app_for(&self, host: &Host, port: u16, scheme: Scheme) -> Option<&App> {
        self.compiled_for(host, port, scheme).map(|compiled| &compiled.app)
    }

    /// The apps, in the order of declaration.
    pub fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.iter().map(|compiled| &compiled.app)
    }

    /// Where our own pages live.
    pub const fn portal(&self) -> Option<&WebUrl> {
        self.places.portal()
    }

    /// The same rules with our own pages elsewhere.
    #[must_use]
    pub fn with_portal(mut self, portal: Option<WebUrl>) -> Self {
        self.places.move_portal(portal);
        self
    }

    /// The strictest thing that any rule asks for; `None` without rules.
    pub fn strictest_access(&self) -> Option<Access> {
        self.apps.iter().flat_map(|app| &app.rules).map(|rule| rule.access).max()
    }

    /// Whether anywhere a signed-in person might not pass: a rule that asks for more than a session, or
    /// an app that is not open to every signed-in person to its last corner. Then a check that judges the
    /// session alone would say yes too often (DESIGN.md section 4, ruling 1).
    pub fn any_stricter_than_signed_in(&self) -> bool {
        self.apps.iter().any(|app| !is_open_to_the_signed_in(app))
    }

    pub(super) fn compiled_for(&self, host: &Host, port: u16, scheme: Scheme) -> Option<&Compiled> {
        self.hosts.find(host, port, scheme).and_then(|at| self.apps.get(at))
    }
}

fn is_open_to_the_signed_in(app: &Compiled) -> bool {
    for rule in &app.rules {
        if rule.access > Access::SignedIn {
            return false;
        }
        // A whole-app bypass does not hold for ambiguous paths when other rules are about paths.
        if rule.is_catch_all() && (rule.access == Access::SignedIn || !app.about_paths) {
            return true;
        }
    }
    false
}

fn check_name<'a>(app: &'a App, names: &mut HashSet<&'a str>, complaints: &mut Vec<Complaint>) {
    let complain = |message: &str| Complaint {
        app: Some(app.name.clone()),
        rule: None,
        field: "name",
        message: message.to_owned(),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if app.name.is_empty() || app.name.len() > 64 || !app.name.bytes().all(is_plain) {
        complaints.push(complain("a name has 1 to 64 characters of A-Z a-z 0-9 . _ -"));
    }
    if !names.insert(&app.name) {
        complaints.push(complain("another app has this name already"));
    }
}

fn index(apps: &[App], complaints: &mut Vec<Complaint>) -> HostIndex {
    let mut hosts = HostIndex::default();
    for (at, app) in apps.iter().enumerate() {
        let mut complain = |message: String| {
            complaints.push(Complaint { app: Some(app.name.clone()), rule: None, field: "hosts", message });
        };
        if app.hosts.is_empty() {
            complain("an app needs at least one host".to_owned());
        }
        for pattern in &app.hosts {
            if let Err(owner) = hosts.insert(pattern, at) {
                let owner = apps.get(owner).map_or("another", |app| app.name.as_str());
                complain(format!("`{pattern}` belongs to app `{owner}` already"));
            }
        }
    }
    hosts
}

fn compile(app: App, complaints: &mut Vec<Complaint>) -> Compiled {
    let mut rules = Vec::with_capacity(app.rules.len());
    for (at, rule) in app.rules.iter().enumerate() {
        let mut complain = |field: &'static str, message: String| {
            complaints.push(Complaint { app: Some(app.name.clone()), rule: Some(at), field, message });
        };
        check_rule(rule, &app.hosts, &mut complain);
        let mut paths = Vec::with_capacity(rule.paths.len());
        for path in &rule.paths {
            match PathMatcher::new(path) {
                Ok(matcher) => paths.push(matcher),
                Err(message) => complain("paths", message),
            }
        }
        rules.push(Matcher::new(rule, paths));
    }
    let about_paths = rules.iter().any(Matcher::is_about_paths);
    Compiled { app, rules, about_paths }
}

fn check_rule(rule: &Rule, own: &[HostPattern], complain: &mut impl FnMut(&'static str, String)) {
    for pattern in &rule.hosts {
        if !own.iter().any(|own| overlap(own, pattern)) {
            complain("hosts", format!("`{pattern}` is not among the hosts of this app"));
        }
    }
    for (field, list) in [("users", &rule.users), ("groups", &rule.groups)] {
        if list.iter().any(|name| name.trim().is_empty()) {
            complain(field, "an empty name matches nobody".to_owned());
        }
    }
}

/// Whether a rule's host pattern can mean anything that the app's own pattern means.
fn overlap(own: &HostPattern, narrow: &HostPattern) -> bool {
    let hosts = match (own.hosts(), narrow.hosts()) {
        (Hosts::Exact(host), _) => narrow.matches_host(host),
        (_, Hosts::Exact(host)) => own.matches_host(host),
        (Hosts::Below(x), Hosts::Below(y)) => x == y || own.matches_host(y) || narrow.matches_host(x),
    };
    let ports = match (own.ports(), narrow.ports()) {
        (Ports::Any, _) | (_, Ports::Any | Ports::Default) => true,
        (Ports::Exact(x), Ports::Exact(y)) => x == y,
        (Ports::Default, Ports::Exact(port)) => {
            [Scheme::Http, Scheme::Https].iter().any(|scheme| scheme.default_port() == port)
        }
    };
    hosts && ports
}
