//! What answers in one piece mean.

use backstop_core::chat::{ChatRequest, FinishReason, Message, ToolCall};
use backstop_core::{ErrorKind, Usage};
use serde_json::{Value, json};

use crate::common::fake::Fake;
use crate::scene::{MODEL, answer, answer_to};

fn reply(content: &Value, reason: &str) -> Fake {
    let message = json!({ "role": "assistant", "content": content });
    Fake::new(200, json!({ "output": { "message": message }, "stopReason": reason }).to_string())
}

#[tokio::test]
async fn a_documented_answer_is_read() {
    let body = json!({
        "output": { "message": { "role": "assistant", "content": [
            { "reasoningContent": { "reasoningText": { "text": "hm, ", "signature": "c2ln" } } },
            { "reasoningContent": { "redactedContent": "b3BhcXVl" } },
            { "reasoningContent": { "reasoningText": { "text": "so" } } },
            { "text": "I " },
            { "text": "will." },
            { "toolUse": { "toolUseId": "t1", "name": "f", "input": { "b": 1, "a": [2] } } },
            { "toolUse": { "name": "g", "input": {} } },
            { "citationsContent": {} },
        ] } },
        "stopReason": "tool_use",
        "usage": { "inputTokens": 5, "outputTokens": 7, "totalTokens": 42, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 10 },
        "metrics": { "latencyMs": 7 },
        "trace": {},
    });
    let fake = Fake::new(200, body.to_string()).header("x-amzn-requestid", "req_1");
    let reply = answer(fake).await.unwrap();
    assert_eq!((&*reply.text, reply.reasoning.as_deref()), ("I will.", Some("hm, so")));
    assert_eq!(
        reply.tool_calls,
        [ToolCall::new("t1", "f", r#"{"a":[2],"b":1}"#), ToolCall::new("call_1", "g", "{}")]
    );
    assert_eq!(reply.finish, FinishReason::ToolCalls);
    let mut usage = Usage::new(35, 7);
    (usage.cached_input_tokens, usage.cache_write_tokens) = (Some(20), Some(10));
    assert_eq!(reply.usage, usage);
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("req_1"), Some(200)));
    assert_eq!((reply.model, reply.id), (None, None));
    let sealed: Vec<_> =
        reply.sealed.iter().map(|sealed| (&*sealed.provider, &*sealed.model, &sealed.data)).collect();
    assert_eq!(
        sealed,
        [
            (
                "bedrock",
                MODEL,
                &json!({ "reasoningContent": { "reasoningText": { "text": "hm, ", "signature": "c2ln" } } })
            ),
            ("bedrock", MODEL, &json!({ "reasoningContent": { "redactedContent": "b3BhcXVl" } })),
        ]
    );
}

#[tokio::test]
async fn every_reason_to_end_is_told() {
    for (word, finish) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("model_context_window_exceeded", FinishReason::Length),
        ("", FinishReason::Stop),
        ("later", FinishReason::Other("later".to_owned())),
    ] {
        assert_eq!(answer(reply(&json!([{ "text": "hi" }]), word)).await.unwrap().finish, finish, "{word}");
    }
    let unsaid = |content: Value| {
        Fake::new(200, json!({ "output": { "message": { "content": content } } }).to_string())
    };
    assert_eq!(answer(unsaid(json!([{ "text": "hi" }]))).await.unwrap().finish, FinishReason::Stop);
    let call = json!([{ "toolUse": { "toolUseId": "t", "name": "f", "input": {} } }]);
    assert_eq!(answer(unsaid(call)).await.unwrap().finish, FinishReason::ToolCalls);
}

#[tokio::test]
async fn reasons_that_are_failures_are_errors_with_what_there_was() {
    for (word, kind) in [
        ("guardrail_intervened", ErrorKind::ContentFilter),
        ("content_filtered", ErrorKind::ContentFilter),
        ("malformed_model_output", ErrorKind::Server),
        ("malformed_tool_use", ErrorKind::Server),
    ] {
        let fake = reply(&json!([{ "text": "Sorry." }]), word).header("x-amzn-requestid", "req_1");
        let error = answer(fake).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (kind, Some(200)), "{word}");
        assert_eq!(error.partial().unwrap().text, "Sorry.");
        assert_eq!((error.provider(), error.request_id()), (Some("bedrock"), Some("req_1")));
    }
    let error = answer(reply(&json!([]), "model_context_window_exceeded")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextLength);
}

