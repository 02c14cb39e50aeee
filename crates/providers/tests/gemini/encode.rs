//! What is sent.

use std::sync::Arc;

use backstop_core::chat::{
    ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Tool, ToolCall, ToolChoice,
};
use backstop_core::{Ask, ErrorKind, Needs, Overrides, Provider};
use backstop_providers::gemini::GeminiConfig;
use serde_json::{Value, json};

use crate::asked::{MODEL, healthy, provider, sent, sent_by, told, with};

#[tokio::test]
async fn a_plain_request_holds_nothing_that_was_not_asked_for() {
    let body = sent(&ChatRequest::user("hello")).await;
    assert_eq!(body, json!({ "contents": [{ "role": "user", "parts": [{ "text": "hello" }] }] }));
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let call = ToolCall::new("call_1", "weather", r#"{"city":"Rome", "days": 1.50}"#);
    let Message::Assistant(calling) = Message::assistant("Let me see.") else {
        panic!("an assistant message")
    };
    let request = ChatRequest::new([
        Message::user_parts([
            Part::text("What is this?"),
            Part::image_base64("image/png", "iVBORw0KGgo="),
            Part::Upload(ProviderRef::new("gemini", "files/abc")),
            Part::Upload(ProviderRef::new("gemini", "https://a.example/files/x.pdf")),
        ]),
        Message::Assistant(calling.with_tool_calls([call])),
        Message::tool("call_1", "sunny"),
        Message::assistant("Sunny."),
        Message::user("And tomorrow?"),
    ])
    .with_system("Be brief.")
    .with_tool(Tool::new("weather", "Tells the weather", parameters.clone()))
    .with_tool(Tool::new("now", "", json!({})))
    .with_tool_choice(ToolChoice::Named("weather".to_owned()))
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
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "contents": [
                { "role": "user", "parts": [
                    { "text": "What is this?" },
                    { "inlineData": { "mimeType": "image/png", "data": "iVBORw0KGgo=" } },
                    { "fileData": { "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc" } },
                    { "fileData": { "mimeType": "application/pdf", "fileUri": "https://a.example/files/x.pdf" } },
                ] },
                { "role": "model", "parts": [
                    { "text": "Let me see." },
                    {
                        "functionCall": { "id": "call_1", "name": "weather", "args": { "city": "Rome", "days": 1.5 } },
                        "thoughtSignature": "skip_thought_signature_validator",
                    },
                ] },
                { "role": "user", "parts": [
                    { "functionResponse": { "id": "call_1", "name": "weather", "response": { "result": "sunny" } } },
                ] },
                { "role": "model", "parts": [{ "text": "Sunny." }] },
                { "role": "user", "parts": [{ "text": "And tomorrow?" }] },
            ],
            "tools": [{ "functionDeclarations": [
                { "name": "weather", "description": "Tells the weather", "parametersJsonSchema": parameters },
                { "name": "now" },
            ] }],
            "toolConfig": { "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["weather"] } },
            "generationConfig": {
                "temperature": 0.2,
                "topP": 0.9,
                "maxOutputTokens": 100,
                "stopSequences": ["END"],
                "seed": 7,
                "responseMimeType": "application/json",
                "responseJsonSchema": { "type": "object" },
                "thinkingConfig": { "thinkingLevel": "LOW", "includeThoughts": true },
            },
        })
    );
}

