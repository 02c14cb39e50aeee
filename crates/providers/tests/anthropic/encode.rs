//! What is sent.

use std::sync::Arc;

use backstop_core::chat::{
    ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Tool, ToolCall, ToolChoice,
    ToolResult,
};
use backstop_core::{Ask, ErrorKind, Overrides, Provider};
use backstop_providers::anthropic::AnthropicConfig;
use serde_json::{Value, json};

use crate::scene::{KEY, MODEL, healthy, provider, sent, sent_as, sent_to, unsent, unsupported};

#[tokio::test]
async fn a_plain_request_holds_nothing_that_was_not_asked_for_but_a_limit() {
    let body = sent(&ChatRequest::user("hello")).await;
    assert_eq!(
        body,
        json!({
            "model": "claude-x",
            "max_tokens": 8192,
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "hello" }] }],
        })
    );
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let open = json!({ "type": "object", "properties": { "day": { "type": "string" } } });
    let closed = json!({ "type": "object", "properties": { "day": { "type": "string" } }, "additionalProperties": false });
    let mut strict = Tool::new("strict", "", open.clone());
    strict.strict = true;
    let Message::Assistant(calling) = Message::assistant("Let me look.") else {
        panic!("an assistant message")
    };
    let mut failed = ToolResult::default();
    (failed.call_id, failed.text, failed.is_error) = ("toolu_2".to_owned(), "no clock".to_owned(), true);
    let mut request = ChatRequest::new([
        Message::user_parts([
            Part::text("What is this?"),
            Part::image_url("https://a.example/cat.png"),
            Part::image_base64("image/png", "iVBORw0KGgo="),
            Part::image_url("data:image/webp;base64,UklGRg=="),
            Part::Upload(ProviderRef::new("anthropic", "file_1")),
        ]),
        Message::Assistant(calling.with_tool_calls([
            ToolCall::new("toolu_1", "weather", r#"{"z":1,"city":"Rome"}"#),
            ToolCall::new("toolu_2", "time", ""),
        ])),
        Message::tool("toolu_1", "sunny"),
        Message::Tool(failed),
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
    .with_temperature(1.0)
    .with_top_p(0.95)
    .with_stop("END")
    .with_seed(7);
    request.parallel_tool_calls = Some(false);
    assert_eq!(
        sent(&request).await,
        json!({
            "model": "claude-x",
            "max_tokens": 100,
            "system": "Be brief.",
            "messages": [
                { "role": "user", "content": [
                    { "type": "text", "text": "What is this?" },
                    { "type": "image", "source": { "type": "url", "url": "https://a.example/cat.png" } },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" } },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/webp", "data": "UklGRg==" } },
                    { "type": "document", "source": { "type": "file", "file_id": "file_1" } },
                ] },
                { "role": "assistant", "content": [
                    { "type": "text", "text": "Let me look." },
                    { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "z": 1, "city": "Rome" } },
                    { "type": "tool_use", "id": "toolu_2", "name": "time", "input": {} },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny" },
                    { "type": "tool_result", "tool_use_id": "toolu_2", "content": "no clock", "is_error": true },
                ] },
                { "role": "assistant", "content": [{ "type": "text", "text": "Sunny." }] },
                { "role": "user", "content": [{ "type": "text", "text": "And tomorrow?" }] },
            ],
            "tools": [
                { "name": "weather", "description": "Tells the weather", "input_schema": parameters },
                { "name": "strict", "input_schema": closed, "strict": true },
            ],
            "tool_choice": { "type": "tool", "name": "weather", "disable_parallel_tool_use": true },
            "thinking": { "type": "adaptive", "display": "summarized" },
            "output_config": {
                "effort": "low",
                "format": { "type": "json_schema", "schema": closed },
            },
            "temperature": 1.0,
            "top_p": 0.95,
            "stop_sequences": ["END"],
        })
    );
}

#[tokio::test]
async fn tools_may_must_or_must_not_be_called_several_at_once_or_not() {
    let tool = Tool::new("t", "", json!({}));
    for (choice, parallel, expected) in [
        (ToolChoice::Auto, None, Value::Null),
        (ToolChoice::Auto, Some(true), Value::Null),
        (ToolChoice::Auto, Some(false), json!({ "type": "auto", "disable_parallel_tool_use": true })),
        (ToolChoice::None, Some(false), json!({ "type": "none" })),
        (ToolChoice::Required, None, json!({ "type": "any" })),
        (ToolChoice::Required, Some(false), json!({ "type": "any", "disable_parallel_tool_use": true })),
        (ToolChoice::Named("t".to_owned()), Some(true), json!({ "type": "tool", "name": "t" })),
    ] {
        let mut request = ChatRequest::user("x").with_tool(tool.clone()).with_tool_choice(choice.clone());
        request.parallel_tool_calls = parallel;
        assert_eq!(sent(&request).await["tool_choice"], expected, "{choice:?} {parallel:?}");
    }
    for choice in [ToolChoice::Auto, ToolChoice::None] {
        let mut without = ChatRequest::user("x").with_tool_choice(choice);
        without.parallel_tool_calls = Some(false);
        let body = sent(&without).await;
        assert!(body.get("tool_choice").is_none() && body.get("tools").is_none(), "{body}");
    }
}

