//! The corpora beside this file, and what must hold for every line of them.

use std::{borrow::Cow, collections::HashSet};

use super::returns::{ReturnTo, tests::rules};
use crate::values::{path::Path, time::Timestamp};

const REFUSED: &str = include_str!("open_redirect_refused.txt");
const ACCEPTED: &str = include_str!("returns_accepted.txt");
const PATHS: &str = include_str!("paths.txt");

/// The cases of a corpus: no headings, escapes undone.
fn cases(corpus: &'static str) -> impl Iterator<Item = Cow<'static, str>> {
    corpus.lines().filter(|line| !line.starts_with("# ") && !line.is_empty()).map(unescape)
}

fn unescape(line: &str) -> Cow<'_, str> {
    if !line.contains('\\') {
        return line.into();
    }
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (taken, left) = after.split_at(1);
        rest = left;
        match taken {
            "\\" => out.push('\\'),
            "t" => out.push('\t'),
            "n" => out.push('\n'),
            "r" => out.push('\r'),
            "e" => {}
            "u" => {
                let (hex, left) = left.strip_prefix('{').and_then(|l| l.split_once('}')).expect("\\u{hex}");
                out.push(u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).expect("character"));
                rest = left;
            }
            other => panic!("no such escape: {other}"),
        }
    }
    out.push_str(rest);
    out.into()
}

/// Where a `Location` leads, by a reader that shares nothing with ours and cuts as liberally as browsers
/// do: `None` means our own host.
pub(super) fn tiny_host(location: &str) -> Option<String> {
    let cleaned: String = location.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let cleaned = cleaned.trim_matches(|c: char| c <= ' ').replace('\\', "/");
    let rest = match cleaned.find(':') {
        Some(at) if cleaned[..at].chars().all(|c| c.is_ascii_alphanumeric()) && at > 0 => {
            let scheme = cleaned[..at].to_ascii_lowercase();
            assert!(scheme == "http" || scheme == "https", "{scheme}");
            cleaned[at + 1..].trim_start_matches('/')
        }
        _ if cleaned.starts_with("//") => cleaned.trim_start_matches('/'),
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let end = if host.starts_with('[') {
        host.find(']').map_or(host.len(), |at| at + 1)
    } else {
        host.find(':').unwrap_or(host.len())
    };
    Some(host[..end].to_ascii_lowercase())
}

/// What the declarations of the corpus allow, said once more in other words.
pub(super) fn is_allowed_host(host: &str) -> bool {
    matches!(host, "good.com" | "auth.good.com" | "127.0.0.1" | "[::1]" | "docs.example")
        || host.ends_with(".apps.good.com")
        || host.strip_suffix(".wiki.example").is_some_and(|name| !name.is_empty() && !name.contains('.'))
}

/// Two readers that know nothing of our rules agree that this leads to an allowed host.
pub(super) fn assert_leads_home(to: &ReturnTo) {
    let portal = url::Url::parse("https://auth.good.com/login").expect("portal");
    let browser = portal.join(to.location()).expect("a browser can read it");
    let host = browser.host_str().expect("host");
    assert!(is_allowed_host(host), "{} leads to {host}", to.location());
    assert!(matches!(browser.scheme(), "http" | "https"));
    assert!(browser.username().is_empty() && browser.password().is_none());
    let tiny = tiny_host(to.location()).unwrap_or_else(|| "auth.good.com".to_owned());
    assert_eq!(tiny, host, "two readers disagree on {}", to.location());
}

/// simple-auth.md 9.B1
///
/// Proves: URL-2, URL-3, URL-6
#[test]
fn every_known_trick_is_refused() {
    let rules = rules();
    let mut seen = HashSet::new();
    let mut accepted = Vec::new();
    for case in cases(REFUSED) {
        assert!(seen.insert(case.clone()), "twice: {case:?}");
        if let Ok(to) = rules.return_to(&case) {
            accepted.push(format!("{case:?} -> {}", to.location()));
        }
        // The same by way of the query, where one more layer of escapes is undone.
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("rd", &case).finish();
        let received = rules.receive(&query, Timestamp::from_secs(0), &|_| [0; 16]);
        if matches!(received, Ok(Some(_))) {
            accepted.push(format!("by query: {case:?}"));
        }
    }
    assert!(accepted.is_empty(), "{} accepted:\n{}", accepted.len(), accepted.join("\n"));
    assert!(seen.len() >= 250, "{} cases", seen.len());
}

/// Proves: URL-1, URL-2
#[test]
fn every_honest_address_is_accepted() {
    let rules = rules();
    for case in cases(ACCEPTED) {
        let (text, location) = case.split_once(" => ").unwrap_or((&case, &case));
        let to = rules.return_to(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(to.location(), location);
        assert_leads_home(&to);
        assert_eq!(rules.return_to(to.location()).as_ref(), Ok(&to), "what is sent is accepted again");
    }
}

/// `raw -> canonical -> without parameters -> same|differs -> other readings`, or `raw -> refused: Reason`.
///
/// Proves: URL-9
#[test]
fn every_path_reads_as_written_down() {
    let mut count = 0;
    for case in cases(PATHS) {
        count += 1;
        let (raw, want) = case.split_once(" -> ").expect("raw -> …");
        let got = match Path::parse(raw) {
            Err(error) => format!("refused: {error:?}"),
            Ok(path) => {
                let differs = if path.differs() { "differs" } else { "same" };
                let readings: Vec<&str> = path.readings().skip(1).collect();
                let mut line = format!("{} -> {} -> {differs}", path.canonical(), path.without_parameters());
                if !readings.is_empty() {
                    line = format!("{line} -> {}", readings.join(" "));
                }
                line
            }
        };
        assert_eq!(got, want, "{raw}");
    }
    assert!(count >= 100, "{count} cases");
}
