//! What stands where: which host is ours, who may look at figures, and what no answer gives away.

use crate::kit::{Ask, house::House, ports};

/// Another name for our address is not ours, and no address that we write takes it up.
///
/// Proves: HDR-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_come_from_the_configuration() {
    let house = House::behind("https://auth.example.com", "").await;
    for path in ["/login", "/auth/session", "/"] {
        let answer = Ask::get(&house.url(path)).header("host", "evil.example").send().await.expect(421);
        assert!(!answer.to_string().contains("evil.example"), "{answer}");
    }
    let answer = Ask::get(&house.url("/auth/vouch?forward=true"))
        .header("host", "evil.example")
        .header("x-forwarded-for", "203.0.113.9")
        .send()
        .await
        .expect(307);
    assert_eq!(answer.header("location"), Some("https://auth.example.com/login"));
}

/// No origin, foreign or `null` or our own, gets leave to read an answer or to send credentials.
///
/// Proves: WEB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_speaks_cors() {
    let house = House::alone("").await;
    let mut alice = house.sign_in("alice").await;
    let own = house.url("");
    let pages = ["/login", "/me", "/auth/session", "/auth/vouch", "/auth/vouch/request", "/healthz", "/"];
    let protocol = ["/oauth2", "/auth/oauth2/token", "/auth/oauth2/token_info"];
    for origin in ["https://evil.example", "null", own.as_str()] {
        for path in pages.into_iter().chain(protocol) {
            let url = house.url(path);
            let asked = if path.starts_with("/auth/oauth2") {
                Ask::post(&url, "application/json", "{}")
            } else {
                Ask::get(&url)
            };
            let plain = alice.ask(asked.header("origin", origin)).await;
            let preflight = Ask::new(http::Method::OPTIONS, &house.url(path))
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .send()
                .await;
            for answer in [plain, preflight] {
                let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(cors, None, "{path} for {origin}:\n{answer}");
            }
        }
    }
}

/// Figures are at the address that was given for them, and nowhere that browsers and proxies come; the operator's commands
/// are on no TCP address at all; no answer names the program's version.
///
/// Proves: OPS-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_and_commands_stand_apart() {
    let metrics = ports::free();
    let house = House::alone(&format!("[metrics]\nlisten = \"{metrics}\"")).await;
    Ask::get(&format!("http://{metrics}/metrics")).send().await.expect(200);
    let version = env!("CARGO_PKG_VERSION");
    for address in [house.gateway, house.api, metrics] {
        for path in
            ["/metrics", "/control/v1/command", "/debug", "/swagger", "/login", "/healthz", "/nothing"]
        {
            let url = format!("http://{address}{path}");
            for answer in
                [Ask::get(&url).send().await, Ask::post(&url, "application/json", "{}").send().await]
            {
                assert!(answer.headers.get("server").is_none(), "{url}");
                if address == metrics && path == "/metrics" {
                    continue;
                }
                let text = answer.text();
                assert!(!text.contains("vouchsafe_checks_total"), "{url}");
                assert!(!text.contains("unknown variant") && !text.contains(version), "{url}:\n{answer}");
            }
        }
    }
}

/// Whatever people type and proxies say, the figures have the same few names.
///
/// simple-auth.md 9.G3
///
/// Proves: OPS-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_tell_of_nobody() {
    let metrics = ports::free();
    let house = House::alone(&format!("[metrics]\nlisten = \"{metrics}\"")).await;
    let figures = async || {
        let text = Ask::get(&format!("http://{metrics}/metrics")).send().await.expect(200).text();
        let mut names: Vec<_> =
            text.lines().filter_map(|line| line.rsplit_once(' ').map(|(name, _)| name.to_owned())).collect();
        names.sort();
        (text, names)
    };
    let mut alice = house.sign_in("alice").await;
    house.sign_in_request("alice", "canary-password").send().await.expect(401);
    let (_, before) = figures().await;
    for n in 0..50 {
        let canary = format!("canary-{n}.example.com");
        let url = format!("https://{canary}/canary?canary=1");
        house.sign_in_request(&format!("canary{n}"), "canary-password").send().await;
        let check = Ask::get(&house.url("/auth/vouch/request"))
            .header("x-original-method", "CANARY")
            .header("x-original-url", &url)
            .header("user-agent", "canary");
        alice.ask(check).await;
    }
    let (text, after) = figures().await;
    assert_eq!(before, after, "no name came with what was sent");
    assert!(!text.to_lowercase().contains("canary") && !text.contains("alice"), "{text}");
}
