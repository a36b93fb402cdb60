//! A whole place: the house, a proxy before it, two applications behind that, and the people who come.

use super::{
    Answer, Ask, Browser,
    apps::App,
    config::{PASSWORD, QUICK, one_app, people},
    house::House,
    ports, wait,
};
use crate::doors::{Door, Site};
use std::net::SocketAddr;

pub struct Place<D> {
    pub house: House,
    pub door: D,
    pub app: App,
    pub admin: App,
    pub site: Site,
}

impl<D: Door> Place<D> {
    /// Opens everything on free ports and waits until the portal answers through the door.
    pub async fn open() -> Self {
        let (app, admin) = (App::open("app").await, App::open("admin").await);
        let (https, http) = (ports::free(), ports::free());
        let house = House::start(|gateway, api| config(gateway, api, https.port())).await;
        let site = Site { vouchsafe: house.gateway, app: app.address, admin: admin.address, https, http };
        let door = D::open(&site).await;
        let place = Self { house, door, app, admin, site };
        place.reachable().await;
        place
    }

    /// Waits until the portal answers through the door.
    pub async fn reachable(&self) {
        let login = self.portal("/login");
        let open = wait::until(|| async {
            let answer = Ask::get(&login).navigation().try_send().await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        assert!(
            open.is_some(),
            "the portal does not answer through {}; vouchsafe said:\n{}",
            D::NAME,
            self.house.log()
        );
    }

    pub fn portal(&self, path: &str) -> String {
        self.at("auth", path)
    }

    pub fn app(&self, path: &str) -> String {
        self.at("app", path)
    }

    pub fn admin(&self, path: &str) -> String {
        self.at("admin", path)
    }

    /// A host that the door guards but the house has never heard of.
    pub fn stray(&self, path: &str) -> String {
        self.at("stray", path)
    }

    /// A host before which nobody asks the house, where a door has one.
    pub fn unguarded(&self, path: &str) -> String {
        self.at("open", path)
    }

    fn at(&self, host: &str, path: &str) -> String {
        format!("https://{host}.example.com:{}{path}", self.site.https.port())
    }

    /// Somebody who is signed in, by the session endpoint.
    pub async fn person(&self, name: &str) -> Browser {
        let mut browser = Browser::new();
        let body = serde_json::json!({ "username": name, "password": PASSWORD }).to_string();
        browser.ask(Ask::post(&self.portal("/auth/session"), "application/json", body)).await.expect(200);
        browser
    }

    /// Signs out by the page that people use.
    pub async fn sign_out(&self, browser: &mut Browser) -> Answer {
        let page = browser.visit(&self.portal("/logout")).await;
        let form = super::forms::Form::all(&page.text()).into_iter().find(|form| form.method == "post");
        match form {
            Some(form) => browser.submit(&page, &form).await,
            None => panic!("no sign-out form on {}:\n{page}", page.url),
        }
    }
}

/// The configuration of the house: one cookie for the parent domain, two applications, three people.
fn config(gateway: SocketAddr, api: SocketAddr, port: u16) -> String {
    format!(
        r#"
[gateway]
listen = "{gateway}"
public_url = "https://auth.example.com:{port}"

[api]
listen = "{api}"

{QUICK}
{}
[[apps]]
name = "admin"
hosts = ["admin.example.com:{port}"]
[[apps.rules]]
groups = ["admins"]
access = "signed-in"
[[apps.rules]]
access = "deny"

{}
"#,
        one_app(&format!("app.example.com:{port}"), ""),
        people()
    )
}
