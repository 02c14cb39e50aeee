//! What is sent.

use std::sync::Arc;

use backstop_core::chat::{
    ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Tool, ToolCall, ToolChoice,
};
use backstop_core::{Ask, ErrorKind, Needs, Overrides, Provider};
use serde_json::json;

use crate::common::fake::Fake;
use crate::scene::{MODEL, healthy, provider, sent, sent_to};

/// Why a request is not sent.
async fn unsent(request: &ChatRequest, overrides: &Overrides) -> (ErrorKind, String) {
    let fake = Arc::new(healthy());
    let ask = Ask::new(MODEL).with_overrides(overrides);
    let error = provider(&fake).chat(ask, request).await.unwrap_err();
    assert_eq!(fake.count(), 0, "{error}");
    assert_eq!((error.provider(), error.model()), (Some("mistral"), Some(MODEL)));
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_plain_request_holds_nothing_that_was_not_asked_for() {
    let body = sent(&ChatRequest::user("hello")).await;
    let messages = json!([{ "role": "user", "content": "hello" }]);
    assert_eq!(body, json!({ "model": MODEL, "messages": messages }));
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let Message::Assistant(calling) = Message::assistant("Let me see.") else { panic!("an answer") };
    let open = json!({ "type": "object", "properties": { "day": { "type": "string" } } });
    let closed = json!({ "type": "object", "properties": { "day": { "type": "string" } }, "additionalProperties": false });
    let mut strict = Tool::new("strict", "", open.clone());
    strict.strict = true;
    let mut request = ChatRequest::new([
        Message::user_parts([
            Part::text("What is this?"),
            Part::image_url("https://a.example/cat.png"),
            Part::image_base64("image/png", "iVBORw0KGgo="),
        ]),
        Message::Assistant(calling.with_tool_calls([ToolCall::new(
            "a1B2c3D4e",
            "weather",
            r#"{"city":"Rome"}"#,
        )])),
        Message::tool("a1B2c3D4e", "sunny"),
        Message::assistant("Sunny."),
        Message::user("And tomorrow?"),
    ])
    .with_system("Be brief.")
    .with_tool(Tool::new("weather", "Tells the weather", parameters.clone()))
    .with_tool(strict)
    .with_tool_choice(ToolChoice::Named("weather".to_owned()))
    .with_format(Format::json_schema("answer", open))
    .with_reasoning(ReasoningRequest::effort(Effort::Low))
    .with_max_output_tokens(100)
    .with_temperature(0.2)
    .with_top_p(0.9)
    .with_stop("END")
    .with_seed(7);
    request.parallel_tool_calls = Some(false);
    assert_eq!(
        sent(&request).await,
        json!({
            "model": MODEL,
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": "What is this?" },
                    { "type": "image_url", "image_url": "https://a.example/cat.png" },
                    { "type": "image_url", "image_url": "data:image/png;base64,iVBORw0KGgo=" },
                ] },
                { "role": "assistant", "content": "Let me see.", "tool_calls": [{
                    "id": "a1B2c3D4e",
                    "type": "function",
                    "function": { "name": "weather", "arguments": "{\"city\":\"Rome\"}" },
                }] },
                { "role": "tool", "tool_call_id": "a1B2c3D4e", "name": "weather", "content": "sunny" },
                { "role": "assistant", "content": "Sunny." },
                { "role": "user", "content": "And tomorrow?" },
            ],
            "tools": [
                { "type": "function", "function": {
                    "name": "weather", "description": "Tells the weather", "parameters": parameters,
                } },
                { "type": "function", "function": {
                    "name": "strict", "parameters": closed, "strict": true,
                } },
            ],
            "tool_choice": { "type": "function", "function": { "name": "weather" } },
            "parallel_tool_calls": false,
            "response_format": { "type": "json_schema", "json_schema": {
                "name": "answer", "schema": closed, "strict": true,
            } },
            "reasoning_effort": "low",
            "max_tokens": 100,
            "temperature": 0.2,
            "top_p": 0.9,
            "stop": ["END"],
            "random_seed": 7,
        })
    );
}

