//! Thinking: how each model is asked for it, what it refuses meanwhile, and what goes back of it.

use std::sync::Arc;

use backstop_core::chat::{
    AssistantMessage, ChatReply, ChatRequest, Effort, Message, ReasoningRequest, Sealed, Tool, ToolCall,
    ToolChoice,
};
use backstop_core::{Ask, Overrides, Provider, Settings};
use backstop_providers::anthropic::AnthropicConfig;
use serde_json::{Value, json};

use crate::scene::{
    KEY, MODEL, answer, begin, collect, delta, message, sent, sent_as, sent_to, stop, stream, unsupported,
    whole, with,
};

const BUDGET: &str = "claude-haiku-4-5-20251001";

fn asking(effort: impl Into<Option<Effort>>) -> ChatRequest {
    let mut reasoning = ReasoningRequest::default();
    reasoning.effort = effort.into();
    ChatRequest::user("x").with_reasoning(reasoning)
}

#[tokio::test]
async fn the_models_name_says_how_it_is_asked_to_think() {
    for adaptive in [
        "claude-x",
        "claude-opus-4-6",
        "claude-sonnet-4.6",
        "claude-opus-4-8-20260401",
        "claude-haiku-5-5",
        "claude-fable-5",
        "claude-mythos-preview",
        "Claude-Opus-5",
        "anthropic/claude-sonnet-5",
    ] {
        let body = sent_to(adaptive, &asking(Effort::High)).await;
        assert_eq!(body["thinking"], json!({ "type": "adaptive", "display": "summarized" }), "{adaptive}");
        assert_eq!(body["output_config"], json!({ "effort": "high" }), "{adaptive}");
    }
    for budget in [
        BUDGET,
        "claude-opus-4-5",
        "claude-sonnet-4-20250514",
        "claude-opus-4-1@20250805",
        "claude-3-7-sonnet-20250219",
        "qwen3:8b",
        "gpt-oss-120b",
    ] {
        let body = sent_to(budget, &asking(Effort::High)).await;
        assert_eq!(body["thinking"], json!({ "type": "enabled", "budget_tokens": 16384 }), "{budget}");
        assert!(body.get("output_config").is_none(), "{budget}");
    }
}

#[tokio::test]
async fn a_setting_says_it_where_the_name_does_not() {
    for (word, model, sort) in [("adaptive", "best-model", "adaptive"), ("budget", "claude-next", "enabled")]
    {
        let mut settings = Settings::new("mirror", backstop_core::Env::empty());
        settings.api_key = Some(KEY.into());
        settings.options = json!({ "thinking": word }).as_object().unwrap().clone();
        let config = AnthropicConfig::from_settings(settings).unwrap();
        let body = sent_as(config, model, &asking(Effort::Low), &Overrides::default()).await;
        assert_eq!(body["thinking"]["type"], sort);
    }
}

#[tokio::test]
async fn every_effort_has_its_word_or_its_number() {
    for (effort, word, tokens) in [
        (Some(Effort::Minimal), json!({ "effort": "low" }), 1024),
        (Some(Effort::Low), json!({ "effort": "low" }), 2048),
        (Some(Effort::Medium), json!({ "effort": "medium" }), 8192),
        (Some(Effort::High), json!({ "effort": "high" }), 16384),
        (None, Value::Null, 8192),
    ] {
        let body = sent_to(MODEL, &asking(effort)).await;
        assert_eq!(
            (&body["output_config"], &body["max_tokens"]),
            (&word, &json!(8192 + tokens)),
            "{effort:?}"
        );
        let body = sent_to(BUDGET, &asking(effort)).await;
        assert_eq!(
            (&body["thinking"]["budget_tokens"], &body["max_tokens"]),
            (&json!(tokens), &json!(8192 + tokens)),
            "{effort:?}"
        );
    }
}

#[tokio::test]
async fn no_effort_switches_thinking_off_where_that_can_be_told() {
    for model in [MODEL, BUDGET, "qwen3"] {
        let body = sent_to(model, &asking(Effort::None)).await;
        assert_eq!((&body["thinking"], &body["max_tokens"]), (&json!({ "type": "disabled" }), &json!(8192)));
        assert!(body.get("output_config").is_none());
    }
    for model in ["claude-fable-5-1", "claude-mythos-preview"] {
        let body = sent_to(model, &asking(Effort::None)).await;
        assert_eq!((body.get("thinking"), &body["output_config"]), (None, &json!({ "effort": "low" })));
    }
    assert!(sent(&ChatRequest::user("x")).await.get("thinking").is_none(), "nobody said anything");
}

