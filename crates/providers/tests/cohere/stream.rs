//! What a stream's events mean, and what goes wrong in one.

use backstop_core::chat::ChatEvent;
use backstop_core::{Error, ErrorKind};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::common::cuts;
use crate::common::fake::Fake;
use crate::common::told::{collect, shown};
use crate::scene::{MODEL, body_of, events, of, stream};

const START: &str = r#"{"id":"r1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#;
const OPEN: &str =
    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#;
const HI: &str = r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi ü🦊"}}}}"#;
const CLOSE: &str = r#"{"type":"content-end","index":0}"#;
const END: &str = r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":1},"tokens":{"input_tokens":3.0,"output_tokens":1.0},"cached_tokens":2}}}"#;

const THINK: &str =
    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#;
const HM: &str = r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}}"#;
const PLAN: &str = r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#;
const CALL: &str = r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"f_1","type":"function","function":{"name":"f","arguments":""}}}}}"#;
const MORE: &str = r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"x\":"}}}}}"#;
const REST: &str = r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"1}"}}}}}"#;
const CALLED: &str = r#"{"type":"tool-call-end","index":0}"#;
const OTHER: &str = r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"type":"function","function":{"name":"g","arguments":"{}"}}}}}"#;
const END_CALL: &str = r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}"#;
const CITE: &str = r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":2,"text":"Hi","sources":[]}}}}"#;

fn is_ours(error: &Error) {
    assert_eq!((error.provider(), error.model()), (Some("cohere"), Some(MODEL)), "{error:?}");
    assert_eq!(error.status(), Some(200), "{error:?}");
}

