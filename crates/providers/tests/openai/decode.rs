//! What comes back.

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Message};
use backstop_core::{Error, ErrorKind, Usage};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::fake::{Fake, answer, answer_to};

async fn reply(body: &str) -> Result<ChatReply, Error> {
    answer(Fake::new(200, body)).await
}

/// A reply with this message.
async fn message(message: &str, finish: &str) -> Result<ChatReply, Error> {
    reply(&format!(r#"{{"choices":[{{"message":{message},"finish_reason":{finish}}}]}}"#)).await
}

#[tokio::test]
async fn a_whole_reply_is_read() {
    let reply = reply(
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-x-2026-01-01",
        "choices":[{"index":0,"message":{"role":"assistant","content":"Because.","refusal":null,"annotations":[]},
        "logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,
        "prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":2,"audio_tokens":0},
        "completion_tokens_details":{"reasoning_tokens":5}},"service_tier":"default","system_fingerprint":null}"#,
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("Because.", &FinishReason::Stop));
    assert_eq!(reply.model.as_deref(), Some("gpt-x-2026-01-01"));
    assert_eq!(reply.id.as_deref(), Some("chatcmpl-1"));
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("req_1"), Some(200)));
    let mut usage = Usage::new(9, 12);
    usage.cached_input_tokens = Some(4);
    usage.cache_write_tokens = Some(2);
    usage.reasoning_tokens = Some(5);
    assert_eq!(reply.usage, usage);
}

#[tokio::test]
async fn what_is_not_said_is_unknown_and_not_zero() {
    for usage in ["null", "{}", r#""none""#, r#"{"prompt_tokens":-1}"#, "[]"] {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"hi"}}}}],"usage":{usage}}}"#);
        assert_eq!(reply(&body).await.unwrap().usage, Usage::UNKNOWN, "{usage}");
    }
    let partly =
        r#"{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":9,"completion_tokens":null}}"#;
    let usage = reply(partly).await.unwrap().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(9), None));
}

#[tokio::test]
async fn tool_calls_are_delivered_as_the_model_wrote_them() {
    let reply = message(
        r#"{"content":null,"tool_calls":[
            {"id":"call_a","type":"function","function":{"name":"weather","arguments":"{\"city\": broken"}},
            {"id":null,"type":"function","function":{"name":"time","arguments":{"zone":"CET"}}},
            {"type":"function","function":{"name":"now","arguments":null}}]}"#,
        r#""tool_calls""#,
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("", &FinishReason::ToolCalls));
    let calls: Vec<_> = reply.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(
        calls,
        [
            ("call_a", "weather", "{\"city\": broken"),
            ("call_1", "time", "{\"zone\":\"CET\"}"),
            ("call_2", "now", "")
        ]
    );
}

