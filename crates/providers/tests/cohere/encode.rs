//! What is sent.

use std::sync::Arc;

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Sealed,
    Tool, ToolCall, ToolChoice,
};
use backstop_core::completion::CompletionRequest;
use backstop_core::{Ask, ErrorKind, Needs, Overrides, Provider};
use serde_json::json;

use crate::common::fake::Fake;
use crate::scene::{MODEL, healthy, provider, sent, sent_with};

/// Why a request is not sent.
async fn unsent(request: &ChatRequest, overrides: &Overrides) -> (ErrorKind, String) {
    let fake = Arc::new(healthy());
    let ask = Ask::new(MODEL).with_overrides(overrides);
    let error = provider(&fake).chat(ask, request).await.unwrap_err();
    assert_eq!(fake.count(), 0, "{error}");
    assert_eq!((error.provider(), error.model()), (Some("cohere"), Some(MODEL)));
    (error.kind(), error.to_string())
}

fn tool(name: &str) -> Tool {
    Tool::new(name, "", json!({ "type": "object" }))
}

#[tokio::test]
async fn a_plain_request_holds_nothing_that_was_not_asked_for() {
    let body = sent(&ChatRequest::user("hello")).await;
    let messages = json!([{ "role": "user", "content": "hello" }]);
    assert_eq!(body, json!({ "model": MODEL, "messages": messages, "stream": false }));
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let Message::Assistant(calling) = Message::assistant("Let me see.") else { panic!("an answer") };
    let request = ChatRequest::new([
        Message::user_parts([
            Part::text("What is this?"),
            Part::image_url("https://a.example/cat.png"),
            Part::image_base64("image/png", "iVBORw0KGgo="),
        ]),
        Message::Assistant(calling.with_tool_calls([
            ToolCall::new("weather_e8p4pn45zt0t", "weather", r#"{"city":"Rome"}"#),
            ToolCall::new("toolu_01", "time", ""),
        ])),
        Message::tool("weather_e8p4pn45zt0t", "sunny"),
        Message::tool("toolu_01", "noon"),
        Message::assistant("Sunny."),
        Message::user("And tomorrow?"),
    ])
    .with_system("Be brief.")
    .with_tool(Tool::new("weather", "Tells the weather", parameters.clone()))
    .with_tool(tool("time"))
    .with_tool_choice(ToolChoice::Required)
    .with_format(Format::json_schema("answer", json!({ "type": "object" })))
    .with_reasoning(ReasoningRequest::effort(Effort::Low))
    .with_max_output_tokens(100)
    .with_temperature(0.2)
    .with_top_p(0.9)
    .with_stop("END")
    .with_seed(7);
    assert_eq!(
        sent(&request).await,
        json!({
            "model": MODEL,
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": "What is this?" },
                    { "type": "image_url", "image_url": { "url": "https://a.example/cat.png" } },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } },
                ] },
                { "role": "assistant", "tool_plan": "Let me see.", "tool_calls": [
                    { "id": "weather_e8p4pn45zt0t", "type": "function",
                      "function": { "name": "weather", "arguments": "{\"city\":\"Rome\"}" } },
                    { "id": "toolu_01", "type": "function", "function": { "name": "time", "arguments": "{}" } },
                ] },
                { "role": "tool", "tool_call_id": "weather_e8p4pn45zt0t", "content": "sunny" },
                { "role": "tool", "tool_call_id": "toolu_01", "content": "noon" },
                { "role": "assistant", "content": "Sunny." },
                { "role": "user", "content": "And tomorrow?" },
            ],
            "tools": [
                { "type": "function", "function": {
                    "name": "weather", "description": "Tells the weather", "parameters": parameters,
                } },
                { "type": "function", "function": { "name": "time", "parameters": { "type": "object" } } },
            ],
            "tool_choice": "REQUIRED",
            "response_format": { "type": "json_object", "json_schema": { "type": "object" } },
            "thinking": { "type": "enabled", "token_budget": 2048 },
            "max_tokens": 100,
            "temperature": 0.2,
            "p": 0.9,
            "stop_sequences": ["END"],
            "seed": 7,
            "stream": false,
        })
    );
}

