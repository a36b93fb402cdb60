//! HTTP/2: the same service, and its own floods.

use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;

use super::*;

type Sender = http2::SendRequest<Empty<bytes::Bytes>>;

async fn converse(house: &House) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let stream = TokioIo::new(TcpStream::connect(house.at).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    (sender, TASKS.spawn(connection))
}

fn request(path: &str) -> Request<Empty<bytes::Bytes>> {
    Request::get(format!("http://a.example{path}")).body(Empty::new()).unwrap()
}

async fn told(sender: &mut Sender, request: Request<Empty<bytes::Bytes>>) -> (u16, String) {
    let response = soon(sender.send_request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn requests_are_brought_into_the_same_form() {
    let house = House::open(Limits::default());
    let (mut sender, _connection) = converse(&house).await;
    let (status, body) = told(&mut sender, request("/who?q")).await;
    assert!(status == 200 && body.ends_with("host=a.example uri=/who?q"), "{body}");
    let mut other = request("/who");
    other.headers_mut().insert(header::HOST, HeaderValue::from_static("b.example"));
    assert_eq!(told(&mut sender, other).await.0, 400);
}

/// Proves: OPS-2
#[tokio::test]
async fn bounds_hold_for_http2() {
    let house = House::open(Limits::default());
    let (mut sender, _connection) = converse(&house).await;
    assert_eq!(told(&mut sender, request(&format!("/{}", "a".repeat(8 * 1024)))).await.0, 414);
    let (mut sender, _connection) = converse(&house).await;
    let mut many = request("/");
    for _ in 0..101 {
        many.headers_mut().append("x", HeaderValue::from_static("y"));
    }
    assert_eq!(told(&mut sender, many).await.0, 431);
    let (mut sender, _connection) = converse(&house).await;
    let mut large = request("/");
    large.headers_mut().insert("x", HeaderValue::from_str(&"y".repeat(33 * 1024)).unwrap());
    assert_eq!(told(&mut sender, large).await.0, 431);
}

/// Proves: OPS-4
#[tokio::test]
async fn a_panic_ends_its_connection_after_a_500() {
    let house = House::open(Limits::default());
    for path in ["/panic", "/panic-later"] {
        let (mut sender, connection) = converse(&house).await;
        assert_eq!(told(&mut sender, request(path)).await.0, 500);
        soon(connection).await.unwrap().unwrap();
    }
    let (mut sender, _connection) = converse(&house).await;
    assert_eq!(told(&mut sender, request("/")).await.0, 200);
}

/// Proves: OPS-5
#[tokio::test]
async fn streams_in_flight_are_answered_at_the_end() {
    let house = House::open(Limits::default());
    let (mut sender, connection) = converse(&house).await;
    let asked = TASKS.spawn(async move { told(&mut sender, request("/wait")).await });
    soon(house.service.waiting.notified()).await;
    house.stop.cancel();
    house.service.go.notify_one();
    assert_eq!(soon(asked).await.unwrap(), (200, "waited".to_owned()));
    soon(connection).await.unwrap().unwrap();
    assert_eq!(soon(house.running).await.unwrap(), Stopped::Drained);
}

/// Proves: OPS-2
#[tokio::test]
async fn an_idle_connection_is_told_good_bye() {
    let house = House::open(short(|limits| limits.keep_alive_idle = Duration::from_millis(100)));
    let (mut sender, connection) = converse(&house).await;
    assert_eq!(told(&mut sender, request("/")).await.0, 200);
    soon(connection).await.unwrap().unwrap();
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// GET http / with `:authority: a`, from HPACK's static table.
const HEAD: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'a'];

/// Says frames until the server has had enough; whether it ever had.
async fn flood(house: &House, mut next: impl FnMut(u32) -> Vec<u8>) -> bool {
    let mut caller = house.call().await;
    caller.say(PREFACE).await;
    caller.say(frame(4, 0, 0, &[])).await;
    let (mut from, mut to) = caller.0.into_split();
    let mut room = [0; 4096];
    let ended = async {
        // A GOAWAY ends the conversation, whatever is in the way.
        while from.read(&mut room).await.is_ok_and(|count| count > 0) {}
    };
    let flooding = async {
        for turn in 0..100_000 {
            if to.write_all(&next(turn)).await.is_err() {
                return true;
            }
        }
        false
    };
    tokio::select! {
        () = soon(ended) => true,
        over = soon(flooding) => over,
    }
}

/// Proves: OPS-1
#[tokio::test]
async fn rapid_reset_ends_the_connection() {
    let house = House::open(Limits::default());
    let reset = |turn: u32| {
        let stream = turn * 2 + 1;
        [frame(1, 5, stream, HEAD), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
    };
    assert!(flood(&house, reset).await);
    assert_eq!(status(&house.ask("GET / HTTP/1.0\r\n\r\n").await), 200);
}

/// Proves: OPS-1
#[tokio::test]
async fn a_continuation_flood_ends_the_connection() {
    let house = House::open(Limits::default());
    let endless = |turn: u32| match turn {
        0 => frame(1, 1, 1, HEAD),
        // A field with a long value, never the last.
        _ => frame(9, 0, 1, &[&[0, 1, b'x', 0x7f, 0x81, 0x06][..], &[b'y'; 1024]].concat()),
    };
    assert!(flood(&house, endless).await);
    assert_eq!(status(&house.ask("GET / HTTP/1.0\r\n\r\n").await), 200);
}

/// Proves: OPS-1
#[tokio::test]
async fn fields_of_http1_and_bad_values_are_stream_errors() {
    let house = House::open(Limits::default());
    for field in [
        &b"\x00\x0aconnection\x05close"[..],
        b"\x00\x11transfer-encoding\x07chunked",
        b"\x00\x01X\x01y",
        b"\x00\x01x\x03a\rb",
        b"\x00\x01x\x03a\nb",
        b"\x00\x01x\x03a\0b",
    ] {
        let mut caller = house.call().await;
        caller.say([PREFACE, &frame(4, 0, 0, &[]), &frame(1, 5, 1, &[HEAD, field].concat())].concat()).await;
        let ended = async {
            let mut heard = Vec::new();
            loop {
                let mut room = [0; 1024];
                let count = caller.0.read(&mut room).await.unwrap_or(0);
                heard.extend(&room[..count]);
                let kinds = kinds(&heard);
                if count == 0 || kinds.contains(&3) || kinds.contains(&7) || kinds.contains(&1) {
                    return kinds;
                }
            }
        };
        let kinds = soon(ended).await;
        assert!(!kinds.contains(&1), "answered: {field:?}");
        assert!(kinds.contains(&3) || kinds.contains(&7), "neither RST_STREAM nor GOAWAY: {kinds:?}");
    }
}

/// The types of complete frames.
fn kinds(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        kinds.push(*kind);
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        bytes = rest.get(length..).unwrap_or_default();
    }
    kinds
}

#[tokio::test]
async fn both_protocols_are_offered_over_tls() {
    // Covered for HTTP/1.1 in `tls`; here the choice of the client decides.
    let identity = super::super::Identity {
        chain: include_bytes!("fixtures/a.crt").to_vec(),
        key: include_bytes!("fixtures/a.key").to_vec(),
    };
    let tls = super::super::Tls::new(&[identity]).unwrap();
    let house = House::with(Settings::default(), "public", Some(tls));
    let stream = tls::connect(house.at, "a.example", b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let _connection: JoinHandle<hyper::Result<()>> = TASKS.spawn(connection);
    let (status, body) = told(&mut sender, request("/who")).await;
    assert!(status == 200 && body.contains("tls=true"), "{body}");
}
