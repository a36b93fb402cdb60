//! Rules as an operator writes them, and what they decide.

use std::{net::IpAddr, time::Duration};

use super::{Access, App, Complaint, Outcome, PathRule, Rule, RuleSet, Schemes, Subject, Why};
use crate::values::{method::Method, pattern::HostPattern, target::Target};

pub(super) const ANONYMOUS: Outcome = Outcome::Pass { anonymous: true };
pub(super) const PASS: Outcome = Outcome::Pass { anonymous: false };

pub(super) fn app(name: &str, hosts: &[&str], rules: Vec<Rule>) -> App {
    let hosts = hosts.iter().map(|host| HostPattern::parse(host).expect("pattern")).collect();
    App { hosts, rules, ..App::new(name) }
}

pub(super) fn rule(access: Access, prefix: &str) -> Rule {
    Rule { paths: vec![PathRule::Prefix(prefix.into())], ..Rule::new(access) }
}

pub(super) fn rules(apps: Vec<App>) -> RuleSet {
    RuleSet::compile(apps).expect("rules")
}

fn one(list: Vec<Rule>) -> RuleSet {
    rules(vec![app("app", &["app.example.com"], list)])
}

pub(super) fn ask(rules: &RuleSet, subject: Option<&Subject<'_>>, path: &str) -> Outcome {
    let target = Target::from_parts("GET", "https", "app.example.com", path).expect("target");
    rules.decide(subject, &target, None).outcome
}

const ALICE: Subject<'_> = Subject { username: "alice", groups: &[], second_factor: None };
const STRONG: Subject<'_> = Subject { second_factor: Some(Duration::ZERO), ..ALICE };

/// Proves: VCH-12
#[test]
fn what_no_rule_allows_is_refused() {
    let rules = one(vec![rule(Access::SignedIn, "/a")]);
    let decide = |url: &str| {
        let target = Target::parse_url("GET", url).expect("target");
        let decision = rules.decide(Some(&STRONG), &target, None);
        (decision.outcome, decision.why)
    };
    assert_eq!(decide("https://app.example.com/a"), (PASS, Why::Rule));
    assert_eq!(decide("https://app.example.com/b"), (Outcome::Deny, Why::NoRule));
    assert_eq!(decide("https://other.example.com/a"), (Outcome::Deny, Why::NoApp));
    assert_eq!(decide("https://app.example.com:8443/a"), (Outcome::Deny, Why::NoApp));
    assert_eq!(decide("http://app.example.com/a"), (Outcome::Deny, Why::WrongScheme));
    assert_eq!(ask(&one(vec![]), Some(&STRONG), "/"), Outcome::Deny);
    let empty = RuleSet::compile(Vec::new()).expect("rules");
    assert_eq!(ask(&empty, Some(&STRONG), "/"), Outcome::Deny);
}

/// Proves: VCH-1
#[test]
fn each_access_asks_what_it_says() {
    for (access, nobody, alice, strong) in [
        (Access::Bypass, ANONYMOUS, PASS, PASS),
        (Access::SignedIn, Outcome::SignIn, PASS, PASS),
        (Access::SecondFactor, Outcome::SignIn, Outcome::SecondFactor, PASS),
        (Access::Deny, Outcome::Deny, Outcome::Deny, Outcome::Deny),
    ] {
        let rules = one(vec![Rule::new(access)]);
        assert_eq!(ask(&rules, None, "/"), nobody, "{access:?}");
        assert_eq!(ask(&rules, Some(&ALICE), "/"), alice, "{access:?}");
        assert_eq!(ask(&rules, Some(&STRONG), "/"), strong, "{access:?}");
    }
}

#[test]
fn the_first_match_decides() {
    let rules =
        one(vec![rule(Access::Deny, "/a/b"), rule(Access::Bypass, "/a"), rule(Access::SignedIn, "/")]);
    assert_eq!(ask(&rules, Some(&ALICE), "/a/b/c"), Outcome::Deny);
    assert_eq!(ask(&rules, None, "/a"), ANONYMOUS);
    assert_eq!(ask(&rules, None, "/ab"), Outcome::SignIn);
    let target = Target::from_parts("GET", "https", "app.example.com", "/x").expect("target");
    assert_eq!(rules.decide(None, &target, None).rule, Some(2));
}

