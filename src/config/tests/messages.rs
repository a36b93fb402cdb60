//! Mail, SMS and calls to other machines: what is complained about, and where secrets come from.

use super::*;
use crate::world::{
    mail::{Delivery, Encryption},
    sms::GatewayBody,
};

const SMTP: &str = "[mail]\ndelivery = \"smtp\"\nfrom = \"Example <login@example.com>\"\n[mail.smtp]\nhost = \"smtp.example.com\"\n";
const SMS: &str = "[sms]\ndelivery = \"http\"\nurl = \"https://sms.example.com/send\"\n";

#[test]
fn mail_is_checked() {
    insta::assert_snapshot!(said_about(&[
        "[mail]\ndelivery = \"smtp\"",
        "[mail]\ndelivery = \"pigeon\"\nlanguage = \"fr\"",
        "[mail]\ndelivery = \"file\"\nfrom = \"Example\"\nreply_to = \"a@b@c\"",
        "[mail]\ndelivery = \"file\"\nfrom = \"a@example.com\\r\\nBcc: b@example.com\"",
        "[mail]\nproduct = \"two\\nlines\"",
        "[mail]\ndelivery = \"webhook\"\nfrom = \"a@example.com\"",
        "[mail]\ndelivery = \"webhook\"\nfrom = \"a@example.com\"\n[mail.webhook]\nurl = \"http://hooks.example.com/\"",
        "[mail]\ndelivery = \"webhook\"\nfrom = \"a@example.com\"\n[mail.webhook]\nurl = \"https://10.0.0.1/\"",
        "[mail]\ndelivery = \"webhook\"\nfrom = \"a@example.com\"\n[mail.webhook]\nurl = \"https://name:pass@hooks.example.com/\"",
        &format!("{SMTP}encryption = \"none\""),
        &format!("{SMTP}encryption = \"none\"\nallow_unencrypted = true"),
        &format!("{SMTP}timeout = \"2m\"\nusername = \"login\""),
        &format!("{SMTP}password = \"x\""),
        &SMTP.replace("smtp.example.com", "smtp.example.com/x y"),
        "[mail]\ntemplates = \"nowhere\"",
    ]));
}

#[test]
fn sms_and_outgoing_calls_are_checked() {
    insta::assert_snapshot!(said_about(&[
        "[sms]\ndelivery = \"http\"",
        SMS,
        &format!("{SMS}form = {{ to = \"{{to}}\" }}"),
        &format!("{SMS}form = {{ a = \"{{to}}{{text}}\" }}\njson = \"{{}}\""),
        &format!("{SMS}json = \"{{to}} {{text}}\""),
        &format!("{SMS}method = \"GET\"\njson = '[\"{{to}} {{text}}\"]'"),
        &format!("{SMS}form = {{ a = \"{{to}}{{text}}{{secret}}\" }}\nsuccess = [200, 500]"),
        &format!(
            "{SMS}form = {{ a = \"{{to}}{{text}}\" }}\nheaders = {{ \"X Y\" = \"1\", X-Z = \"1\\n2\" }}"
        ),
        "[outgoing]\nallow = [\"everywhere\", \"10.0.0.0/8\"]",
        "[outgoing]\nallow = [\"128.0.0.0/1\", \"10.0.0.0/8\", \"0.0.0.0/1\"]",
        "[outgoing]\nca_file = \"config.toml\"",
    ]));
}

