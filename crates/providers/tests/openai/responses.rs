//! The Responses API: what is sent, and what comes back in one piece.

use std::sync::Arc;

use backstop_core::chat::{
    AssistantMessage, ChatReply, ChatRequest, Effort, FinishReason, Format, Message, Part, ProviderRef,
    ReasoningRequest, Sealed, Tool, ToolCall, ToolChoice,
};
use backstop_core::{Ask, Env, Error, ErrorKind, Overrides, Provider, Settings, Usage};
use backstop_providers::openai::OpenAiConfig;
use serde_json::{Value, json};

use crate::fake::{Fake, KEY, with};

pub(crate) const HEALTHY: &str = r#"{"id":"resp_1","model":"m-1","status":"completed","error":null,"output":[
    {"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}]}]}"#;

pub(crate) fn config() -> OpenAiConfig {
    OpenAiConfig::new(KEY).with_responses()
}

async fn answer_to(fake: Fake, request: &ChatRequest) -> Result<ChatReply, Error> {
    let fake = Arc::new(fake);
    let result = with(config(), &fake).chat(Ask::new("gpt-x"), request).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

async fn answer(body: &str) -> Result<ChatReply, Error> {
    answer_to(Fake::new(200, body), &ChatRequest::user("hello")).await
}

async fn sent(request: &ChatRequest) -> Value {
    let fake = Arc::new(Fake::new(200, HEALTHY));
    with(config(), &fake).chat(Ask::new("gpt-x"), request).await.unwrap();
    assert_eq!(fake.head().0, "https://api.openai.com/v1/responses");
    fake.body()
}

/// Why a request is not sent.
async fn unsent(request: &ChatRequest, overrides: &Overrides) -> Error {
    let fake = Arc::new(Fake::new(200, HEALTHY));
    let ask = Ask::new("gpt-x").with_overrides(overrides);
    let error = with(config(), &fake).chat(ask, request).await.unwrap_err();
    assert_eq!(fake.count(), 0, "{error}");
    assert_eq!((error.provider(), error.model()), (Some("openai"), Some("gpt-x")));
    error
}

#[tokio::test]
async fn a_plain_request_is_not_kept_by_the_service() {
    let expected =
        json!({ "model": "gpt-x", "input": [{ "role": "user", "content": "hello" }], "store": false });
    assert_eq!(sent(&ChatRequest::user("hello")).await, expected);
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let parameters = json!({ "type": "object", "properties": { "day": { "type": "string" } } });
    let whole = json!({
        "type": "object", "properties": { "day": { "type": ["string", "null"] } },
        "required": ["day"], "additionalProperties": false,
    });
    let Message::Assistant(calling) = Message::assistant("Wait.") else { panic!("an assistant message") };
    let calling = calling.with_tool_calls([ToolCall::new("call_1", "weather", "not json")]);
    let mut strict = Tool::new("strict", "", parameters.clone());
    strict.strict = true;
    let mut request = ChatRequest::new([
        Message::user_parts([
            Part::text("What is this?"),
            Part::image_url("https://a.example/cat.png"),
            Part::image_base64("image/png", "iVBORw0KGgo="),
            Part::Upload(ProviderRef::new("openai", "file-1")),
        ]),
        Message::Assistant(calling),
        Message::tool("call_1", "sunny"),
        Message::assistant("Sunny."),
        Message::user("And tomorrow?"),
    ])
    .with_system("Be brief.")
    .with_tool(Tool::new("weather", "Tells the weather", parameters.clone()))
    .with_tool(strict)
    .with_tool_choice(ToolChoice::Named("weather".to_owned()))
    .with_format(Format::json_schema("answer", parameters.clone()))
    .with_reasoning(ReasoningRequest::effort(Effort::Low).shown())
    .with_max_output_tokens(100)
    .with_temperature(0.2)
    .with_top_p(0.9)
    // There is no seed to send it as.
    .with_seed(7);
    request.parallel_tool_calls = Some(false);
    request.previous = Some(ProviderRef::new("openai", "resp_0"));
    assert_eq!(
        sent(&request).await,
        json!({
            "model": "gpt-x",
            "input": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "input_text", "text": "What is this?" },
                    { "type": "input_image", "image_url": "https://a.example/cat.png" },
                    { "type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=" },
                    { "type": "input_file", "file_id": "file-1" },
                ] },
                { "role": "assistant", "content": "Wait." },
                { "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "not json" },
                { "type": "function_call_output", "call_id": "call_1", "output": "sunny" },
                { "role": "assistant", "content": "Sunny." },
                { "role": "user", "content": "And tomorrow?" },
            ],
            "previous_response_id": "resp_0",
            "store": false,
            "include": ["reasoning.encrypted_content"],
            "tools": [
                { "type": "function", "name": "weather", "description": "Tells the weather",
                    "parameters": parameters, "strict": false },
                { "type": "function", "name": "strict", "parameters": whole, "strict": true },
            ],
            "tool_choice": { "type": "function", "name": "weather" },
            "parallel_tool_calls": false,
            "text": { "format": {
                "type": "json_schema", "name": "answer", "schema": whole, "strict": true,
            } },
            "reasoning": { "effort": "low", "summary": "auto" },
            "max_output_tokens": 100,
            "temperature": 0.2,
            "top_p": 0.9,
        })
    );
}

