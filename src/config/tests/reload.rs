//! What a reload can change.

use super::*;

fn changed(before: &str, after: &str) -> Vec<String> {
    let desk = Desk::new(before);
    desk.put("c.pem", CERTIFICATE, 0o644);
    desk.put("c2.pem", CERTIFICATE, 0o644);
    desk.put("k.pem", KEY, 0o600);
    desk.put("s", "bN8xQw3mZk7RtYp2LvJc5HsDf9GaE4Ue", 0o600);
    let old = desk.load().expect("no faults");
    desk.put("config.toml", after, 0o600);
    desk.put("s", "cN8xQw3mZk7RtYp2LvJc5HsDf9GaE4Ue", 0o600);
    Settings::restart_needed(&old, &desk.load().expect("no faults"))
}

#[test]
fn rules_people_words_and_certificates_change_at_run_time() {
    let after = r#"
[password]
words = ["acme"]
min_length = 16
[log]
level = "debug"
[portal]
allowed_continue_urls = ["https://b.example.com/"]
[second_factors]
trusted_device = "7d"
[vouch]
headers = "x-forwarded"
custom_headers = { X-A = "user" }
[[apps]]
name = "a"
hosts = ["a.example.com"]
[[accounts]]
username = "alice"
"#;
    assert_eq!(changed("", after), [""; 0]);
    let with = |certificate: &str| {
        format!("[gateway.tls]\ncertificate_file = \"{certificate}\"\nkey_file = \"k.pem\"")
    };
    assert_eq!(changed(&with("c.pem"), &with("c2.pem")), [""; 0]);
}

#[test]
fn the_rest_waits_for_a_restart() {
    let after = "data_dir = \"x\"\n[log]\nformat = \"json\"\n[session]\nidle = \"2h\"\n[session.cookie]\nname = \"door\"\n[portal]\ntitle = \"Door\"";
    assert_eq!(
        changed("", after),
        ["data_dir", "log.format", "portal.title", "session.cookie.name", "session.idle"]
    );
    assert_eq!(
        changed("", "[gateway.tls]\ncertificate_file = \"c.pem\"\nkey_file = \"k.pem\""),
        ["gateway.tls"]
    );
    // The name of the file stays, the secret in it does not.
    let by_file = "[proxies]\nsecret_file = \"s\"";
    assert_eq!(changed(by_file, by_file), ["proxies.secret"]);
}

/// Proves: OPS-22
#[test]
fn a_faulty_file_leaves_the_old_settings_alone() {
    let desk = Desk::new("[session]\nidle = \"2h\"");
    let old = desk.load().expect("no faults");
    desk.put("config.toml", "[session]\nidle = \"3h\"\nlifetme = \"1d\"", 0o600);
    // Loading is all or nothing: there are no half-new settings to swap in.
    assert!(desk.load().is_err());
    assert_eq!(old.actions.limits.idle.as_secs(), 7200);
}
