//! What the lines of a stream mean, and what goes wrong in one.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatRequest};
use backstop_core::{Ask, Error, ErrorKind, Provider};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::common::cuts;
use crate::common::fake::Fake;
use crate::common::told::{collect, shown};
use crate::scene::{MODEL, lines, provider, stream};

const HE: &str = r#"{"model":"gemma4","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"He"},"done":false}"#;
const Y: &str = r#"{"model":"gemma4","message":{"role":"assistant","content":"y ü🦊"},"done":false}"#;
const DONE: &str = r#"{"model":"gemma4","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5,"prompt_eval_count":5,"eval_count":2}"#;
const HM: &str = r#"{"message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#;
const CALLS: &str = r#"{"message":{"content":"","tool_calls":[{"id":"call_a","function":{"index":0,"name":"f","arguments":{"x":1}}},{"function":{"name":"g","arguments":{}}}]},"done":false}"#;
const CALL: &str = r#"{"message":{"tool_calls":[{"id":"call_b","function":{"index":0,"name":"h","arguments":{}}}]},"done":false}"#;

fn is_ours(error: &Error) {
    assert_eq!((error.provider(), error.model()), (Some("ollama"), Some(MODEL)), "{error:?}");
    assert_eq!(error.status(), Some(200), "{error:?}");
}

#[tokio::test]
async fn a_documented_stream_is_read() {
    let (told, error) = stream(lines(&[HE, Y, DONE])).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&told), r#"start:gemma4 "He" "y ü🦊" 5+2 end:stop"#);
    let reply = collect(&told);
    assert_eq!((&*reply.text, reply.model.as_deref(), reply.status), ("Hey ü🦊", Some("gemma4"), Some(200)));
}

