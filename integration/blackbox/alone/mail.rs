//! Mail and SMS leave the house: to a real SMTP server, to a folder, to HTTP endpoints.

use crate::kit::{
    hook::Hook,
    house::House,
    smtp::{self, Sink},
};
use std::{fs, os::unix::fs::PermissionsExt as _};

fn mail(sink: &Sink, more: &str) -> String {
    format!(
        "[mail]\ndelivery = \"smtp\"\nfrom = \"Example Login <login@example.com>\"\nproduct = \"Example\"\n\
         [mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\n{more}\n",
        sink.address.port()
    )
}

/// simple-auth.md 9.G5
///
/// Proves: OUT-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_receives_a_whole_letter() {
    let sink = Sink::plain().await;
    let house = House::alone(&mail(&sink, "encryption = \"none\"")).await;
    let said = house.command(&["mail", "test", "ann@example.org"]);
    assert!(said.contains(&format!("127.0.0.1:{}", sink.address.port())), "{said}");
    let letter = sink.letters().remove(0);
    assert_eq!((letter.from.as_str(), letter.to[0].as_str()), ("login@example.com", "ann@example.org"));
    assert!(!letter.encrypted);
    for line in [
        "From: \"Example Login\" <login@example.com>",
        "To: ann@example.org",
        "Subject: Test message from Example",
        "MIME-Version: 1.0",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(letter.data.contains(line), "no {line:?} in\n{}", letter.data);
    }
    for part in ["multipart/alternative", "text/plain", "text/html", "Message-ID: <", "Date: "] {
        assert!(letter.data.contains(part), "no {part:?} in\n{}", letter.data);
    }
    house.command(&["mail", "test", "ann@example.org", "--language", "zh"]);
    assert!(sink.letters()[1].data.contains("Content-Language: zh-Hans"));
    let (done, _, why) = house.run(&["mail", "test", "nobody@example.org"], None);
    assert!(!done && why.contains("550") && why.contains("no such user here"), "{why}");
    let (done, ..) = house.run(&["mail", "test", "ann@example.org\r\nRSET"], None);
    assert!(!done);
    assert_eq!(sink.letters().len(), 2);
    assert!(house.command(&["mail", "queue", "--all"]).contains("STATE"));
    assert!(house.command(&["audit"]).contains("Test message sent"));
}

/// With STARTTLS the certificate is checked, and name and password travel encrypted only.
///
/// Proves: OUT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starttls_is_used_and_never_given_up() {
    let sink = Sink::starttls().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = folder.path().join("smtp.secret");
    fs::write(&secret, "seven-lanterns\n").expect("the folder is ours");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    let login = format!("username = \"login\"\npassword_file = \"{}\"", secret.display());
    let trust = format!("[outgoing]\nca_file = \"{}\"", smtp::certificate().0.display());
    let house = House::alone(&mail(&sink, &format!("{login}\n{trust}"))).await;
    house.command(&["mail", "test", "ann@example.org"]);
    let letter = sink.letters().remove(0);
    assert!(letter.encrypted);
    // Base64 of "\0login\0seven-lanterns" (RFC 4616).
    assert_eq!(letter.credentials.as_deref(), Some("AGxvZ2luAHNldmVuLWxhbnRlcm5z"));
    assert!(!house.log().contains("seven-lanterns"));

    // The same server, whose certificate nobody vouches for now.
    let stranger = House::alone(&mail(&sink, &login)).await;
    let (done, _, why) = stranger.run(&["mail", "test", "ann@example.org"], None);
    assert!(!done && !why.contains("seven-lanterns"), "{why}");
    // A server (or somebody in between) that offers no STARTTLS gets nothing.
    let plain = Sink::plain().await;
    let downgraded = House::alone(&mail(&plain, &format!("{login}\n{trust}"))).await;
    let (done, _, why) = downgraded.run(&["mail", "test", "ann@example.org"], None);
    assert!(!done, "{why}");
    assert_eq!((sink.letters().len(), plain.letters().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_takes_sms_and_a_webhook_takes_mail() {
    let (gateway, hook) = (Hook::open().await, Hook::open().await);
    let house = House::alone(&format!(
        "[sms]\ndelivery = \"http\"\nurl = \"http://{}/send?account=7\"\n\
         headers = {{ Authorization = \"Bearer {{secret}}\" }}\nform = {{ To = \"{{to}}\", Body = \"{{text}}\" }}\nsecret = \"planted\"\n\
         [mail]\ndelivery = \"webhook\"\nfrom = \"login@example.com\"\n[mail.webhook]\nurl = \"http://{}/mail\"\n\
         [outgoing]\nallow = [\"127.0.0.1\"]\n",
        gateway.address, hook.address
    ))
    .await;
    house.command(&["mail", "test", "+491701234567"]);
    let sms = gateway.taken().remove(0);
    assert_eq!((sms.method.as_str(), sms.path.as_str()), ("POST", "/send?account=7"));
    assert_eq!(sms.headers["authorization"], "Bearer planted");
    assert!(sms.body.contains("To=%2B491701234567") && sms.body.contains("Body=vouchsafe"), "{}", sms.body);
    house.command(&["mail", "test", "ann@example.org"]);
    let letter: serde_json::Value = serde_json::from_str(&hook.taken()[0].body).expect("JSON");
    assert_eq!(letter["to"], "ann@example.org");
    assert!(letter["html"].as_str().expect("a text").contains("<html"));
    assert!(!house.log().contains("planted"));
}

/// Also without a server, and into a folder that only its owner can read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_takes_mail() {
    let mut house = House::alone("[mail]\ndelivery = \"file\"\nfrom = \"login@example.com\"\n").await;
    house.command(&["mail", "test", "ann@example.org"]);
    house.close().await;
    house.command(&["mail", "test", "ann@example.org"]);
    let new = house.folder().join("data/mail/new");
    let files: Vec<_> = fs::read_dir(&new).expect("the folder").map(|entry| entry.expect("a file")).collect();
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    }
}

/// What is not configured says so instead of pretending (simple-auth.md 9.G2).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_delivery_nothing_pretends_to_be_sent() {
    let house = House::alone("").await;
    for to in ["ann@example.org", "+491701234567"] {
        let (done, _, why) = house.run(&["mail", "test", to], None);
        assert!(!done && why.contains("configured"), "{why}");
    }
    let (done, _, why) = house.run(&["mail", "retry", "01a3185c-5000-7707-8707-070707070707"], None);
    assert!(!done && why.contains("no message"), "{why}");
    assert!(house.command(&["mail", "retry"]).contains("0 messages"));
}
