//! Every complaint there is, as a reader sees it.

use super::*;
use crate::domain::policy::{Access, App, Schemes};

/// Proves: OPS-21
#[test]
fn unknown_keys_are_refused_all_at_once() {
    let text = r#"
colour = "blue"
idle = "5m"

[gateway]
listn = "127.0.0.1:1"

[gateway.tls]
cert_file = "x"

[sesion]
idle = "1h"

[session]
idel = "1h"
lifetime = 24
remember = "1y"

[vouch]
headers = ["remote", "x-autn-request"]

[[apps]]
name = "a"
hosts = ["a.example.com", 5]
acces = "deny"

[[apps.rules]]
acess = "deny"
access = "signedin"
methods = "GET"

[[accounts]]
user = "alice"
"#;
    insta::assert_snapshot!(Desk::new(text).complaints(&[]));
}

#[test]
fn syntax_errors_show_their_lines() {
    insta::assert_snapshot!(said_about(&[
        "data_dir = ",
        "[gateway]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"",
        "[gateway\nlisten = 1",
        "data_dir = unquoted\n[session]\nidle = 1h\n",
        "[proxies]\nsecret = \"hunter2hunter2",
        "[proxies]\nsecret = \"\"\"hunter2\nhunter3",
    ]));
}

/// The reader of serde's words is not led astray by lines in a value or a key.
#[test]
fn line_breaks_in_what_was_written_change_no_message() {
    let said = said_about(&["[log]\nformat = \"x\\nin `y`\"", "[sms.headers]\n\"a\\nb\" = 5"]);
    assert!(said.contains("is none of \"text\", \"json\""), "{said}");
    assert!(said.contains("must be a text in quotes, not the number 5"), "{said}");
    assert!(!said.contains("expected"), "{said}");
}

/// simple-auth.md 9.G2
///
/// Proves: OPS-21
#[test]
fn addresses_are_checked() {
    insta::assert_snapshot!(said_about(&[
        "[gateway]\nlisten = \":8080\"",
        "[gateway]\nlisten = \"localhost:8080\"",
        "[gateway]\nlisten = \"0.0.0.0:8080\"",
        "[gateway]\npublic_url = \"login.example.com\"",
        "[gateway]\npublic_url = \"https://login.example.com/auth\"",
        "[gateway]\npublic_url = \"https://user:pw@login.example.com/\"",
        "[gateway]\npublic_url = \"http://login.example.com\"",
        "[gateway]\npublic_url = \"http://login.example.com\"\nallow_insecure_http = true",
        "[gateway]\nsurfaces = []",
        "[gateway]\nsurfaces = [\"portal\", \"vouch\", \"portal\"]",
        "[gateway]\nsurfaces = [\"admin\"]",
        "[gateway.tls]\ncertificate_file = \"there.pem\"",
        "[gateway.tls]\nkey_file = \"there.key\"",
        "[gateway.tls]\nkey_file = \"there.key\"\ncertificate_file = \"there.pem\"",
        "[api]\nlisten = \"127.0.0.1:8080\"",
        "[api]\nlisten = \"192.0.2.1:8080\"",
        "[metrics]\nlisten = \"127.0.0.1:8081\"",
        "[metrics]\nlisten = \"9100\"",
        &format!("[control]\nsocket = \"/{}\"", "x".repeat(110)),
        "data_dir = \"\"",
    ]));
}

/// Proves: OPS-21
#[test]
fn trusting_everybody_is_refused() {
    insta::assert_snapshot!(said_about(&[
        "[proxies]\ntrusted = [\"0.0.0.0/0\"]",
        "[proxies]\ntrusted = [\"::/0\", \"::ffff:0:0/96\"]",
        "[proxies]\ntrusted = [\"0.0.0.0/0\"]\nallow_any_network = true",
        "[proxies]\ntrusted = [\"0.0.0.0/1\", \"128.0.0.0/1\"]",
        "[proxies]\ntrusted = [\"10.0.0.1/8\", \"proxy.example.com\", \"10.0.0.5\"]",
    ]));
}

/// Proves: OPS-21
#[test]
fn the_cookie_belongs_to_a_domain_of_ones_own() {
    let within = |domain: &str| {
        format!(
            "[gateway]\npublic_url = \"https://login.example.co.uk\"\n[session.cookie]\ndomain = \"{domain}\""
        )
    };
    let cases: Vec<String> =
        ["uk", "co.uk", "github.io", "192.0.2.1", "", ".example.co.uk", "example.com", "a..b", "e x"]
            .map(within)
            .to_vec();
    let cases: Vec<&str> = cases
        .iter()
        .map(String::as_str)
        .chain(["[session.cookie]\nname = \"a;b\"", "[session.cookie]\nname = \"__Host-auth\""])
        .collect();
    insta::assert_snapshot!(said_about(&cases));
}