#[tokio::test]
async fn tools_are_offered_as_they_may_be_called() {
    let offered = |choice| {
        ChatRequest::user("x").with_tool(tool("one")).with_tool(tool("two")).with_tool_choice(choice)
    };
    for (choice, word, names) in [
        (ToolChoice::Auto, json!(null), "one two"),
        (ToolChoice::None, json!("NONE"), "one two"),
        (ToolChoice::Required, json!("REQUIRED"), "one two"),
        (ToolChoice::Named("two".to_owned()), json!("REQUIRED"), "two"),
    ] {
        let body = sent(&offered(choice)).await;
        let names_sent: Vec<_> = body["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["function"]["name"].as_str().unwrap())
            .collect();
        assert_eq!((&body["tool_choice"], &*names_sent.join(" ")), (&word, names));
    }
    assert!(
        sent(&ChatRequest::user("x").with_tool_choice(ToolChoice::None)).await.get("tool_choice").is_none()
    );

    let mut strict = tool("strict");
    strict.strict = true;
    let all = ChatRequest::user("x").with_tool(strict.clone());
    assert_eq!(sent(&all).await["strict_tools"], true);
    assert!(sent(&all.with_tool(tool("loose"))).await.get("strict_tools").is_none());
}

#[tokio::test]
async fn thinking_has_a_budget() {
    for (reasoning, thinking) in [
        (ReasoningRequest::default(), json!({ "type": "enabled" })),
        (ReasoningRequest::effort(Effort::None), json!({ "type": "disabled" })),
        (ReasoningRequest::effort(Effort::Minimal), json!({ "type": "enabled", "token_budget": 512 })),
        (ReasoningRequest::effort(Effort::Medium), json!({ "type": "enabled", "token_budget": 8192 })),
        (ReasoningRequest::effort(Effort::High), json!({ "type": "enabled" })),
    ] {
        assert_eq!(sent(&ChatRequest::user("x").with_reasoning(reasoning)).await["thinking"], thinking);
    }
    let json = ChatRequest::user("JSON, please").with_format(Format::Json);
    assert_eq!(sent(&json).await["response_format"], json!({ "type": "json_object" }));
}

#[tokio::test]
async fn a_conversation_begun_elsewhere_goes_on_without_what_only_others_can_read() {
    let mut thought = AssistantMessage::default();
    thought.text = "So.".to_owned();
    thought.reasoning = Some("private".to_owned());
    thought.sealed = vec![Sealed::new("cohere", MODEL, json!({ "signature": "private" }))];
    let broken = AssistantMessage::default().with_tool_calls([ToolCall::new("c1", "f", "{\"a\": broken")]);
    let request = ChatRequest::new([
        Message::user("u"),
        Message::Assistant(thought),
        Message::system("First."),
        Message::assistant(""),
        Message::Assistant(broken),
        Message::tool("c1", "t"),
        Message::user("v"),
        Message::system(""),
        Message::system("Second."),
    ]);
    assert_eq!(
        sent(&request).await["messages"],
        json!([
            { "role": "system", "content": "First.\n\nSecond." },
            { "role": "user", "content": "u" },
            { "role": "assistant", "content": "So." },
            { "role": "assistant", "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"a\": broken" } } ] },
            { "role": "tool", "tool_call_id": "c1", "content": "t" },
            { "role": "user", "content": "v" },
        ])
    );
}

