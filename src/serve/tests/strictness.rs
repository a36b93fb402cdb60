//! Requests another HTTP implementation may read differently are refused, and the connection with them.

use super::*;

/// Proves: OPS-1
#[tokio::test]
async fn ambiguous_heads_get_400_and_an_end() {
    let house = House::open(Limits::default());
    for head in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "X: a\r\n folded\r\n",
        "X : a\r\n",
        "X: a\n",
        "X: a\rb\r\n",
        "X: a\0b\r\n",
        "X: a\x07b\r\n",
        "X: a\x1bb\r\n",
        "X: a\x7fb\r\n",
        "X(: a\r\n",
        "X\u{e9}: a\r\n",
        "X y: a\r\n",
        "Host: b.example\r\n",
    ] {
        // What follows must not be answered: it is the smuggled request.
        let bytes = format!("POST / HTTP/1.1\r\nHost: a.example\r\n{head}\r\n0\r\n\r\n{}", get("/who"));
        let answer = house.ask(bytes).await;
        assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), (400, 1), "{head:?}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

/// Proves: OPS-1
#[tokio::test]
async fn ambiguous_request_lines_get_400() {
    let house = House::open(Limits::default());
    for line in [
        "GET / HTTP/1.1\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET\t/ HTTP/1.1\r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET /a\0b HTTP/1.1\r\n",
        "GET /a#b HTTP/1.1\r\n",
        "GET a HTTP/1.1\r\n",
        "GET / HTTP/1.2\r\n",
        "GET / HTTP/3.0\r\n",
        "GET / http/1.1\r\n",
        "GET /\r\n",
        "G(T / HTTP/1.1\r\n",
        "GET http://b.example/ HTTP/1.1\r\n",
        "GET http://u@a.example/ HTTP/1.1\r\n",
        "GET ftp://a.example/ HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
    ] {
        let answer = house.ask(format!("{line}Host: a.example\r\n\r\n{}", get("/who"))).await;
        assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), (400, 1), "{line:?}: {answer}");
    }
    assert_eq!(status(&house.ask("GET / HTTP/1.1\r\n\r\n").await), 400, "no host");
}

/// Proves: OPS-1
#[tokio::test]
async fn a_broken_chunk_breaks_the_body_and_the_connection() {
    let house = House::open(Limits::default());
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "x\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "0\r\nX: y\n\r\n",
    ] {
        let head = "POST /echo HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = house.ask(format!("{head}{body}{}", get("/who"))).await;
        assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), (400, 1), "{body:?}: {answer}");
    }
}

/// Earlier answers are not lost to a later offence.
///
/// Proves: OPS-1
#[tokio::test]
async fn a_pipelined_offence_is_answered_in_its_turn() {
    let house = House::open(Limits::default());
    let offence = "GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n";
    let answer = house.ask(format!("{}{}{offence}{}", get("/"), get("/who"), get("/who"))).await;
    let statuses: Vec<_> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| status(&answer[at..])).collect();
    assert_eq!(statuses, [200, 200, 400], "{answer}");
}

/// Proves: WEB-12, OPS-1
#[tokio::test]
async fn tunnels_and_mirrors_are_refused() {
    let house = House::open(Limits::default());
    for line in ["TRACE / HTTP/1.1", "TRACK / HTTP/1.1", "CONNECT b.example:443 HTTP/1.1"] {
        let answer = house.ask(format!("{line}\r\nHost: b.example:443\r\nCookie: canary\r\n\r\n")).await;
        assert_eq!(status(&answer), 405, "{answer}");
        assert!(answer.contains("allow: GET, HEAD, POST") && !answer.contains("canary"), "{answer}");
    }
}

#[tokio::test]
async fn a_service_sees_one_host_and_origin_form() {
    let house = House::open(Limits::default());
    let mut caller = house.call().await;
    for line in ["GET /who?q HTTP/1.1", "GET http://A.example/who?q HTTP/1.1"] {
        caller.say(format!("{line}\r\nHost: a.example\r\n\r\n")).await;
        let answer = caller.hear().await;
        assert!(answer.ends_with("host=a.example uri=/who?q"), "{answer}");
    }
}

#[tokio::test]
async fn keep_alive_pipelining_and_bodies_work() {
    let house = House::open(Limits::default());
    let mut caller = house.call().await;
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n1;x\r\nb\r\n0\r\nT: x\r\n\r\n";
    let sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    caller.say(format!("{chunked}{sized}\r\n{}{}", get("/"), get("/who"))).await;
    let heard = [caller.hear().await, caller.hear().await, caller.hear().await, caller.hear().await];
    for (answer, end) in heard.iter().zip(["\r\n\r\na\nb", "\r\n\r\nhello", "\r\n\r\nok", "uri=/who"]) {
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(end), "{answer}");
    }
    // Byte by byte it is the same.
    for byte in sized.as_bytes() {
        caller.say([*byte]).await;
    }
    assert!(caller.hear().await.ends_with("hello"));
}

#[tokio::test]
async fn request_ids_and_connections_are_told_apart() {
    let house = House::with(Settings { seed: 0xabc, ..Settings::default() }, "public", None);
    let mut caller = house.call().await;
    caller.say(get("/who")).await;
    let peer = caller.0.local_addr().unwrap();
    let first = caller.hear().await;
    assert!(first.contains(&format!("00000abc-1-1 public tls=false {peer} ")), "{first}");
    caller.say(get("/who")).await;
    assert!(caller.hear().await.contains("00000abc-1-2"));
    let mut other = house.call().await;
    other.say(get("/who")).await;
    assert!(other.hear().await.contains("00000abc-2-1"));
}

/// A check whose answer says `Content-Length: 0` keeps the proxy's connection (forward-auth.md section 19).
#[tokio::test]
async fn accepted_sockets_send_without_delay() {
    let listener = Listener { name: "x", address: Address::Tcp("127.0.0.1:0".parse().unwrap()), tls: None };
    let bound = Bound::bind(&listener).unwrap();
    let Address::Tcp(at) = bound.address() else { panic!("a TCP listener has a TCP address") };
    let (accepted, _caller) = tokio::join!(bound.accept(), TcpStream::connect(at));
    let Ok(super::super::listener::Accepted::Tcp(stream, _)) = accepted else { panic!("a TCP stream") };
    assert!(stream.nodelay().unwrap());
}
