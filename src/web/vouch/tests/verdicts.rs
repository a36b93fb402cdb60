//! Adapter by outcome: the whole answer.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

/// What it is, method, URL, further headers.
type Case<'c> = (&'c str, &'c str, &'c str, &'c [(&'c str, &'c str)]);

/// Every row of forward-auth.md 1.1 for both dialects, byte for byte.
///
/// simple-auth.md 9.F1
///
/// Proves: VCH-1, VCH-2, VCH-6, VCH-7, VCH-13, VCH-15
#[tokio::test]
async fn every_outcome_in_every_dialect() {
    let (door, cookie) = Door::with_alice().await;
    let signed_in = ("cookie", cookie.as_str());
    let fetch = ("accept", "application/json");
    let form = [HTML, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let app = "https://app.example.com/a?b=c&d=%20e";
    let cases: &[Case<'_>] = &[
        ("allowed", "GET", app, &[signed_in]),
        ("allowed without a session", "GET", "https://public.example.com/", &[HTML]),
        ("allowed by group", "GET", "https://staff.example.com/", &[signed_in, HTML]),
        ("not signed in, a page", "GET", app, &[HTML]),
        ("not signed in, a form", "POST", app, &form),
        ("not signed in, a script", "GET", app, &[fetch]),
        (
            "not signed in, a frame",
            "GET",
            app,
            &[HTML, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        ),
        ("another group, a page", "GET", "https://boss.example.com/", &[signed_in, HTML]),
        ("another group, a script", "GET", "https://boss.example.com/", &[signed_in, fetch]),
        ("second factor missing", "GET", "https://safe.example.com/", &[signed_in, HTML]),
        ("denied to all", "GET", "https://shut.example.com/", &[signed_in, HTML]),
        ("an unknown host", "GET", "https://evil.example.net/", &[signed_in, HTML]),
        ("http for an https app", "GET", "http://app.example.com/", &[HTML]),
        ("a malformed path", "GET", "https://app.example.com/%00", &[signed_in]),
    ];
    let mut text = String::new();
    for (what, method, url, more) in cases {
        for (dialect, answer) in ["request", "forward"].iter().zip(door.both(method, url, more).await) {
            text.extend(["== ", what, ", ", dialect, ": ", &whole(&answer), "\n"]);
        }
    }
    insta::assert_snapshot!(text);
}

/// Proves: VCH-5, VCH-12
#[tokio::test]
async fn the_method_of_the_check_changes_nothing_but_the_body_of_head() {
    let (door, cookie) = Door::with_alice().await;
    for session in [true, false] {
        let mut headers = forward("GET", "https", "app.example.com", "/");
        headers.push(("accept", "application/json"));
        if session {
            headers.push(("cookie", &cookie));
        }
        let get = door.ask("/auth/vouch/forward", &headers).await;
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "BREW", "get"] {
            let other = door.ask_as("127.0.0.1", method, "/auth/vouch/forward", &headers).await;
            assert_eq!(whole(&other), whole(&get), "{method}");
        }
        let head = door.ask_as("127.0.0.1", "HEAD", "/auth/vouch/forward", &headers).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""));
        let mut expected = get.headers.clone();
        if !get.text.is_empty() {
            expected.insert(header::CONTENT_LENGTH, get.text.len().into());
        }
        assert_eq!(head.headers, expected);
    }
}

/// Proves: VCH-12, VCH-17
#[tokio::test]
async fn no_method_agent_or_path_of_the_original_is_a_bypass() {
    let door = Door::open();
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "BREW"] {
        for url in
            ["https://app.example.com/", "https://app.example.com/ping", "https://app.example.com/healthz"]
        {
            for agent in [&[][..], &[("user-agent", "kube-probe/1.30")], &[("user-agent", "GoogleHC/1.0")]] {
                for answer in door.both(method, url, agent).await {
                    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {url} {agent:?}");
                }
            }
        }
    }
}

