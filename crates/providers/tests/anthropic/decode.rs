//! What comes back.

use backstop_core::chat::{ChatRequest, FinishReason, Message};
use backstop_core::{ErrorKind, Usage};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::scene::{answer, answer_to, message};
use crate::transport::Fake;

const HI: &str = r#"[{"type":"text","text":"hi"}]"#;

/// A reply with this usage.
async fn usage(usage: &str) -> Usage {
    let body = format!(r#"{{"content":{HI},"stop_reason":"end_turn","usage":{usage}}}"#);
    answer(Fake::new(200, body)).await.unwrap().usage
}

#[tokio::test]
async fn a_whole_reply_is_read() {
    let reply = answer(
        Fake::new(
            200,
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-20260101","container":null,
            "content":[{"type":"thinking","thinking":"hm","signature":"s"},
            {"type":"text","text":"Because","citations":[{"type":"web"}]},{"type":"text","text":" so.","citations":null}],
            "stop_reason":"end_turn","stop_sequence":null,"stop_details":null,
            "usage":{"input_tokens":9,"cache_creation_input_tokens":20,"cache_read_input_tokens":300,
            "cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":0},"output_tokens":12,
            "output_tokens_details":{"thinking_tokens":5},"service_tier":"standard","server_tool_use":null}}"#,
        )
        .header("request-id", "req_2")
        .header("x-request-id", ""),
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("Because so.", &FinishReason::Stop));
    assert_eq!(reply.reasoning.as_deref(), Some("hm"));
    assert_eq!((reply.model.as_deref(), reply.id.as_deref()), (Some("claude-x-20260101"), Some("msg_1")));
    assert_eq!(reply.status, Some(200));
    let mut usage = Usage::new(329, 12);
    usage.cached_input_tokens = Some(300);
    usage.cache_write_tokens = Some(20);
    usage.reasoning_tokens = Some(5);
    assert_eq!(reply.usage, usage);
}

