//! How much memory a stream takes, in a process of its own, where nobody else takes any.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails where it stands, and says what it measured"
)]

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backstop::core::fallback::Policy;
use backstop::core::{Env, Registry};
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::{Backstop, ErrorKind, StreamEvent};
use backstop_testkit::server::{RawServer, Script, SseEvent, Step};
use serde_json::json;

/// The most by which the process may grow. The kernel's buffers do not count, the server's do.
const GROWTH_MAX: u64 = 64 << 20;

/// One after the other: all look at the same process.
static TURN: Mutex<()> = Mutex::new(());

/// A line of `/proc/self/status`, in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// By how much the process has grown at most while this ran.
fn growth<T>(what: &str, run: impl Future<Output = T>) -> T {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Starts the high-water mark anew. Where it may not, the mark of the run before stands, which is bounded, too.
    let anew = std::fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS");
    let result = runtime.block_on(run);
    let grown = memory("VmHWM").saturating_sub(before);
    println!("{what}: {} KiB more at most ({anew:?})", grown >> 10);
    assert!(grown < GROWTH_MAX, "{what}: {grown} bytes");
    result
}

fn over(server: &RawServer) -> Backstop {
    let mut policy = Policy::default();
    policy.comebacks = Some(0);
    let provider = OpenAi::new(OpenAiConfig::keyless(server.uri()).with_name("a")).unwrap();
    let builder = Backstop::builder().env(Env::empty()).registry(Registry::default()).policy(policy);
    builder.provider(provider).target("a/m").build().unwrap()
}

/// Says this without end, 64 KiB at a time: at least a gigabyte, if anybody reads it.
fn endless(start: &str, line: &[u8]) -> Script {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{start}");
    let piece = line.iter().copied().cycle().take((64 << 10) / line.len() * line.len()).collect();
    let endless = Step::SendEndless { piece, pause: Duration::ZERO, cap: 1 << 30 };
    Script::default().then(Step::ReadRequest).then(Step::Send(head.into_bytes())).then(endless)
}

#[test]
fn a_gigabyte_without_an_end_of_line_or_event_is_given_up() {
    for (what, script) in [
        ("one line", endless("data: ", b"a")),
        ("one line that is no data", endless("", b"a")),
        ("one comment", endless(":", b"a")),
        ("one event of long lines", endless("", &[b"data: ".as_slice(), &[b'a'; 1000], b"\n"].concat())),
        ("one event of empty lines", endless("", b"data\n")),
    ] {
        let server = RawServer::start([script]);
        let client = over(&server);
        let end = growth(what, async { client.chat_stream("hi").unwrap().collect().await });
        let error = end.unwrap_err();
        let step = &error.trail().steps()[0];
        assert_eq!((error.kind(), step.kind), (ErrorKind::Exhausted, Some(ErrorKind::BadReply)), "{what}");
        assert!(step.message.as_deref().unwrap_or_default().contains("8 MiB"), "{what}: {step:?}");
        assert!(server.bytes_sent() < GROWTH_MAX, "{what}: {} bytes were read", server.bytes_sent());
    }
}

#[test]
fn what_says_nothing_is_read_and_not_kept() {
    let thought = json!({ "choices": [{ "delta": { "reasoning": "hm, ".repeat(1000) } }] });
    for (what, line) in [
        ("comments", b": keep-alive\n\n".to_vec()),
        ("unknown fields", b"nonsense: 1\n".to_vec()),
        ("thoughts", SseEvent::from(thought).bytes().to_vec()),
    ] {
        let server = RawServer::start([endless("", &line)]);
        let client = over(&server).with_deadline(Duration::from_secs(1));
        let end = growth(what, async { client.chat_stream("hi").unwrap().collect().await });
        let error = end.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Deadline | ErrorKind::Exhausted), "{what}: {error}");
        println!("{what}: {} MiB read", server.bytes_sent() >> 20);
    }
}

#[test]
fn a_reader_who_stops_holds_no_more_than_a_piece() {
    let word = json!({ "choices": [{ "delta": { "content": "word ".repeat(200) } }] });
    let server = RawServer::start([endless("", SseEvent::from(word).bytes())]);
    let client = over(&server);
    growth("a paused reader", async {
        let mut stream = client.chat_stream("hi").unwrap();
        for _ in 0..10 {
            assert!(!matches!(stream.next().await, Some(Ok(StreamEvent::End(_)) | Err(_)) | None));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    });
    assert!(server.bytes_sent() < GROWTH_MAX, "{}", server.bytes_sent());
}
