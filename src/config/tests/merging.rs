//! Defaults, file, environment, command line: the later wins.

use std::os::unix::ffi::OsStringExt;

use super::*;

#[test]
fn a_variable_wins_over_the_file_and_an_option_over_both() {
    let desk = Desk::new("data_dir = \"from-file\"\n[session]\nidle = \"10m\"\n");
    let settings = desk.load().expect("no faults");
    assert_eq!(settings.actions.limits.idle.as_secs(), 600);
    assert_eq!(settings.data_dir, desk.0.path().join("from-file"), "relative to the file");

    let variables =
        [("VOUCHSAFE_SESSION__IDLE", "20m"), ("VOUCHSAFE_DATA_DIR", "from-variable"), ("PATH", "/bin")];
    let settings = desk.load_with(&variables).expect("no faults");
    assert_eq!(settings.actions.limits.idle.as_secs(), 1200);
    assert_eq!(settings.data_dir, Path::new("from-variable"), "relative to the working directory");

    let overrides = Overrides { data_dir: Some(PathBuf::from("from-option")) };
    let settings = load(Some(&desk.path()), environment(&variables), overrides).expect("no faults");
    assert_eq!(settings.data_dir, Path::new("from-option"));
}

#[test]
fn every_type_can_come_from_a_variable() {
    let settings = Desk::new("")
        .load_with(&[
            ("VOUCHSAFE_GATEWAY__PUBLIC_URL", "http://login.example.com"),
            ("VOUCHSAFE_GATEWAY__ALLOW_INSECURE_HTTP", "true"),
            ("VOUCHSAFE_GATEWAY__SURFACES", "portal, vouch"),
            ("VOUCHSAFE_PROXIES__TRUSTED", "[\"10.0.0.0/8\"]"),
            ("VOUCHSAFE_SESSION__PER_PERSON", "7"),
            ("VOUCHSAFE_SESSION__COOKIE__NAME", "door"),
            ("VOUCHSAFE_PASSWORD__MEMORY", "46MiB"),
            ("VOUCHSAFE_PASSWORD__WORDS", ""),
            ("VOUCHSAFE_VOUCH__CUSTOM_HEADERS", "{ X-User = \"user\" }"),
            ("VOUCHSAFE_VOUCH__HEADERS", "remote,x-forwarded"),
            ("VOUCHSAFE_CONFIG", "/etc/vouchsafe.toml"),
            ("VOUCHSAFE_PORT", "tcp://10.0.0.1:80"),
        ])
        .expect("no faults");
    assert_eq!(settings.gateway.surfaces.len(), 2);
    assert_eq!(settings.actions.limits.per_person, 7);
    assert_eq!(settings.cookie.name, "door");
    assert_eq!(settings.vouch.custom.len(), 1);
    assert_eq!(settings.vouch.presets.len(), 2);
    assert_eq!(settings.warnings.len(), 1);
}

/// Proves: OPS-21
#[test]
fn variables_that_mean_nothing_are_refused() {
    insta::assert_snapshot!(Desk::new("").complaints(&[
        ("VOUCHSAFE_SESSION__IDEL", "1h"),
        ("VOUCHSAFE_SESSION_IDLE", "1h"),
        ("VOUCHSAFE_SESSION", "1h"),
        ("VOUCHSAFE_session__idle", "1h"),
        ("VOUCHSAFE_APPS__0__NAME", "wiki"),
        ("VOUCHSAFE_", "x"),
        ("VOUCHSAFE_COLOUR", "blue\u{1b}[0m"),
        ("VOUCHSAFE_SESSION__LIFETIME", "long"),
        ("VOUCHSAFE_SESSION__PER_PERSON", "many"),
        ("VOUCHSAFE_SESSION__COOKIE__PREFIX", "yes"),
        ("VOUCHSAFE_GATEWAY__SURFACES", "portal,admin"),
        ("VOUCHSAFE_PROXIES__TRUSTED", "[\"10.0.0.0/8\""),
        ("VOUCHSAFE_VOUCH__CUSTOM_HEADERS", "X-User=user"),
        ("VOUCHSAFE_LOG__LEVEL", "loud"),
    ]));
}

#[test]
fn variables_need_not_be_text() {
    let wild = OsString::from_vec(vec![0xff, 0xfe]);
    let variables = vec![(wild.clone(), wild.clone()), (OsString::from("VOUCHSAFE_DATA_DIR"), wild.clone())];
    let complaints = load(None, variables, Overrides::default()).expect_err("not UTF-8");
    assert_eq!(complaints.to_string(), "VOUCHSAFE_DATA_DIR: data_dir: not UTF-8 text");
    let overrides = Overrides { data_dir: Some(PathBuf::from(wild)) };
    assert!(load(None, [], overrides).is_err());
}

#[test]
fn a_section_that_is_none_is_complained_about_once() {
    let said = Desk::new("session = 5").complaints(&[("VOUCHSAFE_SESSION__IDLE", "1h")]);
    assert_eq!(
        said,
        "config.toml:1: session: must be a table, not the number 5\n    | session = 5\n    |           ^\n"
    );
}
