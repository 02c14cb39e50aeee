//! What the messages of a stream mean, and what goes wrong in one.

use backstop_core::chat::{ChatEvent, Sealed};
use backstop_core::{Error, ErrorKind};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;
use serde_json::json;

use crate::common::fake::Fake;
use crate::common::told::{Told, collect, shown};
use crate::scene::{MODEL, event, exception, message, stream};

fn start() -> Vec<u8> {
    event("messageStart", r#"{"role":"assistant","p":"abc"}"#)
}

fn text(text: &str) -> Vec<u8> {
    delta(0, &json!({ "text": text }).to_string())
}

fn delta(place: u32, delta: &str) -> Vec<u8> {
    event("contentBlockDelta", &format!(r#"{{"contentBlockIndex":{place},"delta":{delta},"p":"abcd"}}"#))
}

fn open(place: u32, start: &str) -> Vec<u8> {
    event("contentBlockStart", &format!(r#"{{"contentBlockIndex":{place},"start":{start}}}"#))
}

fn close(place: u32) -> Vec<u8> {
    event("contentBlockStop", &format!(r#"{{"contentBlockIndex":{place}}}"#))
}

fn stop(reason: &str) -> Vec<u8> {
    event("messageStop", &format!(r#"{{"stopReason":"{reason}","additionalModelResponseFields":null}}"#))
}

fn metadata() -> Vec<u8> {
    let usage = r#"{"inputTokens":3,"outputTokens":1,"totalTokens":6,"cacheReadInputTokens":2}"#;
    event("metadata", &format!(r#"{{"usage":{usage},"metrics":{{"latencyMs":7}}}}"#))
}

/// A stream of these messages.
fn of(messages: &[Vec<u8>]) -> Fake {
    Fake::new(200, messages.concat())
        .header("content-type", "application/vnd.amazon.eventstream")
        .header("x-amzn-requestid", "req_1")
}

fn is_ours(error: &Error) {
    assert_eq!((error.provider(), error.model()), (Some("bedrock"), Some(MODEL)), "{error:?}");
    assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")), "{error:?}");
}

fn documented() -> Vec<Vec<u8>> {
    vec![start(), text("Hi "), text("ü🦊"), close(0), stop("end_turn"), metadata()]
}

#[tokio::test]
async fn a_documented_stream_is_read() {
    let (told, error) = stream(of(&documented())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&told), r#""Hi " "ü🦊" 5+1 end:stop"#);
    let reply = collect(&told);
    assert_eq!((reply.request_id.as_deref(), reply.usage.cached_input_tokens), (Some("req_1"), Some(2)));
}

#[tokio::test]
async fn messages_of_every_form_are_read() {
    let tool = |id: &str, name: &str| format!(r#"{{"toolUse":{{"toolUseId":"{id}","name":"{name}"}}}}"#);
    let input = |part: &str| json!({ "toolUse": { "input": part } }).to_string();
    for (messages, expected) in [
        (
            vec![
                start(),
                text("So."),
                close(0),
                open(1, &tool("t1", "f")),
                delta(1, &input("{\"x\":")),
                delta(1, &input("1}")),
                close(1),
                open(2, r#"{"toolUse":{"name":"g"}}"#),
                delta(2, &input("")),
                close(2),
                stop("tool_use"),
                metadata(),
            ],
            r#""So." 0:t1:f: 0:-:-:{"x": 0:-:-:1} 1:call_1:g: 1:-:-: 1:-:-:{} 5+1 end:tool_calls"#,
        ),
        (vec![start(), text("Hi"), stop("max_tokens"), metadata()], r#""Hi" 5+1 end:length"#),
        (
            vec![start(), text("Hi"), stop("model_context_window_exceeded"), metadata()],
            r#""Hi" 5+1 end:length"#,
        ),
        (
            vec![start(), text("Sorry."), stop("guardrail_intervened"), metadata()],
            r#""Sorry." 5+1 end:content_filter"#,
        ),
        (vec![start(), text("Hi"), stop("content_filtered"), metadata()], r#""Hi" 5+1 end:content_filter"#),
        (vec![start(), text("Hi"), event("messageStop", "{}"), metadata()], r#""Hi" 5+1 end:stop"#),
        (vec![start(), text("Hi"), stop("end_turn"), event("metadata", "{}")], r#""Hi" end:stop"#),
        // What is newer is passed over, and what follows the end is not read.
        (
            vec![
                event("initial-response", "{}"),
                event("later", "no JSON"),
                start(),
                open(0, r#"{"image":{"format":"png"}}"#),
                delta(0, r#"{"citation":{}}"#),
                text("Hi"),
                stop("end_turn"),
                metadata(),
                exception("throttlingException", "{}"),
            ],
            r#"other:image "Hi" 5+1 end:stop"#,
        ),
        // Counts that come early are kept until the end.
        (vec![start(), metadata(), text("Hi"), stop("end_turn")], r#""Hi" 5+1 end:stop"#),
        // All of the answer has come, and only its cost has not.
        (vec![start(), text("Hi"), stop("end_turn")], r#""Hi" end:stop"#),
    ] {
        let (told, error) = stream(of(&messages)).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(shown(&told), expected);
    }
}

#[tokio::test]
async fn thoughts_are_told_and_sealed_once_they_are_whole() {
    let thought = |place: u32, part: &str| delta(place, &format!(r#"{{"reasoningContent":{part}}}"#));
    let messages = [
        start(),
        thought(0, r#"{"text":"hm, "}"#),
        thought(0, r#"{"text":"so"}"#),
        thought(0, r#"{"signature":"c2ln"}"#),
        close(0),
        // Not every block says that it has ended.
        thought(1, r#"{"redactedContent":"b3Bh"}"#),
        thought(2, r#"{"text":"unsigned"}"#),
        thought(3, r#"{"text":"last"}"#),
        thought(3, r#"{"signature":"bGFzdA"}"#),
        delta(4, r#"{"text":"Hi"}"#),
        stop("end_turn"),
        metadata(),
    ];
    let (told, error) = stream(of(&messages)).await;
    assert!(error.is_none(), "{error:?}");
    let first = r#"{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"hm, so"}}}"#;
    let last = r#"{"reasoningContent":{"reasoningText":{"signature":"bGFzdA","text":"last"}}}"#;
    let hidden = r#"{"reasoningContent":{"redactedContent":"b3Bh"}}"#;
    assert_eq!(
        shown(&told),
        format!(
            r#"(hm, ) (so) … sealed:{first} … sealed:{hidden} (unsigned) (last) … "Hi" sealed:{last} 5+1 end:stop"#
        )
    );
    let sealed: Vec<&Sealed> = told
        .iter()
        .filter_map(|event| match event {
            ChatEvent::Sealed(sealed) => Some(sealed),
            _ => None,
        })
        .collect();
    assert!(sealed.iter().all(|sealed| sealed.provider == "bedrock" && sealed.model == MODEL));
}

#[tokio::test]
async fn an_exception_in_a_stream_is_an_error_of_its_kind_after_what_came() {
    let said = |message: &str| json!({ "message": message }).to_string();
    let failed =
        r#"{"message":"The model failed","originalStatusCode":400,"originalMessage":"out of cheese"}"#;
    for (name, payload, kind, word) in [
        ("internalServerException", said("m"), ErrorKind::Server, "m"),
        (
            "modelStreamErrorException",
            failed.to_owned(),
            ErrorKind::Server,
            "The model failed: out of cheese",
        ),
        ("modelTimeoutException", said("m"), ErrorKind::Timeout, "m"),
        ("serviceUnavailableException", said("m"), ErrorKind::Overloaded, "m"),
        ("throttlingException", said("Too many tokens, please wait"), ErrorKind::RateLimited, "please wait"),
        ("throttlingException", said("Too many tokens per day"), ErrorKind::Quota, "per day"),
        ("validationException", said("Input is too long"), ErrorKind::ContextLength, "too long"),
        ("validationException", said("m"), ErrorKind::BadRequest, "m"),
        ("laterException", said("m"), ErrorKind::Server, "m"),
        ("throttlingException", String::new(), ErrorKind::RateLimited, ""),
        ("throttlingException", "no JSON".to_owned(), ErrorKind::RateLimited, "no JSON"),
    ] {
        for at in 0..5 {
            let mut messages = documented();
            messages.insert(at, exception(name, &payload));
            let (told, error) = stream(of(&messages)).await;
            let error = error.unwrap();
            assert!(error.kind() == kind && error.message().contains(word), "{name}: {error}");
            is_ours(&error);
            assert_eq!(told.iter().any(|event| matches!(event, ChatEvent::Text(_))), at > 1);
            assert!(!told.iter().any(|event| matches!(event, ChatEvent::End(_))));
        }
    }
}

#[tokio::test]
async fn an_error_that_is_no_exception_is_told_by_its_code() {
    let headers = [
        (":message-type", "error"),
        (":error-code", "ServiceUnavailableException"),
        (":error-message", "busy"),
    ];
    let (_, error) = stream(of(&[start(), message(&headers, "")])).await;
    let error = error.unwrap();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Overloaded, "busy"));
    is_ours(&error);
}

#[tokio::test]
async fn a_reason_that_is_a_failure_is_an_error() {
    for (reason, kind) in [
        ("malformed_model_output", ErrorKind::Server),
        ("malformed_tool_use", ErrorKind::Server),
        ("model_context_window_exceeded", ErrorKind::ContextLength),
    ] {
        let (told, error) = stream(of(&[start(), stop(reason), metadata()])).await;
        let error = error.unwrap();
        assert_eq!(error.kind(), kind, "{reason}");
        is_ours(&error);
        assert_eq!(shown(&told), "");
    }
}

#[tokio::test]
async fn a_stream_without_its_end_is_no_answer() {
    for (messages, word) in [
        (vec![], "before its first event"),
        (vec![event("later", "{}")], "before its first event"),
        (vec![start()], "in mid-answer"),
        (vec![start(), text("Hi")], "in mid-answer"),
        (vec![start(), text("Hi"), close(0)], "in mid-answer"),
        (vec![start(), text("Hi"), close(0), metadata()], "in mid-answer"),
        (vec![start(), event("contentBlockDelta", "{\"delta\":7}")], "at `delta`"),
        (vec![start(), event("contentBlockDelta", "")], "is empty"),
    ] {
        let (told, error) = stream(of(&messages)).await;
        let error = error.unwrap();
        assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains(word), "{error}");
        is_ours(&error);
        assert!(!told.iter().any(|event| matches!(event, ChatEvent::End(_))));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_within_a_message_is_no_answer() {
    let all = documented();
    let whole = all.concat();
    // After the reason for its end, all of the answer has come.
    let answered = whole.len() - metadata().len();
    for length in 0..whole.len() {
        let (told, error) = stream(of(&[whole[..length].to_vec()])).await;
        let ended = told.iter().any(|event| matches!(event, ChatEvent::End(_)));
        assert_eq!((ended, error.is_none()), (length == answered, length == answered), "{length}");
        if let Some(error) = error {
            assert_eq!(error.kind(), ErrorKind::BadReply, "{length}: {error}");
        }
    }
    let broken = [Ok(Bytes::from(whole[..answered].to_vec())), Err(TransportError::new(Fault::Reset))];
    let (told, error) = stream(Fake::chunked(200, broken)).await;
    assert_eq!(error.unwrap().kind(), ErrorKind::BadReply);
    assert!(!told.iter().any(|event| matches!(event, ChatEvent::End(_))));
}

#[tokio::test]
async fn a_damaged_message_is_an_error_that_says_so() {
    let mut all = documented().concat();
    let place = start().len() + 40;
    all[place] ^= 1;
    let (told, error) = stream(of(&[all])).await;
    let error = error.unwrap();
    assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains("checksum"), "{error}");
    is_ours(&error);
    assert_eq!(shown(&told), "");
}

async fn pieces(pieces: impl Iterator<Item = &[u8]>) -> String {
    let chunks = pieces.map(|piece| Ok(Bytes::copy_from_slice(piece)));
    let (told, error): Told<ChatEvent> = stream(Fake::chunked(200, chunks)).await;
    format!("{told:?} {:?}", error.map(|error| error.to_string()))
}

#[tokio::test]
async fn how_a_stream_is_cut_makes_no_difference() {
    let thought = delta(0, r#"{"reasoningContent":{"text":"hm","signature":"c2ln"}}"#);
    let call = open(1, r#"{"toolUse":{"toolUseId":"t1","name":"f"}}"#);
    let more = delta(1, r#"{"toolUse":{"input":"{}"}}"#);
    let failing = exception("throttlingException", r#"{"message":"m"}"#);
    let mut random = fastrand::Rng::with_seed(8);
    for messages in [
        documented(),
        vec![start(), thought, close(0), call, more, stop("tool_use"), metadata()],
        vec![start(), text("Hi"), failing],
    ] {
        let bytes = messages.concat();
        let whole = pieces([&*bytes].into_iter()).await;
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(pieces([head, tail].into_iter()).await, whole, "cut at {at}");
        }
        assert_eq!(pieces(bytes.chunks(1)).await, whole, "byte by byte");
        for _ in 0..50 {
            let mut list = Vec::new();
            let mut rest = &*bytes;
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(random.usize(0..=rest.len().min(60)));
                list.push(piece);
                rest = left;
            }
            assert_eq!(pieces(list.into_iter()).await, whole);
        }
    }
}

#[tokio::test]
async fn what_comes_in_place_of_a_stream_is_read() {
    let content = json!([
        { "reasoningContent": { "reasoningText": { "text": "hm", "signature": "c2ln" } } },
        { "text": "So." },
        { "toolUse": { "toolUseId": "t1", "name": "f", "input": {} } },
    ]);
    let usage = json!({ "inputTokens": 3, "outputTokens": 1 });
    let body =
        json!({ "output": { "message": { "content": content } }, "stopReason": "tool_use", "usage": usage });
    let (told, error) = stream(Fake::new(200, body.to_string())).await;
    assert!(error.is_none(), "{error:?}");
    let sealed = r#"{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"hm"}}}"#;
    assert_eq!(shown(&told), format!(r#"(hm) sealed:{sealed} "So." 0:t1:f:{{}} 3+1 end:tool_calls"#));
    for (body, kind, word) in [
        (
            r#"{"message":"Too many requests","__type":"ThrottlingException"}"#,
            ErrorKind::RateLimited,
            "Too many",
        ),
        (r#"{"Message":"m"}"#, ErrorKind::Server, "m"),
        ("{}", ErrorKind::BadReply, "no message"),
        ("<html>", ErrorKind::BadReply, "is not JSON"),
        ("\n", ErrorKind::BadReply, "before its first event"),
    ] {
        let (_, error) = stream(Fake::new(200, body)).await;
        let error = error.unwrap();
        assert!(error.kind() == kind && error.to_string().contains(word), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_tool_that_the_service_runs_itself_is_no_call_of_the_client() {
    let own = r#"{"toolUse":{"toolUseId":"s1","name":"search","type":"server_tool_use"}}"#;
    let result = r#"{"toolResult":{"toolUseId":"s1","type":"search_result","status":"success"}}"#;
    let (told, error) = stream(of(&[
        start(),
        open(0, own),
        delta(0, r#"{"toolUse":{"input":"{\"q\":1}"}}"#),
        close(0),
        open(1, result),
        delta(1, r#"{"toolResult":[{"text":"found"}]}"#),
        close(1),
        open(2, r#"{"toolUse":{"toolUseId":"t1","name":"f","type":"tool_use"}}"#),
        delta(2, r#"{"toolUse":{"input":"{\"x\":1}"}}"#),
        close(2),
        stop("tool_use"),
        metadata(),
    ]))
    .await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&told), r#"… … … 0:t1:f: 0:-:-:{"x":1} 5+1 end:tool_calls"#);
}

#[tokio::test]
async fn a_guardrail_that_only_masks_lets_the_answer_through() {
    let traced = |actions: &[&str]| {
        let entities: Vec<_> = actions.iter().map(|action| json!({ "action": action })).collect();
        let trace = json!({ "guardrail": { "outputAssessments": { "g": [{ "sensitiveInformationPolicy": { "piiEntities": entities } }] } } });
        event("metadata", &json!({ "trace": trace }).to_string())
    };
    for (metadata, expected) in [
        (traced(&["ANONYMIZED"]), r#""I am {NAME}." end:stop"#),
        (traced(&["ANONYMIZED", "BLOCKED"]), r#""I am {NAME}." end:content_filter"#),
        (traced(&["NONE"]), r#""I am {NAME}." end:content_filter"#),
        (event("metadata", "{}"), r#""I am {NAME}." end:content_filter"#),
    ] {
        let (told, error) =
            stream(of(&[start(), text("I am {NAME}."), stop("guardrail_intervened"), metadata])).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(shown(&told), expected);
    }
}
