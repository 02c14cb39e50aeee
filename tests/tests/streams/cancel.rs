//! A caller who leaves takes the connection along, at once, and nobody is blamed.

use std::time::{Duration, Instant};

use backstop::ErrorKind;
use backstop::core::fallback::AfterCommit;
use backstop_testkit::server::{RawServer, Script, SseEnding};

use crate::scene::{SOON, healthy, over, policy, read, read_until, role, serve, settled, text};

/// How soon a server has to notice.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How long the server took to notice.
async fn until_closed(server: &RawServer) -> Duration {
    let left = Instant::now();
    assert!(server.wait_until_closed(SOON).await, "a connection stays open");
    left.elapsed()
}

/// Where a stream is left: what its server does, and what has been read by then.
fn points() -> Vec<(&'static str, Script, &'static str)> {
    let words = || [role(), text("one "), text("two")];
    vec![
        ("before headers", Script::silent(), ""),
        ("after headers", Script::sse([role()], SseEnding::Stall), ""),
        ("after content", Script::sse(words(), SseEnding::Stall), "<a/m>one two"),
        ("with more to read", Script::endless_events(text("word ")), "<a/m>word word "),
        ("in mid-content", Script::sse(words(), SseEnding::Stall), "<a/m>one "),
    ]
}

#[tokio::test]
async fn dropping_closes_the_connection_wherever_the_stream_is() {
    for (name, script, read_before) in points() {
        for _ in 0..5 {
            let a = serve(script.clone());
            let client = over(&[&a], policy(AfterCommit::Stop));
            let mut stream = client.chat_stream("hi").unwrap();
            if read_before.is_empty() {
                let wait = tokio::time::timeout(Duration::from_millis(30), stream.next()).await;
                assert!(wait.is_err(), "{name}");
            } else {
                read_until(&mut stream, read_before).await;
            }
            assert_eq!((a.hits(), a.open_connections()), (1, 1), "{name}");
            drop(stream);
            let took = until_closed(&a).await;
            println!("{name}: closed after {took:?}");
            assert!(took < AT_ONCE, "{name}: {took:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_nobody_reads_asks_nobody() {
    let a = serve(healthy("Hello."));
    let client = over(&[&a], policy(AfterCommit::Stop));
    drop(client.chat_stream("hi").unwrap());
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(a.connections(), 0);
}

#[tokio::test]
async fn leaving_is_nobodys_failure() {
    for (name, script, read_before) in points() {
        let (a, b) = (
            RawServer::start_with(move |n| if n < 10 { script.clone() } else { healthy("Hello.") }),
            serve(healthy("No.")),
        );
        let client = over(&[&a, &b], policy(AfterCommit::Restart));
        for _ in 0..10 {
            let mut stream = client.chat_stream("hi").unwrap();
            if read_before.is_empty() {
                assert!(
                    tokio::time::timeout(Duration::from_millis(20), stream.next()).await.is_err(),
                    "{name}"
                );
            } else {
                read_until(&mut stream, read_before).await;
            }
        }
        let seen = read(&client).await;
        assert_eq!(seen.events, "<a/m>Hello.[9+12]", "{name}");
        assert_eq!(seen.steps(), ["a/m - - 200 delivered"], "{name}");
        settled(client, &[(&a, 11), (&b, 0)]).await;
    }
}

#[tokio::test]
async fn a_cancelled_stream_says_how_far_it_had_come() {
    let a = serve(Script::sse([text("one "), text("two")], SseEnding::Stall));
    let client = over(&[&a], policy(AfterCommit::Stop));
    let mut stream = client.chat_stream("hi").unwrap();
    read_until(&mut stream, "<a/m>one two").await;
    let error = stream.cancel();
    assert!(until_closed(&a).await < AT_ONCE);
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().text, "one two");
    let step = &error.trail().steps()[0];
    assert_eq!((step.kind, step.status, step.verdict.name()), (None, Some(200), "cancelled"));
}