#[tokio::test]
async fn lines_of_every_form_are_read() {
    for (all, expected) in [
        (&[HM, HE, DONE][..], r#"start:? (hm) "He" 5+2 end:stop"#),
        (
            &[r#"{"message":{"content":"","thinking":"","images":["aGk="]}}"#, DONE],
            "start:? other:image 5+2 end:stop",
        ),
        (&[CALLS, DONE], r#"start:? 0:call_a:f:{"x":1} 1:call_1:g:{} 5+2 end:tool_calls"#),
        (
            &[CALLS, CALL, DONE],
            r#"start:? 0:call_a:f:{"x":1} 1:call_1:g:{} 2:call_b:h:{} 5+2 end:tool_calls"#,
        ),
        (&[r#"{"message":{"content":"hi"},"done":true}"#], r#"start:? "hi" end:stop"#),
        (&[HE, r#"{"done":true,"done_reason":"length"}"#], r#"start:gemma4 "He" end:length"#),
        (&[HE, r#"{"later":[1]}"#, "", "  ", DONE], r#"start:gemma4 "He" 5+2 end:stop"#),
        (&[r#"{"done":true,"done_reason":"load"}"#], "start:? end:load"),
        (&[HE, r#"{"done":true,"eval_count":"many"}"#], r#"start:gemma4 "He" end:stop"#),
        // What comes after the end is not read.
        (&[HE, DONE, HE, "nonsense"], r#"start:gemma4 "He" 5+2 end:stop"#),
    ] {
        let (told, error) = stream(lines(all)).await;
        assert!(error.is_none(), "{all:?} {error:?}");
        assert_eq!(shown(&told), expected, "{all:?}");
    }
}

#[tokio::test]
async fn an_answer_is_not_whole_before_that_is_said() {
    for (all, words) in [
        (&[][..], "ended before its first line"),
        (&["", " "], "ended before its first line"),
        (&[HE], "in mid-answer"),
        (&[HM, HE, CALLS], "in mid-answer"),
        (&[HE, r#"{"message":{"content":"private"#], "breaks off"),
        (&[HE, r#"{"message":"private","done":false}"#], "another form than documented at `message`"),
        (&[HE, "private"], "is not JSON"),
        (&[HE, "null"], "another form"),
        (&[HE, "[1]"], "another form"),
    ] {
        let (_, error) = stream(lines(all)).await;
        let error = error.unwrap();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
        assert!(error.facts().counted, "{shown}");
        is_ours(&error);
    }
}

#[tokio::test]
async fn the_last_line_may_end_with_the_body() {
    let (told, error) = stream(Fake::new(200, format!("{HE}\r\n{DONE}"))).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&told), r#"start:gemma4 "He" 5+2 end:stop"#);
}

#[tokio::test]
async fn an_error_in_the_stream_is_what_it_says() {
    for (line, kind, comeback) in [
        (r#"{"error":"an error was encountered while running the model"}"#, ErrorKind::Server, true),
        (
            r#"{"error":"model requires more system memory (8 GiB) than is available (4 GiB)"}"#,
            ErrorKind::Server,
            false,
        ),
        (r#"{"error":"the input length exceeds the context length"}"#, ErrorKind::ContextLength, false),
        (r#"{"error":"\"gemma4\" does not support tools"}"#, ErrorKind::Unsupported, false),
        (
            r#"{"error":"you (x) have reached your session usage limit, upgrade for higher limits: https://ollama.com/upgrade"}"#,
            ErrorKind::Quota,
            false,
        ),
        (r#"{"error":"timed out waiting for a concurrent request slot"}"#, ErrorKind::RateLimited, true),
        (
            r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#,
            ErrorKind::Overloaded,
            true,
        ),
        (r#"{"error":{"message":"odd"}}"#, ErrorKind::Server, true),
    ] {
        for before in [&[][..], &[HE]] {
            let all: Vec<_> = before.iter().copied().chain([line, DONE]).collect();
            let (told, error) = stream(lines(&all)).await;
            let error = error.unwrap();
            assert_eq!(told.len(), if before.is_empty() { 1 } else { 3 }, "{told:?}");
            assert_eq!(
                (error.kind(), error.facts().comeback && kind.reaction().comeback),
                (kind, comeback),
                "{line}"
            );
            is_ours(&error);
        }
    }
}

#[tokio::test]
async fn something_else_in_place_of_a_stream_is_told_as_such() {
    for (fake, words) in [
        (
            Fake::new(200, "<html><title>Welcome</title>").header("content-type", "text/html"),
            "is http://127.0.0.1:11434 the base URL?",
        ),
        (Fake::new(200, "Ollama is running").header("content-type", "text/plain"), "called text/plain"),
        (Fake::new(200, "[1]"), "another form"),
        (Fake::new(200, "{"), "breaks off"),
        (Fake::new(200, ""), "before its first line"),
        (Fake::new(200, " \r\n "), "before its first line"),
        (Fake::new(200, format!("data: {HE}\n\n")), "is not JSON"),
    ] {
        let (told, error) = stream(fake).await;
        let error = error.unwrap();
        assert_eq!((told.len(), error.kind()), (1, ErrorKind::BadReply), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        is_ours(&error);
    }
    let (told, error) = stream(Fake::new(503, r#"{"error":"server busy"}"#)).await;
    assert_eq!((told.len(), error.unwrap().kind()), (0, ErrorKind::Overloaded));
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_after_what_came_before() {
    for (fault, kind) in [
        (Fault::Reset, ErrorKind::BadReply),
        (Fault::Truncated, ErrorKind::BadReply),
        (Fault::TimedOut, ErrorKind::Timeout),
    ] {
        // The last line is whole but for its end, which could still be more of it.
        let chunks = [Ok(Bytes::from(format!("{HE}\n{DONE}"))), Err(TransportError::new(fault))];
        let (told, error) = stream(Fake::chunked(200, chunks)).await;
        assert_eq!(shown(&told), r#"start:gemma4 "He""#);
        let error = error.unwrap();
        assert_eq!(error.kind(), kind);
        is_ours(&error);
    }
}

#[tokio::test]
async fn a_line_without_end_is_given_up() {
    let mebibyte = Bytes::from(vec![b'a'; 1 << 20]);
    let chunks = std::iter::once(Bytes::from_static(b"{\"")).chain(std::iter::repeat_n(mebibyte, 9)).map(Ok);
    let (_, error) = stream(Fake::chunked(200, chunks)).await;
    let error = error.unwrap();
    assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains("8 MiB"), "{error}");
    is_ours(&error);
}

#[tokio::test]
async fn a_stream_is_asked_for_as_documented() {
    let fake = Arc::new(lines(&[DONE]));
    drop(provider(&fake).chat_stream(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap());
    let (body, (url, headers)) = (fake.body(), fake.head());
    assert_eq!(body["stream"], true);
    assert_eq!(url, "http://127.0.0.1:11434/api/chat");
    assert!(headers["accept"].to_str().unwrap().contains("application/x-ndjson"));
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_the_same_stream() {
    let error = r#"{"error":"zu groß"}"#;
    for all in [
        &[HE, Y, DONE][..],
        &[HM, CALLS, CALL, DONE],
        &[HE, error, HE],
        &[HE],
        &[error],
        &["nonsense ü"],
        &[],
    ] {
        for ending in ["\n", "\r\n", "\n\n"] {
            let body: String = all.iter().map(|line| format!("{line}{ending}")).collect();
            cuts::anywhere(&body, stream).await;
            cuts::anywhere(&format!("\u{feff}{body}"), stream).await;
        }
        cuts::anywhere(&all.join("\n"), stream).await;
    }
}

#[tokio::test]
async fn whatever_comes_a_stream_ends_and_says_how() {
    let bodies = [[HE, Y, DONE].join("\n"), [HM, CALLS, CALL, DONE].join("\n"), [HE, Y].join("\n")];
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    cuts::garbled(&bodies, stream, |event| matches!(event, ChatEvent::End(_))).await;
}
