//! Every kind of answer of the check, whole, as each family of proxies gets it (forward-auth.md 1.1).

use super::snapshot;
use crate::kit::{
    Ask,
    config::{PASSWORD, one_app},
    house::House,
};

/// Of the application, this belongs to administrators.
const ADMIN: &str = r#"
[[apps.rules]]
path_prefix = ["/admin/"]
groups = ["admins"]
access = "signed-in"
[[apps.rules]]
path_prefix = ["/admin/"]
access = "deny"
"#;

/// A house with one application, for both families of proxies.
async fn house() -> House {
    House::behind("https://auth.example.com", &one_app("app.example.com", ADMIN)).await
}

#[derive(Clone, Copy)]
enum Family {
    Request,
    Forward,
}

impl Family {
    const BOTH: [(Self, &'static str); 2] = [(Self::Request, "request"), (Self::Forward, "forward")];

    /// The check for a request to `app.example.com`.
    fn check(self, house: &House, method: &str, path: &str) -> Ask {
        match self {
            Self::Request => Ask::get(&house.url("/auth/vouch/request"))
                .header("x-original-method", method)
                .header("x-original-url", &format!("https://app.example.com{path}")),
            Self::Forward => Ask::get(&house.url("/auth/vouch/forward"))
                .header("x-forwarded-method", method)
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-host", "app.example.com")
                .header("x-forwarded-uri", path),
        }
        .header("x-forwarded-for", "203.0.113.7")
    }
}

/// Somebody signed in, as the cookie line to send.
async fn cookie(house: &House, name: &str) -> String {
    let ask = house
        .sign_in_request(name, PASSWORD)
        .header("host", "auth.example.com")
        .header("x-forwarded-proto", "https");
    let answer = ask.send().await.expect(200);
    let line = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let session = line.into_iter().find(|line| line.starts_with("__Secure-auth=")).expect("a session cookie");
    session.split(';').next().unwrap_or_default().to_owned()
}

/// Proves: VCH-1, VCH-2, VCH-4, VCH-5, HDR-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer() {
    let house = house().await;
    let (alice, carol) = (cookie(&house, "alice").await, cookie(&house, "carol").await);
    for (family, name) in Family::BOTH {
        let check = |method: &str, path: &str| family.check(&house, method, path);
        for (case, ask) in [
            ("allow", check("GET", "/x?y=1").header("cookie", &alice)),
            ("allow-admin", check("GET", "/admin/").header("cookie", &carol)),
            ("allow-anonymous", check("GET", "/public/x")),
            ("allow-public-signed-in", check("GET", "/public/x").header("cookie", &alice)),
            ("sign-in-navigation", check("GET", "/x?a=1&b=%2F+c").navigation()),
            ("sign-in-navigation-post", check("POST", "/form").navigation()),
            ("sign-in-script", check("GET", "/api").xhr()),
            ("sign-in-plain", check("GET", "/api")),
            (
                "sign-in-websocket",
                check("GET", "/socket").navigation().header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ),
            ("forbidden-navigation", check("GET", "/admin/").navigation().header("cookie", &alice)),
            ("forbidden-script", check("GET", "/admin/").xhr().header("cookie", &alice)),
            ("second-factor-navigation", check("GET", "/vault/").navigation().header("cookie", &alice)),
            ("second-factor-script", check("GET", "/vault/").xhr().header("cookie", &alice)),
            ("malformed-path", check("GET", "/public/%00").navigation()),
            ("two-sessions", check("GET", "/x").xhr().header("cookie", &format!("{alice}; {carol}"))),
        ] {
            snapshot(&format!("{name}-{case}"), &ask.send().await);
        }
    }
}

/// What is missing, doubled or from the other family refuses, without a redirect made from it.
///
/// Proves: VCH-9, HDR-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_describe_a_request_is_refused() {
    let house = house().await;
    let alice = cookie(&house, "alice").await;
    for (family, _) in Family::BOTH {
        let whole = family.check(&house, "GET", "/x").header("cookie", &alice).navigation();
        whole.clone().send().await.expect(200);
        let describing: Vec<_> = whole
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-") && *name != "x-forwarded-for")
            .cloned()
            .collect();
        assert!(describing.len() >= 2);
        for name in describing {
            let mut without = whole.clone();
            let value = without.headers.remove(&name).expect("just listed");
            let answer = without.send().await.expect(403);
            assert_eq!(answer.header("location"), None, "without {name}: {answer}");

            let mut twice = whole.clone();
            twice.headers.append(&name, value);
            let answer = twice.send().await.expect(403);
            assert_eq!(answer.header("location"), None, "with two {name}: {answer}");
        }
        for host in [
            "other.example.com",
            "app.example.com.evil.org",
            "app.example.com:8443",
            "app.example.com@evil.org",
            "app.example.com, evil.org",
        ] {
            let mut ask = whole.clone();
            match family {
                Family::Request => ask
                    .headers
                    .insert("x-original-url", format!("https://{host}/x").parse().expect("a header value")),
                Family::Forward => {
                    ask.headers.insert("x-forwarded-host", host.parse().expect("a header value"))
                }
            };
            let answer = ask.send().await.expect(403);
            assert_eq!(answer.header("location"), None, "for {host}: {answer}");
        }
    }
}

/// Neither the query of the check nor the client's own conditional, range and body headers change the answer.
///
/// Proves: VCH-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_client_adds_changes_nothing() {
    let house = house().await;
    let alice = cookie(&house, "alice").await;
    for (family, _) in Family::BOTH {
        for (cookie, status) in [(alice.as_str(), 200), ("a=b", 401)] {
            let plain = family.check(&house, "GET", "/x").header("cookie", cookie);
            let mut noisy = plain
                .clone()
                .header("range", "bytes=0-1")
                .header("if-none-match", "*")
                .header("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT")
                .header("accept-encoding", "gzip, br")
                .header("content-type", "application/json")
                .header("remote-user", "root")
                .header("authorization", "Bearer of-the-application");
            noisy.url += "?rd=https://evil.example.org/&forward=0&continue=https://evil.example.org/";
            let (plain, noisy) = (plain.send().await.expect(status), noisy.send().await.expect(status));
            let names = |answer: &crate::kit::Answer| {
                let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(names(&plain), names(&noisy));
            assert_eq!(plain.header("remote-user"), noisy.header("remote-user"));
            assert!(!noisy.to_string().contains("evil"), "{noisy}");
        }
    }
}
