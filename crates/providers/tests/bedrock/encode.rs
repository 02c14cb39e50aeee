//! What is sent.

use std::sync::Arc;

use backstop_core::chat::{
    ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Tool, ToolCall, ToolChoice,
};
use backstop_core::completion::CompletionRequest;
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Ask, ErrorKind, Needs, Overrides, Provider};
use serde_json::{Value, json};

use crate::scene::{CLAUDE, KEY, MODEL, OLDER_CLAUDE, healthy, provider, sent, sent_to, unsent};

fn tool(name: &str) -> Tool {
    Tool::new(name, "does", json!({ "type": "object", "properties": { "x": { "type": "integer" } } }))
}

#[tokio::test]
async fn a_plain_question() {
    let fake = Arc::new(healthy());
    provider(&fake).chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap();
    assert_eq!(fake.body(), json!({ "messages": [{ "role": "user", "content": [{ "text": "hello" }] }] }));
    let (url, headers) = fake.head();
    assert_eq!(url, "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse");
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(
        (&headers["content-type"], &headers["accept"]),
        (&headers["accept"], &headers["content-type"])
    );
    assert_eq!(headers["accept"], "application/json");
}

#[tokio::test]
async fn a_stream_is_asked_for_at_a_path_of_its_own() {
    let fake = Arc::new(healthy());
    let model = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x";
    drop(provider(&fake).chat_stream(Ask::new(model), &ChatRequest::user("hello")).await.unwrap());
    let (url, headers) = fake.head();
    assert_eq!(
        url,
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/\
         arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse-stream"
    );
    assert_eq!(headers["accept"], "application/vnd.amazon.eventstream");
    assert_eq!(fake.body(), json!({ "messages": [{ "role": "user", "content": [{ "text": "hello" }] }] }));
}

#[tokio::test]
async fn no_model_leaves_its_segment_of_the_path() {
    for model in ["", ".", ".."] {
        let (kind, _) = unsent(model, &ChatRequest::user("x")).await;
        assert_eq!(kind, ErrorKind::ModelNotFound);
    }
}

#[tokio::test]
async fn everything_a_request_can_hold() {
    let mut strict = tool("g");
    strict.strict = true;
    strict.description = String::new();
    let request = ChatRequest::new([
        Message::system("Be brief."),
        Message::user_parts([Part::text("See"), Part::image_base64("image/png", "AAAA")]),
    ])
    .with_tool(tool("f"))
    .with_tool(strict)
    .with_tool_choice(ToolChoice::Named("f".to_owned()))
    .with_format(Format::json_schema("city", json!({ "type": "object", "properties": {} })))
    .with_max_output_tokens(64)
    .with_temperature(0.5)
    .with_top_p(0.9)
    .with_stop("END");
    let schema = json!({ "json": { "type": "object", "properties": { "x": { "type": "integer" } } } });
    let mut closed = schema.clone();
    closed["json"]["additionalProperties"] = json!(false);
    assert_eq!(
        sent(&request).await,
        json!({
            "system": [{ "text": "Be brief." }],
            "messages": [{ "role": "user", "content": [
                { "text": "See" },
                { "image": { "format": "png", "source": { "bytes": "AAAA" } } },
            ] }],
            "inferenceConfig": { "maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"] },
            "toolConfig": {
                "tools": [
                    { "toolSpec": { "name": "f", "description": "does", "inputSchema": schema } },
                    { "toolSpec": { "name": "g", "inputSchema": closed, "strict": true } },
                ],
                "toolChoice": { "tool": { "name": "f" } },
            },
            "outputConfig": { "textFormat": { "type": "json_schema", "structure": {
                "jsonSchema": { "name": "city", "schema": "{\"additionalProperties\":false,\"type\":\"object\"}" },
            } } },
        })
    );
}

