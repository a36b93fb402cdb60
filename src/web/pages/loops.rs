//! The loop breaker: a browser that is sent back and forth between an app and the portal is stopped
//! (forward-auth.md section 13).

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::{
    domain::policy::returns::ReturnTo,
    values::{
        host::{Host, Scheme},
        time::Timestamp,
        url::WebUrl,
    },
    web::{Shared, edge::cookies::Own, pages::catalogue::Message},
};

/// How many times a signed-in browser is sent on to one place within [`WINDOW`].
const MOST: u8 = 3;
/// How long round trips are counted together.
const WINDOW: Duration = Duration::from_mins(1);

/// What is to be done with a signed-in browser that wants to be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Send it, and remember this.
    Go { count: u8, since: Timestamp },
    /// It was sent often enough.
    Stop,
}

/// The next round trip after what the mark tells.
fn next_round(before: Option<(u8, Timestamp)>, now: Timestamp) -> Round {
    match before {
        Some((count, since)) if is_recent(since, now) => {
            if count >= MOST {
                Round::Stop
            } else {
                Round::Go { count: count + 1, since }
            }
        }
        _ => Round::Go { count: 1, since: now },
    }
}

/// A mark from the future (a clock stepped back) is none: it would count for ever.
fn is_recent(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now.since(since) <= WINDOW
}

/// The place that is counted: without query, since apps put changing values there.
fn place_of(to: &ReturnTo) -> &str {
    to.location().split(['?', '#']).next().unwrap_or_default()
}

fn mark_in(shared: &Shared, headers: &HeaderMap, to: &ReturnTo) -> Option<(u8, Timestamp)> {
    shared.keyring.read_loop_mark(shared.jar.own(headers, Own::Loops)?, place_of(to))
}

fn cookie(shared: &Shared, count: u8, since: Timestamp, to: &ReturnTo) -> Option<HeaderValue> {
    shared.jar.set_own(Own::Loops, &shared.keyring.loop_mark(count, since, place_of(to)), WINDOW)
}

/// What became of one more round trip.
pub(super) enum Trip {
    /// It may be made, and is counted in this cookie.
    Counted(Option<HeaderValue>),
    /// It would be one too many.
    Refused,
}

/// Counts one more round trip to a place.
pub(super) fn count(shared: &Shared, headers: &HeaderMap, to: &ReturnTo, now: Timestamp) -> Trip {
    match next_round(mark_in(shared, headers, to), now) {
        Round::Go { count, since } => Trip::Counted(cookie(shared, count, since, to)),
        Round::Stop => Trip::Refused,
    }
}

/// The cookie that says "signed in a moment ago".
pub(super) fn begin(shared: &Shared, to: &ReturnTo, now: Timestamp) -> Option<HeaderValue> {
    cookie(shared, 0, now, to)
}

/// Whether this browser was sent on to that place a moment ago, signed in.
pub(super) fn was_just_sent(shared: &Shared, headers: &HeaderMap, to: &ReturnTo, now: Timestamp) -> bool {
    mark_in(shared, headers, to).is_some_and(|(_, since)| is_recent(since, now))
}

/// Forgets the count.
pub(super) fn forget(shared: &Shared) -> Option<HeaderValue> {
    shared.jar.set_own(Own::Loops, "", Duration::ZERO)
}

/// Why the place may not see our cookie, as far as settings tell: what certainly is wrong.
pub(super) fn likely_cause(shared: &Shared, to: &ReturnTo) -> Option<Message> {
    let target = WebUrl::parse(to.origin()?).ok()?;
    let cookies = &shared.settings.cookies;
    if cookies.secure && target.scheme() == Scheme::Http {
        return Some(Message::LoopSecure);
    }
    let reached = reaches(cookies.domain.as_deref(), shared.settings.portal.host(), target.host());
    (!reached).then_some(Message::LoopDomain)
}

/// Whether a cookie that the portal sets reaches a host (RFC 6265 section 5.1.3).
fn reaches(domain: Option<&str>, portal: &Host, host: &Host) -> bool {
    match domain {
        None => host == portal,
        Some(domain) => {
            let domain = domain.trim_start_matches('.');
            let above = host.as_str().strip_suffix(domain);
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Host, Round, Timestamp, WINDOW, next_round, reaches};

    const START: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn the_fourth_round_trip_within_a_minute_is_stopped() {
        let mut mark = None;
        for count in 1..=3 {
            assert_eq!(next_round(mark, START), Round::Go { count, since: START });
            mark = Some((count, START));
        }
        assert_eq!(next_round(mark, START), Round::Stop);
        assert_eq!(next_round(mark, START + WINDOW), Round::Stop);
        let later = START + WINDOW + Duration::from_millis(1);
        assert_eq!(next_round(mark, later), Round::Go { count: 1, since: later });
    }

    #[test]
    fn signing_in_is_no_round_trip() {
        assert_eq!(next_round(Some((0, START)), START), Round::Go { count: 1, since: START });
    }

    #[test]
    fn a_mark_from_the_future_counts_for_nothing() {
        let ahead = START + Duration::from_secs(10);
        assert_eq!(next_round(Some((3, ahead)), START), Round::Go { count: 1, since: START });
    }

    #[test]
    fn a_cookie_reaches_what_its_domain_covers() {
        let host = |text: &str| Host::parse(text).unwrap();
        let portal = host("auth.example.com");
        assert!(reaches(None, &portal, &portal));
        assert!(!reaches(None, &portal, &host("app.example.com")));
        assert!(reaches(Some("example.com"), &portal, &host("app.example.com")));
        assert!(reaches(Some("example.com"), &portal, &host("example.com")));
        assert!(!reaches(Some("example.com"), &portal, &host("badexample.com")));
        assert!(!reaches(Some("example.com"), &portal, &host("app.example.org")));
    }
}