#[tokio::test]
async fn a_budget_leaves_room_for_the_answer() {
    for (model, limit, budget) in [
        (BUDGET, 1025, 1024),
        (BUDGET, 4000, 2000),
        (BUDGET, 100_000, 16384),
        ("qwen3", 100, 50),
        ("qwen3", 1, 1),
    ] {
        let request = asking(Effort::High).with_max_output_tokens(limit);
        let body = sent_to(model, &request).await;
        assert_eq!(
            (&body["thinking"]["budget_tokens"], &body["max_tokens"]),
            (&json!(budget), &json!(limit))
        );
    }
    unsupported(BUDGET, &asking(Effort::Low).with_max_output_tokens(1024), "1024 tokens").await;
    assert_eq!(sent_to(MODEL, &asking(Effort::Low).with_max_output_tokens(64)).await["max_tokens"], 64);
}

#[tokio::test]
async fn what_claude_refuses_while_it_thinks_is_not_sent() {
    let tool = |choice| asking(Effort::Low).with_tool(Tool::new("t", "", json!({}))).with_tool_choice(choice);
    for model in [MODEL, BUDGET] {
        unsupported(model, &asking(Effort::Low).with_temperature(0.5), "temperature").await;
        unsupported(model, &asking(Effort::Low).with_top_p(0.5), "top_p").await;
        assert_eq!(sent_to(model, &asking(Effort::None).with_temperature(0.5)).await["temperature"], 0.5);
    }
    for choice in [ToolChoice::Required, ToolChoice::Named("t".to_owned())] {
        unsupported(BUDGET, &tool(choice.clone()), "tool").await;
        assert!(sent_to(MODEL, &tool(choice)).await.get("tool_choice").is_some(), "adaptively it may");
    }
    assert_eq!(sent_to("qwen3", &asking(Effort::Low).with_temperature(0.5)).await["temperature"], 0.5);
}

/// The request goes on with calls of tools that began with this message.
fn going_on(first: AssistantMessage) -> ChatRequest {
    let calls = |id: &str| AssistantMessage::default().with_tool_calls([ToolCall::new(id, "t", "{}")]);
    ChatRequest::new([
        Message::user("x"),
        Message::assistant("y"),
        Message::user("z"),
        Message::Assistant(first),
        Message::tool("a", "1"),
        Message::Assistant(calls("b")),
        Message::tool("b", "2"),
    ])
    .with_reasoning(ReasoningRequest::effort(Effort::Low))
}

#[tokio::test]
async fn claude_with_a_budget_does_not_begin_to_think_between_calls() {
    let calling = AssistantMessage::default().with_tool_calls([ToolCall::new("a", "t", "{}")]);
    let mut thought = calling.clone();
    let block = json!({ "type": "thinking", "thinking": "hm", "signature": "s" });
    thought.sealed.push(Sealed::new("anthropic", BUDGET, json!({ "text": 0, "calls": 0, "block": block })));
    unsupported(BUDGET, &going_on(calling.clone()), "between calls").await;
    assert_eq!(sent_to(BUDGET, &going_on(thought.clone())).await["thinking"]["type"], "enabled");
    // What another model thought is nothing it could go on from.
    unsupported("claude-opus-4-5", &going_on(thought), "between calls").await;
    let answered = going_on(calling.clone())
        .with_message(Message::assistant("Done."))
        .with_message(Message::user("and then?"));
    for (model, request) in
        [(MODEL, going_on(calling.clone())), ("qwen3", going_on(calling)), (BUDGET, answered)]
    {
        assert!(sent_to(model, &request).await.get("thinking").is_some(), "{model}");
    }
}