#[tokio::test]
async fn the_id_of_the_request_is_told() {
    let fake = Fake::new(200, format!(r#"{{"content":{HI}}}"#)).header("request-id", "req_7");
    assert_eq!(answer(fake).await.unwrap().request_id.as_deref(), Some("req_1"), "the usual name goes first");
    let error =
        answer(Fake::new(500, r#"{"type":"error","error":{"type":"api_error"},"request_id":"req_8"}"#));
    assert_eq!(error.await.unwrap_err().request_id(), Some("req_1"));
}

#[tokio::test]
async fn what_is_not_said_is_unknown_and_not_zero() {
    for odd in ["null", "{}", r#""none""#, r#"{"input_tokens":-1}"#, "7"] {
        assert_eq!(usage(odd).await, Usage::UNKNOWN, "{odd}");
    }
    let partly = usage(r#"{"input_tokens":9,"cache_read_input_tokens":null,"output_tokens":null}"#).await;
    assert_eq!(
        (partly.input_tokens, partly.cached_input_tokens, partly.output_tokens),
        (Some(9), None, None)
    );
    let cached = usage(r#"{"cache_read_input_tokens":9}"#).await;
    assert_eq!((cached.input_tokens, cached.cached_input_tokens), (None, Some(9)));
    let most = usage(&format!(r#"{{"input_tokens":{0},"cache_read_input_tokens":{0}}}"#, u64::MAX)).await;
    assert_eq!(most.input_tokens, Some(u64::MAX));
}

#[tokio::test]
async fn tool_calls_are_delivered_as_the_model_wrote_them() {
    let reply = answer(message(
        r#"[{"type":"text","text":"Let me look."},
            {"type":"tool_use","id":"toolu_a","name":"weather","input":{"z": 1, "city": "Rome"}},
            {"type":"tool_use","id":"","name":"time","input":{}},
            {"type":"tool_use","name":"now"},
            {"type":"tool_use","id":"toolu_d","name":"text","input":"{\"a\": 1}"}]"#,
        "tool_use",
    ))
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("Let me look.", &FinishReason::ToolCalls));
    let calls: Vec<_> = reply.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(
        calls,
        [
            ("toolu_a", "weather", r#"{"z": 1, "city": "Rome"}"#),
            ("call_1", "time", "{}"),
            ("call_2", "now", "{}"),
            ("toolu_d", "text", r#"{"a": 1}"#),
        ]
    );
}

#[tokio::test]
async fn every_stop_has_its_reason() {
    for (word, finish) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("pause_turn", FinishReason::Other("pause_turn".to_owned())),
        ("compaction", FinishReason::Other("compaction".to_owned())),
        ("", FinishReason::Stop),
    ] {
        assert_eq!(answer(message(HI, word)).await.unwrap().finish, finish);
    }
    let silent = Fake::new(200, r#"{"content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}"#);
    assert_eq!(answer(silent).await.unwrap().finish, FinishReason::ToolCalls);
}

#[tokio::test]
async fn a_refusal_is_an_error_that_says_why_and_keeps_the_text() {
    let refusal = |content: &str, details: &str| {
        Fake::new(200, format!(r#"{{"content":{content},"stop_reason":"refusal","stop_details":{details}}}"#))
    };
    for (content, details, text, words) in [
        (
            "[]",
            r#"{"type":"refusal","category":"cyber","explanation":"This was blocked.","recommended_model":"x"}"#,
            "",
            "the model refused to answer (cyber): This was blocked.",
        ),
        (HI, r#"{"type":"refusal","category":null,"explanation":null}"#, "hi", "the model refused to answer"),
        (HI, "null", "hi", "the model refused to answer"),
        (HI, "7", "hi", "the model refused to answer"),
    ] {
        let error = answer(refusal(content, details)).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::ContentFilter, words));
        assert_eq!(error.partial().unwrap().text, text);
        assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
    }
}

#[tokio::test]
async fn a_window_that_is_full_before_the_answer_is_a_request_that_is_too_long() {
    for content in ["[]", r#"[{"type":"thinking","thinking":"hm","signature":"s"}]"#] {
        let error = answer(message(content, "model_context_window_exceeded")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContextLength);
        assert_eq!(error.partial().unwrap().usage, Usage::new(9, 12));
    }
}

#[tokio::test]
async fn an_empty_answer_is_a_failure_that_counts_for_nothing() {
    for empty in ["[]", r#"[{"type":"text","text":""}]"#, r#"[{"type":"server_tool_use"}]"#, "[{}]"] {
        let error = answer(message(empty, "end_turn")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply, "{empty}");
        assert!(!error.facts().counted && error.facts().comeback);
    }
    let error = answer(message(r#"[{"type":"later","text":"x"}]"#, "end_turn")).await.unwrap_err();
    assert!(error.message().ends_with("pass on: later") && !error.facts().comeback, "{error}");
    let request = ChatRequest::user("x").with_message(Message::tool("call_1", "done"));
    assert_eq!(answer_to(message("[]", "end_turn"), &request).await.unwrap().text, "");
}

#[tokio::test]
async fn a_budget_spent_on_thinking_says_so() {
    let thought = r#"[{"type":"thinking","thinking":"hm","signature":"s"}]"#;
    let error = answer(message(thought, "max_tokens")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.to_string().contains("limit on output tokens"), "{error}");
    assert!(!error.facts().comeback);
}

#[tokio::test]
async fn a_reply_that_is_none_says_where_and_not_what() {
    for (body, word) in [
        (&b"\xff\xfe private"[..], "is not UTF-8"),
        (b"", "is empty"),
        (b"private", "is not JSON"),
        (br#"{"content":"private"}"#, "another form than documented at `content`"),
        (
            br#"{"content":[{"type":"text","text":{"private":1}}]}"#,
            "a block of the reply has another form than documented at `text`",
        ),
        (br#"{"content":["private"]}"#, "a block of the reply"),
        (br#"{"content":[{"type":"text","text":"private"#, "breaks off"),
        (br#"{"content":null}"#, "no content"),
        (b"{}", "no content"),
        (b"[]", "another form"),
    ] {
        let error = answer(Fake::new(200, body)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(word) && !shown.contains("private"), "{shown}");
        assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
    }
}

#[tokio::test]
async fn a_page_in_place_of_a_reply_hints_at_the_base_url() {
    let fake = Fake::new(200, "<html>Welcome</html>").header("content-type", "text/html; charset=utf-8");
    let error = answer(fake).await.unwrap_err().to_string();
    assert!(error.contains("text/html") && error.contains("https://api.anthropic.com"), "{error}");
}

#[tokio::test]
async fn what_llama_cpp_answers_is_read() {
    let body = r#"{"content":[{"signature":"","thinking":"Okay.","type":"thinking"},{"text":"Hello","type":"text"},
        {"type":"tool_use","id":"Xk2","name":"get_weather","input":{"city":"Oslo"}}],"id":"chatcmpl-1",
        "model":"qwen3","role":"assistant","stop_reason":"tool_use","stop_sequence":null,"type":"message",
        "usage":{"cache_read_input_tokens":30,"input_tokens":5,"output_tokens":8}}"#;
    let reply = answer(Fake::new(200, body)).await.unwrap();
    assert_eq!((&*reply.text, reply.reasoning.as_deref()), ("Hello", Some("Okay.")));
    assert_eq!(reply.tool_calls[0].arguments, r#"{"city":"Oslo"}"#);
    assert_eq!((reply.usage.input_tokens, reply.usage.cached_input_tokens), (Some(35), Some(30)));
}

#[tokio::test]
async fn a_reply_in_many_pieces_or_with_blanks_in_front_is_one_reply() {
    let body = format!("\u{feff}\n\n{{\"content\":{}}}", r#"[{"type":"text","text":" grüße"}]"#);
    let pieces = body.bytes().map(|byte| Ok(Bytes::copy_from_slice(&[byte])));
    assert_eq!(answer(Fake::chunked(200, pieces)).await.unwrap().text, " grüße");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reply_and_still_an_error() {
    let broken =
        || [Ok(Bytes::from_static(b"{\"error\":{\"message\":\"")), Err(TransportError::new(Fault::Reset))];
    let error = answer(Fake::chunked(200, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadReply, Some(200)));
    let error = answer(Fake::chunked(529, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(529)));
}
