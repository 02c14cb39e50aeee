//! What a stream's events mean, and what goes wrong in one.

use backstop_core::chat::ChatEvent;
use backstop_core::{Error, ErrorKind};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::common::cuts;
use crate::common::fake::Fake;
use crate::common::told::{collect, shown};
use crate::scene::{MODEL, events, of, stream};

const ROLE: &str = r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
const HI: &str =
    r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"Hi ü🦊"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"total_tokens":56,"completion_tokens":46,"prompt_tokens_details":{"cached_tokens":4}}}"#;
const DONE: &str = "[DONE]";

fn delta(delta: &str) -> String {
    format!(r#"{{"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

fn is_ours(error: &Error) {
    assert_eq!((error.provider(), error.model()), (Some("mistral"), Some(MODEL)), "{error:?}");
    assert_eq!(error.status(), Some(200), "{error:?}");
}

#[tokio::test]
async fn a_documented_stream_is_read() {
    let (told, error) = stream(of(&[ROLE, HI, STOP, DONE])).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&told), r#"start:m "Hi ü🦊" 10+46 end:stop"#);
    let reply = collect(&told);
    assert_eq!((reply.id.as_deref(), reply.usage.cached_input_tokens), (Some("c1"), Some(4)));
}

#[tokio::test]
async fn deltas_of_every_form_are_read() {
    for (all, expected) in [
        (&[r#"{"content":"a"}"#, r#"{"content":" b"}"#][..], r#""a" " b""#),
        (&[r#"{"content":null}"#, "{}", "null", r#"{"content":[]}"#], ""),
        (
            &[
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":", so"}]}]}"#,
                r#"{"content":[{"type":"text","text":"4"}]}"#,
            ],
            r#"(hm) (, so) "4""#,
        ),
        // A signature comes with the thoughts or after them.
        (
            &[
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"!"}],"signature":"s"}]}"#,
                r#"{"content":[{"type":"text","text":"4"},{"type":"reference","reference_ids":[1]}]}"#,
                r#"{"content":[{"type":"thinking","thinking":[],"signature":"t"}]}"#,
            ],
            r#"(hm) (!) sealed:{"signature":"s","thinking":[{"text":"hm!","type":"text"}],"type":"thinking"} "4" … sealed:{"signature":"t","thinking":[{"text":"","type":"text"}],"type":"thinking"}"#,
        ),
        (
            &[r#"{"content":[{"type":"image_url","image_url":"x"},{"type":"text","text":"4"}]}"#],
            r#"other:image_url "4""#,
        ),
        // Calls that come whole, one without an id, and one in pieces.
        (
            &[
                r#"{"content":null,"tool_calls":[{"id":"gSIMJiOkT","function":{"name":"f","arguments":"{}"}},{"id":"hSIMJiOkT","function":{"name":"g","arguments":{"x":1}}}]}"#,
            ],
            r#"0:gSIMJiOkT:f:{} 1:hSIMJiOkT:g:{"x":1}"#,
        ),
        (
            &[
                r#"{"tool_calls":[{"id":"c-tool-1","type":"function","function":{"name":"f","arguments":""},"index":0}],"content":""}"#,
                r#"{"tool_calls":[{"function":{"name":"","arguments":"{\"x\": 1}"},"index":0}]}"#,
                r#"{"tool_calls":[{"id":"null","function":{"name":"g"},"index":1}]}"#,
            ],
            r#"0:c-tool-1:f: 0:-:-:{"x": 1} 1:call_1:g:"#,
        ),
    ] {
        let data: Vec<_> =
            all.iter().map(|one| delta(one)).chain([STOP.to_owned(), DONE.to_owned()]).collect();
        let (told, error) = stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await;
        assert!(error.is_none(), "{error:?}");
        let expected = format!("start:m {expected} 10+46 end:stop").replace("  ", " ");
        assert_eq!(shown(&told), expected, "{all:?}");
    }
}

#[tokio::test]
async fn an_answer_is_whole_once_its_reason_has_come() {
    let length = r#"{"choices":[{"delta":{},"finish_reason":"model_length"}]}"#;
    let both = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"gSIMJiOkT","function":{"name":"f"}}]},"finish_reason":"tool_calls"},{"index":1,"delta":{"content":"other"},"finish_reason":"stop"}]}"#;
    for (data, expected) in [
        (&[HI, STOP, DONE][..], r#"start:m "Hi ü🦊" 10+46 end:stop"#),
        (&[HI, STOP], r#"start:m "Hi ü🦊" 10+46 end:stop"#),
        (&[HI, length, DONE], r#"start:m "Hi ü🦊" end:length"#),
        (&[both, DONE], "start:? 0:gSIMJiOkT:f: end:tool_calls"),
        (&["", r#"{"later":1}"#, HI, STOP, DONE, HI], r#"start:m "Hi ü🦊" 10+46 end:stop"#),
    ] {
        let (told, error) = stream(of(data)).await;
        assert!(error.is_none(), "{data:?} {error:?}");
        assert_eq!(shown(&told), expected);
    }
    for (data, words) in [
        (&[][..], "before its first event"),
        (&["{}"], "before its first event"),
        (&[DONE], "and not why"),
        (&[HI, DONE], "and not why"),
        (&[ROLE, HI], "in mid-answer"),
        (&[HI, r#"{"choices":[{"delta":{"content":"private"#], "breaks off"),
        (&[HI, r#"{"choices":"private"}"#], "another form than documented at `choices`"),
        (&[HI, "private"], "is not JSON"),
        (&[HI, "null"], "another form"),
    ] {
        let (_, error) = stream(of(data)).await;
        let error = error.unwrap();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
        is_ours(&error);
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_what_it_says() {
    let rows = [
        (
            r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error","param":null,"code":null}"#,
            ErrorKind::Overloaded,
        ),
        (
            r#"{"object":"error","message":"no","type":"service_tier_capacity_exceeded","code":"3505"}"#,
            ErrorKind::Overloaded,
        ),
        (
            r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}"#,
            ErrorKind::RateLimited,
        ),
        (r#"{"object":"error","message":"Rate limit exceeded"}"#, ErrorKind::RateLimited),
        (
            r#"{"object":"error","message":"no","type":"internal_server_error","code":"1000"}"#,
            ErrorKind::Server,
        ),
        (r#"{"object":"error","message":"no","raw_status_code":422}"#, ErrorKind::BadRequest),
        (r#"{"object":"error","message":"no","raw_status_code":402}"#, ErrorKind::Quota),
        (r#"{"object":"error","message":"no","raw_status_code":7}"#, ErrorKind::Server),
        (
            r#"{"error":{"message":"Prompt contains 40000 tokens, too large for model with 32768 maximum context length"}}"#,
            ErrorKind::ContextLength,
        ),
        (r#"{"error":"out of memory"}"#, ErrorKind::Server),
    ];
    for (data, kind) in rows {
        for before in ["", HI] {
            for name in ["", "event: error\n"] {
                let before = if before.is_empty() { String::new() } else { format!("data: {before}\n\n") };
                let (told, error) =
                    stream(events(format!("{before}{name}data: {data}\n\ndata: [DONE]\n\n"))).await;
                let error = error.unwrap();
                assert_eq!(error.kind(), kind, "{data}");
                assert_eq!(told.len(), if before.is_empty() { 1 } else { 3 }, "{told:?}");
                is_ours(&error);
            }
        }
    }
    let failed =
        r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"usage":{"prompt_tokens":3}}"#;
    for data in [&[HI, failed, DONE][..], &[HI, failed]] {
        let (told, error) = stream(of(data)).await;
        assert_eq!(shown(&told), r#"start:m "Hi ü🦊" 3+0"#);
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Server);
        is_ours(&error);
    }
}

#[tokio::test]
async fn a_whole_reply_in_place_of_a_stream_is_told_as_if_streamed() {
    let body = r#"{"id":"c1","model":"m","choices":[{"message":{"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Hi"}],"tool_calls":[{"id":"gSIMJiOkT","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}"#;
    for fake in [Fake::new(200, body), events(format!("\u{feff}\r\n {body}"))] {
        let (told, error) = stream(fake).await;
        assert!(error.is_none(), "{error:?}");
        let sealed = r#"sealed:{"signature":"s","thinking":[{"text":"hm","type":"text"}],"type":"thinking"}"#;
        assert_eq!(
            shown(&told),
            format!(r#"start:m (hm) {sealed} "Hi" 0:gSIMJiOkT:f:{{}} 5+1 end:tool_calls"#)
        );
    }
    for (fake, kind, words) in [
        (
            Fake::new(200, r#"{"object":"error","message":"busy","code":"3505"}"#),
            ErrorKind::Overloaded,
            "busy",
        ),
        (
            Fake::new(200, "<html>").header("content-type", "text/html"),
            ErrorKind::BadReply,
            "https://api.mistral.ai/v1 the base URL?",
        ),
        (Fake::new(200, ""), ErrorKind::BadReply, "before its first event"),
    ] {
        let (told, error) = stream(fake).await;
        let error = error.unwrap();
        assert_eq!((told.len(), error.kind()), (1, kind), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        is_ours(&error);
    }
}

#[tokio::test]
async fn thoughts_without_end_are_told_and_not_kept() {
    let long =
        delta(&format!(r#"{{"content":[{{"type":"thinking","thinking":"{}"}}]}}"#, "x".repeat(700_000)));
    let signed = delta(r#"{"content":[{"type":"thinking","thinking":"","signature":"s"}]}"#);
    let short = delta(r#"{"content":[{"type":"thinking","thinking":"y","signature":"t"}]}"#);
    let (told, error) = stream(of(&[&long, &long, &signed, &short, STOP, DONE])).await;
    assert!(error.is_none());
    assert_eq!(told.iter().filter(|event| matches!(event, ChatEvent::Reasoning(_))).count(), 3);
    let reply = collect(&told);
    assert_eq!(reply.sealed.len(), 1, "what was cut is not what was signed");
    assert_eq!(reply.sealed[0].data["thinking"][0]["text"], "y");
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_after_what_came_before() {
    let body = format!("data: {HI}\n\ndata: {STOP}\n\ndata: [DONE]");
    let chunks = [Ok(Bytes::from(body)), Err(TransportError::new(Fault::Reset))];
    let (told, error) = stream(Fake::chunked(200, chunks)).await;
    assert_eq!(shown(&told), r#"start:m "Hi ü🦊""#);
    assert_eq!(error.unwrap().kind(), ErrorKind::BadReply);
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_the_same_stream() {
    let thought = delta(
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm ß"}],"signature":"s"}]}"#,
    );
    let call = delta(r#"{"tool_calls":[{"id":"gSIMJiOkT","function":{"name":"f","arguments":"{}"}}]}"#);
    let error = r#"{"object":"error","message":"zu groß","code":"3505"}"#;
    let all = [&[ROLE, HI, STOP, DONE][..], &[&thought, &call, STOP, DONE], &[HI, error, HI], &[HI], &[]];
    let bodies: Vec<_> = all
        .iter()
        .map(|data| data.iter().map(|one| format!("data: {one}\n\n")).collect::<String>())
        .collect();
    for body in &bodies {
        cuts::anywhere(body, stream).await;
        cuts::anywhere(&body.replace('\n', "\r\n"), stream).await;
    }
    cuts::anywhere(r#"{"choices":[{"message":{"content":"Grüße"},"finish_reason":"stop"}]}"#, stream).await;
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    cuts::garbled(&bodies, stream, |event| matches!(event, ChatEvent::End(_))).await;
}
