//! What a client may write and nobody may believe.

use super::entering::expect_portal;
use crate::{
    doors::Door,
    kit::{Ask, Place, apps::Told, client::dial},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Names that other programs of this field give to identity headers. We send none of them, so none may arrive.
const FOREIGN: &str = "
    remote-sub remote-user-id x-vouch-user x-vouch-success x-vouch-assertion x-vouch-jwt x-vouch-idp-accesstoken
    x-vouch-idp-idtoken x-auth-request-user x-auth-request-email x-auth-request-groups
    x-auth-request-preferred-username x-auth-request-access-token x-forwarded-user x-forwarded-login
    x-forwarded-name x-forwarded-email x-forwarded-groups x-forwarded-preferred-username x-forwarded-access-token
    x-forwarded-user-roles x-forwarded-user-groups x-forwarded-user-email x-forwarded-user-email-verified
    x-forwarded-user-given-name x-forwarded-user-family-name x-forwarded-user-mfa x-authentik-username
    x-authentik-groups x-authentik-entitlements x-authentik-email x-authentik-name x-authentik-uid x-authentik-jwt
    x-pomerium-jwt-assertion x-pomerium-jwt-assertion-for x-webauth-user x-webauth-email x-webauth-fullname
    x-webauth-name x-webauth-groups x-webauth-role x-auth-username x-auth-email x-auth-roles x-auth-groups
    x-auth-subject x-auth-userid x-auth-token x-token-user-name x-token-user-email x-token-user-roles
    x-token-subject auth-user cf-access-jwt-assertion cf-access-authenticated-user-email x-goog-iap-jwt-assertion
    x-amzn-oidc-data x-amzn-oidc-identity x-ms-client-principal-name tailscale-user-login
    x-remote-user x-remote-group x-user-id x-goog-authenticated-user-email x-goog-authenticated-user-id
    x-ms-client-principal x-ms-client-principal-id x-ms-client-principal-idp tailscale-user-name tailscale-user-profile-pic
    x-authentik-meta-app x-authentik-meta-username oidc-claim-sub oidc-claim-email oidc-claim-preferred-username
    oidc-claim-groups oidc-access-token oidc-id-token x-amzn-oidc-accesstoken
";

/// Whatever an application is set up to believe, a client cannot say it.
pub async fn no_foreign_identity_header_arrives<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let forged = |ask: Ask| FOREIGN.split_whitespace().fold(ask, |ask, name| ask.header(name, "root"));
    for told in [
        Told::by(&alice.ask(forged(Ask::get(&place.app("/")))).await.expect(200)),
        Told::by(&forged(Ask::get(&place.app("/public/x"))).send().await.expect(200)),
    ] {
        for name in FOREIGN.split_whitespace() {
            assert_eq!(told.header(name), Vec::<&str>::new(), "{name} got through {}", D::NAME);
        }
    }
}

/// Every spelling of an identity header, and the tricks to have ours removed on the way.
///
/// simple-auth.md 9.F3
pub async fn forged_headers_never_arrive<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let forged = |ask: Ask| {
        ask.header("remote-user", "root")
            .header("remote-user", "root2")
            .header("remote_user", "root")
            .header("remote.user", "root")
            .header("Remote_Groups", "admins")
            .header("remote-groups", "admins")
            .header("remote-email", "root@example.com")
            .header("remote_name", "root")
            .header("x-forwarded-user", "root")
            .header("x-auth-request-user", "root")
            .header("x_auth_request_user", "root")
            .header("x-vouch-user", "root")
            .header("x-authentik-username", "root")
            .header("x-webauth-user", "root")
            // The other dialect's and this dialect's description of the request.
            .header("x-original-url", place.app("/public/").as_str())
            .header("x-original-method", "OPTIONS")
            .header("x-forwarded-uri", "/public/")
            .header("x-forwarded-host", "elsewhere.example.com")
            .header("x-forwarded-method", "OPTIONS")
            .header("x-forwarded-proto", "http")
            .header("x-forwarded-for", "10.9.8.7")
            .header("x_forwarded_uri", "/public/")
    };
    let clean = |told: &Told, who: [&str; 4]| {
        assert_eq!(told.identity(), who);
        for name in [
            "x-forwarded-user",
            "x-auth-request-user",
            "x-vouch-user",
            "x-authentik-username",
            "x-webauth-user",
        ] {
            assert_eq!(told.header(name), Vec::<&str>::new(), "{name} got through");
        }
        assert!(
            !told.header("x-forwarded-for").iter().any(|line| line.contains("10.9.8.7")),
            "a made-up address got through"
        );
    };
    let me = ["alice", "staff", "alice@example.com", "Alice Liddell"];
    clean(&Told::by(&alice.ask(forged(Ask::get(&place.app("/")))).await.expect(200)), me);
    clean(&Told::by(&forged(Ask::get(&place.app("/public/x"))).send().await.expect(200)), [""; 4]);

    // Naming our headers as belonging to this hop must not make the proxy drop them after we set them, nor keep theirs.
    for connection in
        ["close, remote-user, remote-groups", "remote-user", "keep-alive, x-forwarded-uri, remote-email"]
    {
        let ask = forged(Ask::get(&place.app("/"))).header("connection", connection);
        clean(&Told::by(&alice.ask(ask).await.expect(200)), me);
    }
    // With the cookie named, the check may not get to see it. Then it is nobody's request.
    let ask = forged(Ask::get(&place.app("/"))).header("connection", "cookie");
    let answer = alice.ask(ask).await;
    match answer.status.as_u16() {
        200 => clean(&Told::by(&answer), me),
        status => assert_eq!(status, 401, "{answer}"),
    }

    // A stranger who describes a public path does not get a private one.
    let before = place.app.seen();
    let answer = forged(Ask::get(&place.app("/private")).navigation()).send().await;
    expect_portal(&place, &answer);
    assert_eq!(place.app.seen(), before);
}

