//! What is sent.

use std::sync::Arc;

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Sealed,
    Tool, ToolCall, ToolChoice,
};
use backstop_core::{Ask, ErrorKind, Needs, Overrides, Provider};
use backstop_providers::ollama::OllamaConfig;
use serde_json::{Value, json};

use crate::scene::{MODEL, healthy, provider, with};

async fn sent(request: &ChatRequest) -> Value {
    sent_with(OllamaConfig::new(), request, &Overrides::default()).await
}

async fn sent_with(config: OllamaConfig, request: &ChatRequest, overrides: &Overrides) -> Value {
    let fake = Arc::new(healthy());
    with(config, &fake).chat(Ask::new(MODEL).with_overrides(overrides), request).await.unwrap();
    fake.body()
}

/// Why a request is not sent.
async fn unsent(request: &ChatRequest, overrides: &Overrides) -> (ErrorKind, String) {
    let fake = Arc::new(healthy());
    let ask = Ask::new(MODEL).with_overrides(overrides);
    let error = provider(&fake).chat(ask, request).await.unwrap_err();
    assert_eq!(fake.count(), 0, "{error}");
    assert_eq!((error.provider(), error.model()), (Some("ollama"), Some(MODEL)));
    (error.kind(), error.to_string())
}

fn assistant(text: &str, calls: impl IntoIterator<Item = ToolCall>) -> Message {
    let mut message = AssistantMessage::default().with_tool_calls(calls);
    message.text = text.to_owned();
    Message::Assistant(message)
}

#[tokio::test]
async fn a_plain_request_holds_what_is_needed_to_answer_it_whole() {
    let body = sent(&ChatRequest::user("hello")).await;
    let messages = json!([{ "role": "user", "content": "hello" }]);
    assert_eq!(body, json!({ "model": "gemma4", "messages": messages, "truncate": false, "stream": false }));
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let mut request = ChatRequest::new([
        Message::user_parts([
            Part::text("What is this?"),
            Part::image_base64("image/png", "iVBORw0KGgo="),
            Part::text("And that?"),
            Part::image_base64("image/jpeg", "/9j/4AAQ"),
        ]),
        assistant(
            "Let me see.",
            [
                ToolCall::new("call_1", "weather", r#"{"city": "Rome"}"#),
                ToolCall::new("call_2", "time", r#"{}"#),
            ],
        ),
        Message::tool("call_2", "noon"),
        Message::tool("call_1", "sunny"),
        Message::assistant("Sunny."),
        Message::user("And tomorrow?"),
    ])
    .with_system("Be brief.")
    .with_tool(Tool::new("weather", "Tells the weather", parameters.clone()))
    .with_tool(Tool::new("time", "", json!({ "type": "object" })))
    .with_format(Format::json_schema("answer", json!({ "type": "object" })))
    .with_reasoning(ReasoningRequest::effort(Effort::Medium))
    .with_max_output_tokens(100)
    .with_temperature(0.2)
    .with_top_p(0.9)
    .with_stop("END")
    .with_seed(7);
    request.parallel_tool_calls = Some(true);
    let config = OllamaConfig::new().with_num_ctx(8192).with_keep_alive("10m").with_truncation();
    assert_eq!(
        sent_with(config, &request, &Overrides::default()).await,
        json!({
            "model": "gemma4",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "What is this?\nAnd that?", "images": ["iVBORw0KGgo=", "/9j/4AAQ"] },
                { "role": "assistant", "content": "Let me see.", "tool_calls": [
                    { "id": "call_1", "function": { "index": 0, "name": "weather", "arguments": { "city": "Rome" } } },
                    { "id": "call_2", "function": { "index": 1, "name": "time", "arguments": {} } },
                ] },
                { "role": "tool", "content": "noon", "tool_name": "time", "tool_call_id": "call_2" },
                { "role": "tool", "content": "sunny", "tool_name": "weather", "tool_call_id": "call_1" },
                { "role": "assistant", "content": "Sunny." },
                { "role": "user", "content": "And tomorrow?" },
            ],
            "tools": [
                { "type": "function", "function": {
                    "name": "weather", "description": "Tells the weather", "parameters": parameters,
                } },
                { "type": "function", "function": { "name": "time", "parameters": { "type": "object" } } },
            ],
            "format": { "type": "object" },
            "think": "medium",
            "options": {
                "num_ctx": 8192, "num_predict": 100, "temperature": 0.2, "top_p": 0.9, "seed": 7, "stop": ["END"],
            },
            "keep_alive": "10m",
            "truncate": true,
            "stream": false,
        })
    );
}

