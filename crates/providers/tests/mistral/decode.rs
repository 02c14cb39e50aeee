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
    reply(&format!(r#"{{"choices":[{{"message":{message},"finish_reason":{finish}}}]}}"#)).await
}

#[tokio::test]
async fn a_whole_reply_is_read() {
    let body = r#"{"id":"5319bd","created":1769088720,"model":"mistral-small-latest","usage":{"prompt_tokens":13,
        "total_tokens":447,"completion_tokens":434,"num_cached_tokens":8},"object":"chat.completion","choices":[{"index":0,
        "finish_reason":"stop","message":{"role":"assistant","tool_calls":null,"content":"Because."}}]}"#;
    let reply = answer(Fake::new(200, body).header("mistral-correlation-id", "corr_1")).await.unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("Because.", &FinishReason::Stop));
    assert_eq!((reply.model.as_deref(), reply.id.as_deref()), (Some("mistral-small-latest"), Some("5319bd")));
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("corr_1"), Some(200)));
    let mut usage = Usage::new(13, 434);
    usage.cached_input_tokens = Some(8);
    assert_eq!(reply.usage, usage);
}

#[tokio::test]
async fn what_was_cached_has_had_three_names() {
    for (name, value) in [
        ("num_cached_tokens", "4"),
        ("prompt_tokens_details", r#"{"cached_tokens":4}"#),
        ("prompt_token_details", r#"{"cached_tokens":4}"#),
    ] {
        let body = format!(
            r#"{{"choices":[{{"message":{{"content":"hi"}}}}],"usage":{{"prompt_tokens":9,"{name}":{value}}}}}"#
        );
        let usage = reply(&body).await.unwrap().usage;
        assert_eq!((usage.input_tokens, usage.cached_input_tokens), (Some(9), Some(4)), "{name}");
    }
    for usage in ["null", "{}", r#""none""#, r#"{"prompt_tokens":-1}"#, "[]"] {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"hi"}}}}],"usage":{usage}}}"#);
        assert_eq!(reply(&body).await.unwrap().usage, Usage::UNKNOWN, "{usage}");
    }
}

#[tokio::test]
async fn a_content_in_parts_is_text_and_thoughts() {
    let parts = r#"{"role":"assistant","content":[
        {"type":"thinking","thinking":[{"type":"text","text":"2+2"},{"type":"reference","reference_ids":[1]},{"type":"text","text":"=4."}]},
        {"type":"text","text":"It is "},{"type":"reference","reference_ids":[0]},{"type":"later","x":1},{"type":"text","text":"4."}]}"#;
    let reply = message(parts, r#""stop""#).await.unwrap();
    assert_eq!((&*reply.text, reply.reasoning.as_deref()), ("It is 4.", Some("2+2=4.")));
    assert!(reply.sealed.is_empty());
    let plain = message(
        r#"{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}]}"#,
        r#""stop""#,
    )
    .await
    .unwrap();
    assert_eq!((&*plain.text, plain.reasoning.as_deref()), ("a", Some("hm")));
}

#[tokio::test]
async fn signed_thoughts_come_with_what_goes_back() {
    let parts = r#"{"content":[
        {"type":"thinking","thinking":[{"type":"text","text":"2+2"},{"type":"text","text":"=4."}],"signature":"sig"},
        {"type":"text","text":"4."}]}"#;
    let reply = message(parts, r#""stop""#).await.unwrap();
    let sealed = &reply.sealed[0];
    assert_eq!((&*sealed.provider, &*sealed.model), ("mistral", MODEL));
    let data = serde_json::json!({ "type": "thinking", "thinking": [{ "type": "text", "text": "2+2=4." }], "signature": "sig" });
    assert_eq!((&sealed.data, reply.sealed.len()), (&data, 1));
}