#[tokio::test]
async fn a_seed_is_left_out_and_a_schema_says_that_it_is_of_an_object() {
    let bare = Tool::new("f", "does", json!({ "properties": {} }));
    let body = sent(&ChatRequest::user("x").with_seed(1).with_tool(bare)).await;
    let schema = body.pointer("/toolConfig/tools/0/toolSpec/inputSchema/json").unwrap();
    assert_eq!(*schema, json!({ "type": "object", "properties": {} }));
    assert!(!body.to_string().contains("seed"), "{body}");
}

#[tokio::test]
async fn images_of_four_types_are_sent() {
    for (media_type, format) in [
        ("image/png", "png"),
        ("image/jpeg", "jpeg"),
        ("IMAGE/JPG", "jpeg"),
        ("image/gif", "gif"),
        ("image/webp", "webp"),
    ] {
        let image = Message::user_parts([Part::image_base64(media_type, "AAAA")]);
        let body = sent(&ChatRequest::new([image])).await;
        assert_eq!(body.pointer("/messages/0/content/0/image/format").unwrap(), format);
    }
}

fn with_call() -> ChatRequest {
    let called = |id: &str, name: &str| {
        let message = backstop_core::chat::AssistantMessage::default();
        Message::Assistant(message.with_tool_calls([ToolCall::new(id, name, "{}")]))
    };
    ChatRequest::new([
        Message::user("x"),
        called("c1", "f"),
        Message::tool("c1", "1"),
        called("c2", "g"),
        Message::tool("c2", "2"),
        called("c3", "f"),
        Message::tool("c3", "3"),
    ])
}

