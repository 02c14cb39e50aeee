//! The same streams for programs without an async runtime.

use std::time::{Duration, Instant};

use backstop::blocking;
use backstop::core::fallback::AfterCommit;
use backstop::{ErrorKind, StreamEvent};
use backstop_testkit::server::{RawServer, Script, SseEnding};

use crate::scene::{SOON, error_event, healthy, impatient, policy, role, serve, show, text};

fn client(servers: &[&RawServer], after_commit: AfterCommit) -> blocking::Backstop {
    blocking::Backstop::new(impatient(servers, policy(after_commit))).unwrap()
}

fn waits(until: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !until() && begun.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(1));
    }
    until()
}

#[test]
fn a_blocking_stream_falls_over_and_restarts_as_any_other() {
    let a = serve(Script::sse([error_event("server_error", None)], SseEnding::Clean));
    let b = serve(Script::sse([role(), text("The sky")], SseEnding::Cut));
    let c = serve(healthy("Blue."));
    let client = client(&[&a, &b, &c], AfterCommit::Restart);
    let mut seen = String::new();
    let mut end = None;
    for event in client.chat_stream("hi").unwrap() {
        match event.unwrap() {
            StreamEvent::End(answer) => end = Some(answer),
            event => show(&event, &mut seen),
        }
    }
    assert_eq!(seen, "<b/m>The sky<reset c/m>Blue.[9+12]");
    assert_eq!(end.unwrap().text, "Blue.");
    assert_eq!((a.hits(), b.hits(), c.hits()), (1, 1, 1));
    drop(client);
    assert!(waits(|| [&a, &b, &c].iter().all(|server| server.open_connections() == 0)));
}

#[test]
fn a_blocking_stream_that_breaks_off_says_what_had_arrived() {
    let a = serve(Script::sse([text("The sky")], SseEnding::Stall));
    let events: Vec<_> = client(&[&a], AfterCommit::Stop).chat_stream("hi").unwrap().collect();
    let error = events.into_iter().next_back().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.partial().unwrap().text, "The sky");
}

#[test]
fn dropping_a_blocking_stream_closes_the_connection() {
    for script in [
        Script::silent(),
        Script::sse([role()], SseEnding::Stall),
        Script::sse([text("The sky")], SseEnding::Stall),
        Script::endless_events(text("word ")),
    ] {
        let a = serve(script);
        let client = client(&[&a], AfterCommit::Stop);
        let stream = client.chat_stream("hi").unwrap();
        assert!(waits(|| a.hits() == 1));
        let left = Instant::now();
        drop(stream);
        assert!(waits(|| a.open_connections() == 0), "a connection stays open");
        assert!(left.elapsed() < Duration::from_millis(100), "{:?}", left.elapsed());
    }
}