#[tokio::test]
async fn thinking_is_a_switch_or_a_level() {
    assert!(sent(&ChatRequest::user("x")).await.get("think").is_none());
    for (reasoning, think) in [
        (ReasoningRequest::default(), json!(true)),
        (ReasoningRequest::effort(Effort::None), json!(false)),
        (ReasoningRequest::effort(Effort::Minimal), json!("low")),
        (ReasoningRequest::effort(Effort::Low), json!("low")),
        (ReasoningRequest::effort(Effort::Medium), json!("medium")),
        (ReasoningRequest::effort(Effort::High), json!("high")),
    ] {
        assert_eq!(sent(&ChatRequest::user("x").with_reasoning(reasoning)).await["think"], think);
    }
}

#[tokio::test]
async fn a_time_to_stay_loaded_is_a_number_or_a_text_with_a_unit() {
    for (time, value) in [("5m", json!("5m")), ("0", json!(0)), ("-1", json!(-1)), ("1h30m", json!("1h30m"))]
    {
        let config = OllamaConfig::new().with_keep_alive(time);
        let body = sent_with(config, &ChatRequest::user("x"), &Overrides::default()).await;
        assert_eq!(body["keep_alive"], value);
    }
}

#[tokio::test]
async fn json_without_a_schema_is_a_word() {
    assert_eq!(sent(&ChatRequest::user("x").with_format(Format::Json)).await["format"], "json");
}

