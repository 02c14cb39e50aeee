//! What is sent.

use std::sync::Arc;

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Tool,
    ToolCall, ToolChoice,
};
use backstop_core::{Ask, ErrorKind, Overrides, Provider};
use serde_json::{Value, json};

use crate::fake::{healthy, provider};

async fn sent(request: &ChatRequest) -> Value {
    sent_with(request, &Overrides::default()).await
}

async fn sent_with(request: &ChatRequest, overrides: &Overrides) -> Value {
    let fake = Arc::new(healthy());
    provider(&fake).chat(Ask::new("gpt-x").with_overrides(overrides), request).await.unwrap();
    fake.body()
}

/// Why a request is not sent.
async fn unsent(request: &ChatRequest, overrides: &Overrides) -> (ErrorKind, String) {
    let fake = Arc::new(healthy());
    let ask = Ask::new("gpt-x").with_overrides(overrides);
    let error = provider(&fake).chat(ask, request).await.unwrap_err();
    assert_eq!(fake.count(), 0, "{error}");
    assert_eq!((error.provider(), error.model()), (Some("openai"), Some("gpt-x")));
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_plain_request_holds_nothing_that_was_not_asked_for() {
    let body = sent(&ChatRequest::user("hello")).await;
    assert_eq!(body, json!({ "model": "gpt-x", "messages": [{ "role": "user", "content": "hello" }] }));
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let call = ToolCall::new("call_1", "weather", r#"{"city":"Rome"}"#);
    let open = json!({ "type": "object", "properties": { "day": { "type": "string" } } });
    let whole = json!({
        "type": "object", "properties": { "day": { "type": ["string", "null"] } },
        "required": ["day"], "additionalProperties": false,
    });
    let mut strict = Tool::new("strict", "", open.clone());
    strict.strict = true;
    let Message::Assistant(calling) = Message::assistant("") else { panic!("an assistant message") };
    let mut request = ChatRequest::new([
        Message::user_parts([
            Part::text("What is this?"),
            Part::image_url("https://a.example/cat.png"),
            Part::image_base64("image/png", "iVBORw0KGgo="),
            Part::Upload(ProviderRef::new("openai", "file-1")),
        ]),
        Message::Assistant(calling.with_tool_calls([call])),
        Message::tool("call_1", "sunny"),
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
            "model": "gpt-x",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": "What is this?" },
                    { "type": "image_url", "image_url": { "url": "https://a.example/cat.png" } },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } },
                    { "type": "file", "file": { "file_id": "file-1" } },
                ] },
                { "role": "assistant", "tool_calls": [{
                    "id": "call_1",
                    "type": "function",
                    "function": { "name": "weather", "arguments": "{\"city\":\"Rome\"}" },
                }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "sunny" },
                { "role": "assistant", "content": "Sunny." },
                { "role": "user", "content": "And tomorrow?" },
            ],
            "tools": [
                { "type": "function", "function": {
                    "name": "weather", "description": "Tells the weather", "parameters": parameters,
                } },
                { "type": "function", "function": {
                    "name": "strict", "parameters": whole, "strict": true,
                } },
            ],
            "tool_choice": { "type": "function", "function": { "name": "weather" } },
            "parallel_tool_calls": false,
            "response_format": { "type": "json_schema", "json_schema": {
                "name": "answer", "schema": whole, "strict": true,
            } },
            "reasoning_effort": "low",
            "max_completion_tokens": 100,
            "temperature": 0.2,
            "top_p": 0.9,
            "stop": ["END"],
            "seed": 7,
        })
    );
}

#[tokio::test]
async fn what_only_goes_with_tools_is_left_out_without_them() {
    let mut request = ChatRequest::user("hello").with_tool_choice(ToolChoice::None);
    request.parallel_tool_calls = Some(true);
    let body = sent(&request).await;
    assert!(body.get("tool_choice").is_none() && body.get("parallel_tool_calls").is_none());
    for (choice, word) in [(ToolChoice::None, json!("none")), (ToolChoice::Required, json!("required"))] {
        let request =
            ChatRequest::user("x").with_tool(Tool::new("t", "", json!({}))).with_tool_choice(choice);
        assert_eq!(sent(&request).await["tool_choice"], word);
    }
}