#[tokio::test]
async fn the_model_and_the_method_are_in_the_url_and_the_key_is_not() {
    for (model, path) in [
        ("gemini-x", "models/gemini-x"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("a b?key=1#x", "models/a%20b%3Fkey%3D1%23x"),
    ] {
        let fake = Arc::new(healthy());
        provider(&fake).chat(Ask::new(model), &"x".into()).await.unwrap();
        let (url, headers) = fake.head();
        assert_eq!(url, format!("https://generativelanguage.googleapis.com/v1beta/{path}:generateContent"));
        assert_eq!(headers["x-goog-api-key"], crate::asked::KEY);
        assert!(headers["x-goog-api-key"].is_sensitive() && !headers.contains_key("authorization"));
        assert_eq!(headers["accept"], "application/json");
    }
    let fake = Arc::new(healthy());
    let config = GeminiConfig::new("none").with_api_version("v1");
    drop(told(with(config, &fake).chat_stream(Ask::new(MODEL), &"x".into()).await).await);
    let (url, headers) = fake.head();
    assert_eq!(
        url,
        "https://generativelanguage.googleapis.com/v1/models/gemini-x:streamGenerateContent?alt=sse"
    );
    assert!(!headers.contains_key("x-goog-api-key") && headers["accept"] == "text/event-stream");

    let fake = Arc::new(healthy());
    let error = provider(&fake).chat(Ask::new("../../v1/x"), &"x".into()).await.unwrap_err();
    assert_eq!((error.kind(), fake.count()), (ErrorKind::ModelNotFound, 0), "{error}");
}

#[tokio::test]
async fn choices_of_tools_have_their_modes() {
    let tool = Tool::new("t", "", json!({ "type": "object" }));
    let mut strict = tool.clone();
    strict.strict = true;
    let with = |tool: &Tool, choice| ChatRequest::user("x").with_tool(tool.clone()).with_tool_choice(choice);
    for (request, config) in [
        (with(&tool, ToolChoice::Auto), Value::Null),
        (with(&strict, ToolChoice::Auto), json!({ "functionCallingConfig": { "mode": "VALIDATED" } })),
        (with(&tool, ToolChoice::None), json!({ "functionCallingConfig": { "mode": "NONE" } })),
        (with(&tool, ToolChoice::Required), json!({ "functionCallingConfig": { "mode": "ANY" } })),
        (ChatRequest::user("x").with_tool_choice(ToolChoice::None), Value::Null),
    ] {
        assert_eq!(sent(&request).await["toolConfig"], config);
    }
}

#[tokio::test]
async fn effort_is_a_level_or_a_budget_as_the_model_takes_it() {
    let none = Overrides::default();
    let efforts = [
        None,
        Some(Effort::None),
        Some(Effort::Minimal),
        Some(Effort::Low),
        Some(Effort::Medium),
        Some(Effort::High),
    ];
    let level = |level: &str| json!({ "thinkingLevel": level, "includeThoughts": true });
    let budget = |budget: u32| json!({ "thinkingBudget": budget, "includeThoughts": true });
    let thoughts = json!({ "includeThoughts": true });
    for (model, configs) in [
        (
            "gemini-3.5-flash",
            [
                thoughts.clone(),
                json!({ "thinkingLevel": "MINIMAL" }),
                level("MINIMAL"),
                level("LOW"),
                level("MEDIUM"),
                level("HIGH"),
            ],
        ),
        (
            "gemini-3.1-pro-preview",
            [
                thoughts.clone(),
                json!({ "thinkingLevel": "LOW" }),
                level("LOW"),
                level("LOW"),
                level("MEDIUM"),
                level("HIGH"),
            ],
        ),
        (
            "models/gemini-2.5-flash",
            [
                thoughts.clone(),
                json!({ "thinkingBudget": 0 }),
                budget(512),
                budget(1024),
                budget(8192),
                budget(24_576),
            ],
        ),
        (
            "gemini-2.5-pro",
            [
                thoughts.clone(),
                json!({ "thinkingBudget": 128 }),
                budget(512),
                budget(1024),
                budget(8192),
                budget(24_576),
            ],
        ),
        (
            "gemma-4-31b",
            [thoughts, Value::Null, level("MINIMAL"), level("LOW"), level("MEDIUM"), level("HIGH")],
        ),
    ] {
        for (effort, config) in efforts.iter().zip(configs) {
            let mut reasoning = ReasoningRequest::default();
            reasoning.effort = *effort;
            let request = ChatRequest::user("x").with_reasoning(reasoning);
            let body = sent_by(model, &request, &none).await.unwrap();
            assert_eq!(body["generationConfig"]["thinkingConfig"], config, "{model} {effort:?}");
        }
    }
    // One that cannot think is asked all the same not to.
    let not = ChatRequest::user("x").with_reasoning(ReasoningRequest::effort(Effort::None));
    assert!(sent_by("gemini-2.0-flash", &not, &none).await.unwrap().get("generationConfig").is_none());
    let think = ChatRequest::user("x").with_reasoning(ReasoningRequest::default());
    let error = sent_by("gemini-2.0-flash", &think, &none).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn extra_fields_replace_and_the_table_of_settings_is_filled_up() {
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("generationConfig".to_owned(), json!({ "topK": 5, "temperature": 0.1 }));
    overrides
        .extra_body
        .insert("safetySettings".to_owned(), json!([{ "category": "c", "threshold": "OFF" }]));
    let request = ChatRequest::user("x").with_temperature(0.9).with_max_output_tokens(3);
    let body = sent_by(MODEL, &request, &overrides).await.unwrap();
    assert_eq!(body["generationConfig"], json!({ "topK": 5, "temperature": 0.1, "maxOutputTokens": 3 }));
    assert_eq!(body["safetySettings"][0]["threshold"], "OFF");
    let plain = sent_by(MODEL, &ChatRequest::user("x"), &overrides).await.unwrap();
    assert_eq!(plain["generationConfig"], json!({ "topK": 5, "temperature": 0.1 }));
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let stops = |n| (0..n).fold(ChatRequest::user("x"), |request, n: u32| request.with_stop(n.to_string()));
    assert_eq!(sent(&stops(5)).await["generationConfig"]["stopSequences"], json!(["0", "1", "2", "3", "4"]));
    assert_eq!(
        sent(&ChatRequest::user("x").with_seed(2_147_483_647)).await["generationConfig"]["seed"],
        2_147_483_647
    );
    let mut previous = ChatRequest::user("x");
    previous.previous = Some(ProviderRef::new("gemini", "resp_1"));
    let mut one_by_one = ChatRequest::user("x").with_tool(Tool::new("t", "", json!({})));
    one_by_one.parallel_tool_calls = Some(false);
    for (request, words) in [
        (stops(6), "5 stop texts"),
        (ChatRequest::user("x").with_seed(2_147_483_648), "seeds"),
        (previous, "earlier responses"),
        (one_by_one, "one tool at a time"),
        (ChatRequest::user("x").with_temperature(f64::NAN), "temperature"),
        (ChatRequest::user("x").with_top_p(f64::INFINITY), "top_p"),
        (
            ChatRequest::new([Message::user_parts([Part::image_url("https://a.example/cat.png")])]),
            "image URLs",
        ),
        (
            ChatRequest::new([Message::user_parts([Part::Upload(ProviderRef::new("vertex", "x"))])]),
            "vertex only",
        ),
        (ChatRequest::new([Message::system("Be brief.")]), "beside system messages"),
        (ChatRequest::default(), "beside system messages"),
        (ChatRequest::user("x").with_message(Message::tool("call_9", "y")), "names"),
    ] {
        let error = sent_by(MODEL, &request, &Overrides::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    // Without tools there is nothing to call at once.
    let mut nothing = ChatRequest::user("x");
    nothing.parallel_tool_calls = Some(false);
    assert!(sent(&nothing).await.get("toolConfig").is_none());
}

#[test]
fn the_capabilities_say_the_same() {
    let provider = provider(&Arc::new(healthy()));
    let able = |model| provider.capabilities(model);
    let url = ChatRequest::new([Message::user_parts([Part::image_url("https://a.example/cat.png")])]);
    assert!(Needs::of(&url).unmet_by(&able(MODEL), "gemini").is_some());
    let think = ChatRequest::user("x").with_reasoning(ReasoningRequest::default());
    assert!(Needs::of(&think).unmet_by(&able(MODEL), "gemini").is_none());
    assert!(Needs::of(&think).unmet_by(&able("gemini-2.0-flash"), "gemini").is_some());
    assert_eq!(able(MODEL).embed_batch, Some(100));
    assert!(!able(MODEL).complete && able(MODEL).images && able(MODEL).json_schema);
}
