//! Whatever the operator does that ends an account's sessions ends what OAuth clients hold of it.

use super::*;
use crate::{
    actions::accounts::StatusChange,
    domain::{
        stipulation::Stipulation,
        token::{self, ACCESS, AUTHORIZATIONS, CONSENTS},
    },
    store::StoreError,
    values::{id::AccountId, secret::Secret},
    web::testing::OTHER,
};

/// A token of somebody else, or of somebody's own: active, renewable.
struct Held {
    access: String,
    refresh: String,
}

impl Scene {
    /// Signs somebody in and lets the wiki in, for good.
    async fn let_in(&mut self, name: &str) -> Held {
        self.cookie = format!("__Secure-auth={}", self.house.session(name).await);
        let answer = self.grant(&json!({ "scope": "openid email offline_access" })).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let tokens = self.redeem(&text(&answer, "code"), &json!({})).await;
        Held { access: text(&tokens, "access_token"), refresh: text(&tokens, "refresh_token") }
    }

    async fn is_good(&self, held: &Held) -> (bool, u16) {
        let active = self.info(&held.access).await["active"].as_bool().unwrap();
        let renewed = json!({
            "grant_type": "refresh_token", "client_id": "wiki", "client_secret": self.secret, "refresh_token": held.refresh,
        });
        let answer = self.ask("POST", "/auth/oauth2/token", &[JSON], renewed.to_string()).await;
        (active, answer.status.as_u16())
    }

    async fn end(&self, how: &str, id: AccountId) {
        let (actions, call, permit) = (&self.house.desk.actions, self.house.desk.call(), operator());
        let ended = match how {
            "delete" => actions.delete_account(&call, &permit, id).await,
            "lock" => actions.change_status(&call, &permit, id, StatusChange::Lock("lost".to_owned())).await,
            "disable" => {
                actions.change_status(&call, &permit, id, StatusChange::Disable("left".to_owned())).await
            }
            "password" => actions.set_password(&call, &permit, id, Secret::from(OTHER), false).await,
            "stipulate" => actions.stipulate(&call, &permit, id, Stipulation::ManualApproval).await,
            "factors" => actions.reset_factors(&call, &permit, id).await,
            other => panic!("nothing is called {other}"),
        };
        ended.unwrap_or_else(|fault| panic!("{how}: {fault}"));
    }

    fn left(&self, id: AccountId) -> usize {
        self.house.desk.store.read(|tx| token::all_of_account(tx, id, None, 100)).unwrap().len()
    }
}

/// simple-auth.md 9.D4, 9.A1: nothing outlives a reset, a closure or a deletion, not even what was granted to outlive a session.
///
/// Proves: SES-9, OAU-10
#[tokio::test]
async fn whatever_the_operator_ends_takes_its_tokens_along() {
    let mut scene = Scene::new().await;
    scene.house.desk.add("bob").await;
    let kept = scene.let_in("bob").await;
    for how in ["delete", "lock", "disable", "password", "stipulate", "factors"] {
        let name = format!("{how}-1");
        let id = scene.house.desk.add(&name).await;
        let held = scene.let_in(&name).await;
        if how == "factors" {
            scene.house.desk.with_totp(id).await;
        }
        assert_eq!(scene.left(id), 1);
        scene.end(how, id).await;
        assert_eq!(scene.left(id), 0, "{how}");
        assert_eq!(scene.is_good(&held).await, (false, 400), "{how}");
    }
    assert_eq!(scene.is_good(&kept).await, (true, 200), "bob has nothing to do with it");
}

/// Proves: SES-9
#[tokio::test]
async fn a_deleted_account_leaves_nothing_behind() {
    let mut scene = Scene::new().await;
    scene.let_in("alice").await;
    let counts = || {
        scene.house.desk.store.read(|tx| {
            Ok::<_, StoreError>((AUTHORIZATIONS.count(tx)?, ACCESS.count(tx)?, CONSENTS.count(tx)?))
        })
    };
    assert_eq!(counts().unwrap(), (1, 1, 1));
    scene.end("delete", scene.house.desk.account_id("alice")).await;
    assert_eq!(counts().unwrap(), (0, 0, 0));
}
