//! Whoever stops reading stops the server, and is not taken for an idle provider.

use std::time::Duration;

use backstop::StreamEvent;
use backstop::core::fallback::AfterCommit;
use backstop_testkit::server::{RawServer, Script, SseEnding, SseEvent};

use crate::scene::{SILENCE, impatient, over, policy, read_until, serve, settled, text};

/// What the kernel's buffers on both sides and one piece of ours may hold.
const UNREAD_MAX: u64 = 16 << 20;

/// Waits until the server sends no more.
async fn until_stuck(server: &RawServer) -> u64 {
    loop {
        let before = server.bytes_sent();
        tokio::time::sleep(Duration::from_millis(150)).await;
        if server.bytes_sent() == before {
            return before;
        }
        assert!(before < UNREAD_MAX, "{before} bytes sent to a reader who has stopped");
    }
}

#[tokio::test]
async fn a_reader_who_stops_stops_the_server() {
    let a = serve(Script::endless_events(text(&"word ".repeat(200))));
    let client = over(&[&a], policy(AfterCommit::Stop));
    let mut stream = client.chat_stream("hi").unwrap();
    let mut read = 0;
    for _ in 0..3 {
        for _ in 0..20 {
            if let StreamEvent::Text(text) = stream.next().await.unwrap().unwrap() {
                read += text.len() as u64;
            }
        }
        let sent = until_stuck(&a).await;
        println!("{sent} bytes sent, {read} read");
        assert!(sent - read < UNREAD_MAX, "{sent}");
    }
    assert_eq!(a.open_connections(), 1);
    drop(stream);
    settled(client, &[(&a, 1)]).await;
}

#[tokio::test]
async fn timers_stand_still_while_the_reader_does() {
    let end = [text("two"), SseEvent::done()];
    let a = serve(Script::sse([text("one ")].into_iter().chain(end), SseEnding::Clean));
    let client = impatient(&[&a], policy(AfterCommit::Stop));
    let mut stream = client.chat_stream("hi").unwrap();
    read_until(&mut stream, "<a/m>one ").await;
    tokio::time::sleep(SILENCE * 2).await;
    assert_eq!(stream.collect().await.unwrap().text, "one two");
}