/// Nothing of what the client may write into the check's own request decides.
///
/// simple-auth.md 9.F2: no password is looked at here.
///
/// Proves: HDR-5, VCH-9, VCH-10
#[tokio::test]
async fn what_the_client_writes_has_no_effect() {
    let (door, cookie) = Door::with_alice().await;
    let plain = request("GET", "https://boss.example.com/");
    let signed_in = [plain.clone(), vec![("cookie", cookie.as_str()), HTML]].concat();
    let anonymous = [plain, vec![HTML]].concat();
    // Her own password; nobody looks at it, so there is nothing to guess here either.
    let basic = format!("Basic {}", STANDARD.encode(format!("alice:{PASSWORD}")));
    for headers in [signed_in, anonymous] {
        let expected = whole(&door.ask("/auth/vouch/request", &headers).await);
        let query = "/auth/vouch/request?url=https://public.example.com/&X-Original-URL=https://public.example.com/\
                     &forward=true&continue=https://public.example.com/&rd=https://public.example.com/";
        assert_eq!(whole(&door.ask(query, &headers).await), expected);
        for more in [
            ("x-forwarded-prefix", "/open"),
            ("x-forwarded-server", "public.example.com"),
            ("x-rewrite-url", "https://public.example.com/"),
            ("x-http-method-override", "OPTIONS"),
            ("x-forwarded-host", "public.example.com"),
            ("x-forwarded-uri", "/open"),
            ("x-forwarded-method", "OPTIONS"),
            ("forwarded", "host=public.example.com;proto=https"),
            ("host", "public.example.com"),
            ("connection", "x-original-url, cookie, remote-user"),
            ("connection", "upgrade"),
            ("range", "bytes=0-1"),
            ("if-none-match", "*"),
            ("if-modified-since", "Sun, 06 Nov 2044 08:49:37 GMT"),
            ("expect", "100-continue"),
            ("accept-encoding", "gzip"),
            ("transfer-encoding", "chunked"),
            ("content-length", "100000"),
            ("authorization", "Bearer of.an.app"),
            ("authorization", &basic),
            ("remote-user", "root"),
            ("remote-groups", "admins"),
        ] {
            let with = [headers.clone(), vec![more]].concat();
            assert_eq!(whole(&door.ask("/auth/vouch/request", &with).await), expected, "{more:?}");
        }
    }
}

