//! Properties that must hold for any rules and any spelling, checked on generated ones.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    Access, Outcome, PathRule, Rule, RuleSet, Subject,
    corpus::assert_leads_home,
    returns::tests::rules as places,
    tests::{ANONYMOUS, app, ask, rules},
};
use crate::values::{
    path::{Path, PathError},
    target::Target,
};

/// What servers do to a path before they look it up, written independently of the implementation.
#[derive(Clone, Copy, Debug)]
enum Normalizer {
    DecodeOnce,
    MergeSlashes,
    RemoveDots,
    StripParameters,
}

impl Normalizer {
    fn apply(self, path: &str) -> String {
        match self {
            Self::DecodeOnce => {
                // What a decoder yields is spelled as a URL again where it could not stand in one.
                let bytes: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
                let text = percent_encoding::percent_encode(&bytes, percent_encoding::CONTROLS).to_string();
                let text = text.replace('?', "%3F").replace('#', "%23").replace(' ', "%20");
                spell_lone_percents(&text)
            }
            Self::MergeSlashes => {
                let mut path = path.to_owned();
                while path.contains("//") {
                    path = path.replace("//", "/");
                }
                path
            }
            Self::RemoveDots => {
                let mut out: Vec<&str> = vec![];
                let segments: Vec<&str> = path[1..].split('/').collect();
                for (at, segment) in segments.iter().enumerate() {
                    match *segment {
                        ".." => drop(out.pop()),
                        "." => {}
                        other => out.push(other),
                    }
                    if at + 1 == segments.len() && matches!(*segment, "." | "..") {
                        out.push("");
                    }
                }
                format!("/{}", out.join("/"))
            }
            Self::StripParameters => {
                let strip = |segment: &str| segment.split(';').next().unwrap_or_default().to_owned();
                path.split('/').map(strip).collect::<Vec<_>>().join("/")
            }
        }
    }
}

fn spell_lone_percents(text: &str) -> String {
    let begins_escape =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    let mut pieces = text.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str(if begins_escape(piece) { "%" } else { "%25" });
        out.push_str(piece);
    }
    out
}

/// Servers as they are, and made-up ones.
fn server() -> impl Strategy<Value = Vec<Normalizer>> {
    use Normalizer::{DecodeOnce, MergeSlashes, RemoveDots, StripParameters};
    let known = prop::sample::select(vec![
        vec![DecodeOnce],
        vec![DecodeOnce, RemoveDots, MergeSlashes],
        vec![MergeSlashes, DecodeOnce, RemoveDots],
        vec![StripParameters, DecodeOnce, RemoveDots],
        vec![DecodeOnce, StripParameters, MergeSlashes, RemoveDots],
        vec![RemoveDots, DecodeOnce, StripParameters],
        vec![DecodeOnce, DecodeOnce, MergeSlashes, RemoveDots],
        vec![DecodeOnce, RemoveDots, DecodeOnce, StripParameters, RemoveDots, MergeSlashes],
    ]);
    let one = prop::sample::select(vec![DecodeOnce, MergeSlashes, RemoveDots, StripParameters]);
    let any_order = prop::collection::vec(one, 0..6);
    // At most two decodings: a third would be a server that nobody has seen.
    let made_up = any_order.prop_map(|steps| {
        let mut decodings = 0;
        steps
            .into_iter()
            .filter(|step| {
                decodings += usize::from(matches!(step, DecodeOnce));
                decodings <= 2 || !matches!(step, DecodeOnce)
            })
            .collect()
    });
    prop_oneof![known, made_up]
}

/// Rules over a handful of paths, so that spellings often meet them.
fn rule() -> impl Strategy<Value = Rule> {
    let place =
        prop::sample::select(vec!["/", "/a", "/b", "/a/b", "/a/b/c", "/a!", "/é", "/public", "/admin"]);
    let path = prop_oneof![
        4 => place.clone().prop_map(|path| PathRule::Prefix(path.to_owned())),
        2 => place.prop_map(|path| PathRule::Exact(path.to_owned())),
        1 => prop::sample::select(vec!["/a/[^/]+", "/(a|public)/.*", "/[a-z]+", "/.*%C3%A9"])
            .prop_map(|regex| PathRule::Regex(regex.to_owned())),
    ];
    let access = prop::sample::select(vec![
        Access::Bypass,
        Access::Bypass,
        Access::SignedIn,
        Access::SecondFactor,
        Access::Deny,
    ]);
    let within = prop::option::of((1..4_u64).prop_map(Duration::from_mins));
    (prop::collection::vec(path, 0..3), access, prop::bool::weighted(0.2), within).prop_map(
        |(paths, access, named, within)| Rule {
            paths,
            groups: if named { vec!["staff".to_owned()] } else { vec![] },
            within,
            ..Rule::new(access)
        },
    )
}

/// Any text made of the pieces that tricks are made of.
fn jumble() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "c", "a!", "é", "public", "admin", "/", "/", "/", "//", "/.", "/..", "/./", "/../",
        "/x/..", ";", ";v=1", ";/", "/;", "..;/", "%61", "%62", "%2561", "%2f", "%2F", "%252f", "%2e",
        "%2e%2e", "%252e", "%3b", "%3bv", "%21", "%C3%A9", "%c3%a9", "%25", "%3fx", "%23x", ".",
    ]);
    prop::collection::vec(piece, 0..7).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// A place that rules know, in disguise: some of its characters escaped once or twice, its slashes padded.
