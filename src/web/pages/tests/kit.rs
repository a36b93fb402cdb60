//! A portal in memory, and a browser that keeps its cookies and fills in its forms.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use regex::Regex;
use tower::ServiceExt as _;

use crate::{
    actions::{
        Actions, Settings, Which,
        accounts::Wanted,
        credentials::PasswordRules,
        hashing::{self, HashingPool},
    },
    crypto::{keys::MasterKey, password::Params},
    domain::{
        call::{Call, RequestId},
        caller::Caller,
        keyring::Keyring,
        login::throttle,
        policy::{Access, App, Declared, Rule, RuleSet},
        rights::Permit,
        session::Lifetimes,
    },
    gate::{CacheSizes, Gate},
    store::Store,
    values::{
        name::{GroupName, Username},
        net::TrustedPeers,
        pattern::HostPattern,
        secret::Secret,
        url::WebUrl,
    },
    web::{
        self, Shared,
        edge::{cookies::CookieSettings, peer::ProxyTrust},
        metrics::Metrics,
        pages,
    },
    world::{Levers, World},
};

pub(super) const PASSWORD: &str = "seven green lanterns over water";
pub(super) const OTHER: &str = "eleven quiet rivers under glass";
pub(super) const PORTAL: &str = "https://auth.example.com";

pub(super) struct House {
    pub(super) shared: Shared,
    pub(super) levers: Levers,
    router: Router,
}

impl House {
    pub(super) fn open() -> Self {
        Self::with(|_| ())
    }

    pub(super) fn with(change: impl FnOnce(&mut web::Settings)) -> Self {
        let (world, levers) = World::fake();
        let store = Store::in_memory();
        let limits = Lifetimes::default();
        let settings = hashing::Settings { params: Params::FLOOR, ..hashing::Settings::default() };
        let hashing = HashingPool::start(settings, world.random()).unwrap();
        let keyring = Keyring::new(&MasterKey::generate(world.random()));
        let settings = Settings {
            limits: limits.clone(),
            throttle: throttle::Rules::default(),
            passwords: PasswordRules::default(),
        };
        let actions = Actions::new(store.clone(), world, hashing, keyring, settings).unwrap();
        let (gate, touches) = Gate::new(store, limits, rules(), &CacheSizes::default());
        drop(touches);
        let mut settings = web::Settings {
            portal: WebUrl::parse(PORTAL).unwrap(),
            title: "Example <portal>".to_owned(),
            home: None,
            cookies: CookieSettings {
                name: "auth".to_owned(),
                domain: Some("example.com".to_owned()),
                secure: true,
                prefix: true,
            },
            trust: ProxyTrust { peers: TrustedPeers::default(), secret: None },
            largest_body: 64 * 1024,
            body_deadline: Duration::from_secs(30),
        };
        change(&mut settings);
        let shared = Shared::new(actions, Arc::new(gate), settings, Arc::new(Metrics::new()));
        Self { router: pages::routes(shared.clone()), shared, levers }
    }

    /// With `alice`, whose password is [`PASSWORD`].
    pub(super) async fn with_alice() -> Self {
        let house = Self::open();
        house.add("alice", false).await;
        house
    }

    pub(super) async fn add(&self, name: &str, temporary: bool) {
        let wanted = Wanted {
            username: Username::parse(name).unwrap(),
            display_name: None,
            email: None,
            mobile: None,
            groups: vec![GroupName::parse("staff").unwrap()],
            password: Some(Secret::from(PASSWORD)),
            temporary,
        };
        self.shared.actions.create_account(&self.call("setup"), &operator(), wanted).await.unwrap();
    }

    pub(super) async fn change(&self, name: &str, change: crate::actions::accounts::StatusChange) {
        let which = Which::Named(name.to_owned());
        let account = self.shared.actions.find_account(&operator(), &which).unwrap();
        self.shared.actions.change_status(&self.call("lock"), &operator(), account.id, change).await.unwrap();
    }

    pub(super) fn call(&self, agent: &str) -> Call {
        Call {
            now: self.shared.actions.world().now(),
            client: Some([192, 0, 2, 7].into()),
            request: RequestId::new("req-1"),
            agent: agent.to_owned(),
        }
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.levers.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) async fn ask(&self, mut request: Request<Body>) -> Answer {
        let agent = request.headers().get(header::USER_AGENT).map(|agent| agent.to_str().unwrap().to_owned());
        request.extensions_mut().insert(self.call(&agent.unwrap_or_default()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        // The template engine escapes slashes, too.
        let text = String::from_utf8(bytes.to_vec()).unwrap().replace("&#x2f;", "/");
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

fn operator() -> Permit {
    Permit::to_manage(&Caller::Operator).unwrap()
}

fn rules() -> RuleSet {
    let app = |name: &str, host: &str, access: Access| App {
        hosts: vec![HostPattern::parse(host).unwrap()],
        rules: vec![Rule::new(access)],
        ..App::new(name)
    };
    RuleSet::compile(Declared {
        apps: vec![
            app("app", "app.example.com", Access::SignedIn),
            app("safe", "safe.example.com", Access::SecondFactor),
            app("far", "far.example.org", Access::SignedIn),
        ],
        portal: Some(WebUrl::parse(PORTAL).unwrap()),
        continue_urls: Vec::new(),
    })
    .unwrap()
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |location| location.to_str().unwrap())
    }

    pub(super) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect()
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}=");
        self.cookies().into_iter().find(|cookie| cookie.starts_with(&prefix))
    }

    /// The hidden fields of the form that goes to `action`.
    pub(super) fn fields(&self, action: &str) -> Vec<(String, String)> {
        let start = format!("action=\"{action}\"");
        let form =
            self.text.split_once(&start).unwrap_or_else(|| panic!("no form to {action} in {}", self.text)).1;
        let form = form.split_once("</form>").unwrap().0;
        let hidden = Regex::new(r#"<input type="hidden" name="([^"]*)" value="([^"]*)">"#).unwrap();
        let plain = |text: &str| text.replace("&amp;", "&");
        hidden.captures_iter(form).map(|found| (found[1].to_owned(), plain(&found[2]))).collect()
    }
}

/// A browser: cookies by name, and headers it always sends.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookies: Vec<(String, String)>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

impl Browser {
    pub(super) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(path);
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !pairs.is_empty() {
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        request
    }

    pub(super) async fn get(&mut self, house: &House, path: &str) -> Answer {
        let answer = house.ask(self.request("GET", path).body(Body::empty()).unwrap()).await;
        self.keep(&answer);
        answer
    }

    pub(super) async fn post(&mut self, house: &House, path: &str, fields: &[(String, String)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            // As browsers do for a page that says `no-referrer`.
            .header(header::ORIGIN, "null")
            .header("sec-fetch-site", "same-origin");
        let answer = house.ask(request.body(Body::from(body)).unwrap()).await;
        self.keep(&answer);
        answer
    }

    /// Fills in the form on a page and sends it.
    pub(super) async fn send(
        &mut self,
        house: &House,
        page: &Answer,
        action: &str,
        typed: &[(&str, &str)],
    ) -> Answer {
        let mut fields = page.fields(action);
        fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(house, action, &fields).await
    }

    pub(super) async fn sign_in(&mut self, house: &House, path: &str, name: &str, password: &str) -> Answer {
        let page = self.get(house, path).await;
        self.send(house, &page, "/login", &[("username", name), ("password", password)]).await
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}