#[tokio::test]
async fn what_only_some_requests_hold_is_left_out_of_others() {
    let body = sent(&ChatRequest::user("x").with_reasoning(ReasoningRequest::effort(Effort::None))).await;
    assert_eq!((&body["reasoning"], body.get("include")), (&json!({ "effort": "none" }), None));
    let body = sent(&ChatRequest::user("x").with_reasoning(ReasoningRequest::default())).await;
    assert_eq!(
        (&body["reasoning"], &body["include"][0]),
        (&json!({}), &json!("reasoning.encrypted_content"))
    );
    let mut request = ChatRequest::user("x").with_format(Format::Json).with_tool_choice(ToolChoice::None);
    request.parallel_tool_calls = Some(true);
    let body = sent(&request).await;
    assert_eq!(body["text"], json!({ "format": { "type": "json_object" } }));
    assert_eq!((body.get("tool_choice"), body.get("parallel_tool_calls")), (None, None));
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let none = Overrides::default();
    let mut elsewhere = ChatRequest::user("x");
    elsewhere.previous = Some(ProviderRef::new("mirror", "resp_0"));
    let upload =
        ChatRequest::new([Message::user_parts([Part::Upload(ProviderRef::new("mirror", "file-1"))])]);
    for (request, words) in [
        (ChatRequest::user("x").with_stop("END"), "no stop texts"),
        (elsewhere, "exists at mirror only"),
        (upload, "exists at mirror only"),
        (ChatRequest::user("x").with_temperature(f64::NAN), "no number"),
    ] {
        let error = unsent(&request, &none).await;
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(words), "{error}");
    }
    for field in ["stream", "background"] {
        let mut overrides = Overrides::default();
        overrides.extra_body.insert(field.to_owned(), json!(true));
        assert_eq!(unsent(&ChatRequest::user("x"), &overrides).await.kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn a_whole_response_is_read() {
    let reply = answer(
        r#"{"id":"resp_1","object":"response","status":"completed","model":"m-1","error":null,"incomplete_details":null,"output":[
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"},{"type":"summary_text","text":"ja"}],"encrypted_content":null},
        {"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search"}},
        {"type":"message","id":"msg_1","content":[{"type":"output_text","text":"Be","annotations":[]},{"type":"output_text","text":"cause."}]},
        {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}"}],
        "usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":2},"output_tokens":12,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":21}}"#,
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, reply.reasoning.as_deref()), ("Because.", Some("hm\n\nja")));
    assert_eq!(reply.tool_calls, [ToolCall::new("call_1", "f", "{}")]);
    assert_eq!(reply.finish, FinishReason::ToolCalls);
    assert_eq!((reply.model.as_deref(), reply.id.as_deref()), (Some("m-1"), Some("resp_1")));
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("req_1"), Some(200)));
    let mut usage = Usage::new(9, 12);
    (usage.cached_input_tokens, usage.cache_write_tokens) = (Some(4), Some(2));
    usage.reasoning_tokens = Some(5);
    assert_eq!((reply.usage, reply.sealed.len()), (usage, 0));
}

