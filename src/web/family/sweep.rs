//! Tests that walk a family's table: each row is held to what it says of itself. A family calls [`walk`] with its own house and
//! nothing else; a new row needs no new test for this, and cannot slip by (security.md API-1).

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, header};

use super::{Access, Family, Route, Verb};
use crate::{
    actions::{Which, apikeys::NewApiKey, testing::Plan},
    domain::{
        apikey::{KeyName, Scope},
        login::throttle,
    },
    values::id::AccountId,
    web::testing::{Answer, House, operator, rules},
};

/// A request's headers.
type Headers<'h> = &'h [(&'h str, &'h str)];

/// Everything the table of a family claims. `open` are the endpoints that anybody may call, as method and path: who adds one says
/// so here, too.
pub(in crate::web) async fn walk(family: &'static Family, open: &[(&str, &str)]) {
    well_formed(family);
    open_ones_are_known(family, open);
    let walk = Walk::new(family).await;
    for (_, route) in family.rows().filter(|(_, route)| route.handler.is_routed()) {
        for base in family.bases {
            let path = format!("{base}{}", filled(route.path));
            walk.place(route, &path).await;
            walk.strangers(route, &path).await;
            walk.programs(route, &path).await;
            walk.foreign_pages(route, &path).await;
        }
    }
}

/// A path with something in place of its variable parts.
pub(in crate::web) fn filled(template: &str) -> String {
    let parts: Vec<_> =
        template.split('/').map(|part| if part.starts_with('{') { "some-thing" } else { part }).collect();
    parts.join("/")
}

/// Proves nothing by itself: [`walk`] is called by each family's test, which does.
fn well_formed(family: &Family) {
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for (resource, route) in family.rows() {
        let place = format!("{} {}", route.method.as_str(), route.path);
        assert!(ids.insert(route.id), "two endpoints are called {}", route.id);
        assert!(places.insert(place.clone()), "{place} is there twice");
        assert!(route.path.starts_with('/') && !route.path.ends_with('/'), "{place}");
        assert!(!route.summary.is_empty() && !resource.name.is_empty(), "{place} has no summary");
        let signature = route.handler.signature();
        assert!(!signature.answers.is_empty(), "{place} never answers well");
        let somebody = matches!(route.access, Access::Session | Access::Private(_) | Access::Unfinished(_));
        assert!(!signature.needs_somebody || somebody, "{place} is for somebody, but lets anybody in");
        let service = route.access == Access::Service;
        assert!(!signature.needs_service || service, "{place} is for services, but lets others in");
        if somebody && !route.method.method().is_safe() {
            assert!(signature.needs_somebody, "{place} changes something without knowing who asks");
        }
        let variable = |part: &str| Some(part.strip_prefix('{')?.strip_suffix('}')?.to_owned());
        let in_path: BTreeSet<String> = route.path.split('/').filter_map(variable).collect();
        let described: BTreeSet<String> = signature
            .parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(in_path, described, "{place}: what varies in its path");
    }
}

fn open_ones_are_known(family: &Family, open: &[(&str, &str)]) {
    let is_open = |route: &&Route| matches!(route.access, Access::Open | Access::Client);
    let found: BTreeSet<_> = family
        .rows()
        .map(|(_, route)| route)
        .filter(is_open)
        .map(|route| (route.method.as_str(), route.path))
        .collect();
    assert_eq!(found, open.iter().copied().collect(), "endpoints that let anybody in");
}

struct Walk {
    family: &'static Family,
    house: House,
    alice: AccountId,
    keys: BTreeMap<&'static str, String>,
}

impl Walk {
    async fn new(family: &'static Family) -> Self {
        // So many requests in one moment are no visitor's.
        let throttle = throttle::Rules {
            attempts_per_minute: 1_000_000,
            source_failures: 1_000_000,
            free_failures: 1_000_000,
            block_after: 1_000_000,
            ceiling: 1_000_000,
            ..throttle::Rules::default()
        };
        let house = House::build(Plan { throttle, ..Plan::default() }, rules(), |_| ());
        let alice = house.desk.add("alice").await;
        house.add("newcomer", true).await;
        let mut keys = BTreeMap::new();
        for scope in Scope::ALL {
            keys.insert(scope.as_str(), key(&house, scope.as_str(), &[*scope], Vec::new()).await);
        }
        let elsewhere = vec![Which::Named("newcomer".to_owned())];
        keys.insert("bound", key(&house, "bound", Scope::ALL, elsewhere).await);
        Self { family, house, alice, keys }
    }