/// The same through a door that lets such names in, which an application that reads headers as CGI does would take for ours.
pub async fn underscores_never_arrive<D: Door>(place: Place<D>) {
    let ask = Ask::get(&place.unguarded("/")).header("Remote_User", "root").header("remote_groups", "admins");
    let told = Told::by(&ask.send().await.expect(200));
    assert_eq!(told.header("remote-user"), ["root"], "{} does not even let them in", D::NAME);
    assert_eq!(told.header("remote-groups"), ["admins"]);
    forged_headers_never_arrive(place).await;
}

/// A public path is open to all, and nobody is anybody there who has not signed in.
pub async fn public_path_has_no_identity<D: Door>(place: Place<D>) {
    let answer = Ask::get(&place.app("/public/page?x=1")).send().await.expect(200);
    let told = Told::by(&answer);
    assert_eq!((told.target(), told.identity()), ("/public/page?x=1", [""; 4].map(str::to_owned)));

    let posted = Ask::post(&place.app("/public/hook"), "application/json", "{}").send().await.expect(200);
    assert_eq!(Told::by(&posted).length(), 2);
}

/// Guarded by the proxy, unknown to the house: refused, without a redirect made from a name that nobody declared.
pub async fn undeclared_host<D: Door>(place: Place<D>) {
    let mut carol = place.person("carol").await;
    for ask in [
        Ask::get(&place.stray("/")).navigation(),
        Ask::get(&place.stray("/public/")),
        Ask::get(&place.stray("/")).xhr(),
    ] {
        let answer = carol.ask(ask.clone()).await.expect(403);
        assert_eq!(answer.header("location"), None, "{answer}");
        let answer = ask.send().await.expect(403);
        assert_eq!(answer.header("location"), None, "{answer}");
    }
    assert_eq!(place.app.seen(), 0);
}

/// A `Host` that the proxy does not know either, on a connection made for a known one, is nobody's.
pub async fn unknown_host<D: Door>(place: Place<D>) {
    let alice = place.person("alice").await;
    for host in ["evil.example.org", "app.example.com.evil.example.org", "app.example.com@evil.example.org"] {
        let mut ask = alice.with_cookies(Ask::get(&place.app("/")).navigation());
        ask.headers.insert("host", host.parse().expect("a header value"));
        if let Ok(answer) = ask.try_send().await {
            assert!(answer.status.is_client_error(), "{host} got\n{answer}");
            assert_eq!(answer.header("location"), None, "{answer}");
        }
    }
    assert_eq!(place.app.seen(), 0);
}

/// A request line that names one host and a `Host` that names another: whichever the proxy goes by, what is judged is what answers.
pub async fn line_and_host_disagree<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    alice.ask(Ask::get(&place.admin("/"))).await.expect(403);
    let strangers = String::new();
    let hers = alice.with_cookies(Ask::get(&place.app("/")));
    let hers = hers.headers.get("cookie").and_then(|line| line.to_str().ok()).expect("a session");
    let hers = format!("Cookie: {hers}\r\n");
    for cookie in [&strangers, &hers] {
        for (line, host) in [("admin", "app"), ("admin", "auth"), ("app", "admin"), ("stray", "app")] {
            for scheme in ["https", "http"] {
                let port = place.site.https.port();
                let answer = spoken(
                    &place.app("/"),
                    &format!(
                        "GET {scheme}://{line}.example.com:{port}/public/x HTTP/1.1\r\nHost: {host}.example.com:{port}\r\n\
                         {cookie}Connection: close\r\n\r\n"
                    ),
                )
                .await;
                assert_eq!(
                    place.admin.seen(),
                    0,
                    "{line} as {host} by {scheme} reached admin through {}:\n{answer}",
                    D::NAME
                );
                assert!(
                    answer.starts_with("HTTP/1.1 "),
                    "{} said nothing to {line} as {host}: {answer:?}",
                    D::NAME
                );
            }
        }
    }
}

