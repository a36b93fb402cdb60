//! Hostile fields through the real layer.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use super::*;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: Format, filter: &str, act: impl FnOnce()) -> String {
    let page = Page::default();
    tracing::subscriber::with_default(subscriber(format, filter, page.clone()).unwrap().0, act);
    let bytes = page.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn object(line: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(line).unwrap()
}

const HOSTILE: &str = "eve\r\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2K\u{9b}31m\u{2028}\u{2029}\u{202e}nimda\u{2066}\u{200f}\u{feff}\u{e0041}\0\u{7f}\u{85}\"} \\ end";

/// Proves: OPS-17
#[test]
fn a_value_cannot_forge_or_hide_a_line() {
    for format in [Format::Json, Format::Text] {
        let out = logged(format, "info", || {
            let span = tracing::info_span!("request", path = HOSTILE);
            let _entered = span.enter();
            tracing::info!(name = HOSTILE, shown = %HOSTILE, debugged = ?HOSTILE, "said {HOSTILE}");
        });
        let line = out.strip_suffix('\n').unwrap();
        assert!(!line.contains(misleads), "{line}");
        assert_eq!(out.lines().count(), 1);
    }
}

/// Proves: OPS-17
#[test]
fn json_carries_the_value_unchanged() {
    let out =
        logged(Format::Json, "info", || tracing::info!(name = HOSTILE, count = 3, good = true, "{HOSTILE}"));
    let object = object(&out);
    assert_eq!(object["name"], HOSTILE);
    assert_eq!(object["message"], HOSTILE);
    assert_eq!((&object["count"], &object["good"]), (&3.into(), &true.into()));
    assert_eq!(object["level"], "INFO");
    assert!(Timestamp::parse_rfc3339(object["time"].as_str().unwrap()).is_some());
    assert!(object["time"].as_str().unwrap().ends_with('Z'));
}

/// Proves: OPS-17
#[test]
fn a_quote_does_not_end_a_value_in_text() {
    let out = logged(Format::Text, "info", || tracing::info!(name = "a\" admin=\"true", "hello"));
    assert!(out.ends_with(": hello name=\"a\\\" admin=\\\"true\"\n"), "{out}");
}

/// Proves: OPS-17
#[test]
fn a_field_has_a_bounded_length() {
    let long = "x".repeat(100_000);
    let out = logged(Format::Json, "info", || tracing::info!(long, "{}", "\u{1b}".repeat(100_000)));
    assert!(out.len() < 3000, "{} bytes", out.len());
    let object = object(&out);
    assert!(object["long"].as_str().unwrap().ends_with("x[98976 bytes cut]"));
}

#[test]
fn a_cut_falls_between_characters() {
    let out = logged(Format::Json, "info", || tracing::info!(text = %"é".repeat(1000)));
    assert!(object(&out)["text"].as_str().unwrap().starts_with("éé"));
}

/// simple-auth.md 9.A14
///
/// Proves: OPS-18
#[test]
fn a_field_named_like_a_secret_is_not_written() {
    let out = logged(Format::Json, "info", || {
        let _entered = tracing::info_span!("login", password = "canary-1").entered();
        tracing::info!(set_cookie = "canary-2", accessToken = %"canary-3", Authorization = ?"canary-4", "x");
    });
    assert!(!out.contains("canary"), "{out}");
    assert_eq!(object(&out)["password"], "[redacted]");
}

#[test]
fn a_name_stands_once_and_the_innermost_wins() {
    let out = logged(Format::Json, "info", || {
        let _outer = tracing::info_span!("outer", id = 1, kept = "yes", level = "loud").entered();
        let _inner = tracing::info_span!("inner", id = 2).entered();
        tracing::info!(id = 3, "x");
    });
    assert_eq!(out.matches("\"id\"").count(), 1);
    assert_eq!(out.matches("\"level\"").count(), 1);
    let object = object(&out);
    assert_eq!(
        (&object["id"], &object["kept"], &object["field_level"]),
        (&3.into(), &"yes".into(), &"loud".into())
    );
}

#[test]
fn what_a_span_learns_later_is_shown() {
    let out = logged(Format::Json, "info", || {
        let span = tracing::info_span!("request", status = tracing::field::Empty);
        span.record("status", 200);
        span.in_scope(|| tracing::info!("done"));
    });
    assert_eq!(object(&out)["status"], 200);
}

#[test]
fn the_filter_holds() {
    let out = logged(Format::Text, "warn,vouchsafe::serve=info", || {
        tracing::debug!("no");
        tracing::info!(target: "elsewhere", "no");
        tracing::info!("yes");
    });
    assert_eq!(out.lines().count(), 1);
    assert!(subscriber(Format::Text, "vouchsafe=loud", io::sink()).is_err());
}

/// The level changes while the program runs, both ways, and a filter that cannot be read changes nothing.
#[test]
fn the_filter_can_be_changed() {
    let page = Page::default();
    let (subscriber, dial) = subscriber(Format::Text, "info", page.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let say = |step: &str| {
            tracing::debug!("quiet {step}");
            tracing::info!("loud {step}");
        };
        say("one");
        dial.turn("debug").unwrap();
        say("two");
        assert!(matches!(dial.turn("vouchsafe=loudly"), Err(LogError::Filter(_))));
        say("three");
        dial.turn("warn").unwrap();
        say("four");
    });
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let said: Vec<_> = text.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(said, ["loud one", "quiet two", "loud two", "quiet three", "loud three"]);
}