#[test]
fn numbers_and_times_stay_inside_their_bounds() {
    insta::assert_snapshot!(said_about(&[
        "[session]\nidle = \"25h\"\nlifetime = \"31d\"\nremember = \"31d\"\nfresh = \"16m\"\nper_person = 0",
        "[session]\nidle = \"2h\"\nlifetime = \"1h\"\nremember = \"30m\"",
        "[session]\nidle = \"2m\"\nlifetime = \"1h\"",
        "[password]\nmin_length = 7\nmemory = \"8MiB\"\niterations = 0\nparallelism = 0\nqueue = 0\nwait = \"1m\"",
        "[password]\nmemory = \"20MiB\"\niterations = 1",
        "[password]\nmemory = \"512MiB\"\nwords = [\"ab\"]",
        "[throttle]\nceiling = 101\nblock_after = 4\nblock = \"2h\"\nattempts_per_minute = 0",
        "[throttle]\nceiling = 9",
        "[cache]\nsessions = 1\naccounts = 0\nstore = \"1KiB\"",
        "[log]\nlevel = \"verbose\"\nformat = \"xml\"",
        "[log]\nlevel = \"info,vouchsafe::gate=debug\"",
        "[audit]\nkeep = \"0s\"",
        "[limits]\nrequest_line = \"64KiB\"\nconnections = 0\nheader_read = \"0s\"\nbody = \"64\"",
        "[limits]\nconnections = -1\nheader_count = 99999999999999999999",
    ]));
}

/// Proves: OPS-21
#[test]
fn pages_and_headers_are_checked() {
    insta::assert_snapshot!(said_about(&[
        "[portal]\ntitle = \"\"\nhome = \"/apps\"",
        "[portal]\nallowed_continue_urls = [\"https://*.example.com/\", \"javascript:alert(1)\", \"http://app.example.com/\"]",
        "[vouch]\nuser_header = \"X_User\"\ncustom_headers = { Set-Cookie = \"user\", X-Mail = \"mail\" }",
        "[vouch]\ncustom_headers = { Set-Cookie = \"user\" }\nheader_text = \"latin1\"",
        "[vouch]\nheaders = \"x-forwarded\"\nuser_header = \"X-SA-Account\"",
    ]));
}

#[test]
fn apps_and_rules_are_checked() {
    let app =
        |rule: &str| format!("[[apps]]\nname = \"a\"\nhosts = \"a.example.com\"\n[[apps.rules]]\n{rule}");
    let cases = [
        "[[apps]]".to_owned(),
        "[[apps]]\nname = \"Wiki!\"\nhosts = \"wiki.example.com\"\nupstream = \"http://10.0.0.1\"".to_owned(),
        "[[apps]]\nname = \"a\"\nhosts = \"a.example.com\"\n[[apps]]\nname = \"a\"\nhosts = \"A.example.com\"".to_owned(),
        "[[apps]]\nname = \"a\"\nhosts = [\"a.*.com\", \"https://a.example.com\", \"a.example.com:99999\"]".to_owned(),
        app("path = \"x\"\npath_regex = \"(\""),
        app("access = \"deny\"\npath_regex = \"(\""),
        app("access = \"deny\"\npath_prefix = \"admin\""),
        app("access = \"bypass\"\nusers = \"alice\"\nnetworks = \"ten\"\nmethods = \"G T\""),
        app("access = \"signed-in\"\nusers = [\"\"]\ngroups = [\"a,b\"]\nhosts = \"b.example.com\""),
        "apps = 5".to_owned(),
        "[apps]\nname = \"a\"".to_owned(),
    ];
    insta::assert_snapshot!(said_about(&cases.each_ref().map(String::as_str)));
}

#[test]
fn an_app_that_the_cookie_does_not_reach_is_pointed_out() {
    let site = |more: &str, hosts: &str| {
        format!(
            "[gateway]\npublic_url = \"https://login.example.com\"\n{more}[[apps]]\nname = \"a\"\nhosts = {hosts}"
        )
    };
    let shared = "[session.cookie]\ndomain = \"example.com\"\n";
    let cases = [
        site("", "\"wiki.example.com\""),
        site("", "[\"login.example.com\", \"*.example.net\"]"),
        site(shared, "[\"wiki.example.com\", \"*.apps.example.com\", \"example.com\"]"),
        site(shared, "[\"wikiexample.com\", \"10.0.0.1\"]"),
    ];
    insta::assert_snapshot!(said_about(&cases.each_ref().map(String::as_str)));
}

