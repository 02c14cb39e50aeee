//! What there is beside chat, and history from elsewhere, as OpenAI itself has it.

use std::sync::Arc;

use backstop_core::chat::{ChatRequest, Message, Sealed, ToolCall};
use backstop_core::completion::CompletionRequest;
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Ask, ErrorKind, Provider};
use serde_json::json;

use crate::fake::{Fake, answer, healthy, provider};

#[tokio::test]
async fn what_is_not_denied_is_there() {
    let able = provider(&Arc::new(healthy())).capabilities("gpt-x");
    assert!(able.chat && able.chat_stream && able.complete && able.complete_stream && able.embed);
    assert!(able.suffix && able.tools && able.images && able.image_urls && able.json && able.json_schema);
    assert!(able.reasoning && !able.local);
    assert_eq!((able.embed_batch, able.embed_tokens), (Some(2048), Some(300_000)));
}

#[tokio::test]
async fn a_text_is_continued_at_the_legacy_path() {
    let fake = Arc::new(Fake::new(200, r#"{"choices":[{"text":" upon","finish_reason":"stop"}]}"#));
    let mut request = CompletionRequest::new("once");
    (request.suffix, request.max_output_tokens) = (Some("end".to_owned()), Some(9));
    let reply = provider(&fake).complete(Ask::new("gpt-x"), &request).await.unwrap();
    assert_eq!(reply.text, " upon");
    assert_eq!(fake.head().0, "https://api.openai.com/v1/completions");
    let expected = json!({ "model": "gpt-x", "prompt": "once", "suffix": "end", "max_tokens": 9 });
    assert_eq!(fake.body(), expected);
}

#[tokio::test]
async fn vectors_are_asked_for_in_the_short_form() {
    let fake = Arc::new(Fake::new(200, r#"{"data":[{"index":0,"embedding":"AACAPwAAAMA="}]}"#));
    let mut request = EmbeddingRequest::new(["a"]);
    request.dimensions = Some(2);
    let reply = provider(&fake).embed(Ask::new("text-embedding-3-small"), &request).await.unwrap();
    assert_eq!(reply.embeddings, [[1.0, -2.0]]);
    assert_eq!(fake.head().0, "https://api.openai.com/v1/embeddings");
    let expected = json!({
        "model": "text-embedding-3-small", "input": ["a"], "dimensions": 2, "encoding_format": "base64",
    });
    assert_eq!(fake.body(), expected);
}

#[tokio::test]
async fn calls_of_others_are_sent_as_they_were_but_for_an_id_that_is_too_long() {
    let long = "x".repeat(41);
    let Message::Assistant(mut message) = Message::assistant("") else { panic!("an assistant message") };
    message.tool_calls.push(ToolCall::new(&*long, "f", "not json"));
    message.sealed.push(Sealed::new("openai", "gpt-x", json!({ "item": {}, "before": 0 })));
    message.reasoning = Some("thought".to_owned());
    let request =
        ChatRequest::new([Message::user("x"), Message::Assistant(message), Message::tool(&*long, "done")]);
    let fake = Arc::new(healthy());
    provider(&fake).chat(Ask::new("gpt-x"), &request).await.unwrap();
    let messages = &fake.body()["messages"];
    let id = messages[2]["tool_call_id"].clone();
    assert!(id.as_str().unwrap().len() <= 40);
    let function = json!({ "name": "f", "arguments": "not json" });
    let call = json!({ "id": id, "type": "function", "function": function });
    assert_eq!(messages[1], json!({ "role": "assistant", "tool_calls": [call] }));
}

#[tokio::test]
async fn a_model_of_the_other_api_cannot_do_it_here() {
    for (status, message) in [
        (404, "This model is only supported in v1/responses and not in v1/chat/completions."),
        (404, "This is not a chat model and thus not supported in the v1/chat/completions endpoint."),
        (
            400,
            "Function tools with reasoning_effort are not supported for x in /v1/chat/completions. Please use /v1/responses instead.",
        ),
    ] {
        let body = json!({ "error": { "message": message, "type": "invalid_request_error", "code": null } });
        let error = answer(Fake::new(status, body.to_string())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}