#[tokio::test]
async fn every_finish_has_its_reason() {
    for (word, finish) in [
        (r#""stop""#, FinishReason::Stop),
        (r#""length""#, FinishReason::Length),
        (r#""tool_calls""#, FinishReason::ToolCalls),
        (r#""function_call""#, FinishReason::ToolCalls),
        (r#""eos""#, FinishReason::Other("eos".to_owned())),
        ("null", FinishReason::Stop),
    ] {
        assert_eq!(message(r#"{"content":"hi"}"#, word).await.unwrap().finish, finish);
    }
}

#[tokio::test]
async fn thoughts_are_kept_under_either_name() {
    for (field, thought) in [
        (r#""reasoning_content":"hm""#, Some("hm")),
        (r#""reasoning":"hm""#, Some("hm")),
        (r#""reasoning":{"odd":1}"#, None),
        (r#""reasoning":null"#, None),
        (r#""reasoning_content":"""#, None),
    ] {
        let reply = message(&format!(r#"{{"content":"hi",{field}}}"#), r#""stop""#).await.unwrap();
        assert_eq!(reply.reasoning.as_deref(), thought, "{field}");
    }
}

#[tokio::test]
async fn a_refusal_and_a_filter_are_errors_that_keep_the_text() {
    for (text, finish, partial) in [
        (r#"{"content":null,"refusal":"I cannot."}"#, r#""stop""#, "I cannot."),
        (r#"{"content":"The first","refusal":null}"#, r#""content_filter""#, "The first"),
        (r#"{"content":null}"#, r#""content_filter""#, ""),
    ] {
        let error = message(text, finish).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContentFilter);
        assert_eq!(error.partial().unwrap().text, partial);
        assert!(partial.is_empty() || !format!("{error} {error:?}").contains(partial), "{error:?}");
    }
    let fine = message(r#"{"content":"hi","refusal":""}"#, r#""stop""#).await.unwrap();
    assert_eq!(fine.text, "hi");
}

#[tokio::test]
async fn an_empty_answer_is_a_failure_that_counts_for_nothing() {
    for empty in [r#"{"content":null}"#, r#"{"content":""}"#, r#"{"content":null,"tool_calls":[]}"#, "{}"] {
        let error = message(empty, r#""stop""#).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(!error.facts().counted && error.facts().comeback);
    }
}

#[tokio::test]
async fn an_empty_answer_to_results_of_tools_is_an_answer() {
    let body = r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#;
    let request = ChatRequest::user("x").with_message(Message::tool("call_1", "done"));
    assert_eq!(answer_to(Fake::new(200, body), &request).await.unwrap().text, "");
}

#[tokio::test]
async fn a_budget_spent_on_thinking_says_so() {
    let body = r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}],
        "usage":{"prompt_tokens":9,"completion_tokens":64,"completion_tokens_details":{"reasoning_tokens":64}}}"#;
    let error = reply(body).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.to_string().contains("64 tokens) went into reasoning"), "{error}");
    assert!(!error.facts().counted && !error.facts().comeback);
}

#[tokio::test]
async fn a_reply_that_is_none_says_where_and_not_what() {
    for (body, word) in [
        (&b"\xff\xfe private"[..], "is not UTF-8"),
        (b"", "is empty"),
        (b"private", "is not JSON"),
        (br#"{"choices":[{"message":{"content":{"private":1}}}]}"#, "choices[0].message.content"),
        (br#"{"choices":[{"message":{"content":"private"#, "breaks off"),
        (br#"{"choices":[]}"#, "no choice"),
        (br#"{"choices":null}"#, "no choice"),
        (b"{}", "no choice"),
        (b"[]", "another form"),
        (br#"{"choices":[{"message":null}]}"#, "choices[0].message"),
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
    assert!(error.contains("text/html") && error.contains("https://api.openai.com/v1"), "{error}");
}

#[tokio::test]
async fn blank_lines_and_a_byte_order_mark_in_front_are_skipped() {
    let body = "\u{feff}\n\n\n{\"choices\":[{\"message\":{\"content\":\" hi\"}}]}";
    assert_eq!(reply(body).await.unwrap().text, " hi", "the text itself stays as it came");
}

#[tokio::test]
async fn a_reply_in_many_pieces_is_one_reply() {
    let body = r#"{"choices":[{"message":{"content":"grüße"},"finish_reason":"stop"}]}"#;
    let pieces = body.bytes().map(|byte| Ok(Bytes::copy_from_slice(&[byte])));
    assert_eq!(answer(Fake::chunked(200, pieces)).await.unwrap().text, "grüße");
}

#[tokio::test]
async fn a_reply_without_end_is_given_up() {
    let mebibyte = Bytes::from(vec![b' '; 1 << 20]);
    let error = answer(Fake::chunked(200, vec![Ok(mebibyte); 65])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.to_string().contains("longer than 64 MiB"), "{error}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reply_and_still_an_error() {
    let broken =
        || [Ok(Bytes::from_static(b"{\"error\":{\"message\":\"")), Err(TransportError::new(Fault::Reset))];
    let error = answer(Fake::chunked(200, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadReply, Some(200)));
    let error = answer(Fake::chunked(503, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(503)));
}

#[tokio::test]
async fn a_call_is_one_in_every_form_that_services_have_for_it() {
    let custom = r#"{"tool_calls":[{"id":"c","type":"custom","custom":{"name":"f","input":"SELECT 1"}}]}"#;
    let filled_in = r#"{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"SELECT 1"},"custom":{"name":"","input":""}}],
        "function_call":{"name":"","arguments":""}}"#;
    let old = r#"{"content":null,"function_call":{"name":"f","arguments":"SELECT 1"}}"#;
    for (message, id) in [(custom, "c"), (filled_in, "c"), (old, "call_0")] {
        let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":""}}]}}"#);
        let reply = reply(&body).await.unwrap();
        assert_eq!(reply.finish, FinishReason::ToolCalls, "an empty reason is none: {message}");
        let calls: Vec<_> = reply.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
        assert_eq!(calls, [(id, "f", "SELECT 1")], "{message}");
    }
    let reply =
        message(r#"{"content":"hi","function_call":{"name":"","arguments":""}}"#, r#""""#).await.unwrap();
    assert_eq!((reply.finish, reply.tool_calls.len()), (FinishReason::Stop, 0));
}

#[tokio::test]
async fn a_content_in_parts_is_read_and_what_is_no_text_is_named() {
    let told = message(r#"{"content":[{"type":"text","text":"a"},{"type":"image_url"}]}"#, r#""stop""#)
        .await
        .unwrap();
    assert_eq!((&*told.text, &*told.other), ("a", &["image_url".to_owned()][..]));
    for held in [r#""audio":{"id":"audio_1","transcript":"hi"}"#, r#""images":[{"type":"image_url"}]"#] {
        let error = message(&format!(r#"{{"content":null,{held}}}"#), r#""stop""#).await.unwrap_err();
        let name = if held.contains("audio") { "pass on: audio" } else { "pass on: image" };
        assert!(error.kind() == ErrorKind::BadReply && error.message().ends_with(name), "{error}");
    }
    let empty = r#"{"content":"","audio":{"id":"","data":"","transcript":""},"images":[]}"#;
    let error = message(empty, r#""stop""#).await.unwrap_err();
    assert_eq!(error.message(), "the answer is empty");
}

#[tokio::test]
async fn a_call_of_nothing_is_a_bad_reply() {
    let error =
        message(r#"{"content":null,"tool_calls":[{"id":"c","function":{"name":null}}]}"#, r#""stop""#)
            .await
            .unwrap_err();
    assert!(error.kind() == ErrorKind::BadReply && error.message().contains("without a name"), "{error}");
}