#[test]
fn good_settings_arrive_as_they_were_meant() {
    let desk = Desk::new(format!(
        "{SMTP}encryption = \"tls\"\nusername = \"login\"\npassword_file = \"smtp.secret\"\n{SMS}json = '{{\"to\": \"{{to}}\", \"t\": \"{{text}}\", \"k\": \"{{secret}}\"}}'\nsecret = \"shh\"\n\
         [outgoing]\nallow = [\"10.0.0.0/8\"]\nca_file = \"c.pem\"\n"
    ));
    desk.put("smtp.secret", "hunter2\n", 0o600);
    desk.put("c.pem", CERTIFICATE, 0o644);
    let settings = desk.load().expect("no faults");
    let Delivery::Smtp(smtp) = &settings.outlets.mail.delivery else { panic!("{settings:?}") };
    assert_eq!((smtp.port, smtp.encryption), (465, Encryption::Tls));
    let (name, password) = smtp.credentials.as_ref().expect("credentials");
    assert_eq!((name.as_str(), password.expose().as_str()), ("login", "hunter2"));
    let gateway = settings.outlets.sms.as_ref().expect("a gateway");
    assert!(matches!(gateway.body, GatewayBody::Json(_)));
    assert_eq!(settings.outlets.outgoing.roots.len(), 1);
    assert!(settings.actions.outlets.mail && settings.actions.outlets.sms);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("shh"), "secrets do not print");

    let none = Desk::new("").load().expect("no faults");
    assert!(!none.actions.outlets.mail && !none.actions.outlets.sms);
    let file = Desk::new("[mail]\ndelivery = \"file\"\nfrom = \"a@example.com\"").load().expect("no faults");
    let Delivery::Folder(folder) = &file.outlets.mail.delivery else { panic!("a folder") };
    assert!(folder.ends_with("vouchsafe-data/mail"), "{}", folder.display());
}

/// Proves: OUT-1
#[test]
fn a_place_in_ones_own_network_must_be_allowed_by_name() {
    let with = |allow: &str| {
        said_about(&[&format!(
            "[mail]\ndelivery = \"webhook\"\nfrom = \"a@example.com\"\n[mail.webhook]\nurl = \"http://127.0.0.1:9/\"\n[outgoing]\nallow = [{allow}]"
        )])
    };
    assert!(with("").contains("127.0.0.1 is not a public address"));
    assert!(with("\"10.0.0.0/8\"").contains("127.0.0.1 is not a public address"));
    assert!(with("\"127.0.0.1\"").contains("(accepted)"));
}

/// Proves: OPS-21
#[test]
fn a_secret_in_a_file_that_everyone_reads_is_refused() {
    for (section, key) in [("mail.smtp", "password"), ("mail.webhook", "secret"), ("sms", "secret")] {
        let desk = Desk::new("");
        desk.put("config.toml", format!("[{section}]\n{key} = \"planted\"\n"), 0o644);
        let said = desk.complaints(&[]);
        assert!(said.contains(&format!("{section}.{key}: everyone on this machine can read")), "{said}");
        assert!(!said.contains("planted"), "{said}");
    }
}

/// Proves: OTP-7
#[test]
fn the_operators_words_are_checked_when_they_are_read() {
    let desk = Desk::new("[mail]\ntemplates = \"words\"");
    for folder in ["words", "words/en", "words/.git"] {
        fs::create_dir(desk.0.path().join(folder)).expect("the test can write");
    }
    desk.put("words/en/welcome.txt", "Subject: Hi from {{ service }}\n\nHi!\n", 0o644);
    desk.put("words/en/welcome.txt~", "{{", 0o644);
    desk.put("words/.hidden", "{{", 0o644);
    desk.put("words/.git/HEAD", "{{", 0o644);
    assert_eq!(desk.complaints(&[]), "(accepted)\n");
    desk.put("words/en/email-code.txt", "Subject: {{ code }}\n\n{{ code }}\n", 0o644);
    desk.put("words/en/test.html", "{{ nobody }}", 0o644);
    desk.put("words/en/invitation.html", [0xff, 0xfe], 0o644);
    let said = desk.complaints(&[]);
    assert!(said.contains("mail.templates: en/invitation.html: is not UTF-8 text"), "{said}");
    fs::remove_file(desk.0.path().join("words/en/invitation.html")).expect("it is there");
    insta::assert_snapshot!(desk.complaints(&[]));
}

#[test]
fn words_change_at_a_reload_and_delivery_at_a_restart() {
    let desk = Desk::new(SMTP.to_owned() + "username = \"a\"\npassword_file = \"s\"");
    desk.put("s", "one", 0o600);
    let old = desk.load().expect("no faults");
    let changed = SMTP.replace("[mail]", "[mail]\nproduct = \"Door\"\nlanguage = \"zh\"");
    desk.put("config.toml", changed + "username = \"a\"\npassword_file = \"s\"\nport = 2525", 0o600);
    desk.put("s", "two", 0o600);
    let new = desk.load().expect("no faults");
    assert_eq!(Settings::restart_needed(&old, &new), ["mail.smtp.password", "mail.smtp.port"]);
    assert_eq!(new.actions.letters.brand().service, "Door");
}