#[tokio::test]
async fn an_empty_answer_is_none_unless_it_follows_results() {
    for content in [json!([]), json!([{ "text": "" }]), json!(null), json!([{ "later": 1 }])] {
        let error = answer(reply(&content, "end_turn")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
    }
    let told = ChatRequest::user("x").with_message(Message::tool("c1", "1"));
    assert!(answer_to(reply(&json!([]), "end_turn"), &told).await.is_ok());
}

#[tokio::test]
async fn what_is_no_answer_is_a_bad_reply() {
    let nameless =
        json!({ "output": { "message": { "content": [{ "toolUse": { "toolUseId": "t", "input": {} } }] } } });
    let nameless = nameless.to_string();
    for (body, word) in [
        ("", "is empty"),
        ("null", "another form"),
        ("[]", "another form"),
        ("{}", "no message"),
        (r#"{"output":null}"#, "no message"),
        (r#"{"output":{"message":{"content":"text"}}}"#, "at `output.message.content`"),
        (r#"{"output":{"#, "breaks off"),
        ("<html>", "is not JSON"),
        (&*nameless, "without a name"),
    ] {
        let error = answer(Fake::new(200, body)).await.unwrap_err();
        assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains(word), "{body}: {error}");
    }
    let page = Fake::new(200, "<html>").header("content-type", "text/html");
    assert!(answer(page).await.unwrap_err().to_string().contains("the base URL?"));
}

#[tokio::test]
async fn odd_counts_do_not_cost_the_answer() {
    for (usage, expected) in [
        (json!(null), Usage::UNKNOWN),
        (json!("many"), Usage::UNKNOWN),
        (json!({ "inputTokens": -1 }), Usage::UNKNOWN),
        (json!({ "inputTokens": 1, "outputTokens": 2 }), Usage::new(1, 2)),
    ] {
        let body = json!({ "output": { "message": { "content": [{ "text": "hi" }] } }, "usage": usage });
        assert_eq!(answer(Fake::new(200, body.to_string())).await.unwrap().usage, expected);
    }
    let most =
        json!({ "inputTokens": u64::MAX, "cacheReadInputTokens": u64::MAX, "cacheWriteInputTokens": 1 });
    let body = json!({ "output": { "message": { "content": [{ "text": "hi" }] } }, "usage": most });
    assert_eq!(answer(Fake::new(200, body.to_string())).await.unwrap().usage.input_tokens, Some(u64::MAX));
}

#[tokio::test]
async fn a_tool_that_the_service_ran_itself_is_no_call_of_the_client() {
    let content = json!([
        { "toolUse": { "toolUseId": "s1", "name": "interpreter", "type": "server_tool_use", "input": { "snippet": "1+1" } } },
        { "toolResult": { "toolUseId": "s1", "type": "interpreter_result", "content": [{ "json": { "stdOut": "2" } }] } },
        { "toolUse": { "toolUseId": "t1", "name": "f", "type": "tool_use", "input": { "x": 2 } } },
    ]);
    let told = answer(reply(&content, "tool_use")).await.unwrap();
    assert_eq!(told.tool_calls, [ToolCall::new("t1", "f", r#"{"x":2}"#)]);
    let error =
        answer(reply(&json!([content[0].clone(), content[1].clone()]), "end_turn")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply, "{error}");
}

#[tokio::test]
async fn text_with_sources_is_text_of_the_answer() {
    let content = json!([
        { "citationsContent": { "content": [{ "text": "It says " }, { "text": "\"fun\"" }], "citations": [{ "title": "a" }] } },
        { "text": ", and " },
        { "citationsContent": { "content": [{ "text": "ends." }] } },
        { "citationsContent": { "content": null } },
    ]);
    assert_eq!(answer(reply(&content, "end_turn")).await.unwrap().text, "It says \"fun\", and ends.");
}

#[tokio::test]
async fn an_answer_without_text_says_what_it_held() {
    let error = answer(reply(&json!([{ "image": { "format": "png" } }, { "image": {} }]), "end_turn"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.message().ends_with("pass on: image") && !error.facts().comeback, "{error}");
}

#[tokio::test]
async fn a_guardrail_that_only_masks_lets_the_answer_through() {
    let told = |actions: &[&str]| {
        let entities: Vec<_> = actions.iter().map(|action| json!({ "action": action })).collect();
        let body = json!({
            "output": { "message": { "content": [{ "text": "I am {NAME}." }] } },
            "stopReason": "guardrail_intervened",
            "trace": { "guardrail": { "outputAssessments": { "g": [{ "sensitiveInformationPolicy": { "piiEntities": entities } }] } } },
        });
        Fake::new(200, body.to_string())
    };
    let reply = answer(told(&["ANONYMIZED"])).await.unwrap();
    assert_eq!((&*reply.text, reply.finish), ("I am {NAME}.", FinishReason::Stop));
    for actions in [&["ANONYMIZED", "BLOCKED"][..], &["NONE"], &[]] {
        let error = answer(told(actions)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContentFilter);
        assert_eq!(error.partial().unwrap().text, "I am {NAME}.");
    }
}
