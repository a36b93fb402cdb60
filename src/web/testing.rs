//! A portal in memory, and a browser that keeps its cookies and fills in its forms.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use regex::Regex;
use tokio::sync::mpsc::Receiver;
use tower::ServiceExt as _;

pub(in crate::web) use crate::actions::testing::{OTHER, PASSWORD, operator};
use crate::{
    actions::{
        Which,
        accounts::StatusChange,
        testing::{Desk, Plan, wanted},
    },
    crypto::jose::RsaSize,
    domain::{
        call::Call,
        policy::{Access, App, Declared, Rule, RuleSet},
    },
    gate::{CacheSizes, Gate, Touch},
    idp::oauth2,
    serve::{Arrival, Connection, PeerAddress, RequestId},
    values::{id::AccountId, net::TrustedPeers, pattern::HostPattern, url::WebUrl},
    web::{
        self, Shared,
        edge::{cookies::CookieSettings, peer::ProxyTrust},
        family::{Endpoints, Family, document::Facts, testing::Conscience},
        metrics::Metrics,
        pages, simple,
    },
};

pub(in crate::web) const PORTAL: &str = "https://auth.example.com";

pub(in crate::web) struct House {
    pub(in crate::web) shared: Shared,
    pub(in crate::web) desk: Desk,
    pub(in crate::web) touches: Mutex<Receiver<Touch>>,
    pages: Router,
    simple: Endpoints,
    pub(in crate::web) conscience: Conscience,
}

impl House {
    pub(in crate::web) fn open() -> Self {
        Self::with(|_| ())
    }

    pub(in crate::web) fn with(change: impl FnOnce(&mut web::Settings)) -> Self {
        Self::build(Plan::default(), rules(), change)
    }

    /// With another plan for what can be done, too.
    pub(in crate::web) fn planned(plan: Plan, change: impl FnOnce(&mut web::Settings)) -> Self {
        Self::build(plan, rules(), change)
    }

    pub(in crate::web) fn build(plan: Plan, rules: RuleSet, change: impl FnOnce(&mut web::Settings)) -> Self {
        let limits = plan.limits.clone();
        let desk = Desk::with(plan);
        let (gate, learned) = Gate::new(desk.store.clone(), limits, rules, &CacheSizes::default());
        let mut settings = web::Settings {
            portal: WebUrl::parse(PORTAL).unwrap(),
            api: WebUrl::parse("https://id.example.com").unwrap(),
            title: "Example <portal>".to_owned(),
            home: None,
            cookies: CookieSettings {
                name: "auth".to_owned(),
                domain: Some("example.com".to_owned()),
                secure: true,
                prefix: true,
            },
            trust: ProxyTrust { peers: TrustedPeers::default(), secret: None },
            simple: simple::Settings { api_keys: true, name_check: true, ..simple::Settings::default() },
            largest_body: 64 * 1024,
            body_deadline: Duration::from_secs(30),
        };
        change(&mut settings);
        let oauth2 = oauth2::Engine::new(
            desk.store.clone(),
            desk.actions.world().clone(),
            desk.actions.keyring(),
            oauth2::Settings {
                issuer: settings.portal.origin(),
                lifetimes: oauth2::Lifetimes::default(),
                rsa: RsaSize::Bits2048,
                key_period: Duration::from_hours(24 * 90),
                open_introspection: false,
                throttle: desk.actions.settings().throttle.clone(),
                sessions: desk.actions.settings().limits.clone(),
            },
        )
        .unwrap();
        let metrics = Arc::new(Metrics::new());
        let shared = Shared::new(desk.actions.clone(), oauth2, Arc::new(gate), settings, metrics);
        let (pages, simple) = (pages::routes(shared.clone()), simple::endpoints(&shared));
        let facts = Facts { origin: shared.origin.clone(), cookie: shared.jar.session_name().to_owned() };
        let conscience = Conscience::new(&simple::FAMILY, &facts);
        Self { pages, simple, conscience, shared, desk, touches: Mutex::new(learned.touches) }
    }

    /// With `alice`, whose password is [`PASSWORD`].
    pub(in crate::web) async fn with_alice() -> Self {
        let house = Self::open();
        house.add("alice", false).await;
        house
    }

    pub(in crate::web) async fn add(&self, name: &str, temporary: bool) -> AccountId {
        let wanted = crate::actions::accounts::Wanted { temporary, email: None, ..wanted(name) };
        self.desk.create(wanted).await.unwrap()
    }

    pub(in crate::web) async fn change(&self, name: &str, change: StatusChange) {
        let which = Which::Named(name.to_owned());
        let account = self.shared.actions.find_account(&operator(), &which).unwrap();
        self.desk.status(account.id, change).await.unwrap();
    }

    pub(in crate::web) fn call(&self, agent: &str) -> Call {
        Call { agent: agent.into(), ..self.desk.call() }
    }

