//! Programs that let OAuth clients in, in a person's place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::{domain::token, web::family::sweep};

/// `Authorization` of a program whose key has this scope alone.
pub(super) async fn key(scene: &Scene, scope: Scope) -> String {
    format!("SharedKey {}", sweep::key(&scene.house, scope.as_str(), &[scope], Vec::new()).await)
}

/// A key for reading and writing does not open its owner's accounts to third parties; what a program lets in, nobody was asked about.
///
/// Proves: OAU-15, OAU-17
#[tokio::test]
async fn a_program_lets_clients_in_only_with_a_scope_of_its_own_and_in_nobodys_name() {
    let scene = Scene::new().await;
    let alice = scene.house.desk.account_id("alice");
    let grant = async |key: &str, changes: Value| {
        let mut whole = json!({
            "client_id": "wiki", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        });
        for (name, value) in changes.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let alice = alice.to_string();
        let headers = [JSON, ("authorization", key), ("x-account-uuid", alice.as_str())];
        scene.ask("POST", "/auth/oauth2/grant", &headers, whole.to_string()).await
    };
    for scope in [Scope::Public, Scope::Read, Scope::Write, Scope::Credentials] {
        let refused = grant(&key(&scene, scope).await, json!({})).await;
        assert_eq!(error(&refused), (403, "access_denied".to_owned()), "{scope:?}");
    }
    let good = key(&scene, Scope::Grant).await;
    assert_eq!(error(&grant(&good, json!({ "auto": true })).await), (400, "invalid_grant".to_owned()));
    let granted = grant(&good, json!({})).await;
    assert_eq!(granted.status, StatusCode::OK, "{granted:?}");
    let consents = scene.house.desk.store.read(|tx| token::consents_of(tx, alice, 10));
    assert!(consents.unwrap().is_empty(), "nobody agreed to anything");
    let tokens = body(&scene.redeem(&text(&granted, "code"), &json!({})).await);
    let claims = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert!(claims.get("auth_time").is_none() && claims["sub"] == alice.to_string(), "{claims}");
    // Nor can it pretend to a sign-in that a client insists on.
    for asked in [json!({ "max_age": "3600" }), json!({ "prompt": "login" })] {
        assert_eq!(error(&grant(&good, asked).await), (400, "login_required".to_owned()));
    }
}
