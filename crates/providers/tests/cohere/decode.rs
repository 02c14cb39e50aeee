//! What comes back in one piece.

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Message};
use backstop_core::{Error, ErrorKind, Usage};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::common::fake::Fake;
use crate::scene::{MODEL, answer, answer_to};

async fn reply(body: &str) -> Result<ChatReply, Error> {
    answer(Fake::new(200, body)).await
}

/// A reply with this message.
async fn message(message: &str, finish: &str) -> Result<ChatReply, Error> {
    reply(&format!(r#"{{"message":{message},"finish_reason":{finish}}}"#)).await
}

#[tokio::test]
async fn a_whole_reply_is_read() {
    let body = r#"{"id":"e7592632","message":{"role":"assistant","content":[{"type":"thinking","thinking":"Hm."},
        {"type":"text","text":"The capital "},{"type":"later","x":1},{"type":"text","text":"is Paris."}],
        "citations":[{"start":0,"end":3,"text":"The","sources":[]}]},"finish_reason":"COMPLETE",
        "usage":{"billed_units":{"input_tokens":12.0,"output_tokens":7.0},"tokens":{"input_tokens":507.0,"output_tokens":10},"cached_tokens":448.0}}"#;
    let reply = answer(Fake::new(200, body).header("x-debug-trace-id", "trace_1")).await.unwrap();
    assert_eq!((&*reply.text, reply.reasoning.as_deref()), ("The capital is Paris.", Some("Hm.")));
    assert_eq!((reply.model, reply.id.as_deref()), (None, Some("e7592632")));
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("trace_1"), Some(200)));
    let mut usage = Usage::new(507, 10);
    usage.cached_input_tokens = Some(448);
    assert_eq!((reply.usage, reply.finish), (usage, FinishReason::Stop));
}

#[tokio::test]
async fn what_is_not_said_is_unknown_and_not_zero() {
    for usage in [
        "null",
        "{}",
        r#""none""#,
        r#"{"tokens":{"input_tokens":-1}}"#,
        "[]",
        r#"{"billed_units":{"input_tokens":3}}"#,
    ] {
        let body = format!(r#"{{"message":{{"content":[{{"text":"hi"}}]}},"usage":{usage}}}"#);
        assert_eq!(reply(&body).await.unwrap().usage, Usage::UNKNOWN, "{usage}");
    }
}

#[tokio::test]
async fn a_plan_is_reasoning_and_calls_are_delivered_as_the_model_wrote_them() {
    let reply = message(
        r#"{"role":"assistant","tool_plan":"I will look.","tool_calls":[
            {"id":"weather_e8p4","type":"function","function":{"name":"weather","arguments":"{\"city\": broken"}},
            {"function":{"name":"time","arguments":"null"}},
            {"id":"","function":{"name":"now","arguments":null}}]}"#,
        r#""TOOL_CALL""#,
    )
    .await
    .unwrap();
    assert_eq!(
        (&*reply.text, &reply.finish, reply.reasoning.as_deref()),
        ("", &FinishReason::ToolCalls, Some("I will look."))
    );
    let calls: Vec<_> = reply.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(
        calls,
        [("weather_e8p4", "weather", "{\"city\": broken"), ("call_1", "time", "null"), ("call_2", "now", "")]
    );
}

#[tokio::test]
async fn every_finish_has_its_reason_and_some_are_failures() {
    let text = r#"{"content":[{"type":"text","text":"hi"}]}"#;
    for (word, finish) in [
        (r#""COMPLETE""#, FinishReason::Stop),
        (r#""STOP_SEQUENCE""#, FinishReason::Stop),
        (r#""MAX_TOKENS""#, FinishReason::Length),
        (r#""TOOL_CALL""#, FinishReason::ToolCalls),
        (r#""""#, FinishReason::Stop),
        (r#""LATER""#, FinishReason::Other("LATER".to_owned())),
        ("null", FinishReason::Stop),
    ] {
        assert_eq!(message(text, word).await.unwrap().finish, finish);
    }
    for (word, kind) in [
        (r#""ERROR""#, ErrorKind::Server),
        (r#""TIMEOUT""#, ErrorKind::Timeout),
        (r#""ERROR_LIMIT""#, ErrorKind::ContextLength),
        (r#""ERROR_TOXIC""#, ErrorKind::ContentFilter),
    ] {
        let error = message(text, word).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (kind, Some(200)));
        assert_eq!((error.partial().unwrap().text.as_str(), error.provider()), ("hi", Some("cohere")));
    }
    let calling = r#"{"tool_calls":[{"id":"a","function":{"name":"f"}}]}"#;
    assert_eq!(message(calling, "null").await.unwrap().finish, FinishReason::ToolCalls);
}

#[tokio::test]
async fn an_empty_answer_is_a_failure_that_counts_for_nothing_but_after_results() {
    for empty in
        [r#"{"content":null}"#, r#"{"content":[]}"#, r#"{"content":[{"type":"text","text":""}]}"#, "{}"]
    {
        let error = message(empty, r#""COMPLETE""#).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(!error.facts().counted && error.facts().comeback);
    }
    let body = r#"{"message":{"content":[]},"finish_reason":"COMPLETE"}"#;
    let request = ChatRequest::user("x").with_message(Message::tool("call_1", "done"));
    assert_eq!(answer_to(Fake::new(200, body), &request).await.unwrap().text, "");
    let spent =
        r#"{"message":{"content":[{"type":"thinking","thinking":"Hm"}]},"finish_reason":"MAX_TOKENS"}"#;
    assert!(!reply(spent).await.unwrap_err().facts().comeback);
}

#[tokio::test]
async fn a_reply_that_is_none_says_where_and_not_what() {
    for (body, word) in [
        (&b"\xff\xfe private"[..], "is not UTF-8"),
        (b"", "is empty"),
        (b"private", "is not JSON"),
        (br#"{"message":{"content":{"private":1}}}"#, "message.content"),
        (br#"{"message":"private"}"#, "at `message`"),
        (br#"{"message":{"content":"private"#, "breaks off"),
        (b"{}", "no message"),
        (b"[]", "another form"),
        (br#"{"message":{"tool_calls":[{"function":{"arguments":"private"}}]}}"#, "without a name"),
    ] {
        let error = answer(Fake::new(200, body)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(word) && !shown.contains("private"), "{shown}");
        assert_eq!((error.status(), error.model()), (Some(200), Some(MODEL)));
    }
    let page = Fake::new(200, "<html>Welcome</html>").header("content-type", "text/html");
    let error = answer(page).await.unwrap_err().to_string();
    assert!(error.contains("text/html") && error.contains("https://api.cohere.com"), "{error}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reply_and_still_an_error() {
    let broken = || [Ok(Bytes::from_static(b"{\"message\":\"")), Err(TransportError::new(Fault::Reset))];
    let error = answer(Fake::chunked(200, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadReply, Some(200)));
    let error = answer(Fake::chunked(503, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(503)));
}
