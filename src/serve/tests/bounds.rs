//! Sizes, times and numbers.

use super::*;

/// Proves: OPS-2
#[tokio::test]
async fn a_long_target_gets_414() {
    let house = House::open(Limits::default());
    let longest = format!("/{}", "a".repeat(8 * 1024 - 1));
    let mut caller = house.call().await;
    caller.say(get(&longest)).await;
    assert_eq!(status(&caller.hear().await), 200);
    assert_eq!(status(&house.ask(get(&format!("{longest}a"))).await), 414);
}

/// Proves: OPS-2
#[tokio::test]
async fn large_or_many_headers_get_431() {
    let house = House::open(Limits::default());
    let asked =
        |head: String| house.ask(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n"));
    let line = format!("X: {}\r\n", "a".repeat(995));
    assert_eq!(status(&asked(line.repeat(32)).await), 200);
    assert_eq!(status(&asked(line.repeat(33)).await), 431);
    assert_eq!(status(&asked("X: y\r\n".repeat(98)).await), 200);
    assert_eq!(status(&asked("X: y\r\n".repeat(99)).await), 431);
    assert_eq!(status(&house.ask("a".repeat(200_000)).await), 431, "a line that never ends");
    assert_eq!(status(&house.ask(format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(40_000))).await), 431);

    let few = House::open(short(|limits| limits.header_count = 10));
    assert_eq!(
        status(&few.ask(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(10))).await),
        431
    );
    let many = House::open(short(|limits| limits.header_count = 200));
    let head = "X: y\r\n".repeat(190);
    assert_eq!(
        status(&many.ask(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n")).await),
        200
    );
}

/// A head that drips is cut at the limit, however steadily it drips.
///
/// Proves: OPS-2
#[tokio::test]
async fn a_partial_head_is_cut_at_the_limit() {
    let house = House::open(short(|limits| limits.header_read = Duration::from_millis(200)));
    let mut silent = house.call().await;
    silent.say("GET / HTTP/1.1\r\nHost: a").await;
    let started = std::time::Instant::now();
    assert!(silent.is_over().await);
    assert!(started.elapsed() >= Duration::from_millis(150));

    let mut dripping = house.call().await;
    let drip = async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        loop {
            pace.tick().await;
            if dripping.0.write_all(b"X").await.is_err() {
                break;
            }
        }
    };
    soon(drip).await;

    // The same after a request that was answered.
    let mut second = house.call().await;
    second.say(format!("{}GET / HT", get("/"))).await;
    assert_eq!(status(&second.hear().await), 200);
    assert!(second.is_over().await);
}

/// Proves: OPS-2
#[tokio::test]
async fn an_idle_connection_is_closed_but_not_one_we_work_for() {
    let house = House::open(short(|limits| limits.keep_alive_idle = Duration::from_millis(150)));
    let mut fresh = house.call().await;
    assert!(fresh.is_over().await);

    let mut used = house.call().await;
    used.say(get("/")).await;
    assert_eq!(status(&used.hear().await), 200);
    assert!(used.is_over().await);

    let mut waiting = house.call().await;
    waiting.say(get("/wait")).await;
    let mut idle = house.call().await;
    idle.say(get("/")).await;
    idle.hear().await;
    assert!(idle.is_over().await, "longer than the limit has passed now");
    house.service.go.notify_one();
    assert!(waiting.hear().await.ends_with("waited"));
}

/// The head limit does not apply between requests.
#[tokio::test]
async fn an_idle_connection_outlives_the_head_limit() {
    let house = House::open(short(|limits| limits.header_read = Duration::from_millis(50)));
    let mut caller = house.call().await;
    let mut other = house.call().await;
    caller.say(get("/")).await;
    caller.hear().await;
    other.say("GET").await;
    assert!(other.is_over().await, "the limit has passed now");
    caller.say(get("/")).await;
    assert_eq!(status(&caller.hear().await), 200);
}

/// Proves: OPS-2
#[tokio::test]
async fn a_body_has_a_size_and_a_deadline() {
    let house = House::open(Limits::default());
    let post = |head: &str| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n");
    assert_eq!(status(&house.ask(post("Content-Length: 1001")).await), 413, "refused by its declaration");
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "a".repeat(1001));
    assert_eq!(
        status(&house.ask(post("Connection: close\r\nTransfer-Encoding: chunked") + &chunk).await),
        413
    );
    assert_eq!(status(&house.ask(post("Content-Length: 10") + "half").await), 408);
}

/// Closing a socket with unread bytes resets it, and many peers then lose the answer they have not read yet.
#[tokio::test]
async fn a_peer_that_is_still_sending_is_not_reset_by_a_refusal() {
    let house = House::open(Limits::default());
    for (head, refusal) in [
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n", 413),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    ] {
        let mut caller = house.call().await;
        caller.say(head).await;
        assert_eq!(status(&caller.hear().await), refusal);
        for _ in 0..20 {
            caller.0.write_all(&[b'a'; 5000]).await.expect("somebody still reads");
            tokio::task::yield_now().await;
        }
        assert!(caller.is_over().await);
    }
}

/// Proves: OPS-2
#[tokio::test]
async fn a_dripping_body_is_cut_at_the_deadline() {
    let house = House::open(Limits::default());
    let mut caller = house.call().await;
    caller.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n").await;
    let (mut from, mut to) = caller.0.into_split();
    let drip = TASKS.spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while to.write_all(b"a").await.is_ok() {
            pace.tick().await;
        }
    });
    let mut answer = [0; 12];
    soon(from.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    drop(from);
    soon(drip).await.unwrap();
}

/// Proves: OPS-2
#[tokio::test]
async fn a_peer_that_reads_nothing_is_cut() {
    let house = House::open(short(|limits| limits.stall = Duration::from_millis(200)));
    let mut caller = house.call().await;
    caller.say(get("/big")).await;
    // Only the clock can end this: nothing is read, so the answer never fits. A reset shows as a failing write.
    let cut = async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while caller.0.write_all(b"\r\n").await.is_ok() {
            pace.tick().await;
        }
    };
    soon(cut).await;
}

/// Proves: OPS-2
#[tokio::test]
async fn an_answer_has_a_deadline_unless_the_service_lifts_it() {
    let house = House::open(short(|limits| limits.answer = Duration::from_millis(100)));
    let mut patient = house.call().await;
    patient.say(get("/patient")).await;
    soon(house.service.waiting.notified()).await;
    assert_eq!(status(&house.ask(get("/never")).await), 503, "longer than the limit has passed now");
    house.service.go.notify_one();
    assert!(patient.hear().await.ends_with("waited"));
}

/// Proves: OPS-2
#[tokio::test]
async fn a_source_has_so_many_connections_and_proxies_any_number() {
    let limits = short(|limits| limits.per_source = 2);
    let house = House::open(limits.clone());
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut caller = house.call().await;
        caller.say(get("/")).await;
        assert_eq!(status(&caller.hear().await), 200);
        held.push(caller);
    }
    assert!(house.call().await.is_over().await);
    // A place that is given up is there for the next, as soon as the server has seen it.
    held.pop();
    let next = async {
        loop {
            if status(&house.ask("GET / HTTP/1.0\r\n\r\n").await) == 200 {
                break;
            }
        }
    };
    soon(next).await;

    let settings = Settings { limits, exempt: Arc::new(|peer| peer.is_loopback()), ..Settings::default() };
    let house = House::with(settings, "public", None);
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut caller = house.call().await;
        caller.say(get("/")).await;
        assert_eq!(status(&caller.hear().await), 200);
        held.push(caller);
    }
}