const BLOCKS: [&str; 7] = [
    r#"{"type":"thinking","thinking":"Grüße ","signature":"sig-1"}"#,
    r#"{"type":"text","text":"Ich sehe nach. 🦊"}"#,
    r#"{"type":"redacted_thinking","data":"opaque"}"#,
    r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"fox"}}"#,
    r#"{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Rome"}}"#,
    r#"{"type":"thinking","thinking":"hm","signature":"sig-2"}"#,
    r#"{"type":"tool_use","id":"toolu_2","name":"time","input":{}}"#,
];

/// The next request after this reply, with results of the tools.
fn next(reply: ChatReply) -> ChatRequest {
    ChatRequest::new([
        Message::user("x"),
        reply.into_message(),
        Message::tool("toolu_1", "sunny"),
        Message::tool("toolu_2", "noon"),
    ])
}

async fn whole_reply() -> ChatReply {
    answer(message(&format!("[{}]", BLOCKS.join(",")), "tool_use")).await.unwrap()
}

async fn streamed_reply() -> ChatReply {
    let data = [
        begin(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"Grü"}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"ße "}"#),
        delta(0, r#"{"type":"signature_delta","signature":"sig-1"}"#),
        stop(0),
        begin(1, r#"{"type":"text","text":"Ich"}"#),
        delta(1, r#"{"type":"text_delta","text":" sehe nach. 🦊"}"#),
        stop(1),
        begin(2, BLOCKS[2]),
        stop(2),
        begin(3, r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}"#),
        delta(3, r#"{"type":"input_json_delta","partial_json":"{\"query\":"}"#),
        delta(3, r#"{"type":"input_json_delta","partial_json":"\"fox\"}"}"#),
        stop(3),
        begin(4, r#"{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}"#),
        delta(4, r#"{"type":"input_json_delta","partial_json":"{\"city\":\"Rome\"}"}"#),
        stop(4),
        begin(5, r#"{"type":"thinking","thinking":"hm","signature":"sig-2"}"#),
        stop(5),
        begin(6, r#"{"type":"tool_use","id":"toolu_2","name":"time","input":{}}"#),
        stop(6),
    ];
    let (told, error) = stream(whole(&data, "tool_use")).await;
    assert!(error.is_none(), "{error:?}");
    collect(&told)
}

#[tokio::test]
async fn what_only_the_model_can_read_goes_back_to_where_it_was() {
    let blocks: Vec<Value> = BLOCKS.iter().map(|block| serde_json::from_str(block).unwrap()).collect();
    for reply in [whole_reply().await, streamed_reply().await] {
        assert_eq!(reply.reasoning.as_deref(), Some("Grüße hm"));
        assert_eq!(reply.text, "Ich sehe nach. 🦊");
        assert_eq!(reply.sealed.len(), 4);
        assert!(reply.sealed.iter().all(|sealed| sealed.provider == "anthropic" && sealed.model == MODEL));
        let body = sent(&next(reply)).await;
        assert_eq!(body["messages"][1], json!({ "role": "assistant", "content": blocks }));
    }
}

#[tokio::test]
async fn it_survives_being_written_down() {
    let Message::Assistant(message) = whole_reply().await.into_message() else {
        panic!("an assistant message")
    };
    let written = serde_json::to_string(&message).unwrap();
    let read: AssistantMessage = serde_json::from_str(&written).unwrap();
    let request = ChatRequest::new([Message::user("x"), Message::Assistant(read)]);
    assert_eq!(sent(&request).await["messages"][1]["content"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn nobody_else_gets_it() {
    let plain = json!([
        { "type": "text", "text": "Ich sehe nach. 🦊" },
        { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Rome" } },
        { "type": "tool_use", "id": "toolu_2", "name": "time", "input": {} },
    ]);
    let request = next(whole_reply().await);
    assert_eq!(sent_to("claude-other", &request).await["messages"][1]["content"], plain);
    let elsewhere = AnthropicConfig::new(KEY).with_name("mirror");
    let body = sent_as(elsewhere, MODEL, &request, &Overrides::default()).await;
    assert_eq!(body["messages"][1]["content"], plain);
}

#[tokio::test]
async fn a_place_that_is_no_more_costs_nothing_but_the_order() {
    let block = json!({ "type": "thinking", "thinking": "t", "signature": "s" });
    let mut message = AssistantMessage::default();
    message.text = "üü".to_owned();
    for (data, content) in [
        (json!({ "text": 2, "calls": 0, "block": block }), json!(["ü", "t", "ü"])),
        (json!({ "text": 1, "calls": 0, "block": block }), json!(["t", "üü"])),
        (json!({ "text": 99, "calls": 9, "block": block }), json!(["üü", "t"])),
        (json!({ "text": -1, "block": block }), json!(["t", "üü"])),
        (json!({ "text": "x", "calls": null, "block": block }), json!(["t", "üü"])),
        (json!({ "block": "odd" }), json!(["üü"])),
        (json!([1]), json!(["üü"])),
    ] {
        message.sealed = vec![Sealed::new("anthropic", MODEL, data.clone())];
        let request = ChatRequest::new([Message::user("x"), Message::Assistant(message.clone())]);
        let body = sent(&request).await;
        let word = |block: &Value| block.get("text").or(block.get("thinking")).unwrap().clone();
        let told: Vec<_> = body["messages"][1]["content"].as_array().unwrap().iter().map(word).collect();
        assert_eq!(Value::from(told), content, "{data}");
    }
}

#[tokio::test]
async fn thoughts_that_nobody_signed_are_told_and_do_not_go_back() {
    let unsigned = r#"[{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"hi"}]"#;
    let reply = answer(message(unsigned, "end_turn")).await.unwrap();
    assert_eq!((reply.reasoning.as_deref(), reply.sealed.len()), (Some("hm"), 0));
    let data = [
        begin(0, r#"{"type":"thinking","thinking":""}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"hm"}"#),
        delta(0, r#"{"type":"signature_delta","signature":""}"#),
        stop(0),
        begin(1, r#"{"type":"text","text":"hi"}"#),
    ];
    let reply = collect(&stream(whole(&data, "end_turn")).await.0);
    assert_eq!((reply.reasoning.as_deref(), reply.sealed.len()), (Some("hm"), 0));
}

#[tokio::test]
async fn thoughts_that_are_kept_back_go_back_signed() {
    let omitted = r#"[{"type":"thinking","thinking":"","signature":"s"},{"type":"text","text":"hi"}]"#;
    let reply = answer(message(omitted, "end_turn")).await.unwrap();
    assert_eq!((reply.reasoning, reply.sealed.len()), (None, 1));
}

#[tokio::test]
async fn a_block_that_changes_in_unknown_ways_does_not_go_back() {
    let data = [
        begin(0, r#"{"type":"compaction","content":""}"#),
        delta(0, r#"{"type":"compaction_delta","content":"…"}"#),
        stop(0),
        begin(1, r#"{"type":"server_tool_use","id":"s","name":"n","input":{}}"#),
        delta(1, r#"{"type":"input_json_delta","partial_json":"{broken"}"#),
        stop(1),
        begin(2, r#"{"type":"text","text":"hi"}"#),
    ];
    let (told, error) = stream(whole(&data, "end_turn")).await;
    assert!(error.is_none(), "{error:?}");
    let reply = collect(&told);
    assert_eq!((&*reply.text, reply.sealed.len()), ("hi", 0));
}

#[tokio::test]
async fn thoughts_without_end_are_told_and_not_sealed() {
    let mebibyte = "x".repeat(1 << 20);
    let mut data = vec![begin(0, r#"{"type":"thinking","thinking":""}"#)];
    data.extend((0..9).map(|_| delta(0, &format!(r#"{{"type":"thinking_delta","thinking":"{mebibyte}"}}"#))));
    data.extend([delta(0, r#"{"type":"signature_delta","signature":"s"}"#), stop(0)]);
    data.push(begin(1, r#"{"type":"text","text":"hi"}"#));
    let fake = Arc::new(whole(&data, "end_turn"));
    let begun = with(AnthropicConfig::new(KEY), &fake).chat_stream(Ask::new(MODEL), &"x".into()).await;
    let (told, error) = crate::transport::told(begun).await;
    assert!(error.is_none(), "{error:?}");
    let told_bytes: usize = told
        .iter()
        .map(|event| match event {
            backstop_core::chat::ChatEvent::Reasoning(text) => text.len(),
            _ => 0,
        })
        .sum();
    assert_eq!((told_bytes, collect(&told).sealed.len()), (9 << 20, 0));
}
