//! Messages byte by byte: what is passed on, what is spoilt, and where the next message begins.

use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1024;

/// What came of a whole conversation: the bytes passed on, and where it ended.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    passed: Vec<u8>,
    stage: Stage,
    heads: u32,
}

fn hear(pieces: &[&[u8]]) -> Heard {
    let mut framing = Framing::new(LIMIT);
    let mut passed = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let count = framing.inspect(&mut piece);
        passed.extend_from_slice(&piece[..count]);
    }
    Heard { passed, stage: framing.stage, heads: framing.heads }
}

fn is_spoilt(message: &[u8]) -> bool {
    let heard = hear(&[message]);
    assert_eq!(heard.stage == Stage::Refused, heard.passed != message || heard.passed.contains(&SPOILER));
    heard.stage == Stage::Refused
}

fn with(head: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n").into_bytes()
}

/// Proves: OPS-1
#[test]
fn smuggled_heads_are_spoilt() {
    for head in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\ncontent-length: 0\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length\t: 5\r\n",
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        " Host: b\r\n",
        "Host: b\r\n",
        "no colon\r\n",
        ": no name\r\n",
        "X: a\n",
        "X: a\nHost: b\r\n",
    ] {
        assert!(is_spoilt(&with(head)), "{head:?}");
    }
    assert!(is_spoilt(b"GET / HTTP/1.1\r\n\r\n"), "no host");
    assert!(is_spoilt(b"GET / HTTP/1.1\nHost: a\r\n\r\n"));
    assert!(is_spoilt(b"GET / HTTP/1.1\r\nHost: a\r\n\n"));
    assert!(is_spoilt(b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(is_spoilt(b"GET /\r\nHost: a\r\n\r\n"));
    assert!(is_spoilt(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"));
    assert!(is_spoilt(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert!(is_spoilt(b"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

/// Proves: OPS-1
#[test]
fn smuggled_chunks_are_spoilt() {
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5 ;a\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "0\r\nX: a\n\r\n",
        "0\r\nX: a\r\n b\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\n\n",
    ] {
        let mut message = with("Transfer-Encoding: chunked\r\n");
        message.extend_from_slice(body.as_bytes());
        assert!(is_spoilt(&message), "{body:?}");
    }
    let mut message = with("Transfer-Encoding: chunked\r\n");
    message.extend_from_slice(format!("5;{}", "a".repeat(CHUNK_LINE)).as_bytes());
    assert!(is_spoilt(&message), "an endless extension");
}

/// Proves: OPS-1
#[test]
fn nothing_behind_an_offence_is_passed_on() {
    let mut bytes = with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n");
    let honest = bytes.len();
    bytes.extend_from_slice(b"0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
    let heard = hear(&[&bytes, b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"]);
    assert_eq!(heard.passed.len(), honest);
    assert!(heard.passed.ends_with(b"\r\n\r\0"));
}

#[test]
fn honest_messages_pass_unchanged() {
    for message in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHOST:a\r\nX:\r\nY: \t\r\nZ: caf\xc3\xa9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe\nlo",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=\"b\"\r\nhe\nlo\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
    ] {
        let mut twice = message.to_vec();
        twice.extend_from_slice(message);
        let heard = hear(&[&twice]);
        assert_eq!(heard, Heard { passed: twice, stage: Stage::Head, heads: 2 }, "{:?}", String::from_utf8_lossy(message));
    }
}

#[test]
fn bytes_behind_an_upgrade_wait_for_its_answer() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n";
    let mut framing = Framing::new(LIMIT);
    let mut bytes = head.to_vec();
    bytes.extend_from_slice(b"\x81\n\0");
    assert_eq!(framing.inspect(&mut bytes), head.len());
    assert!(framing.is_held());
    let mut declined = Framing { stage: Stage::Held, ..Framing::new(LIMIT) };
    declined.resume();
    assert_eq!(declined.inspect(&mut b"\x81\n".to_vec()), 2);
    assert!(declined.is_refused());
    framing.give_up();
    assert_eq!(framing.inspect(&mut b"\x81\n\0".to_vec()), 3);
    assert!(!framing.is_refused());
}

#[test]
fn an_upgrade_of_http_1_0_is_none() {
    let heard = hear(&[b"GET / HTTP/1.0\r\nUpgrade: x\r\n\r\n"]);
    assert_eq!(heard.stage, Stage::Head);
}

/// Proves: OPS-2
#[test]
fn a_long_head_is_left_to_the_parser_and_ends_the_connection() {
    let mut head = with(&format!("X: {}\r\n", "a".repeat(LIMIT)));
    head.extend_from_slice(b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
    let heard = hear(&[&head]);
    assert_eq!(heard.stage, Stage::Refused);
    assert!(heard.passed.len() < head.len() && !heard.passed.contains(&SPOILER));
}

/// Proves: OPS-2
#[test]
fn endless_trailers_are_spoilt() {
    let mut message = with("Transfer-Encoding: chunked\r\n");
    message.extend_from_slice(b"0\r\n");
    message.extend_from_slice("X: y\r\n".repeat(LIMIT).as_bytes());
    assert!(hear(&[&message]).stage == Stage::Refused);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Host: a\r\n".to_owned()),
        Just("Content-Length: 3\r\n".to_owned()),
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        Just("Upgrade: x\r\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("3\r\nabc\r\n".to_owned()),
        Just("0\r\n".to_owned()),
        Just("abc".to_owned()),
        Just("GET / HTTP/1.1\r\n".to_owned()),
        Just("GET / HTTP/1.0\r\n".to_owned()),
        "[ -~\r\n\t]{0,12}",
    ]
}

proptest! {
    /// However the network cuts the bytes, the reading is the same.
    ///
    /// Proves: OPS-1
    #[test]
    fn cuts_do_not_matter(lines in prop::collection::vec(line(), 0..24), cuts in prop::collection::vec(0usize..400, 0..8)) {
        let bytes = lines.concat().into_bytes();
        let whole = hear(&[&bytes]);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        let pieces = hear(&pieces);
        prop_assert_eq!(pieces.stage, whole.stage);
        prop_assert_eq!(pieces.passed, whole.passed);
    }

    /// Any bytes at all: no panic, nothing invented, nothing lost before an offence.
    #[test]
    fn noise_is_harmless(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let heard = hear(&[&bytes]);
        prop_assert!(heard.passed.len() <= bytes.len());
        let different = heard.passed.iter().zip(&bytes).filter(|(a, b)| a != b).count();
        prop_assert!(different <= 1);
    }
}
