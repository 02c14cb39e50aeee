//! What goes wrong in a stream.

use backstop_core::{ErrorKind, Usage};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::scene::{END, KEY, START, begin, delta, is_ours, of, reason, shown, stop, stream};
use crate::transport::{Fake, events};

const TEXT: &str = r#"{"type":"text","text":""}"#;
const HI: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"private"}}"#;

#[tokio::test]
async fn an_answer_is_not_whole_before_that_is_said() {
    let (text, end) = (begin(0, TEXT), reason("end_turn"));
    for (data, words) in [
        (vec![], "ended before its first event"),
        (vec![r#"{"type":"ping"}"#], "ended before its first event"),
        (vec![END], "held no answer"),
        (vec![START, END], "held no answer"),
        (vec![START], "in mid-answer"),
        (vec![START, &*text, HI], "in mid-answer"),
        (vec![START, &*text, HI, &*end], "in mid-answer"),
        (
            vec![START, r#"{"type":"content_block_start","index":0,"content_block":"private"}"#],
            "a block of the stream",
        ),
        (vec![r#"{"type":"message_delta","delta":"private"}"#], "another form than documented at `delta`"),
        (
            vec![
                START,
                r#"{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"private"}}"#,
            ],
            "arguments of no tool call",
        ),
    ] {
        let (_, error) = stream(of(&data)).await;
        let error = error.unwrap();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
        assert!(error.facts().counted, "{shown}");
        is_ours(&error);
    }
    for (data, words) in [
        ("private", "is not JSON"),
        ("null", "another form"),
        ("[1]", "another form"),
        ("{\"a", "breaks off"),
    ] {
        let (_, error) = stream(events(format!("event: message_start\ndata: {data}\n\n"))).await;
        let error = error.unwrap();
        assert!(error.to_string().contains(words) && !error.to_string().contains("private"), "{error}");
        is_ours(&error);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_after_what_came_before() {
    for (fault, kind) in [
        (Fault::Reset, ErrorKind::BadReply),
        (Fault::Truncated, ErrorKind::BadReply),
        (Fault::TimedOut, ErrorKind::Timeout),
    ] {
        let body = format!(
            "data: {START}\n\ndata: {}\n\ndata: {HI}\n\ndata: {}",
            begin(0, TEXT),
            reason("end_turn")
        );
        let chunks = [Ok(Bytes::from(body)), Err(TransportError::new(fault))];
        let (told, error) = stream(Fake::chunked(200, chunks)).await;
        assert_eq!(shown(&told), r#"start:m 9+1 "private""#);
        let error = error.unwrap();
        assert_eq!(error.kind(), kind);
        is_ours(&error);
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_what_it_says() {
    use ErrorKind::{
        Auth, BadRequest, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited, Server,
        Timeout, Unsupported,
    };
    let told = |sort: &str, message: &str| {
        format!(
            r#"{{"type":"error","error":{{"type":"{sort}","message":"{message}"}},"request_id":"req_9"}}"#
        )
    };
    let hi = format!("data: {START}\n\ndata: {}\n\ndata: {HI}\n\n", begin(0, TEXT));
    for (data, kind) in [
        (told("overloaded_error", "Overloaded"), Overloaded),
        (told("rate_limit_error", "slow down"), RateLimited),
        (told("api_error", "Internal server error"), Server),
        (told("timeout_error", "late"), Timeout),
        (told("authentication_error", "no"), Auth),
        (told("permission_error", "no"), Forbidden),
        (told("billing_error", "no"), Quota),
        (told("not_found_error", "model: claude-x"), ModelNotFound),
        (told("invalid_request_error", "no"), BadRequest),
        (told("invalid_request_error", "prompt is too long: 9 tokens > 5 maximum"), ContextLength),
        (told("invalid_request_error", "temperature: Extra inputs are not permitted"), Unsupported),
        (told("unheard_of_error", "no"), Server),
        (r#"{"type":"error"}"#.to_owned(), Server),
        (r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#.to_owned(), Quota),
        // As llama.cpp says it.
        (r#"{"error":{"code":400,"message":"m","type":"exceed_context_size_error"}}"#.to_owned(), ContextLength),
        (r#"{"error":{"code":503,"message":"m","type":"unavailable_error"}}"#.to_owned(), Overloaded),
        (r#"{"error":{"code":500,"message":"m","type":"server_error"}}"#.to_owned(), Server),
        (r#"{"error":{"code":400,"message":"m","type":"invalid_request_error"}}"#.to_owned(), BadRequest),
    ] {
        for before in ["", &*hi] {
            for name in ["", "event: error\n"] {
                let body = format!("{before}{name}data: {data}\n\nevent: message_stop\ndata: {END}\n\n");
                let (told, error) = stream(events(body)).await;
                let error = error.unwrap();
                assert_eq!(error.kind(), kind, "{data}");
                assert_eq!(told.len(), if before.is_empty() { 1 } else { 4 }, "{told:?}");
                is_ours(&error);
            }
        }
    }
    // Under its name an error may have any form.
    for data in [r#"{"code":500,"message":"oops"}"#, "oops", r#"{"message":"oops"}"#, r#"{"error":"oops"}"#] {
        let (_, error) = stream(events(format!("event: error\ndata: {data}\n\n"))).await;
        let error = error.unwrap();
        assert_eq!((error.kind(), error.message()), (Server, "oops"));
    }
    let data = told("api_error", &format!("Incorrect key {KEY}"));
    let (_, error) = stream(of(&[&data])).await;
    assert!(!format!("{error:?}").contains(KEY));
}

#[tokio::test]
async fn the_id_of_a_request_may_stand_in_the_error_alone() {
    let data = r#"{"type":"error","error":{"type":"api_error","message":"m"},"request_id":"req_9"}"#;
    let (_, error) = stream(of(&[data]).header("x-request-id", "")).await;
    assert_eq!(error.unwrap().request_id(), Some("req_9"));
}

#[tokio::test]
async fn a_refusal_in_place_of_an_answer_is_an_error() {
    let refusal = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null,"stop_details":{"type":"refusal","category":"bio","explanation":"Blocked."}},"usage":{"input_tokens":18,"output_tokens":5}}"#;
    let thought = [begin(0, r#"{"type":"thinking","thinking":"hm"}"#), stop(0), begin(1, TEXT)];
    for before in [&[][..], &thought] {
        let data: Vec<_> =
            [START].into_iter().chain(before.iter().map(String::as_str)).chain([refusal, END]).collect();
        let error = stream(of(&data)).await.1.unwrap();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::ContentFilter, "the model refused to answer (bio): Blocked.")
        );
        assert_eq!(error.partial().unwrap().usage, Usage::new(18, 5));
        is_ours(&error);
    }
}

#[tokio::test]
async fn a_window_that_is_full_at_once_is_a_request_that_is_too_long() {
    let (told, error) = stream(of(&[START, &reason("model_context_window_exceeded"), END])).await;
    let error = error.unwrap();
    assert_eq!((shown(&told).as_str(), error.kind()), ("start:m 9+1 9+3", ErrorKind::ContextLength));
    is_ours(&error);
}

#[tokio::test]
async fn something_else_in_place_of_a_stream_is_told_as_such() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
    for (fake, kind, words) in [
        (Fake::new(200, overloaded), ErrorKind::Overloaded, "busy"),
        (events(overloaded), ErrorKind::Overloaded, "busy"),
        (Fake::new(200, r#"{"content":[],"stop_reason":"refusal"}"#), ErrorKind::ContentFilter, "refused"),
        (
            Fake::new(200, "<html><title>Welcome</title>").header("content-type", "text/html"),
            ErrorKind::BadReply,
            "is https://api.anthropic.com the base URL?",
        ),
        (
            Fake::new(200, "Welcome").header("content-type", "text/plain"),
            ErrorKind::BadReply,
            "called text/plain",
        ),
        (Fake::new(200, "[1]"), ErrorKind::BadReply, "another form"),
        (Fake::new(200, "{"), ErrorKind::BadReply, "breaks off"),
        (Fake::new(200, ""), ErrorKind::BadReply, "before its first event"),
        (Fake::new(200, " \r\n "), ErrorKind::BadReply, "before its first event"),
    ] {
        let (told, error) = stream(fake).await;
        let error = error.unwrap();
        assert_eq!((told.len(), error.kind()), (1, kind), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        is_ours(&error);
    }
    let (told, error) = stream(Fake::new(529, overloaded)).await;
    assert_eq!((told.len(), error.unwrap().kind()), (0, ErrorKind::Overloaded));
}

#[tokio::test]
async fn an_event_without_end_is_given_up() {
    let mebibyte = Bytes::from(vec![b'a'; 1 << 20]);
    let chunks =
        std::iter::once(Bytes::from_static(b"data: ")).chain(std::iter::repeat_n(mebibyte, 9)).map(Ok);
    let (_, error) = stream(Fake::chunked(200, chunks)).await;
    let error = error.unwrap();
    assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains("8 MiB"), "{error}");
    is_ours(&error);
}

#[tokio::test]
async fn blocks_without_number_are_given_up() {
    let data: Vec<_> = (0..1100).map(|index| begin(index, TEXT)).collect();
    let (_, error) = stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await;
    assert!(error.unwrap().to_string().contains("more blocks than it ends"));
    // One after the other they may be as many as they like.
    let mut data = vec![START.to_owned()];
    data.extend(
        (0..1100).flat_map(|index| [begin(index, TEXT), delta(index, r#"{"text":"a"}"#), stop(index)]),
    );
    data.push(END.to_owned());
    assert!(stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await.1.is_none());
}

#[tokio::test]
async fn calls_that_begin_with_more_than_anybody_remembers_are_given_up() {
    let long = "x".repeat(3 << 20);
    let call = |index| {
        begin(index, &format!(r#"{{"type":"tool_use","id":"a{index}","name":"f","input":{{"x":"{long}"}}}}"#))
    };
    let (told, error) = stream(of(&[START, &call(0), &call(1), &call(2), END])).await;
    assert_eq!(shown(&told), "start:m 9+1 0:a0:f: 1:a1:f:");
    assert!(error.unwrap().to_string().contains("more blocks than it ends"));
}

#[tokio::test]
async fn a_second_message_in_one_stream_is_an_error_and_never_a_merged_call() {
    let call = |id: &str| begin(0, &format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}"#));
    let (first, second) = (call("t1"), call("t2"));
    let (told, error) =
        stream(of(&[START, &first, START, &second, &stop(0), &reason("tool_use"), END])).await;
    let error = error.unwrap();
    assert_eq!((error.kind(), shown(&told)), (ErrorKind::BadReply, "start:m 9+1 0:t1:f:".to_owned()));
    assert!(error.message().contains("second message"), "{error}");
    is_ours(&error);
}
