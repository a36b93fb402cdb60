//! Who may say what is asked for, and in which words; the forms that no proxy sends.

use super::*;
use crate::{
    values::secret::Secret,
    web::{edge::peer::ProxyTrust, vouch::identity::IdentityField},
};

/// Proves: HDR-1
#[tokio::test]
async fn only_a_trusted_peer_is_believed() {
    let (door, cookie) = Door::with_alice().await;
    let by_request = [request("GET", "https://app.example.com/"), vec![("cookie", cookie.as_str())]].concat();
    let by_forward =
        [forward("GET", "https", "app.example.com", "/"), vec![("cookie", cookie.as_str())]].concat();
    for (peer, status) in [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("unix", 200),
        ("192.0.2.1", 403),
        ("10.0.0.1", 403),
        ("2001:db8::1", 403),
    ] {
        for (path, headers) in [
            ("/auth/vouch/request", &by_request),
            ("/auth/vouch/forward", &by_forward),
            ("/api/v1/auth/vouch/request", &by_request),
            ("/auth/vouch", &by_request),
            ("/auth/vouch", &by_forward),
        ] {
            let answer = door.ask_as(peer, "GET", path, headers).await;
            assert_eq!(answer.status.as_u16(), status, "{peer} {path}");
            assert!(!answer.headers.contains_key(header::LOCATION));
        }
    }
}

/// Proves: HDR-9
#[tokio::test]
async fn a_shared_secret_is_asked_for_where_one_is_set() {
    let house = House::build(Plan::default(), rules(true), |settings| {
        settings.trust =
            ProxyTrust { secret: Some(Secret::from("between proxy and us")), ..settings.trust.clone() };
    });
    let vouch = house.shared.vouch(settings());
    let door = Door { house, vouch };
    let cookie = door.admit("alice").await;
    let plain = [request("GET", "https://app.example.com/"), vec![("cookie", cookie.as_str())]].concat();
    for (secrets, status) in [
        (vec!["between proxy and us"], 200),
        (vec![], 403),
        (vec!["Between proxy and us"], 403),
        (vec![""], 403),
        (vec!["between proxy and us", "between proxy and us"], 403),
    ] {
        let mut headers = plain.clone();
        headers.extend(secrets.iter().map(|secret| ("x-vouch-secret", *secret)));
        assert_eq!(door.ask("/auth/vouch/request", &headers).await.status.as_u16(), status, "{secrets:?}");
    }
}

