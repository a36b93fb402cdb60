//! What must hold for any bytes a stranger sends. Each function takes raw bytes and panics when something does not hold.
//!
//! Shared by the fuzz targets (`targets/`) and by the test that replays the corpora (`replay.rs`).

use http::{HeaderMap, HeaderValue, header};
use std::{fs, net::IpAddr, path::Path as FilePath, sync::LazyLock};
use vouchsafe::{
    config::{self, Overrides},
    domain::{
        policy::{Access, App, Declared, PathRule, Rule, RuleSet},
        session::{SessionHash, SessionKey},
    },
    values::{
        net::{ChainError, Peer, TrustEveryone, TrustedPeers, client_address},
        path::Path,
        pattern::HostPattern,
        target::Target,
        time::Timestamp,
        url::WebUrl,
    },
    web::edge::cookies::{CookieSettings, Jar, Own},
};

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// Every property by the name of its corpus.
pub const ALL: [(&str, Property); 5] = [
    ("forwarded", forwarded),
    ("cookies", cookies),
    ("canonical", canonical),
    ("returns", returns),
    ("config", config),
];

/// Two applications, one by name and one by pattern; below `/public/` both are open to everybody.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let app = |name: &str, host: &str| {
        let mut app = App::new(name);
        app.hosts = vec![HostPattern::parse(host).expect("a host")];
        let mut open = Rule::new(Access::Bypass);
        open.paths = vec![PathRule::Prefix("/public/".to_owned())];
        app.rules = vec![open, Rule::new(Access::SignedIn)];
        app
    };
    RuleSet::compile(Declared {
        apps: vec![app("app", "app.example.com"), app("wild", "*.wild.example.com")],
        portal: Some(WebUrl::parse("https://auth.example.com").expect("a URL")),
        continue_urls: Vec::new(),
    })
    .expect("a rule set")
});

static TRUSTED: LazyLock<TrustedPeers> = LazyLock::new(|| {
    let nets = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a network"));
    TrustedPeers::new(nets, true, TrustEveryone::Refuse).expect("not everyone")
});

/// The forwarding headers: four lines of method, scheme, host and target, then lines of `X-Forwarded-For`.
pub fn forwarded(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, proto, host, uri) = (next(), next(), next(), next());
    if let Ok(target) = Target::from_parts(method, proto, host, uri) {
        described_twice_is_the_same(&target);
        nobody_gets_past(&target);
    }
    if let Ok(target) = Target::parse_url(method, uri) {
        described_twice_is_the_same(&target);
        nobody_gets_past(&target);
    }
    chain(&lines.collect::<Vec<_>>());
}

/// The URL we make of a request describes the same request.
fn described_twice_is_the_same(target: &Target) {
    let again = Target::parse_url(target.method.as_str(), &target.url()).expect("our own URL can be read");
    assert_eq!(
        (&again.scheme, &again.host, again.port, &again.path),
        (&target.scheme, &target.host, target.port, &target.path)
    );
}

/// A client cannot choose its address: what it puts in front of what the proxies wrote changes nothing.
fn chain(lines: &[&str]) {
    let peer = Peer::Ip(IpAddr::from([127, 0, 0, 1]));
    let told = client_address(peer, lines.iter().copied(), &TRUSTED);
    if let Ok(Some(address)) = told {
        assert_eq!(address, address.to_canonical(), "an IPv4-mapped address got through");
        if !TRUSTED.contains(Peer::Ip(address)) {
            let forged: Vec<&str> =
                ["203.0.113.99, 10.0.0.1"].into_iter().chain(lines.iter().copied()).collect();
            let again = client_address(peer, forged.into_iter(), &TRUSTED);
            assert!(
                again == told || again == Err(ChainError::TooLong),
                "{lines:?}: {told:?} became {again:?}"
            );
        }
    }
    let stranger = IpAddr::from([192, 0, 2, 7]);
    assert_eq!(client_address(Peer::Ip(stranger), lines.iter().copied(), &TRUSTED), Ok(Some(stranger)));
}

