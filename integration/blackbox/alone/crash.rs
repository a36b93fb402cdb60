//! Fifty power cuts under load: whatever was answered as done has been done.

use crate::kit::{Ask, Browser, house::House};
use http::Method;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const CUTS: u64 = 50;
const PEOPLE: usize = 6;

/// What was answered before the cut.
#[derive(Default)]
struct Answered {
    signed_in: Vec<Browser>,
    signed_out: Vec<Browser>,
}

/// Proves: OPS-10, OPS-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answered_write_is_lost() {
    // Many sessions of few people: the cap would end the oldest by itself.
    let mut house = House::alone("[session]\nper_person = 1000\n").await;
    for cut in 0..CUTS {
        let answered = Arc::new(Mutex::new(Answered::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..PEOPLE)
            .map(|n| {
                let name = if n % 2 == 0 { "alice" } else { "carol" };
                let sign_in = house.sign_in_request(name, crate::kit::config::PASSWORD);
                tokio::spawn(come_and_go(sign_in, house.url("/auth/session"), answered.clone(), stop.clone()))
            })
            .collect();
        // The cut must fall anywhere in the work; this is the load's length, not a wait for something to be true.
        tokio::time::sleep(Duration::from_millis(60 + cut * 37 % 240)).await;
        house.crash().await;
        stop.store(true, Ordering::SeqCst);
        for task in tasks {
            task.await.expect("no panic");
        }
        house.open().await;

        let answered = std::mem::take(&mut *answered.lock().expect("no panic"));
        for (browsers, status) in [(answered.signed_in, 200), (answered.signed_out, 401)] {
            for mut browser in browsers {
                browser.ask(Ask::get(&house.url("/auth/session"))).await.expect(status);
            }
        }
    }
    house.close().await;
}

async fn come_and_go(sign_in: Ask, url: String, answered: Arc<Mutex<Answered>>, stop: Arc<AtomicBool>) {
    let mut turn = 0;
    while !stop.load(Ordering::SeqCst) {
        let mut browser = Browser::new();
        match browser.try_ask(sign_in.clone()).await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => panic!("a sign-in was refused:\n{answer}"),
            Err(_) => continue,
        }
        turn += 1;
        if turn % 2 == 0 {
            answered.lock().expect("no panic").signed_in.push(browser);
            continue;
        }
        let leave = Ask::new(Method::DELETE, &url).header("origin", url.trim_end_matches("/auth/session"));
        if browser.clone().try_ask(leave).await.is_ok_and(|answer| answer.status == 200) {
            answered.lock().expect("no panic").signed_out.push(browser);
        }
        // Not answered: either way is right.
    }
}
