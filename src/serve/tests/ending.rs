//! Stopping, and troubles of accepting.

use super::*;

/// simple-auth.md 9.G3
///
/// Proves: OPS-5
#[tokio::test]
async fn requests_in_flight_are_answered_and_idle_connections_closed() {
    let house = House::open(Limits::default());
    let (mut busy, mut idle, mut fresh) = (house.call().await, house.call().await, house.call().await);
    idle.say(get("/")).await;
    idle.hear().await;
    busy.say(get("/wait")).await;
    soon(house.service.waiting.notified()).await;
    house.stop.cancel();
    assert!(idle.is_over().await, "while another request is still in flight");
    assert!(fresh.is_over().await);
    assert!(TcpStream::connect(house.at).await.is_err(), "nothing new is accepted");
    house.service.go.notify_one();
    let answer = busy.hear_all().await;
    assert!(answer.ends_with("waited") && answer.contains("connection: close"), "{answer}");
    assert_eq!(soon(house.running).await.unwrap(), Stopped::Drained);
}

/// Proves: OPS-5
#[tokio::test]
async fn a_request_whose_head_has_begun_is_still_answered() {
    let house = House::open(Limits::default());
    let (mut partial, mut idle) = (house.call().await, house.call().await);
    partial.say(get("/")).await;
    partial.hear().await;
    partial.say("GET /who HTTP/1.1\r\nHo").await;
    // The server has read that much when a later caller is served by the same thread.
    idle.say(get("/")).await;
    idle.hear().await;
    house.stop.cancel();
    assert!(idle.is_over().await);
    partial.say("st: a\r\n\r\n").await;
    assert!(partial.hear_all().await.ends_with("uri=/who"));
    assert_eq!(soon(house.running).await.unwrap(), Stopped::Drained);
}

/// Proves: OPS-5
#[tokio::test]
async fn the_deadline_cuts_what_remains() {
    let house = House::open(short(|limits| limits.drain = Duration::from_millis(100)));
    let mut stuck = house.call().await;
    stuck.say(get("/wait")).await;
    soon(house.service.waiting.notified()).await;
    house.stop.cancel();
    assert!(stuck.is_over().await);
    assert_eq!(soon(house.running).await.unwrap(), Stopped::Cut(1));
}

#[tokio::test]
async fn the_socket_file_serves_and_is_removed() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("control.sock");
    let listener = Listener { name: "control", address: Address::Unix(path.clone()), tls: None };
    let bound = Bound::bind(&listener).unwrap();
    let stop = CancellationToken::new();
    let running = TASKS.spawn(run(vec![(bound, Everything::default())], Settings::default(), stop.clone()));
    let mut caller = tokio::net::UnixStream::connect(&path).await.unwrap();
    caller
        .write_all(get("/who").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    soon(caller.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.contains(" control tls=false unix host="), "{answer}");
    stop.cancel();
    assert_eq!(soon(running).await.unwrap(), Stopped::Drained);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_taken_address_is_a_clear_error() {
    let house = House::open(Limits::default());
    let listener = Listener { name: "gateway", address: Address::Tcp(house.at), tls: None };
    let error = Bound::bind(&listener).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {} for `gateway`: ", house.at)), "{error}");
}

/// Runs in a process of its own, below, where descriptors are few.
#[tokio::test]
#[ignore = "started by running_out_of_descriptors_is_survived"]
async fn few_descriptors() {
    let house = House::open(Limits::default());
    let mut held = Vec::new();
    // The callers' ends count too; the last ones wait in the queue, where nobody can accept them.
    while let Ok(stream) = TcpStream::connect(house.at).await {
        held.push(stream);
        tokio::task::yield_now().await;
    }
    assert!(held.len() < 100);
    held.truncate(2);
    assert_eq!(status(&house.ask("GET / HTTP/1.0\r\n\r\n").await), 200);
    assert_eq!(house.close().await, Stopped::Drained);
}

/// Proves: OPS-5
#[test]
fn running_out_of_descriptors_is_survived() {
    let this = std::env::current_exe().unwrap();
    let name = "serve::tests::ending::few_descriptors";
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\" --ignored --test-threads 1"])
        .args([this.as_os_str(), name.as_ref()])
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