/// The path's canonical form, and what the rules make of it.
pub fn canonical(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(path) = Path::parse(text) {
        let form = path.canonical();
        assert!(form.starts_with('/') && !form.contains("//"), "{form:?}");
        assert!(!form.split('/').any(|segment| segment == "." || segment == ".."), "{form:?}");
        let again = Path::parse(form).expect("a canonical path is a path");
        assert_eq!(again.canonical(), form, "canonical is not idempotent");
    }
    for host in ["app.example.com", "x.wild.example.com"] {
        if let Ok(target) = Target::from_parts("GET", "https", host, text) {
            nobody_gets_past(&target);
        }
    }
}

/// A rule that opens a path never opens one that anybody behind us might read differently.
fn nobody_gets_past(target: &Target) {
    if !RULES.decide(None, target, None).outcome.is_pass() {
        return;
    }
    let raw = target.path.raw();
    assert!(!target.path.differs(), "{raw:?} passed, though servers may disagree on it");
    let below = raw == "/public" || raw.starts_with("/public/");
    assert!(below && !climbs(raw), "{raw:?} passed");
}

/// Written independently of the program: whether somebody who decodes up to three times, takes `\` for `/` and drops
/// `;parameters` would leave the folder.
fn climbs(path: &str) -> bool {
    let mut path = path.to_ascii_lowercase();
    for _ in 0..3 {
        path = path
            .replace("%2e", ".")
            .replace("%2f", "/")
            .replace("%5c", "\\")
            .replace("%3b", ";")
            .replace("%25", "%");
    }
    path.replace('\\', "/").split('/').any(|segment| segment.split(';').next() == Some(".."))
}

/// `Cookie` header lines.
pub fn cookies(data: &[u8]) {
    let lines: Vec<HeaderValue> =
        data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    for domain in [None, Some("example.com".to_owned())] {
        let jar = Jar::new(CookieSettings { name: "auth".to_owned(), domain, secure: true, prefix: true });
        let mut headers = HeaderMap::new();
        for line in &lines {
            headers.append(header::COOKIE, line.clone());
        }
        for value in jar.sessions(&headers) {
            if SessionHash::of_cookie(value).is_some() {
                assert_eq!(value.len(), SessionKey::TEXT_LENGTH, "another spelling of a key");
            }
        }
        for own in [Own::Flow, Own::Device, Own::Loops] {
            let _ = jar.own(&headers, own);
        }
        for line in &lines {
            let Some(kept) = jar.without_ours(line.as_bytes()) else { continue };
            let mut passed = HeaderMap::new();
            passed.insert(header::COOKIE, kept);
            assert_eq!(jar.sessions(&passed).count(), 0, "our cookie went on to an application: {line:?}");
        }
    }
    if SessionHash::of_cookie(data).is_some() {
        assert_eq!(data.len(), SessionKey::TEXT_LENGTH, "another spelling of a key");
    }
}

/// Return addresses, and the query that carries one.
pub fn returns(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(to) = RULES.return_to(text) {
        leads_home(to.location());
    }
    let mac = |_: &[u8]| [7; 16];
    if let Ok(Some(received)) = RULES.receive(text, Timestamp::from_secs(1_800_000_000), &mac) {
        leads_home(received.to.location());
    }
}

/// As a browser on the portal reads it, the address leads to a declared place over https.
fn leads_home(location: &str) {
    assert!(location.bytes().all(|byte| matches!(byte, b'!'..=b'~')), "{location:?} is not printable ASCII");
    let portal = url::Url::parse("https://auth.example.com/login").expect("a URL");
    let to = portal.join(location).expect("a browser can read it");
    let host = to.host_str().unwrap_or_default();
    let known = ["app.example.com", "auth.example.com"].contains(&host)
        || host.strip_suffix(".wild.example.com").is_some_and(|rest| !rest.is_empty());
    assert!(known && to.scheme() == "https" && to.port().is_none(), "{location:?} leads to {to}");
    assert!(to.username().is_empty() && to.password().is_none(), "{location:?} names a user");
}

/// A configuration file: settings, or complaints that can be printed.
pub fn config(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("vouchsafe.toml");
    fs::write(&file, data).expect("the folder is ours");
    private(&file);
    match config::load(Some(&file), [], Overrides::default()) {
        Ok(settings) => assert!(!format!("{settings:?}").is_empty()),
        Err(complaints) => {
            let said = complaints.to_string();
            assert!(!said.is_empty(), "refused without a word");
            assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "a complaint forges lines: {said:?}");
        }
    }
}

/// A file that others may read is a complaint of its own; the fuzzer shall see the others.
fn private(file: &FilePath) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
}
