//! `[oauth2]` and `[[clients]]`: what is taken, and what is refused.

use super::*;
use crate::domain::client::{ClientKind, Consent, Grant};

const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn read(text: &str) -> Result<Settings, String> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    load(Some(&path), [], Overrides::default()).map_err(|complaints| complaints.to_string())
}

#[test]
fn a_client_is_as_careful_as_it_can_be_unless_told_otherwise() {
    let text = format!(
        "[[clients]]\nid = \"wiki\"\nsecret = \"{SECRET}\"\nredirect_uris = \"https://wiki.example.com/cb\"\n\
         [[clients]]\nid = \"cli\"\nkind = \"public\"\nname = \"Tool\"\nredirect_uris = [\"http://127.0.0.1/cb\"]\n\
         consent = \"always\"\naccess_token = \"1m\"\n"
    );
    let settings = read(&text).unwrap();
    let [wiki, tool] = settings.clients.as_slice() else { panic!("two clients") };
    assert_eq!((wiki.id.as_str(), wiki.registration.name.as_str(), wiki.secrets.len()), ("wiki", "wiki", 1));
    assert_eq!(wiki.registration.grants, [Grant::AuthorizationCode, Grant::RefreshToken]);
    assert!(wiki.registration.pkce && wiki.registration.consent == Consent::Remember);
    assert_eq!((tool.registration.kind, tool.registration.consent), (ClientKind::Public, Consent::Always));
    assert_eq!(tool.registration.lifetimes.access, Some(60));
    assert!(!format!("{settings:?}").contains(SECRET));
    assert_eq!(settings.oauth2.issuer, "http://127.0.0.1:8080");
}

/// Proves: OPS-21, OAU-6, OAU-8
#[test]
fn what_is_wrong_with_a_client_is_said_at_its_key() {
    let wrong = |text: &str| read(&format!("[[clients]]\n{text}")).unwrap_err();
    let good = format!("secret = \"{SECRET}\"\nredirect_uris = \"https://wiki.example.com/cb\"\n");
    for (text, key) in [
        (format!("{good}id = \"\""), "clients[0].id"),
        (format!("{good}id = \"a b\""), "clients[0].id"),
        ("id = \"wiki\"\nredirect_uris = \"https://wiki.example.com/cb\"".to_owned(), "clients[0].secret"),
        (
            "id = \"wiki\"\nsecret = \"short\"\nredirect_uris = \"https://wiki.example.com/cb\"".to_owned(),
            "clients[0].secret",
        ),
        (
            format!("id = \"wiki\"\nsecret = \"{}\"\nredirect_uris = \"https://w.example/\"", "a".repeat(64)),
            "clients[0].secret",
        ),
        (
            format!("id = \"wiki\"\nsecret = \"{SECRET}+/=\"\nredirect_uris = \"https://w.example/\""),
            "clients[0].secret",
        ),
        (format!("id = \"wiki\"\nsecret = \"{SECRET}\""), "clients[0].redirect_uris"),
        (
            format!("id = \"wiki\"\nsecret = \"{SECRET}\"\nredirect_uris = \"https://*.example.com/\""),
            "clients[0].redirect_uris",
        ),
        (format!("{good}id = \"wiki\"\nkind = \"public\""), "clients[0].kind"),
        (format!("{good}id = \"wiki\"\nkind = \"trusted\""), "clients[0].kind"),
        (format!("{good}id = \"wiki\"\ngrants = [\"implicit\"]"), "clients[0].grants[0]"),
        (format!("{good}id = \"wiki\"\nconsent = \"never\""), "clients[0].consent"),
        (format!("{good}id = \"wiki\"\nid_token_alg = \"none\""), "clients[0].id_token_alg"),
        (format!("{good}id = \"wiki\"\nid_token_alg = \"HS256\""), "clients[0].id_token_alg"),
        (format!("{good}id = \"wiki\"\nauth_methods = []"), "clients[0].auth_methods"),
        (format!("{good}id = \"wiki\"\naccess_token = \"2d\""), "clients[0].access_token"),
        (format!("{good}id = \"wiki\"\nauthor_url = \"http://a.example\""), "clients[0].author_url"),
        (format!("{good}id = \"wiki\"\n[[clients]]\n{good}id = \"wiki\""), "clients[1].id"),
    ] {
        let said = wrong(&text);
        assert!(said.contains(&format!(" {key}: ")), "{key} in {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    for (text, key) in [
        ("rsa_bits = 1024", "oauth2.rsa_bits"),
        ("code = \"11m\"", "oauth2.code"),
        ("access_token = \"0s\"", "oauth2.access_token"),
        ("id_token = \"2h\"", "oauth2.id_token"),
        ("key_lifetime = \"1h\"", "oauth2.key_lifetime"),
    ] {
        let said = read(&format!("[oauth2]\n{text}")).unwrap_err();
        assert!(said.contains(&format!(" {key}: ")), "{key} in {said}");
    }
    let warned = read("[oauth2]\nopen_introspection = true").unwrap().warnings;
    assert_eq!(warned.len(), 1);
}