#[test]
fn people_are_meant_by_name_or_by_group() {
    let rules = one(vec![
        Rule { users: vec!["alice".into()], groups: vec!["ops".into()], ..rule(Access::SecondFactor, "/") },
        Rule { groups: vec!["staff".into()], ..rule(Access::SignedIn, "/") },
    ]);
    let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let outcome = |username, names: &[&str]| {
        let groups = groups(names);
        ask(&rules, Some(&Subject { username, groups: &groups, second_factor: None }), "/")
    };
    assert_eq!(outcome("alice", &[]), Outcome::SecondFactor);
    assert_eq!(outcome("bob", &["ops"]), Outcome::SecondFactor);
    assert_eq!(outcome("bob", &["staff"]), PASS);
    assert_eq!(outcome("bob", &["staff", "ops"]), Outcome::SecondFactor);
    assert_eq!(outcome("bob", &[]), Outcome::Deny);
    assert_eq!(outcome("Alice", &[]), Outcome::Deny);
    assert_eq!(outcome("alic", &["op", "ops2"]), Outcome::Deny);
    // Nobody is asked to sign in, whatever the rule would then ask for.
    assert_eq!(ask(&rules, None, "/"), Outcome::SignIn);
    let denies = one(vec![
        Rule { users: vec!["mallory".into()], ..rule(Access::Deny, "/") },
        rule(Access::Bypass, "/"),
    ]);
    assert_eq!(ask(&denies, None, "/"), Outcome::SignIn);
    assert_eq!(ask(&denies, Some(&ALICE), "/"), PASS);
}

/// Proves: VCH-12
#[test]
fn no_method_is_a_bypass_unless_listed() {
    let rules = one(vec![
        Rule { methods: vec![Method::Get], ..rule(Access::Bypass, "/") },
        Rule::new(Access::SignedIn),
    ]);
    for (method, want) in [
        ("GET", ANONYMOUS),
        ("HEAD", Outcome::SignIn),
        ("OPTIONS", Outcome::SignIn),
        ("TRACE", Outcome::SignIn),
        ("get", Outcome::SignIn),
        ("PROPFIND", Outcome::SignIn),
    ] {
        let target = Target::from_parts(method, "https", "app.example.com", "/").expect("target");
        assert_eq!(rules.decide(None, &target, None).outcome, want, "{method}");
    }
}

/// Proves: HDR-2
#[test]
fn an_unknown_address_is_in_no_network() {
    let rules = one(vec![
        Rule { networks: vec!["::ffff:10.0.0.0/104".parse().expect("net")], ..Rule::new(Access::Bypass) },
        Rule::new(Access::SignedIn),
    ]);
    let target = Target::from_parts("GET", "https", "app.example.com", "/").expect("target");
    let outcome = |address: Option<&str>| {
        let address: Option<IpAddr> = address.map(|text| text.parse().expect("address"));
        rules.decide(None, &target, address).outcome
    };
    assert_eq!(outcome(Some("10.1.2.3")), ANONYMOUS);
    assert_eq!(outcome(Some("::ffff:10.1.2.3")), ANONYMOUS);
    assert_eq!(outcome(Some("11.1.2.3")), Outcome::SignIn);
    assert_eq!(outcome(None), Outcome::SignIn);
}

/// Proves: VCH-10
#[test]
fn expressions_are_anchored_and_see_the_path_only() {
    let regex = |text: &str| Rule { paths: vec![PathRule::Regex(text.into())], ..Rule::new(Access::Bypass) };
    let rules = one(vec![regex("/public|/open/[^/]+"), Rule::new(Access::SignedIn)]);
    for (path, want) in [
        ("/public", ANONYMOUS),
        ("/public?x=1", ANONYMOUS),
        ("/open/x", ANONYMOUS),
        ("/public/x", Outcome::SignIn),
        ("/x/public", Outcome::SignIn),
        ("/publicx", Outcome::SignIn),
        ("/open/x/y", Outcome::SignIn),
        ("/admin?/public", Outcome::SignIn),
        ("/admin?x=/open/x", Outcome::SignIn),
        ("/open/x%2Fy", Outcome::SignIn),
        ("/open/%70ublic", Outcome::SignIn),
    ] {
        assert_eq!(ask(&rules, None, path), want, "{path}");
    }
}

/// Proves: VCH-9
#[test]
fn spelling_tricks_never_open_a_path() {
    let rules =
        one(vec![rule(Access::Bypass, "/public"), rule(Access::Deny, "/admin"), rule(Access::SignedIn, "/")]);
    for path in [
        "/%61dmin",
        "/%2561dmin",
        "//admin",
        "/./admin",
        "/x/../admin",
        "/%2e/admin",
        "/x/%2e%2e/admin",
        "/x%2f..%2fadmin",
        "/admin;x",
        "/;/admin",
        "/admin%3Bx",
        "/public/../admin",
        "/public/..;/admin",
        "/public/%2e%2e%2fadmin",
        "/public%2f..%2fadmin",
        "/public/%252e%252e/admin",
        "/%2fadmin",
        "/admin%2fx",
        "/admin%3fx",
        "/admin%23",
        "/x/..//admin",
        "/admin/.",
        "/admin%252fx",
        "/public/..%252fadmin",
        "/%61%64min/",
    ] {
        assert_eq!(ask(&rules, None, path), Outcome::Deny, "{path}");
        assert_eq!(ask(&rules, Some(&STRONG), path), Outcome::Deny, "{path}");
    }
    for path in [
        "/public%2f",
        "/public//x",
        "/public/./x",
        "/public/%7Ex",
        "/%70ublic",
        "/public/a%2fb",
        "/public/%25",
        "/public/x/../y",
        "/public/%c3%a9",
    ] {
        assert_eq!(ask(&rules, None, path), Outcome::SignIn, "{path}");
        assert_eq!(ask(&rules, Some(&ALICE), path), PASS, "{path}");
    }
    // One reading only, or parameters that change nothing: open as declared.
    for path in ["/public", "/public/a%20b", "/public/%C3%A9", "/public/a.b", "/public/x;v=1"] {
        assert_eq!(ask(&rules, None, path), ANONYMOUS, "{path}");
    }
}

