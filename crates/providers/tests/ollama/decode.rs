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

#[tokio::test]
async fn a_whole_reply_is_read() {
    let body = r#"{"model":"gemma4:latest","created_at":"2026-01-01T00:00:00.0Z","message":{"role":"assistant",
        "content":"Because.","thinking":"Hm."},"done":true,"done_reason":"stop","total_duration":123456789,
        "load_duration":1,"prompt_eval_count":9,"prompt_eval_duration":2,"eval_count":12,"eval_duration":3}"#;
    let reply = answer(Fake::new(200, body).header("x-request-id", "req_1")).await.unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("Because.", &FinishReason::Stop));
    assert_eq!(reply.reasoning.as_deref(), Some("Hm."));
    assert_eq!((reply.model.as_deref(), reply.id), (Some("gemma4:latest"), None));
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("req_1"), Some(200)));
    assert_eq!(reply.usage, Usage::new(9, 12));
}

#[tokio::test]
async fn what_is_not_said_is_unknown_and_not_zero() {
    for counts in ["", r#","prompt_eval_count":null"#, r#","eval_count":"many""#, r#","eval_count":-1"#] {
        let body = format!(r#"{{"message":{{"content":"hi"}},"done":true{counts}}}"#);
        assert_eq!(reply(&body).await.unwrap().usage, Usage::UNKNOWN, "{counts}");
    }
    let partly = reply(r#"{"message":{"content":"hi"},"done":true,"eval_count":3}"#).await.unwrap().usage;
    assert_eq!((partly.input_tokens, partly.output_tokens), (None, Some(3)));
}

#[tokio::test]
async fn tool_calls_are_delivered_as_the_model_wrote_them() {
    let reply = reply(
        r#"{"message":{"role":"assistant","content":"","tool_calls":[
            {"id":"call_ab","function":{"index":0,"name":"weather","arguments":{"city": "Rome"}}},
            {"function":{"name":"time","arguments":"{\"zone\": broken"}},
            {"id":"","function":{"name":"now"}}]},"done":true,"done_reason":"stop"}"#,
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("", &FinishReason::ToolCalls));
    let calls: Vec<_> = reply.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(
        calls,
        [
            ("call_ab", "weather", r#"{"city": "Rome"}"#),
            ("call_1", "time", "{\"zone\": broken"),
            ("call_2", "now", "")
        ]
    );
}

#[tokio::test]
async fn every_finish_has_its_reason() {
    for (word, finish) in [
        (r#""stop""#, FinishReason::Stop),
        (r#""length""#, FinishReason::Length),
        (r#""load""#, FinishReason::Other("load".to_owned())),
        (r#""""#, FinishReason::Stop),
        ("null", FinishReason::Stop),
    ] {
        let body = format!(r#"{{"message":{{"content":"hi"}},"done":true,"done_reason":{word}}}"#);
        assert_eq!(reply(&body).await.unwrap().finish, finish);
    }
    let cut = r#"{"message":{"tool_calls":[{"function":{"name":"f"}}]},"done":true,"done_reason":"length"}"#;
    assert_eq!(reply(cut).await.unwrap().finish, FinishReason::Length, "the call may be cut");
}

#[tokio::test]
async fn an_empty_answer_is_a_failure_that_counts_for_nothing_but_after_results() {
    let body = r#"{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}"#;
    let error = reply(body).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(!error.facts().counted && error.facts().comeback);
    let request = ChatRequest::user("x").with_message(Message::tool("call_1", "done"));
    assert_eq!(answer_to(Fake::new(200, body), &request).await.unwrap().text, "");

    let spent =
        r#"{"message":{"content":"","thinking":"Hm"},"done":true,"done_reason":"length","eval_count":64}"#;
    let error = reply(spent).await.unwrap_err();
    assert!(error.to_string().contains("reasoning counts as output"), "{error}");
    assert!(!error.facts().counted && !error.facts().comeback);
}

#[tokio::test]
async fn an_answer_that_is_not_done_is_none() {
    for body in [
        r#"{"model":"m","message":{"role":"assistant","content":"private"},"done":false}"#,
        r#"{"message":{"content":"private"}}"#,
        r#"{"message":{"content":"private"},"done":null}"#,
    ] {
        let error = reply(body).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(error.to_string().contains("does not say that it is done"), "{error}");
        assert!(!format!("{error:?}").contains("private"));
    }
}

#[tokio::test]
async fn a_reply_that_is_none_says_where_and_not_what() {
    for (body, word) in [
        (&b"\xff\xfe private"[..], "is not UTF-8"),
        (b"", "is empty"),
        (b"private", "is not JSON"),
        (br#"{"message":{"content":{"private":1}}}"#, "message.content"),
        (br#"{"message":{"content":"private"#, "breaks off"),
        (br#"{"done":true}"#, "no message"),
        (br#"{"done":true,"message":null}"#, "no message"),
        (b"[]", "another form"),
        (br#"{"message":{"tool_calls":[{"function":null}]}}"#, "message.tool_calls[0].function"),
    ] {
        let error = answer(Fake::new(200, body)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(word) && !shown.contains("private"), "{shown}");
        assert_eq!((error.provider(), error.model()), (Some("ollama"), Some(MODEL)));
        assert_eq!(error.status(), Some(200));
    }
}

#[tokio::test]
async fn a_page_in_place_of_a_reply_hints_at_the_base_url() {
    let fake = Fake::new(200, "<html>Welcome</html>").header("content-type", "text/html; charset=utf-8");
    let error = answer(fake).await.unwrap_err().to_string();
    assert!(error.contains("text/html") && error.contains("http://127.0.0.1:11434"), "{error}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reply_and_still_an_error() {
    let broken = || [Ok(Bytes::from_static(b"{\"error\":\"")), Err(TransportError::new(Fault::Reset))];
    let error = answer(Fake::chunked(200, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadReply, Some(200)));
    let error = answer(Fake::chunked(503, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(503)));
}