#[tokio::test]
async fn what_only_goes_with_tools_is_left_out_without_them() {
    let mut request = ChatRequest::user("hello").with_tool_choice(ToolChoice::None);
    request.parallel_tool_calls = Some(true);
    let body = sent(&request).await;
    assert!(body.get("tool_choice").is_none() && body.get("parallel_tool_calls").is_none());
    for (choice, word) in [(ToolChoice::None, json!("none")), (ToolChoice::Required, json!("any"))] {
        let request =
            ChatRequest::user("x").with_tool(Tool::new("t", "", json!({}))).with_tool_choice(choice);
        assert_eq!(sent(&request).await["tool_choice"], word);
    }
    let json = ChatRequest::user("JSON, please").with_format(Format::Json);
    assert_eq!(sent(&json).await["response_format"], json!({ "type": "json_object" }));
}

#[tokio::test]
async fn effort_goes_to_models_that_think_on_request() {
    let none = Overrides::default();
    for (model, reasoning, effort) in [
        (MODEL, ReasoningRequest::default(), json!("high")),
        (MODEL, ReasoningRequest::effort(Effort::None), json!(null)),
        (MODEL, ReasoningRequest::effort(Effort::Minimal), json!("minimal")),
        (MODEL, ReasoningRequest::effort(Effort::Medium), json!("medium")),
        (MODEL, ReasoningRequest::effort(Effort::High), json!("high")),
        ("magistral-medium-latest", ReasoningRequest::effort(Effort::High), json!(null)),
        ("magistral-medium-latest", ReasoningRequest::default(), json!(null)),
    ] {
        let request = ChatRequest::user("x").with_reasoning(reasoning);
        assert_eq!(
            sent_to(model, &request, &none).await["reasoning_effort"],
            effort,
            "{model} {reasoning:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_is_asked_for_and_nothing_beside() {
    let fake = Arc::new(Fake::new(200, "data: [DONE]\n\n"));
    drop(provider(&fake).chat_stream(Ask::new(MODEL), &"hello".into()).await.unwrap());
    let (body, (url, headers)) = (fake.body(), fake.head());
    let messages = json!([{ "role": "user", "content": "hello" }]);
    assert_eq!(body, json!({ "model": MODEL, "messages": messages, "stream": true }));
    assert_eq!(url, "https://api.mistral.ai/v1/chat/completions");
    assert_eq!(headers["accept"], "text/event-stream");
}

#[tokio::test]
async fn extra_fields_come_last_and_replace() {
    let mut overrides = Overrides::default();
    overrides.extra_body = json!({ "temperature": 0.1, "safe_prompt": true }).as_object().unwrap().clone();
    let body = sent_to(MODEL, &ChatRequest::user("x").with_temperature(0.9), &overrides).await;
    assert_eq!((&body["temperature"], &body["safe_prompt"]), (&json!(0.1), &json!(true)));

    let mut streamed = Overrides::default();
    streamed.extra_body.insert("stream".to_owned(), json!(true));
    let (kind, told) = unsent(&ChatRequest::user("x"), &streamed).await;
    assert!(kind == ErrorKind::Config && told.contains("`stream`"), "{told}");
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let none = Overrides::default();
    let upload =
        ChatRequest::new([Message::user_parts([Part::Upload(ProviderRef::new("mistral", "file-1"))])]);
    let mut previous = ChatRequest::user("x");
    previous.previous = Some(ProviderRef::new("mistral", "resp_1"));
    for (request, words) in [
        (upload, "exists at mistral only"),
        (previous, "earlier responses"),
        (ChatRequest::user("x").with_temperature(f64::NAN), "temperature"),
    ] {
        let (kind, told) = unsent(&request, &none).await;
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn capabilities_agree_with_what_is_sent() {
    let able = provider(&Arc::new(healthy())).capabilities(MODEL);
    let all = ChatRequest::new([Message::user_parts([
        Part::image_url("https://a.example/cat.png"),
        Part::image_base64("image/png", "AAAA"),
    ])])
    .with_tool(Tool::new("t", "", json!({})))
    .with_reasoning(ReasoningRequest::default())
    .with_format(Format::json_schema("a", json!({})));
    assert!(Needs::of(&all).unmet_by(&able, "mistral").is_none());
    assert!(Needs::of(&all).streamed().unmet_by(&able, "mistral").is_none());
    assert!(!able.local && able.embed_batch == Some(32));
}
