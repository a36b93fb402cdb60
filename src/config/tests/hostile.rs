//! Files nobody wrote in good faith: whatever they hold, the answer is a list of complaints.

use proptest::prelude::*;

use super::*;

#[test]
fn hostile_files_are_refused_in_words() {
    let deep = |open: &str, close: &str| format!("x = {}{}", open.repeat(50_000), close.repeat(50_000));
    let many_keys = (0..20_000).fold(String::new(), |text, i| text + &format!("k{i} = 1\n"));
    let many_apps = "[[apps]]\nbad = 1\n".repeat(20_000);
    let cases: Vec<Vec<u8>> = vec![
        vec![0; 5000],
        b"data_dir = \"a\0b\"".to_vec(),
        br#"data_dir = "a\u0000b""#.to_vec(),
        vec![0xff, 0xfe, 0x00],
        b"data_dir = \"\xc3\x28\"".to_vec(),
        b"\xef\xbb\xbf= 1".to_vec(),
        vec![b'a'; 2 << 20],
        deep("[", "]").into_bytes(),
        deep("{ a = ", "}").into_bytes(),
        format!("{} = 1", vec!["a"; 50_000].join(".")).into_bytes(),
        format!("[{}]\nx = 1", vec!["a"; 60].join(".")).into_bytes(),
        format!("\"{}\" = 1", "k".repeat(500_000)).into_bytes(),
        format!("data_dir = {}", "9".repeat(500_000)).into_bytes(),
        many_keys.into_bytes(),
        many_apps.into_bytes(),
        "\"\\u001b[2Jx\" = 1".into(),
        "\"a.b[0]`, expected `c\" = 1\n\"`\" = 1".into(),
        "[proxies]\ntrusted = [[[[]]]]".into(),
        "[session]\nidle = 1979-05-27T07:32:00Z\nremember = nan\nlifetime = inf".into(),
        "[[apps.rules.hosts]]".into(),
        "[apps.rules]\nhosts = 1".into(),
    ];
    for case in cases {
        let complaints = Desk::new(&case).load().expect_err("a hostile file was accepted").to_string();
        assert!(complaints.len() < 200_000, "{} bytes of complaints", complaints.len());
        assert!(!complaints.contains(['\0', '\u{1b}']), "{complaints}");
    }
}

#[test]
fn what_is_no_file_is_not_read() {
    let desk = Desk::new("");
    let folder = load(Some(desk.0.path()), [], Overrides::default()).expect_err("a folder");
    assert!(folder.to_string().ends_with(": not a file"), "{folder}");
    let device = load(Some(Path::new("/dev/zero")), [], Overrides::default()).expect_err("a device");
    assert_eq!(device.to_string(), "/dev/zero: not a file");
    let nothing =
        load(Some(&desk.0.path().join("none.toml")), [], Overrides::default()).expect_err("nothing");
    assert!(nothing.to_string().contains("No such file"), "{nothing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Lines put together at random from real pieces and noise.
    #[test]
    fn nothing_makes_it_panic(lines in proptest::collection::vec(line(), 0..12)) {
        if let Err(complaints) = Desk::new(lines.join("\n")).load() {
            prop_assert!(complaints.count() > 0);
            let _ = complaints.to_string();
        }
    }
}

fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("idle".to_owned()),
        Just("listen".to_owned()),
        Just("secret".to_owned()),
        Just("hosts".to_owned()),
        Just("access".to_owned()),
        Just("session.cookie.domain".to_owned()),
        Just("path_regex".to_owned()),
        "[a-z.\"é]{1,6}",
    ];
    let value = prop_oneof![
        Just("\"1h\"".to_owned()),
        Just("[]".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{1,20}",
        "\"[^\"]{0,12}\"",
        ".{0,8}",
    ];
    let header = prop_oneof![
        Just("[session]"),
        Just("[gateway.tls]"),
        Just("[[apps]]"),
        Just("[[apps.rules]]"),
        Just("[[accounts]]"),
        Just("[proxies]"),
    ];
    prop_oneof![
        3 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        2 => header.prop_map(str::to_owned),
        1 => ".{0,16}",
    ]
}