#[tokio::test]
async fn arguments_that_another_model_wrote_become_an_object() {
    for (written, sent_as) in [
        (r#"{"b":1,"a":[2]}"#, json!({ "b": 1, "a": [2] })),
        (" {\"a\":\n1} ", json!({ "a": 1 })),
        ("", json!({})),
        ("null", json!({})),
        ("{\"city\": broken", json!({ "_raw": "{\"city\": broken" })),
        ("[1]", json!({ "_raw": "[1]" })),
        ("\"Rome\"", json!({ "_raw": "\"Rome\"" })),
        ("{} {}", json!({ "_raw": "{} {}" })),
    ] {
        let request = ChatRequest::new([
            Message::user("x"),
            assistant("", [ToolCall::new("toolu_01", "f", written)]),
            Message::tool("toolu_01", "done"),
        ]);
        let body = sent(&request).await;
        assert_eq!(body["messages"][1]["tool_calls"][0]["function"]["arguments"], sent_as, "{written}");
        assert_eq!(body["messages"][1]["tool_calls"][0]["id"], "toolu_01");
        assert_eq!(body["messages"][2]["tool_call_id"], "toolu_01");
    }
}

#[tokio::test]
async fn a_conversation_begun_elsewhere_goes_on_without_what_only_others_can_read() {
    let mut thought = AssistantMessage::default();
    thought.text = "So.".to_owned();
    thought.reasoning = Some("private".to_owned());
    thought.sealed = vec![Sealed::new("anthropic", "claude-x", json!({ "signature": "private" }))];
    let mut result = backstop_core::chat::ToolResult::default();
    (result.call_id, result.text, result.name) = ("c9".to_owned(), "9".to_owned(), Some("stated".to_owned()));
    let request = ChatRequest::new([
        Message::assistant("Hello."),
        Message::Assistant(thought),
        Message::system("Later on."),
        // An id that comes again is that of the latest call.
        assistant("", [ToolCall::new("call_0", "one", "{}")]),
        Message::tool("call_0", "1"),
        assistant("", [ToolCall::new("call_0", "two", "{}")]),
        Message::tool("call_0", "2"),
        Message::Tool(result),
        Message::tool("lost", "3"),
    ]);
    assert_eq!(
        sent(&request).await["messages"],
        json!([
            { "role": "assistant", "content": "Hello." },
            { "role": "assistant", "content": "So." },
            { "role": "system", "content": "Later on." },
            { "role": "assistant", "content": "", "tool_calls": [
                { "id": "call_0", "function": { "index": 0, "name": "one", "arguments": {} } } ] },
            { "role": "tool", "content": "1", "tool_name": "one", "tool_call_id": "call_0" },
            { "role": "assistant", "content": "", "tool_calls": [
                { "id": "call_0", "function": { "index": 0, "name": "two", "arguments": {} } } ] },
            { "role": "tool", "content": "2", "tool_name": "two", "tool_call_id": "call_0" },
            { "role": "tool", "content": "9", "tool_name": "stated", "tool_call_id": "c9" },
            { "role": "tool", "content": "3", "tool_call_id": "lost" },
        ])
    );
}

#[tokio::test]
async fn a_model_that_may_call_no_tool_is_told_of_none() {
    let tool = || ChatRequest::user("x").with_tool(Tool::new("t", "", json!({})));
    assert!(sent(&tool()).await.get("tools").is_some());
    assert!(sent(&tool().with_tool_choice(ToolChoice::None)).await.get("tools").is_none());
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let none = Overrides::default();
    let tool = || ChatRequest::user("x").with_tool(Tool::new("t", "", json!({})));
    let mut one_by_one = tool();
    one_by_one.parallel_tool_calls = Some(false);
    let mut previous = ChatRequest::user("x");
    previous.previous = Some(ProviderRef::new("ollama", "resp_1"));
    let part = |part| ChatRequest::new([Message::user_parts([part])]);
    for (request, words) in [
        (tool().with_tool_choice(ToolChoice::Required), "made to call a tool"),
        (tool().with_tool_choice(ToolChoice::Named("t".to_owned())), "made to call a tool"),
        (one_by_one, "several tools at once"),
        (previous, "earlier responses"),
        (part(Part::image_url("https://a.example/cat.png")), "image URLs"),
        (part(Part::Upload(ProviderRef::new("ollama", "file-1"))), "exists at ollama only"),
        (ChatRequest::user("x").with_temperature(f64::NAN), "temperature"),
        (ChatRequest::user("x").with_top_p(f64::INFINITY), "top_p"),
    ] {
        let (kind, told) = unsent(&request, &none).await;
        assert_eq!(kind, ErrorKind::Unsupported, "{told}");
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn capabilities_agree_with_what_is_refused() {
    let able = provider(&Arc::new(healthy())).capabilities(MODEL);
    let part = |part| Needs::of(&ChatRequest::new([Message::user_parts([part])]));
    let url = part(Part::image_url("https://a.example/cat.png")).unmet_by(&able, "ollama").unwrap();
    assert_eq!((url.kind, &*url.reason), (ErrorKind::Unsupported, "takes no image URLs"));
    assert!(part(Part::image_base64("image/png", "AAAA")).unmet_by(&able, "ollama").is_none());
    let all = ChatRequest::user("x")
        .with_tool(Tool::new("t", "", json!({})))
        .with_reasoning(ReasoningRequest::default())
        .with_format(Format::json_schema("a", json!({})));
    assert!(Needs::of(&all).unmet_by(&able, "ollama").is_none());
    assert!(Needs::of(&all).streamed().unmet_by(&able, "ollama").is_none());
}

#[tokio::test]
async fn what_runs_on_a_machine_of_ones_own_has_to_be_loaded_first() {
    let fake = Arc::new(healthy());
    let local = with(OllamaConfig::new().with_num_ctx(4096), &fake);
    for (model, is_local) in [
        ("gemma4", true),
        ("qwen3:8b", true),
        ("cloudy:latest", true),
        ("gpt-oss:120b-cloud", false),
        ("gemma4:cloud", false),
    ] {
        assert_eq!(local.capabilities(model).local, is_local, "{model}");
    }
    assert_eq!(local.capabilities("gemma4").context_tokens, Some(4096));
    let elsewhere = with(OllamaConfig::new().with_base_url("http://gpu-box:11434"), &fake);
    assert!(elsewhere.capabilities("gemma4").local);
    assert!(!with(OllamaConfig::cloud("k-1234"), &fake).capabilities("gemma4").local);
}

#[tokio::test]
async fn extra_fields_replace_and_extra_options_add() {
    let mut overrides = Overrides::default();
    overrides.extra_body = json!({
        "options": { "top_k": 5, "temperature": 0.1 }, "shift": false, "truncate": true, "keep_alive": 0,
    })
    .as_object()
    .unwrap()
    .clone();
    let request = ChatRequest::user("x").with_temperature(0.9).with_seed(7);
    let body = sent_with(OllamaConfig::new(), &request, &overrides).await;
    assert_eq!(body["options"], json!({ "temperature": 0.1, "seed": 7, "top_k": 5 }));
    assert_eq!(
        (&body["shift"], &body["truncate"], &body["keep_alive"]),
        (&json!(false), &json!(true), &json!(0))
    );
    assert_eq!(body["model"], MODEL);

    let mut streamed = Overrides::default();
    streamed.extra_body.insert("stream".to_owned(), json!(true));
    let (kind, told) = unsent(&ChatRequest::user("x"), &streamed).await;
    assert!(kind == ErrorKind::Config && told.contains("`stream`"), "{told}");
}