    pub(in crate::web) fn pass(&self, seconds: u64) {
        self.desk.pass(seconds);
    }

    /// Signs in and gives the value of the session cookie.
    pub(in crate::web) async fn session(&self, name: &str) -> String {
        self.desk.sign_in(name, PASSWORD).await.unwrap().key.text()
    }

    /// Asks the pages.
    pub(in crate::web) async fn ask(&self, request: Request<Body>) -> Answer {
        self.ask_router(&self.pages, request).await
    }

    /// Asks the Simple Auth family. What it answers must be what its document promises.
    pub(in crate::web) async fn ask_simple(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let answer = read(self.simple.answer(self.called(request)).await).await;
        self.conscience.check(&method, &path, answer.status.as_u16(), &answer.headers, &answer.text);
        answer
    }

    /// Asks the family's router, also where there is a shorter way.
    pub(in crate::web) async fn ask_simple_router(&self, request: Request<Body>) -> Answer {
        self.ask_router(self.simple.router(), request).await
    }

    /// Asks a family by its table.
    pub(in crate::web) async fn ask_family(&self, family: &Family, request: Request<Body>) -> Answer {
        match family.name {
            "simple" => self.ask_simple(request).await,
            other => panic!("this house does not serve {other}"),
        }
    }

    async fn ask_router(&self, router: &Router, request: Request<Body>) -> Answer {
        read(router.clone().oneshot(self.called(request)).await.unwrap()).await
    }

    /// A request as the site hands it on.
    fn called(&self, mut request: Request<Body>) -> Request<Body> {
        let agent = request.headers().get(header::USER_AGENT).map(|agent| agent.to_str().unwrap().to_owned());
        request.extensions_mut().insert(self.call(&agent.unwrap_or_default()));
        request
    }
}

/// A request that came from a peer.
pub(in crate::web) fn arrival(peer: &str) -> Arrival {
    let peer = match peer {
        "unix" => PeerAddress::Unix,
        address => PeerAddress::Ip(SocketAddr::new(address.parse().unwrap(), 4711)),
    };
    let connection = Connection { peer, tls: false, listener: "gateway", number: 1 };
    Arrival { connection, id: RequestId::for_tests(7) }
}

pub(in crate::web) async fn read<B>(response: Response<B>) -> Answer
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    // The template engine escapes slashes, too.
    let text = String::from_utf8_lossy(&bytes).replace("&#x2f;", "/");
    Answer { status: parts.status, headers: parts.headers, text }
}

pub(in crate::web) fn rules() -> RuleSet {
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

/// `safe.example.com` alone, which asks for a second factor that is no older than this.
pub(in crate::web) fn rules_within(most: Duration) -> RuleSet {
    let safe = App {
        hosts: vec![HostPattern::parse("safe.example.com").unwrap()],
        rules: vec![Rule { within: Some(most), ..Rule::new(Access::SecondFactor) }],
        ..App::new("safe")
    };
    let portal = Some(WebUrl::parse(PORTAL).unwrap());
    RuleSet::compile(Declared { apps: vec![safe], portal, continue_urls: Vec::new() }).unwrap()
}

#[derive(Debug)]
pub(in crate::web) struct Answer {
    pub(in crate::web) status: StatusCode,
    pub(in crate::web) headers: http::HeaderMap,
    pub(in crate::web) text: String,
}

impl Answer {
    pub(in crate::web) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |location| location.to_str().unwrap())
    }

    pub(in crate::web) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect()
    }

    pub(in crate::web) fn cookie(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}=");
        self.cookies().into_iter().find(|cookie| cookie.starts_with(&prefix))
    }

    /// The hidden fields of the form that goes to `action`.
    pub(in crate::web) fn fields(&self, action: &str) -> Vec<(String, String)> {
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
pub(in crate::web) struct Browser {
    pub(in crate::web) cookies: Vec<(String, String)>,
    pub(in crate::web) headers: Vec<(&'static str, &'static str)>,
}

impl Browser {
    pub(in crate::web) fn request(&self, method: &str, path: &str) -> http::request::Builder {
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

    pub(in crate::web) async fn get(&mut self, house: &House, path: &str) -> Answer {
        let answer = house.ask(self.request("GET", path).body(Body::empty()).unwrap()).await;
        self.keep(&answer);
        answer
    }

    pub(in crate::web) async fn post(
        &mut self,
        house: &House,
        path: &str,
        fields: &[(String, String)],
    ) -> Answer {
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
    pub(in crate::web) async fn send(
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

    pub(in crate::web) async fn sign_in(
        &mut self,
        house: &House,
        path: &str,
        name: &str,
        password: &str,
    ) -> Answer {
        let page = self.get(house, path).await;
        self.send(house, &page, "/login", &[("username", name), ("password", password)]).await
    }

    pub(in crate::web) fn value(&self, name: &str) -> Option<&str> {
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