#[test]
fn accounts_are_checked() {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
    insta::assert_snapshot!(said_about(&[
        "[[accounts]]",
        "[[accounts]]\nusername = \"alice\"\nemail = \"a@example.com\"\n[[accounts]]\nusername = \"Alice\"\nemail = \"A@example.com\"",
        "[[accounts]]\nusername = \"a\\u202eb\"\nname = \"a\\nb\"\nemail = \"a\"\nmobile = \"0151\"\ngroups = [\"a,b\"]",
        "[[accounts]]\nusername = \"alice\"\npassword_hash = \"hunter2\"",
        "[[accounts]]\nusername = \"alice\"\npassword_hash = \"$argon2d$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA\"",
        "[[accounts]]\nusername = \"alice\"\npassword_hash_file = \"nowhere\"",
        &format!("[[accounts]]\nusername = \"alice\"\npassword_hash = \"{hash}\""),
    ]));
}

#[test]
fn rules_mean_what_they_say() {
    let text = r#"
[gateway]
public_url = "https://login.example.com"
[[apps]]
name = "open"
hosts = "open.example.com"
access = "bypass"
[[apps]]
name = "usual"
hosts = ["usual.example.com"]
[[apps]]
name = "ruled"
hosts = ["ruled.example.com", "*.ruled.example.com"]
scheme = "any"
headers = []
preflight = "pass"
[[apps.rules]]
path = "/admin"
path_prefix = ["/a", "/b"]
users = "Alice"
access = "second-factor"
[[apps]]
name = "ruled-and-open"
hosts = "last.example.com:8443"
access = "signed-in"
[[apps.rules]]
methods = ["DELETE"]
access = "deny"
"#;
    let settings = Desk::new(text).load().expect("no faults");
    let apps: Vec<_> = settings.rules.apps().collect();
    let ends = |app: &App| app.rules.iter().map(|rule| rule.access).collect::<Vec<_>>();
    assert_eq!(ends(apps[0]), [Access::Bypass]);
    assert_eq!((ends(apps[1]), apps[1].scheme), (vec![Access::SignedIn], Schemes::Https));
    assert_eq!(
        (ends(apps[2]), apps[2].scheme),
        (vec![Access::SecondFactor], Schemes::Any),
        "the rest stays closed"
    );
    assert_eq!(apps[2].rules[0].users, ["alice"], "canonical");
    assert_eq!(apps[2].rules[0].paths.len(), 3);
    assert_eq!(ends(apps[3]), [Access::Deny, Access::SignedIn]);
    assert_eq!(
        (settings.apps[2].headers.as_deref(), settings.apps[2].preflights_pass),
        (Some(&[][..]), true)
    );
    assert_eq!((&settings.apps[1].headers, settings.apps[1].preflights_pass), (&None, false));
}

#[test]
fn what_follows_from_a_mistake_is_not_complained_about() {
    // The public URL has a default that this listener would not allow; only the real mistake shows.
    let said = Desk::new("[gateway]\nlisten = \"0.0.0.0:80\"\npublic_url = 5").complaints(&[]);
    assert_eq!(said.matches("gateway.").count(), 1, "{said}");
}

#[test]
fn second_factors_are_checked() {
    let wrong = |text: &str| Desk::new(text).load().unwrap_err().to_string();
    for (line, said) in [
        ("drift = 3", "3 is more than 2"),
        ("trusted_device = \"91d\"", "the most allowed"),
        ("code_digits = 5", "5 is less than 6"),
        ("code_lifetime = \"11m\"", "the most allowed"),
        ("kinds = [\"totp\", \"carrier pigeon\"]", "carrier pigeon"),
        ("issuer = \"a\\nb\"", "in one line"),
        ("isuer = \"a\"", "issuer"),
    ] {
        let told = wrong(&format!("[second_factors]\n{line}\n"));
        assert!(told.contains("second_factors") && told.contains(said), "{told}");
    }
    let settings =
        Desk::new("[portal]\ntitle = \"Acme\"\n[second_factors]\nkinds = [\"sms\"]\n").load().unwrap();
    assert_eq!(settings.actions.factors.issuer, "Acme");
    assert!(settings.warnings.iter().any(|warning| warning.message.contains("only offered beside an app")));
    let app = "[[apps]]\nname = \"a\"\nhosts = \"127.0.0.1\"\n[[apps.rules]]\n";
    let limited = |rule: &str| Desk::new(format!("{app}{rule}\n")).load();
    let settings = limited("access = \"second-factor\"\nwithin = \"15m\"").unwrap();
    let rule = settings.rules.apps().next().unwrap().rules[0].clone();
    assert_eq!(rule.within, Some(std::time::Duration::from_mins(15)));
    for (rule, said) in [
        ("access = \"signed-in\"\nwithin = \"15m\"", "second factors only"),
        ("access = \"second-factor\"\nwithin = \"5s\"", "the least allowed"),
    ] {
        let told = limited(rule).unwrap_err().to_string();
        assert!(told.contains("apps[0].rules[0].within") && told.contains(said), "{told}");
    }
}