/// Proves: HDR-3
#[tokio::test]
async fn each_header_must_be_there_exactly_once() {
    let (door, cookie) = Door::with_alice().await;
    for (path, complete) in [
        ("/auth/vouch/request", request("GET", "https://app.example.com/")),
        ("/auth/vouch/forward", forward("GET", "https", "app.example.com", "/")),
    ] {
        let with_cookie = |mut headers: Headers<'static>, cookie: &'static str| {
            headers.push(("cookie", cookie));
            headers
        };
        let cookie: &'static str = Box::leak(cookie.clone().into_boxed_str());
        assert_eq!(door.ask(path, &with_cookie(complete.clone(), cookie)).await.status, StatusCode::OK);
        for at in 0..complete.len() {
            let mut missing = complete.clone();
            let one = missing.remove(at);
            let mut twice = complete.clone();
            twice.push(one);
            let list = [one.1, ", ", one.1].concat();
            let list: &'static str = Box::leak(list.into_boxed_str());
            let mut listed = complete.clone();
            listed[at].1 = list;
            let mut empty = complete.clone();
            empty[at].1 = "";
            for (what, headers) in
                [("missing", missing), ("twice", twice), ("a list", listed), ("empty", empty)]
            {
                if one.0 == "x-forwarded-uri" && what == "a list" {
                    // A comma and a space: no valid target because of the space.
                    assert!(list.contains(' '));
                }
                let answer = door.ask(path, &with_cookie(headers, cookie)).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {} {what}", one.0);
            }
        }
        // The other adapter's headers do not stand in (forward-auth.md 18.4).
        let other = if path.ends_with("request") { "/auth/vouch/forward" } else { "/auth/vouch/request" };
        assert_eq!(door.ask(other, &with_cookie(complete, cookie)).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let (door, cookie) = Door::with_alice().await;
    for name in ["x-original-url", "x-original-method"] {
        let mut asked =
            Request::builder().uri("/auth/vouch/request").header("cookie", &cookie).body(()).unwrap();
        asked.headers_mut().insert("x-original-url", HeaderValue::from_static("https://app.example.com/"));
        asked.headers_mut().insert("x-original-method", HeaderValue::from_static("GET"));
        asked.headers_mut().insert(name, HeaderValue::from_bytes(b"https://app.example.com/\xff").unwrap());
        let now = door.house.shared.actions.world().now();
        let (response, verdict) = door.vouch.answer(arrival("127.0.0.1"), &asked.into_parts().0, now);
        assert_eq!((response.status(), verdict), (StatusCode::FORBIDDEN, Verdict::Untrusted), "{name}");
    }
}

/// Proves: HDR-4
#[tokio::test]
async fn imitations_with_underscores_are_refused() {
    let (door, cookie) = Door::with_alice().await;
    for name in [
        "x_original_url",
        "x_forwarded_uri",
        "x_forwarded_for",
        "x-forwarded_host",
        "remote_user",
        "remote_groups",
        "x_auth_request_user",
        "x_webauth_user",
    ] {
        let signed_in = [("cookie", cookie.as_str()), (name, "x")];
        for answer in door.both("GET", "https://app.example.com/", &signed_in).await {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        }
        for answer in door.both("GET", "https://public.example.com/", &[(name, "x")]).await {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        }
    }
    let harmless = [("cookie", cookie.as_str()), ("x_my_header", "x")];
    assert!(
        door.both("GET", "https://app.example.com/", &harmless)
            .await
            .iter()
            .all(|a| a.status == StatusCode::OK)
    );
}

/// Proves: HDR-2, HDR-3
#[tokio::test]
async fn a_client_address_that_cannot_be_read_refuses() {
    let (door, cookie) = Door::with_alice().await;
    let chain = "192.0.2.1, ".repeat(40) + "192.0.2.1";
    for bad in ["nonsense", "192.0.2.1, nonsense", "1.2.3.4.5", chain.as_str()] {
        let signed_in = [("cookie", cookie.as_str()), ("x-forwarded-for", bad)];
        for answer in door.both("GET", "https://app.example.com/", &signed_in).await {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{bad:?}");
        }
    }
}

#[tokio::test]
async fn what_lies_below_is_no_adapter() {
    let (door, cookie) = Door::with_alice().await;
    let headers = [request("GET", "https://app.example.com/"), vec![("cookie", cookie.as_str())]].concat();
    for path in [
        "/auth/vouch/",
        "/auth/vouch/request/",
        "/auth/vouch/Request",
        "/auth/vouch/ext",
        "/auth/vouch//request",
        "/auth/vouch/request;x",
        "/api/v1/api/v1/auth/vouch/request",
        "/auth/vouch/%72equest",
    ] {
        assert_eq!(door.ask(path, &headers).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(door.ask("/api/v1/auth/vouch/request", &headers).await.status, StatusCode::OK);
}

/// DESIGN.md ruling 1.
///
/// Proves: VCH-1, HDR-3
#[tokio::test]
async fn the_bare_path_takes_one_set_of_headers_or_judges_the_session() {
    let (door, cookie) = Door::with_alice().await;
    let signed_in = ("cookie", cookie.as_str());
    let boss = request("GET", "https://boss.example.com/");
    let app = forward("GET", "https", "app.example.com", "/");
    let ask = async |headers: Headers<'_>| {
        let answer = door.ask("/auth/vouch", &headers).await;
        (answer.status.as_u16(), answer.text)
    };
    assert_eq!(ask([boss.clone(), vec![signed_in]].concat()).await, (403, String::new()));
    assert_eq!(ask([app.clone(), vec![signed_in]].concat()).await, (200, String::new()));
    assert_eq!(ask([boss, app.clone(), vec![signed_in]].concat()).await.0, 403, "both sets");
    // Half a set is a proxy that was set up wrongly, not a client of the Simple Auth form.
    for half in [("x-original-method", "GET"), ("x-forwarded-method", "GET"), ("x-forwarded-uri", "/")] {
        assert_eq!(ask(vec![signed_in, half]).await.0, 403, "{half:?}");
        let mild = Door::mild();
        let cookie = mild.admit("alice").await;
        let answer = mild.ask("/auth/vouch", &[("cookie", cookie.as_str()), half]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{half:?} under mild rules");
    }
    // None, and some rule is stricter than `signed-in`.
    let (status, text) = ask(vec![signed_in]).await;
    assert_eq!(status, 403);
    assert!(text.contains(r#""error":true"#), "{text}");
}

/// Proves: VCH-1, VCH-2
#[tokio::test]
async fn the_session_form_judges_the_session() {
    for session_only in [false, true] {
        let mut headers = Preset::Remote.headers();
        headers.push((HeaderName::from_static("x-user-id"), IdentityField::Id));
        let identity = IdentityHeaders::new(headers, HeaderText::Utf8);
        let settings = Settings { session_only, identity, ..settings() };
        let door = Door::with(rules(session_only), settings);
        let id = door.house.desk.add("alice").await;
        let cookie = door.sign_in("alice").await;
        for path in ["/auth/vouch", "/api/v1/auth/vouch"] {
            let answer = door.ask(path, &[("cookie", cookie.as_str())]).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, r#"{"success":true}"#));
            assert_eq!(answer.headers["x-user-id"], id.to_string().as_str());
            assert_eq!(identity_of(&answer)[0], "alice");
            let refused = door.ask(path, &[("x-user-id", "forged")]).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
            assert!(!refused.headers.contains_key("x-user-id"));
            let body: serde_json::Value = serde_json::from_str(&refused.text).unwrap();
            assert_eq!((&body["error"], &body["reason"]), (&true.into(), &"unauthorized".into()));
            assert_eq!(body["login_url"], format!("{PORTAL}/login"));
        }
        // Any peer may ask about its own session.
        let far = door.ask_as("192.0.2.1", "GET", "/auth/vouch", &[("cookie", cookie.as_str())]).await;
        assert_eq!(far.status, StatusCode::OK);
    }
}

/// DESIGN.md ruling 2.
///
/// Proves: VCH-13, URL-2, URL-4
#[tokio::test]
async fn the_session_form_redirects_where_it_is_asked_to() {
    let door = Door::mild();
    let ask = async |method: &str, query: &str| {
        let answer = door.ask_as("127.0.0.1", method, &format!("/auth/vouch{query}"), &[]).await;
        let location =
            answer.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap()).to_owned();
        (answer.status.as_u16(), location)
    };
    assert_eq!(ask("GET", "").await, (401, String::new()));
    assert_eq!(ask("GET", "?forward=false").await, (401, String::new()));
    assert_eq!(ask("GET", "?forward=true").await, (307, format!("{PORTAL}/login")));
    assert_eq!(ask("HEAD", "?forward=true").await.0, 307);
    // A 307 would have the browser repeat a POST, with its body, to the portal.
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(ask(method, "?forward=true").await.0, 303, "{method}");
    }
    for good in ["https://app.example.com/x?y=z", "https://partner.example.net/back/here"] {
        let encoded: String = url::form_urlencoded::byte_serialize(good.as_bytes()).collect();
        let (status, location) = ask("GET", &format!("?forward=true&continue={encoded}")).await;
        let received = url::Url::parse(&location).unwrap();
        let rd = received.query_pairs().find(|(name, _)| name == "rd").unwrap().1.into_owned();
        assert_eq!((status, rd.as_str()), (307, good));
        assert!(received.query_pairs().any(|(name, _)| name == "rs"), "sealed");
    }
    for bad in [
        "https://evil.example.net/",
        "//evil.example.net",
        "/\\evil.example.net",
        "javascript:alert(1)",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example/",
        "http://app.example.com/",
        "https://partner.example.net/backdoor",
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(bad.as_bytes()).collect();
        assert_eq!(
            ask("GET", &format!("?forward=true&continue={encoded}")).await,
            (307, format!("{PORTAL}/login"))
        );
    }
    let twice =
        "?forward=true&continue=https%3A%2F%2Fapp.example.com%2F&continue=https%3A%2F%2Fapp.example.com%2F";
    assert_eq!(ask("GET", twice).await, (307, format!("{PORTAL}/login")));
    // The form never opens anything.
    assert_eq!(ask("GET", "?forward=true&session=x&token=y&user=alice").await.0, 307);
}

/// A proxy that sets none of our headers hands the client's own through: then the client chooses what is judged.
///
/// Proves: VCH-1, HDR-1
#[tokio::test]
async fn a_check_without_adapter_opens_nothing_to_nobody() {
    let door = Door::mild();
    let public = [("x-original-method", "GET"), ("x-original-url", "https://public.example.com/")];
    let named = door.ask("/auth/vouch/request", &public).await;
    assert_eq!(named.status, StatusCode::OK, "the path is public");
    let bare = door.ask("/auth/vouch", &public).await;
    assert_eq!(bare.status, StatusCode::UNAUTHORIZED);
    assert_eq!(identity_of(&bare), ["-"; 4]);
}