/// Sends bytes as they are, on a connection made for the host of `url`, and reads until its end.
async fn spoken(url: &str, bytes: &str) -> String {
    let (mut stream, ..) = dial(url).await.expect("the door is open");
    stream.write_all(bytes.as_bytes()).await.expect("it is being read");
    let mut answer = Vec::new();
    // Some end TLS without saying so; what came before counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The check answers the proxy, not the world: its address is not reachable from outside.
pub async fn the_check_is_closed_to_the_outside<D: Door>(place: Place<D>) {
    let mut carol = place.person("carol").await;
    for path in [
        "/auth/vouch/request",
        "/auth/vouch/forward",
        "/api/v1/auth/vouch/request",
        "/api/v1/auth/vouch/forward",
    ] {
        let ask = Ask::get(&place.portal(path))
            .header("x-original-url", place.admin("/").as_str())
            .header("x-original-method", "GET")
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", "/");
        let answer = carol.ask(ask).await.expect(404);
        assert!(answer.headers.get("remote-user").is_none(), "{path} told\n{answer}");
    }
    // Nor is the subrequest's own address on a guarded host.
    carol.ask(Ask::get(&place.app("/_vouch"))).await;
    assert!(Ask::get(&place.app("/_vouch")).send().await.status.is_client_error());
}

/// Spellings that one program reads as public and another as private.
pub async fn path_tricks_open_nothing<D: Door>(place: Place<D>) {
    for target in [
        "/public/../private",
        "/public/..%2fprivate",
        "/public/%2e%2e/private",
        "/public/%2e%2e%2fprivate",
        "/public/..;/private",
        "/public/.%2e/private",
        "/public/..%5cprivate",
        "/public%2f..%2fprivate",
        "//public/../private",
        "/./public/../private",
        "/public/%252e%252e/private",
        "/private/%2e%2e/public/..%2f..%2fprivate",
        "/public/..%00/private",
        "/PUBLIC/x",
        "/publicity",
        "/public",
    ] {
        let answer = Ask::get(&place.app(target)).send().await;
        // One spelling may stay what it says (a directory named "%2e%2e" below /public/); none may be a way out of it.
        if answer.status == 200 {
            let told = Told::by(&answer);
            let reached = told.target().to_owned();
            let below = reached == "/public" || reached.starts_with("/public/");
            assert!(below && !leaves(&reached), "{target} reached {reached}");
        } else {
            assert!(answer.status.is_client_error(), "{target} got\n{answer}");
        }
    }
}

/// Whether an application that decodes once, or twice, or takes `\` for `/`, would climb out of where the path begins.
fn leaves(target: &str) -> bool {
    let mut path = target.split('?').next().unwrap_or_default().to_ascii_lowercase();
    for _ in 0..2 {
        path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").replace("%25", "%");
    }
    path.replace('\\', "/").split('/').any(|segment| segment.split(';').next() == Some(".."))
}

/// A stale or planted cookie beside the live one does not lock anybody out; two live ones are nobody.
pub async fn two_session_cookies<D: Door>(place: Place<D>) {
    let mut alice = place.person("alice").await;
    let name = ["__Secure-auth", "auth"]
        .into_iter()
        .find(|name| alice.cookie(name).is_some())
        .expect("a session cookie");
    let live = alice.cookie(name).expect("just seen").value.clone();
    let other = place.person("carol").await.cookie(name).expect("a session").value.clone();

    for line in [
        format!("{name}=garbage; {name}={live}"),
        format!("{name}={live}; {name}=garbage"),
        format!("{name}={live}; {name}={live}"),
    ] {
        let told = Told::by(&Ask::get(&place.app("/")).header("cookie", &line).send().await.expect(200));
        assert_eq!(told.identity()[0], "alice", "{line}");
        if D::CUTS_COOKIE {
            assert_eq!(told.header("cookie"), Vec::<&str>::new());
        }
    }
    let both = format!("{name}={live}; {name}={other}");
    let answer = Ask::get(&place.app("/")).xhr().header("cookie", &both).send().await;
    assert!(answer.status.is_client_error(), "two live sessions got\n{answer}");
    alice.ask(Ask::get(&place.app("/"))).await.expect(200);
}
