//! Panics of the service.

use super::*;

/// Proves: OPS-4
#[tokio::test]
async fn a_panic_is_a_500_and_the_end_of_its_connection_only() {
    let house = House::open(short(|limits| limits.per_source = 2));
    let mut other = house.call().await;
    other.say(get("/")).await;
    other.hear().await;
    // More often than there are places: no permit is leaked.
    for path in ["/panic", "/panic-later", "/panic", "/panic-later", "/panic"] {
        let asked = async {
            loop {
                let answer = house.ask(format!("{}{}", get(path), get("/who"))).await;
                // The place of the connection before may be taken for a moment more.
                if !answer.is_empty() {
                    return answer;
                }
            }
        };
        let answer = soon(asked).await;
        assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), (500, 1), "{path}: {answer}");
        assert!(answer.contains("connection: close") && !answer.contains("purpose"), "{answer}");
    }
    other.say(get("/")).await;
    assert_eq!(status(&other.hear().await), 200);
    assert_eq!(house.close().await, Stopped::Drained);
}
