//! `[passkeys]`: names and origins.

use super::Desk;

/// What is wrong with a section for a portal at an address.
fn complaints(portal: &str, section: &str) -> String {
    let desk = Desk::new(format!("gateway.public_url = \"{portal}\"\n[passkeys]\n{section}\n"));
    desk.load().err().map(|complaints| complaints.to_string()).unwrap_or_default()
}

/// Proves: WAN-5
#[test]
fn names_and_origins_come_from_the_configuration() {
    for (portal, section, key) in [
        ("https://auth.example.com", "", None),
        ("https://auth.example.com", "rp_id = \"example.com\"\norigins = \"https://www.example.com\"", None),
        ("http://127.0.0.1:8080", "", None),
        ("http://localhost:8080", "rp_id = \"localhost\"", None),
        ("https://auth.example.com", "rp_id = \"example.org\"", Some("passkeys.rp_id")),
        ("https://auth.example.com", "rp_id = \"com\"", Some("passkeys.rp_id")),
        ("https://127.0.0.1", "rp_id = \"127.0.0.1\"", Some("passkeys.rp_id")),
        ("http://auth.example.com", "rp_id = \"example.com\"", Some("passkeys.rp_id")),
        ("https://auth.example.com", "origins = \"https://www.example.com\"", Some("passkeys.origins[0]")),
        ("https://example.com", "origins = \"http://www.example.com\"", Some("passkeys.origins[0]")),
        ("https://example.com", "origins = \"https://www.example.com/x\"", Some("passkeys.origins[0]")),
        ("https://example.com", "origins = \"www.example.com\"", Some("passkeys.origins[0]")),
    ] {
        let said = complaints(portal, section);
        match key {
            Some(key) => assert!(said.contains(key), "{portal}: {section}: {said}"),
            None => assert_eq!(said, "", "{portal}: {section}"),
        }
    }
}

/// Proves: WAN-5
#[test]
fn a_portal_without_a_domain_has_no_passkeys_and_others_have() {
    let party = |portal: &str| {
        let desk =
            Desk::new(format!("gateway.public_url = \"{portal}\"\ngateway.allow_insecure_http = true\n"));
        let settings = desk.load().unwrap().actions.passkeys;
        settings.party.map(|party| party.id().to_owned())
    };
    assert_eq!(party("https://auth.example.com").as_deref(), Some("auth.example.com"));
    assert_eq!(party("http://localhost:8080").as_deref(), Some("localhost"));
    assert_eq!(party("http://127.0.0.1:8080"), None);
    assert_eq!(party("http://auth.example.com"), None);
}
