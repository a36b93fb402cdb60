//! `config.example.toml` is the reference: it works as it is, names every key once, and tells the truth.

use super::*;
use crate::config::{
    fields::{Several, Texts},
    ledger::Ledger,
    raw::Raw,
    reading,
    sections::{
        accounts::AccountSection,
        apps::{AccessWord, AppSection, PreflightWord, RuleSection, SchemeWord, UpstreamWord},
        clients::ClientSection,
    },
    units::Period,
};

fn example() -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let text = fs::read_to_string(&path).expect("the example is there");
    (path, text)
}

/// The file with every commented-out setting active. Prose has a space after its `#`.
fn uncommented(text: &str) -> String {
    text.lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#'])).unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_example_works_as_it_is() {
    let (path, _) = example();
    let settings = load(Some(&path), [], Overrides::default()).expect("the example has no faults");
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
    assert_eq!(settings.apps.len(), 1, "only the whoami app is active");
    assert!(settings.accounts.is_empty());
    assert_eq!(settings.gateway.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.data_dir, path.with_file_name("vouchsafe-data"));
}

#[test]
fn its_commented_settings_are_the_defaults() {
    let (_, text) = example();
    let mut shown: Table = uncommented(&text).parse().expect("the uncommented example is TOML");
    for list in ["apps", "accounts", "clients"] {
        assert!(shown.remove(list).is_some(), "{list} is shown");
    }
    let mut ledger = Ledger::default();
    assert_eq!(reading::read(shown, &mut ledger), Raw::default());
    assert_eq!(ledger.count(), 0);
}

#[test]
fn it_names_every_key_exactly_once() {
    let (_, text) = example();
    let shown: Table = uncommented(&text).parse().expect("the uncommented example is TOML");
    let defaults = Raw::defaults();
    // TOML forbids a key twice, so being there is being there once.
    let known = raw::paths(&shown);
    for path in raw::paths(&defaults) {
        assert!(known.contains(&path), "{path} is not in the example");
    }
    let app = serde_json::to_value(full_app()).expect("plain values");
    let account = serde_json::to_value(AccountSection::default()).expect("plain values");
    let wiki = shown["apps"].as_array().expect("a list").last().expect("a second app").clone();
    for key in app.as_object().expect("a table").keys() {
        let somewhere = shown["apps"].as_array().expect("a list").iter().any(|app| app.get(key).is_some());
        assert!(somewhere, "apps: {key} is not in the example");
    }
    for key in app["rules"][0].as_object().expect("a table").keys() {
        let rules = wiki["rules"].as_array().expect("a list");
        assert!(rules.iter().any(|rule| rule.get(key).is_some()), "apps.rules: {key} is not in the example");
    }
    for key in account.as_object().expect("a table").keys() {
        assert!(shown["accounts"][0].get(key).is_some(), "accounts: {key} is not in the example");
    }
    let client = serde_json::to_value(ClientSection::default()).expect("plain values");
    for key in client.as_object().expect("a table").keys() {
        assert!(shown["clients"][0].get(key).is_some(), "clients: {key} is not in the example");
    }
}

/// An app in which everything is written, so that nothing is skipped when it is listed.
fn full_app() -> AppSection {
    AppSection {
        name: String::new(),
        hosts: Texts::default(),
        scheme: Some(SchemeWord::Any),
        upstream: Some(UpstreamWord::Whoami),
        headers: Some(Several::default()),
        preflight: Some(PreflightWord::Judge),
        access: Some(AccessWord::Deny),
        rules: vec![RuleSection {
            hosts: Texts::default(),
            path: Texts::default(),
            path_prefix: Texts::default(),
            path_regex: Texts::default(),
            methods: Texts::default(),
            networks: Texts::default(),
            users: Texts::default(),
            groups: Texts::default(),
            access: Some(AccessWord::Deny),
            within: Some(Period::minutes(1)),
        }],
    }
}

#[test]
fn without_a_file_the_defaults_hold() {
    let settings = load(None, [], Overrides::default()).expect("the defaults have no faults");
    assert_eq!(settings.gateway.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(settings.api.public_url.as_str(), "http://127.0.0.1:8081/");
    assert_eq!(settings.control_socket, Path::new("vouchsafe-data/control.sock"));
    assert!(settings.apps.is_empty() && settings.warnings.is_empty());
}