#[tokio::test]
async fn a_documented_stream_is_read() {
    let (told, error) =
        stream(of(&[START, OPEN, HI, CITE, r#"{"type":"citation-end","index":0}"#, CLOSE, END])).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&told), r#"start:? "Hi ü🦊" 3+1 end:stop"#);
    let reply = collect(&told);
    assert_eq!((reply.id.as_deref(), reply.usage.cached_input_tokens), (Some("r1"), Some(2)));
}

#[tokio::test]
async fn events_of_every_form_are_read() {
    let placed = CALL.replace(r#""index":0"#, r#""index":3"#);
    let more = MORE.replace(r#""index":0"#, r#""index":3"#);
    for (data, expected) in [
        (&[START, THINK, HM, CLOSE, OPEN, HI, CLOSE, END][..], r#"start:? … (hm) "Hi ü🦊" 3+1 end:stop"#),
        (
            &[START, PLAN, CALL, MORE, REST, CALLED, OTHER, CALLED, END_CALL],
            r#"start:? (I will) 0:f_1:f: 0:-:-:{"x": 0:-:-:1} 1:call_1:g:{} end:tool_calls"#,
        ),
        // A place among all parts is none among calls.
        (
            &[START, &placed, &more, OTHER, REST.replace(r#""index":0"#, r#""index":3"#).as_str(), END_CALL],
            r#"start:? 0:f_1:f: 0:-:-:{"x": 1:call_1:g:{} 0:-:-:1} end:tool_calls"#,
        ),
        (&[START, OPEN, HI, r#"{"type":"message-end","delta":{}}"#], r#"start:? "Hi ü🦊" end:stop"#),
        (&[START, CALL, r#"{"type":"message-end"}"#], "start:? 0:f_1:f: end:tool_calls"),
        (
            &[START, HI, r#"{"type":"message-end","delta":{"finish_reason":"MAX_TOKENS"}}"#],
            r#"start:? "Hi ü🦊" end:length"#,
        ),
        (
            &[START, HI, r#"{"type":"message-end","delta":{"finish_reason":"ERROR_TOXIC"}}"#],
            r#"start:? "Hi ü🦊" end:content_filter"#,
        ),
        // What is newer is passed over, and what follows the end is not read.
        (
            &[
                START,
                r#"{"type":"later","delta":7}"#,
                r#"{"type":"debug","prompt":"x"}"#,
                "{}",
                HI,
                END,
                "[DONE]",
                HI,
            ],
            r#"start:? "Hi ü🦊" 3+1 end:stop"#,
        ),
        (&[HI, END], r#""Hi ü🦊" 3+1 end:stop"#),
    ] {
        let (told, error) = stream(of(data)).await;
        assert!(error.is_none(), "{data:?} {error:?}");
        assert_eq!(shown(&told), expected, "{data:?}");
    }
}

#[tokio::test]
async fn the_sort_of_an_event_stands_in_its_name_or_in_its_data() {
    let named = [START, HI, END].iter().map(|data| {
        let sort = data.split(r#""type":""#).nth(1).unwrap().split('"').next().unwrap();
        format!("event: {sort}\ndata: {}\n\n", data.replacen(&format!(r#""type":"{sort}","#), "", 1))
    });
    let (told, error) = stream(events(named.collect::<String>())).await;
    assert_eq!((shown(&told), error.is_none()), (r#"start:? "Hi ü🦊" 3+1 end:stop"#.to_owned(), true));
    let bare: String = [START, HI, END].iter().map(|data| format!("data: {data}\n\n")).collect();
    let (told, error) = stream(events(format!(": hello\n\ndata:\n\n{bare}"))).await;
    assert_eq!((shown(&told), error.is_none()), (r#"start:? "Hi ü🦊" 3+1 end:stop"#.to_owned(), true));
}

#[tokio::test]
async fn an_answer_is_not_whole_before_that_is_said() {
    for (data, words) in [
        (&[][..], "before its first event"),
        (&["{}"], "before its first event"),
        (&["[DONE]"], "and not why"),
        (&[START], "in mid-answer"),
        (&[START, OPEN, HI, CLOSE], "in mid-answer"),
        (&[START, HI, "[DONE]"], "and not why"),
        (
            &[START, r#"{"type":"content-delta","delta":{"message":{"content":"private"}}}"#],
            "at `message.content`",
        ),
        (&[START, r#"{"type":"content-delta","delta":"private"#], "breaks off"),
        (&[START, "private"], "is not JSON"),
        (&[START, "null"], "another form"),
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
async fn a_reason_that_is_a_failure_is_told_as_one() {
    for (word, kind, told) in [
        ("ERROR", ErrorKind::Server, "the model failed in mid-answer: no more"),
        ("TIMEOUT", ErrorKind::Timeout, "took too long: no more"),
        ("ERROR_LIMIT", ErrorKind::ContextLength, "do not fit the window: no more"),
    ] {
        let end = format!(
            r#"{{"type":"message-end","delta":{{"finish_reason":"{word}","error":"no more","usage":{{"tokens":{{"input_tokens":3}}}}}}}}"#
        );
        let (pieces, error) = stream(of(&[START, OPEN, HI, &end])).await;
        assert_eq!(shown(&pieces), r#"start:? "Hi ü🦊" 3+0"#);
        let error = error.unwrap();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(told), "{error}");
        is_ours(&error);
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_what_it_says() {
    for (data, kind) in [
        (r#"{"message":"internal server error"}"#, ErrorKind::Server),
        (
            r#"{"id":"1","message":"too many tokens: size limit exceeded by 11326 tokens."}"#,
            ErrorKind::ContextLength,
        ),
        (r#"{"type":"error","message":"oops"}"#, ErrorKind::Server),
    ] {
        for before in ["", START] {
            let before = if before.is_empty() { String::new() } else { format!("data: {before}\n\n") };
            let (told, error) = stream(events(format!("{before}data: {data}\n\n"))).await;
            let error = error.unwrap();
            assert_eq!((error.kind(), told.len()), (kind, if before.is_empty() { 1 } else { 2 }), "{data}");
            is_ours(&error);
        }
    }
    let (_, error) = stream(events("event: error\ndata: oops\n\n")).await;
    assert_eq!(error.unwrap().message(), "oops");
}

#[tokio::test]
async fn something_else_in_place_of_a_stream_is_told_as_such() {
    let body = r#"{"id":"r1","message":{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"}],"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":3,"output_tokens":1}}}"#;
    for fake in [Fake::new(200, body), events(format!("\u{feff}\r\n {body}"))] {
        let (told, error) = stream(fake).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(shown(&told), r#"start:? (hm) "Hi" 0:a:f:{} 3+1 end:tool_calls"#);
    }
    for (fake, kind, words) in [
        (
            Fake::new(200, r#"{"message":{"content":[{"text":"x"}]},"finish_reason":"ERROR_TOXIC"}"#),
            ErrorKind::ContentFilter,
            "filter",
        ),
        (
            Fake::new(200, r#"{"message":{"content":[]},"finish_reason":"TIMEOUT"}"#),
            ErrorKind::Timeout,
            "too long",
        ),
        (
            Fake::new(200, "<html>").header("content-type", "text/html"),
            ErrorKind::BadReply,
            "https://api.cohere.com the base URL?",
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
async fn a_connection_that_breaks_is_told_after_what_came_before() {
    let body = format!("{}event: message-end\ndata: {END}", body_of(&[START, HI]));
    let chunks = [Ok(Bytes::from(body)), Err(TransportError::new(Fault::Reset))];
    let (told, error) = stream(Fake::chunked(200, chunks)).await;
    assert_eq!(shown(&told), r#"start:? "Hi ü🦊""#);
    assert_eq!(error.unwrap().kind(), ErrorKind::BadReply);
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_the_same_stream() {
    let all = [
        &[START, OPEN, HI, CLOSE, END][..],
        &[START, PLAN, CALL, MORE, REST, CALLED, OTHER, END_CALL],
        &[START, THINK, HM, CLOSE, r#"{"message":"zu groß"}"#],
        &[START, HI],
        &[],
    ];
    let bodies: Vec<_> = all.iter().map(|data| body_of(data)).collect();
    for body in &bodies {
        cuts::anywhere(body, stream).await;
        cuts::anywhere(&body.replace('\n', "\r\n"), stream).await;
    }
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    cuts::garbled(&bodies, stream, |event| matches!(event, ChatEvent::End(_))).await;
}
