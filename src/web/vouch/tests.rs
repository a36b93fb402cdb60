//! Checks by their surface: what a proxy sends, what it gets.

mod credentials;
mod freshness;
mod model;
mod trust;
mod verdicts;

use std::{collections::HashMap, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};

use super::{
    Settings, Verdict, Vouch,
    identity::{HeaderText, IdentityHeaders, Preset},
};
use crate::{
    actions::testing::{PASSWORD, Plan},
    domain::policy::{Access, App, ContinueUrl, Declared, PathRule, Rule, RuleSet, Schemes},
    values::{pattern::HostPattern, url::WebUrl},
    web::testing::{Answer, House, PORTAL, arrival, read},
};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");

/// A house whose `/auth/vouch` is asked.
struct Door {
    house: House,
    vouch: Vouch,
}

type Headers<'a> = Vec<(&'a str, &'a str)>;

impl Door {
    fn open() -> Self {
        Self::with(rules(true), settings())
    }

    /// Rules under which every signed-in person may do everything.
    fn mild() -> Self {
        Self::with(rules(false), settings())
    }

    fn with(rules: RuleSet, settings: Settings) -> Self {
        let house = House::build(Plan::default(), rules, |_| ());
        let vouch = house.shared.vouch(settings);
        Self { house, vouch }
    }

    /// With `alice` of `staff`, signed in; gives the cookie header.
    async fn with_alice() -> (Self, String) {
        let door = Self::open();
        let cookie = door.admit("alice").await;
        (door, cookie)
    }

    async fn admit(&self, name: &str) -> String {
        self.house.desk.add(name).await;
        self.sign_in(name).await
    }

    async fn sign_in(&self, name: &str) -> String {
        cookie(&self.house.desk.sign_in(name, PASSWORD).await.unwrap().key.text())
    }

    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_as("127.0.0.1", "GET", path, headers).await
    }

    async fn ask_as(&self, peer: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.verdict(peer, method, path, headers).await.0
    }

    async fn verdict(
        &self,
        peer: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (Answer, Verdict) {
        let mut request = Request::builder().method(method).uri(path).body(()).unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let parts = request.into_parts().0;
        let now = self.house.shared.actions.world().now();
        let (response, verdict) = self.vouch.answer(arrival(peer), &parts, now);
        let answer = read(response).await;
        // VCH-1, VCH-6, VCH-7, VCH-15 hold for whatever is asked, so every test of this file proves them, too.
        let passed = matches!(verdict, Verdict::Pass | Verdict::PassAnonymous);
        assert_eq!(answer.status == StatusCode::OK, passed, "{answer:?}");
        assert!(passed || !answer.status.is_success(), "{answer:?}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[header::VARY], "Cookie, Authorization");
        for name in IDENTITY {
            assert_eq!(
                answer.headers.get_all(name).iter().count(),
                usize::from(passed),
                "{name} in {answer:?}"
            );
        }
        assert!(answer.headers.get_all(header::SET_COOKIE).iter().count() <= 1);
        for never in
            ["strict-transport-security", "clear-site-data", "alt-svc", "access-control-allow-origin"]
        {
            assert!(!answer.headers.contains_key(never), "{never}");
        }
        (answer, verdict)
    }

    /// The check in both dialects, with whatever comes along.
    async fn both(&self, method: &str, url: &str, more: &[(&str, &str)]) -> [Answer; 2] {
        let request = [request(method, url), more.to_vec()].concat();
        let (proto, rest) = url.split_once("://").unwrap();
        let (host, uri) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let forward = [forward(method, proto, host, uri), more.to_vec()].concat();
        [self.ask("/auth/vouch/request", &request).await, self.ask("/auth/vouch/forward", &forward).await]
    }
}

const IDENTITY: [&str; 4] = ["remote-user", "remote-groups", "remote-email", "remote-name"];

fn cookie(value: &str) -> String {
    format!("__Secure-auth={value}")
}

fn request<'a>(method: &'a str, url: &'a str) -> Headers<'a> {
    vec![("x-original-method", method), ("x-original-url", url)]
}

fn forward<'a>(method: &'a str, proto: &'a str, host: &'a str, uri: &'a str) -> Headers<'a> {
    vec![
        ("x-forwarded-method", method),
        ("x-forwarded-proto", proto),
        ("x-forwarded-host", host),
        ("x-forwarded-uri", uri),
    ]
}

fn identity_of(answer: &Answer) -> [&str; 4] {
    IDENTITY.map(|name| {
        answer.headers.get(name).map_or("-", |value| std::str::from_utf8(value.as_bytes()).unwrap())
    })
}

fn settings() -> Settings {
    Settings {
        session_only: false,
        identity: IdentityHeaders::new(Preset::Remote.headers(), HeaderText::Utf8),
        per_app: HashMap::new(),
        preflight: vec!["app".to_owned()],
    }
}

fn rules(strict: bool) -> RuleSet {
    let app = |name: &str, rules: Vec<Rule>| App {
        hosts: vec![HostPattern::parse(&format!("{name}.example.com")).unwrap()],
        rules,
        ..App::new(name)
    };
    let mut apps = vec![
        app("app", vec![Rule::new(Access::SignedIn)]),
        app("public", vec![Rule::new(Access::Bypass)]),
        App { scheme: Schemes::Http, ..app("plain", vec![Rule::new(Access::SignedIn)]) },
    ];
    if strict {
        let prefix = |path: &str| vec![PathRule::Prefix(path.to_owned())];
        apps.extend([
            app("staff", vec![Rule { groups: vec!["staff".to_owned()], ..Rule::new(Access::SignedIn) }]),
            app("boss", vec![Rule { groups: vec!["admins".to_owned()], ..Rule::new(Access::SignedIn) }]),
            app("safe", vec![Rule::new(Access::SecondFactor)]),
            app("shut", vec![Rule::new(Access::Deny)]),
            app(
                "mixed",
                vec![
                    Rule { paths: prefix("/open"), ..Rule::new(Access::Bypass) },
                    Rule { paths: prefix("/shut"), ..Rule::new(Access::Deny) },
                    Rule::new(Access::SignedIn),
                ],
            ),
        ]);
    }
    RuleSet::compile(Declared {
        apps,
        portal: Some(WebUrl::parse(PORTAL).unwrap()),
        continue_urls: vec![ContinueUrl::Prefix("https://partner.example.net/back".to_owned())],
    })
    .unwrap()
}

/// Status, headers and body as text, for comparing whole answers.
fn whole(answer: &Answer) -> String {
    let mut lines: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort();
    format!("{}\n{}\n\n{}\n", answer.status, lines.join("\n"), answer.text)
}