fn disguise() -> impl Strategy<Value = String> {
    let place = prop::sample::select(vec![
        "/a",
        "/b",
        "/a/b",
        "/a/b/c",
        "/a!",
        "/public/x",
        "/admin",
        "/public/../admin",
    ]);
    let choices = prop::collection::vec(0_u8..12, 20);
    (place, choices).prop_map(|(place, choices)| {
        let mut out = String::new();
        for (at, (byte, choice)) in place.bytes().zip(choices).enumerate() {
            let spelled = match (byte, choice) {
                (b'/', 0) => "//".to_owned(),
                (b'/', 1) => "/./".to_owned(),
                (b'/', 2) => "/x/../".to_owned(),
                (b'/', 3) => ";v/".to_owned(),
                (b'/', 4) => "/;/".to_owned(),
                (b'/', 5) if at > 0 => "%2f".to_owned(),
                (b'/', 6) if at > 0 => "%252F".to_owned(),
                (b'/', _) => "/".to_owned(),
                (byte, 0) => format!("%{byte:02X}"),
                (byte, 1) => format!("%{byte:02x}"),
                (byte, 2) => format!("%25{byte:02X}"),
                (byte, _) => char::from(byte).to_string(),
            };
            out.push_str(&spelled);
        }
        if out.starts_with('/') { out } else { format!("/{out}") }
    })
}

fn spelling() -> impl Strategy<Value = String> {
    prop_oneof![jumble(), disguise(), disguise()]
}

fn judged(rules: &RuleSet, subject: Option<&Subject<'_>>, path: &str) -> Option<Outcome> {
    let target = Target::from_parts("GET", "https", "app.example.com", path).ok()?;
    Some(rules.decide(subject, &target, None).outcome)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// Whatever a server makes of a spelling, the spelling gets no more than what it was made into: so no
    /// two spellings of one place differ in that one of them opens what the plain one keeps shut.
    ///
    /// Proves: VCH-9, URL-9
    #[test]
    fn no_spelling_gets_more_than_the_place_it_names(
        list in prop::collection::vec(rule(), 0..5), raw in spelling(), server in server(),
        signed_in in any::<bool>(), age in prop::option::of(0..240_u64), staff in any::<bool>(),
    ) {
        let rules = rules(vec![app("app", &["app.example.com"], list)]);
        let groups = if staff { vec!["staff".to_owned()] } else { vec![] };
        let subject = Subject { username: "alice", groups: &groups, second_factor: age.map(Duration::from_secs) };
        let subject = signed_in.then_some(&subject);
        if let Some(outcome) = judged(&rules, subject, &raw) {
            let place = server.iter().fold(raw.clone(), |path, step| step.apply(&path));
            let named = judged(&rules, subject, &place);
            // Only a name that unescapes twice to what is not UTF-8 (`50%25ab`) cannot be asked for plainly.
            let unspeakable = Path::parse(&place) == Err(PathError::Utf8);
            prop_assert!(named.is_some() || unspeakable, "{} became {}, which is refused", raw, place);
            prop_assert!(named <= Some(outcome), "{}: {:?}, but {}: {:?}", raw, outcome, place, named);
        }
    }

    /// Proves: VCH-9
    #[test]
    fn nothing_ambiguous_is_opened_to_everybody(
        list in prop::collection::vec(rule(), 0..5), raw in spelling(),
    ) {
        let about_paths = list.iter().any(|rule| {
            !rule.paths.is_empty() && !rule.paths.contains(&PathRule::Prefix("/".to_owned()))
        });
        let rules = rules(vec![app("app", &["app.example.com"], list)]);
        if let Ok(target) = Target::from_parts("GET", "https", "app.example.com", &raw)
            && (target.path.differs() || target.path.canonical() != target.path.raw()) && about_paths
        {
            prop_assert_ne!(rules.decide(None, &target, None).outcome, ANONYMOUS);
        }
    }

    /// Proves: VCH-10
    #[test]
    fn the_query_takes_no_part(list in prop::collection::vec(rule(), 0..5), query in "[a-z/%.?&=]{0,12}") {
        let rules = rules(vec![app("app", &["app.example.com"], list)]);
        for path in ["/", "/a", "/admin", "/public/x"] {
            prop_assert_eq!(ask(&rules, None, &format!("{path}?{query}")), ask(&rules, None, path));
        }
    }

    /// Proves: URL-1, URL-2, URL-6
    #[test]
    fn what_is_accepted_leads_home(pieces in prop::collection::vec(prop::sample::select(vec![
        "https:", "http:", "HTTPS:", "//", "/", "/", "\\", "good.com", "good.com", "evil.com", "a.apps.good.com", "auth.good.com",
        "docs.example/manual", "127.0.0.1:8080", "[::1]:8080", "x.wiki.example", "@", ":", ":443", ":8080", "?", "#", ".", "..",
        "%2f", "%5c", "%00", "%09", "%40", "%2e", "\t", "\n", " ", ";", "&", "=", "é", "。", "／", "x", "javascript:", "*",
    ]), 1..8), from_home in any::<bool>()) {
        let text = format!("{}{}", if from_home { "https://good.com" } else { "" }, pieces.concat());
        let rules = places();
        if let Ok(to) = rules.return_to(&text) {
            assert_leads_home(&to);
            prop_assert_eq!(rules.return_to(to.location()), Ok(to.clone()));
            prop_assert!(to.location().bytes().all(|byte| matches!(byte, b'!'..=b'~')));
        }
    }

    #[test]
    fn no_return_address_panics(text in "\\PC{0,60}") {
        let rules = places();
        let _ = rules.return_to(&text);
        let _ = rules.return_to(&format!("https://{text}"));
        let _ = rules.receive(&text, crate::values::time::Timestamp::from_secs(0), &|_| [0; 16]);
    }
}
