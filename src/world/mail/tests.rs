//! Sending mail by each means.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;
use crate::{
    values::{id::MessageId, random::Random, time::Timestamp},
    world::FakeHttp,
};

fn parts() -> Parts {
    let at = Timestamp::from_secs(1_800_000_000);
    Parts {
        id: MessageId::mint(at, Random::new([7; 10])),
        kind: "reset-password",
        language: "en",
        to: "ann@example.com".to_owned(),
        subject: "Passwort für „Beispiel“ setzen 密码".to_owned(),
        text: "Hello,\n\nthis is text.\n".to_owned(),
        html: "<p>this is <b>HTML</b></p>".to_owned(),
        at,
    }
}

fn letter() -> Letter {
    Letter::new(parts()).unwrap()
}

fn settings(delivery: Delivery) -> Settings {
    Settings {
        delivery,
        from: Sender::parse("Example Login <login@example.org>"),
        reply_to: Sender::parse("help@example.org"),
    }
}

fn sending(delivery: Delivery) -> (Arc<dyn MailSender>, Arc<FakeHttp>) {
    let fake = Arc::new(FakeHttp::default());
    let http: Arc<dyn HttpClient> = fake.clone();
    (sender(settings(delivery), &http, &Arc::from([])), fake)
}

/// Proves: OUT-4
#[test]
fn a_line_break_in_a_field_makes_no_letter() {
    for bad in ["ann@example.com\r\nBcc: eve@example.com", "ann@example.com\n", "a\u{0}b", ""] {
        assert_eq!(Letter::new(Parts { to: bad.to_owned(), ..parts() }), Err(BadField("address")));
        assert_eq!(Letter::new(Parts { subject: bad.to_owned(), ..parts() }), Err(BadField("subject")));
        assert_eq!(Sender::parse(&format!("{bad}<login@example.org\r\n>")), None);
    }
    assert_eq!(Sender::parse("Eve\nBcc: x <login@example.org>"), None);
}

#[test]
fn senders_are_read_as_people_write_them() {
    let shown = |text| Sender::parse(text).map(|sender| sender.to_string());
    assert_eq!(shown(" login@example.org ").as_deref(), Some("login@example.org"));
    assert_eq!(
        shown("\"Example, Inc.\" <login@example.org>").as_deref(),
        Some("Example, Inc. <login@example.org>")
    );
    for wrong in ["", "Example", "<>", "a@b@c", "login@example.org, other@example.org"] {
        assert_eq!(shown(wrong), None, "{wrong}");
    }
}

/// simple-auth.md 9.G5: real MIME with both forms, a date and a message id that stays the same.
#[tokio::test]
async fn a_folder_keeps_whole_letters_for_its_owner_only() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("mail");
    let (sender, _) = sending(Delivery::Folder(path.clone()));
    sender.send(&letter()).await.unwrap();
    sender.send(&letter()).await.unwrap();
    let files: Vec<_> = fs::read_dir(path.join("new")).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 1, "tried twice, it is one letter");
    let about = files[0].metadata().unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.join("new")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(path.join("tmp")).unwrap().count(), 0);
    let text = fs::read_to_string(files[0].path()).unwrap();
    for line in [
        "From: \"Example Login\" <login@example.org>",
        "To: ann@example.com",
        "Reply-To: help@example.org",
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
        &format!("Message-ID: <{}@example.org>", letter().parts().id),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "this is text.",
        "<p>this is <b>HTML</b></p>",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    assert!(text.contains("multipart/alternative") && text.contains("Subject: Passwort =?utf-8?"), "{text}");
    assert!(text.find("text/plain") < text.find("text/html"), "the better form comes last (RFC 2046)");
}

#[tokio::test]
async fn a_webhook_gets_json_and_its_secret() {
    let url = "https://hooks.example.com/mail?key=1".parse().unwrap();
    let secret = Some(Secret::from("planted-secret"));
    let (sender, http) = sending(Delivery::Webhook(Webhook { url, secret }));
    sender.send(&letter()).await.unwrap();
    let asked = http.take().remove(0);
    assert_eq!(asked.headers["authorization"], "Bearer planted-secret");
    let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["to"], "ann@example.com");
    assert_eq!(body["template"], "reset-password");
    assert_eq!(body["message_id"], format!("<{}@example.org>", letter().parts().id));
    for (status, never) in [(503, false), (429, false), (401, false), (302, false), (400, true), (422, true)]
    {
        http.answer(status, "");
        let error = sender.send(&letter()).await.unwrap_err();
        assert_eq!(matches!(error, SendError::Never(_)), never, "{status}");
    }
    assert!(!sender.describe().contains("key=1"));
    assert!(!format!("{asked:?}").contains("planted-secret"), "secrets do not print");
}

#[tokio::test]
async fn nowhere_is_said_to_be_nowhere() {
    let (sender, _) = sending(Delivery::Nowhere);
    assert!(!sender.is_set_up());
    assert!(sender.send(&letter()).await.is_err());
}

#[tokio::test]
async fn a_mail_server_that_is_not_there_is_tried_again() {
    // Bound and not listening: nobody else can take the port meanwhile, and it refuses.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port();
    let server = Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        encryption: Encryption::None,
        credentials: None,
        timeout: Duration::from_secs(5),
    };
    let (sender, _) = sending(Delivery::Smtp(server));
    assert!(matches!(sender.send(&letter()).await, Err(SendError::Later(_))));
}