#[tokio::test]
async fn sealed_thoughts_come_back_where_they_stood() {
    let body = r#"{"status":"completed","output":[
        {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e1","status":null},
        {"type":"message","content":[{"type":"output_text","text":"Wait."}]},
        {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
        {"type":"reasoning","id":"rs_2","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"e2"},
        {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"}]}"#;
    let reply = answer(body).await.unwrap();
    let thought = |id: &str, summary: Value, sealed: &str| json!({ "type": "reasoning", "id": id, "summary": summary, "encrypted_content": sealed });
    let first = thought("rs_1", json!([]), "e1");
    let second = thought("rs_2", json!([{ "type": "summary_text", "text": "hm" }]), "e2");
    let data = |item: &Value, before: u64| json!({ "item": item, "before": before });
    assert_eq!(
        reply.sealed,
        [Sealed::new("openai", "gpt-x", data(&first, 0)), Sealed::new("openai", "gpt-x", data(&second, 2))]
    );
    let call = |id: &str, name: &str| json!({ "type": "function_call", "call_id": id, "name": name, "arguments": "{}" });
    let request = ChatRequest::new([Message::user("x"), reply.into_message()]);
    let expected =
        [first, json!({ "role": "assistant", "content": "Wait." }), call("c1", "f"), second, call("c2", "g")];
    assert_eq!(sent(&request).await["input"].as_array().unwrap()[1..], expected);
}

#[tokio::test]
async fn what_others_sealed_stays_behind() {
    let Message::Assistant(mut message) = Message::assistant("hi") else { panic!("an assistant message") };
    let item = json!({ "item": { "type": "reasoning" }, "before": 0 });
    message.sealed.push(Sealed::new("anthropic", "gpt-x", item.clone()));
    message.sealed.push(Sealed::new("openai", "gpt-y", item));
    message.sealed.push(Sealed::new("openai", "gpt-x", json!("odd")));
    message.reasoning = Some("thought".to_owned());
    let body = sent(&ChatRequest::new([Message::user("x"), Message::Assistant(message)])).await;
    assert_eq!(body["input"][1], json!({ "role": "assistant", "content": "hi" }));
    assert_eq!(body["input"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn ids_of_calls_that_are_too_long_are_mapped() {
    for (length, stays) in [(64, true), (65, false)] {
        let id = "x".repeat(length);
        let Message::Assistant(mut message) = Message::assistant("") else { panic!("an assistant message") };
        message.tool_calls.push(ToolCall::new(&*id, "f", "{}"));
        let request =
            ChatRequest::new([Message::user("x"), Message::Assistant(message), Message::tool(&*id, "done")]);
        let input = sent(&request).await["input"].clone();
        assert_eq!(input[1]["call_id"], input[2]["call_id"]);
        assert_eq!(input[1]["call_id"] == id, stays);
    }
}

#[tokio::test]
async fn no_arguments_are_those_of_an_empty_object() {
    for (arguments, expected) in
        [("", "{}"), (" ", "{}"), (r#"{"a":1}"#, r#"{"a":1}"#), ("{\"a\":", "{\"a\":")]
    {
        let calls = AssistantMessage::default().with_tool_calls([ToolCall::new("c", "f", arguments)]);
        let messages = [Message::user("x"), Message::Assistant(calls), Message::tool("c", "done")];
        let input = sent(&ChatRequest::new(messages)).await["input"].clone();
        assert_eq!(input[1]["arguments"], expected);
    }
}

#[tokio::test]
async fn every_status_has_its_end() {
    let with = |status: &str, details: &str| {
        HEALTHY.replace(
            r#""status":"completed""#,
            &format!(r#""status":{status},"incomplete_details":{details}"#),
        )
    };
    for (status, details, finish) in [
        (r#""completed""#, "null", FinishReason::Stop),
        ("null", "null", FinishReason::Stop),
        (r#""incomplete""#, r#"{"reason":"max_output_tokens"}"#, FinishReason::Length),
        (r#""incomplete""#, r#"{"reason":"steered"}"#, FinishReason::Other("steered".to_owned())),
        (r#""incomplete""#, "null", FinishReason::Other("incomplete".to_owned())),
    ] {
        assert_eq!(answer(&with(status, details)).await.unwrap().finish, finish, "{status} {details}");
    }
    for (status, details, failed) in [
        (r#""incomplete""#, r#"{"reason":"content_filter"}"#, ErrorKind::ContentFilter),
        (r#""in_progress""#, "null", ErrorKind::BadReply),
        (r#""queued""#, "null", ErrorKind::BadReply),
        (r#""cancelled""#, "null", ErrorKind::Server),
        (r#""failed""#, "null", ErrorKind::Server),
    ] {
        let error = answer(&with(status, details)).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (failed, Some(200)), "{status}: {error}");
    }
    let error = answer(&with(r#""incomplete""#, r#"{"reason":"content_filter"}"#)).await.unwrap_err();
    assert_eq!(error.partial().unwrap().text, "hi");
}

#[tokio::test]
async fn a_response_that_failed_says_why() {
    for (code, failed) in [
        ("server_error", ErrorKind::Server),
        ("rate_limit_exceeded", ErrorKind::RateLimited),
        ("invalid_prompt", ErrorKind::ContentFilter),
        ("bio_policy", ErrorKind::ContentFilter),
        ("misalignment_policy_violation", ErrorKind::ContentFilter),
        ("cyber_policy", ErrorKind::ContentFilter),
        ("image_content_policy_violation", ErrorKind::ContentFilter),
        ("data_residency_mismatch", ErrorKind::Forbidden),
        ("vector_store_timeout", ErrorKind::Timeout),
        ("invalid_image_format", ErrorKind::BadRequest),
        ("image_too_large", ErrorKind::BadRequest),
        ("empty_image_file", ErrorKind::BadRequest),
        ("failed_to_download_image", ErrorKind::BadRequest),
        ("unsupported_image_media_type", ErrorKind::BadRequest),
        ("context_length_exceeded", ErrorKind::ContextLength),
        ("insufficient_quota", ErrorKind::Quota),
        ("server_is_overloaded", ErrorKind::Overloaded),
        ("something_new", ErrorKind::Server),
    ] {
        let body = json!({ "status": "failed", "output": [], "error": { "code": code, "message": "m" } });
        let error = answer(&body.to_string()).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (failed, "m"), "{code}");
        assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
    }
}

#[tokio::test]
async fn refusals_are_those_of_the_dialect() {
    let body = r#"{"error":{"message":"slow","type":"tokens","code":"rate_limit_exceeded"}}"#;
    let fake = Fake::new(429, body).header("retry-after-ms", "250");
    let error = answer_to(fake, &ChatRequest::user("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after().unwrap().as_millis()), (ErrorKind::RateLimited, 250));
    let image = ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])]);
    assert_eq!(answer_to(Fake::new(413, ""), &image).await.unwrap_err().kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn a_refusal_of_the_model_and_an_empty_answer_are_failures() {
    let refusal = r#"{"status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"I cannot."}]}]}"#;
    let error = answer(refusal).await.unwrap_err();
    assert_eq!((error.kind(), &*error.partial().unwrap().text), (ErrorKind::ContentFilter, "I cannot."));
    assert!(!format!("{error} {error:?}").contains("cannot"));
    for body in [
        r#"{"status":"completed","output":[]}"#,
        r#"{"status":"completed","output":[{"type":"reasoning","summary":[]}]}"#,
    ] {
        let error = answer(body).await.unwrap_err();
        assert_eq!((error.kind(), error.facts().counted), (ErrorKind::BadReply, false));
    }
    let spent = r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[],
        "usage":{"output_tokens":64,"output_tokens_details":{"reasoning_tokens":64}}}"#;
    let error = answer(spent).await.unwrap_err();
    assert!(error.to_string().contains("64 tokens) went into reasoning"), "{error}");
}

#[tokio::test]
async fn what_is_no_response_says_so() {
    for (body, words) in [
        ("{}", "holds no output"),
        ("[]", "another form"),
        (
            r#"{"output":[{"type":"message","content":[{"text":{"private":1}}]}]}"#,
            "an item of the output has another form than documented at `content[0].text`",
        ),
        (r#"{"choices":[{"message":{"content":"private"}}]}"#, "holds no output"),
    ] {
        let error = answer(body).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
    }
}

#[tokio::test]
async fn the_setting_decides_where_chats_go() {
    let settings = |api: Value| {
        let mut settings = Settings::new("mirror", Env::empty());
        settings.base_url = Some("http://127.0.0.1:1/v1".to_owned());
        settings.api_key = Some("none".into());
        settings.options = json!({ "api": api }).as_object().unwrap().clone();
        OpenAiConfig::from_settings(settings)
    };
    for (api, path) in [("responses", "responses"), ("chat_completions", "chat/completions")] {
        let fake = Arc::new(Fake::new(503, ""));
        let mirror = with(settings(json!(api)).unwrap(), &fake);
        assert!(mirror.chat(Ask::new("gpt-x"), &"x".into()).await.is_err());
        assert_eq!(fake.head().0, format!("http://127.0.0.1:1/v1/{path}"));
    }
    for (api, words) in [(json!("completions"), "neither"), (json!(1), "is not a text")] {
        let error = settings(api).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn items_that_nobody_needs_may_have_any_form() {
    let reply = answer(
        r#"{"status":"completed","output":[
        {"type":"tool_search_call","arguments":{"paths":["tools"]},"call_id":null,"execution":"server"},
        {"type":"tool_search_output","tools":[{}],"content":7},
        {"type":"of_tomorrow","name":[1],"summary":"x"},
        {"type":"custom_tool_call","call_id":"c1","name":"sql","input":"SELECT 1"},
        {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"}]}"#,
    )
    .await
    .unwrap();
    assert_eq!(reply.finish, FinishReason::ToolCalls);
    assert_eq!(reply.tool_calls, [ToolCall::new("c1", "sql", "SELECT 1"), ToolCall::new("c2", "f", "{}")]);
    assert_eq!(reply.other, ["of_tomorrow"]);
}

#[tokio::test]
async fn a_response_without_text_says_what_it_held() {
    for name in ["apply_patch_call", "shell_call", "mcp_approval_request", "image_generation_call"] {
        let body = format!(
            r#"{{"status":"completed","output":[{{"type":"web_search_call"}},{{"type":"{name}"}}]}}"#
        );
        let error = answer(&body).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(error.message().ends_with(&format!("pass on: {name}")) && !error.facts().comeback, "{error}");
    }
    let error = answer(r#"{"status":"completed","output":[{"type":"web_search_call"}]}"#).await.unwrap_err();
    assert_eq!(error.message(), "the answer is empty");
}

#[tokio::test]
async fn tools_whose_calls_wait_for_somebody_are_not_offered() {
    let with = |tool: Value| {
        let mut overrides = Overrides::default();
        overrides.extra_body.insert("tools".to_owned(), json!([{ "type": "web_search" }, tool]));
        overrides
    };
    let question = ChatRequest::user("hello");
    for tool in [
        json!({ "type": "apply_patch" }),
        json!({ "type": "local_shell" }),
        json!({ "type": "shell" }),
        json!({ "type": "mcp", "server_url": "https://a.example" }),
        json!({ "type": "mcp", "require_approval": "always" }),
    ] {
        let error = unsent(&question, &with(tool.clone())).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{tool}");
        assert!(error.message().contains(tool["type"].as_str().unwrap()), "{error}");
    }
    for tool in [
        json!({ "type": "mcp", "require_approval": "never" }),
        json!({ "type": "shell", "environment": { "type": "container_auto" } }),
        json!({ "type": "custom", "name": "sql" }),
        json!({ "type": "image_generation" }),
    ] {
        let (fake, overrides) = (Arc::new(Fake::new(200, HEALTHY)), with(tool));
        let ask = Ask::new("gpt-x").with_overrides(&overrides);
        assert!(with_responses(&fake).chat(ask, &question).await.is_ok());
    }
}

fn with_responses(fake: &Arc<Fake>) -> backstop_providers::openai::OpenAi {
    with(config(), fake)
}

#[tokio::test]
async fn a_custom_call_of_a_tool_that_nobody_offered_is_the_services_own() {
    let call =
        |name: &str| format!(r#"{{"type":"custom_tool_call","call_id":"c1","name":"{name}","input":"x"}}"#);
    let text = r#"{"type":"message","content":[{"type":"output_text","text":"hi"}]}"#;
    for (tools, name, calls) in [
        (r#"[{"type":"x_search"}]"#, "x_keyword_search", 0),
        (r#"[{"type":"x_search"},{"type":"custom","name":"sql"}]"#, "x_keyword_search", 0),
        (r#"[{"type":"x_search"},{"type":"custom","name":"sql"}]"#, "sql", 1),
        ("null", "sql", 1),
    ] {
        let body = format!(r#"{{"status":"completed","tools":{tools},"output":[{},{text}]}}"#, call(name));
        let reply = answer(&body).await.unwrap();
        assert_eq!((&*reply.text, reply.tool_calls.len()), ("hi", calls), "{tools} {name}");
    }
}