#[tokio::test]
async fn no_arguments_are_those_of_an_empty_object() {
    for (arguments, expected) in
        [("", "{}"), (" ", "{}"), (r#"{"a":1}"#, r#"{"a":1}"#), ("{\"a\":", "{\"a\":")]
    {
        let calls = AssistantMessage::default().with_tool_calls([ToolCall::new("c", "f", arguments)]);
        let messages = [Message::user("x"), Message::Assistant(calls), Message::tool("c", "done")];
        let messages = sent(&ChatRequest::new(messages)).await["messages"].clone();
        assert_eq!(messages[1]["tool_calls"][0]["function"]["arguments"], expected);
    }
}

#[tokio::test]
async fn forms_of_messages_and_answers() {
    let json = ChatRequest::user("JSON, please").with_format(Format::Json);
    assert_eq!(sent(&json).await["response_format"], json!({ "type": "json_object" }));
    let silent = ChatRequest::new([Message::user_parts([]), Message::Assistant(AssistantMessage::default())]);
    assert_eq!(
        sent(&silent).await["messages"],
        json!([{ "role": "user", "content": "" }, { "role": "assistant", "content": "" }])
    );
    let undecided = ChatRequest::user("x").with_reasoning(ReasoningRequest::default());
    assert!(sent(&undecided).await.get("reasoning_effort").is_none());
}

#[tokio::test]
async fn extra_fields_come_last_and_replace() {
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("temperature".to_owned(), json!(0.1));
    overrides.extra_body.insert("service_tier".to_owned(), json!("flex"));
    let body = sent_with(&ChatRequest::user("x").with_temperature(0.9), &overrides).await;
    assert_eq!((&body["temperature"], &body["service_tier"]), (&json!(0.1), &json!("flex")));
    assert_eq!(body["model"], "gpt-x");
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let none = Overrides::default();
    let many = ["a", "b", "c", "d", "e"].into_iter().fold(ChatRequest::user("x"), ChatRequest::with_stop);
    assert_eq!(unsent(&many, &none).await.0, ErrorKind::Unsupported);
    let four = ["a", "b", "c", "d"].into_iter().fold(ChatRequest::user("x"), ChatRequest::with_stop);
    assert_eq!(sent(&four).await["stop"], json!(["a", "b", "c", "d"]));

    let foreign =
        ChatRequest::new([Message::user_parts([Part::Upload(ProviderRef::new("mirror", "file-1"))])]);
    assert_eq!(unsent(&foreign, &none).await.0, ErrorKind::Unsupported);

    let mut previous = ChatRequest::user("x");
    previous.previous = Some(ProviderRef::new("openai", "resp_1"));
    assert_eq!(unsent(&previous, &none).await.0, ErrorKind::Unsupported);

    let odd = ChatRequest::user("x").with_temperature(f64::NAN);
    assert_eq!(unsent(&odd, &none).await.0, ErrorKind::Unsupported);
}

#[tokio::test]
async fn overrides_that_cannot_work_are_not_sent() {
    let request = ChatRequest::user("x");
    let mut streamed = Overrides::default();
    streamed.extra_body.insert("stream".to_owned(), json!(true));
    let (kind, told) = unsent(&request, &streamed).await;
    assert!(kind == ErrorKind::Config && told.contains("`stream`"), "{told}");

    for (name, value) in [("x y", "hunter2"), ("x-y", "hunter2\n"), ("transfer-encoding", "hunter2")] {
        let mut overrides = Overrides::default();
        overrides.headers.push((name.to_owned(), value.to_owned()));
        let (kind, told) = unsent(&request, &overrides).await;
        assert!(kind == ErrorKind::Config && told.contains(name) && !told.contains("hunter2"), "{told}");
    }
}
