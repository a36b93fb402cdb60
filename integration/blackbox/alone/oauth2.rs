//! A web application made with a published client library signs its people in here.

use crate::{
    chromium,
    kit::{Answer, Ask, Browser, config::PASSWORD, forms::Form, house::House, ports, wait},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    process::{Child, Command, Stdio},
};

/// The application: `integration/browser/oauth.mjs`, ended when dropped.
struct Application {
    port: u16,
    process: Child,
}

impl Application {
    async fn start(house: &House, base: &str, id: &str, secret: &str) -> Self {
        let driver = chromium::installed();
        fs::copy(chromium::source().join("oauth.mjs"), driver.join("oauth.mjs"))
            .expect("the driver's folder is writable");
        let port = ports::free().port();
        // A hung application must not outlive the run.
        let process = Command::new("timeout")
            .args(["120", "node", "oauth.mjs"])
            .current_dir(&driver)
            .env("PORTAL", house.url(""))
            .env("BASE", base)
            .env("PORT", port.to_string())
            .env("CLIENT_ID", id)
            .env("CLIENT_SECRET", secret)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("timeout and node are installed");
        let application = Self { port, process };
        let url = application.url("/");
        let up = wait::until(|| async { Ask::get(&url).try_send().await.ok().map(|_| true) }).await;
        assert_eq!(up, Some(true), "the application does not listen");
        application
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // coreutils' timeout passes this signal on to node; it could not pass on a kill.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// Registers a client at the command line; gives its secret.
fn register(house: &House, id: &str) -> String {
    let said =
        house.command(&["client", "add", "The Wiki", "--id", id, "--redirect-uri", "http://127.0.0.1/cb"]);
    let secret = said.lines().find_map(|line| line.strip_prefix("client_secret"));
    secret.unwrap_or_else(|| panic!("no secret in {said}")).trim().to_owned()
}

fn form_to(action: &str, page: &Answer) -> Option<Form> {
    Form::all(&page.text()).into_iter().find(|form| form.action == action)
}

async fn agree(browser: &mut Browser, page: &Answer) -> Answer {
    let mut form = form_to("/oauth2", page).unwrap_or_else(|| panic!("nobody asked: {page}"));
    // Of the two buttons one is pressed.
    form.fields.retain(|(name, value)| name != "decision" || value == "allow");
    browser.submit(page, &form).await
}

/// Code flow with PKCE, issuer, nonce, signature and key set, introspection, rotation and reuse, all checked by the library.
///
/// simple-auth.md 9.D5
///
/// Proves: OAU-4, OAU-6, OAU-10, OAU-13, OAU-22, JWT-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_client_library_signs_people_in() {
    let house = House::alone("[oauth2]\nrsa_bits = 2048\n").await;
    for (base, id) in [("", "wiki"), ("/api/v1", "other")] {
        let secret = register(&house, id);
        let application = Application::start(&house, base, id, &secret).await;
        let mut alice = Browser::new();
        let page = alice.visit(&application.url("/start")).await;
        let page = alice.sign_in(&page, "alice", PASSWORD).await;
        assert!(page.text().contains("The Wiki"), "{page}");
        let done = agree(&mut alice, &page).await.expect(200).json();
        assert_eq!(done["claims"]["iss"], house.url(""), "{done}");
        assert_eq!(
            (&done["claims"]["aud"], &done["claims"]["email"]),
            (&id.into(), &"alice@example.com".into())
        );
        assert_eq!(
            (&done["claims"]["name"], &done["claims"]["preferred_username"]),
            (&"Alice Liddell".into(), &"alice".into())
        );
        assert_eq!((&done["scope"], &done["expires_in"]), (&"openid email username".into(), &900.into()));
        assert_eq!(
            (&done["active"]["active"], &done["active"]["sub"]),
            (&true.into(), &done["claims"]["sub"])
        );
        assert_eq!((&done["renewed"], &done["reused"]), (&true.into(), &"invalid_grant".into()), "{done}");
        assert_eq!(done["after"], serde_json::json!({ "active": false }));

        // The next time nobody is asked; after taking it back, one is.
        let again = alice.visit(&application.url("/start")).await.expect(200).json();
        assert_eq!(again["claims"]["sub"], done["claims"]["sub"], "{again}");
        let apps = alice.visit(&house.url("/me/apps")).await;
        let form = form_to("/me/apps/revoke", &apps).expect("a connected application");
        alice.submit(&apps, &form).await.expect(200);
        let asked = alice.visit(&application.url("/start")).await;
        assert!(form_to("/oauth2", &asked).is_some(), "{asked}");
    }
}

/// What ends a person's sessions ends what was granted: seen from outside, through a kill and a restart.
///
/// Proves: SES-9, OPS-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_takes_its_tokens_along() {
    let mut house = House::alone("[oauth2]\nrsa_bits = 2048\n").await;
    house.command(&[
        "client",
        "add",
        "Old",
        "--id",
        "old",
        "--grant",
        "password",
        "--grant",
        "refresh_token",
        "--id-token-alg",
        "ES256",
        "--redirect-uri",
        "http://127.0.0.1/cb",
    ]);
    let shown = house.command(&["client", "secret", "old", "--only"]);
    let secret = shown
        .lines()
        .find_map(|line| line.strip_prefix("client_secret"))
        .expect("a secret")
        .trim()
        .to_owned();
    let mut input = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut input, format!("{PASSWORD}\n").as_bytes()).expect("room on the disk");
    let (made, _, said) = house.run(&["account", "add", "erin", "--password-stdin"], Some(input.path()));
    assert!(made, "{said}");
    let post = async |house: &House, path: &str, body: serde_json::Value| {
        let mut whole = serde_json::json!({ "client_id": "old", "client_secret": secret });
        for (name, value) in body.as_object().expect("an object") {
            whole[name] = value.clone();
        }
        Ask::post(&house.url(path), "application/json", whole.to_string()).send().await
    };
    let password = serde_json::json!({ "grant_type": "password", "username": "erin", "password": PASSWORD });
    let tokens = post(&house, "/auth/oauth2/token", password).await.expect(200).json();
    let info = serde_json::json!({ "token": tokens["access_token"] });
    house.crash().await;
    house.open().await;
    assert_eq!(
        post(&house, "/auth/oauth2/token_info", info.clone()).await.expect(200).json()["active"],
        true
    );
    house.command(&["account", "disable", "erin"]);
    assert_eq!(post(&house, "/auth/oauth2/token_info", info).await.expect(200).json()["active"], false);
    let refresh =
        serde_json::json!({ "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"] });
    let refused = post(&house, "/auth/oauth2/token", refresh).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_grant");
    for shown in [house.command(&["client", "list"]), house.command(&["client", "show", "old"]), house.log()]
    {
        assert!(!shown.contains(&secret), "{shown}");
    }
}