#[tokio::test]
async fn tools_may_must_or_must_not_be_called() {
    let asked = ChatRequest::user("x").with_tool(tool("f"));
    for (choice, expected) in [(ToolChoice::Auto, Value::Null), (ToolChoice::Required, json!({ "any": {} }))]
    {
        let body = sent(&asked.clone().with_tool_choice(choice)).await;
        assert_eq!(body["toolConfig"]["toolChoice"], expected);
        assert_eq!(body["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    }
    let body = sent(&asked.clone().with_tool_choice(ToolChoice::None)).await;
    assert!(body.get("toolConfig").is_none(), "{body}");
    let without = sent(&ChatRequest::user("x").with_tool_choice(ToolChoice::None)).await;
    assert!(without.get("toolConfig").is_none(), "{without}");
    let (kind, told) = unsent(MODEL, &ChatRequest::user("x").with_tool_choice(ToolChoice::Required)).await;
    assert!(kind == ErrorKind::Unsupported && told.contains("there is none"), "{told}");
}

#[tokio::test]
async fn tools_that_were_called_are_named_where_the_request_offers_none() {
    let body = sent(&with_call()).await;
    let names: Vec<_> = body["toolConfig"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| (&tool["toolSpec"]["name"], &tool["toolSpec"]["inputSchema"]["json"]["type"]))
        .collect();
    assert_eq!(names, [(&json!("f"), &json!("object")), (&json!("g"), &json!("object"))]);
    // Of a result without its call, not even the name is known.
    let orphan = sent(&ChatRequest::new([Message::tool("c1", "1")])).await;
    assert_eq!(orphan["toolConfig"]["tools"][0]["toolSpec"]["name"], "tool");
    // What the request offers is all that is offered.
    let offered = sent(&with_call().with_tool(tool("h"))).await;
    assert_eq!(offered["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    for request in [with_call(), with_call().with_tool(tool("f"))] {
        let (kind, told) = unsent(MODEL, &request.with_tool_choice(ToolChoice::None)).await;
        assert!(kind == ErrorKind::Unsupported && told.contains("cannot be kept from"), "{told}");
    }
}

#[tokio::test]
async fn a_model_is_asked_to_think_in_its_own_words() {
    let disabled = json!({ "thinking": { "type": "disabled" } });
    let thinking = |budget: u32| json!({ "thinking": { "type": "enabled", "budget_tokens": budget } });
    let adaptive = |effort: &str| json!({ "thinking": { "type": "adaptive", "display": "summarized" }, "output_config": { "effort": effort } });
    for (model, effort, max, expected) in [
        (OLDER_CLAUDE, None, None, thinking(8_192)),
        (OLDER_CLAUDE, Some(Effort::Minimal), None, thinking(1_024)),
        (OLDER_CLAUDE, Some(Effort::Low), None, thinking(2_048)),
        (OLDER_CLAUDE, Some(Effort::High), None, thinking(16_384)),
        (OLDER_CLAUDE, Some(Effort::High), Some(8_000), thinking(4_000)),
        (OLDER_CLAUDE, Some(Effort::High), Some(1_025), thinking(1_024)),
        (OLDER_CLAUDE, Some(Effort::None), Some(64), disabled.clone()),
        (CLAUDE, None, Some(64), adaptive("high")),
        (CLAUDE, Some(Effort::Minimal), None, adaptive("low")),
        (CLAUDE, Some(Effort::Low), None, adaptive("low")),
        (CLAUDE, Some(Effort::Medium), None, adaptive("medium")),
        (CLAUDE, Some(Effort::High), None, adaptive("high")),
        (CLAUDE, Some(Effort::None), None, disabled),
        (
            "us.anthropic.claude-mythos-preview",
            Some(Effort::None),
            None,
            json!({ "output_config": { "effort": "low" } }),
        ),
        (MODEL, Some(Effort::None), None, Value::Null),
    ] {
        let mut request = ChatRequest::user("x");
        request.max_output_tokens = max;
        request.reasoning = Some(match effort {
            Some(effort) => ReasoningRequest::effort(effort),
            None => ReasoningRequest::default(),
        });
        let body = sent_to(model, &request, &Overrides::default()).await;
        let fields = body.get("additionalModelRequestFields").unwrap_or(&Value::Null);
        assert_eq!(*fields, expected, "{model} {effort:?} {max:?}");
    }
}

#[tokio::test]
async fn what_claude_refuses_while_it_thinks_is_not_sent() {
    let asked = || ChatRequest::user("x").with_reasoning(ReasoningRequest::default());
    let forced = || asked().with_tool(tool("f")).with_tool_choice(ToolChoice::Required);
    let called = backstop_core::chat::AssistantMessage::default();
    let called = Message::Assistant(called.with_tool_calls([ToolCall::new("c1", "f", "{}")]));
    let between = || asked().with_message(called.clone()).with_message(Message::tool("c1", "1"));
    for (request, older_only, word) in [
        (asked().with_temperature(0.5), false, "no temperature but 1"),
        (asked().with_top_p(0.5), false, "top_p below 0.95"),
        (asked().with_max_output_tokens(1_024), true, "at least 1024"),
        (forced(), true, "has to be called"),
        (between(), true, "between calls"),
    ] {
        let (kind, told) = unsent(OLDER_CLAUDE, &request).await;
        assert!(kind == ErrorKind::Unsupported && told.contains(word), "{told}");
        if older_only {
            sent_to(CLAUDE, &request, &Overrides::default()).await;
        } else {
            assert!(unsent(CLAUDE, &request).await.1.contains(word));
        }
    }
    for request in [
        asked().with_temperature(1.0).with_top_p(0.95).with_max_output_tokens(1_025),
        between().with_message(Message::assistant("Done.")).with_message(Message::user("go on")),
    ] {
        let body = sent_to(OLDER_CLAUDE, &request, &Overrides::default()).await;
        assert_eq!(body["additionalModelRequestFields"]["thinking"]["type"], "enabled");
    }
}

#[tokio::test]
async fn what_the_wire_cannot_carry_is_refused_and_not_sent() {
    let image = |part| ChatRequest::new([Message::user_parts([part])]);
    let mut continued = ChatRequest::user("x");
    continued.previous = Some(ProviderRef::new("bedrock", "r1"));
    let mut single = ChatRequest::user("x").with_tool(tool("f"));
    single.parallel_tool_calls = Some(false);
    for (request, word) in [
        (image(Part::image_url("https://a.example/cat.png")), "image URLs"),
        (image(Part::image_base64("image/tiff", "AAAA")), "image/tiff"),
        (image(Part::Upload(ProviderRef::new("openai", "file-1"))), "openai"),
        (ChatRequest::user("x").with_format(Format::Json), "without a schema"),
        (ChatRequest::user("x").with_reasoning(ReasoningRequest::default()), "does not reason"),
        (ChatRequest::user("x").with_temperature(f64::NAN), "temperature"),
        (ChatRequest::user("x").with_top_p(f64::INFINITY), "top_p"),
        (continued, "earlier"),
        (single, "several tools"),
    ] {
        let (kind, told) = unsent(MODEL, &request).await;
        assert!(kind == ErrorKind::Unsupported && told.contains(word), "{told}");
    }
}

#[tokio::test]
async fn extra_fields_replace_and_fill_up_two_tables() {
    let mut overrides = Overrides::default();
    overrides.extra_body = json!({
        "inferenceConfig": { "topP": 0.1 },
        "additionalModelRequestFields": { "top_k": 40 },
        "guardrailConfig": { "guardrailIdentifier": "g", "guardrailVersion": "1" },
        "system": [],
    })
    .as_object()
    .unwrap()
    .clone();
    let request = ChatRequest::user("x")
        .with_system("s")
        .with_temperature(1.0)
        .with_reasoning(ReasoningRequest::effort(Effort::Low));
    let body = sent_to(CLAUDE, &request, &overrides).await;
    assert_eq!(body["inferenceConfig"], json!({ "temperature": 1.0, "topP": 0.1 }));
    assert_eq!(body["additionalModelRequestFields"]["top_k"], 40);
    assert_eq!(body["additionalModelRequestFields"]["thinking"]["type"], "adaptive");
    assert_eq!((&body["guardrailConfig"]["guardrailVersion"], &body["system"]), (&json!("1"), &json!([])));
}

#[tokio::test]
async fn capabilities_agree_with_what_is_sent_and_what_is_not() {
    let fake = Arc::new(healthy());
    let bedrock = provider(&fake);
    let all = ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])])
        .with_tool(tool("t"))
        .with_reasoning(ReasoningRequest::default())
        .with_format(Format::json_schema("a", json!({})));
    let able = bedrock.capabilities(CLAUDE);
    assert!(Needs::of(&all).unmet_by(&able, "bedrock").is_none());
    assert!(Needs::of(&all).streamed().unmet_by(&able, "bedrock").is_none());
    assert!(Needs::of(&all).unmet_by(&bedrock.capabilities(MODEL), "bedrock").is_some());
    assert!(!able.json && !able.image_urls && !able.local && !able.embed);

    let text = CompletionRequest::new("Once");
    let texts = EmbeddingRequest::from("x");
    assert!(Needs::of_completion(&text).unmet_by(&able, "bedrock").is_some());
    assert!(Needs::of_embedding(&texts).unmet_by(&able, "bedrock").is_some());
    let refused = [
        bedrock.complete(Ask::new(MODEL), &text).await.err(),
        bedrock.complete_stream(Ask::new(MODEL), &text).await.err(),
        bedrock.embed(Ask::new(MODEL), &texts).await.err(),
    ];
    for error in refused {
        assert_eq!(error.unwrap().kind(), ErrorKind::Unsupported);
    }
    let titan = "amazon.titan-embed-text-v2:0";
    let able = bedrock.capabilities(titan);
    assert!(able.embed && able.embed_batch == Some(1) && !able.chat && !able.chat_stream && !able.tools);
    let (kind, _) = unsent(titan, &ChatRequest::user("x")).await;
    assert_eq!((kind, fake.count()), (ErrorKind::Unsupported, 0));
}
