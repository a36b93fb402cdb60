//! One rule, ready to be matched: no allocation, no failure.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::Extractor;

use super::model::{Access, PathRule, Rule, Subject};
use crate::values::{
    method::Method,
    path::{LiteralError, literal},
    pattern::{HostPattern, Ports},
    target::Target,
};

/// The largest program a rule's regular expression may compile to, in bytes.
const REGEX_SIZE: usize = 256 * 1024;

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Matcher {
    hosts: Vec<HostPattern>,
    paths: Vec<PathMatcher>,
    methods: Vec<Method>,
    networks: Vec<IpNet>,
    users: Vec<Box<str>>,
    groups: Vec<Box<str>>,
    pub(super) access: Access,
    within: Option<Duration>,
}

impl Matcher {
    /// From a rule whose paths are compiled already.
    pub(super) fn new(rule: &Rule, paths: Vec<PathMatcher>) -> Self {
        let names = |list: &[String]| {
            let mut names: Vec<Box<str>> = list.iter().map(|name| name.as_str().into()).collect();
            names.sort_unstable();
            names
        };
        Self {
            hosts: rule.hosts.clone(),
            paths,
            methods: rule.methods.clone(),
            networks: rule.networks.iter().map(|net| crate::values::net::unmap_net(*net)).collect(),
            users: names(&rule.users),
            groups: names(&rule.groups),
            access: rule.access,
            within: rule.within,
        }
    }

    /// Whether a second factor that was given so long ago is enough for it.
    pub(super) fn is_recent(&self, age: Option<Duration>) -> bool {
        age.is_some_and(|age| self.within.is_none_or(|most| age <= most))
    }

    /// Whether the request is one that the rule is about, whoever asks. `path` is one reading.
    pub(super) fn matches_object(&self, target: &Target, path: &str, client: Option<IpAddr>) -> bool {
        any(&self.paths, |rule| rule.matches(path))
            && any(&self.methods, |method| *method == target.method)
            && any(&self.hosts, |host| narrows_to(host, target))
            && any(&self.networks, |net| client.is_some_and(|client| net.contains(&client.to_canonical())))
    }

    /// Whether the rule says whom it means.
    pub(super) const fn names_subjects(&self) -> bool {
        !self.users.is_empty() || !self.groups.is_empty()
    }

    /// Whether it means this caller: by either list, or because it has none.
    pub(super) fn matches_subject(&self, subject: &Subject<'_>) -> bool {
        !self.names_subjects()
            || contains(&self.users, subject.username)
            || subject.groups.iter().any(|group| contains(&self.groups, group))
    }

    /// Whether it tells paths apart. A prefix `/` does not.
    pub(super) fn is_about_paths(&self) -> bool {
        !any(&self.paths, PathMatcher::is_everything)
    }

    /// Whether every request by everybody matches.
    pub(super) fn is_catch_all(&self) -> bool {
        !self.is_about_paths()
            && self.methods.is_empty()
            && self.hosts.is_empty()
            && self.networks.is_empty()
            && !self.names_subjects()
    }
}

/// A host in a rule narrows an app's hosts; without a port it means all ports the app has. (Were it the
/// default port only, a rule that denies would be lost on the others.)
fn narrows_to(host: &HostPattern, target: &Target) -> bool {
    host.matches_host(&target.host)
        && (host.ports() == Ports::Default || host.matches_port(target.port, target.scheme))
}

fn any<T>(list: &[T], matches: impl FnMut(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(matches)
}

fn contains(sorted: &[Box<str>], name: &str) -> bool {
    sorted.binary_search_by(|own| (**own).cmp(name)).is_ok()
}

/// A compiled criterion about paths.
#[derive(Debug)]
pub(super) enum PathMatcher {
    Exact(Box<str>),
    /// Without slash at the end; empty for the root.
    Prefix(Box<str>),
    Regex {
        regex: Regex,
        /// What every path begins with that it matches. Most paths are told apart by it, without waking the engine.
        begins: Box<str>,
    },
}

impl PathMatcher {
    /// Compiles, or says in one sentence what is wrong.
    pub(super) fn new(rule: &PathRule) -> Result<Self, String> {
        let read = |text: &str| literal(text).map_err(|error: LiteralError| error.to_string());
        Ok(match rule {
            PathRule::Exact(text) => Self::Exact(read(text)?.into()),
            PathRule::Prefix(text) => Self::Prefix(read(text)?.trim_end_matches('/').into()),
            PathRule::Regex(text) => {
                check_escapes(text)?;
                let regex = anchored(text)?;
                Self::Regex { begins: common_prefix(regex.as_str()), regex }
            }
        })
    }

    fn is_everything(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix.is_empty())
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(own) => **own == *path,
            Self::Prefix(prefix) => is_at_or_below(path, prefix),
            Self::Regex { regex, begins } => path.starts_with(&**begins) && regex.is_match(path),
        }
    }
}

/// Whether `path` is `prefix` (which does not end in a slash) or lies below it, on a segment border.
pub(super) fn is_at_or_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Compiles an expression that must match the whole text (VCH-10). The engine works in linear time.
pub(super) fn anchored(text: &str) -> Result<Regex, String> {
    let build = |text: &str| RegexBuilder::new(text).size_limit(REGEX_SIZE).build();
    // Alone first: `a)|(b` is no expression, but would become one inside the group, with both
    // halves anchored at one end only.
    build(text).and_then(|_| build(&format!(r"\A(?:{text})\z"))).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        other => format!("not a regular expression: {other}"),
    })
}

/// What every match begins with, as far as that can be told; empty when it cannot.
fn common_prefix(anchored: &str) -> Box<str> {
    let literals = regex_syntax::parse(anchored).map(|tree| Extractor::new().extract(&tree));
    let common = literals.ok().and_then(|literals| literals.longest_common_prefix().map(<[u8]>::to_vec));
    // It may end within a character; then it is not worth the trouble.
    common.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default().into()
}

/// Readings escape only what browsers escape, in upper case. Any other escape in an expression
/// could never match, or would tell apart what a server takes for the same.
fn check_escapes(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('%') {
        let escape = text.get(at..at + 3).unwrap_or_default();
        let kept = crate::values::path::is_kept_escape(escape);
        if !kept {
            return Err(format!(
                "`%` at byte {at} begins no escape that stands in a canonical path; write characters plainly, \
                 and those that browsers escape as upper-case escapes"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{anchored, common_prefix};

    #[test]
    fn the_common_prefix_is_one_of_every_match() {
        for (text, prefix) in [
            ("^/internal/[a-z]+/[0-9]+$", "/internal/"),
            ("/a/(b|c)", "/a/"),
            ("/a|/b", "/"),
            ("(?i)/admin", "/"),
            ("/a?/b", "/"),
            (".*/admin", ""),
            ("[/a]b", ""),
            ("(?:/x)*", ""),
            ("", ""),
            ("^$", ""),
        ] {
            assert_eq!(&*common_prefix(anchored(text).unwrap().as_str()), prefix, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// Proves: VCH-10
        #[test]
        fn the_prefix_hides_no_match(text in "(/|a|b|\\(a|\\)|\\||\\?|\\*|\\^|\\$|\\(\\?i\\)|\\.|\\[ab\\]){0,10}", path in "/[abAB/]{0,6}") {
            if let Ok(regex) = anchored(&text) && regex.is_match(&path) {
                let prefix = common_prefix(regex.as_str());
                prop_assert!(path.starts_with(&*prefix), "{} {} {}", text, path, prefix);
            }
        }
    }
}