#[tokio::test]
async fn a_stream_is_asked_for_as_documented() {
    let fake = Arc::new(Fake::new(200, ""));
    drop(provider(&fake).chat_stream(Ask::new(MODEL), &"hello".into()).await.unwrap());
    let (body, (url, headers)) = (fake.body(), fake.head());
    assert_eq!((&body["stream"], &*url), (&json!(true), "https://api.cohere.com/v2/chat"));
    assert_eq!(headers["accept"], "text/event-stream");
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let none = Overrides::default();
    let mut one_by_one = ChatRequest::user("x").with_tool(tool("t"));
    one_by_one.parallel_tool_calls = Some(false);
    let mut previous = ChatRequest::user("x");
    previous.previous = Some(ProviderRef::new("cohere", "resp_1"));
    let upload =
        ChatRequest::new([Message::user_parts([Part::Upload(ProviderRef::new("cohere", "file-1"))])]);
    let stops =
        |count: usize| (0..count).fold(ChatRequest::user("x"), |request, n| request.with_stop(n.to_string()));
    for (request, words) in [
        (one_by_one, "several tools at once"),
        (previous, "earlier responses"),
        (upload, "exists at cohere only"),
        (stops(6), "at most 5 stop texts"),
        (
            ChatRequest::user("x").with_tool(tool("t")).with_tool_choice(ToolChoice::Named("u".to_owned())),
            "\"u\"",
        ),
        (ChatRequest::user("x").with_top_p(1.0), "from 0.01 to 0.99, not 1"),
        (ChatRequest::user("x").with_top_p(0.0), "from 0.01 to 0.99"),
        (ChatRequest::user("x").with_top_p(f64::NAN), "from 0.01 to 0.99"),
        (ChatRequest::user("x").with_temperature(f64::NAN), "temperature"),
    ] {
        let (kind, told) = unsent(&request, &none).await;
        assert_eq!(kind, ErrorKind::Unsupported, "{told}");
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(sent(&stops(5)).await["stop_sequences"].as_array().unwrap().len(), 5);
    assert_eq!(sent(&ChatRequest::user("x").with_top_p(0.99)).await["p"], 0.99);
}

#[tokio::test]
async fn extra_fields_come_last_and_replace() {
    let mut overrides = Overrides::default();
    overrides.extra_body =
        json!({ "temperature": 0.1, "safety_mode": "STRICT" }).as_object().unwrap().clone();
    let body = sent_with(&ChatRequest::user("x").with_temperature(0.9), &overrides).await;
    assert_eq!((&body["temperature"], &body["safety_mode"]), (&json!(0.1), &json!("STRICT")));

    let mut streamed = Overrides::default();
    streamed.extra_body.insert("stream".to_owned(), json!(true));
    let (kind, told) = unsent(&ChatRequest::user("x"), &streamed).await;
    assert!(kind == ErrorKind::Config && told.contains("`stream`"), "{told}");
}

#[tokio::test]
async fn capabilities_agree_with_what_is_sent_and_what_is_not() {
    let fake = Arc::new(healthy());
    let cohere = provider(&fake);
    let able = cohere.capabilities(MODEL);
    let all = ChatRequest::new([Message::user_parts([
        Part::image_url("https://a.example/cat.png"),
        Part::image_base64("image/png", "AAAA"),
    ])])
    .with_tool(tool("t"))
    .with_reasoning(ReasoningRequest::default())
    .with_format(Format::json_schema("a", json!({})));
    assert!(Needs::of(&all).unmet_by(&able, "cohere").is_none());
    assert!(Needs::of(&all).streamed().unmet_by(&able, "cohere").is_none());
    assert!(!able.local && able.embed_batch == Some(96));

    let text = CompletionRequest::new("Once");
    assert!(Needs::of_completion(&text).unmet_by(&able, "cohere").is_some());
    let refused = cohere.complete(Ask::new(MODEL), &text).await.unwrap_err();
    let streamed = cohere.complete_stream(Ask::new(MODEL), &text).await.err().unwrap();
    assert_eq!(
        (refused.kind(), streamed.kind(), fake.count()),
        (ErrorKind::Unsupported, ErrorKind::Unsupported, 0)
    );
}
