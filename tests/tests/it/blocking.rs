//! The same failover for programs without an async runtime.

use std::thread;
use std::time::{Duration, Instant};

use backstop::blocking::Backstop;
use backstop::{ChatRequest, ErrorKind};
use backstop_testkit::server::{RawServer, Recipe, Script};
use backstop_tests::{SOON, Server, hits, over, rows};

fn blocking(servers: &[&dyn Server]) -> Backstop {
    Backstop::new(over(servers)).unwrap()
}

fn raw(recipe: Recipe) -> RawServer {
    RawServer::start([recipe])
}

#[test]
fn a_blocking_call_falls_over_as_an_async_one_does() {
    let (a, b) = (raw(Recipe::server_error()), raw(Recipe::healthy("from b")));
    let began = Instant::now();
    let answer = blocking(&[&a, &b]).chat("hi").unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m server 500 next_target", "b/m - 200 delivered"]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[test]
fn blocking_calls_on_several_threads_share_one_health() {
    let (a, b) = (raw(Recipe::unauthorized()), raw(Recipe::healthy("from b")));
    let client = blocking(&[&a, &b]);
    client.chat("hi").unwrap();
    let threads: Vec<_> = (0..8)
        .map(|_| client.clone())
        .map(|client| {
            thread::spawn(move || {
                for _ in 0..4 {
                    let answer = client.chat(ChatRequest::user("hi")).unwrap();
                    assert_eq!(rows(answer.trail()), ["a/m auth - skipped", "b/m - 200 delivered"]);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(hits(&[&a, &b]), [1, 33]);
}

#[test]
fn a_blocking_call_ends_at_its_deadline_and_closes_its_connection() {
    let a = RawServer::start([Script::silent()]);
    let client = blocking(&[&a]).with_deadline(Duration::from_millis(200));
    let began = Instant::now();
    let error = client.chat("hi").unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Deadline, 1));
    assert_eq!(rows(error.trail()), ["a/m timeout(total) - exhausted"]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    while a.open_connections() > 0 {
        assert!(began.elapsed() < SOON, "the connection is still open");
        thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn inside_a_runtime_a_blocking_client_is_a_typed_error() {
    let a = raw(Recipe::healthy("from a"));
    let client = over(&[&a]);
    let error = Backstop::new(client).unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Usage, 0));
    assert!(error.to_string().contains("inside an async runtime"), "{error}");
}