#[tokio::test]
async fn arguments_of_a_tool_are_an_object_even_if_its_schema_forgets_to_say_so() {
    for (parameters, expected) in [
        (json!({}), json!({ "type": "object" })),
        (Value::Null, json!({ "type": "object" })),
        (json!({ "properties": {} }), json!({ "type": "object", "properties": {} })),
        (json!({ "type": "object", "x": 1 }), json!({ "type": "object", "x": 1 })),
        // What is wrong is for the service to say.
        (json!(7), json!(7)),
    ] {
        let request = ChatRequest::user("x").with_tool(Tool::new("t", "", parameters));
        assert_eq!(sent(&request).await["tools"][0]["input_schema"], expected);
    }
}

#[tokio::test]
async fn the_limit_is_the_requests_or_the_settings() {
    let request = ChatRequest::user("x");
    let config = AnthropicConfig::new(KEY).with_max_output_tokens(99);
    let none = Overrides::default();
    assert_eq!(sent_as(config.clone(), MODEL, &request, &none).await["max_tokens"], 99);
    let limited = request.with_max_output_tokens(5);
    assert_eq!(sent_as(config, MODEL, &limited, &none).await["max_tokens"], 5);
}

#[tokio::test]
async fn extra_fields_come_last_and_replace_or_add_to_the_output() {
    let mut overrides = Overrides::default();
    for (name, value) in [
        ("temperature", json!(0.1)),
        ("service_tier", json!("standard_only")),
        ("thinking", json!({ "type": "disabled" })),
        ("output_config", json!({ "effort": "max" })),
    ] {
        overrides.extra_body.insert(name.to_owned(), value);
    }
    let request = ChatRequest::user("x")
        .with_reasoning(ReasoningRequest::effort(Effort::High))
        .with_format(Format::json_schema("s", json!({ "type": "object" })));
    let body = sent_as(AnthropicConfig::new(KEY), MODEL, &request, &overrides).await;
    assert_eq!((&body["temperature"], &body["service_tier"]), (&json!(0.1), &json!("standard_only")));
    assert_eq!(body["thinking"], json!({ "type": "disabled" }));
    assert_eq!(
        body["output_config"],
        json!({ "effort": "max", "format": { "type": "json_schema", "schema": { "type": "object" } } })
    );
    overrides.extra_body.insert("stream".to_owned(), json!(true));
    let (kind, told) = unsent(MODEL, &request, &overrides).await;
    assert!(kind == ErrorKind::Config && told.contains("`stream`"), "{told}");
}

#[tokio::test]
async fn a_stream_is_asked_for_as_documented() {
    let fake = Arc::new(healthy());
    drop(provider(&fake).chat_stream(Ask::new(MODEL), &"hello".into()).await.unwrap());
    assert_eq!(fake.body()["stream"], true);
    assert_eq!(fake.head().1["accept"], "text/event-stream");
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let x = || ChatRequest::user("x");
    let image = |part| ChatRequest::new([Message::user_parts([part])]);
    let mut previous = x();
    previous.previous = Some(ProviderRef::new("anthropic", "msg_1"));
    for (request, words) in [
        (x().with_format(Format::Json), "no JSON output without a schema"),
        (image(Part::Upload(ProviderRef::new("mirror", "file_1"))), "exists at mirror only"),
        (image(Part::image_base64("image/tiff", "AAAA")), "image/tiff"),
        (image(Part::image_url("data:image/svg+xml;base64,AAAA")), "image/svg+xml"),
        (previous, "no earlier responses"),
        (x().with_temperature(f64::NAN), "no number"),
        (x().with_top_p(f64::INFINITY), "no number"),
        (x().with_temperature(1.5), "from 0 to 1"),
        (x().with_temperature(-0.5), "from 0 to 1"),
        (x().with_stop("END").with_stop("\n\n"), "white space"),
        (x().with_stop(""), "white space"),
        (ChatRequest::default(), "a message"),
        (ChatRequest::new([Message::system("Be brief.")]), "a message beside those of the system"),
    ] {
        unsupported(MODEL, &request, words).await;
    }
    // Other models than Claude have other limits.
    assert_eq!(sent_to("qwen3", &x().with_temperature(1.5)).await["temperature"], 1.5);
}

#[tokio::test]
async fn the_newer_version_of_the_api_has_no_sampling() {
    let newer = |mut overrides: Overrides| {
        overrides.headers.push(("Anthropic-Version".to_owned(), "2026-10-21".to_owned()));
        overrides
    };
    let cold = ChatRequest::user("x").with_temperature(1.0);
    let (kind, told) = unsent(MODEL, &cold, &newer(Overrides::default())).await;
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(told.contains("no temperature in version 2026-10-21"), "{told}");
    let (_, told) =
        unsent(MODEL, &ChatRequest::user("x").with_top_p(0.5), &newer(Overrides::default())).await;
    assert!(told.contains("no top_p"), "{told}");

    let fake = Arc::new(healthy());
    for config in [
        AnthropicConfig::new(KEY).with_version("2026-10-21"),
        AnthropicConfig::new(KEY).with_header("ANTHROPIC-VERSION", "2027-01-01"),
    ] {
        let provider = crate::scene::with(config, &fake);
        let error = provider.chat(Ask::new(MODEL), &cold).await.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Unsupported, 0));
        // One target may stay with the older one.
        let mut older = Overrides::default();
        older.headers.push(("anthropic-version".to_owned(), "2023-06-01".to_owned()));
        let body = sent_as(AnthropicConfig::new(KEY).with_version("2026-10-21"), MODEL, &cold, &older).await;
        assert_eq!(body["temperature"], 1.0);
    }
    let plain = ChatRequest::user("x");
    let config = AnthropicConfig::new(KEY).with_version("2026-10-21");
    assert!(sent_as(config, MODEL, &plain, &Overrides::default()).await.get("temperature").is_none());
}