/// An app with no rule about paths is judged alike on every path, so `%2F` APIs of public apps work.
#[test]
fn where_no_rule_is_about_paths_spelling_does_not_matter() {
    let public = one(vec![Rule::new(Access::Bypass)]);
    assert_eq!(ask(&public, None, "/projects/a%2Fb//c"), ANONYMOUS);
    let guarded = one(vec![rule(Access::SignedIn, "/projects")]);
    assert_eq!(ask(&guarded, Some(&ALICE), "/projects/a%2Fb"), PASS);
}

#[test]
fn hosts_narrow_a_rule() {
    let narrow = Rule {
        hosts: vec![HostPattern::parse("b.example.com").expect("pattern")],
        ..Rule::new(Access::Deny)
    };
    let rules = rules(vec![app("app", &["*.example.com:*"], vec![narrow, Rule::new(Access::SignedIn)])]);
    let outcome = |host: &str| {
        let target = Target::from_parts("GET", "https", host, "/").expect("target");
        rules.decide(Some(&ALICE), &target, None).outcome
    };
    assert_eq!((outcome("a.example.com"), outcome("B.example.com.")), (PASS, Outcome::Deny));
    assert_eq!(outcome("b.example.com:8443"), Outcome::Deny);
    assert_eq!(outcome("a.example.com:8443"), PASS);
}

#[test]
fn the_closest_pattern_owns_a_host() {
    let rules = rules(vec![
        app("wide", &["*.example.com", "example.com:*"], vec![]),
        app("deep", &["*.a.example.com"], vec![]),
        app("exact", &["x.a.example.com", "example.com:8443"], vec![]),
    ]);
    let owner = |url: &str| {
        let target = Target::parse_url("GET", url).expect("target");
        rules.app_for(&target.host, target.port, target.scheme).map(|app| app.name.as_str())
    };
    assert_eq!(owner("https://b.example.com/"), Some("wide"));
    assert_eq!(owner("https://a.example.com/"), Some("wide"));
    assert_eq!(owner("https://y.a.example.com/"), Some("deep"));
    assert_eq!(owner("https://x.a.example.com/"), Some("exact"));
    assert_eq!(owner("https://example.com/"), Some("wide"));
    assert_eq!(owner("https://example.com:8443/"), Some("exact"));
    assert_eq!(owner("https://b.example.com:1/"), None);
    assert_eq!(owner("https://example.org/"), None);
    assert_eq!(owner("https://com/"), None);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let bad = |path: PathRule| Rule { paths: vec![path], ..Rule::new(Access::SignedIn) };
    let complaints = RuleSet::compile(vec![
        app("a", &["a.example.com", "c.example.com"], vec![bad(PathRule::Regex("a)|(b".into()))]),
        app("a", &["A.example.com.", "c.example.com:443"], vec![bad(PathRule::Prefix("/x/../y".into()))]),
        app(
            "b c",
            &[],
            vec![
                bad(PathRule::Regex("(?:a{1000}){1000}".into())),
                bad(PathRule::Regex("/a%2f.*".into())),
                bad(PathRule::Exact("x".into())),
                Rule { users: vec![" ".into()], groups: vec![String::new()], ..Rule::new(Access::Deny) },
                Rule {
                    hosts: vec![HostPattern::parse("z.example").expect("pattern")],
                    ..Rule::new(Access::Deny)
                },
            ],
        ),
    ])
    .expect_err("complaints");
    let told: Vec<_> = complaints.iter().map(|c| (c.app.as_deref(), c.rule, c.field)).collect();
    assert_eq!(
        told,
        [
            (Some("a"), None, "name"),
            (Some("b c"), None, "name"),
            (Some("a"), None, "hosts"),
            (Some("a"), None, "hosts"),
            (Some("b c"), None, "hosts"),
            (Some("a"), Some(0), "paths"),
            (Some("a"), Some(0), "paths"),
            (Some("b c"), Some(0), "paths"),
            (Some("b c"), Some(1), "paths"),
            (Some("b c"), Some(2), "paths"),
            (Some("b c"), Some(3), "users"),
            (Some("b c"), Some(3), "groups"),
            (Some("b c"), Some(4), "hosts"),
        ]
    );
    let first = complaints.iter().find(|c| c.rule.is_some()).map(Complaint::to_string).unwrap_or_default();
    assert!(first.starts_with("app `a`: rule 1: paths: not a regular expression"), "{first}");
}