    async fn ask(&self, method: &str, path: &str, headers: Headers<'_>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        self.house.ask_family(self.family, request).await
    }

    /// The status, and the machine's word of a refusal.
    async fn told(&self, route: &Route, path: &str, headers: Headers<'_>) -> (u16, String) {
        let answer = self.ask(route.method.as_str(), path, headers).await;
        let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let voice = self.family.rows().find(|(_, row)| row.id == route.id).unwrap().0;
        let field = self.family.voice_of(voice).word_field();
        (answer.status.as_u16(), body[field].as_str().unwrap_or_default().to_owned())
    }

    /// The path is exact, its methods are those of the table, and others are told so.
    async fn place(&self, route: &Route, path: &str) {
        let methods: BTreeSet<&str> =
            self.family
                .rows()
                .filter(|(_, row)| row.handler.is_routed() && row.path == route.path)
                .flat_map(|(_, row)| {
                    if row.method == Verb::Get { vec!["GET", "HEAD"] } else { vec![row.method.as_str()] }
                })
                .collect();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let answer = self.ask(method, path, &[]).await;
            assert_eq!(answer.status == 405, !methods.contains(method), "{method} {path}");
            if answer.status == 405 {
                let allow = answer.headers[header::ALLOW].to_str().unwrap();
                let mut allowed: BTreeSet<_> = allow.split(',').map(str::trim).collect();
                // The router names HEAD wherever there is GET, also where reading once is all there is.
                allowed.retain(|method| *method != "HEAD" || methods.contains("HEAD"));
                assert_eq!(allowed, methods, "{path}");
            }
        }
        let ends_variable = route.path.ends_with('}');
        for more in ["/", "/x", "%2f", ";x"].into_iter().take(if ends_variable { 2 } else { 4 }) {
            let beside = format!("{path}{more}");
            if !self
                .family
                .rows()
                .any(|(_, row)| filled(row.path) == filled(&format!("{}{more}", route.path)))
            {
                assert_eq!(self.ask(route.method.as_str(), &beside, &[]).await.status, 404, "{beside}");
            }
        }
    }

    /// Who proves nothing gets nothing.
    async fn strangers(&self, route: &Route, path: &str) {
        let place = format!("{} {path}", route.method.as_str());
        let query = format!("{path}?authorization=SharedKey%20{0}&key={0}&auth={0}", self.keys["read"]);
        let credentials: &[Headers<'_>] = &[
            &[],
            &[("cookie", "__Secure-auth=garbage")],
            &[("authorization", "Basic YTpi")],
            &[("authorization", "")],
        ];
        match route.access {
            Access::Session | Access::Private(_) | Access::Unfinished(_) => {
                for headers in credentials {
                    assert_eq!(self.told(route, path, headers).await.0, 401, "{place} {headers:?}");
                }
                assert_eq!(self.told(route, &query, &[]).await.0, 401, "{place}: a key in the query");
                let restricted = format!("__Secure-auth={}", self.house.session("newcomer").await);
                let (status, _) = self.told(route, path, &[("cookie", &restricted)]).await;
                let closed = !matches!(route.access, Access::Unfinished(_));
                assert_eq!(status == 401, closed, "{place} with a session that opens nothing yet");
            }
            Access::Service => {
                for headers in credentials {
                    let (status, _) = self.told(route, path, headers).await;
                    assert!(matches!(status, 400 | 404), "{place} {headers:?}");
                }
            }
            Access::Client => {
                for headers in credentials {
                    let (status, _) = self.told(route, path, headers).await;
                    assert!(status >= 400, "{place} {headers:?}");
                }
            }
            Access::Open => {}
        }
    }

    /// A program may what its key says, for whom it says.
    #[expect(clippy::items_after_statements, reason = "the question stands beside those who ask it")]
    async fn programs(&self, route: &Route, path: &str) {
        let place = format!("{} {path}", route.method.as_str());
        let alice = self.alice.to_string();
        let keyed = |name: &str| format!("SharedKey {}", self.keys[name]);
        let acting = |name: &str| [("authorization", keyed(name)), ("x-account-uuid", alice.clone())];
        async fn told(walk: &Walk, route: &Route, path: &str, headers: &[(&str, String)]) -> u16 {
            // Wrong secrets are counted; the next question is not to be refused for that.
            walk.house.pass(7200);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            walk.told(route, path, &headers).await.0
        }
        let wrong = [
            "SharedKey".to_owned(),
            "SharedKey ".to_owned(),
            "SharedKey wrong".to_owned(),
            format!("{} more", keyed("read")),
            format!("SharedKey  {}", self.keys["read"]),
        ];
        match route.access {
            Access::Private(scope) | Access::Unfinished(scope) => {
                for wrong in wrong {
                    let status = told(
                        self,
                        route,
                        path,
                        &[("authorization", wrong.clone()), ("x-account-uuid", alice.clone())],
                    )
                    .await;
                    assert_eq!(status, 401, "{place} {wrong}");
                }
                for other in Scope::ALL.iter().filter(|other| **other != scope) {
                    let status = told(self, route, path, &acting(other.as_str())).await;
                    assert_eq!(status, 403, "{place} with a key for {}", other.as_str());
                }
                let right = scope.as_str();
                let status = told(self, route, path, &acting(right)[..1]).await;
                assert_eq!(status, 401, "{place} for nobody");
                let nobody = [
                    acting(right)[0].clone(),
                    ("x-account-uuid", "00000000-0000-0000-0000-000000000000".to_owned()),
                ];
                assert_eq!(told(self, route, path, &nobody).await, 404, "{place} for somebody unknown");
                assert_eq!(
                    told(self, route, path, &acting("bound")).await,
                    404,
                    "{place} for somebody out of reach"
                );
                let garbage = [acting(right)[0].clone(), ("x-account-uuid", "alice".to_owned())];
                assert_eq!(told(self, route, path, &garbage).await, 400, "{place} for no id");
                let twice = [acting(right).as_slice(), &acting(right)[1..]].concat();
                assert_eq!(told(self, route, path, &twice).await, 400, "{place} for two at once");
                let dead =
                    [acting(right).as_slice(), &[("cookie", "__Secure-auth=garbage".to_owned())]].concat();
                let status = told(self, route, path, &dead).await;
                assert!(status != 401, "{place}: a dead cookie stands before a good key: {status}");
            }
            Access::Session => {
                assert_eq!(told(self, route, path, &acting("read")).await, 401, "{place}");
            }
            Access::Open => {
                for wrong in wrong {
                    let status = told(self, route, path, &[("authorization", wrong.clone())]).await;
                    assert_eq!(status, 401, "{place} {wrong}");
                }
                assert_eq!(told(self, route, path, &acting("read")[..1]).await, 403, "{place}");
            }
            Access::Service | Access::Client => {}
        }
    }

    /// What a foreign page makes a browser send changes nothing.
    async fn foreign_pages(&self, route: &Route, path: &str) {
        if route.method.method().is_safe() || matches!(route.access, Access::Service | Access::Client) {
            return;
        }
        let place = format!("{} {path}", route.method.as_str());
        let fresh = self.house.session("alice").await;
        let cookie = format!("__Secure-auth={fresh}");
        for foreign in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let mut request =
                Request::builder().method(route.method.as_str()).uri(path).body(Body::empty()).unwrap();
            for (name, value) in [foreign, ("cookie", cookie.as_str())] {
                request.headers_mut().append(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                );
            }
            let answer = self.house.ask_family(self.family, request).await;
            assert_eq!(answer.status, 403, "{place} {foreign:?}: {}", answer.text);
        }
    }
}

/// A key of this name.
pub(in crate::web) async fn key(house: &House, name: &str, scopes: &[Scope], accounts: Vec<Which>) -> String {
    let new = NewApiKey {
        name: KeyName::parse(name).unwrap(),
        scopes: scopes.to_vec(),
        accounts,
        lifetime: crate::actions::apikeys::KEY_LIFETIME,
    };
    let made = house.shared.actions.add_api_key(&house.call("test"), &operator(), new).await;
    made.unwrap().0.expose().clone()
}