#[tokio::test]
async fn tool_calls_are_delivered_as_the_model_wrote_them() {
    let reply = message(
        r#"{"content":"","tool_calls":[
            {"id":"gSIMJiOkT","type":"function","function":{"name":"weather","arguments":"{\"city\": broken"}},
            {"id":"null","function":{"name":"time","arguments":{"zone":"CET"}}},
            {"function":{"name":"now","arguments":null}}]}"#,
        r#""tool_calls""#,
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("", &FinishReason::ToolCalls));
    let calls: Vec<_> = reply.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(
        calls,
        [
            ("gSIMJiOkT", "weather", "{\"city\": broken"),
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
        (r#""model_length""#, FinishReason::Length),
        (r#""tool_calls""#, FinishReason::ToolCalls),
        (r#""later""#, FinishReason::Other("later".to_owned())),
        ("null", FinishReason::Stop),
    ] {
        assert_eq!(message(r#"{"content":"hi"}"#, word).await.unwrap().finish, finish);
    }
}

#[tokio::test]
async fn a_model_that_failed_in_mid_answer_is_an_error_that_keeps_the_text() {
    let error = message(r#"{"content":"The first"}"#, r#""error""#).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Server, Some(200)));
    assert_eq!(error.partial().unwrap().text, "The first");
    assert!(error.facts().comeback && error.provider() == Some("mistral"));
    assert!(!format!("{error:?}").contains("The first"));
}

#[tokio::test]
async fn an_empty_answer_is_a_failure_that_counts_for_nothing_but_after_results() {
    for empty in [r#"{"content":null}"#, r#"{"content":""}"#, r#"{"content":[]}"#, "null", "{}"] {
        let error = message(empty, r#""stop""#).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(!error.facts().counted && error.facts().comeback);
    }
    let body = r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#;
    let request = ChatRequest::user("x").with_message(Message::tool("call_1", "done"));
    assert_eq!(answer_to(Fake::new(200, body), &request).await.unwrap().text, "");
}

#[tokio::test]
async fn a_reply_that_is_none_says_where_and_not_what() {
    for (body, word) in [
        (&b"\xff\xfe private"[..], "is not UTF-8"),
        (b"", "is empty"),
        (b"private", "is not JSON"),
        (br#"{"choices":[{"message":{"content":{"private":1}}}]}"#, "choices[0].message"),
        (br#"{"choices":[{"message":{"content":"private"#, "breaks off"),
        (br#"{"choices":[]}"#, "no choice"),
        (b"{}", "no choice"),
        (b"[]", "another form"),
        (
            br#"{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"private"}}]}}]}"#,
            "without a name",
        ),
    ] {
        let error = answer(Fake::new(200, body)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(word) && !shown.contains("private"), "{shown}");
        assert_eq!((error.status(), error.model()), (Some(200), Some(MODEL)));
    }
    let page = Fake::new(200, "<html>Welcome</html>").header("content-type", "text/html");
    let error = answer(page).await.unwrap_err().to_string();
    assert!(error.contains("text/html") && error.contains("https://api.mistral.ai/v1"), "{error}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reply_and_still_an_error() {
    let broken = || [Ok(Bytes::from_static(b"{\"message\":\"")), Err(TransportError::new(Fault::Reset))];
    let error = answer(Fake::chunked(200, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadReply, Some(200)));
    let error = answer(Fake::chunked(503, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(503)));
}

#[tokio::test]
async fn an_empty_reason_is_none() {
    let told = message(r#"{"content":"hi"}"#, r#""""#).await.unwrap();
    assert_eq!(told.finish, FinishReason::Stop);
    let call = r#"{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}"#;
    assert_eq!(message(call, r#""""#).await.unwrap().finish, FinishReason::ToolCalls);
}

#[tokio::test]
async fn an_answer_without_text_says_what_it_held() {
    let image =
        r#"{"content":[{"type":"image_url","image_url":"x"},{"type":"reference","reference_ids":[1]}]}"#;
    let error = message(image, r#""stop""#).await.unwrap_err();
    assert!(error.message().ends_with("pass on: image_url") && !error.facts().comeback, "{error}");
}