#[test]
fn tells_whether_a_session_alone_says_enough() {
    let stricter = |list: Vec<Rule>| one(list).any_stricter_than_signed_in();
    assert!(!RuleSet::compile(Vec::new()).expect("rules").any_stricter_than_signed_in());
    assert!(!stricter(vec![Rule::new(Access::SignedIn)]));
    assert!(!stricter(vec![Rule::new(Access::Bypass)]));
    assert!(!stricter(vec![rule(Access::Bypass, "/a"), rule(Access::SignedIn, "/")]));
    assert!(stricter(vec![]));
    assert!(stricter(vec![rule(Access::SignedIn, "/a")]));
    assert!(stricter(vec![Rule::new(Access::SecondFactor)]));
    assert!(stricter(vec![rule(Access::Deny, "/a"), Rule::new(Access::SignedIn)]));
    assert!(stricter(vec![Rule { users: vec!["a".into()], ..Rule::new(Access::SignedIn) }]));
    assert!(stricter(vec![rule(Access::SignedIn, "/a"), Rule::new(Access::Bypass)]));
    assert_eq!(one(vec![Rule::new(Access::SecondFactor)]).strictest_access(), Some(Access::SecondFactor));
}

#[test]
fn explains_what_it_decides() {
    let rules = one(vec![rule(Access::Deny, "/admin"), rule(Access::SignedIn, "/")]);
    let target = Target::from_parts("GET", "https", "app.example.com", "/%61dmin").expect("target");
    let told = rules.explain(Some(&ALICE), &target, None);
    assert_eq!((told.outcome.as_str(), told.rule, told.app.as_deref()), ("deny", Some(1), Some("app")));
    let readings: Vec<_> = told.readings.iter().map(|r| (r.path.as_str(), r.outcome.as_str())).collect();
    assert_eq!(readings, [("/%61dmin", "pass"), ("/admin", "deny")]);
    assert!(told.facts.contains(&("user".to_owned(), "alice".to_owned())));
    assert_eq!(Schemes::default(), Schemes::Https);

    // What nobody wrote as a rule is not told as one.
    let whole = one(vec![Rule::general(Access::SignedIn)]).explain(Some(&ALICE), &target, None);
    assert_eq!(
        whole.reason,
        "app `app`, which has no rules, asks for signed-in, the strictest over all readings of the path"
    );
    assert_eq!((whole.rule, whole.readings[0].rule), (None, None));
    let target = Target::from_parts("GET", "https", "app.example.com", "/x").expect("target");
    let rest = one(vec![rule(Access::Deny, "/admin"), Rule::general(Access::SignedIn)]);
    let rest = rest.explain(Some(&ALICE), &target, None);
    assert_eq!(rest.reason, "app `app`, where none of its rules decides, asks for signed-in");
    assert_eq!(rest.rule, None);
}

/// A rule may ask for a second factor of the last minutes; then an older one is as good as none.
///
/// Proves: SES-11
#[test]
fn a_second_factor_can_be_too_old_for_a_rule() {
    let limited = Rule { within: Some(Duration::from_mins(15)), ..rule(Access::SecondFactor, "/admin") };
    let rules = one(vec![limited, rule(Access::SecondFactor, "/")]);
    let aged = |seconds| Subject { second_factor: Some(Duration::from_secs(seconds)), ..ALICE };
    let pass = Outcome::Pass { anonymous: false };
    for (seconds, path, outcome) in [
        (0, "/admin", pass),
        (900, "/admin", pass),
        (901, "/admin", Outcome::SecondFactor),
        (901, "/admin/x", Outcome::SecondFactor),
        (1_000_000, "/", pass),
    ] {
        assert_eq!(ask(&rules, Some(&aged(seconds)), path), outcome, "{seconds} {path}");
    }
    assert_eq!(ask(&rules, Some(&ALICE), "/admin"), Outcome::SecondFactor);
    let target = Target::parse_url("GET", "https://app.example.com/admin").unwrap();
    let told = rules.explain(Some(&aged(901)), &target, None);
    assert_eq!(told.outcome, "second-factor");
    assert!(told.reason.contains("second-factor given at most 900 seconds ago"), "{}", told.reason);
    assert!(told.facts.contains(&("second factor".to_owned(), "yes, 901 seconds ago".to_owned())));
}