/// Proves: VCH-9, VCH-10, URL-9
#[tokio::test]
async fn tricks_with_the_path_open_nothing() {
    let (door, cookie) = Door::with_alice().await;
    let open = door.both("GET", "https://mixed.example.com/open/x?y=/shut", &[]).await;
    assert!(open.iter().all(|answer| answer.status == StatusCode::OK));
    for path in [
        "/open/../shut",
        "/open/%2e%2e/shut",
        "//open",
        "/open/..;/shut",
        "/x?/open",
        "/open%2f..%2fshut",
        "/open%252f..",
        "/open;/x",
        "/OPEN",
        "/opened",
    ] {
        for answer in door.both("GET", &format!("https://mixed.example.com{path}"), &[]).await {
            assert!(!answer.status.is_success(), "{path}: {answer:?}");
        }
    }
    for path in ["/open/../shut", "/a/%2e%2e/shut/b", "/shut", "/x/..;/shut", "/%73hut"] {
        let signed_in = [("cookie", cookie.as_str())];
        for answer in door.both("GET", &format!("https://mixed.example.com{path}"), &signed_in).await {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    for path in ["/%", "/%zz", "/%00", "/a\\b", "/%5c", "/a#b", "/\u{7f}", "x"] {
        let headers =
            [forward("GET", "https", "mixed.example.com", path), vec![("cookie", cookie.as_str())]].concat();
        if HeaderValue::from_bytes(path.as_bytes()).is_err() {
            continue;
        }
        let answer = door.ask("/auth/vouch/forward", &headers).await;
        assert_eq!(
            (answer.status, answer.headers.contains_key("location")),
            (StatusCode::FORBIDDEN, false),
            "{path}"
        );
    }
}

/// Proves: VCH-11
#[tokio::test]
async fn hosts_are_compared_as_names() {
    let (door, cookie) = Door::with_alice().await;
    for (host, status) in [
        ("app.example.com", 200),
        ("APP.Example.COM", 200),
        ("app.example.com.", 200),
        ("app.example.com:443", 200),
        ("app.example.com:8443", 403),
        ("evilapp.example.com", 403),
        ("app.example.com.evil.example", 403),
        ("x.app.example.com", 403),
        ("app.example.com, public.example.com", 403),
        ("user@app.example.com", 403),
        ("app.example.com/", 403),
        ("app.example.com#", 403),
        ("", 403),
    ] {
        let headers = [forward("GET", "https", host, "/"), vec![("cookie", cookie.as_str()), HTML]].concat();
        let answer = door.ask("/auth/vouch/forward", &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{host}");
        assert!(!answer.headers.contains_key(header::LOCATION), "{host}");
    }
}

/// Proves: VCH-17, VCH-9
#[tokio::test]
async fn schemes_are_http_https_and_their_sockets() {
    let (door, cookie) = Door::with_alice().await;
    for (host, proto, status) in [
        ("app.example.com", "https", 200),
        ("app.example.com", "wss", 200),
        ("app.example.com", "HTTPS", 200),
        ("app.example.com", "http", 403),
        ("app.example.com", "ws", 403),
        ("plain.example.com", "http", 200),
        ("plain.example.com", "ws", 200),
        ("plain.example.com", "https", 403),
        ("app.example.com", "javascript", 403),
        ("app.example.com", "https, http", 403),
        ("app.example.com", "", 403),
    ] {
        let headers = [forward("GET", proto, host, "/"), vec![("cookie", cookie.as_str())]].concat();
        assert_eq!(
            door.ask("/auth/vouch/forward", &headers).await.status.as_u16(),
            status,
            "{proto}://{host}"
        );
    }
}

/// Proves: VCH-17
#[tokio::test]
async fn a_socket_is_judged_like_a_page_and_not_for_foreign_pages() {
    let (door, cookie) = Door::with_alice().await;
    let socket = |origin: Option<&'static str>, cookie: Option<&str>| {
        let mut headers: Vec<(&str, String)> = vec![
            ("upgrade", "websocket".into()),
            ("connection", "Upgrade".into()),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".into()),
        ];
        headers.extend(origin.map(|origin| ("origin", origin.to_owned())));
        headers.extend(cookie.map(|cookie| ("cookie", cookie.to_owned())));
        headers
    };
    for (origin, cookie, status) in [
        (Some("https://app.example.com"), Some(&cookie), 200),
        (None, Some(&cookie), 200),
        (Some("https://evil.example"), Some(&cookie), 403),
        (Some("https://staff.example.com"), Some(&cookie), 403),
        (Some("null"), Some(&cookie), 403),
        (Some("https://app.example.com"), None, 401),
        (None, None, 401),
    ] {
        let headers = socket(origin, cookie.map(String::as_str));
        let headers: Headers<'_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for answer in door.both("GET", "https://app.example.com/live", &headers).await {
            assert_eq!(answer.status.as_u16(), status, "{origin:?}");
            assert!(!answer.headers.contains_key(header::LOCATION), "a socket cannot follow");
        }
        // Traefik says it by the scheme alone.
        let bare: Headers<'_> =
            headers.into_iter().filter(|(name, _)| matches!(*name, "origin" | "cookie")).collect();
        let wss = [forward("GET", "wss", "app.example.com", "/live"), bare].concat();
        assert_eq!(door.ask("/auth/vouch/forward", &wss).await.status.as_u16(), status, "wss {origin:?}");
    }
}

/// Proves: VCH-12
#[tokio::test]
async fn only_a_whole_preflight_passes_and_only_where_it_is_wanted() {
    let (door, cookie) = Door::with_alice().await;
    let origin = ("origin", "https://other.example.com");
    let asks = ("access-control-request-method", "PUT");
    let whole = [origin, asks];
    for answer in door.both("OPTIONS", "https://app.example.com/api", &whole).await {
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(identity_of(&answer), ["", "", "", ""]);
    }
    for (method, url, headers) in [
        ("OPTIONS", "https://app.example.com/api", &[origin][..]),
        ("OPTIONS", "https://app.example.com/api", &[asks]),
        ("GET", "https://app.example.com/api", &whole),
        ("options", "https://app.example.com/api", &whole),
        ("OPTIONS", "https://staff.example.com/api", &whole),
    ] {
        for answer in door.both(method, url, headers).await {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {url} {headers:?}");
        }
    }
    for answer in
        door.both("OPTIONS", "https://shut.example.com/api", &[whole[0], whole[1], ("cookie", &cookie)]).await
    {
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
}

/// Proves: VCH-6, VCH-8
#[tokio::test]
async fn identity_headers_say_who_it_is_and_nothing_else() {
    let (door, alice) = Door::with_alice().await;
    let signed_in = [("cookie", alice.as_str()), ("remote-user", "root"), ("remote-groups", "admins")];
    for answer in door.both("GET", "https://app.example.com/", &signed_in).await {
        assert_eq!(identity_of(&answer), ["alice", "staff", "alice@example.com", "alice"]);
    }
    // Somebody signed in on a public page is known there; nobody is nobody, whatever the client says.
    for answer in door.both("GET", "https://public.example.com/", &signed_in).await {
        assert_eq!(identity_of(&answer), ["alice", "staff", "alice@example.com", "alice"]);
    }
    for answer in door.both("GET", "https://public.example.com/", &signed_in[1..]).await {
        assert_eq!(identity_of(&answer), ["", "", "", ""]);
    }
}

/// Proves: VCH-6
#[tokio::test]
async fn an_app_can_have_headers_of_its_own() {
    let own = IdentityHeaders::new(Preset::XAuthRequest.headers(), HeaderText::Utf8);
    let mut settings = settings();
    settings.per_app.insert("staff".to_owned(), own);
    let door = Door::with(rules(true), settings);
    let cookie = door.admit("alice").await;
    let headers = [request("GET", "https://staff.example.com/"), vec![("cookie", cookie.as_str())]].concat();
    let mut asked = Request::builder().uri("/auth/vouch/request").body(()).unwrap();
    for (name, value) in &headers {
        asked.headers_mut().append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let now = door.house.shared.actions.world().now();
    let (response, verdict) = door.vouch.answer(arrival("127.0.0.1"), &asked.into_parts().0, now);
    assert_eq!(verdict, Verdict::Pass);
    let headers: &HeaderMap = response.headers();
    assert_eq!(headers["x-auth-request-user"], "alice");
    assert_eq!(headers["x-auth-request-groups"], "staff");
    assert!(!headers.contains_key("remote-user"));
}

/// Proves: VCH-19
#[tokio::test]
async fn a_check_writes_nothing() {
    let (door, cookie) = Door::with_alice().await;
    let headers = [request("GET", "https://app.example.com/"), vec![("cookie", cookie.as_str())]].concat();
    let before = door.house.desk.store.figures();
    for second in 0..200 {
        door.house.pass(1);
        assert_eq!(
            door.ask("/auth/vouch/request", &headers).await.status,
            StatusCode::OK,
            "after {second} s"
        );
        door.ask("/auth/vouch/request", &request("GET", "https://app.example.com/")).await;
    }
    let after = door.house.desk.store.figures();
    assert_eq!((after.commits, after.transactions), (before.commits, before.transactions));
    // Three uses are to be written down in 200 s, by and by and elsewhere (VCH-18: once a minute).
    let mut touches = door.house.touches.lock().unwrap();
    assert_eq!(std::iter::from_fn(|| touches.try_recv().ok()).count(), 3);
}

/// Proves: VCH-1, VCH-2
#[tokio::test]
async fn a_broken_store_refuses_and_never_passes() {
    let (door, cookie) = Door::with_alice().await;
    door.house.desk.store.close();
    let signed_in = [("cookie", cookie.as_str()), HTML];
    let answers = door.both("GET", "https://app.example.com/", &signed_in).await;
    assert_eq!(answers.map(|answer| answer.status.as_u16()), [403, 503], "nginx knows 403 only");
    // Public apps, too: who is there cannot be said, so nothing is.
    for answer in door.both("GET", "https://public.example.com/", &signed_in).await {
        assert!(!answer.status.is_success());
    }
    let bare = door.ask("/auth/vouch", &signed_in).await;
    assert_eq!(bare.status, StatusCode::SERVICE_UNAVAILABLE);
    // Without a cookie there is nothing to look up.
    let anonymous = door.both("GET", "https://app.example.com/", &[]).await;
    assert_eq!(anonymous.map(|answer| answer.status.as_u16()), [401, 401]);
}

/// Proves: VCH-14
#[tokio::test]
async fn other_rules_hold_at_the_next_check() {
    let (door, cookie) = Door::with_alice().await;
    let signed_in = [("cookie", cookie.as_str())];
    let status =
        async |url: &str| door.both("GET", url, &signed_in).await.map(|answer| answer.status.as_u16());
    assert_eq!(status("https://staff.example.com/").await, [200, 200]);
    door.house.shared.gate.enforce(rules(false));
    assert_eq!(status("https://staff.example.com/").await, [403, 403]);
    door.house.shared.gate.enforce(rules(true));
    assert_eq!(status("https://staff.example.com/").await, [200, 200]);
}

/// Checks run while the session ends: none that begins after the answer to the logout passes.
///
/// Proves: VCH-14, SES-7
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_check_passes_after_the_logout_was_answered() {
    let (door, cookie) = Door::with_alice().await;
    let door = Arc::new(door);
    let ended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asking: tokio::task::JoinSet<_> = (0..4)
        .map(|_| {
            let (door, cookie, ended) = (door.clone(), cookie.clone(), ended.clone());
            async move {
                let mut passed = 0;
                for _ in 0..500 {
                    let over = ended.load(std::sync::atomic::Ordering::SeqCst);
                    let headers =
                        [request("GET", "https://app.example.com/"), vec![("cookie", cookie.as_str())]];
                    let answer = door.ask("/auth/vouch/request", &headers.concat()).await;
                    assert!(!over || !answer.status.is_success(), "passed after the logout was answered");
                    passed += u32::from(answer.status.is_success());
                    tokio::task::yield_now().await;
                }
                passed
            }
        })
        .collect();
    let hash =
        crate::domain::session::SessionHash::of_cookie(cookie.split_once('=').unwrap().1.as_bytes()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    assert_eq!(door.house.shared.actions.sign_out(&door.house.desk.call(), vec![hash]).await.unwrap(), 1);
    ended.store(true, std::sync::atomic::Ordering::SeqCst);
    asking.join_all().await;
    let last = door.both("GET", "https://app.example.com/", &[("cookie", cookie.as_str())]).await;
    assert_eq!(last.map(|answer| answer.status.as_u16()), [401, 401]);
}
